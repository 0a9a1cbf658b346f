package store_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

const secret = "hunter2"

func openError(t *testing.T, url string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("open shows the password: %v", err)
		}
		return err
	}
	// A database may be opened before anything is read from it.
	err = s.Ping(ctx)
	if _, more := s.Migrate(ctx); err == nil {
		err = more
	}
	if closing := s.Close(); closing != nil {
		t.Errorf("close %s: %v", url, closing)
	}
	return err
}

func TestOpenWrongURL(t *testing.T) {
	for what, url := range map[string]string{
		"empty": "", "no scheme": "drydock.db", "a path": "/tmp/drydock.db", "mysql": "mysql://root:" + secret + "@localhost/drydock",
		"http": "http://user:" + secret + "@host/", "no path": "sqlite:", "bad port": "postgres://user:" + secret + "@host:port/db",
		"bad escape": "postgres://user:%zz" + secret + "@host/db", "space": "postgres://us er:" + secret + "@ho st/db",
		"keywords": "host=localhost user=drydock password=" + secret, "colon lost": "postgres//user:" + secret + "@host/db",
		"bad setting": "postgres://user:" + secret + "@localhost:1/db?sslmode=perhaps",
	} {
		wantKind(t, what, openError(t, url), drydock.ErrInvalid)
	}
}

func TestOpenSQLite(t *testing.T) {
	for _, prefix := range []string{"sqlite:", "sqlite://"} {
		path := filepath.Join(t.TempDir(), "a b é&+%41.db")
		s := storetest.OpenURL(t, prefix+path)
		if _, err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil || s.Dialect() != "sqlite" || s.Location() != path {
			t.Errorf("ping %v, dialect %q, location %q, want %q", err, s.Dialect(), s.Location(), path)
		}
		for _, file := range []string{path, path + "-wal"} { // what others may not read in one they may not read in the other
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", file, info, err)
			}
		}
	}
	t.Chdir(t.TempDir())
	s := storetest.OpenURL(t, "sqlite:relative.db")
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("relative.db"); err != nil || !filepath.IsAbs(s.Location()) {
		t.Errorf("location %q, error %v", s.Location(), err)
	}
}

func TestOpenSQLiteErrors(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(folder, "short.db")
	if err := os.WriteFile(short, []byte("tiny"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{
		"a folder": folder, "not a database": text, "a short file": short, "no such folder": filepath.Join(folder, "missing", "x.db"),
		"below a file": filepath.Join(text, "x.db"), "a device": "/dev/null",
	} {
		err := openError(t, "sqlite:"+path)
		if !errors.Is(err, drydock.ErrInvalid) && !errors.Is(err, drydock.ErrDenied) {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error does not name the file: %v", what, err)
		}
	}
	for path, want := range map[string]string{text: "this is", short: "tiny"} {
		if now, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(now), want) {
			t.Errorf("%s was changed, error %v", path, err)
		}
	}
}

func TestOpenUnwritable(t *testing.T) {
	// Not even root writes here.
	wantKind(t, "a file that cannot be made", openError(t, "sqlite:/proc/drydock.db"), drydock.ErrDenied)
	if os.Geteuid() == 0 {
		return // file modes do not bind root
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "read-only.db")
	if err := os.WriteFile(path, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a read-only file", openError(t, "sqlite:"+path), drydock.ErrDenied)
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a read-only folder", openError(t, "sqlite:"+filepath.Join(folder, "new.db")), drydock.ErrDenied)
}

func TestOpenUnreachable(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	tail := "/drydock?sslmode=disable&sslpassword=" + secret
	for what, url := range map[string]string{
		"refused": "postgres://user:" + secret + "@" + refused + tail, "silent": "postgresql+psycopg2://user:" + secret + "@" + silent.Addr().String() + tail,
		"unknown host": "postgresql://user:" + secret + "@no-such-host.invalid" + tail, "no socket": "postgres://user:" + secret + "@/db?host=/nowhere",
	} {
		begin := time.Now()
		wantKind(t, what, openError(t, url), drydock.ErrUnavailable)
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("%s: took %s", what, took)
		}
	}
}

func TestOpenPostgres(t *testing.T) {
	url := storetest.PostgresURL(t)
	for _, scheme := range []string{"postgres:", "postgresql:", "postgresql+psycopg2:"} {
		s := storetest.OpenURL(t, scheme+strings.TrimPrefix(strings.TrimPrefix(url, "postgresql:"), "postgres:"))
		if err := s.Ping(t.Context()); err != nil || s.Dialect() != "postgres" {
			t.Errorf("%s ping: %v, dialect %q", scheme, err, s.Dialect())
		}
		create(t, s, noop())
		if strings.Contains(s.Location(), secret) || !strings.Contains(s.Location(), "drydock_test_") {
			t.Errorf("location %q", s.Location())
		}
	}
	wantKind(t, "no such database", openError(t, strings.Replace(url, "drydock_test_", "no_such_", 1)), drydock.ErrInvalid)
}

func TestLocationHidesPassword(t *testing.T) {
	url := storetest.PostgresURL(t)
	joint := "?"
	if strings.Contains(url, "?") {
		joint = "&"
	}
	s := storetest.OpenURL(t, url+joint+"password="+secret) // nobody asks for it, so any will do
	if strings.Contains(s.Location(), secret) {
		t.Errorf("location %q", s.Location())
	}
}

func TestClosed(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close again: %v", err)
		}
		if err := s.Ping(t.Context()); !hasKind(err) {
			t.Errorf("ping: %v", err)
		}
		if _, _, err := s.CreateTask(t.Context(), noop()); !hasKind(err) {
			t.Errorf("create: %v", err)
		}
	})
}

// What was written is there after the store is closed and opened again, and two stores on one database see each other's work.
func TestReopen(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		a, b := storetest.OpenURL(t, url), storetest.OpenURL(t, url)
		task := create(t, a, noop())
		wantTask(t, "seen by the other", get(t, b, task.ID), task)
		l := storetest.Lead(t, b)
		claim(t, b, l, 1)
		finish(t, a, l, drydock.Result{Status: drydock.ResultSuccess}, task.ID)
		wantStatus(t, b, task.ID, drydock.StatusComplete)
		together(8, func(i int) {
			s := []*store.Store{a, b}[i%2]
			for range 10 {
				addMessages(t, s, task.ID, "x")
			}
		})
		if n := len(messages(t, storetest.OpenURL(t, url), task.ID)); n != 80 {
			t.Errorf("%d messages, want 80", n)
		}
	})
}
