package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drydock/api"
)

// version is set by the build (make build).
var version = "dev"

// app is what the commands share.
type app struct {
	env     map[string]string
	name    string // how this program was called, for texts that show commands to copy
	out     screen
	err     screen
	hc      *http.Client // nil: the client's own
	output  string       // --output
	url     string       // --url
	timeout time.Duration
	began   bool // a command has begun, so an error is no longer one of usage
}

// run executes one command line and returns its exit code. args[0] is the program.
func run(ctx context.Context, args []string, env map[string]string, out, errs screen) int {
	a := &app{env: env, name: calledAs(args[0]), out: out, err: errs}
	root := a.root()
	root.SetArgs(args[1:])
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !a.began && !errors.Is(err, errUsage) {
		err = usageError{err.Error()}
	}
	switch {
	case errors.Is(err, errTaskFailed) || errors.Is(err, errInterrupted):
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "%s (see: %s --help)\n", errorLine(err), cmd.CommandPath())
	default:
		fmt.Fprintln(errs, errorLine(err))
	}
	return exitCode(err)
}

// calledAs is the program as one would type it again.
func calledAs(arg string) string {
	if !strings.ContainsRune(arg, filepath.Separator) {
		return "drydock"
	}
	return arg
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "drydock",
		Short: "The Drydock state service: what bare-metal provisioning was asked, did and found",
		Long: "Drydock keeps the state of bare-metal provisioning: tasks, their messages, build data, and who may act.\n\n" +
			"drydock serve runs the service; the other commands talk to one.\n\n" + exitHelp,
		Example:       "  drydock serve\n  drydock task create -a validate_design -d site.yaml --block\n  drydock task list --status running",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			switch a.output {
			case "", formTable, formJSON, formYAML:
			default:
				return usageError{fmt.Sprintf("-o %s: the forms of output are table, json and yaml", a.output)}
			}
			if a.timeout <= 0 {
				return usageError{"--timeout must be more than nothing"}
			}
			a.began = true
			return nil
		},
	}
	url := a.env["DD_URL"]
	if url == "" {
		url = "http://127.0.0.1:9000"
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.url, "url", "u", url, "the service to talk to; environment: DD_URL")
	flags.StringVarP(&a.output, "output", "o", "", "table, json (one line) or yaml; default table on a terminal, json elsewhere")
	flags.DurationVar(&a.timeout, "timeout", 30*time.Second, "how long one request may take")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err.Error()} })
	complete(root, "output", formTable, formJSON, formYAML)
	root.AddCommand(a.serveCommand(), a.migrateCommand(), a.doctorCommand(), a.statusCommand(), a.taskCommand(), a.nodeCommand(), a.designCommand(), a.benchCommand(), a.versionCommand())
	return root
}

// group is a command that only holds others. Without one of them it is a usage error, not a silent success.
func group(c *cobra.Command, children ...*cobra.Command) *cobra.Command {
	c.AddCommand(children...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var names []string
		for _, child := range children {
			names = append(names, child.Name())
		}
		if len(args) > 0 {
			return usageError{fmt.Sprintf("there is no command %q below %s; there are %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))}
		}
		return usageError{fmt.Sprintf("%s needs one of %s", cmd.CommandPath(), strings.Join(names, ", "))}
	}
	return c
}

// complete lets the shell offer values for a flag.
func complete(c *cobra.Command, flag string, values ...string) {
	err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag is not there: a mistake in this program
	}
}

// client returns the client of the service named by --url, or ErrInvalid.
func (a *app) client() (*api.Client, error) {
	return api.NewClient(a.url, a.hc)
}

// ask runs one request under --timeout.
func ask[T any](ctx context.Context, a *app, request func(ctx context.Context, c *api.Client) (T, error)) (T, error) {
	var none T
	c, err := a.client()
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	return request(ctx, c)
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  drydock version -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version string `json:"version"`
				Go      string `json:"go"`
				Target  string `json:"platform"`
			}{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if info, ok := debug.ReadBuildInfo(); ok && version == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
				v.Version = info.Main.Version
			}
			return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "drydock %s (%s, %s)\n", v.Version, v.Go, v.Target) })
		},
	}
}
