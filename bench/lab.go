package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
)

// lab is the database that is measured, opened twice: by the store, and bare.
type lab struct {
	store       *store.Store
	write, read *sql.DB // bare; the same pool on PostgreSQL, one writer and four readers on SQLite, as many as the store has
	postgres    bool
	lease       drydock.Lease
	history     []task    // a sample of the complete tasks that are read
	first       time.Time // the first task of the history was created a second after this; the others follow one a second
	total       int       // tasks in the history
	statements  []*sql.Stmt
}

// task is the identity of a task in both forms, so that neither side pays for conversions that a caller would not make.
type task struct {
	id  drydock.TaskID
	raw []byte
}

const (
	leaseTime = time.Hour // nothing that is measured takes that long
	readers   = 4
)

// openLab opens, makes sure that the database is empty, migrates and takes the lease.
func openLab(ctx context.Context, dsn string) (l *lab, err error) {
	l = &lab{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.store, err = store.Open(ctx, dsn, store.Options{}); err != nil {
		return l, err
	}
	l.postgres = l.store.Dialect() == "postgres"
	if l.write, err = store.OpenBare(ctx, dsn); err != nil {
		return l, err
	}
	l.read = l.write
	if !l.postgres {
		if l.read, err = store.OpenBare(ctx, dsn); err != nil {
			return l, err
		}
		l.read.SetMaxOpenConns(readers)
		l.read.SetMaxIdleConns(readers)
	}
	if err := l.checkEmpty(ctx); err != nil { // before anything is changed
		return l, err
	}
	if _, err := l.store.Migrate(ctx); err != nil {
		return l, err
	}
	if l.lease, err = l.store.AcquireLease(ctx, uuid.NewString(), "drydock bench", leaseTime); err != nil {
		return l, fmt.Errorf("no server may run on the database that is measured: %w", err)
	}
	return l, nil
}

func (l *lab) close() error {
	var err error
	if l.store != nil {
		err = l.store.Close()
	}
	for _, db := range []*sql.DB{l.write, l.read} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// contents are the tables that must be empty and are emptied, with the words for what is in them.
var contents = []struct{ table, words string }{{"result_message", "messages"}, {"build_data", "build data"}, {"tasks", "tasks"}}

// checkEmpty answers ErrConflict, naming what the database holds.
func (l *lab) checkEmpty(ctx context.Context) error {
	known := `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1`
	if l.postgres {
		known = `SELECT CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END`
	}
	var held []string
	for _, c := range contents {
		var n int
		if err := l.write.QueryRowContext(ctx, known, c.table).Scan(&n); err != nil {
			return fmt.Errorf("look for table %s: %w", c.table, err)
		}
		if n == 0 {
			continue
		}
		const most = 1000
		if err := l.write.QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d) AS f`, c.table, most+1)).Scan(&n); err != nil {
			return fmt.Errorf("look into table %s: %w", c.table, err)
		}
		switch {
		case n > most:
			held = append(held, fmt.Sprintf("%s (more than %s)", c.words, number(most)))
		case n > 0:
			held = append(held, fmt.Sprintf("%s (%d)", c.words, n))
		}
	}
	if len(held) > 0 {
		return fmt.Errorf("%w: %s holds %s; a benchmark empties its database, so name an empty one", drydock.ErrConflict, l.store.Location(), strings.Join(held, ", "))
	}
	return nil
}

// leave empties the database and gives the lease back. Who leads next must get a higher term, so the history of the lease stays.
func (l *lab) leave(ctx context.Context, o *Options) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Minute)
	defer cancel()
	err := l.store.ReleaseLease(ctx, l.lease, "the benchmark has ended")
	if o.Keep {
		fmt.Fprintf(o.Progress, "the data is kept in %s\n", l.store.Location())
		return err
	}
	var emptying []string
	for _, c := range contents {
		if l.postgres {
			emptying = append(emptying, `TRUNCATE `+c.table)
		} else {
			emptying = append(emptying, `DELETE FROM `+c.table)
		}
	}
	if !l.postgres {
		emptying = append(emptying, `VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	for _, text := range emptying {
		if _, e := l.write.ExecContext(ctx, text); e != nil {
			err = errors.Join(err, fmt.Errorf("empty the database: %w", e))
		}
	}
	return err
}

// analyze brings PostgreSQL's statistics up to date, as autovacuum would in time. Nobody does that on SQLite, so it is not done here either.
func (l *lab) analyze(ctx context.Context) error {
	if !l.postgres {
		return nil
	}
	for _, c := range contents {
		if _, err := l.write.ExecContext(ctx, `ANALYZE `+c.table); err != nil {
			return fmt.Errorf("analyze %s: %w", c.table, err)
		}
	}
	return nil
}

// stmt prepares a bare statement on db until the operation has been measured.
func (l *lab) stmt(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	s, err := db.PrepareContext(ctx, l.text(text))
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", text, err)
	}
	l.statements = append(l.statements, s)
	return s, nil
}

func (l *lab) closeStatements() error {
	var err error
	for _, s := range l.statements {
		err = errors.Join(err, s.Close())
	}
	l.statements = nil
	return err
}

// text puts the dialect's words into a statement.
func (l *lab) text(q string) string {
	if l.postgres {
		return postgresWords.Replace(q)
	}
	return sqliteWords.Replace(q)
}

var (
	postgresWords = strings.NewReplacer(
		"{clock}", "(clock_timestamp() AT TIME ZONE 'UTC')",
		"{us}", "* interval '1 microsecond'",
		"{none}", "'{}'",
		"{series(}", "generate_series(1, CAST(", "{)}", " AS int)) AS s(i)",
		"{instant}", "(CAST($1 AS timestamp) + s.i * CAST($2 AS bigint) * interval '1 microsecond')",
		"{new id}", "decode(lpad(to_hex(CAST(extract(epoch FROM c.at) * 1000 AS bigint)), 12, '0') || substr(replace(CAST(gen_random_uuid() AS text), '-', ''), 13), 'hex')",
		"{skip locked}", "FOR UPDATE SKIP LOCKED",
		"{row}", "ctid",
	)
	sqliteWords = strings.NewReplacer(
		"{clock}", "now_us()",
		"{us}", "",
		"{none}", "'[]'",
		"{series(}", "(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < ", "{)}", ") SELECT i FROM r) AS s",
		"{instant}", "(?1 + s.i * ?2)",
		"{new id}", "unhex(printf('%012x', c.at / 1000) || hex(randomblob(10)))",
		"{skip locked}", "",
		"{row}", "rowid",
		"$", "?",
	)
)

// time is an instant as a parameter.
func (l *lab) time(t time.Time) any {
	if l.postgres {
		return t.UTC()
	}
	return t.UnixMicro()
}
