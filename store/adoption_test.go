package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

var errKilled = errors.New("killed")

// A migration that is stopped before any of its statements goes on from there.
func TestMigrateResumes(t *testing.T) {
	url := makeUpstream(t, 0)
	s := storetest.OpenURL(t, url)
	kills := 0
	for stop := 1; ; stop++ {
		n := 0
		store.BeforeStep(s, func(string) error {
			if n++; n == stop {
				return errKilled
			}
			return nil
		})
		_, err := s.Migrate(t.Context())
		if err == nil {
			break
		}
		if kills++; !errors.Is(err, errKilled) || kills > 100 {
			t.Fatalf("stopped before statement %d: %v", stop, err)
		}
		if _, err := s.Plan(t.Context()); err != nil {
			t.Fatalf("plan of a half-migrated database: %v", err)
		}
	}
	if kills < 10 {
		t.Errorf("stopped only %d times", kills)
	}
	checkUpstreamRows(t, s)
	plan, err := s.Plan(t.Context())
	if adopted, e := s.Adopted(t.Context()); err != nil || len(plan) != 0 || e != nil || !adopted {
		t.Errorf("plan %v, error %v; adopted %v, error %v", plan, err, adopted, e)
	}
}

// The building of an index that was stopped leaves one that is of no use: it is built again.
func TestMigrateRebuildsIndex(t *testing.T) {
	url := makeUpstream(t, 2)
	s := storetest.OpenURL(t, url)
	db := raw(t, url)
	spoiled := false
	store.BeforeStep(s, func(statement string) error {
		if strings.Contains(statement, "tasks_queued") && !spoiled {
			spoiled = true
			db.exec(t, `CREATE INDEX tasks_queued ON tasks (action)`)
			db.exec(t, `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tasks_queued'::regclass`)
			return errKilled
		}
		return nil
	})
	if _, err := s.Migrate(t.Context()); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var definition string
	if err := db.QueryRow(`SELECT pg_get_indexdef('tasks_queued'::regclass)`).Scan(&definition); err != nil || !strings.Contains(definition, "created") {
		t.Errorf("index: %s, error %v", definition, err)
	}
	var invalid int
	if err := db.QueryRow(`SELECT count(*) FROM pg_index WHERE NOT indisvalid`).Scan(&invalid); err != nil || invalid != 0 {
		t.Errorf("%d invalid indexes, error %v", invalid, err)
	}
}

// Adoption rewrites no large table, and waits for a lock only for moments.
func TestMigrateRewritesNothing(t *testing.T) {
	url := makeUpstream(t, 2)
	db := raw(t, url)
	db.exec(t, `INSERT INTO result_message (task_id, message, extra) SELECT '\x568e150bd0ac4099810d46e6a11c77f3', 'm', '"{}"' FROM generate_series(1, 10001)`)
	files := func() string {
		var list string
		if err := db.QueryRow(`SELECT string_agg(relname || ' ' || pg_relation_filenode(oid), ', ' ORDER BY relname) FROM pg_class WHERE relname IN
			('tasks', 'result_message', 'build_data', 'boot_action', 'boot_action_status', 'tasks_pkey', 'result_message_pkey',
			'ix_build_data_node_name', 'ix_build_data_task_id', 'ix_boot_action_status_task_id')`).Scan(&list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := files()
	s := storetest.OpenURL(t, url)
	plan, err := s.Plan(t.Context())
	if err != nil || len(plan) < 20 {
		t.Fatalf("plan of %d statements, error %v", len(plan), err)
	}
	for _, p := range plan {
		if p.Table == "" || p.Lock == "" || p.Kind == "" || p.Version > 1 && p.Lock == "none" && p.Table != "a function" || p.Table == "result_message" && p.Rows < 10001 {
			t.Errorf("not said: %+v", p)
		}
	}
	reader, err := db.Begin() // somebody reads for a while, for instance pg_dump
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(`SELECT count(*) FROM result_message`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Migrate(t.Context())
		done <- err
	}()
	longest := writeFor(t, db, time.Second)
	select {
	case err := <-done:
		t.Errorf("migrated under a reader: %v", err)
	default:
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if after := files(); after != before {
		t.Errorf("rewritten:\nbefore %s\nafter  %s", before, after)
	}
	if longest > time.Second {
		t.Errorf("a writer waited for %v", longest)
	}
	addMessages(t, s, upstreamRoot, "ours")
	if said, err := s.Messages(t.Context(), upstreamRoot, 1<<40, 0); err != nil || len(said) != 0 {
		t.Errorf("behind all numbers: %v, error %v", said, err)
	}
}

// writeFor writes messages as upstream does for d, and returns how long one of them took at most.
func writeFor(t *testing.T, db rawDB, d time.Duration) time.Duration {
	t.Helper()
	var longest time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); {
		began := time.Now()
		db.exec(t, `INSERT INTO result_message (task_id, message, extra) VALUES ('\x568e150bd0ac4099810d46e6a11c77f3', 'm', '"{}"')`)
		longest = max(longest, time.Since(began))
	}
	return longest
}

// A revision that is not known is named, and nothing is touched.
func TestMigrateNamesRevision(t *testing.T) {
	url := makeUpstream(t, 2)
	raw(t, url).exec(t, `UPDATE alembic_version SET version_num = 'deadbeef1234'`)
	s := storetest.OpenURL(t, url)
	for what, do := range map[string]func(context.Context) error{
		"migrate": func(ctx context.Context) error { _, err := s.Migrate(ctx); return err },
		"plan":    func(ctx context.Context) error { _, err := s.Plan(ctx); return err },
	} {
		if err := do(t.Context()); !errors.Is(err, drydock.ErrConflict) || !strings.Contains(err.Error(), "deadbeef1234") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
