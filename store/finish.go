package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"drydock"
)

const (
	sqlFinish = `UPDATE tasks SET status = CASE status WHEN 'terminating' THEN 'terminated' ELSE 'complete' END,
			result_status = $4, result_message = $5, result_reason = $6, result_error_count = $7, result_successes = $8, result_failures = $9,
			result_links = $10, resolution = coalesce($12, resolution), version = version + 1, updated = {clock}
		WHERE task_id = $3 AND status IN ('running', 'terminating') AND term = $1 AND $11 IN (0, attempt)
			AND EXISTS (SELECT 1 FROM active_instance WHERE identity = $2 AND term = $1 AND expires > {clock} {key share})
		RETURNING task_id, parent_task_id`

	// Many at once: the tasks, their messages and the fence in one statement.
	sqlFinishMany = `WITH f AS (
			UPDATE tasks AS t SET status = CASE t.status WHEN 'terminating' THEN 'terminated' ELSE 'complete' END,
				result_status = n.status, result_message = n.message, result_reason = n.reason, result_error_count = n.errors,
				result_successes = n.successes::text[], result_failures = n.failures::text[], result_links = n.links::json,
				resolution = coalesce(n.resolution, t.resolution), version = t.version + 1, updated = {clock}
			FROM unnest($3::bytea[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[], $11::int[], $12::text[])
				AS n(task_id, status, message, reason, errors, successes, failures, links, attempt, resolution)
			WHERE t.task_id = n.task_id AND t.status IN ('running', 'terminating') AND t.term = $1 AND n.attempt IN (0, t.attempt)
				AND EXISTS (SELECT 1 FROM active_instance WHERE identity = $2 AND term = $1 AND expires > {clock} {key share})
			RETURNING t.task_id, t.parent_task_id)`
	sqlFinished = ` SELECT task_id, parent_task_id FROM f`
)

var sqlFinishManyWithMessages = sqlFinishMany + `, said AS (` + sqlMessageColumns +
	fmt.Sprintf(sqlMessageRows, "$14", "$15", "$16", "$17", "$18", "$19", "$20", "$13", "f") + `)` + sqlFinished

type finished struct{ task, parent drydock.TaskID }

// FinishTasks records the ends of tasks that run under l, with their last messages, in one transaction: running ones become complete, those whose
// termination was asked for terminated. It returns those that it ended; a task that was not active under l any more, or is at another attempt, is left out, and so are its
// messages. Repeating it after ErrUnknown is safe. ErrInvalid: a result or a message is refused, nothing was written; ErrLeaseLost.
func (s *Store) FinishTasks(ctx context.Context, l drydock.Lease, f []drydock.TaskFinish) ([]drydock.TaskID, error) {
	if len(f) == 0 {
		return nil, nil
	}
	seen := make(map[drydock.TaskID]bool, len(f))
	for i := range f {
		if seen[f[i].ID] {
			return nil, fmt.Errorf("finish tasks: %w: task %s is given twice", drydock.ErrInvalid, f[i].ID)
		}
		seen[f[i].ID] = true
		if err := first(checkResult(&f[i].Result), checkMessages(f[i].Messages), checkResolution(f[i].Resolution)); err != nil {
			return nil, fmt.Errorf("finish task %s: %w", f[i].ID, err)
		}
	}
	var done []finished
	run := s.writeOne
	if !s.d.bulk {
		run = s.write
	}
	err := run(ctx, "finish tasks", func(ctx context.Context, q querier) (err error) {
		if s.d.bulk {
			done, err = s.finishMany(ctx, q, l, f)
		} else {
			done, err = s.finishEach(ctx, q, l, f)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(done) == 0 {
		return nil, s.holds(ctx, l)
	}
	ids, topics := make([]drydock.TaskID, len(done)), make([]string, 0, len(done))
	for i, d := range done {
		ids[i] = d.task
		topics = append(topics, string(d.task))
		if d.parent != "" {
			topics = append(topics, string(d.parent))
		}
	}
	s.bells.ring(topics...)
	return ids, nil
}

func (s *Store) finishEach(ctx context.Context, q querier, l drydock.Lease, f []drydock.TaskFinish) ([]finished, error) {
	var done []finished
	for i := range f {
		r := &f[i].Result
		one, err := s.finished(ctx, q, sqlFinish, l.Term, idBytes(drydock.TaskID(l.Holder)), idBytes(f[i].ID), string(r.Status), nullable(r.Message),
			nullable(r.Reason), errorsIn(&f[i]), s.d.texts(r.Successes), s.d.texts(r.Failures), linksText(r.Links), f[i].Attempt,
			resolutionText(f[i].Resolution))
		if err != nil {
			return nil, err
		}
		if len(one) == 0 {
			continue
		}
		done = append(done, one...)
		list := make([]messageInsert, 0, len(f[i].Messages))
		for _, m := range f[i].Messages {
			list = append(list, messageInsert{f[i].ID, m})
		}
		if err := s.insertMessages(ctx, q, list); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// errorsIn is the error count to store: upstream shows the count of error messages, whatever is stored.
func errorsIn(f *drydock.TaskFinish) int {
	n := 0
	for i := range f.Messages {
		if f.Messages[i].Error {
			n++
		}
	}
	return max(n, f.Result.ErrorCount)
}

func (s *Store) finishMany(ctx context.Context, q querier, l drydock.Lease, f []drydock.TaskFinish) ([]finished, error) {
	n := len(f)
	ids, errs, attempts := make([][]byte, n), make([]int32, n), make([]int32, n)
	status, successes, failures, refs := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	message, reason, resolutions := make([]*string, n), make([]*string, n), make([]*string, n)
	var said []messageInsert
	for i := range f {
		r := &f[i].Result
		ids[i], status[i], errs[i] = idBytes(f[i].ID), string(r.Status), int32(errorsIn(&f[i])) //nolint:gosec // bounded by MaxMessageBatch
		attempts[i] = int32(f[i].Attempt)                                                       //nolint:gosec // as read from an integer column
		message[i], reason[i], resolutions[i] = optional(r.Message), optional(r.Reason), resolutionText(f[i].Resolution)
		successes[i], failures[i], refs[i] = textArrayText(r.Successes), textArrayText(r.Failures), linksText(r.Links)
		for _, m := range f[i].Messages {
			said = append(said, messageInsert{f[i].ID, m})
		}
	}
	text := sqlFinishMany + sqlFinished
	args := []any{l.Term, idBytes(drydock.TaskID(l.Holder)), ids, status, message, reason, errs, successes, failures, refs, attempts, resolutions}
	if len(said) > 0 {
		text = sqlFinishManyWithMessages
		args = append(args, s.messageArgs(said)...)
	}
	return s.finished(ctx, q, text, args...)
}

func (s *Store) finished(ctx context.Context, q querier, text string, args ...any) ([]finished, error) {
	var list []finished
	rows, err := q.QueryContext(ctx, s.d.text(text), args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var task, parent id
		err := rows.Scan(&task, &parent)
		list = append(list, finished{task.TaskID, parent.TaskID})
		return err
	})
	return list, err
}

// textArrayText is the text form of PostgreSQL's text[].
func textArrayText(s []string) string {
	if len(s) == 0 {
		return "{}"
	}
	var b strings.Builder
	sep := byte('{')
	for _, item := range s {
		b.WriteByte(sep)
		b.WriteByte('"')
		for i := 0; i < len(item); i++ {
			if item[i] == '"' || item[i] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(item[i])
		}
		b.WriteByte('"')
		sep = ','
	}
	b.WriteByte('}')
	return b.String()
}
