package bench

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"drydock"
)

const (
	designRef = "file:///srv/designs/region/site.yaml"
	created   = drydock.Action("bench-create") // no dispatcher has it, so it stays queued
)

// sqlBareInsert makes one task; the instants are the database's, as the store's are.
const sqlBareInsert = `INSERT INTO tasks (task_id, parent_task_id, subtask_id_list, action, design_ref, node_filter, created_by, retry,
		result_successes, result_failures, result_links, request_context, result_status, result_error_count, status, terminate, created)
	VALUES ($1, $2, {none}, $3, $4, 'null', $5, 0, {none}, {none}, '{}', 'null', 'incomplete', 0, 'queued', false, {clock})`

func prepareCreate(ctx context.Context, l *lab) (ours, bare side, err error) {
	insert, err := l.stmt(ctx, l.write, sqlBareInsert+` RETURNING created`)
	if err != nil {
		return ours, bare, err
	}
	ours = calling(func(ctx context.Context, _ *client) error {
		_, _, err := l.store.CreateTask(ctx, drydock.NewTask{Action: created, DesignRef: designRef, CreatedBy: "bench"})
		return err
	})
	bare = calling(func(ctx context.Context, _ *client) error {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		if l.postgres {
			var at time.Time
			return insert.QueryRowContext(ctx, id[:], nil, string(created), designRef, "bench").Scan(&at)
		}
		var at int64
		return insert.QueryRowContext(ctx, id[:], nil, string(created), designRef, "bench").Scan(&at)
	})
	return ours, bare, nil
}

const bareColumns = `task_id, parent_task_id, subtask_id_list, action, design_ref, node_filter, status, result_status, result_message, result_reason,
	result_error_count, result_successes, result_failures, result_links, retry, attempt, term, version, created, created_by, updated, terminate, terminated,
	terminated_by, idempotency_key`

// bareTask has the columns of a task in plain variables.
type bareTask struct {
	id, parent                                                        []byte
	filter, links                                                     []byte
	subtasks, successes, failures                                     sql.NullString
	action, design, status, result, message, reason, by, endedBy, key sql.NullString
	errors, retry, attempt, term, version                             sql.NullInt64
	created, updated, terminated                                      sql.NullTime
	createdAt, updatedAt, terminatedAt                                sql.NullInt64
	terminate                                                         sql.NullBool
}

func (t *bareTask) targets(postgres bool) []any {
	created, updated, terminated := any(&t.createdAt), any(&t.updatedAt), any(&t.terminatedAt)
	if postgres {
		created, updated, terminated = &t.created, &t.updated, &t.terminated
	}
	return []any{
		&t.id, &t.parent, &t.subtasks, &t.action, &t.design, &t.filter, &t.status, &t.result, &t.message, &t.reason, &t.errors, &t.successes, &t.failures,
		&t.links, &t.retry, &t.attempt, &t.term, &t.version, created, &t.by, updated, &t.terminate, terminated, &t.endedBy, &t.key,
	}
}

func prepareGet(ctx context.Context, l *lab) (ours, bare side, err error) {
	one, err := l.stmt(ctx, l.read, `SELECT `+bareColumns+` FROM tasks WHERE task_id = $1`)
	if err != nil {
		return ours, bare, err
	}
	list, err := l.stmt(ctx, l.read, `SELECT sequence, task_id, message, error, context_type, context, ts, extra FROM result_message WHERE task_id = $1 ORDER BY sequence`)
	if err != nil {
		return ours, bare, err
	}
	ours = calling(func(ctx context.Context, c *client) error {
		t := l.choose(c)
		if _, err := l.store.Task(ctx, t.id); err != nil {
			return err
		}
		m, err := l.store.Messages(ctx, t.id, 0, 0)
		if err == nil && len(m) != messages {
			err = errShort
		}
		return err
	})
	bare = calling(func(ctx context.Context, c *client) error {
		t := l.choose(c)
		var row bareTask
		if err := one.QueryRowContext(ctx, t.raw).Scan(row.targets(l.postgres)...); err != nil {
			return err
		}
		n, err := l.readMessages(ctx, list, t.raw)
		if err == nil && n != messages {
			err = errShort
		}
		return err
	})
	return ours, bare, nil
}

func (l *lab) readMessages(ctx context.Context, list *sql.Stmt, raw []byte) (int, error) {
	var seq int64
	var task, extra []byte
	var text, kind, about sql.NullString
	var isError sql.NullBool
	var at sql.NullTime
	var micros sql.NullInt64
	when := any(&micros)
	if l.postgres {
		when = &at
	}
	rows, err := list.QueryContext(ctx, raw)
	return drain(rows, err, &seq, &task, &text, &isError, &kind, &about, when, &extra)
}

const page = 100

func preparePage(ctx context.Context, l *lab) (ours, bare side, err error) {
	list, err := l.stmt(ctx, l.read, `SELECT `+bareColumns+` FROM tasks WHERE created < $1 ORDER BY created DESC NULLS LAST, task_id DESC LIMIT $2`)
	if err != nil {
		return ours, bare, err
	}
	ours = calling(func(ctx context.Context, c *client) error {
		p, err := l.store.Tasks(ctx, drydock.TaskQuery{Until: l.createdBefore(c, page), Limit: page})
		if err == nil && len(p.Tasks) != page {
			err = errShort
		}
		return err
	})
	bare = calling(func(ctx context.Context, c *client) error {
		var row bareTask
		rows, err := list.QueryContext(ctx, l.time(l.createdBefore(c, page)), page)
		n, err := drain(rows, err, row.targets(l.postgres)...)
		if err == nil && n != page {
			err = errShort
		}
		return err
	})
	return ours, bare, nil
}

const (
	tree     = 2_000 // tasks, the root included
	branches = 40    // children of the root
	trees    = 4
)

func prepareSubtree(ctx context.Context, l *lab) (ours, bare side, err error) {
	var roots []task
	for range trees {
		root := drydock.NewTask{Action: "bench-tree", DesignRef: designRef, Subtasks: make([]drydock.NewTask, branches)}
		for i := range branches {
			root.Subtasks[i] = drydock.NewTask{Action: "bench-tree", DesignRef: designRef}
		}
		for i := range tree - branches - 1 {
			b := &root.Subtasks[i%branches]
			b.Subtasks = append(b.Subtasks, drydock.NewTask{Action: "bench-tree", DesignRef: designRef})
		}
		t, _, err := l.store.CreateTask(ctx, root)
		if err != nil {
			return ours, bare, err
		}
		raw, err := uuid.Parse(string(t.ID))
		if err != nil {
			return ours, bare, err
		}
		roots = append(roots, task{t.ID, raw[:]})
	}
	list, err := l.stmt(ctx, l.read, `WITH RECURSIVE tree(id) AS (SELECT task_id FROM tasks WHERE task_id = $1 UNION ALL SELECT c.task_id FROM tree JOIN tasks c ON c.parent_task_id = tree.id)
		SELECT `+bareColumns+` FROM tree CROSS JOIN tasks WHERE task_id = tree.id ORDER BY created, task_id`) // SQLite keeps the order of a CROSS JOIN
	if err != nil {
		return ours, bare, err
	}
	ours = calling(func(ctx context.Context, c *client) error {
		all, err := l.store.Subtree(ctx, roots[c.rng.IntN(trees)].id, 0)
		if err == nil && len(all) != tree {
			err = errShort
		}
		return err
	})
	bare = calling(func(ctx context.Context, c *client) error {
		var row bareTask
		rows, err := list.QueryContext(ctx, roots[c.rng.IntN(trees)].raw)
		n, err := drain(rows, err, row.targets(l.postgres)...)
		if err == nil && n != tree {
			err = errShort
		}
		return err
	})
	return ours, bare, nil
}

// children is how many subtasks one call makes.
const children = 1000

// parents are tasks that run under the lease, each for one call.
type parents struct {
	list []task
	next atomic.Int64
}

func (p *parents) take() (*task, error) {
	i := int(p.next.Add(1)) - 1
	if i >= len(p.list) {
		return nil, errDry
	}
	return &p.list[i], nil
}

func prepareSubtasks(ctx context.Context, l *lab) (ours, bare side, err error) {
	asked := make([]drydock.NewTask, children)
	for i := range asked {
		asked[i] = drydock.NewTask{Action: "bench-child", DesignRef: designRef, CreatedBy: "bench"}
	}
	var p parents
	refill := func(ctx context.Context, n int, d time.Duration) error {
		const most = 500 // calls a second
		missing := n + int(most*d.Seconds()) - (len(p.list) - int(min(p.next.Load(), int64(len(p.list)))))
		p.list = p.list[min(int(p.next.Load()), len(p.list)):]
		p.next.Store(0)
		if missing <= 0 {
			return nil
		}
		more, err := l.seeded(ctx, missing, "bench-parent", drydock.StatusRunning)
		p.list = append(p.list, more...)
		return err
	}
	ours = calling(func(ctx context.Context, _ *client) error {
		t, err := p.take()
		if err != nil {
			return err
		}
		made, err := l.store.CreateSubtasks(ctx, l.lease, t.id, asked)
		if err == nil && len(made) != children {
			err = errShort
		}
		return err
	})
	insert, err := l.bareInsertMany(ctx)
	bare = calling(func(ctx context.Context, _ *client) error {
		t, err := p.take()
		if err != nil {
			return err
		}
		return insert(ctx, t.raw)
	})
	ours.refill, bare.refill = refill, refill
	return ours, bare, err
}

const sqlBareInsertMany = `INSERT INTO tasks (task_id, parent_task_id, subtask_id_list, action, design_ref, node_filter, created_by, retry,
		result_successes, result_failures, result_links, request_context, result_status, result_error_count, status, terminate, created)
	SELECT n.id, $1, {none}, n.action, n.design, 'null', n.by, 0, {none}, {none}, '{}', 'null', 'incomplete', 0, 'queued', false, {clock}
	FROM unnest($2::bytea[], $3::text[], $4::text[], $5::text[]) AS n(id, action, design, by)`

// bareInsertMany makes the children of a parent: by one statement on PostgreSQL, by a prepared one in a transaction on SQLite.
func (l *lab) bareInsertMany(ctx context.Context) (func(ctx context.Context, parent []byte) error, error) {
	if !l.postgres {
		insert, err := l.stmt(ctx, l.write, sqlBareInsert)
		return func(ctx context.Context, parent []byte) error {
			return l.inTransaction(ctx, insert, children, func(s *sql.Stmt, _ int) error {
				id, err := uuid.NewV7()
				if err != nil {
					return err
				}
				_, err = s.ExecContext(ctx, id[:], parent, "bench-child", designRef, "bench")
				return err
			})
		}, err
	}
	insert, err := l.stmt(ctx, l.write, sqlBareInsertMany)
	return func(ctx context.Context, parent []byte) error {
		ids, actions, designs, by := make([][]byte, children), make([]string, children), make([]string, children), make([]string, children)
		for i := range children {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			ids[i], actions[i], designs[i], by[i] = id[:], "bench-child", designRef, "bench"
		}
		_, err := insert.ExecContext(ctx, parent, ids, actions, designs, by)
		return err
	}, err
}

// inTransaction calls one n times with s in a transaction of its own.
func (l *lab) inTransaction(ctx context.Context, s *sql.Stmt, n int, one func(s *sql.Stmt, i int) error) error {
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	inside := tx.StmtContext(ctx, s)
	for i := range n {
		if err := one(inside, i); err != nil {
			return fmt.Errorf("statement %d: %w", i, err)
		}
	}
	return tx.Commit()
}
