package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"drydock"
)

const (
	purgeTrees  = 100  // trees looked at in one batch
	purgeRows   = 5000 // rows deleted in one statement, so that no writer waits long
	sqlOldRoots = `SELECT t.task_id, t.created FROM tasks t WHERE (t.created, t.task_id) > ($1, $2) AND t.created < {clock} - $3 {us}
		AND (t.parent_task_id IS NULL OR NOT EXISTS (SELECT 1 FROM tasks p WHERE p.task_id = t.parent_task_id)) ORDER BY t.created NULLS FIRST, t.task_id LIMIT $4`
	sqlTreeCounts = sqlTree + ` SELECT count(*), coalesce(sum(CASE WHEN t.status IN ('complete', 'terminated') THEN 0 ELSE 1 END), 0)
		FROM tree JOIN tasks t ON t.task_id = tree.task_id`
	sqlTreeTasks      = sqlTree + ` SELECT task_id FROM tree`
	sqlTreeLocked     = sqlTree + ` SELECT t.task_id, t.status FROM tasks t WHERE t.task_id IN (SELECT task_id FROM tree) {for update}`
	sqlCountMessages  = sqlTree + ` SELECT count(*) FROM tree JOIN result_message m ON m.task_id = tree.task_id`
	sqlCountStatuses  = sqlTree + ` SELECT count(*) FROM tree JOIN boot_action_status b ON b.task_id = tree.task_id`
	sqlDeleteMessages = `DELETE FROM result_message WHERE sequence IN (SELECT sequence FROM result_message WHERE task_id {ids(}$1{)} LIMIT $2)`
	sqlDeleteStatuses = `DELETE FROM boot_action_status WHERE task_id {ids(}$1{)}`
	sqlDeleteContexts = `DELETE FROM boot_action WHERE task_id {ids(}$1{)}`
	sqlDeleteTasks    = `DELETE FROM tasks WHERE task_id {ids(}$1{)}`
	sqlOldBuildData   = `SELECT b.{row} FROM build_data b WHERE b.collected_date < {clock} - $1 {us} AND (SELECT count(*) FROM
		(SELECT 1 FROM build_data n WHERE n.node_name = b.node_name AND n.generator = b.generator AND (n.collected_date, n.{row}) > (b.collected_date, b.{row})
			LIMIT $2) AS newer) >= $2`
	sqlCountBuildData  = `SELECT count(*) FROM (` + sqlOldBuildData + `) AS old`
	sqlDeleteBuildData = `DELETE FROM build_data WHERE {row} IN (` + sqlOldBuildData + ` LIMIT $3)`
)

// Purge deletes old history in small transactions, so that writers never wait for long, and returns what it deleted also when it fails half way;
// repeating it goes on where it was. Of tasks, whole trees go, with their messages and boot actions, when the root is old and everything in the
// tree has ended. Build data goes by its own age only: the history of a node outlives its tasks. A dry run counts what would go. ErrInvalid: a
// negative age or number.
func (s *Store) Purge(ctx context.Context, r drydock.Retention) (p drydock.Purged, err error) {
	if r.TasksOlderThan < 0 || r.BuildDataOlderThan < 0 || r.BuildDataKeep < 0 {
		return p, fmt.Errorf("purge: %w: ages and numbers to keep cannot be negative", drydock.ErrInvalid)
	}
	if r.TasksOlderThan > 0 {
		if err := s.purgeTasks(ctx, r, &p); err != nil {
			return p, err
		}
	}
	if r.BuildDataOlderThan > 0 {
		err = s.purgeBuildData(ctx, r, &p)
	}
	return p, err
}

type root struct {
	task    drydock.TaskID
	created time.Time
}

func (s *Store) purgeTasks(ctx context.Context, r drydock.Retention, p *drydock.Purged) error {
	last := root{created: time.UnixMicro(0), task: "00000000-0000-0000-0000-000000000000"}
	for {
		var roots []root
		err := s.read(ctx, "find old tasks", func(ctx context.Context, q querier) error {
			rows, err := q.QueryContext(ctx, s.d.text(sqlOldRoots), s.d.time(last.created), idBytes(last.task), r.TasksOlderThan.Microseconds(), purgeTrees)
			return each(rows, err, func(rows *sql.Rows) error {
				var task id
				var at instant
				err := rows.Scan(&task, &at)
				roots = append(roots, root{task.TaskID, at.Time})
				return err
			})
		})
		if err != nil || len(roots) == 0 {
			return err
		}
		for _, o := range roots {
			if err := s.purgeTree(ctx, o.task, r.DryRun, p); err != nil {
				return err
			}
		}
		last = roots[len(roots)-1]
	}
}

// purgeTree deletes a tree that has ended: messages first, in bounded steps, then the rest in one transaction that looks again. A crash in between
// leaves tasks without messages, which the next run takes, and never messages without a task.
func (s *Store) purgeTree(ctx context.Context, root drydock.TaskID, dry bool, p *drydock.Purged) error {
	var tasks, live, messages, statuses int64
	err := s.read(ctx, "look at old tree", func(ctx context.Context, q querier) error {
		if err := q.QueryRowContext(ctx, s.d.text(sqlTreeCounts), idBytes(root)).Scan(&tasks, &live); err != nil || live > 0 || !dry {
			return err
		}
		if err := q.QueryRowContext(ctx, s.d.text(sqlCountMessages), idBytes(root)).Scan(&messages); err != nil {
			return err
		}
		return q.QueryRowContext(ctx, s.d.text(sqlCountStatuses), idBytes(root)).Scan(&statuses)
	})
	switch {
	case err != nil:
		return err
	case live > 0:
		p.Live++
		return nil
	case tasks == 0: // gone meanwhile
		return nil
	}
	if !dry {
		messages, statuses, tasks, err = s.deleteTree(ctx, root)
	}
	p.Messages += messages
	p.BootActions += statuses
	p.Tasks += tasks
	if tasks > 0 {
		p.Trees++
	}
	return err
}

func (s *Store) deleteTree(ctx context.Context, root drydock.TaskID) (messages, statuses, tasks int64, err error) {
	for {
		var n int64
		err = s.write(ctx, "delete old messages", func(ctx context.Context, q querier) error {
			ids, err := s.returned(ctx, q, sqlTreeTasks, idBytes(root))
			if err != nil {
				return err
			}
			r, err := q.ExecContext(ctx, s.d.text(sqlDeleteMessages), s.d.ids(ids), purgeRows)
			if err == nil {
				n = affected(r)
			}
			return err
		})
		messages += n
		if err != nil {
			return messages, 0, 0, err
		}
		if n < purgeRows {
			break
		}
	}
	var left int64
	err = s.write(ctx, "delete old tasks", func(ctx context.Context, q querier) error {
		tasks, statuses, left = 0, 0, 0
		ids, live, err := s.lockTree(ctx, q, root)
		if err != nil || live {
			return err
		}
		late, err := q.ExecContext(ctx, s.d.text(sqlDeleteMessages), s.d.ids(ids), drydock.MaxTree)
		if err != nil {
			return err
		}
		left = affected(late)
		r, err := q.ExecContext(ctx, s.d.text(sqlDeleteStatuses), s.d.ids(ids))
		if err != nil {
			return err
		}
		statuses = affected(r)
		if _, err := q.ExecContext(ctx, s.d.text(sqlDeleteContexts), s.d.ids(ids)); err != nil {
			return err
		}
		r, err = q.ExecContext(ctx, s.d.text(sqlDeleteTasks), s.d.ids(ids))
		if err == nil {
			tasks = affected(r)
		}
		return err
	})
	return messages + left, statuses, tasks, err
}

// lockTree returns the tasks of a tree, locked, and whether one of them has not ended.
func (s *Store) lockTree(ctx context.Context, q querier, root drydock.TaskID) (ids []drydock.TaskID, live bool, err error) {
	rows, err := q.QueryContext(ctx, s.d.text(sqlTreeLocked), idBytes(root))
	err = each(rows, err, func(rows *sql.Rows) error {
		var task id
		var status sql.NullString
		err := rows.Scan(&task, &status)
		ids = append(ids, task.TaskID)
		live = live || !drydock.TaskStatus(status.String).Terminal()
		return err
	})
	return ids, live, err
}

func (s *Store) purgeBuildData(ctx context.Context, r drydock.Retention, p *drydock.Purged) error {
	age := r.BuildDataOlderThan.Microseconds()
	if r.DryRun {
		return s.read(ctx, "count old build data", func(ctx context.Context, q querier) error {
			return q.QueryRowContext(ctx, s.d.text(sqlCountBuildData), age, r.BuildDataKeep).Scan(&p.BuildData)
		})
	}
	for {
		var n int64
		err := s.writeOne(ctx, "delete old build data", func(ctx context.Context, q querier) error {
			res, err := q.ExecContext(ctx, s.d.text(sqlDeleteBuildData), age, r.BuildDataKeep, purgeRows)
			if err == nil {
				n = affected(res)
			}
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		p.BuildData += n
	}
}
