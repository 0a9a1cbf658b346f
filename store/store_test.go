// The conformance suite: what every method of a store promises, on both databases, as their callers see it.
package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

const (
	unknownID   drydock.TaskID = "00000000-0000-4000-8000-00000000dead"
	unknownULID string         = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
)

func TestMain(m *testing.M) {
	// A process in an odd zone: an instant that goes through local time anywhere is wrong by hours.
	time.Local = time.FixedZone("odd", 5*3600+45*60)
	storetest.Main(m)
}

// noop is the smallest task, asked for by a user.
func noop() drydock.NewTask {
	return drydock.NewTask{Action: drydock.ActionNoop, DesignRef: "file:///site.yaml", CreatedBy: "tester"}
}

func withSubtasks(n drydock.NewTask, children ...drydock.NewTask) drydock.NewTask {
	n.Subtasks = children
	return n
}

func create(t testing.TB, s *store.Store, n drydock.NewTask) drydock.Task {
	t.Helper()
	task, created, err := s.CreateTask(t.Context(), n)
	if err != nil || !created {
		t.Fatalf("create %s: created %v, error %v", n.Action, created, err)
	}
	return task
}

func get(t testing.TB, s *store.Store, id drydock.TaskID) drydock.Task {
	t.Helper()
	task, err := s.Task(t.Context(), id)
	if err != nil {
		t.Fatalf("get task %s: %v", id, err)
	}
	return task
}

// claim claims exactly n no-ops.
func claim(t testing.TB, s *store.Store, l drydock.Lease, n int) []drydock.Task {
	t.Helper()
	tasks, err := s.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, n)
	if err != nil || len(tasks) != n {
		t.Fatalf("claim: %d tasks, want %d, error %v", len(tasks), n, err)
	}
	return tasks
}

// running creates a no-op and claims it. Nothing else may be queued.
func running(t testing.TB, s *store.Store, l drydock.Lease) drydock.Task {
	t.Helper()
	made := create(t, s, noop())
	task := claim(t, s, l, 1)[0]
	if task.ID != made.ID {
		t.Fatalf("claimed %s, want %s", task.ID, made.ID)
	}
	return task
}

func finish(t testing.TB, s *store.Store, l drydock.Lease, result drydock.Result, ids ...drydock.TaskID) {
	t.Helper()
	list := make([]drydock.TaskFinish, len(ids))
	for i, id := range ids {
		list[i] = drydock.TaskFinish{ID: id, Result: result}
	}
	done, err := s.FinishTasks(t.Context(), l, list)
	if err != nil || !sameIDs(done, ids) {
		t.Fatalf("finish %v: finished %v, error %v", ids, done, err)
	}
}

func addMessages(t testing.TB, s *store.Store, id drydock.TaskID, texts ...string) {
	t.Helper()
	list := make([]drydock.Message, len(texts))
	for i, text := range texts {
		list[i] = drydock.Message{Text: text, ContextType: "task", Context: string(id)}
	}
	if err := s.AddMessages(t.Context(), id, list...); err != nil {
		t.Fatalf("add messages: %v", err)
	}
}

// messages is all messages of a task.
func messages(t testing.TB, s *store.Store, id drydock.TaskID) []drydock.Message {
	t.Helper()
	list, err := s.Messages(t.Context(), id, 0, 0)
	if err != nil {
		t.Fatalf("messages of %s: %v", id, err)
	}
	return list
}

// state is all that a store tells about a tree: to see that a refused write left nothing.
func state(t testing.TB, s *store.Store, root drydock.TaskID) string {
	t.Helper()
	tasks, err := s.Subtree(t.Context(), root, 0)
	if err != nil {
		t.Fatalf("tree of %s: %v", root, err)
	}
	var b strings.Builder
	for _, task := range tasks {
		fmt.Fprintf(&b, "%+v\n", task)
		for _, m := range messages(t, s, task.ID) {
			fmt.Fprintf(&b, "  %+v\n", m)
		}
	}
	return b.String()
}

func ids(tasks []drydock.Task) []drydock.TaskID {
	list := make([]drydock.TaskID, len(tasks))
	for i := range tasks {
		list[i] = tasks[i].ID
	}
	return list
}

// sameIDs compares without order.
func sameIDs(a, b []drydock.TaskID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func wantStatus(t testing.TB, s *store.Store, id drydock.TaskID, want drydock.TaskStatus) {
	t.Helper()
	if got := get(t, s, id).Status; got != want {
		t.Errorf("status of %s is %s, want %s", id, got, want)
	}
}

func wantEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// wantKind checks the kind of an error. It stops the test when there is no error at all.
func wantKind(t testing.TB, what string, err, kind error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error, want %v", what, kind)
	case !errors.Is(err, kind):
		t.Errorf("%s: error %q, want kind %q", what, err, kind)
	}
}

// wantInvalid checks that err is ErrInvalid and names what is wrong: one of the words.
func wantInvalid(t testing.TB, what string, err error, words ...string) {
	t.Helper()
	wantKind(t, what, err, drydock.ErrInvalid)
	if err == nil || len(words) == 0 {
		return
	}
	for _, w := range words {
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(w)) {
			return
		}
	}
	t.Errorf("%s: error %q names none of %q", what, err, words)
}

func hasKind(err error) bool {
	for _, kind := range []error{drydock.ErrNotFound, drydock.ErrConflict, drydock.ErrInvalid, drydock.ErrDenied, drydock.ErrUnavailable, drydock.ErrLeaseLost} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// together runs n functions at the same time and returns when all have.
func together(n int, run func(i int)) {
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			run(i)
		})
	}
	start.Done()
	done.Wait()
}

// recent checks an instant that the database was asked to set: in UTC, in whole microseconds, and about now.
func recent(t testing.TB, what string, at time.Time) {
	t.Helper()
	if at.Location() != time.UTC {
		t.Errorf("%s is in zone %s, want UTC", what, at.Location())
	}
	if age := time.Since(at); age < -time.Minute || age > 10*time.Minute {
		t.Errorf("%s is %s ago, want about now", what, age)
	}
	if !at.Equal(at.Truncate(time.Microsecond)) {
		t.Errorf("%s %s is finer than a microsecond", what, at)
	}
}

// rawDB is the database under a store, for what no method of the store does: making history old, looking at what other programs see.
type rawDB struct {
	*sql.DB
	sqlite bool
}

func raw(t testing.TB, url string) rawDB {
	t.Helper()
	path, sqlite := strings.CutPrefix(url, "sqlite:")
	open := func() (*sql.DB, error) { return sql.Open("pgx", url) }
	if sqlite {
		open = func() (*sql.DB, error) { return driver.Open("file:"+path+"?_pragma=busy_timeout(10000)", withClock) }
	}
	db, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return rawDB{db, sqlite}
}

// withClock gives a connection the clock that the store's statements ask for.
func withClock(c *sqlite3.Conn) error {
	return c.CreateFunction("now_us", 0, 0, func(x sqlite3.Context, _ ...sqlite3.Value) { x.ResultInt64(time.Now().UnixMicro()) })
}

func (r rawDB) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := r.ExecContext(ctx, query, args...); err != nil {
		t.Fatalf("%.200s: %v", query, err)
	}
}

// before is the SQL expression of an instant that long before now, as the tables hold it.
func (r rawDB) before(age time.Duration) string {
	at := time.Now().Add(-age).UTC()
	if r.sqlite {
		return fmt.Sprint(at.UnixMicro())
	}
	return "timestamp '" + at.Format("2006-01-02 15:04:05.000000") + "'"
}

// id is the SQL literal of a task id.
func (r rawDB) id(id drydock.TaskID) string {
	digits := strings.ReplaceAll(string(id), "-", "")
	if r.sqlite {
		return "X'" + digits + "'"
	}
	return `'\x` + digits + `'::bytea`
}
