package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"drydock"
)

type upstreamStep struct {
	revision   string
	statements []string
}

// upstreamSteps are upstream's revisions in order, and what each adds to the one before: a database made by upstream is first brought to its newest.
var upstreamSteps = []upstreamStep{
	{"9593a123e7c5", nil},
	{"4a5bef3702b", []string{
		`CREATE TABLE build_data (node_name varchar(32), task_id bytea, collected_date timestamp without time zone, generator varchar(256),
			data_format varchar(32), data_element text)`,
		`CREATE INDEX ix_build_data_node_name ON build_data (node_name)`,
		`CREATE INDEX ix_build_data_task_id ON build_data (task_id)`,
	}},
	{"4713e7ebca9", []string{`ALTER TABLE tasks ADD COLUMN result_links json`}},
}

// adopt recognises tables that this program did not make. Upstream's are brought to its newest revision, which is what our first migration would
// have made, and what to record of it is returned. ErrConflict: a revision that is not known, or no database of upstream's.
func (s *Store) adopt(ctx context.Context, q querier) (string, error) {
	at, err := s.upstreamRevision(ctx, q)
	if err != nil || at < 0 {
		return "", err
	}
	for _, step := range upstreamSteps[at+1:] {
		for _, statement := range step.statements {
			if _, err := q.ExecContext(ctx, statement); err != nil {
				return "", fmt.Errorf("upstream's revision %s: %w", step.revision, err)
			}
		}
		if _, err := q.ExecContext(ctx, `UPDATE alembic_version SET version_num = $1`, step.revision); err != nil {
			return "", err
		}
	}
	return adoptedAt + upstreamSteps[at].revision, nil
}

// adoptedAt begins what is recorded of a database that upstream made.
const adoptedAt = "adopted at "

// Adopted reports whether upstream's program made the database.
func (s *Store) Adopted(ctx context.Context) (adopted bool, err error) {
	err = s.read(ctx, "look for upstream", func(ctx context.Context, q querier) error {
		var name string
		err := q.QueryRowContext(ctx, `SELECT name FROM schema_version WHERE version = 1`).Scan(&name)
		adopted = strings.Contains(name, adoptedAt)
		return err
	})
	return adopted, err
}

// upstreamRevision is the place in upstreamSteps of a database that this program has not migrated, or -1 if there are no tables.
func (s *Store) upstreamRevision(ctx context.Context, q querier) (int, error) {
	if theirs, err := s.hasTable(ctx, q, "tasks"); err != nil || !theirs {
		return -1, err
	}
	upstream, err := s.hasTable(ctx, q, "alembic_version")
	if err != nil {
		return -1, err
	}
	if !upstream {
		return -1, fmt.Errorf("%w: it holds a table named tasks that this program did not make; use a database of its own", drydock.ErrConflict)
	}
	var revision string
	if err := q.QueryRowContext(ctx, `SELECT coalesce(string_agg(version_num, ' and '), '') FROM alembic_version`).Scan(&revision); err != nil {
		return -1, err
	}
	at := slices.IndexFunc(upstreamSteps, func(step upstreamStep) bool { return step.revision == revision })
	if at < 0 {
		return -1, fmt.Errorf("%w: the database is at revision %q of upstream's, which this program does not know", drydock.ErrConflict, revision)
	}
	return at, nil
}
