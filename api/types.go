package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"drydock"
)

// Time is an instant on the wire: 2026-11-22 12:13:25.008917+00:00, always in UTC and with six digits; the zero Time is null.
type Time struct{ time.Time }

// timeLayout is upstream's form, which is Python's.
const timeLayout = "2006-01-02 15:04:05.000000-07:00"

// String is the wire form, or "" for the zero Time.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// MarshalJSON writes the wire form.
func (t Time) MarshalJSON() ([]byte, error) { return Optional(t.String()).MarshalJSON() }

// UnmarshalJSON reads the wire form, upstream's other forms and RFC 3339; null and upstream's "None" are the zero Time.
func (t *Time) UnmarshalJSON(data []byte) error {
	var s *string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	if s == nil || *s == "None" {
		t.Time = time.Time{}
		return nil
	}
	var err error
	t.Time, err = parseTime(*s)
	return err
}

// parseTime reads RFC 3339, or upstream's form with or without fraction and offset; without an offset it is UTC.
func parseTime(s string) (time.Time, error) {
	if n := len(s); n > 16 && s[n-6] == ' ' { // the plus sign of an offset in a query that was not escaped
		s = s[:n-6] + "+" + s[n-5:]
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.60q is not a time such as 2026-11-22T12:13:25Z", drydock.ErrInvalid, s)
}

// Optional is a text that is null on the wire when it is empty.
type Optional string

// MarshalJSON writes the text, or null.
func (o Optional) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return marshal(string(o))
}

// ErrorBody is what every refusal and failure is answered with.
type ErrorBody struct {
	Type    string `json:"type"` // "error"
	Message string `json:"message"`
	Retry   bool   `json:"retry"` // the same request may succeed later
}

func errorBody(text string, retry bool) ErrorBody { return ErrorBody{"error", text, retry} }

// Task is a task on the wire, in upstream's order of keys.
type Task struct {
	Kind         string               `json:"kind"`       // "Task"
	APIVersion   string               `json:"apiVersion"` // "v1"
	TaskID       drydock.TaskID       `json:"task_id"`
	Action       drydock.Action       `json:"action"`
	ParentTaskID Optional             `json:"parent_task_id"`
	DesignRef    string               `json:"design_ref"`
	Status       drydock.TaskStatus   `json:"status"`
	Result       Status               `json:"result"`
	NodeFilter   json.RawMessage      `json:"node_filter"`
	Subtasks     []drydock.TaskID     `json:"subtask_id_list"`
	Created      Time                 `json:"created"`
	CreatedBy    Optional             `json:"created_by"`
	Updated      Time                 `json:"updated"`
	Terminated   Time                 `json:"terminated"`
	TerminatedBy Optional             `json:"terminated_by"`
	Terminate    bool                 `json:"terminate"`
	Retry        int                  `json:"retry"`
	Design       *Design              `json:"design,omitempty"`        // only once it was resolved
	BuildData    []BuildData          `json:"build_data,omitzero"`     // only if asked for
	Errors       OrderedSubtaskErrors `json:"subtask_errors,omitzero"` // only if asked for
}

// Status is the result of a task on the wire.
type Status struct {
	Kind       string               `json:"kind"`       // "Status"
	APIVersion string               `json:"apiVersion"` // "v1.0"
	Metadata   struct{}             `json:"metadata"`
	Message    Optional             `json:"message"`
	Reason     Optional             `json:"reason"`
	Status     drydock.ResultStatus `json:"status"`
	Successes  []string             `json:"successes"`
	Failures   []string             `json:"failures"`
	Links      []Link               `json:"links"`
	Details    Details              `json:"details"`
}

// Link is a link of a result on the wire.
type Link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// Details are the messages of a result and how many of the task's messages are errors.
type Details struct {
	ErrorCount  int       `json:"errorCount"`
	MessageList []Message `json:"messageList"`
}

// Message is one message of a task on the wire.
type Message struct {
	Message     string          `json:"message"`
	Error       bool            `json:"error"`
	ContextType string          `json:"context_type"`
	Context     string          `json:"context"`
	Time        Time            `json:"ts"`
	Extra       json.RawMessage `json:"extra"` // always an object
}

// TaskMessage is a message where it stands alone: with its place and its task.
type TaskMessage struct {
	Sequence int64          `json:"sequence"`
	TaskID   drydock.TaskID `json:"task_id"`
	Message
}

// BuildData is one record of build data on the wire.
type BuildData struct {
	Node      string         `json:"node_name"`
	TaskID    drydock.TaskID `json:"task_id"`
	Collected Time           `json:"collected_date"`
	Generator string         `json:"generator"`
	Format    string         `json:"data_format"`
	Data      string         `json:"data_element"`
}

// SubtaskError is the result of a subtask that has errors.
type SubtaskError struct {
	Status
	TaskID drydock.TaskID `json:"task_id"`
}

// OrderedSubtaskErrors is an object on the wire: the results by task id, breadth first. Nil means not asked for.
type OrderedSubtaskErrors []SubtaskError

// TaskLayers is the layers form of a task: an object with init_task_id, one member for each task by its id, and subtask_errors if asked for.
type TaskLayers struct {
	InitTaskID drydock.TaskID
	Tasks      []Task // breadth first, the initial task first
	Errors     OrderedSubtaskErrors
}

// marshal is JSON as all of it is written here: compact, and without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// wireTask needs the design reference without its secrets, the messages that are shown and how many of all messages are errors.
func wireTask(t *drydock.Task, ref string, d detail) Task {
	return Task{
		Kind: "Task", APIVersion: "v1", TaskID: t.ID, Action: t.Action, ParentTaskID: Optional(t.Parent), DesignRef: ref,
		Status: t.Status, Result: wireStatus(&t.Result, d), NodeFilter: utf8JSON(t.NodeFilter), Subtasks: array(t.Subtasks),
		Created: Time{t.Created}, CreatedBy: Optional(t.CreatedBy), Updated: Time{t.Updated}, Terminated: Time{t.Terminated},
		TerminatedBy: Optional(t.TerminatedBy), Terminate: t.Terminate, Retry: t.Retry, Design: wireDesign(t.Resolution),
	}
}

func wireStatus(r *drydock.Result, d detail) Status {
	s := Status{
		Kind: "Status", APIVersion: "v1.0", Message: Optional(r.Message), Reason: Optional(r.Reason), Status: r.Status,
		Successes: array(r.Successes), Failures: array(r.Failures), Links: make([]Link, 0, len(r.Links)),
		Details: Details{ErrorCount: d.errors, MessageList: make([]Message, 0, len(d.messages))},
	}
	for _, l := range r.Links {
		s.Links = append(s.Links, Link(l))
	}
	for i := range d.messages {
		s.Details.MessageList = append(s.Details.MessageList, wireMessage(&d.messages[i]))
	}
	return s
}

func wireMessage(m *drydock.Message) Message {
	return Message{m.Text, m.Error, m.ContextType, m.Context, Time{m.Time}, wireExtra(m.Extra)}
}

// wireExtra makes an object of what other writers may have left in the database.
func wireExtra(raw json.RawMessage) json.RawMessage {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return json.RawMessage("{}")
	case raw[0] == '{' && json.Valid(raw):
		return utf8JSON(raw)
	case !json.Valid(raw):
		raw, _ = marshal(string(raw)) // a string can always be encoded
	}
	return append(append([]byte(`{"value":`), utf8JSON(raw)...), '}')
}

func wireTaskMessages(id drydock.TaskID, messages []drydock.Message) []TaskMessage {
	wire := make([]TaskMessage, 0, len(messages))
	for i := range messages {
		wire = append(wire, TaskMessage{messages[i].Seq, id, wireMessage(&messages[i])})
	}
	return wire
}

func wireBuildData(data []drydock.BuildData) []BuildData {
	wire := make([]BuildData, 0, len(data))
	for i := range data {
		d := &data[i]
		wire = append(wire, BuildData{d.Node, d.Task, Time{d.Collected}, d.Generator, d.Format, d.Data})
	}
	return wire
}

// array is never null on the wire.
func array[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
