package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"drydock/api"
)

// outcome is what one command line left behind.
type outcome struct {
	code     int
	out, err string
}

// terminal is the width of the terminals of these tests.
const terminal = 100

// drydock runs one command line. width is that of the terminal it writes to, 0 for none.
func runCommand(ctx context.Context, width int, env map[string]string, args ...string) outcome {
	var out, errs lockedBuffer // what logs may write until the very end
	code := run(ctx, append([]string{"drydock"}, args...), env, screen{&out, width}, screen{&errs, 0})
	return outcome{code, out.String(), errs.String()}
}

// canned answers like a service whose tasks never change: what is in testdata/server, by method and path.
func canned(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Method + strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/api/v1.0"), "/", "_")
		if strings.HasSuffix(name, "_follow") {
			w.Header().Set("Content-Type", "text/event-stream")
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
		if r.URL.Query().Has("layers") {
			name += "_layers"
		}
		body, err := os.ReadFile(filepath.Join("testdata", "server", name))
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"type": "error", "message": "there is no %s", "retry": false}`, name)
			return
		}
		if r.Method == http.MethodPost && r.URL.Path == "/api/v1.0/tasks" {
			w.WriteHeader(http.StatusCreated)
		}
		if _, err := w.Write(body); err != nil {
			t.Errorf("%s was not sent: %v", name, err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const taskOfTests = "5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11"

// TestGolden compares what commands print, and their exit codes, with testdata/*.golden.
func TestGolden(t *testing.T) {
	url := canned(t)
	for _, c := range []struct {
		name  string
		width int
		args  []string
	}{
		{"list", terminal, []string{"task", "list"}},
		{"list_json", 0, []string{"task", "list"}},
		{"show", terminal, []string{"task", "show", taskOfTests}},
		{"show_by_flag_yaml", 0, []string{"task", "show", "-t", strings.ToUpper(taskOfTests), "-o", "yaml", "--block"}},
		{"tree", terminal, []string{"task", "tree", taskOfTests}},
		{"tree_json", 0, []string{"task", "tree", taskOfTests}},
		{"messages", terminal, []string{"task", "messages", taskOfTests}},
		{"messages_errors_json", 0, []string{"task", "messages", "--errors", taskOfTests}},
		{"messages_follow", terminal, []string{"task", "messages", "-f", taskOfTests}},
		{"messages_follow_json", 0, []string{"task", "messages", "-f", "--errors", taskOfTests}},
		{"messages_follow_yaml", 0, []string{"task", "messages", "-f", "--errors", "-o", "yaml", taskOfTests}},
		{"follow", terminal, []string{"task", "follow", taskOfTests}},
		{"follow_json", 0, []string{"task", "follow", taskOfTests}},
		{"create", terminal, []string{"task", "create", "-a", "deploy_nodes", "-d", "https://designs/site.yaml", "-n", "n1, n2"}},
		{"create_json", 0, []string{"task", "create", "-a", "deploy_nodes", "-d", "https://designs/site.yaml", "--no-block", "--poll-interval", "3"}},
		{"create_block", terminal, []string{"task", "create", "-a", "deploy_nodes", "-d", "https://designs/site.yaml", "-b"}},
		{"terminate", terminal, []string{"task", "terminate", taskOfTests}},
		{"delete", terminal, []string{"task", "delete", "-d", "90"}},
		{"status", terminal, []string{"status"}},
		{"status_json", 0, []string{"status"}},
		{"task_builddata", terminal, []string{"task", "builddata", taskOfTests}},
		{"node_builddata_yaml", terminal, []string{"node", "builddata", "n1", "-o", "yaml"}},
		{"not_found", terminal, []string{"task", "show", "00000000-0000-0000-0000-000000000000"}},

		{"usage_no_design", 0, []string{"task", "create", "-a", "deploy_nodes"}},
		{"usage_no_action", 0, []string{"task", "create", "-d", "https://designs/site.yaml"}},
		{"usage_no_such_file", 0, []string{"task", "create", "-a", "deploy_nodes", "-d", "no/such/site.yaml"}},
		{"usage_folder", 0, []string{"task", "create", "-a", "deploy_nodes", "-d", "testdata"}},
		{"usage_no_task", 0, []string{"task", "show"}},
		{"usage_two_tasks", 0, []string{"task", "show", "x", "-t", "y"}},
		{"usage_bad_task", 0, []string{"task", "show", "x"}},
		{"usage_no_days", 0, []string{"task", "delete"}},
		{"usage_bad_since", 0, []string{"task", "list", "--since", "yesterday"}},
		{"usage_unknown_flag", 0, []string{"task", "list", "--colour"}},
		{"usage_unknown_command", 0, []string{"tsk"}},
		{"usage_unknown_subcommand", 0, []string{"task", "shwo"}},
		{"usage_group", 0, []string{"task"}},
		{"usage_output", 0, []string{"task", "list", "-o", "xml"}},
		{"usage_url", 0, []string{"task", "list", "--url", "drydock.example"}},
		{"usage_limit", 0, []string{"task", "list", "--limit", "-1"}},
		{"usage_open_door", 0, []string{"serve", "--listen", "0.0.0.0:9000"}},
		{"usage_database", 0, []string{"serve", "--listen", "127.0.0.1:0", "--database", "mysql://x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := runCommand(t.Context(), c.width, map[string]string{"DD_URL": url, "USER": "ann"}, c.args...)
			text := fmt.Sprintf("$ drydock %s\n%s--- standard error\n%s--- exit code %d\n", strings.Join(c.args, " "), got.out, got.err, got.code)
			if wd, err := os.Getwd(); err == nil {
				text = strings.ReplaceAll(text, wd, "WD")
			}
			checkGolden(t, c.name, strings.ReplaceAll(text, url, "URL"))
		})
	}
}

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is printed; if that is meant: go test ./cmd/drydock -run TestGolden -update\n%s", path, got)
	}
}

// TestUnreachable checks what a user sees when there is no service.
func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	got := runCommand(t.Context(), 0, nil, "status", "--url", server.URL)
	if got.code != exitUnavailable || !strings.Contains(got.err, "drydock serve") || strings.Count(got.err, "\n") != 1 {
		t.Errorf("exit code %d, %q", got.code, got.err)
	}
}

// TestInterrupted checks that Ctrl-C while waiting says what goes on without the command.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: task\ndata: {\"task_id\": %q, \"status\": \"running\"}\n\n", taskOfTests)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("flush: %v", err)
		}
		interrupt()
		<-r.Context().Done()
	}))
	defer server.Close()
	got := runCommand(ctx, terminal, map[string]string{"DD_URL": server.URL}, "task", "follow", taskOfTests)
	if got.code != exitInterrupted || !strings.Contains(got.err, "the task goes on") || !strings.Contains(got.err, "drydock task terminate "+taskOfTests) {
		t.Errorf("exit code %d, %q", got.code, got.err)
	}
}

// TestLost checks that a creation without an answer says how it is repeated safely, and with the key that was sent.
func TestLost(t *testing.T) {
	keys := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Idempotency-Key")
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	got := runCommand(t.Context(), 0, map[string]string{"DD_URL": server.URL}, "task", "create", "-a", "noop")
	key := <-keys
	if got.code != exitUnavailable || key == "" || !strings.Contains(got.err, "--key "+key) {
		t.Errorf("exit code %d, key %q, %q", got.code, key, got.err)
	}
}

// TestPaging checks that a list is read page by page until --limit, and that there being more is said.
func TestPaging(t *testing.T) {
	const there = 2300
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("after")) // nothing is the beginning
		limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
		if err != nil {
			t.Errorf("limit: %v", err)
		}
		to := min(from+limit, there)
		if to < there {
			w.Header().Set("Link", fmt.Sprintf(`<tasks?after=%d>; rel="next"`, to))
		}
		if err := json.NewEncoder(w).Encode(make([]api.Task, to-from)); err != nil {
			t.Errorf("encode: %v", err)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		limit string
		want  int
		more  bool
	}{{"0", there, false}, {"2300", there, false}, {"1", 1, true}, {"1500", 1500, true}} {
		got := runCommand(t.Context(), 0, map[string]string{"DD_URL": server.URL}, "task", "list", "--limit", c.limit)
		var tasks []api.Task
		if err := json.Unmarshal([]byte(got.out), &tasks); err != nil || len(tasks) != c.want || got.code != exitOK {
			t.Errorf("--limit %s: %d tasks, %v, exit code %d", c.limit, len(tasks), err, got.code)
		}
		if more := strings.Contains(got.err, "there are more"); more != c.more {
			t.Errorf("--limit %s: says that there are more: %t", c.limit, more)
		}
	}
}
