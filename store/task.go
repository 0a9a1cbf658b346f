package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"drydock"
)

const taskColumns = `t.task_id, t.parent_task_id, t.subtask_id_list, t.action, t.design_ref, t.node_filter, t.status, t.result_status, t.result_message,
	t.result_reason, t.result_error_count, t.result_successes, t.result_failures, t.result_links, t.retry, t.attempt, t.term, t.version, t.created,
	t.created_by, t.updated, t.terminate, t.terminated, t.terminated_by, t.idempotency_key, t.resolution`

const (
	sqlTask       = `SELECT ` + taskColumns + ` FROM tasks t WHERE t.task_id = $1`
	sqlTaskLocked = sqlTask + ` {for update}`
	sqlTasksByKey = `SELECT ` + taskColumns + ` FROM tasks t WHERE t.idempotency_key {texts(}$1{)}`

	// One statement per task: it is queued from its first moment, so a crash leaves no half-made one.
	sqlInsertTask = `INSERT INTO tasks (task_id, parent_task_id, subtask_id_list, action, design_ref, node_filter, created_by, idempotency_key, retry,
			result_successes, result_failures, result_links, request_context, result_status, result_error_count, status, terminate, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, '{}', 'null', 'incomplete', 0, 'queued', false, coalesce($11, {clock}))
		ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING`
	sqlInsertOne = sqlInsertTask + ` RETURNING created`

	sqlSetSubtasks = `UPDATE tasks SET subtask_id_list = $2, updated = {clock}, version = version + 1 WHERE task_id = $1`

	// The fence of a transaction: the lease row, held so that its holder cannot change before the commit.
	sqlFence = `SELECT 1 FROM active_instance WHERE identity = $1 AND term = $2 AND expires > {clock} {key share}`
)

// taskRow scans taskColumns. One is used for all rows of a query.
type taskRow struct {
	id, parent                                      id
	subtasks                                        idArray
	action, design, status, result, message, reason sql.NullString
	createdBy, terminatedBy, key                    sql.NullString
	filter                                          storedJSON
	errors, retry, attempt, term, version           sql.NullInt64
	successes, failures                             textArray
	links                                           links
	created, updated, terminated                    instant
	terminate                                       flag
	resolution                                      resolution
}

func (r *taskRow) targets() []any {
	return []any{
		&r.id, &r.parent, &r.subtasks, &r.action, &r.design, &r.filter, &r.status, &r.result, &r.message, &r.reason, &r.errors, &r.successes,
		&r.failures, &r.links, &r.retry, &r.attempt, &r.term, &r.version, &r.created, &r.createdBy, &r.updated, &r.terminate, &r.terminated,
		&r.terminatedBy, &r.key, &r.resolution,
	}
}

func (r *taskRow) task() drydock.Task {
	return drydock.Task{
		ID: r.id.TaskID, Parent: r.parent.TaskID, Subtasks: r.subtasks, Action: drydock.Action(r.action.String), DesignRef: r.design.String,
		NodeFilter: json.RawMessage(r.filter), Status: drydock.TaskStatus(r.status.String),
		Result: drydock.Result{
			Status: drydock.ResultStatus(r.result.String), Message: r.message.String, Reason: r.reason.String, ErrorCount: int(r.errors.Int64),
			Successes: r.successes, Failures: r.failures, Links: r.links,
		},
		Retry: int(r.retry.Int64), Attempt: int(r.attempt.Int64), Term: r.term.Int64, Version: r.version.Int64,
		Created: r.created.Time, CreatedBy: r.createdBy.String, Updated: r.updated.Time,
		Terminate: bool(r.terminate), Terminated: r.terminated.Time, TerminatedBy: r.terminatedBy.String, Key: r.key.String,
		Resolution: r.resolution.Resolution,
	}
}

// tasks runs a query that selects taskColumns.
func (s *Store) tasks(ctx context.Context, q querier, text string, args ...any) ([]drydock.Task, error) {
	var list []drydock.Task
	var row taskRow
	targets := row.targets()
	rows, err := q.QueryContext(ctx, s.d.text(text), args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		list = append(list, row.task())
		return nil
	})
	return list, err
}

// oneTask is tasks for a query by id.
func (s *Store) oneTask(ctx context.Context, q querier, text string, id drydock.TaskID) (drydock.Task, error) {
	var row taskRow
	err := q.QueryRowContext(ctx, s.d.text(text), idBytes(id)).Scan(row.targets()...)
	if errors.Is(err, sql.ErrNoRows) {
		return drydock.Task{}, fmt.Errorf("%w: task %s", drydock.ErrNotFound, id)
	}
	return row.task(), err
}

// Task returns one task, without its messages, or ErrNotFound. Result.ErrorCount is as of the task's end; count the messages where they are read.
func (s *Store) Task(ctx context.Context, id drydock.TaskID) (t drydock.Task, err error) {
	err = s.read(ctx, "get task", func(ctx context.Context, q querier) error {
		t, err = s.oneTask(ctx, q, sqlTask, id)
		return err
	})
	return t, err
}

// CreateTask queues a task together with its subtasks, all or nothing. With a key that exists it answers the task that has the key and created
// is false, so that repeating a creation whose outcome was ErrUnknown is safe; ErrConflict if that task asks for something else (action, design
// reference or node filter). ErrInvalid: a limit of package drydock is exceeded, or text holds NUL or is not UTF-8.
func (s *Store) CreateTask(ctx context.Context, n drydock.NewTask) (t drydock.Task, created bool, err error) {
	rows, err := plant(n, "", nil)
	if err != nil {
		return t, false, fmt.Errorf("create task: %w", err)
	}
	insert := s.writeOne
	if len(rows) > 1 {
		insert = s.write
	}
	err = insert(ctx, "create task", func(ctx context.Context, q querier) error {
		if t, err = s.insertTask(ctx, q, &rows[0]); err != nil || len(rows) == 1 {
			return err
		}
		_, err = s.insertTasks(ctx, q, rows[1:])
		if errors.Is(err, errKeyKnown) { // not the root's: there is no task to answer
			err = fmt.Errorf("%w: a subtask's %s", drydock.ErrConflict, err.Error())
		}
		return err
	})
	if errors.Is(err, errKeyKnown) {
		t, err = s.taskByKey(ctx, n)
		return t, false, err
	}
	if err != nil {
		return drydock.Task{}, false, err
	}
	s.bells.ring(TopicQueue)
	return t, true, nil
}

var errKeyKnown = fmt.Errorf("%w: the idempotency key is known", drydock.ErrConflict)

func (s *Store) taskByKey(ctx context.Context, n drydock.NewTask) (t drydock.Task, err error) {
	err = s.read(ctx, "create task", func(ctx context.Context, q querier) error {
		list, err := s.tasks(ctx, q, sqlTasksByKey, s.d.texts([]string{n.Key}))
		if err != nil {
			return err
		}
		if len(list) == 0 { // deleted since
			return fmt.Errorf("%w: the task with key %q has just been deleted; try again", drydock.ErrUnavailable, n.Key)
		}
		t = list[0]
		return sameRequest(&t, &n)
	})
	return t, err
}

// sameRequest says ErrConflict unless t is what n asks for.
func sameRequest(t *drydock.Task, n *drydock.NewTask) error {
	for _, part := range []struct {
		name string
		same bool
	}{
		{"action", t.Action == n.Action}, {"design reference", t.DesignRef == n.DesignRef}, {"node filter", sameJSON(t.NodeFilter, n.NodeFilter)},
	} {
		if !part.same {
			return fmt.Errorf("%w: key %q belongs to task %s, which has another %s; use a new key", drydock.ErrConflict, n.Key, t.ID, part.name)
		}
	}
	return nil
}

func sameJSON(a, b []byte) bool {
	var left, right any
	if json.Unmarshal(a, &left) != nil || json.Unmarshal(b, &right) != nil {
		return bytes.Equal(a, b)
	}
	x, _ := json.Marshal(left) // both came from JSON
	y, _ := json.Marshal(right)
	return bytes.Equal(x, y)
}

// CreateSubtasks queues children of a task that is running under l, in the order given, and returns them. A child with a key that a child of the
// same parent already has is returned instead of made again. ErrConflict: the parent is not running under l (asked to terminate, ended), or a key
// belongs to something else; ErrLeaseLost; ErrNotFound: no such parent.
func (s *Store) CreateSubtasks(ctx context.Context, l drydock.Lease, parent drydock.TaskID, n []drydock.NewTask) ([]drydock.Task, error) {
	var planted []taskInsert
	starts := make([]int, len(n)+1)
	for i := range n {
		var err error
		if planted, err = plant(n[i], parent, planted); err != nil {
			return nil, fmt.Errorf("create subtasks: %w", err)
		}
		starts[i+1] = len(planted)
	}
	var made []drydock.Task
	err := s.write(ctx, "create subtasks", func(ctx context.Context, q querier) error {
		p, err := s.lockOwned(ctx, q, l, parent)
		if err != nil {
			return err
		}
		known, err := s.childrenByKey(ctx, q, parent, n)
		if err != nil {
			return err
		}
		made = make([]drydock.Task, len(n))
		var rows []taskInsert
		at := map[drydock.TaskID]int{}
		for i := range n {
			if old, ok := known[n[i].Key]; ok {
				made[i] = old
				continue
			}
			child := planted[starts[i]:starts[i+1]]
			rows = append(rows, child...)
			at[child[0].id] = i
			p.Subtasks = append(p.Subtasks, child[0].id)
		}
		created, err := s.insertTasks(ctx, q, rows)
		if err != nil || len(created) == 0 {
			return err
		}
		for i := range created {
			if child, ok := at[created[i].ID]; ok {
				made[child] = created[i]
			}
		}
		_, err = q.ExecContext(ctx, s.d.text(sqlSetSubtasks), idBytes(parent), s.d.ids(p.Subtasks))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.bells.ring(TopicQueue, string(parent))
	return made, nil
}

// lockOwned locks a task and makes sure that it is running under l, which stands.
func (s *Store) lockOwned(ctx context.Context, q querier, l drydock.Lease, id drydock.TaskID) (drydock.Task, error) {
	if err := s.fence(ctx, q, l); err != nil {
		return drydock.Task{}, err
	}
	t, err := s.oneTask(ctx, q, sqlTaskLocked, id)
	if err != nil {
		return t, err
	}
	if t.Status != drydock.StatusRunning || t.Term != l.Term {
		return t, fmt.Errorf("%w: task %s is %s under term %d, not running under term %d", drydock.ErrConflict, id, t.Status, t.Term, l.Term)
	}
	return t, nil
}

// fence returns ErrLeaseLost unless l stands, and keeps it standing until the transaction ends.
func (s *Store) fence(ctx context.Context, q querier, l drydock.Lease) error {
	var one int
	err := q.QueryRowContext(ctx, s.d.text(sqlFence), idBytes(drydock.TaskID(l.Holder)), l.Term).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return leaseLost(l)
	}
	return err
}

func leaseLost(l drydock.Lease) error {
	return fmt.Errorf("%w: term %d of %s has ended", drydock.ErrLeaseLost, l.Term, l.Name)
}

func (s *Store) childrenByKey(ctx context.Context, q querier, parent drydock.TaskID, n []drydock.NewTask) (map[string]drydock.Task, error) {
	asked := map[string]*drydock.NewTask{}
	var keys []string
	for i := range n {
		if k := n[i].Key; k != "" {
			if asked[k] != nil {
				return nil, fmt.Errorf("%w: two subtasks have the key %q", drydock.ErrInvalid, k)
			}
			asked[k] = &n[i]
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	list, err := s.tasks(ctx, q, sqlTasksByKey, s.d.texts(keys))
	known := map[string]drydock.Task{}
	for _, t := range list {
		if t.Parent != parent {
			return nil, fmt.Errorf("%w: key %q belongs to task %s, which is no child of %s", drydock.ErrConflict, t.Key, t.ID, parent)
		}
		if err := sameRequest(&t, asked[t.Key]); err != nil {
			return nil, err
		}
		known[t.Key] = t
	}
	return known, err
}

// UpdateTask changes a task that is running or terminating under l: it is read under lock, given to change, checked and written, in one transaction.
// change may run more than once. Only Status and Result may change, Status by a legal move. ErrConflict: not running under l, or an illegal move;
// ErrInvalid: something else was changed; ErrLeaseLost; ErrNotFound; and whatever change returns.
func (s *Store) UpdateTask(ctx context.Context, l drydock.Lease, id drydock.TaskID, change func(*drydock.Task) error) (t drydock.Task, err error) {
	err = s.write(ctx, "update task", func(ctx context.Context, q querier) error {
		if err := s.fence(ctx, q, l); err != nil {
			return err
		}
		old, err := s.oneTask(ctx, q, sqlTaskLocked, id)
		if err != nil {
			return err
		}
		if active := old.Status == drydock.StatusRunning || old.Status == drydock.StatusTerminating; !active || old.Term != l.Term {
			return fmt.Errorf("%w: task %s is %s under term %d, not active under term %d", drydock.ErrConflict, id, old.Status, old.Term, l.Term)
		}
		t = old
		if err := change(&t); err != nil {
			return err
		}
		if err := checkChange(&old, &t); err != nil {
			return err
		}
		return s.saveTask(ctx, q, &t)
	})
	if err != nil {
		return drydock.Task{}, err
	}
	s.ringTask(&t)
	return t, nil
}

func checkChange(old, now *drydock.Task) error {
	if !old.Status.CanBecome(now.Status) {
		return fmt.Errorf("%w: task %s cannot go from %s to %s", drydock.ErrConflict, old.ID, old.Status, now.Status)
	}
	was, is := *old, *now
	was.Status, was.Result, is.Status, is.Result = "", drydock.Result{}, "", drydock.Result{}
	if a, b := fmt.Sprint(was), fmt.Sprint(is); a != b {
		return fmt.Errorf("%w: of task %s only status and result may be changed", drydock.ErrInvalid, old.ID)
	}
	return checkResult(&now.Result)
}

const sqlSaveTask = `UPDATE tasks SET status = $2, result_status = $3, result_message = $4, result_reason = $5, result_error_count = $6,
	result_successes = $7, result_failures = $8, result_links = $9, retry = $10, terminate = $11, version = version + 1, updated = {clock}
	WHERE task_id = $1 RETURNING version, updated`

// saveTask writes what may change of a locked task.
func (s *Store) saveTask(ctx context.Context, q querier, t *drydock.Task) error {
	var updated instant
	r := &t.Result
	err := q.QueryRowContext(ctx, s.d.text(sqlSaveTask), idBytes(t.ID), string(t.Status), string(r.Status), nullable(r.Message), nullable(r.Reason),
		r.ErrorCount, s.d.texts(r.Successes), s.d.texts(r.Failures), linksText(r.Links), t.Retry, t.Terminate).Scan(&t.Version, &updated)
	t.Updated = updated.Time
	return err
}

// ringTask wakes those who follow t, and its parent if t has ended.
func (s *Store) ringTask(t *drydock.Task) {
	topics := []string{string(t.ID)}
	if t.Status.Terminal() && t.Parent != "" {
		topics = append(topics, string(t.Parent))
	}
	if t.Status == drydock.StatusQueued {
		topics = append(topics, TopicQueue)
	}
	s.bells.ring(topics...)
}

func newID() drydock.TaskID {
	return drydock.TaskID(uuid.Must(uuid.NewV7()).String()) // time-ordered: neighbours in the index are neighbours in time. Fails only without randomness
}
