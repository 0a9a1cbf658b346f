package store_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// upstream speaks the SQL of upstream's state manager, autocommitting, as its reference describes it: whole rows, casts that cut, JSON in JSON.
type upstream struct {
	t  *testing.T
	db rawDB
}

// upstreamCopy is a task in upstream's memory: what it read, perhaps a while ago, and will write back.
type upstreamCopy struct {
	id                                                     []byte
	parent                                                 []byte
	subtasks, successes, failures, filter, links           *string
	result, message, reason, status, by, ref, action, whom *string
	errors, retry                                          *int
	created, updated, terminated                           *time.Time
	terminate                                              *bool
}

func bytesOf(id drydock.TaskID) []byte {
	raw, err := hex.DecodeString(strings.ReplaceAll(string(id), "-", ""))
	if err != nil {
		panic(err) // a mistake in a test
	}
	return raw
}

const upstreamColumns = `parent_task_id, subtask_id_list::text, result_status, result_message, result_reason, result_error_count,
	result_successes::text, result_failures::text, retry, status, created, created_by, updated, design_ref, node_filter::text, action, terminated,
	terminated_by, terminate, result_links::text`

func (c *upstreamCopy) columns() []any {
	return []any{
		&c.parent, &c.subtasks, &c.result, &c.message, &c.reason, &c.errors, &c.successes, &c.failures, &c.retry, &c.status, &c.created, &c.by,
		&c.updated, &c.ref, &c.filter, &c.action, &c.terminated, &c.whom, &c.terminate, &c.links,
	}
}

// get is get_task.
func (u upstream) get(id drydock.TaskID) *upstreamCopy {
	u.t.Helper()
	c := &upstreamCopy{id: bytesOf(id)}
	if err := u.db.QueryRow(`SELECT `+upstreamColumns+` FROM tasks WHERE task_id = $1`, c.id).Scan(c.columns()...); err != nil {
		u.t.Fatalf("upstream gets %s: %v", id, err)
	}
	return c
}

// put is put_task: every column, and the request's context as JSON null, because upstream does not read it back.
func (u upstream) put(c *upstreamCopy) bool {
	u.t.Helper()
	args := append([]any{c.id}, c.columns()...)
	r, err := u.db.Exec(`UPDATE tasks SET parent_task_id = $2, subtask_id_list = $3::text::bytea[], result_status = $4, result_message = $5,
		result_reason = $6, result_error_count = $7, result_successes = $8::text::varchar(32)[], result_failures = $9::text::varchar(32)[], retry = $10,
		status = $11, created = $12, created_by = $13, updated = $14, design_ref = $15, node_filter = $16::json, action = $17, terminated = $18,
		terminated_by = $19, terminate = $20, result_links = $21::json, request_context = 'null'::json WHERE task_id = $1`, args...)
	if err != nil {
		u.t.Fatalf("upstream puts a task: %v", err)
	}
	n, err := r.RowsAffected()
	return err == nil && n == 1
}

// save is Task.save with a new status.
func (u upstream) save(c *upstreamCopy, status string) {
	u.t.Helper()
	c.status = &status
	if !u.put(c) {
		u.t.Fatal("upstream's save found no row")
	}
}

// next is get_next_queued_task.
func (u upstream) next(actions ...string) string {
	u.t.Helper()
	var id []byte
	err := u.db.QueryRow(`SELECT task_id FROM tasks WHERE status = 'queued' AND action = ANY ($1) ORDER BY created ASC`, actions).Scan(&id)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(id)
}

// addSubtask is add_subtask.
func (u upstream) addSubtask(parent, child drydock.TaskID) {
	u.t.Helper()
	u.db.exec(u.t, `UPDATE tasks SET subtask_id_list = array_append(subtask_id_list, $1) WHERE task_id = $2`, bytesOf(child), bytesOf(parent))
}

// say is post_result_message.
func (u upstream) say(id drydock.TaskID, text string) {
	u.t.Helper()
	u.db.exec(u.t, `INSERT INTO result_message (task_id, message, error, context, context_type, ts, extra) VALUES ($1, $2, false, 'n1', 'node',
		$3::timestamptz, '"{\"a\": 1}"')`, bytesOf(id), text, time.Now())
}

func shared(t *testing.T) (*store.Store, upstream) {
	t.Helper()
	url := storetest.PostgresURL(t)
	return storetest.OpenURL(t, url), upstream{t, raw(t, url)}
}

// Upstream executes what was asked for over our interface, and its blind saves lose nothing of ours.
func TestUpstreamExecutesOurs(t *testing.T) {
	s, up := shared(t)
	parent := create(t, s, withSubtasks(noop(), noop()))
	bell, stop := s.Listen(string(parent.ID))
	defer stop()
	if got := up.next("noop", "deploy_nodes"); got != hex.EncodeToString(bytesOf(parent.ID)) {
		t.Fatalf("upstream would run %s, want %s", got, parent.ID)
	}
	copied := up.get(parent.ID)
	up.save(copied, "running")
	select {
	case <-bell:
	case <-t.Context().Done():
	case <-time.After(10 * time.Second):
		t.Error("nobody was told that upstream began")
	}
	child := create(t, s, noop())
	up.addSubtask(parent.ID, child.ID)
	up.say(parent.ID, "hello")
	up.save(copied, "complete") // from a copy without the new child
	now := get(t, s, parent.ID)
	if now.Status != drydock.StatusComplete || !slices.Equal(now.Subtasks, []drydock.TaskID{parent.Subtasks[0], child.ID}) || now.Version < 3 {
		t.Errorf("after upstream: %+v", now)
	}
	if said := messages(t, s, parent.ID); len(said) != 1 || said[0].Text != "hello" || string(said[0].Extra) != `{"a": 1}` {
		t.Errorf("messages: %+v", said)
	}
}

// A blind save does not undo what came between.
func TestUpstreamSavesOldCopies(t *testing.T) {
	s, up := shared(t)
	l := storetest.Lead(t, s)
	long := []string{strings.Repeat("n", 40) + "1", strings.Repeat("n", 40) + "2", "short"}
	n := noop()
	n.Key = "key"
	task := create(t, s, n)
	up.db.exec(t, `UPDATE tasks SET request_context = '"{\"user\": \"u\"}"'`)
	claim(t, s, l, 1)
	if _, err := s.UpdateTask(t.Context(), l, task.ID, func(t *drydock.Task) error { t.Result.Successes = long; return nil }); err != nil {
		t.Fatal(err)
	}
	old := up.get(task.ID)
	if _, err := s.TerminateTask(t.Context(), task.ID, "somebody with a long name"); err != nil {
		t.Fatal(err)
	}
	up.save(old, "running")
	now := get(t, s, task.ID)
	if now.Status != drydock.StatusTerminating || !now.Terminate || now.TerminatedBy != "somebody with a long name" || now.Terminated.IsZero() {
		t.Errorf("the request to end was lost: %+v", now)
	}
	if !slices.Equal(now.Result.Successes, long) || now.Key != "key" || now.Term != l.Term || now.Attempt != 1 {
		t.Errorf("our columns: %+v", now)
	}
	up.save(old, "queued")
	wantStatus(t, s, task.ID, drydock.StatusTerminating)
	finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess, Message: "done"}, task.ID)
	up.save(old, "running")
	up.save(old, "complete")
	ended := get(t, s, task.ID)
	if ended.Status != drydock.StatusTerminated || ended.Result.Message != "done" || ended.Result.Status != drydock.ResultSuccess {
		t.Errorf("an end was undone: %+v", ended)
	}
	var context string
	if err := up.db.QueryRow(`SELECT request_context::text FROM tasks`).Scan(&context); err != nil || context != `"{\"user\": \"u\"}"` {
		t.Errorf("who asked: %s, error %v", context, err)
	}
	if ended.Version <= now.Version {
		t.Errorf("version %d after %d", ended.Version, now.Version)
	}
}

// A retry is upstream's way back from an end.
func TestUpstreamRetries(t *testing.T) {
	s, up := shared(t)
	task := create(t, s, noop())
	c := up.get(task.ID)
	up.save(c, "running")
	up.save(c, "queued") // not without a retry
	wantStatus(t, s, task.ID, drydock.StatusRunning)
	up.save(c, "complete")
	up.save(c, "queued")
	wantStatus(t, s, task.ID, drydock.StatusComplete)
	retry := 1
	c.retry = &retry
	up.save(c, "queued")
	wantStatus(t, s, task.ID, drydock.StatusQueued)
}

// A message whose number was drawn before another's, but committed after it, would be missed by a follower. Upstream's wait for the lock of the task.
func TestUpstreamMessagesInOrder(t *testing.T) {
	s, up := shared(t)
	task := create(t, s, noop())
	const n = 40
	done := make(chan struct{})
	go func() {
		defer close(done)
		together(4, func(i int) {
			for range n {
				if i%2 == 0 {
					up.say(task.ID, "theirs")
				} else {
					addMessages(t, s, task.ID, "ours")
				}
			}
		})
	}()
	seen, after := 0, int64(0)
	for last := false; ; {
		list, err := s.Messages(t.Context(), task.ID, after, 0)
		if err != nil {
			t.Fatal(err)
		}
		if seen += len(list); len(list) > 0 {
			after = list[len(list)-1].Seq
		}
		if last {
			break
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
	if seen != 4*n {
		t.Errorf("a follower saw %d of %d messages", seen, 4*n)
	}
}

// The rest of upstream's statements, each giving upstream what it expects.
func TestUpstreamStatements(t *testing.T) {
	s, up := shared(t)
	task := create(t, s, noop())
	id, key := bytesOf(task.ID), []byte("0123456789abcdef0123456789abcdef")
	action, err := hex.DecodeString("01900bbd5d700ff1fed5ce26af1ac6da")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		up.db.exec(t, `INSERT INTO boot_action (node_name, task_id, identity_key) VALUES ('n1', $1, $2)
			ON CONFLICT (node_name) DO UPDATE SET task_id = $1, identity_key = $2`, id, key)
	}
	up.db.exec(t, `INSERT INTO boot_action_status (node_name, action_id, action_name, task_id, identity_key, action_status)
		VALUES ('n1', $1, 'hello', $2, $3, 'incomplete')`, action, id, key)
	if got, err := s.BootAction(t.Context(), "01J05VTQBG1ZRZXNEE4TQHNHPT"); err != nil || got.Status != drydock.ResultIncomplete || got.Name != "hello" {
		t.Errorf("boot action: %+v, error %v", got, err)
	}
	up.db.exec(t, `UPDATE boot_action_status SET action_status = 'success' WHERE action_id = $1`, action)
	_, err = s.ReportBootAction(t.Context(), "01J05VTQBG1ZRZXNEE4TQHNHPT", drydock.ResultFailure)
	wantKind(t, "a second report", err, drydock.ErrConflict)
	for _, row := range []string{"'2026-01-01 10:00:00+00:00', 'old'", "'2026-01-02 10:00:00+00:00', 'new'"} {
		up.db.exec(t, `INSERT INTO build_data (generator, data_format, node_name, task_id, collected_date, data_element) SELECT 'lshw', 'text/xml', 'n1', $1::bytea, `+row, id)
	}
	addData(t, s, data("n1", "lldp", 1, "x"))
	var columns, rows int
	var newest string
	err = up.db.QueryRow(`SELECT count(*), max(data_element) FILTER (WHERE generator = 'lshw') FROM (
		SELECT DISTINCT ON (generator) * FROM build_data WHERE node_name = 'n1' ORDER BY generator, collected_date DESC) AS latest`).Scan(&rows, &newest)
	if err != nil || rows != 2 || newest != "new" {
		t.Errorf("latest of each generator: %d rows, %q, error %v", rows, newest, err)
	}
	if err := up.db.QueryRow(`SELECT count(*) FROM information_schema.columns WHERE table_name = 'build_data'`).Scan(&columns); err != nil || columns != 6 {
		t.Errorf("build_data has %d columns, upstream knows six, error %v", columns, err)
	}
	created := `INSERT INTO tasks (task_id, subtask_id_list, result_status, result_error_count, result_successes, result_failures, result_links, retry, status,
		created, created_by, design_ref, request_context, node_filter, action, terminate) VALUES ($1, '{}'::bytea[], 'incomplete', 0, '{}'::varchar(32)[],
		'{}'::varchar(32)[], '{}', 0, 'requested', $2::timestamptz, 'shipyard', 'http://d', '"{}"', 'null', 'verify_site', false)`
	up.db.exec(t, created, bytesOf(unknownID), time.Now())
	theirs := up.get(unknownID)
	up.save(theirs, "queued")
	wantStatus(t, s, unknownID, drydock.StatusQueued)
	if got := up.next("verify_site"); got != hex.EncodeToString(bytesOf(unknownID)) {
		t.Errorf("upstream would run %q", got)
	}
}

// An end that upstream asks for before a task has begun is kept whoever leads.
func TestUpstreamEndsQueued(t *testing.T) {
	s, up := shared(t)
	task := create(t, s, noop())
	yes, who := true, "shipyard"
	c := up.get(task.ID)
	c.terminate, c.whom = &yes, &who
	if !up.put(c) {
		t.Fatal("upstream's save found no row")
	}
	if got := get(t, s, task.ID); got.Status != drydock.StatusTerminated || got.Result.Status != drydock.ResultFailure || got.TerminatedBy != who {
		t.Errorf("%+v", got)
	}
	if claimed, err := s.ClaimTasks(t.Context(), storetest.Lead(t, s), []drydock.Action{drydock.ActionNoop}, 1); err != nil || len(claimed) != 0 {
		t.Errorf("claimed %+v, error %v", claimed, err)
	}
}
