package store

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
)

// reader is a pool whose statements stay prepared, for SQLite: its driver would parse each text again. (pgx keeps statements by itself.)
type reader struct {
	db         *sql.DB
	statements sync.Map // text → *sql.Stmt, closed with the pool
	n          atomic.Int32
}

// stmt is nil where the text is not to be kept, or wrong: the pool then says how.
func (r *reader) stmt(ctx context.Context, text string) *sql.Stmt {
	if s, ok := r.statements.Load(text); ok {
		return s.(*sql.Stmt)
	}
	if r.n.Add(1) > maxPrepared {
		return nil
	}
	s, err := r.db.PrepareContext(ctx, text)
	if err != nil {
		r.n.Add(-1)
		return nil
	}
	kept, _ := r.statements.LoadOrStore(text, s) // the loser of a race is closed with the pool
	return kept.(*sql.Stmt)
}

func (r *reader) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	return r.db.ExecContext(ctx, text, args...)
}

func (r *reader) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if s := r.stmt(ctx, text); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return r.db.QueryContext(ctx, text, args...)
}

func (r *reader) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if s := r.stmt(ctx, text); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return r.db.QueryRowContext(ctx, text, args...)
}
