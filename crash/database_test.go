package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"drydock/api"
	"drydock/store/storetest"
)

// hang is how long a server that does not answer stays so: longer than the lease.
const hang = 3 * time.Second

// TestDatabase crashes and stops the PostgreSQL server below a server under load. The server stays, says that it cannot answer, and goes on when the
// database is back; what was acknowledged is there.
func TestDatabase(t *testing.T) {
	t.Parallel()
	pg := storetest.Server(t)
	l := newLoad(t)
	s := start(t, "the server", pg.URL(), "--lease-ttl", shortLease, "--design-root", l.folder.dir, "--concurrency", "16")
	l.ask(s)
	term := s.awaitTerm(t)
	l.run(4, everything)
	goOn := func(t *testing.T) { // work, not only answers
		t.Helper()
		s.alive(t)
		s.awaitTerm(t)
		l.awaitAnswers(50)
		l.sound(t, s)
	}
	for range rounds(t) {
		t.Run("crash", func(t *testing.T) {
			l.awaitAnswers(50)
			pg.Stop(t, true)
			checkRefusals(t, s)
			pg.Start(t)
			goOn(t)
		})
	}
	t.Run("outage", func(t *testing.T) {
		losses := s.lost(t)
		pg.Stop(t, true)
		storetest.Eventually(t, "the leader knows that its lease is over", func() bool { return s.lost(t) > losses })
		checkRefusals(t, s)
		pg.Start(t)
		goOn(t)
	})
	t.Run("hang", func(t *testing.T) {
		l.awaitAnswers(50)
		losses := s.lost(t)
		goes := freeze(t, pg.URL())
		<-time.After(hang) // what is tried lasts as long as this
		goes()
		storetest.Eventually(t, "the leader knows that its lease was over", func() bool { return s.lost(t) > losses })
		goOn(t)
		if now := s.term(t); now <= term {
			t.Errorf("the server leads under term %d after it has lost term %d", now, term)
		}
	})
	l.awaitAnswers(50)
	l.stop()
	l.verify(t, s)
	s.quiet(t, "no longer leading", "request failed")
}

// checkRefusals checks how a server answers whose database is away: soon, with a 503, and that it is worth a retry.
func checkRefusals(t *testing.T, s *server) {
	t.Helper()
	const soon = 6 * time.Second // a probe waits 5 s
	client := http.Client{Timeout: soon}
	for _, ask := range []struct{ method, path, body string }{
		{"GET", "/tasks", ""},
		{"GET", "/tasks/00000000-0000-0000-0000-000000000000", ""},
		{"POST", "/tasks", `{"action": "noop", "design_ref": "https://nowhere.example/refused"}`},
		{"POST", "/tasks/00000000-0000-0000-0000-000000000000/terminate", ""},
		{"GET", "/status", ""},
		{"GET", "/health", ""},
		{"GET", "/health/extended", ""},
	} {
		what := ask.method + " " + ask.path
		req, err := http.NewRequestWithContext(t.Context(), ask.method, s.url+"/api/v1.0"+ask.path, strings.NewReader(ask.body))
		if err != nil {
			t.Fatal(err)
		}
		if ask.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Errorf("%s while the database is away: %v", what, err)
			continue
		}
		var text bytes.Buffer
		_, err = text.ReadFrom(resp.Body)
		if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s while the database is away: %s, %v, %s", what, resp.Status, err, text.Bytes())
		}
		var body api.ErrorBody
		if !strings.HasPrefix(ask.path, "/health") && (json.Unmarshal(text.Bytes(), &body) != nil || body.Type != "error" || !body.Retry) {
			t.Errorf("%s while the database is away: %s", what, text.Bytes())
		}
	}
}

// freeze stops every process of a PostgreSQL server, as a machine that hangs does, until goes is called.
func freeze(t *testing.T, database string) (goes func()) {
	t.Helper()
	conn := dial(t, database)
	var folder string
	if err := conn.QueryRow(t.Context(), `SHOW data_directory`).Scan(&folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	parent, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	stopped := []int{}
	goes = func() {
		for _, pid := range stopped {
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
				t.Errorf("continue process %d: %v", pid, err)
			}
		}
		stopped = nil
	}
	t.Cleanup(func() { goes() })
	stop := func(pid int) {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(fmt.Errorf("stop process %d: %w", pid, err))
		}
		stopped = append(stopped, pid)
	}
	stop(parent) // from now on there are no new ones
	rows, err := conn.Query(t.Context(), `SELECT pid FROM pg_stat_activity ORDER BY pid = pg_backend_pid()`)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		stop(pid)
	}
	return goes
}
