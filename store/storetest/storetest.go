package storetest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
)

const (
	patience  = 30 * time.Second // of Eventually: long enough for a loaded machine, short enough to see what hangs
	leaseTime = time.Hour        // of Lead: outlives every test
)

// Each runs a test on both databases, as sub-tests sqlite and postgres in parallel, each on a fresh migrated store of its own.
func Each(t *testing.T, run func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { run(t, OpenURL(t, url)) })
}

// EachURL is Each for tests that open the fresh migrated database themselves.
func EachURL(t *testing.T, run func(t *testing.T, url string)) {
	t.Helper()
	on(t, "sqlite", SQLiteURL, run)
	on(t, "postgres", PostgresURL, run)
}

// EachEmpty is EachURL with databases that are not migrated.
func EachEmpty(t *testing.T, run func(t *testing.T, url string)) {
	t.Helper()
	on(t, "sqlite", EmptySQLiteURL, run)
	on(t, "postgres", EmptyPostgresURL, run)
}

func on(t *testing.T, name string, make func(testing.TB) string, run func(*testing.T, string)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		run(t, make(t))
	})
}

// Open is a fresh migrated SQLite store in a temporary folder, closed at the end of the test: the one to use where the database does not matter.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenURL(t, SQLiteURL(t))
}

// Postgres is a fresh migrated PostgreSQL store, closed at the end of the test.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return OpenURL(t, PostgresURL(t))
}

// OpenURL opens a store, logs to the test's output, and closes it at the end of the test.
func OpenURL(t testing.TB, url string) *store.Store {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := store.Open(context.Background(), url, store.Options{Logger: log})
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// SQLiteURL is the URL of a migrated SQLite file of this test's own.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	url := EmptySQLiteURL(t)
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatalf("make an SQLite store: %v", err)
	}
	if _, err := s.Migrate(context.Background()); err != nil {
		t.Errorf("migrate an SQLite store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close an SQLite store: %v", err)
	}
	return url
}

// EmptySQLiteURL is the URL of an SQLite file that does not exist yet, in a temporary folder.
func EmptySQLiteURL(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "drydock.db")
}

// Lead takes the lease of the store, which nobody may hold, for longer than any test lasts.
func Lead(t testing.TB, s *store.Store) drydock.Lease {
	t.Helper()
	l, err := s.AcquireLease(context.Background(), uuid.NewString(), "leader", leaseTime)
	if err != nil {
		t.Fatalf("take the lease: %v", err)
	}
	return l
}

// Depose ends the term of l and takes the lease for another holder: from now on l is an old term.
func Depose(t testing.TB, s *store.Store, l drydock.Lease) drydock.Lease {
	t.Helper()
	if err := s.ReleaseLease(context.Background(), l, "deposed"); err != nil {
		t.Fatalf("release the lease: %v", err)
	}
	return Lead(t, s)
}

// Eventually polls until done reports true, and fails the test when that takes too long.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-tick.C
	}
}
