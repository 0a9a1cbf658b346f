package api_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"drydock/api"
	"drydock/store"
	"drydock/store/storetest"
)

// What upstream's own code answers for each row of a database that it wrote, and that database (testdata/upstream).
type upstreamAnswers struct {
	Tasks     []json.RawMessage   `json:"tasks"`
	Subtasks  map[string][]string `json:"all_subtasks"`
	BuildData struct {
		All    []json.RawMessage            `json:"all"`
		ByNode map[string][]json.RawMessage `json:"by_node"`
		Latest map[string][]json.RawMessage `json:"by_node_latest"`
		ByTask map[string][]json.RawMessage `json:"by_task"`
	} `json:"build_data"`
}

func unpack(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/upstream/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// adopted serves upstream's database after its adoption, with more rows.
func adopted(t *testing.T, more string) (*service, upstreamAnswers) {
	t.Helper()
	url := storetest.EmptyPostgresURL(t)
	db, err := sql.Open("pgx", url+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(unpack(t, "dump.sql")) + more); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // the dump changed the session
		t.Fatal(err)
	}
	s := storetest.OpenURL(t, url)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var answers upstreamAnswers
	if err := json.Unmarshal(unpack(t, "expected.json"), &answers); err != nil {
		t.Fatal(err)
	}
	return serveStore(t, s), answers
}

func serveStore(t *testing.T, s *store.Store) *service {
	t.Helper()
	server := httptest.NewServer(api.New(api.Deps{Tasks: s, Messages: s, BuildHistory: s, Leases: s, Pinger: s, Bells: s, Refs: refs{}, Designs: s}, api.Options{}))
	t.Cleanup(server.Close)
	return &service{Store: s, t: t, url: server.URL, http: server.Client()}
}

// The deliberate differences, in the words of docs/differences.md. A test fails if one of them is never met: then it is none.
const (
	diffTime   = "always `YYYY-MM-DD HH:MM:SS.ffffff+00:00`"
	diffExtra  = "`extra` is an object"
	diffJSON   = "the same keys in the same order, compact, UTF-8"
	diffNoList = "lists are never null"
	diffNoFlag = "`terminate` and `retry` are never null"
	diffNoRef  = "`design_ref` is never null"
)

// difference turns what upstream answers into what is answered here, and counts what it did.
type difference map[string]int

// value writes one JSON value of upstream's; path are the keys that lead to it.
func (u difference) value(t *testing.T, d *json.Decoder, path []string, b *bytes.Buffer) {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	key := path[len(path)-1]
	switch v := token.(type) {
	case json.Delim:
		b.WriteRune(rune(v))
		for i := 0; d.More(); i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			inner := path
			if v == '{' {
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				inner = append(slices.Clone(path), fmt.Sprint(name))
				b.WriteString(plain(t, name) + ":")
			}
			u.value(t, d, inner, b)
		}
		end, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(fmt.Sprint(end))
	case string:
		b.WriteString(u.text(t, path, v))
	case nil:
		b.WriteString(u.null(key))
	default:
		b.WriteString(plain(t, v))
	}
}

var timeKeys = []string{"created", "updated", "terminated", "ts", "collected_date"}

func (u difference) text(t *testing.T, path []string, v string) string {
	t.Helper()
	key := path[len(path)-1]
	switch {
	case slices.Contains(path, "node_filter"):
	case slices.Contains(timeKeys, key):
		for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04:05-07:00"} {
			if at, err := time.Parse(layout, v); err == nil {
				if now := at.UTC().Format("2006-01-02 15:04:05.000000-07:00"); now != v {
					u[diffTime]++
					v = now
				}
			}
		}
	case key == "extra":
		u[diffExtra]++
		var b bytes.Buffer
		inner := json.NewDecoder(strings.NewReader(v))
		inner.UseNumber()
		u.value(t, inner, []string{"in extra"}, &b)
		return b.String()
	}
	return plain(t, v)
}

func (u difference) null(key string) string {
	switch key {
	case "successes", "failures":
		u[diffNoList]++
		return "[]"
	case "terminate":
		u[diffNoFlag]++
		return "false"
	case "retry":
		u[diffNoFlag]++
		return "0"
	case "design_ref":
		u[diffNoRef]++
		return `""`
	}
	return "null"
}

// plain is compact JSON in UTF-8.
func plain(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// here is what upstream's answer must be here.
func (u difference) here(t *testing.T, theirs json.RawMessage) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(theirs))
	d.UseNumber()
	var b bytes.Buffer
	u.value(t, d, []string{""}, &b)
	if b.String() != string(theirs) {
		u[diffJSON]++
	}
	return b.String()
}

// TestUpstreamAnswers compares, byte for byte, each task and all build data of upstream's database with what upstream itself answers for them.
func TestUpstreamAnswers(t *testing.T) {
	s, theirs := adopted(t, "")
	u := difference{}
	var listed []string
	for _, raw := range theirs.Tasks {
		var task struct {
			ID string `json:"task_id"`
		}
		if err := json.Unmarshal(raw, &task); err != nil {
			t.Fatal(err)
		}
		want := u.here(t, raw)
		got := s.do(request{method: "GET", path: "/api/v1.0/tasks/" + task.ID})
		if body := strings.TrimSuffix(got.body, "\n"); got.StatusCode != 200 || body != want {
			t.Errorf("task %s: status %d\n got %s\nwant %s", task.ID, got.StatusCode, body, want)
		}
		listed = append(listed, want)
	}
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(s.do(request{method: "GET", path: "/api/v1.0/tasks"}).body), &all); err != nil {
		t.Fatal(err)
	}
	if got := texts(all); !slices.Equal(got, slices.Sorted(slices.Values(listed))) {
		t.Errorf("the list of tasks differs: %d of %d", len(got), len(listed))
	}
	compareBuildData(t, s, theirs, u)
	for _, name := range []string{diffTime, diffExtra, diffJSON, diffNoList, diffNoFlag, diffNoRef} {
		if t.Logf("%4d times: %s", u[name], name); u[name] == 0 {
			t.Errorf("the difference %q was never met", name)
		}
	}
	documented, err := os.ReadFile("../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range u {
		if !strings.Contains(string(documented), name) {
			t.Errorf("docs/differences.md does not say %q", name)
		}
	}
}

func texts(list []json.RawMessage) []string {
	var all []string
	for _, raw := range list {
		all = append(all, string(raw))
	}
	slices.Sort(all)
	return all
}

// compareBuildData compares as sets: upstream has no order there.
func compareBuildData(t *testing.T, s *service, theirs upstreamAnswers, u difference) {
	t.Helper()
	ask := map[string][]json.RawMessage{}
	for node, list := range theirs.BuildData.ByNode {
		ask["/api/v1.0/nodes/"+node+"/builddata"] = list
	}
	for node, list := range theirs.BuildData.Latest {
		ask["/api/v1.0/nodes/"+node+"/builddata?latest=true"] = list
	}
	for task, list := range theirs.BuildData.ByTask {
		ask["/api/v1.0/tasks/"+task+"/builddata"] = list
	}
	for path, list := range ask {
		var want []string
		for _, raw := range list {
			want = append(want, u.here(t, raw))
		}
		slices.Sort(want)
		answer := s.do(request{method: "GET", path: path})
		var got []json.RawMessage
		if answer.StatusCode == 404 && len(list) == 0 {
			continue // upstream's API answers so, too
		}
		if err := json.Unmarshal([]byte(answer.body), &got); err != nil || !slices.Equal(texts(got), want) {
			t.Errorf("%s: status %d, error %v\n got %.3000s\nwant %.3000s", path, answer.StatusCode, err, texts(got), want)
		}
	}
}

// TestOddRows: rows that nobody should have written are shown as far as they can be read, and hide no other.
func TestOddRows(t *testing.T) {
	s, theirs := adopted(t, `
		INSERT INTO public.tasks (task_id, status, created, updated, result_successes, result_links, node_filter, subtask_id_list) VALUES
			('\x00000000000000000000000000000002', 'nonsense', 'infinity', '-infinity', '[3:4]={a,b}', '["x"]', '"\u00e9"', '{NULL,"\\x01"}'),
			('\x00000000000000000000000000000003', NULL, NULL, NULL, NULL, NULL, '[1]', NULL), ('\x0102', 'queued', NULL, NULL, NULL, '7', '7', NULL);
		INSERT INTO public.result_message (task_id, message, extra) VALUES ('\x00000000000000000000000000000002', NULL, '"{broken"');
		INSERT INTO public.build_data (node_name, task_id) VALUES ('odd', '\x00000000000000000000000000000002');`)
	var all []json.RawMessage
	got := s.do(request{method: "GET", path: "/api/v1.0/tasks"})
	if err := json.Unmarshal([]byte(got.body), &all); err != nil || len(all) != len(theirs.Tasks)+3 {
		t.Errorf("status %d, %d tasks, error %v", got.StatusCode, len(all), err)
	}
	for path, want := range map[string]string{
		"/api/v1.0/tasks/00000000-0000-0000-0000-000000000002":          `"extra":{"value":"{broken"}`,
		"/api/v1.0/tasks/00000000-0000-0000-0000-000000000003":          `"created":null`,
		"/api/v1.0/nodes/odd/builddata":                                 `"data_element":""`,
		"/api/v1.0/tasks?status=queued&limit=1":                         `"status":"queued"`,
		"/api/v1.0/tasks/00000000-0000-0000-0000-000000000002/messages": `"message":""`,
	} {
		if got := s.do(request{method: "GET", path: path}); got.StatusCode != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: status %d, %.600s", path, got.StatusCode, got.body)
		}
	}
}
