package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"drydock"
)

// checkText says ErrInvalid if s is longer than max bytes, is not UTF-8 or holds NUL, which PostgreSQL cannot store.
func checkText(field, s string, max int) error {
	switch {
	case len(s) > max:
		return fmt.Errorf("%w: %s is %d bytes long, at most %d are allowed", drydock.ErrInvalid, field, len(s), max)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: %s is not UTF-8", drydock.ErrInvalid, field)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%w: %s holds a NUL character", drydock.ErrInvalid, field)
	}
	return nil
}

// checkJSON says ErrInvalid if raw is not JSON that the databases take.
func checkJSON(field string, raw json.RawMessage, max int) error {
	if len(raw) == 0 {
		return nil
	}
	if err := checkText(field, string(raw), max); err != nil {
		return err
	}
	if !json.Valid(raw) {
		return fmt.Errorf("%w: %s is not JSON", drydock.ErrInvalid, field)
	}
	return nil
}

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkNewTask(n *drydock.NewTask, depth, count int) error {
	switch {
	case n.Action == "":
		return fmt.Errorf("%w: a task needs an action", drydock.ErrInvalid)
	case depth > drydock.MaxDepth:
		return fmt.Errorf("%w: subtasks more than %d generations deep", drydock.ErrInvalid, drydock.MaxDepth)
	case count > drydock.MaxSubtasks:
		return fmt.Errorf("%w: more than %d tasks in one call, subtasks included", drydock.ErrInvalid, drydock.MaxSubtasks)
	case n.Retry < 0 || n.Retry > 1<<30:
		return fmt.Errorf("%w: retry %d", drydock.ErrInvalid, n.Retry)
	}
	return first(
		checkText("action", string(n.Action), drydock.MaxName),
		checkText("design_ref", n.DesignRef, drydock.MaxDesignRef),
		checkText("created_by", n.CreatedBy, drydock.MaxName),
		checkText("idempotency key", n.Key, drydock.MaxName),
		checkJSON("node_filter", n.NodeFilter, drydock.MaxNodeFilter),
	)
}

func checkResult(r *drydock.Result) error {
	switch r.Status {
	case drydock.ResultIncomplete, drydock.ResultSuccess, drydock.ResultPartial, drydock.ResultFailure:
	default:
		return fmt.Errorf("%w: %q is no result of a task", drydock.ErrInvalid, r.Status)
	}
	err := first(
		checkText("result message", r.Message, drydock.MaxMessageText),
		checkText("result reason", r.Reason, drydock.MaxMessageText),
	)
	for _, name := range r.Successes {
		err = first(err, checkText("node name", name, drydock.MaxNodeName))
	}
	for _, name := range r.Failures {
		err = first(err, checkText("node name", name, drydock.MaxNodeName))
	}
	for _, l := range r.Links {
		err = first(err, checkText("link relation", l.Rel, drydock.MaxName), checkText("link", l.Href, drydock.MaxDesignRef))
	}
	if n := len(r.Successes) + len(r.Failures) + len(r.Links); n > drydock.MaxTree {
		err = first(err, fmt.Errorf("%w: a result of %d nodes and links, at most %d are allowed", drydock.ErrInvalid, n, drydock.MaxTree))
	}
	return err
}

func checkMessages(list []drydock.Message) error {
	if len(list) > drydock.MaxMessageBatch {
		return fmt.Errorf("%w: %d messages in one call, at most %d are allowed", drydock.ErrInvalid, len(list), drydock.MaxMessageBatch)
	}
	for i := range list {
		m := &list[i]
		err := first(
			checkText("message", m.Text, drydock.MaxMessageText),
			checkText("context_type", m.ContextType, drydock.MaxName),
			checkText("context", m.Context, drydock.MaxContext),
			checkJSON("extra", m.Extra, drydock.MaxMessageText),
		)
		if err == nil && len(m.Extra) > 0 && bytes.TrimSpace(m.Extra)[0] != '{' {
			err = fmt.Errorf("%w: extra is not a JSON object", drydock.ErrInvalid)
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", i+1, err)
		}
	}
	return nil
}

func checkBuildData(b *drydock.BuildData) error {
	if b.Node == "" || b.Generator == "" {
		return fmt.Errorf("%w: build data needs a node and a generator", drydock.ErrInvalid)
	}
	if idBytes(b.Task) == nil {
		return fmt.Errorf("%w: build data needs the id of a task, not %q", drydock.ErrInvalid, b.Task)
	}
	return first(
		checkText("node name", b.Node, drydock.MaxNodeName),
		checkText("generator", b.Generator, drydock.MaxName),
		checkText("data format", b.Format, drydock.MaxName),
		checkText("data", b.Data, drydock.MaxBuildData),
	)
}
