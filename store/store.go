package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"drydock"
)

// DefaultTimeout bounds an operation whose caller gave no deadline.
const DefaultTimeout = 30 * time.Second

// Options of Open; the zero value is fine.
type Options struct {
	Logger   *slog.Logger
	MaxConns int // connections to PostgreSQL, default 16; readers of an SQLite file, default 4

	MaxDesign  int64 // bytes of one AddDesign, default drydock.MaxDesign
	MaxDesigns int64 // bytes of all that it keeps, default drydock.MaxDesigns
}

// Store is an open database. Make one with Open.
type Store struct {
	d       *dialect
	db      *sql.DB // reads, and on PostgreSQL writes
	reads   querier // db, on SQLite with its statements kept
	writer  *writer // writes on SQLite; nil on PostgreSQL
	bells   *bells
	log     *slog.Logger
	where   location
	stop    context.CancelFunc // ends the background work
	designs designLimits
	closed  atomic.Bool
	stopped sync.WaitGroup

	beforeStep func(statement string) error // set by tests: an error stops a migration there
}

// querier runs statements: a pool or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Open opens the database that dsn names: sqlite:PATH or postgres://… (also postgresql:// and upstream's postgresql+psycopg2://). An SQLite file
// that does not exist is created. Nothing is migrated. ErrInvalid: dsn is wrong, or the file is no database; ErrDenied: the file may not be
// written, or the password is wrong; ErrUnavailable: the server did not answer.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	where, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	background, stop := context.WithCancel(context.Background())
	s := &Store{log: o.Logger, where: where, stop: stop, bells: newBells(), designs: newDesignLimits(o)}
	if where.file != "" {
		err = s.openSQLite(ctx, o)
	} else {
		err = s.openPostgres(ctx, background, o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", where.shown, err), s.Close())
	}
	return s, nil
}

// Dialect is "sqlite" or "postgres".
func (s *Store) Dialect() string { return s.d.name }

// Location says where the data is, for people: a path, or a URL without its password.
func (s *Store) Location() string { return s.where.shown }

// Close waits for the writes in flight and closes every connection.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.stop()
	s.stopped.Wait()
	var err error
	if s.writer != nil {
		err = s.writer.close()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// Ping asks the database for its time, so it fails when the database cannot answer statements.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, "ping", func(ctx context.Context, q querier) error {
		var now instant
		return q.QueryRowContext(ctx, s.d.text(`SELECT {clock}`)).Scan(&now)
	})
}

// read runs statements that change nothing. Each sees a snapshot of its own.
func (s *Store) read(ctx context.Context, what string, fn func(context.Context, querier) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return s.failed(ctx, what, fn(ctx, s.reads))
}

// write runs fn in one transaction. fn may run again, so it must not keep what an earlier run did. Rows must be closed before the next statement.
func (s *Store) write(ctx context.Context, what string, fn func(context.Context, querier) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if s.writer != nil {
		return s.failed(ctx, what, s.writer.do(ctx, false, fn))
	}
	for try := 1; ; try++ {
		err := s.transact(ctx, fn)
		if err == nil || !s.d.raced(err) || try == maxTries {
			return s.failed(ctx, what, err)
		}
		pause(ctx, try)
	}
}

// writeOne runs fn, which executes exactly one statement that is a transaction of its own.
func (s *Store) writeOne(ctx context.Context, what string, fn func(context.Context, querier) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if s.writer != nil {
		return s.failed(ctx, what, s.writer.do(ctx, true, fn))
	}
	for try := 1; ; try++ {
		err := fn(ctx, s.db)
		if err != nil && lostInFlight(err) {
			err = fmt.Errorf("%w: %w", drydock.ErrUnknown, err)
		}
		if err == nil || !s.d.raced(err) || try == maxTries {
			return s.failed(ctx, what, err)
		}
		pause(ctx, try)
	}
}

const maxTries = 8 // of a transaction that loses against another

func (s *Store) transact(ctx context.Context, fn func(context.Context, querier) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit; a connection that cannot roll back is dropped by the pool
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		if lostInFlight(err) || errors.Is(err, sql.ErrTxDone) {
			return fmt.Errorf("%w: %w", drydock.ErrUnknown, err)
		}
		return err
	}
	return nil
}

// failed gives err its kind and says what failed.
func (s *Store) failed(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if kind := s.kindOf(ctx, err); kind != nil {
		err = fmt.Errorf("%w: %w", kind, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// kindOf is the kind that err lacks, or nil.
func (s *Store) kindOf(ctx context.Context, err error) error {
	for _, k := range []error{
		drydock.ErrNotFound, drydock.ErrConflict, drydock.ErrInvalid, drydock.ErrDenied, drydock.ErrUnavailable, drydock.ErrLeaseLost,
	} {
		if errors.Is(err, k) {
			return nil
		}
	}
	if errors.Is(err, sql.ErrNoRows) {
		return drydock.ErrNotFound
	}
	if s.closed.Load() || ctx.Err() != nil {
		return drydock.ErrUnavailable
	}
	// ErrBadConn: the connection was lost between two statements of a transaction, so nothing was committed.
	for _, lost := range []error{context.Canceled, context.DeadlineExceeded, sql.ErrConnDone, driver.ErrBadConn} {
		if errors.Is(err, lost) {
			return drydock.ErrUnavailable
		}
	}
	return s.d.kind(err)
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, DefaultTimeout)
}

// pause waits a little, longer at each try, with full jitter.
func pause(ctx context.Context, try int) {
	t := time.NewTimer(rand.N(time.Duration(try) * 5 * time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
