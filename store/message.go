package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"drydock"
)

// Messages of a task are numbered by the table's sequence while a lock of the task is held until the commit, so the numbers of one task grow in the
// order of its commits: a reader that goes on after the last number it saw misses none. (The sequence alone would not do: a number drawn earlier may
// be committed later.) SQLite has one writer and needs no lock. The locks are striped, so that a transaction for many tasks holds a bounded number.
const stripes = 1024

func stripe(task drydock.TaskID) int32 {
	raw := idBytes(task)
	if raw == nil {
		return 0
	}
	return (int32(raw[14])<<8 | int32(raw[15])) % stripes
}

const (
	sqlInsertMessage = sqlMessageColumns + `SELECT $1, $3, $4, $5, $6, coalesce($7, {clock}), $8
		WHERE EXISTS (SELECT 1 FROM tasks WHERE task_id = $1) {message lock}`
	// Several, one by one inside a transaction, after the task was looked up.
	sqlTaskExists  = `SELECT count(*) FROM tasks WHERE task_id = $1`
	sqlAppendPlain = sqlMessageColumns + `VALUES ($1, $2, $3, $4, $5, coalesce($6, {clock}), $7)`

	// Of one or of many tasks, in the order given; $1 holds the stripes to lock, without repetition and in order.
	sqlMessageRows = `SELECT m.task_id, m.message, m.error, m.context_type, m.context, coalesce(m.ts, {clock}), m.extra::json
		FROM unnest(%s::bytea[], %s::text[], %s::boolean[], %s::text[], %s::text[], %s::timestamp[], %s::text[])
			WITH ORDINALITY AS m(task_id, message, error, context_type, context, ts, extra, place),
		(SELECT count(*) FROM (SELECT pg_advisory_xact_lock(1146637419, l) FROM unnest(%s::int[]) AS l) AS locked) AS held
		WHERE m.task_id IN (SELECT task_id FROM %s) ORDER BY m.place`
	sqlMessageColumns = `INSERT INTO result_message (task_id, message, error, context_type, context, ts, extra) `
)

var sqlInsertMessages = sqlMessageColumns + fmt.Sprintf(sqlMessageRows, "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$1", "tasks")

type messageInsert struct {
	task drydock.TaskID
	drydock.Message
}

// AddMessages appends to the messages of a task, in order, all or nothing. Messages without a time get the database's. It is not fenced: a late
// message is history, not state. ErrNotFound: no such task; ErrInvalid: a limit of package drydock is exceeded.
func (s *Store) AddMessages(ctx context.Context, task drydock.TaskID, m ...drydock.Message) error {
	if len(m) == 0 {
		return nil
	}
	if err := checkMessages(m); err != nil {
		return fmt.Errorf("add messages: %w", err)
	}
	list := make([]messageInsert, len(m))
	for i := range m {
		list[i] = messageInsert{task, m[i]}
	}
	insert := s.writeOne
	if len(m) > 1 && !s.d.bulk {
		insert = s.write
	}
	err := insert(ctx, "add messages", func(ctx context.Context, q querier) error { return s.insertMessages(ctx, q, list) })
	if err == nil {
		s.bells.ring(string(task))
	}
	return err
}

// insertMessages appends messages in their order. ErrNotFound: a task does not exist.
func (s *Store) insertMessages(ctx context.Context, q querier, list []messageInsert) error {
	if len(list) > 1 && s.d.bulk {
		r, err := q.ExecContext(ctx, s.d.text(sqlInsertMessages), s.messageArgs(list)...)
		if err == nil && affected(r) != int64(len(list)) {
			err = fmt.Errorf("%w: task of a message", drydock.ErrNotFound)
		}
		return err
	}
	if len(list) > 1 {
		return s.appendPlain(ctx, q, list)
	}
	for i := range list {
		m := &list[i]
		r, err := q.ExecContext(ctx, s.d.text(sqlInsertMessage), idBytes(m.task), stripe(m.task), m.Text, m.Error, m.ContextType, m.Context,
			s.d.time(m.Time), extraText(m.Extra))
		if err != nil {
			return err
		}
		if affected(r) == 0 {
			return fmt.Errorf("%w: task %s", drydock.ErrNotFound, m.task)
		}
	}
	return nil
}

// appendPlain is insertMessages where a statement costs no round trip and there is one writer.
func (s *Store) appendPlain(ctx context.Context, q querier, list []messageInsert) error {
	var task []byte
	for i := range list {
		m := &list[i]
		if i == 0 || m.task != list[i-1].task {
			task = idBytes(m.task)
			var n int
			if err := q.QueryRowContext(ctx, s.d.text(sqlTaskExists), task).Scan(&n); err != nil {
				return err
			}
			if n == 0 {
				return fmt.Errorf("%w: task %s", drydock.ErrNotFound, m.task)
			}
		}
		_, err := q.ExecContext(ctx, s.d.text(sqlAppendPlain), task, m.Text, m.Error, m.ContextType, m.Context, s.d.time(m.Time), extraText(m.Extra))
		if err != nil {
			return err
		}
	}
	return nil
}

// messageArgs are the arguments of sqlMessageRows: locks first, then the columns.
func (s *Store) messageArgs(list []messageInsert) []any {
	n := len(list)
	tasks, errs, times := make([][]byte, n), make([]bool, n), make([]*time.Time, n)
	texts, types, contexts, extras := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	locks := make([]int32, 0, 1)
	for i := range list {
		m := &list[i]
		if i > 0 && m.task == list[i-1].task {
			tasks[i] = tasks[i-1]
		} else {
			tasks[i] = idBytes(m.task)
			locks = append(locks, stripe(m.task))
		}
		texts[i], errs[i], types[i], contexts[i], extras[i] = m.Text, m.Error, m.ContextType, m.Context, extraText(m.Extra)
		if !m.Time.IsZero() {
			t := m.Time.UTC()
			times[i] = &t
		}
	}
	slices.Sort(locks) // everyone locks in the same order
	return []any{slices.Compact(locks), tasks, texts, errs, types, contexts, times, extras}
}

func extraText(raw []byte) string {
	if len(raw) == 0 {
		return "{}"
	}
	return string(raw)
}

const (
	messageColumns = `sequence, task_id, message, error, context_type, context, ts, extra`
	sqlMessages    = `SELECT ` + messageColumns + ` FROM result_message WHERE task_id = $1 AND sequence > CAST($2 AS bigint) ORDER BY sequence {limit(}$3{)}`
	sqlMessagesOf  = `SELECT ` + messageColumns + ` FROM result_message WHERE task_id {ids(}$1{)} ORDER BY task_id, sequence {limit(}$2{)}`
	sqlErrorCounts = `SELECT task_id, count(*) FROM result_message WHERE task_id {ids(}$1{)} AND error GROUP BY task_id`
)

// Messages returns up to limit messages of a task with Seq above after, in order. limit 0 means drydock.MaxMessageBatch, which is also the most. A
// task that does not exist has none.
func (s *Store) Messages(ctx context.Context, task drydock.TaskID, after int64, limit int) ([]drydock.Message, error) {
	if limit < 0 || limit > drydock.MaxMessageBatch {
		return nil, fmt.Errorf("list messages: %w: limit %d, at most %d", drydock.ErrInvalid, limit, drydock.MaxMessageBatch)
	}
	if limit == 0 {
		limit = drydock.MaxMessageBatch
	}
	var list []drydock.Message
	err := s.messages(ctx, func(_ drydock.TaskID, m drydock.Message) { list = append(list, m) }, sqlMessages, idBytes(task), after, limit)
	return list, err
}

// maxListed is how many messages one list of tasks carries in all.
const maxListed = 100 * drydock.MaxMessageBatch

// MessagesByTask returns the messages of several tasks in one query, each task's in order. ErrInvalid if they are more than a million: ask for fewer tasks.
func (s *Store) MessagesByTask(ctx context.Context, ids []drydock.TaskID) (map[drydock.TaskID][]drydock.Message, error) {
	byTask := make(map[drydock.TaskID][]drydock.Message, len(ids))
	if len(ids) == 0 {
		return byTask, nil
	}
	n := 0
	err := s.messages(ctx, func(task drydock.TaskID, m drydock.Message) {
		n++
		byTask[task] = append(byTask[task], m)
	}, sqlMessagesOf, s.d.ids(ids), maxListed+1)
	if err == nil && n > maxListed {
		err = fmt.Errorf("list messages: %w: these %d tasks have more than %d messages; ask for fewer tasks, or without messages", drydock.ErrInvalid, len(ids), maxListed)
	}
	return byTask, err
}

func (s *Store) messages(ctx context.Context, one func(drydock.TaskID, drydock.Message), text string, args ...any) error {
	return s.read(ctx, "list messages", func(ctx context.Context, q querier) error {
		var task id
		var seq int64
		var body, kind, about sql.NullString
		var isError flag
		var at instant
		var extra rawJSON
		targets := []any{&seq, &task, &body, &isError, &kind, &about, &at, &extra}
		rows, err := q.QueryContext(ctx, s.d.text(text), args...)
		return each(rows, err, func(rows *sql.Rows) error {
			if err := rows.Scan(targets...); err != nil {
				return err
			}
			one(task.TaskID, drydock.Message{
				Seq: seq, Text: body.String, Error: bool(isError), ContextType: kind.String, Context: about.String, Time: at.Time, Extra: []byte(extra),
			})
			return nil
		})
	})
}

// ErrorCounts counts the error messages of several tasks; tasks without any are missing.
func (s *Store) ErrorCounts(ctx context.Context, ids []drydock.TaskID) (map[drydock.TaskID]int, error) {
	counts := make(map[drydock.TaskID]int, len(ids))
	if len(ids) == 0 {
		return counts, nil
	}
	err := s.read(ctx, "count errors", func(ctx context.Context, q querier) error {
		rows, err := q.QueryContext(ctx, s.d.text(sqlErrorCounts), s.d.ids(ids))
		return each(rows, err, func(rows *sql.Rows) error {
			var task id
			var n int
			err := rows.Scan(&task, &n)
			counts[task.TaskID] = n
			return err
		})
	})
	return counts, err
}
