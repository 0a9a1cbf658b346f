package store_test

import (
	"reflect"
	"sync/atomic"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestMigrate(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		pending, err := s.Migrations(t.Context())
		if err != nil || len(pending) == 0 {
			t.Fatalf("migrations: %+v, error %v", pending, err)
		}
		for i, m := range pending {
			if m.Version != i+1 || m.Name == "" || !m.Applied.IsZero() {
				t.Errorf("pending: %+v", m)
			}
		}
		if _, err := s.Tasks(t.Context(), drydock.TaskQuery{}); err == nil {
			t.Error("a database without tables has an empty list of tasks")
		}
		applied, err := s.Migrate(t.Context())
		if err != nil || len(applied) != len(pending) {
			t.Fatalf("applied %+v, error %v", applied, err)
		}
		for i, m := range applied {
			if m.Version != i+1 || m.Name != pending[i].Name {
				t.Errorf("applied: %+v, want %+v", m, pending[i])
			}
			recent(t, "applied", m.Applied)
		}
		create(t, s, noop())
		if again, err := s.Migrate(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("again: %+v, error %v", again, err)
		}
		all, err := s.Migrations(t.Context())
		if err != nil || !reflect.DeepEqual(versions(all), versions(applied)) {
			t.Errorf("all: %+v, error %v", all, err)
		}
		for _, m := range all {
			recent(t, "applied", m.Applied)
		}
	})
}

func versions(list []store.Migration) []int {
	out := make([]int, len(list))
	for i := range list {
		out[i] = list[i].Version
	}
	return out
}

// Several processes that start at the same time migrate once.
func TestMigrateConcurrent(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		const n = 5
		var stores [n]*store.Store
		for i := range stores {
			stores[i] = storetest.OpenURL(t, url)
		}
		var applied atomic.Int32
		together(n, func(i int) {
			list, err := stores[i].Migrate(t.Context())
			if err != nil {
				t.Errorf("migrate: %v", err)
			}
			applied.Add(int32(len(list)))
			if _, err := stores[i].Tasks(t.Context(), drydock.TaskQuery{}); err != nil {
				t.Errorf("after migrating: %v", err)
			}
		})
		all, err := stores[0].Migrations(t.Context())
		if err != nil || int(applied.Load()) != len(all) {
			t.Errorf("%d steps applied of %d, error %v", applied.Load(), len(all), err)
		}
	})
}

// A database of a newer program, or of one with other migrations, is not touched.
func TestMigrateRefuses(t *testing.T) {
	for what, change := range map[string]string{
		"newer": `INSERT INTO schema_version (version, name, checksum, applied) SELECT 9999, 'from_the_future', checksum, applied FROM schema_version WHERE version = 1`,
		"other": `UPDATE schema_version SET checksum = 'feedfeed' WHERE version = 1`,
	} {
		t.Run(what, func(t *testing.T) {
			storetest.EachURL(t, func(t *testing.T, url string) {
				s := storetest.OpenURL(t, url)
				raw(t, url).exec(t, change)
				done, err := s.Migrate(t.Context())
				wantKind(t, "migrate", err, drydock.ErrConflict)
				if len(done) != 0 {
					t.Errorf("applied %+v", done)
				}
				_, err = s.Migrations(t.Context())
				wantKind(t, "list", err, drydock.ErrConflict)
			})
		})
	}
}

// Tables that somebody else made are left alone.
func TestMigrateForeign(t *testing.T) {
	for what, tables := range map[string][]string{
		"tables of another program": {`CREATE TABLE tasks (id integer)`},
		"an unknown upstream":       {`CREATE TABLE tasks (task_id integer)`, `CREATE TABLE alembic_version (version_num varchar(32))`, `INSERT INTO alembic_version VALUES ('0123456789ab')`},
	} {
		t.Run(what, func(t *testing.T) {
			storetest.EachEmpty(t, func(t *testing.T, url string) {
				s := storetest.OpenURL(t, url)
				db := raw(t, url)
				for _, statement := range tables {
					db.exec(t, statement)
				}
				_, err := s.Migrate(t.Context())
				wantKind(t, "migrate", err, drydock.ErrConflict)
				var n int
				if err := db.QueryRow(`SELECT count(*) FROM tasks`).Scan(&n); err != nil || n != 0 {
					t.Errorf("%d rows, error %v", n, err)
				}
			})
		})
	}
}
