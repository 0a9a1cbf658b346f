package main

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drydock"
)

const hereHelp = "References are resolved here, by you, with the options that serve has: the configuration file, the environment and flags. A path is a file\n" +
	"that you may read; file:// references are held against --design-root, as those of others are."

// resolution is how design resolve prints what it did.
type resolution struct {
	Ref      string         `json:"ref"`
	Digest   string         `json:"digest"`
	Size     int64          `json:"size"`
	ETag     string         `json:"etag"`
	Origin   drydock.Origin `json:"origin"`
	Fetched  string         `json:"fetched"`
	Attempts int            `json:"attempts"`
	Took     string         `json:"took"`
}

// withSource makes cmd get the design that its argument names and show it; ref is a reference to it without its secrets, empty for standard input.
func (a *app) withSource(cmd *cobra.Command, show func(from *drydock.Resolution, ref string) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	reader := a.designReader(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		source, err := reader.read(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		ref, err := source.reference()
		if err != nil {
			return err
		}
		return show(&source.from, ref)
	}
	return cmd
}

func (a *app) resolveCommand() *cobra.Command {
	return a.withSource(&cobra.Command{
		Use:     "resolve REF|FILE|-",
		Short:   "Get a design and tell how it was had",
		Long:    "Gets the documents behind a reference and tells their digest and size, where they came from, after how many tries and in what time.\n\n" + hereHelp,
		Example: "  drydock design resolve site.yaml\n  drydock design resolve --allow-design http=10.0.0.0/8 http://10.0.0.5:8080/site.yaml -o yaml",
	}, func(r *drydock.Resolution, ref string) error {
		shown := resolution{ref, r.Digest, r.Size, r.ETag, r.Origin, r.Fetched.UTC().Format(time.RFC3339), r.Attempts, r.Took.Round(10 * time.Microsecond).String()}
		return a.print(shown, func(w io.Writer) {
			columns(w, []string{"reference", orDash(shown.Ref)}, []string{"sha256", shown.Digest}, []string{"bytes", strconv.FormatInt(shown.Size, 10)},
				[]string{"etag", orDash(shown.ETag)}, []string{"origin", string(shown.Origin)}, []string{"fetched", shown.Fetched},
				[]string{"tries", strconv.Itoa(shown.Attempts)}, []string{"took", shown.Took})
		})
	})
}

func (a *app) digestCommand() *cobra.Command {
	return a.withSource(&cobra.Command{
		Use:   "digest REF|FILE|-",
		Short: "Print the sha256 of a design, and the reference that is pinned to it",
		Long: "Gets the documents behind a reference and prints their digest, and a reference to copy that gives these documents or an error, never others.\n" +
			"If the reference holds secrets, they are not printed: append what is printed as the pin to the reference that you have.\n\n" + hereHelp,
		Example: "  drydock design digest https://designs.example/site.yaml -o json",
	}, func(r *drydock.Resolution, ref string) error {
		pin, pinned := "#sha256="+r.Digest, ""
		if bare, _, _ := strings.Cut(ref, "#"); bare != "" {
			pinned = bare + pin
		}
		shown := struct {
			Digest string `json:"digest"`
			Pin    string `json:"pin"`
			Pinned string `json:"pinned"` // without secrets; empty for standard input
		}{r.Digest, pin, pinned}
		return a.print(shown, func(w io.Writer) {
			columns(w, []string{"sha256", shown.Digest}, []string{"pin", shown.Pin}, []string{"pinned", orDash(shown.Pinned)})
		})
	})
}
