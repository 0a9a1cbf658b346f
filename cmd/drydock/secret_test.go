package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"drydock"
	"drydock/api"
	"drydock/store"
	"drydock/store/storetest"
)

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	testPassword  = "pass-word-1"
	testSignature = "signature-1"
)

// guarded serves the example site to those who have the password and the signature.
func guarded(t *testing.T) *httptest.Server {
	t.Helper()
	site, err := os.ReadFile("../../examples/site/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != testPassword || r.URL.Query().Get("sig") != testSignature {
			http.Error(w, "not "+user+" with "+password+" and "+r.URL.RawQuery, http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/x-yaml")
		w.Header().Set("ETag", `"7"`)
		_, _ = w.Write(site)
	}))
	t.Cleanup(server.Close)
	return server
}

// databaseText is everything that the database holds: of PostgreSQL all rows of all tables, of SQLite its files.
func databaseText(t *testing.T, database string) string {
	t.Helper()
	var all strings.Builder
	if path, sqlite := strings.CutPrefix(database, "sqlite:"); sqlite {
		for _, suffix := range []string{"", "-wal"} {
			raw, err := os.ReadFile(path + suffix)
			if err != nil && suffix == "" {
				t.Fatal(err)
			}
			all.Write(raw)
		}
		return all.String()
	}
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	texts := func(query string) (list []string) {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			list = append(list, text)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return list
	}
	tables := texts(`SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) AND relnamespace = 'public'::regnamespace`)
	if len(tables) < 8 {
		t.Fatalf("tables %v", tables)
	}
	for _, table := range tables {
		all.WriteString(strings.Join(texts(`SELECT t::text FROM `+table+` AS t`), "\n"))
	}
	return all.String()
}

// TestSecretsStayHidden: a task with a password and a signature is resolved by the server that leads later, and neither secret is in the database, in
// any answer, in what commands print or in the log.
func TestSecretsStayHidden(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		cfg := testConfig(t, database)
		cfg.LogLevel, cfg.Orchestrator = slog.LevelDebug, "off"
		cfg.DesignAllow = []string{"http=127.0.0.0/8"}
		designs := guarded(t)
		ref := strings.Replace(designs.URL, "http://", "http://ann:"+testPassword+"@", 1) + "/site.yaml?sig=" + testSignature + "&schema=drydock"
		shown := strings.Replace(designs.URL, "http://", "http://***@", 1) + "/site.yaml?sig=***&schema=drydock"
		var log lockedBuffer
		var told strings.Builder
		command := func(url string, args ...string) outcome {
			t.Helper()
			o := runCommand(t.Context(), 0, map[string]string{"DD_URL": url, "USER": "ann"}, args...)
			told.WriteString(o.out + o.err)
			return o
		}
		if !strings.HasPrefix(database, "sqlite:") {
			s := startLogging(t, cfg, &log)
			if got := command(s.url, "task", "create", "-a", "validate_design", "-d", ref); got.code != exitUsage || !strings.Contains(got.err, "--design-key-file") {
				t.Errorf("without a key: exit code %d, %s", got.code, got.err)
			}
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			cfg.DesignKeyFile = filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(cfg.DesignKeyFile, []byte(strings.Repeat("0c", 32)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		first := startLogging(t, cfg, &log)
		good := decode[api.Task](t, command(first.url, "task", "create", "-a", "validate_design", "-d", ref, "--key", "k"))
		again := command(first.url, "task", "create", "-a", "validate_design", "-d", ref, "--key", "k")
		if decode[api.Task](t, again).TaskID != good.TaskID || good.DesignRef != shown {
			t.Errorf("shown as %q; again %s", good.DesignRef, again.err)
		}
		bad := decode[api.Task](t, command(first.url, "task", "create", "-a", "validate_design", "-d", strings.Replace(ref, testSignature, testSignature+"x", 1)))
		for _, wrong := range []string{"gopher://ann:" + testPassword + "@h/x", "http://ann:" + testPassword + "@h:port/", ref + "#sha256=12"} {
			if got := command(first.url, "task", "create", "-a", "validate_design", "-d", wrong, "--url", first.url); got.code != exitUsage && got.code != exitNotFound {
				t.Errorf("%s: exit code %d, %s", wrong, got.code, got.err)
			}
		}
		if err := first.stop(); err != nil {
			t.Fatal(err)
		}

		cfg.Orchestrator = "on"
		second := startLogging(t, cfg, &log)
		command(second.url, "task", "follow", string(bad.TaskID))
		task := decode[api.Task](t, command(second.url, "task", "follow", string(good.TaskID)))
		if d := task.Design; task.Result.Status != drydock.ResultSuccess || d == nil || d.Ref != shown || d.Origin != drydock.OriginSource || d.ETag != `"7"` {
			t.Errorf("%+v, design %+v", task.Result, task.Design)
		}
		for _, path := range []string{
			"", "/" + string(good.TaskID), "/" + string(bad.TaskID) + "?layers=-1&subtaskerrors=true",
			"/" + string(bad.TaskID) + "/messages", "/" + string(bad.TaskID) + "/follow",
		} {
			told.WriteString(body(t, second.url+"/api/v1.0/tasks"+path))
		}
		for _, verb := range []string{"show", "tree", "messages"} {
			command(second.url, "task", verb, string(bad.TaskID), "-o", "table")
		}
		for where, text := range map[string]string{"the database": databaseText(t, database), "answers": told.String(), "the log": log.String()} {
			for _, leak := range []string{testPassword, testSignature} {
				if at := strings.Index(text, leak); at >= 0 {
					t.Errorf("%s in %s: …%s…", leak, where, text[max(0, at-200):min(len(text), at+100)])
				}
			}
			if len(text) < 1000 {
				t.Errorf("only %d bytes in %s", len(text), where)
			}
		}
		if strings.Contains(told.String(), "sealed.v1.") || !strings.Contains(databaseText(t, database), "sealed.v1.") {
			t.Error("the sealed form is for the database, and only for it")
		}
		clearRow(t, database, second.url, ref, shown)
	})
}

// clearRow: what another program left in a row is redacted in answers.
func clearRow(t *testing.T, database, url, ref, shown string) {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	task, _, err := s.CreateTask(t.Context(), drydock.NewTask{Action: "of_others", DesignRef: ref})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/" + string(task.ID), "/" + string(task.ID) + "?layers=1"} {
		text := body(t, url+"/api/v1.0/tasks"+path)
		if strings.Contains(text, testPassword) || strings.Contains(text, testSignature) || !strings.Contains(text, shown) {
			t.Errorf("%s shows %s", path, text)
		}
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, resp.StatusCode, err)
	}
	return string(text)
}

// TestKeyChanged: a task whose secrets do not open any more says so; the server itself starts only with a key that is good.
func TestKeyChanged(t *testing.T) {
	cfg := testConfig(t, storetest.EmptySQLiteURL(t))
	cfg.DesignAllow = []string{"http=127.0.0.0/8"}
	cfg.Orchestrator = "off"
	s := startService(t, cfg)
	ref := strings.Replace(guarded(t).URL, "http://", "http://ann:"+testPassword+"@", 1) + "/site.yaml?sig=" + testSignature
	env := map[string]string{"DD_URL": s.url}
	task := decode[api.Task](t, runCommand(t.Context(), 0, env, "task", "create", "-a", "validate_design", "-d", ref))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimPrefix(cfg.Database, "sqlite:") + ".key"
	if err := os.WriteFile(key, []byte(strings.Repeat("0d", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Orchestrator = "on"
	env["DD_URL"] = startService(t, cfg).url
	got := runCommand(t.Context(), 0, env, "task", "follow", string(task.TaskID))
	ended := decode[api.Task](t, got)
	if got.code != exitFailed || !strings.Contains(string(ended.Result.Reason), "the key has changed") || strings.Contains(got.out, testPassword) {
		t.Errorf("exit code %d, %+v", got.code, ended.Result)
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg.DesignKeyFile = key
	err := serve(t.Context(), cfg, slog.New(slog.DiscardHandler), func(greeting) {})
	if err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
}

// TestUpload: a file is brought to a server that cannot read it here, and so is what comes by standard input.
func TestUpload(t *testing.T) {
	cfg := testConfig(t, storetest.EmptySQLiteURL(t))
	cfg.DesignRoots, cfg.MaxUpload = []string{t.TempDir()}, 64<<10
	s := startService(t, cfg)
	command := func(in string, args ...string) outcome {
		t.Helper()
		return runWith(t.Context(), strings.NewReader(in), map[string]string{"DD_URL": s.url}, append([]string{"task", "create", "-a", "validate_design"}, args...)...)
	}
	const file = "../../examples/site/site.yaml"
	site, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	uploaded := decode[api.Task](t, command("", "-d", file, "--upload", "--block"))
	piped := decode[api.Task](t, command(string(site), "-d", "-", "--block"))
	for name, task := range map[string]api.Task{"uploaded": uploaded, "piped": piped} {
		if task.Result.Status != drydock.ResultSuccess || task.Design == nil || task.DesignRef != drydock.DesignPrefix+string(task.Design.Digest) || task.Design.Size != int64(len(site)) {
			t.Errorf("%s: %s %+v, design %+v", name, task.DesignRef, task.Result, task.Design)
		}
	}
	if got := body(t, s.url+"/api/v1.0/designs/"+string(uploaded.Design.Digest)); got != string(site) {
		t.Errorf("read back: %.200q", got)
	}
	if local := decode[api.Task](t, command("", "-d", file)); !strings.HasPrefix(local.DesignRef, "file:///") {
		t.Errorf("without --upload: %s", local.DesignRef)
	}
	for _, c := range []struct {
		in   string
		args []string
		says string
	}{
		{"", []string{"-d", "-"}, "standard input is empty"},
		{strings.Repeat("x", 64<<10+1), []string{"-d", "-"}, "larger than the 65536 bytes"},
		{"", []string{"-d", "https://h/x", "--upload"}, "--upload needs a file"},
		{"", []string{"-d", "none.yaml", "--upload"}, "file:///PATH"},
		{"", []string{"-d", "testdata", "--upload"}, "is a folder"},
		{"", []string{"-d", drydock.DesignPrefix + strings.Repeat("a", 63)}, "64 hexadecimal digits"},
	} {
		if got := command(c.in, c.args...); got.code != exitUsage || !strings.Contains(got.err, c.says) {
			t.Errorf("%v: exit code %d, %s", c.args, got.code, got.err)
		}
	}
	unknown := decode[api.Task](t, command("", "-d", drydock.DesignPrefix+strings.Repeat("a", 64), "--block"))
	if unknown.Result.Status != drydock.ResultFailure || !strings.Contains(fmt.Sprint(unknown.Result), "--upload") {
		t.Errorf("not kept: %+v", unknown.Result)
	}
}

// runWith runs a command line that reads in.
func runWith(ctx context.Context, in io.Reader, env map[string]string, args ...string) outcome {
	var out, errs lockedBuffer
	code := runOn(ctx, append([]string{"drydock"}, args...), env, in, screen{&out, 0}, screen{&errs, 0})
	return outcome{code, out.String(), errs.String()}
}

func TestByteCount(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "4096": 4096, "4k": 4096, "16M": 16 << 20, "16 MiB": 16 << 20, "16MB": 16 << 20, "1G": 1 << 30, "1024G": 1 << 40} {
		var got int64
		if err := setByteCount(&got, []string{text}); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		var again int64
		if err := setByteCount(&again, []string{byteCount(got)}); err != nil || again != got {
			t.Errorf("%s is written as %s, which is %d, %v", text, byteCount(got), again, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "x", "1T", "1.5G", "1025G", "9223372036854775807K", "B"} {
		var got int64
		if err := setByteCount(&got, []string{text}); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}
