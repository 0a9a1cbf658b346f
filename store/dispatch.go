package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"drydock"
)

// MaxClaim is how many tasks one claim takes, and one finish records, at most.
const MaxClaim = 1024

// The claim: the oldest queued tasks of each action are looked up by the tasks_queued index (its size does not depend on history, nor on tasks
// of other actions), the oldest of all taken and marked, in one statement. Claimers that meet skip each other's rows.
const (
	sqlClaim = `WITH c AS MATERIALIZED (SELECT task_id FROM (%s) AS u ORDER BY created, task_id LIMIT %d)
		UPDATE tasks AS t SET status = 'running', term = $1, attempt = attempt + 1, version = version + 1, updated = {clock}, heartbeat = {clock}
		WHERE t.task_id IN (SELECT task_id FROM c)
			AND EXISTS (SELECT 1 FROM active_instance WHERE identity = $2 AND term = $1 AND expires > {clock} {key share})
		RETURNING %s`
	sqlClaimable = `SELECT * FROM (SELECT task_id, created FROM tasks WHERE status = 'queued' AND action = $%d
		ORDER BY created, task_id LIMIT %d {skip locked}) AS a%d`

	sqlHolds = `SELECT count(*) FROM active_instance WHERE identity = $1 AND term = $2 AND expires > {clock}`
)

func claimText(actions, n int) string {
	arms := make([]string, actions)
	for i := range arms {
		arms[i] = fmt.Sprintf(sqlClaimable, i+3, n, i)
	}
	// SQLite's RETURNING does not know the alias.
	return fmt.Sprintf(sqlClaim, strings.Join(arms, " UNION ALL "), n, strings.ReplaceAll(taskColumns, "t.", ""))
}

// ClaimTasks takes up to n of the oldest queued tasks of the given actions: they become running under l, Attempt grows. Several claimers get
// different tasks. n is rounded down to a power of two above 16, so that few statements serve all; ask again. The result is in order of creation,
// and empty when nothing is queued. ErrLeaseLost: l has ended.
func (s *Store) ClaimTasks(ctx context.Context, l drydock.Lease, actions []drydock.Action, n int) ([]drydock.Task, error) {
	if len(actions) == 0 || n <= 0 {
		return nil, nil
	}
	n = claimSize(n)
	args := []any{l.Term, idBytes(drydock.TaskID(l.Holder))}
	for _, a := range actions {
		args = append(args, string(a))
	}
	var list []drydock.Task
	err := s.writeOne(ctx, "claim tasks", func(ctx context.Context, q querier) (err error) {
		list, err = s.tasks(ctx, q, claimText(len(actions), n), args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, s.holds(ctx, l)
	}
	slices.SortFunc(list, func(a, b drydock.Task) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	topics := make([]string, len(list))
	for i := range list {
		topics[i] = string(list[i].ID)
	}
	s.bells.ring(topics...)
	return list, nil
}

func claimSize(n int) int {
	n = min(n, MaxClaim)
	if n <= 16 {
		return n
	}
	size := 16
	for size*2 <= n {
		size *= 2
	}
	return size
}

// holds returns ErrLeaseLost unless l stands now.
func (s *Store) holds(ctx context.Context, l drydock.Lease) error {
	return s.read(ctx, "check lease", func(ctx context.Context, q querier) error {
		var n int
		err := q.QueryRowContext(ctx, s.d.text(sqlHolds), idBytes(drydock.TaskID(l.Holder)), l.Term).Scan(&n)
		if err == nil && n == 0 {
			err = leaseLost(l)
		}
		return err
	})
}

const (
	sqlHeartbeat = `UPDATE tasks SET heartbeat = {clock} WHERE task_id {ids(}$3{)} AND term = $1 AND status IN ('running', 'terminating')
		AND EXISTS (SELECT 1 FROM active_instance WHERE identity = $2 AND term = $1 AND expires > {clock} {key share}) RETURNING task_id, status`
	sqlTerminating = `SELECT task_id FROM tasks WHERE status IN ('running', 'terminating') AND status = 'terminating' AND term = $1`
)

// HeartbeatTasks marks tasks that run under l as alive and returns their states. What is missing from the answer is no longer l's to run.
func (s *Store) HeartbeatTasks(ctx context.Context, l drydock.Lease, ids []drydock.TaskID) (map[drydock.TaskID]drydock.TaskStatus, error) {
	alive := make(map[drydock.TaskID]drydock.TaskStatus, len(ids))
	if len(ids) == 0 {
		return alive, nil
	}
	err := s.writeOne(ctx, "heartbeat", func(ctx context.Context, q querier) error {
		clear(alive)
		rows, err := q.QueryContext(ctx, s.d.text(sqlHeartbeat), l.Term, idBytes(drydock.TaskID(l.Holder)), s.d.ids(ids))
		return each(rows, err, func(rows *sql.Rows) error {
			var task id
			var status string
			err := rows.Scan(&task, &status)
			alive[task.TaskID] = drydock.TaskStatus(status)
			return err
		})
	})
	if err == nil && len(alive) == 0 {
		err = s.holds(ctx, l)
	}
	return alive, err
}

// TerminatingTasks lists the tasks that run under l and whose end was asked for. It reads only what is active.
func (s *Store) TerminatingTasks(ctx context.Context, l drydock.Lease) (list []drydock.TaskID, err error) {
	err = s.read(ctx, "list terminating tasks", func(ctx context.Context, q querier) error {
		rows, err := q.QueryContext(ctx, s.d.text(sqlTerminating), l.Term)
		return each(rows, err, func(rows *sql.Rows) error {
			var task id
			err := rows.Scan(&task)
			list = append(list, task.TaskID)
			return err
		})
	})
	return list, err
}

const sqlRequeue = `UPDATE tasks SET status = 'queued', version = version + 1, updated = {clock}
	WHERE task_id {ids(}$1{)} AND status = 'running' AND term = $2 RETURNING task_id`

// RequeueTasks gives tasks that run under l back to the queue, each with a message that says why, and returns those that were still running.
func (s *Store) RequeueTasks(ctx context.Context, l drydock.Lease, ids []drydock.TaskID, why string) ([]drydock.TaskID, error) {
	if err := checkText("reason", why, drydock.MaxMessageText); err != nil {
		return nil, fmt.Errorf("requeue tasks: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var done []drydock.TaskID
	err := s.write(ctx, "requeue tasks", func(ctx context.Context, q querier) error {
		if err := s.fence(ctx, q, l); err != nil {
			return err
		}
		var err error
		if done, err = s.returned(ctx, q, sqlRequeue, s.d.ids(ids), l.Term); err != nil {
			return err
		}
		return s.noteAll(ctx, q, done, why, false)
	})
	if err != nil {
		return nil, err
	}
	s.bells.ring(append(strs(done), TopicQueue)...)
	return done, nil
}

// returned runs a statement that returns task ids.
func (s *Store) returned(ctx context.Context, q querier, text string, args ...any) ([]drydock.TaskID, error) {
	var list []drydock.TaskID
	rows, err := q.QueryContext(ctx, s.d.text(text), args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var task id
		err := rows.Scan(&task)
		list = append(list, task.TaskID)
		return err
	})
	return list, err
}

// noteAll adds the same message to every task.
func (s *Store) noteAll(ctx context.Context, q querier, ids []drydock.TaskID, text string, isError bool) error {
	list := make([]messageInsert, 0, len(ids))
	for _, id := range ids {
		m := drydock.Message{Text: text, Error: isError, ContextType: "task", Context: string(id)}
		list = append(list, messageInsert{id, m})
	}
	return s.insertMessages(ctx, q, list)
}

func strs(ids []drydock.TaskID) []string {
	list := make([]string, len(ids), len(ids)+1)
	for i, id := range ids {
		list[i] = string(id)
	}
	return list
}

const sqlQueue = `SELECT 'queued', action, count(*) FROM tasks WHERE status = 'queued' GROUP BY action
	UNION ALL SELECT status, '', count(*) FROM tasks WHERE status IN ('running', 'terminating') GROUP BY status`

// Queue counts what is waiting and what is being worked on.
func (s *Store) Queue(ctx context.Context) (drydock.Queue, error) {
	n := drydock.Queue{ByAction: map[drydock.Action]int{}}
	err := s.read(ctx, "count queue", func(ctx context.Context, q querier) error {
		rows, err := q.QueryContext(ctx, s.d.text(sqlQueue))
		return each(rows, err, func(rows *sql.Rows) error {
			var status, action sql.NullString
			var count int
			err := rows.Scan(&status, &action, &count)
			switch drydock.TaskStatus(status.String) {
			case drydock.StatusQueued:
				n.Queued += count
				n.ByAction[drydock.Action(action.String)] = count
			case drydock.StatusRunning:
				n.Running = count
			default:
				n.Terminating = count
			}
			return err
		})
	})
	return n, err
}

// RetryTask tries a task again after failures: Retry grows and a completed task is queued once more, keeping its failures as what to work on. A
// task without failures, one that succeeded, and one that was retried max times already give ErrConflict.
func (s *Store) RetryTask(ctx context.Context, l drydock.Lease, id drydock.TaskID, max int) (t drydock.Task, err error) {
	err = s.write(ctx, "retry task", func(ctx context.Context, q querier) error {
		if err := s.fence(ctx, q, l); err != nil {
			return err
		}
		if t, err = s.oneTask(ctx, q, sqlTaskLocked, id); err != nil {
			return err
		}
		switch {
		case t.Result.Status == drydock.ResultSuccess || len(t.Result.Failures) == 0:
			return fmt.Errorf("%w: task %s has no failures to retry", drydock.ErrConflict, id)
		case t.Status != drydock.StatusComplete && (t.Status != drydock.StatusRunning || t.Term != l.Term):
			return fmt.Errorf("%w: task %s is %s under term %d and cannot be retried", drydock.ErrConflict, id, t.Status, t.Term)
		case t.Retry >= max:
			return fmt.Errorf("%w: task %s was retried %d times, which is all of its %d", drydock.ErrConflict, id, t.Retry, max)
		}
		t.Retry++
		t.Result.Status = drydock.ResultIncomplete
		if len(t.Result.Successes) > 0 {
			t.Result.Status = drydock.ResultSuccess
		}
		if t.Status == drydock.StatusComplete {
			t.Status = drydock.StatusQueued
		}
		if err := s.saveTask(ctx, q, &t); err != nil {
			return err
		}
		return s.noteAll(ctx, q, []drydock.TaskID{id}, fmt.Sprintf("Retry %d of %d.", t.Retry, max), false)
	})
	if err != nil {
		return drydock.Task{}, err
	}
	s.ringTask(&t)
	return t, nil
}

const sqlChildren = `SELECT ` + taskColumns + ` FROM tasks t WHERE t.parent_task_id = $1 ORDER BY t.created, t.task_id`

// RollupTask sets the result of a task that runs under l to what its ended children make of it (drydock.Rollup), counting only children of the
// given action unless that is empty.
func (s *Store) RollupTask(ctx context.Context, l drydock.Lease, id drydock.TaskID, filter drydock.Action) (t drydock.Task, err error) {
	err = s.write(ctx, "roll up task", func(ctx context.Context, q querier) error {
		if err := s.fence(ctx, q, l); err != nil {
			return err
		}
		if t, err = s.oneTask(ctx, q, sqlTaskLocked, id); err != nil {
			return err
		}
		if t.Term != l.Term || t.Status.Terminal() || t.Status == drydock.StatusQueued {
			return fmt.Errorf("%w: task %s is %s under term %d, not active under term %d", drydock.ErrConflict, id, t.Status, t.Term, l.Term)
		}
		children, err := s.tasks(ctx, q, sqlChildren, idBytes(id))
		if err != nil {
			return err
		}
		t.Result = drydock.Rollup(t.Result, t.Retry, children, filter)
		return s.saveTask(ctx, q, &t)
	})
	if err != nil {
		return drydock.Task{}, err
	}
	s.ringTask(&t)
	return t, nil
}
