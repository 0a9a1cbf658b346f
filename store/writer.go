package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"drydock"
)

// writer runs all writes of an SQLite file on one connection. Writes that wait at the same time share a transaction, and so one flush to the disk
// (group commit); each has a savepoint, so one that fails leaves the others alone. The first that waits runs the group, in its own goroutine; when
// nobody waits, a write costs no hand-over. A caller is answered after the commit.
type writer struct {
	db *sql.DB // of one connection

	mu     sync.Mutex
	idle   sync.Cond // busy has become false
	queue  []*job
	busy   bool // somebody runs a group
	closed bool

	statements map[string]*sql.Stmt // prepared; used by who runs a group
	wanted     []string             // texts met inside a transaction, to be prepared after it
}

type job struct {
	fn   func(context.Context, querier) error
	one  bool // fn is a single statement
	err  error
	done bool
	wake chan struct{} // done, or else it is this job's turn to run a group
}

const (
	maxGroup    = 512 // writes in one transaction
	maxPrepared = 256 // statements kept prepared
)

func newWriter(db *sql.DB) *writer {
	w := &writer{db: db, statements: map[string]*sql.Stmt{}}
	w.idle.L = &w.mu
	return w
}

var errClosed = fmt.Errorf("%w: the database is closed", drydock.ErrUnavailable)

// do runs fn in a transaction and returns after its commit. A caller that gives up while waiting for its turn withdraws the write; once it has
// begun, its outcome is awaited.
func (w *writer) do(ctx context.Context, one bool, fn func(context.Context, querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{fn: fn, one: one}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	if !w.busy {
		w.busy = true
		w.mu.Unlock()
		w.lead(j)
		return j.err
	}
	j.wake = make(chan struct{})
	w.queue = append(w.queue, j)
	w.mu.Unlock()
	select {
	case <-j.wake:
	case <-ctx.Done():
		if w.withdraw(j) {
			return fmt.Errorf("%w: gave up before the write began: %w", drydock.ErrUnavailable, ctx.Err())
		}
		<-j.wake
	}
	if !j.done {
		w.lead(j)
	}
	return j.err
}

func (w *writer) withdraw(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.queue, j)
	if i < 0 {
		return false
	}
	w.queue = slices.Delete(w.queue, i, i+1)
	return true
}

// lead commits a group of j and what waits behind it, then lets the next that waits lead.
func (w *writer) lead(j *job) {
	w.mu.Lock()
	n := min(len(w.queue), maxGroup-1)
	group := append([]*job{j}, w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	w.mu.Unlock()
	ended := false
	defer func() { // also if fn panics: the others must not wait for ever
		for _, other := range group[1:] {
			if !ended {
				other.err = fmt.Errorf("%w: the group that this write was in broke down", drydock.ErrUnavailable)
			}
			other.done = true
			close(other.wake)
		}
		w.next()
	}()
	w.commit(group)
	w.prepare()
	ended = true
}

func (w *writer) next() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.busy = false
		w.idle.Broadcast()
		return
	}
	first := w.queue[0]
	w.queue = slices.Delete(w.queue, 0, 1)
	close(first.wake)
}

// close lets the waiting writes finish. The planner's statistics are brought up to date (https://www.sqlite.org/pragma.html#pragma_optimize).
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	for w.busy {
		w.idle.Wait()
	}
	w.mu.Unlock()
	w.optimize()
	var err error
	for _, s := range w.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, w.db.Close())
}

// optimize may fail: plans are only worse then.
func (w *writer) optimize() {
	_, _ = w.db.ExecContext(context.Background(), "PRAGMA optimize")
}

// commit runs the jobs in one transaction. When that fails as a whole, nothing of it is there: each is run again by itself.
func (w *writer) commit(jobs []*job) {
	if len(jobs) > 1 && w.transact(jobs) == nil {
		return
	}
	for i, j := range jobs {
		// One caller that gives up must not end a transaction that others share, so no caller's context is used here.
		ctx := context.Background()
		if j.one {
			j.err = j.fn(ctx, prepared{w, nil})
		} else {
			j.err = w.transact(jobs[i : i+1])
		}
	}
}

// transact returns nil after a commit. The jobs' own errors are in the jobs.
func (w *writer) transact(jobs []*job) error {
	ctx := context.Background()
	tx, err := w.db.BeginTx(ctx, nil) // immediate, by the connection's settings
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing after Commit; SQLite may have rolled back by itself, as when the disk is full
	q := prepared{w, tx}
	for _, j := range jobs {
		if len(jobs) == 1 {
			if err := j.fn(ctx, q); err != nil {
				return err
			}
			continue
		}
		if _, err := q.ExecContext(ctx, "SAVEPOINT job"); err != nil {
			return err
		}
		end := "RELEASE job"
		if j.err = j.fn(ctx, q); j.err != nil {
			end = "ROLLBACK TO job"
		}
		if _, err := q.ExecContext(ctx, end); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// prepare prepares what the last transaction would have liked to have.
func (w *writer) prepare() {
	for _, text := range w.wanted {
		if len(w.statements) >= maxPrepared {
			break
		}
		if w.statements[text] == nil {
			if stmt, err := w.db.PrepareContext(context.Background(), text); err == nil {
				w.statements[text] = stmt
			}
		}
	}
	w.wanted = w.wanted[:0]
}

// prepared is the querier of a write: prepared statements where there are some, inside a transaction unless tx is nil.
type prepared struct {
	w  *writer
	tx *sql.Tx
}

func (p prepared) stmt(ctx context.Context, text string) *sql.Stmt {
	s := p.w.statements[text]
	if s == nil {
		p.w.wanted = append(p.w.wanted, text)
		return nil
	}
	if p.tx != nil {
		return p.tx.StmtContext(ctx, s)
	}
	return s
}

func (p prepared) plain() querier {
	if p.tx != nil {
		return p.tx
	}
	return p.w.db
}

func (p prepared) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if s := p.stmt(ctx, text); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return p.plain().ExecContext(ctx, text, args...)
}

func (p prepared) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if s := p.stmt(ctx, text); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return p.plain().QueryContext(ctx, text, args...)
}

func (p prepared) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if s := p.stmt(ctx, text); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return p.plain().QueryRowContext(ctx, text, args...)
}
