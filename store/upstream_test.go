package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// The tables of upstream at its three revisions, and rows as it writes them. Facts of its schema, in our words.
var upstreamRevisions = []struct{ revision, tables string }{
	{"9593a123e7c5", `
CREATE TABLE alembic_version (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
CREATE TABLE tasks (task_id bytea NOT NULL PRIMARY KEY, parent_task_id bytea, subtask_id_list bytea[], result_status varchar(32),
	result_message varchar(128), result_reason varchar(128), result_error_count integer, result_successes varchar(32)[], result_failures varchar(32)[],
	retry integer, status varchar(32), created timestamp, created_by varchar(16), updated timestamp, design_ref varchar(128), request_context json,
	node_filter json, action varchar(32), terminated timestamp, terminated_by varchar(16), terminate boolean);
CREATE TABLE result_message (sequence serial PRIMARY KEY, task_id bytea, message varchar(1024), error boolean, context varchar(64),
	context_type varchar(16), ts timestamp, extra json);
CREATE TABLE active_instance (dummy_key serial PRIMARY KEY, identity bytea, last_ping timestamp);
CREATE TABLE boot_action (node_name varchar(280) NOT NULL PRIMARY KEY, task_id bytea, identity_key bytea);
CREATE TABLE boot_action_status (node_name varchar(280), action_id bytea NOT NULL PRIMARY KEY, action_name varchar(64), task_id bytea,
	identity_key bytea, action_status varchar(32));
CREATE INDEX ix_boot_action_status_node_name ON boot_action_status (node_name);
CREATE INDEX ix_boot_action_status_task_id ON boot_action_status (task_id);`},
	{"4a5bef3702b", `
CREATE TABLE build_data (node_name varchar(32), task_id bytea, collected_date timestamp, generator varchar(256), data_format varchar(32),
	data_element text);
CREATE INDEX ix_build_data_node_name ON build_data (node_name);
CREATE INDEX ix_build_data_task_id ON build_data (task_id);`},
	{"4713e7ebca9", `ALTER TABLE tasks ADD COLUMN result_links json;`},
}

const (
	upstreamRoot  drydock.TaskID = "568e150b-d0ac-4099-810d-46e6a11c77f3"
	upstreamChild drydock.TaskID = "1d5ce4bd-a4c9-4ec7-9bfb-27d5c3af3e5f"
)

// upstreamRows: a task with a child, one message, and a task of only NULLs.
const upstreamRows = `
INSERT INTO tasks (task_id, subtask_id_list, result_status, result_error_count, result_successes, result_failures, retry, status, created, created_by,
	updated, design_ref, request_context, node_filter, action, terminate)
VALUES ('\x568e150bd0ac4099810d46e6a11c77f3', '{"\\x1d5ce4bda4c94ec79bfb27d5c3af3e5f"}', 'incomplete', 0, '{n1}', '{}', 0, 'running',
	'2026-11-22 12:13:25.008917', 'shipyard', '2026-11-22 12:13:26.018023', 'http://host/design', '"{\"user\": \"shipyard\"}"', 'null', 'deploy_nodes', false),
	('\x1d5ce4bda4c94ec79bfb27d5c3af3e5f', '{}', 'success', 0, '{}', '{}', 0, 'queued', '2026-11-22 12:13:25.5', NULL, NULL, NULL, 'null',
	'{"filter_set_type": "union", "filter_set": []}', 'noop', false);
UPDATE tasks SET parent_task_id = '\x568e150bd0ac4099810d46e6a11c77f3' WHERE action = 'noop';
INSERT INTO tasks (task_id) VALUES ('\x00000000000000000000000000000001');
INSERT INTO result_message (task_id, message, error, context, context_type, ts, extra) VALUES
	('\x568e150bd0ac4099810d46e6a11c77f3', 'boom', true, 'n1', 'node', '2026-11-22 12:13:25.025831', '"{\"foo\": 1}"'),
	('\x568e150bd0ac4099810d46e6a11c77f3', NULL, NULL, NULL, NULL, NULL, NULL);`

// makeUpstream makes a database of upstream's n-th revision.
func makeUpstream(t *testing.T, n int) string {
	t.Helper()
	url := storetest.EmptyPostgresURL(t)
	db := raw(t, url)
	for _, r := range upstreamRevisions[:n+1] {
		db.exec(t, r.tables)
	}
	db.exec(t, `INSERT INTO alembic_version VALUES ('`+upstreamRevisions[n].revision+`')`)
	db.exec(t, upstreamRows)
	return url
}

func TestUpstreamDatabase(t *testing.T) {
	for n, r := range upstreamRevisions {
		t.Run(r.revision, func(t *testing.T) {
			t.Parallel()
			url := makeUpstream(t, n)
			s := storetest.OpenURL(t, url)
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Fatalf("migrate: %v", err)
			}
			checkUpstreamRows(t, s)
			var revision string
			if err := raw(t, url).QueryRow(`SELECT version_num FROM alembic_version`).Scan(&revision); err != nil || revision != upstreamRevisions[2].revision {
				t.Errorf("alembic_version is %q, want upstream's newest, error %v", revision, err)
			}
			l := storetest.Lead(t, s)
			if got := claim(t, s, l, 1)[0]; got.ID != upstreamChild {
				t.Errorf("claimed %+v", got)
			}
			finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess, Links: []drydock.Link{{Rel: "r", Href: "h"}}}, upstreamChild)
			addData(t, s, data(strings.Repeat("n", 200), "g", 1, "x"))
			if again, err := s.Migrate(t.Context()); err != nil || len(again) != 0 {
				t.Errorf("migrated again: %v, error %v", again, err)
			}
		})
	}
}

func checkUpstreamRows(t *testing.T, s *store.Store) {
	t.Helper()
	root := get(t, s, upstreamRoot)
	want := drydock.Task{
		ID: upstreamRoot, Subtasks: []drydock.TaskID{upstreamChild}, Action: drydock.ActionDeployNodes, DesignRef: "http://host/design",
		Status: drydock.StatusRunning, Result: drydock.Result{Status: drydock.ResultIncomplete, Successes: []string{"n1"}}, Version: root.Version,
		Created: time.Date(2026, 11, 22, 12, 13, 25, 8917000, time.UTC), CreatedBy: "shipyard", Updated: time.Date(2026, 11, 22, 12, 13, 26, 18023000, time.UTC),
	}
	wantTask(t, "root", root, want)
	if child := get(t, s, upstreamChild); child.Parent != upstreamRoot || string(child.NodeFilter) != `{"filter_set_type": "union", "filter_set": []}` {
		t.Errorf("child: %+v", child)
	}
	said := messages(t, s, upstreamRoot)
	if len(said) != 2 || said[0].Text != "boom" || !said[0].Error || string(said[0].Extra) != `{"foo": 1}` ||
		!said[0].Time.Equal(time.Date(2026, 11, 22, 12, 13, 25, 25831000, time.UTC)) {
		t.Errorf("messages: %+v", said)
	}
	if empty := get(t, s, "00000000-0000-0000-0000-000000000001"); empty.Status != "" || empty.Terminate || len(empty.Result.Successes) != 0 {
		t.Errorf("a row of NULLs: %+v", empty)
	}
	if tree, err := s.Subtree(t.Context(), upstreamRoot, 0); err != nil || !slices.Equal(ids(tree), []drydock.TaskID{upstreamRoot, upstreamChild}) {
		t.Errorf("tree: %v, error %v", ids(tree), err)
	}
	if all := pages(t, s, drydock.TaskQuery{Limit: 1}); len(all) < 2 {
		t.Errorf("%d tasks listed", len(all))
	}
}

// What we write is what upstream can read: lists are never NULL, JSON columns never SQL NULL, the parent lists its children, instants are in UTC.
func TestUpstreamReadsOurs(t *testing.T) {
	url := storetest.PostgresURL(t)
	s := storetest.OpenURL(t, url)
	l := storetest.Lead(t, s)
	db := raw(t, url)
	parent := create(t, s, withSubtasks(noop(), noop(), noop()))
	claim(t, s, l, 3)
	if _, err := s.CreateSubtasks(t.Context(), l, parent.ID, []drydock.NewTask{noop(), withSubtasks(noop(), noop())}); err != nil {
		t.Fatal(err)
	}
	finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, parent.Subtasks[0])
	if _, err := s.TerminateTask(t.Context(), parent.ID, "admin"); err != nil {
		t.Fatal(err)
	}
	addMessages(t, s, parent.ID, "x")
	for what, query := range map[string]string{
		"NULL where upstream cannot bear it": `SELECT count(*) FROM tasks WHERE subtask_id_list IS NULL OR result_successes IS NULL OR result_failures IS NULL
			OR result_links IS NULL OR request_context IS NULL OR node_filter IS NULL OR terminate IS NULL OR retry IS NULL OR result_error_count IS NULL
			OR status IS NULL OR result_status IS NULL OR created IS NULL`,
		"parents whose list differs": `SELECT count(*) FROM tasks p WHERE (SELECT coalesce(array_agg(c.task_id ORDER BY c.created, c.task_id), '{}')
			FROM tasks c WHERE c.parent_task_id = p.task_id) <> p.subtask_id_list`,
		"instants not in UTC": `SELECT count(*) FROM tasks WHERE abs(extract(epoch FROM created - (now() AT TIME ZONE 'UTC'))) > 600`,
		"messages without extra or time": `SELECT count(*) FROM result_message WHERE extra IS NULL OR ts IS NULL
			OR abs(extract(epoch FROM ts - (now() AT TIME ZONE 'UTC'))) > 600`,
	} {
		var n int
		if err := db.QueryRow(query).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d rows, error %v", what, n, err)
		}
	}
}

// Upstream's statements go on working on our tables, and we see what they did.
func TestUpstreamWritesHere(t *testing.T) {
	url := storetest.PostgresURL(t)
	s := storetest.OpenURL(t, url)
	db := raw(t, url)
	db.exec(t, `INSERT INTO alembic_version SELECT '4713e7ebca9' WHERE NOT EXISTS (SELECT FROM alembic_version)`)
	db.exec(t, strings.Replace(upstreamRows, "'{}', 0, 'running'", "'{}', 0, 'queued'", 1))
	checked := get(t, s, upstreamRoot)
	db.exec(t, `UPDATE tasks SET subtask_id_list = array_append(subtask_id_list, $1) WHERE task_id = '\x568e150bd0ac4099810d46e6a11c77f3'`, []byte("0123456789abcdef"))
	if now := get(t, s, upstreamRoot); len(now.Subtasks) != len(checked.Subtasks)+1 {
		t.Errorf("subtasks: %v", now.Subtasks)
	}
	db.exec(t, `UPDATE tasks SET status = 'complete', result_status = 'failure', result_failures = '{n1,n2}'::varchar(32)[], result_links = '{"a": ["b", "c"]}' WHERE action = 'noop'`)
	if child := get(t, s, upstreamChild); child.Status != drydock.StatusComplete || len(child.Result.Links) != 2 || len(child.Result.Failures) != 2 {
		t.Errorf("child: %+v", child)
	}
	db.exec(t, `INSERT INTO build_data (node_name, task_id, collected_date, generator, data_format, data_element) VALUES ('n1', $1, '2026-11-22 12:00:00+05:00', 'lshw', 'text/xml', '<x/>')`, []byte("0123456789abcdef"))
	if got := buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n1"}}); len(got) != 1 || !got[0].Collected.Equal(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("build data: %+v", got)
	}
	rows, err := db.Query(`SELECT * FROM build_data`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if columns, err := rows.Columns(); err != nil || len(columns) != 6 {
		t.Errorf("build_data has the columns %q, upstream knows six, error %v", columns, err)
	}
}

// Upstream's orchestrator and ours share one lease row: while it pings, we do not lead, and what it took is a new term for us.
func TestUpstreamLeads(t *testing.T) {
	url := storetest.PostgresURL(t)
	s := storetest.OpenURL(t, url)
	db := raw(t, url)
	them := uuid.New()
	claimLease := func() bool {
		db.exec(t, `INSERT INTO active_instance (dummy_key, identity, last_ping) VALUES (1, $1, timezone('UTC', now()))
			ON CONFLICT (dummy_key) DO UPDATE SET identity = $1, last_ping = timezone('UTC', now())
			WHERE active_instance.last_ping < (timezone('UTC', now()) - interval '300 seconds')`, them[:])
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM active_instance WHERE identity = $1`, them[:]).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == 1
	}
	old := storetest.Lead(t, s)
	task := running(t, s, old)
	if claimLease() {
		t.Error("upstream took a lease that is fresh")
	}
	db.exec(t, `UPDATE active_instance SET last_ping = last_ping - interval '1 hour', expires = expires - interval '2 hours'`) // our process hangs
	if !claimLease() {
		t.Fatal("upstream could not take a stale lease")
	}
	_, err := s.UpdateTask(t.Context(), old, task.ID, func(*drydock.Task) error { return nil })
	wantKind(t, "the old leader's write", err, drydock.ErrLeaseLost)
	_, err = s.AcquireLease(t.Context(), uuid.NewString(), "us", time.Hour)
	wantKind(t, "we campaign while upstream leads", err, drydock.ErrConflict)
	db.exec(t, `UPDATE active_instance SET last_ping = last_ping - interval '6 minutes', expires = expires - interval '6 minutes'`) // upstream dies
	now, err := s.AcquireLease(t.Context(), uuid.NewString(), "us", time.Hour)
	if err != nil || now.Term <= old.Term {
		t.Fatalf("after upstream: %+v, error %v", now, err)
	}
	if err := s.ReleaseLease(t.Context(), now, "done"); err != nil {
		t.Fatal(err)
	}
	if !claimLease() {
		t.Error("upstream cannot take a lease that was released")
	}
	var kind error
	if _, kind = s.AcquireLease(t.Context(), old.Holder, "us", time.Hour); !errors.Is(kind, drydock.ErrConflict) {
		t.Errorf("we campaign while upstream leads: %v", kind)
	}
}
