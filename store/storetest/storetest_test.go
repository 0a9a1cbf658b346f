package storetest_test

import (
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

const orphanVariable = "DRYDOCK_TEST_ORPHAN"

func TestMain(m *testing.M) {
	storetest.Main(m)
}

// Every store is fresh, migrated and on the database that the sub-test is named after.
func TestEach(t *testing.T) {
	ran := make(chan string, 2)
	t.Run("stores", func(t *testing.T) {
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			ran <- s.Dialect()
			if !strings.HasSuffix(t.Name(), "/"+s.Dialect()) {
				t.Errorf("%s is on %s", t.Name(), s.Dialect())
			}
			if page, err := s.Tasks(t.Context(), drydock.TaskQuery{}); err != nil || len(page.Tasks) != 0 {
				t.Errorf("%d tasks, error %v", len(page.Tasks), err)
			}
			l := storetest.Lead(t, s)
			if next := storetest.Depose(t, s, l); next.Term <= l.Term || next.Holder == l.Holder {
				t.Errorf("%+v after %+v", next, l)
			}
		})
	})
	if one, two := <-ran, <-ran; one == two {
		t.Errorf("twice %s", one)
	}
}

// Two tests have two databases, and nothing is left of them.
func TestPostgresURL(t *testing.T) {
	var first, second string
	t.Run("use", func(t *testing.T) {
		first, second = storetest.PostgresURL(t), storetest.EmptyPostgresURL(t)
		if first == second {
			t.Error("one database for two")
		}
	})
	for _, where := range []string{first, second} {
		conn, err := pgx.Connect(t.Context(), where)
		if err == nil {
			t.Errorf("%s is still there", where)
			_ = conn.Close(t.Context())
		}
	}
}

// A server that is stopped keeps what was committed, in order or not.
func TestServer(t *testing.T) {
	server := storetest.Server(t)
	s := storetest.OpenURL(t, server.URL())
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n, immediate := range []bool{true, false} {
		if _, _, err := s.CreateTask(t.Context(), drydock.NewTask{Action: drydock.ActionNoop}); err != nil {
			t.Fatal(err)
		}
		server.Stop(t, immediate)
		if err := s.Ping(t.Context()); !errors.Is(err, drydock.ErrUnavailable) {
			t.Errorf("ping of a stopped server: %v", err)
		}
		server.Start(t)
		storetest.Eventually(t, "the store reconnects", func() bool { return s.Ping(t.Context()) == nil })
		if page, err := s.Tasks(t.Context(), drydock.TaskQuery{}); err != nil || len(page.Tasks) != n+1 {
			t.Errorf("%d tasks, want %d, error %v", len(page.Tasks), n+1, err)
		}
	}
}

// TestOrphan is the test process that TestServerDiesWithItsTests kills.
func TestOrphan(t *testing.T) {
	if os.Getenv(orphanVariable) == "" {
		return
	}
	if _, err := os.Stdout.WriteString(storetest.Server(t).URL() + "\n"); err != nil {
		t.Fatal(err)
	}
	select {}
}

// The server and its folder are gone soon after a test process that is killed.
func TestServerDiesWithItsTests(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestOrphan$")
	cmd.Env = append(os.Environ(), orphanVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 1000)
	n, err := out.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	where, err := url.Parse(strings.TrimSpace(string(text[:n])))
	if err != nil {
		t.Fatal(err)
	}
	folder := where.Query().Get("host")
	conn, err := pgx.Connect(t.Context(), where.String())
	if err != nil {
		t.Fatalf("the orphan's server: %v", err)
	}
	defer conn.Close(t.Context())
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	storetest.Eventually(t, "the server is gone", func() bool { return conn.Ping(t.Context()) != nil })
	storetest.Eventually(t, "its folder is gone", func() bool {
		_, err := os.Stat(folder)
		return errors.Is(err, os.ErrNotExist)
	})
}
