package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"drydock"
)

//go:embed migrations
var migrationFiles embed.FS

// Migration is one step of the schema.
type Migration struct {
	Version int
	Name    string
	Applied time.Time // zero: pending

	text     string
	checksum string
	each     bool // statement by statement: every one a transaction of its own that can be repeated
}

const (
	sqlSchemaVersion = `CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied text NOT NULL)`
	sqlApplied       = `SELECT version, name, checksum, applied FROM schema_version ORDER BY version`
	sqlApply         = `INSERT INTO schema_version (version, name, checksum, applied) VALUES ($1, $2, $3, $4)`
)

// errNotMigrated is the kind of a statement that does not find its tables.
var errNotMigrated = fmt.Errorf("%w: the schema of the database is not this program's; run drydock migrate", drydock.ErrConflict)

// embedded returns the dialect's migrations in order.
func (d *dialect) embedded() ([]Migration, error) {
	files, err := fs.Glob(migrationFiles, "migrations/"+d.name+"/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var list []Migration
	for _, f := range files {
		text, err := migrationFiles.ReadFile(f)
		if err != nil {
			return nil, err
		}
		base := strings.TrimSuffix(f[strings.LastIndexByte(f, '/')+1:], ".sql")
		number, name, _ := strings.Cut(base, "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != len(list)+1 {
			return nil, fmt.Errorf("migration %s: not number %d", f, len(list)+1)
		}
		sum := sha256.Sum256(text)
		list = append(list, Migration{Version: version, Name: name, text: string(text), each: strings.HasPrefix(string(text), "--: each"), checksum: hex.EncodeToString(sum[:8])})
	}
	return list, nil
}

// Migrations lists every migration this program knows, in order. ErrConflict: the database is newer than the program, or was migrated by other texts.
func (s *Store) Migrations(ctx context.Context) ([]Migration, error) {
	var list []Migration
	err := s.read(ctx, "list migrations", func(ctx context.Context, q querier) error {
		recorded, err := s.hasTable(ctx, q, "schema_version")
		if err != nil {
			return err
		}
		list, err = s.compare(ctx, q, recorded)
		return err
	})
	return list, err
}

func (s *Store) hasTable(ctx context.Context, q querier, name string) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, s.d.text(`SELECT count(*) FROM {tables} = $1`), name).Scan(&n)
	return n > 0, err
}

// compare fills in what has been applied.
func (s *Store) compare(ctx context.Context, q querier, recorded bool) ([]Migration, error) {
	list, err := s.d.embedded()
	if err != nil || !recorded {
		return list, err
	}
	rows, err := q.QueryContext(ctx, sqlApplied)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m Migration
		var applied string
		if err := rows.Scan(&m.Version, &m.Name, &m.checksum, &applied); err != nil {
			return nil, err
		}
		if m.Version > len(list) {
			return nil, fmt.Errorf("%w: the database is at schema version %d (%s), this program knows only %d: use a newer drydock", drydock.ErrConflict, m.Version, m.Name, len(list))
		}
		known := &list[m.Version-1]
		if known.checksum != m.checksum {
			return nil, fmt.Errorf("%w: schema version %d of the database (%s) was made by another text than this program's", drydock.ErrConflict, m.Version, m.Name)
		}
		if known.Applied, err = time.Parse(time.RFC3339, applied); err != nil {
			return nil, fmt.Errorf("schema_version %d: %w", m.Version, err)
		}
	}
	return list, rows.Err()
}

// Migrate applies what is missing and returns what it applied. A step is one transaction together with its record, or statements that can each be
// repeated, so that it can be stopped and resumed at any point. One process migrates at a time; others wait. On PostgreSQL it never waits for a lock
// for longer than lockPatience, because whoever comes after a waiting ALTER waits too: it gives up and tries again until ctx ends. ErrConflict as for
// Migrations.
func (s *Store) Migrate(ctx context.Context) ([]Migration, error) {
	list, err := s.Migrations(ctx)
	if err != nil || !slices.ContainsFunc(list, func(m Migration) bool { return m.Applied.IsZero() }) {
		return nil, err
	}
	run := s.write // SQLite: one writer, who locks by writing
	if s.writer == nil {
		p, err := s.patient(ctx)
		if err != nil {
			return nil, s.failed(ctx, "migrate", err)
		}
		defer p.close()
		run = p.transact
		return s.migrate(ctx, run, p.each)
	}
	return s.migrate(ctx, run, nil)
}

type transaction func(ctx context.Context, what string, fn func(context.Context, querier) error) error

func (s *Store) migrate(ctx context.Context, run transaction, each func(context.Context, *Migration) error) ([]Migration, error) {
	var done []Migration
	for {
		var next, applied *Migration
		err := run(ctx, "migrate", func(ctx context.Context, q querier) (err error) {
			next, applied = nil, nil
			m, adopted, err := s.nextMigration(ctx, q)
			if err != nil || m == nil {
				return err
			}
			if next = m; m.each && adopted == "" {
				return nil
			}
			if adopted != "" {
				m.Name += ", " + adopted // the tables are there already
			} else if err := s.runAll(ctx, q, m); err != nil {
				return err
			}
			applied = m
			return s.record(ctx, q, m)
		})
		if err == nil && next != nil && applied == nil {
			if err = each(ctx, next); err == nil {
				err = run(ctx, "migrate", func(ctx context.Context, q querier) error { return s.record(ctx, q, next) })
			}
			applied = next
		}
		if err != nil || applied == nil {
			return done, err
		}
		done = append(done, *applied)
	}
}

// nextMigration is the first that has not been applied, or nil. adopted is not empty if upstream's tables take the place of it.
func (s *Store) nextMigration(ctx context.Context, q querier) (next *Migration, adopted string, err error) {
	if s.writer != nil {
		if _, err := q.ExecContext(ctx, s.d.text(`{migration lock}`)); err != nil {
			return nil, "", err
		}
	}
	recorded, err := s.hasTable(ctx, q, "schema_version")
	if err != nil {
		return nil, "", err
	}
	if !recorded {
		if adopted, err = s.adopt(ctx, q); err != nil {
			return nil, "", err
		}
	}
	if _, err := q.ExecContext(ctx, sqlSchemaVersion); err != nil {
		return nil, "", err
	}
	list, err := s.compare(ctx, q, true)
	if err != nil {
		return nil, "", err
	}
	at := slices.IndexFunc(list, func(m Migration) bool { return m.Applied.IsZero() })
	if at < 0 {
		return nil, "", nil
	}
	return &list[at], adopted, nil
}

func (s *Store) runAll(ctx context.Context, q querier, m *Migration) error {
	for _, step := range steps(m.text) {
		if err := s.interrupted(step.text); err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, step.text); err != nil {
			return fmt.Errorf("%04d_%s: %w", m.Version, m.Name, err)
		}
	}
	return nil
}

// record notes that m has been applied.
func (s *Store) record(ctx context.Context, q querier, m *Migration) error {
	var now instant
	if err := q.QueryRowContext(ctx, s.d.text(`SELECT {clock}`)).Scan(&now); err != nil {
		return err
	}
	m.Applied = now.Truncate(time.Second)
	_, err := q.ExecContext(ctx, sqlApply, m.Version, m.Name, m.checksum, m.Applied.Format(time.RFC3339))
	return err
}

// step is one statement of a migration, and what the line above it says of it.
type step struct{ text, table, lock, kind string }

// steps splits a migration at the semicolons that end a line. Our migrations are written so; a body in dollar quotes stays whole. A line that begins
// with "--:" describes the statement that follows.
func steps(text string) []step {
	var list []step
	var b strings.Builder
	var now step
	quoted := false
	for line := range strings.Lines(text) {
		if about, ok := strings.CutPrefix(strings.TrimSpace(line), "--: "); ok {
			parts := strings.SplitN(about+" |  | ", "|", 4)
			now = step{table: strings.TrimSpace(parts[0]), lock: strings.TrimSpace(parts[1]), kind: strings.TrimSpace(parts[2])}
		}
		code, _, _ := strings.Cut(line, "--")
		if strings.TrimSpace(code) == "" && b.Len() == 0 {
			continue
		}
		b.WriteString(code)
		if !strings.HasSuffix(code, "\n") {
			b.WriteByte('\n')
		}
		quoted = quoted != (strings.Count(code, "$$")%2 == 1)
		if !quoted && strings.HasSuffix(strings.TrimSpace(code), ";") {
			now.text = b.String()
			list = append(list, now)
			now = step{}
			b.Reset()
		}
	}
	return list
}
