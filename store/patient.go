package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"regexp"
	"time"
)

const (
	lockPatience  = 250 * time.Millisecond // how long a migration may wait for a lock, and so hold up everyone else
	lockPause     = 250 * time.Millisecond // in which they catch up
	sqlMigrating  = `SELECT pg_try_advisory_lock(1146637418)`
	sqlMigrated   = `SELECT pg_advisory_unlock(1146637418)`
	sqlUnfinished = `SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid`
)

var sqlPatience = fmt.Sprintf(`SET LOCAL lock_timeout = %d`, lockPatience.Milliseconds())

// patient changes the schema of a database that others work on. It holds the lock of those who migrate.
type patient struct {
	s    *Store
	conn *sql.Conn
}

// patient waits until no other process migrates. It looks again and again instead of waiting in the lock, since a waiting statement would hold up the
// building of an index by the one that has it.
func (s *Store) patient(ctx context.Context) (*patient, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	p := &patient{s, conn}
	for {
		var mine bool
		if err := conn.QueryRowContext(ctx, sqlMigrating).Scan(&mine); err != nil {
			p.close()
			return nil, err
		}
		if mine {
			return p, nil
		}
		if wait(ctx, lockPause); ctx.Err() != nil {
			p.close()
			return nil, ctx.Err()
		}
	}
}

// close gives the lock back, or drops the connection and the lock with it.
func (p *patient) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := p.conn.ExecContext(ctx, sqlMigrated); err != nil {
		_ = p.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = p.conn.Close() // the pool has it
}

// transact runs fn in a transaction, again and again while it cannot have its locks at once.
func (p *patient) transact(ctx context.Context, what string, fn func(context.Context, querier) error) error {
	for {
		err := p.try(ctx, fn)
		if !postgresLocked(err) && !postgresRaced(err) || ctx.Err() != nil {
			return p.s.failed(ctx, what, err)
		}
		p.s.log.Info("waiting to change the schema: others hold the lock", "error", err)
		wait(ctx, lockPause)
	}
}

func (p *patient) try(ctx context.Context, fn func(context.Context, querier) error) error {
	tx, err := p.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing after Commit
	if _, err := tx.ExecContext(ctx, sqlPatience); err != nil {
		return err
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// each runs a migration statement by statement.
func (p *patient) each(ctx context.Context, m *Migration) error {
	for _, step := range steps(m.text) {
		if err := p.s.interrupted(step.text); err != nil {
			return err
		}
		if err := p.step(ctx, step.text); err != nil {
			return fmt.Errorf("%04d_%s: %w", m.Version, m.Name, err)
		}
	}
	return nil
}

// concurrently finds the index that a statement builds or drops while others write, which cannot be done inside a transaction.
var concurrently = regexp.MustCompile(`INDEX CONCURRENTLY (?:IF NOT EXISTS |IF EXISTS )?(\w+)`)

func (p *patient) step(ctx context.Context, text string) error {
	index := concurrently.FindStringSubmatch(text)
	if index == nil {
		return p.transact(ctx, "migrate", func(ctx context.Context, q querier) error {
			_, err := q.ExecContext(ctx, text)
			return err
		})
	}
	var unfinished int
	if err := p.conn.QueryRowContext(ctx, sqlUnfinished, index[1]).Scan(&unfinished); err != nil {
		return p.s.failed(ctx, "migrate", err)
	}
	if unfinished > 0 {
		if _, err := p.conn.ExecContext(ctx, `DROP INDEX CONCURRENTLY IF EXISTS `+index[1]); err != nil {
			return p.s.failed(ctx, "migrate", err)
		}
	}
	_, err := p.conn.ExecContext(ctx, text)
	return p.s.failed(ctx, "migrate", err)
}

// interrupted lets a test stop a migration before a statement.
func (s *Store) interrupted(statement string) error {
	if s.beforeStep == nil {
		return nil
	}
	return s.beforeStep(statement)
}
