package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drydock/api"
	"drydock/reference"
	"drydock/site"
)

// paperWidth is how long lines are made where there is no terminal.
const paperWidth = 120

func (a *app) validateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "validate REF|FILE|-",
		Short: "Check a design and say what is wrong with it, and where",
		Long: "Checks the design behind a reference, in a file, or (-) on standard input: its documents, what they inherit, and every rule. No service is\n" +
			"needed; references are resolved with the options of serve, from --config-file and the environment. With --server the service does the work;\n" +
			"a file is brought to it if it is on another machine, and standard input always.\n\n" +
			"Findings are shown by document, with their line. Exit code 0: no error; 1: errors, or with --strict warnings. As a table and as SARIF,\n" +
			"findings below warnings are left out unless --level says otherwise.",
		Example: "  drydock design validate site.yaml\n  drydock design validate --strict --ignore DD3001 https://designs.example/site.yaml\n" +
			"  drydock design validate -o sarif site.yaml\n  drydock design validate --server deckhand+https://deckhand.example/api/v1.0/revisions/7/rendered-documents",
		Args:        cobra.ExactArgs(1),
		Annotations: map[string]string{outputForms: formSARIF},
	}
	f := c.Flags()
	strict := f.Bool("strict", false, "warnings are failures too")
	level := f.String("level", "", "the lowest level to show: info, warning or error")
	ignore := f.StringArray("ignore", nil, "codes or names of rules whose warnings are left out, separated by commas; errors always count")
	server := f.Bool("server", false, "let the service (--url) do the work")
	complete(c, "level", "info", "warning", "error")
	reader := a.designReader(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		lowest, err := a.lowestLevel(*level)
		if err != nil {
			return err
		}
		judge := a.judgeHere
		if *server {
			judge = a.judgeThere
		}
		v, uri, err := judge(cmd.Context(), reader, args[0])
		if err != nil {
			return err
		}
		v.strict = *strict
		v.narrow(lowest, trimmed(*ignore))
		if err := a.printVerdict(&v, uri); err != nil {
			return err
		}
		if v.failed() {
			return errFound
		}
		return nil
	}
	return c
}

// lowestLevel reads --level; without it, warnings for people, everything for programs.
func (a *app) lowestLevel(text string) (site.Level, error) {
	switch strings.ToLower(text) {
	case "info":
		return site.Info, nil
	case "warning":
		return site.Warning, nil
	case "error":
		return site.Error, nil
	case "":
		if f := a.form(); f == formTable || f == formSARIF {
			return site.Warning, nil
		}
		return site.Info, nil
	}
	return "", usageError{fmt.Sprintf("--level %s: the levels are info, warning and error", text)}
}

// judgeHere checks a design in this process.
func (a *app) judgeHere(ctx context.Context, reader *designReader, arg string) (v verdict, uri string, err error) {
	source, err := reader.read(ctx, arg)
	if err != nil {
		return verdict{}, "", err
	}
	report, err := source.report()
	if err != nil {
		return verdict{}, "", err
	}
	return verdict{Validation: api.NewValidation(&report, time.Now()), name: source.name, source: newSourceText(source.text)}, source.uri, nil
}

// judgeThere lets the service check a design.
func (a *app) judgeThere(ctx context.Context, reader *designReader, arg string) (v verdict, uri string, err error) {
	ref, err := a.designRef(ctx, arg, false, reader.in())
	if err != nil {
		return verdict{}, "", err
	}
	stop := a.waiting("the service looks at " + reference.Redact(ref))
	defer stop()
	v.Validation, err = ask(ctx, a, func(ctx context.Context, c *api.Client) (api.Validation, error) { return c.ValidateDesign(ctx, ref) })
	v.name = v.Design.Ref
	return v, v.Design.Ref, err
}

func (a *app) printVerdict(v *verdict, uri string) error {
	if a.form() == formSARIF {
		return writeJSON(a.out, v.sarif(uri))
	}
	columns := a.out.width
	if columns == 0 {
		columns = paperWidth
	}
	return a.print(v.Validation, func(w io.Writer) { v.write(w, columns, a.style()) })
}
