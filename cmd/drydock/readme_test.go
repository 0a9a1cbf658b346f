package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestCommandsTold checks that every drydock command line in the documents, and in the examples of the help, is one that exists with its flags.
func TestCommandsTold(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, path := range append(documents, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandLines(string(text)) {
			lines++
			if err := parses(line); err != nil {
				t.Errorf("%s: drydock %s: %v", filepath.Base(path), line, err)
			}
		}
	}
	if lines < 10 {
		t.Errorf("only %d command lines were found in the documents", lines)
	}
	eachCommand(newRoot(), func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" || c.HasParent() && c.Parent().Name() == "completion" {
			return
		}
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			line, ours := strings.CutPrefix(strings.TrimSpace(line), "drydock ")
			if err := parses(line); !ours || err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), line, err)
			}
		}
	})
}

func newRoot() *cobra.Command {
	root := (&app{name: "drydock"}).root()
	root.InitDefaultCompletionCmd()
	return root
}

func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, child := range c.Commands() {
		eachCommand(child, do)
	}
}

var (
	inCode    = regexp.MustCompile("(?m)`drydock ([a-z][^`…]*)[`…]")
	onOneLine = regexp.MustCompile(`(?m)^(?:bin/)?drydock ([a-z].*)$`)
)

// commandLines are the arguments of drydock in the code of a document.
func commandLines(text string) []string {
	var lines []string
	for _, m := range append(inCode.FindAllStringSubmatch(text, -1), onOneLine.FindAllStringSubmatch(text, -1)...) {
		lines = append(lines, strings.TrimSpace(m[1]))
	}
	return lines
}

// parses reports whether a command line names a command and flags that exist. Required things may be missing: prose is short.
func parses(line string) error {
	args := strings.Fields(line)
	c, rest, err := newRoot().Find(args)
	if err != nil {
		return err
	}
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if words := c.Flags().Args(); len(words) > 0 && c.HasSubCommands() {
		return usageError{"there is no command " + words[0]}
	}
	return nil
}

// TestCompletion checks that every shell gets a script, and that values are offered.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := runCommand(t.Context(), 0, nil, "completion", shell); got.code != exitOK || len(got.out) < 1000 {
			t.Errorf("%s: exit code %d, %d bytes", shell, got.code, len(got.out))
		}
	}
	url := canned(t)
	for _, c := range []struct{ line, want string }{
		{"task create --action ", "validate_design"},
		{"task list --result ", "partial_success"},
		{"task show ", taskOfTests + "\tdeploy_nodes complete"},
		{"serve --log-format ", "json"},
		{"design validate -o ", "sarif"},
		{"design validate --level ", "warning"},
	} {
		args := append([]string{"__complete"}, strings.Split(c.line, " ")...)
		if got := runCommand(t.Context(), 0, map[string]string{"DD_URL": url}, args...); !strings.Contains(got.out, c.want) {
			t.Errorf("%q offers %q, want %q", c.line, got.out, c.want)
		}
	}
}
