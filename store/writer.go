package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"drydock"
)

// writer runs all writes of an SQLite file on one connection. Writes that wait at the same time share a transaction, and so one flush to the disk
// (group commit); each has a savepoint, so one that fails leaves the others alone. A caller is answered after the commit.
type writer struct {
	db    *sql.DB // of one connection
	jobs  chan *job
	ended chan struct{}

	mu     sync.RWMutex // held for reading while sending to jobs
	closed bool

	statements map[string]*sql.Stmt // prepared; used by run only
	wanted     []string             // texts met inside a transaction, to be prepared after it
}

type job struct {
	fn    func(context.Context, querier) error
	one   bool         // fn is a single statement
	state atomic.Int32 // waiting → taken | withdrawn
	err   error
	done  chan struct{}
}

const (
	waiting int32 = iota
	taken
	withdrawn
)

const (
	maxGroup    = 512 // writes in one transaction
	maxPrepared = 256 // statements kept prepared
)

func newWriter(db *sql.DB) *writer {
	w := &writer{db: db, jobs: make(chan *job, maxGroup), ended: make(chan struct{}), statements: map[string]*sql.Stmt{}}
	go w.run()
	return w
}

// do runs fn in a transaction and returns after its commit. A caller that gives up while waiting for its turn withdraws the write; once it has
// begun, its outcome is awaited.
func (w *writer) do(ctx context.Context, one bool, fn func(context.Context, querier) error) error {
	j := &job{fn: fn, one: one, done: make(chan struct{})}
	if err := w.send(ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, withdrawn) {
			return fmt.Errorf("%w: gave up before the write began: %w", drydock.ErrUnavailable, ctx.Err())
		}
		<-j.done
	}
	return j.err
}

func (w *writer) send(ctx context.Context, j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return fmt.Errorf("%w: the database is closed", drydock.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case w.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close lets the waiting writes finish.
func (w *writer) close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.jobs)
	}
	w.mu.Unlock()
	<-w.ended
	w.optimize()
	return w.db.Close()
}

func (w *writer) run() {
	defer close(w.ended)
	group := make([]*job, 0, maxGroup)
	tidy := time.NewTicker(time.Hour)
	defer tidy.Stop()
	for {
		var first *job
		select {
		case j, ok := <-w.jobs:
			if !ok {
				return
			}
			first = j
		case <-tidy.C:
			w.optimize()
			continue
		}
		group = w.gather(append(group[:0], first))
		w.commit(group)
		for i, j := range group {
			close(j.done)
			group[i] = nil
		}
		w.prepare()
	}
}

// optimize keeps the planner's statistics up to date (https://www.sqlite.org/pragma.html#pragma_optimize); without them plans are only worse.
func (w *writer) optimize() {
	_, _ = w.db.ExecContext(context.Background(), "PRAGMA optimize")
}

// gather adds what else is waiting, and drops what was withdrawn.
func (w *writer) gather(group []*job) []*job {
	for more := true; more && len(group) < maxGroup; {
		select {
		case j, ok := <-w.jobs:
			if more = ok; ok {
				group = append(group, j)
			}
		default:
			more = false
		}
	}
	live := group[:0]
	for _, j := range group {
		if j.state.CompareAndSwap(waiting, taken) {
			live = append(live, j)
		}
	}
	return live
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
