package store

import (
	"context"
	"fmt"
	"strings"

	"drydock"
)

// PlanStep is one statement that Migrate would run.
type PlanStep struct {
	Version   int // of the migration that it belongs to; 0: one of upstream's own, that brings its tables to its newest revision
	Name      string
	Statement string
	Table     string // that it touches
	Lock      string // the lock that it takes there, as PostgreSQL names it
	Kind      string // how long for, in kind: instant, rewrite, concurrent index build
	Rows      int64  // about how many the table has
}

// Plan lists what Migrate would run, in order, and changes nothing. ErrConflict as for Migrate: a revision of upstream's that is not known is named.
func (s *Store) Plan(ctx context.Context) (plan []PlanStep, err error) {
	list, err := s.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, "plan", func(ctx context.Context, q querier) error {
		plan = nil
		theirs := -1
		recorded, err := s.hasTable(ctx, q, "schema_version")
		if err == nil && !recorded {
			theirs, err = s.upstreamRevision(ctx, q)
		}
		if err != nil {
			return err
		}
		if theirs >= 0 {
			plan = upstreamPlan(theirs)
		}
		for i := range list {
			if m := &list[i]; m.Applied.IsZero() && (theirs < 0 || i > 0) {
				for _, st := range steps(m.text) {
					p := PlanStep{m.Version, m.Name, strings.TrimSpace(st.text), st.table, st.lock, st.kind, 0}
					if p.Lock == "" { // the first migration, of an empty database
						p.Table, p.Lock, p.Kind = "a new table", "none", "instant"
					}
					plan = append(plan, p)
				}
			}
		}
		return s.planRows(ctx, q, plan)
	})
	return plan, err
}

// upstreamPlan is what brings a database from one of upstream's revisions to its newest.
func upstreamPlan(at int) []PlanStep {
	var plan []PlanStep
	for _, step := range upstreamSteps[at+1:] {
		for _, statement := range append(step.statements, `UPDATE alembic_version SET version_num = '`+step.revision+`'`) {
			p := PlanStep{Name: "upstream " + step.revision, Statement: statement + ";", Table: "a new table", Lock: "none", Kind: "instant"}
			switch {
			case strings.HasPrefix(statement, "ALTER TABLE tasks"):
				p.Table, p.Lock = "tasks", "ACCESS EXCLUSIVE"
			case strings.HasPrefix(statement, "UPDATE"):
				p.Table, p.Lock, p.Kind = "alembic_version", "ROW EXCLUSIVE", "one row"
			}
			plan = append(plan, p)
		}
	}
	return plan
}

// planRows fills in the sizes of tables: the server's estimate, or a count where it has none.
func (s *Store) planRows(ctx context.Context, q querier, plan []PlanStep) error {
	if s.writer != nil {
		return nil
	}
	known := map[string]int64{}
	for i := range plan {
		p := &plan[i]
		if p.Lock == "" || p.Kind == "" || strings.Contains(p.Table, " ") {
			continue
		}
		n, ok := known[p.Table]
		if !ok {
			exists, err := s.hasTable(ctx, q, p.Table)
			if err != nil {
				return err
			}
			if exists {
				if err := q.QueryRowContext(ctx, `SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass($1)`, p.Table).Scan(&n); err != nil {
					return err
				}
				if n < 0 {
					if err := q.QueryRowContext(ctx, `SELECT count(*) FROM `+p.Table).Scan(&n); err != nil { // a name of our own
						return err
					}
				}
			}
			known[p.Table] = n
		}
		p.Rows = n
	}
	return nil
}

// leading returns ErrConflict while an orchestrator of ours leads: its tables must not be taken from under it.
func (s *Store) leading(ctx context.Context) error {
	l, err := s.CurrentLease(ctx)
	if err == nil && l.Name != "upstream" {
		return fmt.Errorf("%w: %s leads under term %d; stop it first", drydock.ErrConflict, l.Name, l.Term)
	}
	return nil
}
