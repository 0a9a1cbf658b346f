package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"drydock"
)

const (
	purgeTrees = 100  // trees looked at in one batch
	purgeRows  = 5000 // rows deleted in one transaction, so that no writer waits long

	// The clock is read once: compared with a call of it, no index could bound the search.
	sqlCutOff   = `SELECT {clock} - $1 {us}`
	sqlOldRoots = `SELECT t.task_id, t.created FROM tasks t WHERE (t.created, t.task_id) > ($1, $2) AND t.created < $3
		AND (SELECT 1 FROM tasks p WHERE p.task_id = t.parent_task_id) IS NULL ORDER BY t.created NULLS FIRST, t.task_id {limit(}$4{)}`
	sqlTreeStates = sqlTree + ` SELECT t.task_id, t.status FROM tree CROSS JOIN tasks t WHERE t.task_id = tree.task_id`
	sqlTreeLocked = sqlTree + ` SELECT t.task_id, t.status FROM tasks t WHERE t.task_id IN (SELECT task_id FROM tree) {for update}`

	sqlCountMessages  = `SELECT count(*) FROM result_message WHERE task_id {ids(}$1{)}`
	sqlCountStatuses  = `SELECT count(*) FROM boot_action_status WHERE task_id {ids(}$1{)}`
	sqlDeleteMessages = `DELETE FROM result_message WHERE sequence IN (SELECT sequence FROM result_message WHERE task_id {ids(}$1{)} {limit(}$2{)})`
	sqlDeleteStatuses = `DELETE FROM boot_action_status WHERE task_id {ids(}$1{)}`
	sqlDeleteContexts = `DELETE FROM boot_action WHERE task_id {ids(}$1{)}`
	sqlDeleteTasks    = `DELETE FROM tasks WHERE task_id {ids(}$1{)}`

	sqlOldBuildData = `SELECT b.{row} FROM build_data b WHERE b.collected_date < $1 AND (SELECT count(*) FROM
		(SELECT 1 FROM build_data n WHERE n.node_name = b.node_name AND n.generator = b.generator AND (n.collected_date, n.{row}) > (b.collected_date, b.{row})
			{limit(}$2{)}) AS newer) >= $2`
	sqlCountBuildData  = `SELECT count(*) FROM (` + sqlOldBuildData + `) AS old`
	sqlDeleteBuildData = `DELETE FROM build_data WHERE {row} IN (` + sqlOldBuildData + ` {limit(}$3{)})`
)

// Purge deletes old history in small transactions, so that writers never wait for long, and returns what it deleted also when it fails half way;
// repeating it goes on where it was. Of tasks, whole trees go, with their messages and boot actions, when the root is old and everything in the
// tree has ended; documents kept by AddDesign go when no task refers to them any more and they were not brought within the last hour. Build data
// goes by its own age only: the history of a node outlives its tasks. A dry run counts what would go. ErrInvalid: a negative age or number.
func (s *Store) Purge(ctx context.Context, r drydock.Retention) (p drydock.Purged, err error) {
	if r.TasksOlderThan < 0 || r.BuildDataOlderThan < 0 || r.BuildDataKeep < 0 {
		return p, fmt.Errorf("purge: %w: ages and numbers to keep cannot be negative", drydock.ErrInvalid)
	}
	if r.TasksOlderThan > 0 {
		if err := s.purgeTasks(ctx, r, &p); err != nil {
			return p, err
		}
		if err := s.purgeDesigns(ctx, r, &p); err != nil {
			return p, err
		}
	}
	if r.BuildDataOlderThan > 0 {
		err = s.purgeBuildData(ctx, r, &p)
	}
	return p, err
}

// cutOff is the database's time some time ago.
func (s *Store) cutOff(ctx context.Context, ago time.Duration) (time.Time, error) {
	var at instant
	err := s.read(ctx, "read the clock", func(ctx context.Context, q querier) error {
		return q.QueryRowContext(ctx, s.d.text(sqlCutOff), ago.Microseconds()).Scan(&at)
	})
	return at.Time, err
}

type root struct {
	task    drydock.TaskID
	created time.Time
}

func (s *Store) purgeTasks(ctx context.Context, r drydock.Retention, p *drydock.Purged) error {
	before, err := s.cutOff(ctx, r.TasksOlderThan)
	if err != nil {
		return err
	}
	last := root{created: time.UnixMicro(0), task: "00000000-0000-0000-0000-000000000000"}
	for {
		var roots []root
		err := s.read(ctx, "find old tasks", func(ctx context.Context, q querier) error {
			rows, err := q.QueryContext(ctx, s.d.text(sqlOldRoots), s.d.time(last.created), idBytes(last.task), s.d.time(before), purgeTrees)
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
			purge := s.deleteTree
			if r.DryRun {
				purge = s.countTree
			}
			if err := purge(ctx, o.task, p); err != nil {
				return err
			}
		}
		last = roots[len(roots)-1]
	}
}

// countTree adds to p what deleteTree would.
func (s *Store) countTree(ctx context.Context, root drydock.TaskID, p *drydock.Purged) error {
	return s.read(ctx, "look at old tree", func(ctx context.Context, q querier) error {
		ids, live, err := s.treeStates(ctx, q, sqlTreeStates, root)
		switch {
		case err != nil || len(ids) == 0: // gone meanwhile
			return err
		case live:
			p.Live++
			return nil
		}
		var messages, statuses int64
		if err := q.QueryRowContext(ctx, s.d.text(sqlCountMessages), s.d.ids(ids)).Scan(&messages); err != nil {
			return err
		}
		if err := q.QueryRowContext(ctx, s.d.text(sqlCountStatuses), s.d.ids(ids)).Scan(&statuses); err != nil {
			return err
		}
		p.Trees++
		p.Tasks += int64(len(ids))
		p.Messages += messages
		p.BootActions += statuses
		return nil
	})
}

// deleteTree deletes a tree that has ended. Each step locks it and looks again; a tree of many messages takes several, the last of which deletes the
// rest and the tasks. Stopped in between, it leaves tasks without some messages, which the next run takes, and never messages without a task.
func (s *Store) deleteTree(ctx context.Context, root drydock.TaskID, p *drydock.Purged) error {
	for {
		var step drydock.Purged
		more := false
		err := s.write(ctx, "delete old tree", func(ctx context.Context, q querier) error {
			step, more = drydock.Purged{}, false
			ids, live, err := s.treeStates(ctx, q, sqlTreeLocked, root)
			if err != nil || len(ids) == 0 {
				return err
			}
			if live {
				step.Live = 1
				return nil
			}
			if step.Messages, err = s.delete(ctx, q, sqlDeleteMessages, s.d.ids(ids), purgeRows); err != nil {
				return err
			}
			if more = step.Messages == purgeRows; more {
				return nil
			}
			if step.BootActions, err = s.delete(ctx, q, sqlDeleteStatuses, s.d.ids(ids)); err != nil {
				return err
			}
			if _, err = s.delete(ctx, q, sqlDeleteContexts, s.d.ids(ids)); err != nil {
				return err
			}
			step.Trees = 1
			step.Tasks, err = s.delete(ctx, q, sqlDeleteTasks, s.d.ids(ids))
			return err
		})
		if err != nil {
			return err
		}
		p.Trees += step.Trees
		p.Tasks += step.Tasks
		p.Messages += step.Messages
		p.BootActions += step.BootActions
		p.Live += step.Live
		if !more {
			return nil
		}
	}
}

func (s *Store) delete(ctx context.Context, q querier, text string, args ...any) (int64, error) {
	r, err := q.ExecContext(ctx, s.d.text(text), args...)
	if err != nil {
		return 0, err
	}
	return affected(r), nil
}

// treeStates returns the tasks of a tree, and whether one of them has not ended.
func (s *Store) treeStates(ctx context.Context, q querier, text string, root drydock.TaskID) (ids []drydock.TaskID, live bool, err error) {
	rows, err := q.QueryContext(ctx, s.d.text(text), idBytes(root))
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
	before, err := s.cutOff(ctx, r.BuildDataOlderThan)
	if err != nil {
		return err
	}
	if r.DryRun {
		return s.read(ctx, "count old build data", func(ctx context.Context, q querier) error {
			return q.QueryRowContext(ctx, s.d.text(sqlCountBuildData), s.d.time(before), r.BuildDataKeep).Scan(&p.BuildData)
		})
	}
	for {
		var n int64
		err := s.writeOne(ctx, "delete old build data", func(ctx context.Context, q querier) (err error) {
			n, err = s.delete(ctx, q, sqlDeleteBuildData, s.d.time(before), r.BuildDataKeep, purgeRows)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		p.BuildData += n
	}
}
