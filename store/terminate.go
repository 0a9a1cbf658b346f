package store

import (
	"context"
	"database/sql"
	"fmt"

	"drydock"
)

const (
	// UNION, not UNION ALL: a cycle, which upstream's data may hold, ends. CROSS JOIN keeps SQLite to this order: the tree first, then the index.
	sqlTree = `WITH RECURSIVE tree(task_id) AS (SELECT task_id FROM tasks WHERE task_id = $1
		UNION SELECT c.task_id FROM tree CROSS JOIN tasks c WHERE c.parent_task_id = tree.task_id)`

	sqlTerminate = sqlTree + ` UPDATE tasks SET
			status = CASE WHEN status = 'running' THEN 'terminating' ELSE 'terminated' END,
			result_status = CASE WHEN status = 'running' THEN result_status ELSE 'failure' END,
			result_message = CASE WHEN status = 'running' THEN result_message ELSE $3 END,
			result_error_count = CASE WHEN status = 'running' THEN result_error_count ELSE coalesce(result_error_count, 0) + 1 END,
			terminate = true, terminated = {clock}, terminated_by = $2, version = version + 1, updated = {clock}
		WHERE task_id IN (SELECT task_id FROM tree) AND status IN ('requested', 'queued', 'running') RETURNING task_id, status`
)

// TerminateTask asks for the end of a task and of everything below it: what has not begun is terminated at once, with a message, what is running
// becomes terminating, and its orchestrator ends it. The request is durable, final and safe to repeat; tasks that have ended stay as they are. It
// reaches subtasks that are being created meanwhile: a task that was asked to end gets no new ones. by is who asks, and may be empty. Returned are
// the tasks that changed. ErrNotFound: no such task.
func (s *Store) TerminateTask(ctx context.Context, task drydock.TaskID, by string) ([]drydock.TaskID, error) {
	if err := checkText("terminated_by", by, drydock.MaxName); err != nil {
		return nil, fmt.Errorf("terminate task: %w", err)
	}
	var changed []drydock.TaskID
	err := s.write(ctx, "terminate task", func(ctx context.Context, q querier) error {
		if _, err := s.oneTask(ctx, q, sqlTaskLocked, task); err != nil {
			return err
		}
		text := "Terminated before it began."
		if by != "" {
			text = "Terminated by " + by + " before it began."
		}
		var err error
		changed, err = s.terminateTree(ctx, q, task, by, text)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.bells.ring(append(strs(changed), TopicQueue)...)
	return changed, nil
}

// terminateTree repeats the statement until it finds nothing more: each run locks what it changed, so that no children can be added there, and the
// next run sees those that were being added when this one began.
func (s *Store) terminateTree(ctx context.Context, q querier, root drydock.TaskID, by, text string) ([]drydock.TaskID, error) {
	var changed, unbegun []drydock.TaskID
	for {
		before := len(changed)
		rows, err := q.QueryContext(ctx, s.d.text(sqlTerminate), idBytes(root), nullable(by), text)
		err = each(rows, err, func(rows *sql.Rows) error {
			var task id
			var status string
			err := rows.Scan(&task, &status)
			changed = append(changed, task.TaskID)
			if status == string(drydock.StatusTerminated) {
				unbegun = append(unbegun, task.TaskID)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(changed) == before {
			return changed, s.noteAll(ctx, q, unbegun, text, true)
		}
	}
}
