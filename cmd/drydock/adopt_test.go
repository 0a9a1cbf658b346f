package main

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"drydock/api"
	"drydock/store/storetest"
)

// upstreamDatabase is a database that upstream wrote.
func upstreamDatabase(t *testing.T) (string, *sql.DB) {
	t.Helper()
	f, err := os.Open("../../api/testdata/upstream/dump.sql.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dump, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	url := storetest.EmptyPostgresURL(t)
	load, err := sql.Open("pgx", url+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load.Exec(string(dump)); err != nil {
		t.Fatal(err)
	}
	if err := load.Close(); err != nil { // the dump changed the session
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return url, db
}

// TestBesideUpstream: a task created by our command line is run by upstream's orchestrator, whose statements these are, and followed to its end; the
// server beside it never campaigns, until it is told to.
func TestBesideUpstream(t *testing.T) {
	url, db := upstreamDatabase(t)
	cfg := testConfig(t, url)
	cfg.Orchestrator = defaultConfig().Orchestrator
	s := startService(t, cfg)
	env := map[string]string{"DD_URL": s.url}
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := db.Exec(text, args...); err != nil {
			t.Fatalf("%.60s: %v", text, err)
		}
	}
	exec(`UPDATE active_instance SET identity = '\x58c0d341131d4da79ad51d4e98dc6d62', last_ping = timezone('UTC', now())`)
	ended := make(chan outcome, 1)
	go func() {
		ended <- runCommand(t.Context(), 0, env, "task", "create", "-a", "noop", "-d", "http://site/design", "--block")
	}()
	var id []byte
	storetest.Eventually(t, "the task is in upstream's queue", func() bool {
		return db.QueryRow(`SELECT task_id FROM tasks WHERE status = 'queued' AND design_ref = 'http://site/design' ORDER BY created`).Scan(&id) == nil
	})
	exec(`UPDATE tasks SET status = 'running', request_context = 'null' WHERE task_id = $1`, id)
	exec(`INSERT INTO result_message (task_id, message, error, context, context_type, ts, extra) VALUES ($1, 'Noop action.', false, 'n1', 'node', now(), '"{}"')`, id)
	exec(`UPDATE tasks SET status = 'complete', result_status = 'success', request_context = 'null' WHERE task_id = $1`, id)
	select {
	case got := <-ended:
		if got.code != exitOK || !strings.Contains(got.out+got.err, "Noop action.") {
			t.Errorf("task %s: exit code %d\n%s\n%s", hex.EncodeToString(id), got.code, got.out, got.err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the task was not followed to its end")
	}
	var leader string
	if err := db.QueryRow(`SELECT encode(identity, 'hex') FROM active_instance`).Scan(&leader); err != nil || leader != "58c0d341131d4da79ad51d4e98dc6d62" {
		t.Errorf("%s leads, error %v", leader, err)
	}
	exec(`DELETE FROM active_instance`) // upstream abdicates
	cfg.Orchestrator = "on"
	startService(t, cfg)
	storetest.Eventually(t, "ours leads", func() bool {
		status := decode[api.ServiceStatus](t, runCommand(t.Context(), 0, env, "status", "-o", "json"))
		return status.Leader != nil && status.Leader.Name != "upstream"
	})
}

// TestAdoptAndDetach goes there and back by the command line.
func TestAdoptAndDetach(t *testing.T) {
	url, db := upstreamDatabase(t)
	command := func(args ...string) outcome {
		return runCommand(context.Background(), 80, nil, append(args, "--database", url)...)
	}
	for _, step := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"doctor"}, exitConflict, "drydock migrate"},
		{[]string{"migrate", "--plan"}, exitOK, "concurrent index build (about 163 rows)"},
		{[]string{"migrate"}, exitOK, "adopted at 4713e7ebca9"},
		{[]string{"migrate", "--plan"}, exitOK, "up to date"},
		{[]string{"migrate", "--force"}, exitUsage, "--detach"},
		{[]string{"doctor"}, exitOK, "NULL in a task"},
		{[]string{"doctor", "--mend"}, exitOK, "NULL in a task"},
		{[]string{"migrate", "--detach"}, exitOK, "is upstream's again"},
		{[]string{"migrate", "--detach"}, exitConflict, "nothing of this program's"},
		{[]string{"migrate"}, exitOK, "adopted at 4713e7ebca9"},
	} {
		got := command(step.args...)
		if got.code != step.code || !strings.Contains(got.out+got.err, step.want) {
			t.Errorf("%q: exit code %d, want %d and %q\n%s\n%s", step.args, got.code, step.code, step.want, got.out, got.err)
		}
	}
	if _, err := db.Exec(`UPDATE tasks SET created_by = 'a user of many letters' WHERE action = 'noop'`); err != nil {
		t.Fatal(err)
	}
	if got := command("migrate", "--detach"); got.code != exitConflict || !strings.Contains(got.err, "--force") || !strings.Contains(got.err, "created_by") {
		t.Errorf("detach with a loss: %+v", got)
	}
	if got := command("migrate", "--detach", "--force"); got.code != exitOK || !strings.Contains(got.out, "tasks.created_by") {
		t.Errorf("detach by force: %+v", got)
	}
}
