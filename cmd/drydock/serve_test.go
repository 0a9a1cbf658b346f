package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// service is a serve that runs in this process.
type service struct {
	url  string
	stop func() error // ends it and returns what serve returned
}

// startService runs serve with a configuration of the test's until stop, or until the end of the test.
func startService(t *testing.T, cfg config) service {
	t.Helper()
	return startLogging(t, cfg, t.Output())
}

func startLogging(t *testing.T, cfg config, log io.Writer) service {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan greeting, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, cfg, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: cfg.LogLevel})), func(g greeting) { ready <- g })
	}()
	stop := func() error {
		cancel()
		select {
		case err := <-done:
			done <- err
			return err
		case <-time.After(30 * time.Second):
			return errors.New("serve has not ended 30 s after it was told to")
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case g := <-ready:
		return service{g.url, stop}
	case err := <-done:
		t.Fatalf("serve ended: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("serve does not begin")
	}
	return service{}
}

func testConfig(t *testing.T, database string) config {
	t.Helper()
	site, err := filepath.Abs("../../examples/site")
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaultConfig()
	cfg.Database, cfg.Listen, cfg.DesignRoots, cfg.LeaseTTL = database, "127.0.0.1:0", []string{site, t.TempDir()}, 2*time.Second
	return cfg
}

// decode reads the JSON that a command has printed.
func decode[T any](t *testing.T, o outcome) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(o.out), &v); err != nil {
		t.Fatalf("exit code %d, %v\nstandard output: %s\nstandard error: %s", o.code, err, o.out, o.err)
	}
	return v
}

// TestServe drives a real service through the commands, on both databases.
func TestServe(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		cfg := testConfig(t, database)
		s := startService(t, cfg)
		command := func(args ...string) outcome {
			t.Helper()
			return runCommand(t.Context(), 0, map[string]string{"DD_URL": s.url, "USER": "ann"}, args...)
		}
		bad := filepath.Join(cfg.DesignRoots[1], "bad site.yaml")
		if err := os.WriteFile(bad, []byte("---\napiVersion: drydock/v1\nkind: Region\nmetadata: {name: r}\nspec: {no_such_field: 1}\n"), 0o600); err != nil {
			t.Fatal(err)
		}

		good := command("task", "create", "-a", "validate_design", "-d", "../../examples/site/site.yaml", "--block")
		if task := decode[api.Task](t, good); good.code != exitOK || task.Status != drydock.StatusComplete || task.Result.Status != drydock.ResultSuccess {
			t.Errorf("the example site: exit code %d, %s %s\n%s", good.code, task.Status, task.Result.Status, good.err)
		}
		failed := command("task", "create", "-a", "validate_design", "-d", bad, "--block")
		task := decode[api.Task](t, failed)
		if failed.code != exitFailed || task.Result.Status != drydock.ResultFailure || task.Result.Details.ErrorCount == 0 {
			t.Errorf("a bad site: exit code %d, %s, %d errors", failed.code, task.Result.Status, task.Result.Details.ErrorCount)
		}
		if !strings.Contains(failed.err, "✗") {
			t.Errorf("a bad site: no error was shown while waiting: %q", failed.err)
		}
		id := string(task.TaskID)
		if got := command("task", "follow", id, "-o", "table"); got.code != exitFailed || !strings.Contains(got.out, "validate_design") {
			t.Errorf("follow: exit code %d, %q", got.code, got.out)
		}
		if got := command("task", "messages", "--errors", id); len(decode[[]api.TaskMessage](t, got)) != task.Result.Details.ErrorCount {
			t.Errorf("messages: %s", got.out)
		}
		if got := command("task", "tree", id, "-o", "table"); !strings.HasPrefix(got.out, "✗ validate_design") {
			t.Errorf("tree: %q", got.out)
		}
		if list := decode[[]api.Task](t, command("task", "list", "--result", "failure", "--since", "1h")); len(list) != 1 || list[0].TaskID != task.TaskID {
			t.Errorf("list of failures: %+v", list)
		}

		// Nobody here has this action, so it waits until it is ended.
		waiting := decode[api.Task](t, command("task", "create", "-a", "verify_site", "-d", "https://designs.example/x", "--key", "k1"))
		again := command("task", "create", "-a", "verify_site", "-d", "https://designs.example/x", "--key", "k1")
		if got := decode[api.Task](t, again); got.TaskID != waiting.TaskID || !strings.Contains(again.err, "is known") {
			t.Errorf("the same key made %s and %s, %q", waiting.TaskID, got.TaskID, again.err)
		}
		if got := command("task", "create", "-a", "verify_site", "-d", "https://designs.example/y", "--key", "k1"); got.code != exitConflict {
			t.Errorf("the same key for another task: exit code %d, %s", got.code, got.err)
		}
		status := decode[api.ServiceStatus](t, command("status"))
		if status.Leader == nil || status.Leader.Term != 1 || status.Queue.ByAction["verify_site"] != 1 {
			t.Errorf("status: %+v", status)
		}
		if got := decode[api.Task](t, command("task", "terminate", string(waiting.TaskID))); got.Status != drydock.StatusTerminated || got.TerminatedBy != "ann" {
			t.Errorf("terminate: %s by %s", got.Status, got.TerminatedBy)
		}
		if got := command("task", "show", "00000000-0000-0000-0000-000000000000"); got.code != exitNotFound {
			t.Errorf("unknown task: exit code %d, %s", got.code, got.err)
		}
		got := command("task", "create", "-a", "no_such_action", "-d", "https://x/")
		if got.code != exitUsage || !strings.Contains(got.err, "no_such_action") || !strings.Contains(got.err, fmt.Sprint(clientActions)) {
			t.Errorf("unknown action: exit code %d, %s", got.code, got.err)
		}
		if got := command("node", "builddata", "n1"); got.code != exitNotFound {
			t.Errorf("no build data: exit code %d, %s", got.code, got.err)
		}
		if got := decode[api.Purged](t, command("task", "delete", "--days", "1")); got.Tasks != 0 {
			t.Errorf("delete: %+v", got)
		}
		if err := s.stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
		if got := command("status"); got.code != exitUnavailable {
			t.Errorf("status after the end: exit code %d", got.code)
		}
	})
}

// TestHandOver checks that a second server on the same database leads soon after the first was stopped, although the lease was long, and
// that those who follow a task are told it by another server.
func TestHandOver(t *testing.T) {
	database := storetest.PostgresURL(t)
	cfg := testConfig(t, database)
	cfg.LeaseTTL = time.Minute
	first := startService(t, cfg)
	storetest.Eventually(t, "the first leads", func() bool { return leadingTerm(t, first.url) == 1 })
	second := startService(t, cfg)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	storetest.Eventually(t, "the second leads", func() bool { return leadingTerm(t, second.url) == 2 })
	if took := time.Since(stopped); took > 5*time.Second {
		t.Errorf("handing over took %v", took)
	}
	got := runCommand(t.Context(), 0, map[string]string{"DD_URL": second.url}, "task", "create", "-a", "noop", "--block")
	if got.code != exitOK {
		t.Errorf("noop on the second: exit code %d, %s", got.code, got.err)
	}
}

// leadingTerm is the term of the present leader, 0 if there is none.
func leadingTerm(t *testing.T, url string) int64 {
	t.Helper()
	s := decode[api.ServiceStatus](t, runCommand(t.Context(), 0, map[string]string{"DD_URL": url}, "status"))
	if s.Leader == nil {
		return 0
	}
	return s.Leader.Term
}

// TestStreamsEnd checks that a shutdown does not wait for those who follow a task that does not end.
func TestStreamsEnd(t *testing.T) {
	s := startService(t, testConfig(t, storetest.EmptySQLiteURL(t)))
	client, err := api.NewClient(s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	task, _, err := client.CreateTask(t.Context(), api.CreateTaskRequest{Action: drydock.ActionVerifySite, DesignRef: "https://x/"})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(s.url + "/api/v1.0/tasks/" + string(task.TaskID) + "/follow")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := s.stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
}

// TestRefused is the table of starts that cannot succeed, and what each says.
func TestRefused(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text.db"), []byte("this is not a database, it is a text that is long enough"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		set  func(*config)
		kind error
		text string
	}{
		{"address in use", func(c *config) { c.Listen = occupied.Addr().String() }, drydock.ErrConflict, "is in use"},
		{"no such address", func(c *config) { c.Listen = "192.0.2.1:9000" }, drydock.ErrInvalid, "--listen"},
		{"not a database", func(c *config) { c.Database = "sqlite:" + filepath.Join(dir, "text.db") }, drydock.ErrInvalid, "text.db"},
		{"no such folder", func(c *config) { c.Database = "sqlite:" + filepath.Join(dir, "no", "x.db") }, nil, "x.db"},
		{"unknown scheme", func(c *config) { c.Database = "mysql://x" }, drydock.ErrInvalid, "mysql"},
		{"nobody there", func(c *config) { c.Database = "postgres://u:secret@127.0.0.1:1/x" }, drydock.ErrUnavailable, "127.0.0.1"},
		{"not migrated", func(c *config) { c.NoMigrate = true }, drydock.ErrConflict, "drydock migrate"},
		{"a limit for an action that is not here", func(c *config) { c.ActionConcurrency = map[drydock.Action]int{"x": 1} }, drydock.ErrInvalid, `"x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(t, storetest.EmptySQLiteURL(t))
			c.set(&cfg)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := serve(ctx, cfg, slog.New(slog.DiscardHandler), func(greeting) { cancel() })
			if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("error %v, want %v with %q", err, c.kind, c.text)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// TestStart bounds the time from the start to the first answer on an empty SQLite file.
func TestStart(t *testing.T) {
	begin := time.Now()
	s := startService(t, testConfig(t, storetest.EmptySQLiteURL(t)))
	if got := runCommand(t.Context(), 0, map[string]string{"DD_URL": s.url}, "status"); got.code != exitOK {
		t.Fatalf("exit code %d, %s", got.code, got.err)
	}
	if took := time.Since(begin); took > 2*time.Second { // 200 ms on a quiet machine; this one may be busy with other tests
		t.Errorf("the first answer came after %v", took)
	}
}

// TestMigrate checks the list of migrations before and after, on both databases.
func TestMigrate(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		command := func(args ...string) []migration {
			t.Helper()
			return decode[[]migration](t, runCommand(t.Context(), 0, nil, append([]string{"migrate", "--database", database}, args...)...))
		}
		pending := command("--status")
		if len(pending) == 0 || !pending[0].Applied.IsZero() {
			t.Fatalf("before: %+v", pending)
		}
		if applied := command(); len(applied) != len(pending) {
			t.Errorf("applied: %+v", applied)
		}
		if again := command(); len(again) != 0 {
			t.Errorf("applied again: %+v", again)
		}
		if done := command("--status"); len(done) != len(pending) || done[0].Applied.IsZero() {
			t.Errorf("after: %+v", done)
		}
	})
}

func TestGreeting(t *testing.T) {
	root := t.TempDir()
	example := filepath.Join(root, "examples", "site", "site.yaml")
	if err := os.MkdirAll(filepath.Dir(example), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(example, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		g    greeting
		want []string
	}{
		{greeting{"http://127.0.0.1:9000", "sqlite", "/x/drydock.db", []string{"/", root}, true}, []string{
			"serves http://127.0.0.1:9000\n", "sqlite: /x/drydock.db\n", "file:// below " + root + "\n",
			"bin/drydock task create -a validate_design -d " + example + " --block\n", "bin/drydock status\n",
		}},
		{greeting{"http://127.0.0.1:9001", "postgres", "postgres://u@h/d", []string{"/"}, true}, []string{
			"postgres: postgres://u@h/d\n", "bin/drydock --url http://127.0.0.1:9001 task create -a noop --block\n",
		}},
		{greeting{"http://127.0.0.1:9000", "postgres", "postgres://u@h/d", []string{"/"}, false}, []string{
			"--orchestrator=on", "To try in another terminal:\n  bin/drydock task list\n",
		}},
	} {
		var b bytes.Buffer
		c.g.write(&b, "bin/drydock")
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q is missing in\n%s", want, b.String())
			}
		}
	}
}
