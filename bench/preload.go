package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"drydock"
)

const (
	history     = "bench-history" // action of the complete tasks that are read
	messages    = 10              // of each of those
	leastTasks  = 2_000           // of those
	mostSampled = 100_000         // of those, to choose from
	batch       = 20_000          // tasks put in by one statement
)

// sqlSeed makes $3 tasks in one statement, created $2 microseconds after each other from $1 on.
const (
	sqlSeed = `INSERT INTO tasks (task_id, subtask_id_list, action, design_ref, node_filter, created_by, retry, result_status, result_message, result_error_count,
			result_successes, result_failures, result_links, request_context, status, terminate, created, updated, term, version, attempt, heartbeat)
		SELECT {new id}, {none}, $4, 'file:///srv/designs/region/site.yaml', 'null', 'bench', 0, $6, $7, 0,
			{none}, {none}, '{}', 'null', $5, false, c.at, c.at, CAST($8 AS bigint), 0, 0, c.at
		FROM (SELECT {instant} AS at FROM {series(}$3{)}) AS c RETURNING task_id`
	sqlSeedMessages = `INSERT INTO result_message (task_id, message, error, context_type, context, ts, extra)
		SELECT t.task_id, 'Document ' || s.i || ' of the site was read, checked and found to be as it should be.', false, 'document',
			'drydock/BaremetalNode/n' || s.i, t.created, '{}'
		FROM tasks t, {series(}$1{)} WHERE t.created > $2 AND t.created <= $3 AND t.action = $4 ORDER BY t.created, s.i`
)

// seed makes n tasks at once. Complete ones succeeded; running ones run under the lease.
func (l *lab) seed(ctx context.Context, n int, action drydock.Action, status drydock.TaskStatus, from time.Time, step time.Duration, each func(raw []byte)) error {
	result, message, term := "incomplete", sql.NullString{}, sql.NullInt64{}
	switch status {
	case drydock.StatusComplete:
		result, message = "success", sql.NullString{String: "The documents of the site design are valid.", Valid: true}
	case drydock.StatusRunning:
		term = sql.NullInt64{Int64: l.lease.Term, Valid: true}
	}
	rows, err := l.write.QueryContext(ctx, l.text(sqlSeed), l.time(from), step.Microseconds(), n, string(action), string(status), result, message, term)
	if err != nil {
		return fmt.Errorf("make tasks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return fmt.Errorf("make tasks: %w", err)
		}
		if each != nil {
			each(raw)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("make tasks: %w", err)
	}
	return nil
}

// seeded is seed for a few tasks that are needed by their ids.
func (l *lab) seeded(ctx context.Context, n int, action drydock.Action, status drydock.TaskStatus) (list []task, err error) {
	err = l.seed(ctx, n, action, status, time.Now(), time.Microsecond, func(raw []byte) { list = append(list, newTask(raw)) })
	return list, err
}

func newTask(raw []byte) task {
	id, _ := drydock.ParseTaskID(fmt.Sprintf("%x", raw)) // 16 bytes always are one
	return task{id, raw}
}

// preload puts in the history: complete tasks with messages, one a second up to now, and keeps a sample of their ids to choose from.
func (l *lab) preload(ctx context.Context, o *Options) error {
	n := max(o.Preload, leastTasks)
	l.total = n
	began := time.Now()
	l.first = began.Add(-time.Duration(n+1) * time.Second).Truncate(time.Second)
	rng := rand.New(rand.NewPCG(20_260_501, 0)) //nolint:gosec // not a secret
	seen := 0
	sample := func(raw []byte) {
		seen++
		if len(l.history) < mostSampled {
			l.history = append(l.history, newTask(raw))
		} else if i := rng.IntN(seen); i < mostSampled {
			l.history[i] = newTask(raw)
		}
	}
	for done := 0; done < n; done += batch {
		size := min(batch, n-done)
		from := l.first.Add(time.Duration(done) * time.Second)
		if err := l.seed(ctx, size, history, drydock.StatusComplete, from, time.Second, sample); err != nil {
			return err
		}
		to := from.Add(time.Duration(size) * time.Second)
		if _, err := l.write.ExecContext(ctx, l.text(sqlSeedMessages), messages, l.time(from), l.time(to), history); err != nil {
			return fmt.Errorf("make messages: %w", err)
		}
		if o.Preload > 0 && (done/batch%5 == 4 || done+size == n) {
			fmt.Fprintf(o.Progress, "preloaded %d tasks and %d messages in %v\n", done+size, messages*(done+size), time.Since(began).Round(time.Second))
		}
	}
	return l.settle(ctx, o)
}

// settle does what autovacuum would do during the measurements otherwise.
func (l *lab) settle(ctx context.Context, o *Options) error {
	text := `PRAGMA wal_checkpoint(TRUNCATE)`
	if l.postgres {
		text = `VACUUM (ANALYZE) tasks, result_message`
	}
	began := time.Now()
	if _, err := l.write.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("settle the database: %w", err)
	}
	if o.Preload > 0 {
		fmt.Fprintf(o.Progress, "vacuumed, analyzed or checkpointed in %v\n", time.Since(began).Round(time.Second))
	}
	return nil
}

// choose is one of the history, with its messages.
func (l *lab) choose(c *client) *task { return &l.history[c.rng.IntN(len(l.history))] }

// createdBefore is a time before which at least n tasks of the history were created.
func (l *lab) createdBefore(c *client, n int) time.Time {
	return l.first.Add(time.Duration(n+1+c.rng.IntN(l.total-n)) * time.Second)
}

// drain reads all rows of a bare statement into the same variables.
func drain(rows *sql.Rows, err error, targets ...any) (n int, _ error) {
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

// errShort says that a bare statement did not do what the store's operation does.
var errShort = errors.New("the statement did not do as much as the operation")
