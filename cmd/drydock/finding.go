package main

import (
	"fmt"
	"io"
	"strings"

	"drydock/api"
	"drydock/site"
)

// verdict is a validation as it is shown: what was asked for of it, and what people need beside it.
type verdict struct {
	api.Validation
	name   string      // of the design
	source *sourceText // nil: the text is not at hand
	hidden int         // findings that were not asked for
	passed int         // rules that found nothing wrong
	warned int         // warnings that are not to be ignored
	strict bool        // warnings are failures
}

// ranks orders levels.
var ranks = map[site.Level]int{site.Info: 0, site.Warning: 1, site.Error: 2}

// failed reports whether the design is not as it should be.
func (v *verdict) failed() bool { return v.Details.ErrorCount > 0 || v.strict && v.warned > 0 }

// narrow leaves out what is below a level, and infos and warnings of the codes and rules that are to be ignored. Counts of errors stay.
func (v *verdict) narrow(lowest site.Level, ignored []string) {
	kept := []api.ValidationMessage{}
	for _, m := range v.Details.MessageList {
		skip := !m.Error && ignores(ignored, &m)
		switch {
		case m.Level == site.Info && m.Rule != "":
			v.passed++
		case m.Level == site.Warning && !skip:
			v.warned++
		}
		switch {
		case m.Level == site.Info && m.Rule != "" && ranks[lowest] > 0: // counted as passed, which is all that it says
		case skip, ranks[m.Level] < ranks[lowest]:
			v.hidden++
		default:
			kept = append(kept, m)
		}
	}
	v.Details.MessageList = kept
}

func ignores(ignored []string, m *api.ValidationMessage) bool {
	for _, name := range ignored {
		if strings.EqualFold(name, m.Name) || m.Rule != "" && strings.EqualFold(name, string(m.Rule)) {
			return true
		}
	}
	return false
}

// write shows the findings by document, in the order in which documents are first mentioned, and a summary. Columns is the width of the terminal,
// or what a line may have where there is none.
func (v *verdict) write(w io.Writer, columns int, st style) {
	groups, order := map[string][]*api.ValidationMessage{}, []string{}
	for i := range v.Details.MessageList {
		m := &v.Details.MessageList[i]
		heading := headingOf(m)
		if groups[heading] == nil {
			order = append(order, heading)
		}
		groups[heading] = append(groups[heading], m)
	}
	for _, heading := range order {
		fmt.Fprintln(w, st.bold(heading))
		for _, m := range groups[heading] {
			v.writeFinding(w, m, heading, columns, st)
		}
		fmt.Fprintln(w)
	}
	v.writeSummary(w, st)
}

// headingOf names what a finding is about.
func headingOf(m *api.ValidationMessage) string {
	switch {
	case len(m.Documents) > 0:
		return plain(documentTitle(m.Documents[0]))
	case m.Line > 0:
		return "Documents that are not in the design"
	default:
		return "The design as a whole"
	}
}

// documentTitle is how texts name a document: its kind and name.
func documentTitle(d api.DocumentRef) string {
	kind := d.Schema
	if parts := strings.Split(d.Schema, "/"); len(parts) > 1 {
		kind = parts[1]
	}
	return fmt.Sprintf("%s %q", kind, d.Name)
}

func (v *verdict) writeFinding(w io.Writer, m *api.ValidationMessage, heading string, columns int, st style) {
	place := ""
	if m.Line > 0 {
		place = fmt.Sprintf(" line %d", m.Line)
		if m.Column > 0 {
			place += fmt.Sprintf(", column %d", m.Column)
		}
	}
	if m.Path != "" {
		place += " at " + plain(m.Path)
	}
	fmt.Fprintf(w, "  %s %s%s\n", st.level(m.Level, strings.ToLower(plain(string(m.Level)))), plain(m.Name), st.faint(place))
	fmt.Fprintf(w, "    %s\n", strings.TrimPrefix(plain(m.Message), heading+": "))
	if len(m.Documents) > 1 {
		var others []string
		for _, d := range m.Documents[1:] {
			others = append(others, plain(documentTitle(d)))
		}
		fmt.Fprintf(w, "    %s\n", st.faint("also about "+strings.Join(others, ", ")))
	}
	v.source.write(w, m.Line, m.Column, columns, st)
	if m.Diagnostic != "" {
		fmt.Fprintf(w, "    → %s\n", plain(m.Diagnostic))
	}
}

func (v *verdict) writeSummary(w io.Writer, st style) {
	mark := st.green("✓")
	if v.failed() {
		mark = st.red("✗")
	}
	good := 0
	for _, n := range v.Design.Documents {
		good += n
	}
	fmt.Fprintf(w, "%s %s: %s, %s; %s, %d bytes, sha256 %.12s\n", mark, plain(v.name), count(v.Details.ErrorCount, "error"), count(v.warned, "warning"),
		count(good, "good document"), v.Design.Size, plain(v.Design.Digest))
	switch {
	case !v.Design.Whole:
		fmt.Fprintln(w, "  What nodes inherit and the rules of the site were not looked at: that needs every document to be good.")
	case v.passed > 0:
		fmt.Fprintf(w, "  %s found no error.\n", count(v.passed, "rule"))
	}
	if v.hidden > 0 {
		fmt.Fprintf(w, "  Not shown, as it was asked: %s.\n", count(v.hidden, "finding"))
	}
}
