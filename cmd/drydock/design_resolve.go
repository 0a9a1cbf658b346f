package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
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

// resolved gets the documents behind an argument.
type resolved func(ctx context.Context, arg string) ([]byte, drydock.Resolution, error)

// resolving adds the options that say how references are resolved to a command.
func (a *app) resolving(cmd *cobra.Command) resolved {
	load := a.optionFlags(cmd, "design-root", "allow-design")
	return func(ctx context.Context, arg string) ([]byte, drydock.Resolution, error) {
		cfg, _, err := load()
		if err != nil {
			return nil, drydock.Resolution{}, err
		}
		ref, roots, err := here(cfg, arg)
		if err != nil {
			return nil, drydock.Resolution{}, err
		}
		cfg.LogLevel = max(cfg.LogLevel, slog.LevelWarn) // what goes well is no news here
		resolver, _, err := newResolver(cfg, roots, newLogger(a.err, cfg))
		if err != nil {
			return nil, drydock.Resolution{}, err
		}
		return resolver.Resolve(ctx, ref)
	}
}

// here returns the reference that an argument stands for, and the folders that file references may point into: for a path the one that the
// file is really in, because whoever runs this command may read it anyway.
func here(cfg config, arg string) (ref string, roots []string, err error) {
	roots, err = cfg.designRoots()
	if err != nil || arg == "" || schemePattern.MatchString(arg) || strings.HasPrefix(strings.ToLower(arg), "file:") {
		return arg, roots, err
	}
	path, err := filepath.Abs(arg)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, fmt.Errorf("%w: %s is neither a file here nor a reference with a scheme such as https://", drydock.ErrNotFound, arg)
	case err != nil:
		return "", nil, fmt.Errorf("%w: %s: %w", drydock.ErrInvalid, arg, err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String(), []string{filepath.Dir(path)}, nil
}

func (a *app) resolveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "resolve REF",
		Short:   "Get a design and tell how it was had",
		Long:    "Gets the documents behind a reference and tells their digest and size, where they came from, after how many tries and in what time.\n\n" + hereHelp,
		Example: "  drydock design resolve site.yaml\n  drydock design resolve --allow-design http=10.0.0.0/8 http://10.0.0.5:8080/site.yaml -o yaml",
		Args:    cobra.ExactArgs(1),
	}
	get := a.resolving(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, r, err := get(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		shown := resolution{r.Ref, r.Digest, r.Size, r.ETag, r.Origin, r.Fetched.UTC().Format(time.RFC3339), r.Attempts, r.Took.Round(10 * time.Microsecond).String()}
		return a.print(shown, func(w io.Writer) {
			columns(w, []string{"reference", shown.Ref}, []string{"sha256", shown.Digest}, []string{"bytes", strconv.FormatInt(shown.Size, 10)},
				[]string{"etag", orDash(shown.ETag)}, []string{"origin", string(shown.Origin)}, []string{"fetched", shown.Fetched},
				[]string{"tries", strconv.Itoa(shown.Attempts)}, []string{"took", shown.Took})
		})
	}
	return cmd
}

// documentsCommand prints documents as they are, whatever the form of output.
func (a *app) documentsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show REF",
		Short:   "Print the documents of a design as they came",
		Long:    "Gets the documents behind a reference and writes them to standard output, byte for byte.\n\n" + hereHelp,
		Example: "  drydock design show https://designs.example/site.yaml > site.yaml",
		Args:    cobra.ExactArgs(1),
	}
	get := a.resolving(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body, _, err := get(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		_, err = a.out.Write(body)
		return err
	}
	return cmd
}

func (a *app) digestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "digest REF",
		Short: "Print the sha256 of a design, and the reference that is pinned to it",
		Long: "Gets the documents behind a reference and prints their digest, and a reference to copy that gives these documents or an error, never others.\n" +
			"If the reference holds secrets, they are not printed: append what is printed as the pin to the reference that you have.\n\n" + hereHelp,
		Example: "  drydock design digest https://designs.example/site.yaml -o json",
		Args:    cobra.ExactArgs(1),
	}
	get := a.resolving(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, r, err := get(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		bare, _, _ := strings.Cut(r.Ref, "#")
		shown := struct {
			Digest string `json:"digest"`
			Pin    string `json:"pin"`
			Pinned string `json:"pinned"` // without secrets
		}{r.Digest, "#sha256=" + r.Digest, bare + "#sha256=" + r.Digest}
		return a.print(shown, func(w io.Writer) {
			columns(w, []string{"sha256", shown.Digest}, []string{"pin", shown.Pin}, []string{"pinned", shown.Pinned})
		})
	}
	return cmd
}
