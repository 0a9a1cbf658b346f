package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"drydock"
	"drydock/api"
)

// The forms that people read. Everything that comes from the server passes through plain.

// tableTime is short and in UTC, as all times of the service are.
func tableTime(t api.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func tableTasks(w io.Writer, tasks []api.Task) {
	rows := [][]string{{"TASK", "ACTION", "STATUS", "RESULT", "ERRORS", "SUBTASKS", "CREATED (UTC)", "BY"}}
	for i := range tasks {
		t := &tasks[i]
		rows = append(rows, []string{
			string(t.TaskID), string(t.Action), string(t.Status), string(t.Result.Status), fmt.Sprint(t.Result.Details.ErrorCount),
			fmt.Sprint(len(t.Subtasks)), tableTime(t.Created), orDash(string(t.CreatedBy)),
		})
	}
	columns(w, rows...)
}

// showTask writes everything about one task. Messages are left out where they have been shown already.
func showTask(w io.Writer, t *api.Task, messages []api.Message) {
	rows := [][]string{
		{"task", string(t.TaskID)},
		{"action", string(t.Action)},
		{"status", string(t.Status)},
		{"result", resultText(&t.Result)},
	}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	add("design", t.DesignRef)
	if d := t.Design; d != nil {
		add("documents", documentsText(d))
		add("resolved", resolvedText(d))
	}
	if len(t.NodeFilter) > 0 && string(t.NodeFilter) != "null" {
		add("nodes", strings.Join(strings.Fields(string(t.NodeFilter)), " "))
	}
	add("parent", string(t.ParentTaskID))
	if n := len(t.Subtasks); n > 0 {
		add("subtasks", fmt.Sprintf("%d (task tree shows them)", n))
	}
	add("successes", strings.Join(t.Result.Successes, ", "))
	add("failures", strings.Join(t.Result.Failures, ", "))
	for _, l := range t.Result.Links {
		add("link", l.Rel+" "+l.Href)
	}
	if t.Retry > 0 {
		add("retry", fmt.Sprint(t.Retry))
	}
	add("created", by(t.Created, t.CreatedBy))
	if !t.Updated.IsZero() {
		add("updated", tableTime(t.Updated))
	}
	if t.Terminate {
		add("terminate", "asked "+by(t.Terminated, t.TerminatedBy))
	}
	columns(w, rows...)
	for i := range messages {
		fmt.Fprintln(w, messageLine(&messages[i]))
	}
}

func by(t api.Time, who api.Optional) string {
	if who == "" {
		return tableTime(t)
	}
	return tableTime(t) + " by " + string(who)
}

// resultText is the result on one line: status, what it says, how many errors.
func resultText(s *api.Status) string {
	text := string(s.Status)
	if s.Message != "" {
		text += ": " + string(s.Message)
	}
	if s.Reason != "" {
		text += " (" + string(s.Reason) + ")"
	}
	if n := s.Details.ErrorCount; n > 0 {
		text += ", " + count(n, "error")
	}
	return text
}

// messageLine is one message on one line: time, mark, what it is about, text.
func messageLine(m *api.Message) string {
	clock := "        "
	if !m.Time.IsZero() {
		clock = m.Time.UTC().Format(time.TimeOnly)
	}
	return clock + " " + markedText(m)
}

func markedText(m *api.Message) string {
	mark := "  "
	if m.Error {
		mark = "✗ "
	}
	about := ""
	if m.ContextType != "" && m.ContextType != "NA" {
		about = m.ContextType + " " + m.Context + ": "
	}
	// Findings say in their extra members where they are and what to do.
	var place struct {
		Line       int    `json:"line"`
		Diagnostic string `json:"diagnostic"`
	}
	text := about + m.Message
	if json.Unmarshal(m.Extra, &place) == nil { // members of another form are not a finding's
		if place.Line > 0 {
			text += fmt.Sprintf(" (line %d)", place.Line)
		}
		if place.Diagnostic != "" {
			text += " → " + place.Diagnostic
		}
	}
	return mark + plain(text)
}

// treeMessages is how many error messages of one task a tree shows; task messages shows all.
const treeMessages = 3

// showTree draws the tasks below the first one, which come parents before children. Among siblings those with failures come first, so that the
// cause is near the top. What the tree has no room for is left to task messages.
func showTree(w io.Writer, tasks []api.Task) {
	children := map[drydock.TaskID][]*api.Task{}
	for i := range tasks[1:] {
		t := &tasks[i+1]
		parent := drydock.TaskID(t.ParentTaskID)
		children[parent] = append(children[parent], t)
	}
	for _, siblings := range children {
		slices.SortStableFunc(siblings, func(a, b *api.Task) int { return cmp.Compare(rank(a), rank(b)) })
	}
	var draw func(t *api.Task, first, rest string)
	draw = func(t *api.Task, first, rest string) {
		fmt.Fprintln(w, first+plain(treeLine(t)))
		below := children[t.TaskID]
		margin := rest + "│   "
		if len(below) == 0 {
			margin = rest + "    "
		}
		shown, errors := 0, 0
		for i := range t.Result.Details.MessageList {
			if m := &t.Result.Details.MessageList[i]; m.Error {
				if errors++; shown < treeMessages {
					shown++
					fmt.Fprintln(w, margin+markedText(m))
				}
			}
		}
		if errors = max(errors, t.Result.Details.ErrorCount); errors > shown {
			fmt.Fprintf(w, "%s… %d more: drydock task messages --errors %s\n", margin, errors-shown, t.TaskID)
		}
		for i, child := range below {
			if i == len(below)-1 {
				draw(child, rest+"└── ", rest+"    ")
			} else {
				draw(child, rest+"├── ", rest+"│   ")
			}
		}
	}
	draw(&tasks[0], "", "")
}

// rank orders siblings: failures, then what is under way, then the rest.
func rank(t *api.Task) int {
	switch {
	case t.Status == drydock.StatusTerminated || t.Status == drydock.StatusTerminating:
		return 1
	case t.Result.Status == drydock.ResultFailure || t.Result.Status == drydock.ResultPartial:
		return 0
	case !t.Status.Terminal():
		return 2
	default:
		return 3
	}
}

func treeLine(t *api.Task) string {
	line := sign(t) + " " + string(t.Action) + "  " + string(t.Status)
	if t.Result.Status != drydock.ResultIncomplete || t.Status.Terminal() {
		line += ", " + string(t.Result.Status)
	}
	if ok, bad := len(t.Result.Successes), len(t.Result.Failures); ok+bad > 0 {
		line += fmt.Sprintf("  %d ok, %d failed", ok, bad)
	}
	return line + "  " + string(t.TaskID)
}

// sign is how a task stands, in one letter.
func sign(t *api.Task) string {
	switch {
	case t.Status == drydock.StatusTerminated:
		return "■"
	case t.Result.Status == drydock.ResultFailure:
		return "✗"
	case t.Result.Status == drydock.ResultPartial:
		return "±"
	case t.Status == drydock.StatusComplete:
		return "✓"
	case t.Status == drydock.StatusQueued || t.Status == drydock.StatusRequested:
		return "·"
	default:
		return "▸"
	}
}

func tableBuildData(w io.Writer, data []api.BuildData) {
	rows := [][]string{{"NODE", "GENERATOR", "COLLECTED (UTC)", "FORMAT", "BYTES", "TASK"}}
	for i := range data {
		d := &data[i]
		rows = append(rows, []string{d.Node, d.Generator, tableTime(d.Collected), orDash(d.Format), fmt.Sprint(len(d.Data)), orDash(string(d.TaskID))})
	}
	columns(w, rows...)
	if len(data) > 0 {
		fmt.Fprintln(w, "The data itself: -o yaml or -o json")
	}
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
