package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"drydock/api"
	"drydock/site"
)

func (a *app) nodesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "nodes REF|FILE|-",
		Short: "Say which nodes a filter selects, and why",
		Long: "Says of every node of a design whether a filter selects it, and which conditions decided. The filter is JSON as tasks have it, or the file\n" +
			"@FILE that holds it; -n, -r and -t make the same filter as they do for task create. Without any, every node is selected.",
		Example: "  drydock design nodes site.yaml -r rack1 -t compute\n  drydock design nodes site.yaml --filter @filter.json -o json",
		Args:    cobra.ExactArgs(1),
	}
	f := c.Flags()
	filter := f.String("filter", "", "node filter in JSON, or @FILE")
	nodes := f.StringArrayP("node-names", "n", nil, "nodes by name, separated by commas")
	racks := f.StringArrayP("rack-names", "r", nil, "nodes by rack, separated by commas")
	tags := f.StringArrayP("node-tags", "t", nil, "nodes by tag, separated by commas")
	reader := a.designReader(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		text := nodeFilter(*nodes, *racks, *tags)
		switch {
		case *filter != "" && text != nil:
			return usageError{"--filter says everything about the nodes: leave out -n, -r and -t"}
		case *filter != "":
			var err error
			if text, err = filterText(*filter); err != nil {
				return err
			}
		case text == nil:
			text = []byte("null")
		}
		parsed, err := api.ParseNodeFilter(text)
		if err != nil {
			return err
		}
		design, err := reader.certain(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		verdicts, err := explain(design.effective, parsed)
		if err != nil {
			return err
		}
		return a.print(verdicts, func(w io.Writer) { writeVerdicts(w, verdicts, a.style()) })
	}
	return c
}

// filterText reads what is given to --filter.
func filterText(arg string) ([]byte, error) {
	path, isFile := strings.CutPrefix(arg, "@")
	if !isFile {
		return []byte(arg), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{fmt.Sprintf("--filter %s: %v", arg, err)}
	}
	return text, nil
}

func explain(d *site.Design, f *site.NodeFilter) ([]api.Verdict, error) {
	verdicts, err := d.Explain(f)
	if err != nil {
		return nil, usageError{"node filter: " + err.Error()}
	}
	list := make([]api.Verdict, 0, len(verdicts))
	for _, v := range verdicts {
		list = append(list, api.Verdict(v))
	}
	return list, nil
}

func writeVerdicts(w io.Writer, verdicts []api.Verdict, st style) {
	width, selected := 0, 0
	for _, v := range verdicts {
		width = max(width, len([]rune(plain(v.Node))))
		if v.Selected {
			selected++
		}
	}
	for _, v := range verdicts {
		mark, name := st.faint("·"), plain(v.Node)
		if v.Selected {
			mark = st.green("✓")
		}
		fmt.Fprintf(w, "%s %s%s  %s\n", mark, name, strings.Repeat(" ", width-len([]rune(name))), plain(v.Reason))
	}
	fmt.Fprintf(w, "%d of %s selected\n", selected, count(len(verdicts), "node"))
}
