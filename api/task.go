package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"drydock"
)

// actions are what a client may ask for: upstream's eight, and noop to try a service out.
var actions = []drydock.Action{
	drydock.ActionValidateDesign, drydock.ActionVerifySite, drydock.ActionPrepareSite, drydock.ActionVerifyNodes, drydock.ActionPrepareNodes,
	drydock.ActionDeployNodes, drydock.ActionDestroyNodes, drydock.ActionRelabelNodes, drydock.ActionNoop,
}

var resultStatuses = []drydock.ResultStatus{
	drydock.ResultIncomplete, drydock.ResultSuccess, drydock.ResultPartial, drydock.ResultFailure, drydock.ResultUnreported,
}

// detail is what the wire form of a task shows of its messages.
type detail struct {
	messages []drydock.Message
	errors   int // of all messages of the task, also those not shown
}

// details reads the messages of tasks, or only how many are errors, in one query for all of them. Of a task with more messages than
// drydock.MaxMessageBatch they need not be all: the others are found under /messages, and errors counts every one.
func (s *server) details(ctx context.Context, tasks []drydock.Task, shown bool) (map[drydock.TaskID]detail, error) {
	all := make(map[drydock.TaskID]detail, len(tasks))
	if len(tasks) == 0 {
		return all, nil
	}
	count := make([]drydock.TaskID, 0, len(tasks))
	for i := range tasks {
		count = append(count, tasks[i].ID)
	}
	if shown {
		messages, err := s.deps.Messages.MessagesByTask(ctx, count)
		if err != nil {
			return nil, err
		}
		count = count[:0]
		for id, list := range messages {
			all[id] = detail{list, errorCount(list)}
			if len(list) >= drydock.MaxMessageBatch {
				count = append(count, id)
			}
		}
	}
	if len(count) > 0 {
		counts, err := s.deps.Messages.ErrorCounts(ctx, count)
		if err != nil {
			return nil, err
		}
		for id, n := range counts {
			all[id] = detail{all[id].messages, n}
		}
	}
	return all, nil
}

// wire is the wire form of one task, read before its messages so that a task that has ended shows all of them.
func (s *server) wire(ctx context.Context, t drydock.Task, shown bool) (Task, error) {
	all, err := s.details(ctx, []drydock.Task{t}, shown)
	if err != nil {
		return Task{}, err
	}
	d := all[t.ID]
	for more := len(d.messages) >= drydock.MaxMessageBatch; more; {
		next, err := s.deps.Messages.Messages(ctx, t.ID, d.messages[len(d.messages)-1].Seq, drydock.MaxMessageBatch)
		if err != nil {
			return Task{}, err
		}
		d.messages = append(d.messages, next...)
		d.errors = errorCount(d.messages)
		more = len(next) == drydock.MaxMessageBatch
	}
	return s.task(&t, d), nil
}

// task is the wire form of a task with its reference fit to be seen.
func (s *server) task(t *drydock.Task, d detail) Task {
	return wireTask(t, s.deps.Refs.Redact(t.DesignRef), d)
}

func errorCount(messages []drydock.Message) int {
	n := 0
	for i := range messages {
		if messages[i].Error {
			n++
		}
	}
	return n
}

// listTasks answers an array, newest first, and where the list goes on.
func (s *server) listTasks(w http.ResponseWriter, r *http.Request) error {
	filter, shown, err := taskQuery(r)
	if err != nil {
		return err
	}
	page, err := s.deps.Tasks.Tasks(r.Context(), filter)
	if err != nil {
		return err
	}
	all, err := s.details(r.Context(), page.Tasks, shown)
	if err != nil {
		return err
	}
	tasks := make([]Task, 0, len(page.Tasks))
	for i := range page.Tasks {
		tasks = append(tasks, s.task(&page.Tasks[i], all[page.Tasks[i].ID]))
	}
	if page.Next != "" {
		linkNext(w, r, page.Next)
	}
	return writeJSON(w, http.StatusOK, tasks)
}

// taskQuery reads the filters of a list, and whether messages are shown.
func taskQuery(r *http.Request) (drydock.TaskQuery, bool, error) {
	q := readQuery(r, "status", "action", "result", "parent", "roots", "node", "created_by", "since", "until", "limit", "after", "messages")
	filter := drydock.TaskQuery{
		Action: drydock.Action(q.text("action")), Result: oneOf(q, "result", q.text("result"), resultStatuses), Roots: q.flag("roots", false),
		Node: q.text("node"), CreatedBy: q.text("created_by"), Since: q.time("since"), Until: q.time("until"), After: q.text("after"),
		Limit: int(q.number("limit", drydock.MaxPage, 1, drydock.MaxPage)),
	}
	for _, status := range q.values["status"] {
		if status == "" {
			q.fail("Query parameter \"status\" must not be empty")
		}
		filter.Status = append(filter.Status, oneOf(q, "status", status, drydock.TaskStatuses))
	}
	if parent := q.text("parent"); parent != "" {
		id, err := drydock.ParseTaskID(parent)
		if err != nil {
			q.fail("Query parameter \"parent\": %.60q is not a UUID", parent)
		}
		filter.Parent = id
	}
	return filter, q.flag("messages", true), q.err
}

// createTask queues a task. With a known idempotency key it answers the task that has it, with 200 instead of 201.
func (s *server) createTask(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err; err != nil {
		return err
	}
	n, err := newTask(r)
	if err != nil {
		return err
	}
	if n.DesignRef, err = s.reference(n.DesignRef); err != nil {
		return err
	}
	t, created, err := s.deps.Tasks.CreateTask(r.Context(), n)
	if err != nil {
		return err
	}
	if created {
		w.Header().Set("Location", prefix+"/tasks/"+string(t.ID))
		return writeJSON(w, http.StatusCreated, s.task(&t, detail{}))
	}
	task, err := s.wire(r.Context(), t, true)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, task)
}

// newTask reads and checks the body and the key of a creation.
func newTask(r *http.Request) (drydock.NewTask, error) {
	var n drydock.NewTask
	raw, err := readJSON(r)
	if err != nil {
		return n, err
	}
	body, err := members("", raw, "action", "design_ref", "node_filter")
	if err != nil {
		return n, err
	}
	if n.Action, err = action(body["action"]); err != nil {
		return n, err
	}
	if ref := body["design_ref"]; ref == nil || form(ref) == "null" {
		return n, invalid("design_ref is required; it may be an empty string")
	} else if n.DesignRef, err = text("design_ref", ref); err != nil {
		return n, err
	}
	if filter := body["node_filter"]; filter != nil && form(filter) != "null" {
		if err := checkNodeFilter("node_filter", filter); err != nil {
			return n, err
		}
		n.NodeFilter = filter
	}
	n.Key, err = idempotencyKey(r)
	return n, err
}

func action(raw json.RawMessage) (drydock.Action, error) {
	if raw == nil || form(raw) == "null" {
		return "", invalid("Unsupported action None: action is required, one of %v", actions)
	}
	name, err := text("action", raw)
	if err != nil {
		return "", err
	}
	if !slices.Contains(actions, drydock.Action(name)) {
		return "", invalid("Unsupported action %.100s: use one of %v", name, actions)
	}
	return drydock.Action(name), nil
}

// idempotencyKey reads the key of a creation, "" without one. An empty key is a mistake: its sender believes to be protected.
func idempotencyKey(r *http.Request) (string, error) {
	keys := r.Header.Values(headerKey)
	switch {
	case len(keys) == 0:
		return "", nil
	case len(keys) > 1:
		return "", invalid("Header %s is given %d times", headerKey, len(keys))
	case keys[0] == "" || len(keys[0]) > drydock.MaxName:
		return "", invalid("Header %s must have 1 to %d bytes, not %d", headerKey, drydock.MaxName, len(keys[0]))
	case strings.ContainsFunc(keys[0], func(c rune) bool { return c < ' ' || c > '~' }):
		return "", invalid("Header %s must be printable ASCII", headerKey)
	}
	return keys[0], nil
}

// terminateTask asks for the end of a task and of everything below it.
func (s *server) terminateTask(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	if err := readQuery(r).err; err != nil {
		return err
	}
	by := r.Header.Get(headerEndUser) // nobody vouches for it yet; without it nobody is named
	if len(by) > drydock.MaxName || !utf8.ValidString(by) {
		return invalid("Header %s must be at most %d bytes of UTF-8", headerEndUser, drydock.MaxName)
	}
	if _, err := s.deps.Tasks.TerminateTask(r.Context(), id, by); err != nil {
		return missing(r, err)
	}
	t, err := s.deps.Tasks.Task(r.Context(), id)
	if err != nil {
		return missing(r, err)
	}
	task, err := s.wire(r.Context(), t, true)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, task)
}

// missing gives an unknown task upstream's text.
func missing(r *http.Request, err error) error {
	if errors.Is(err, drydock.ErrNotFound) {
		return refuse(http.StatusNotFound, "Task %s does not exist", r.PathValue("id"))
	}
	return err
}
