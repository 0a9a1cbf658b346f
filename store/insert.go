package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"drydock"
)

// taskInsert is one row to be made.
type taskInsert struct {
	drydock.NewTask
	id, parent drydock.TaskID
	children   []drydock.TaskID
}

// plant turns a task and its subtasks into rows, parents first, appended to rows.
func plant(n drydock.NewTask, parent drydock.TaskID, rows []taskInsert) ([]taskInsert, error) {
	var grow func(n drydock.NewTask, id, parent drydock.TaskID, depth int) error
	grow = func(n drydock.NewTask, id, parent drydock.TaskID, depth int) error {
		if err := checkNewTask(&n, depth, len(rows)+1); err != nil {
			return err
		}
		if f := string(n.NodeFilter); f == "" || f == "null" {
			n.NodeFilter = nil
		}
		me := len(rows)
		rows = append(rows, taskInsert{NewTask: n, id: id, parent: parent})
		var children []drydock.TaskID
		for range n.Subtasks {
			children = append(children, newID())
		}
		rows[me].children = children
		for i, sub := range n.Subtasks {
			if err := grow(sub, children[i], id, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	err := grow(n, newID(), parent, 1)
	return rows, err
}

// task is what the row will be once it is made.
func (r *taskInsert) task(created instant) drydock.Task {
	return drydock.Task{
		ID: r.id, Parent: r.parent, Subtasks: r.children, Action: r.Action, DesignRef: r.DesignRef, NodeFilter: r.NodeFilter,
		Status: drydock.StatusQueued, Result: drydock.Result{Status: drydock.ResultIncomplete}, Retry: r.Retry,
		Created: created.Time, CreatedBy: r.CreatedBy, Key: r.Key,
	}
}

// insertTask makes one row. errKeyKnown: its key exists.
func (s *Store) insertTask(ctx context.Context, q querier, r *taskInsert) (drydock.Task, error) {
	var created instant
	err := q.QueryRowContext(ctx, s.d.text(sqlInsertOne), s.insertArgs(r, nil)...).Scan(&created)
	if errors.Is(err, sql.ErrNoRows) {
		return drydock.Task{}, fmt.Errorf("%w: %q", errKeyKnown, r.Key)
	}
	return r.task(created), err
}

func (s *Store) insertArgs(r *taskInsert, created any) []any {
	return []any{
		idBytes(r.id), idBytes(r.parent), s.d.ids(r.children), string(r.Action), r.DesignRef, nullableJSON(r.NodeFilter), nullable(r.CreatedBy),
		nullable(r.Key), r.Retry, s.d.texts(nil), created,
	}
}

// insertEach makes many rows where a statement costs no round trip. They have the same time; their ids grow.
func (s *Store) insertEach(ctx context.Context, q querier, list []taskInsert) ([]drydock.Task, error) {
	var now instant
	if err := q.QueryRowContext(ctx, s.d.text(`SELECT {clock}`)).Scan(&now); err != nil {
		return nil, err
	}
	made := make([]drydock.Task, 0, len(list))
	for i := range list {
		r, err := q.ExecContext(ctx, s.d.text(sqlInsertTask), s.insertArgs(&list[i], s.d.time(now.Time))...)
		if err != nil {
			return nil, err
		}
		if affected(r) == 0 {
			return nil, fmt.Errorf("%w: %q", errKeyKnown, list[i].Key)
		}
		made = append(made, list[i].task(now))
	}
	return made, nil
}

const sqlInsertTasks = `INSERT INTO tasks (task_id, parent_task_id, subtask_id_list, action, design_ref, node_filter, created_by, idempotency_key, retry,
		result_successes, result_failures, result_links, request_context, result_status, result_error_count, status, terminate, created)
	SELECT n.task_id, n.parent, n.children::bytea[], n.action, n.design_ref, n.node_filter::json, n.created_by, n.key, n.retry,
		'{}', '{}', '{}', 'null', 'incomplete', 0, 'queued', false, {clock}
	FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[])
		WITH ORDINALITY AS n(task_id, parent, children, action, design_ref, node_filter, created_by, key, retry, place)
	ORDER BY n.place
	ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING RETURNING task_id, created`

// insertTasks makes many rows in their order. errKeyKnown: the key of one exists.
func (s *Store) insertTasks(ctx context.Context, q querier, list []taskInsert) ([]drydock.Task, error) {
	if len(list) == 0 {
		return nil, nil
	}
	if !s.d.bulk {
		return s.insertEach(ctx, q, list)
	}
	made := make([]drydock.Task, 0, len(list))
	n := len(list)
	ids, parents := make([][]byte, n), make([][]byte, n)
	texts := [6][]*string{}
	for i := range texts {
		texts[i] = make([]*string, n)
	}
	retries := make([]int32, n)
	for i := range list {
		r := &list[i]
		ids[i], parents[i], retries[i] = idBytes(r.id), idBytes(r.parent), int32(r.Retry)
		children, action, filter := idArrayText(r.children), string(r.Action), "null"
		if len(r.NodeFilter) > 0 {
			filter = string(r.NodeFilter)
		}
		texts[0][i], texts[1][i], texts[2][i], texts[3][i] = &children, &action, &r.DesignRef, &filter
		texts[4][i], texts[5][i] = optional(r.CreatedBy), optional(r.Key)
	}
	created := make(map[drydock.TaskID]instant, n)
	rows, err := q.QueryContext(ctx, s.d.text(sqlInsertTasks), ids, parents, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], retries)
	err = each(rows, err, func(rows *sql.Rows) error {
		var task id
		var at instant
		err := rows.Scan(&task, &at)
		created[task.TaskID] = at
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		at, ok := created[list[i].id]
		if !ok {
			return nil, fmt.Errorf("%w: %q", errKeyKnown, list[i].Key)
		}
		made = append(made, list[i].task(at))
	}
	return made, nil
}

// idArrayText is the text form of PostgreSQL's bytea[].
func idArrayText(ids []drydock.TaskID) string {
	b := []byte{'{'}
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `"\\x%x"`, idBytes(id))
	}
	return string(append(b, '}'))
}

// optional is nil for the empty string: NULL as an array element.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
