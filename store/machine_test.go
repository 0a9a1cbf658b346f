package store_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

const modelChecks = 30 // sequences on each database, a third of it under the race detector, unless -rapid.checks says otherwise

// TestModel runs random sequences of operations on a store and on the model and compares them after each one. A failure is shrunk and printed with
// the flag that repeats it.
func TestModel(t *testing.T) {
	checks := modelChecks
	if raced {
		checks /= 3
	}
	settings := map[string]string{"rapid.checks": strconv.Itoa(checks), "rapid.nofailfile": "true"}
	flag.Visit(func(f *flag.Flag) { delete(settings, f.Name) })
	for name, value := range settings {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.Open, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				s := open(sequence{t, rt})
				m := &machine{outer: t, s: s, model: newModel(storetest.Lead(t, s))}
				rt.Repeat(m.actions())
			})
		})
	}
}

// sequence is the test with the life of one sequence: what it opens is closed at its end, not at the end of them all.
type sequence struct {
	testing.TB
	rt *rapid.T
}

func (s sequence) Cleanup(f func()) { s.rt.Cleanup(f) }

// machine does everything twice.
type machine struct {
	outer *testing.T
	s     *store.Store
	*model
}

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":               func(t *rapid.T) { m.check(m.outer, t, m.s) },
		"create":         m.doCreate,
		"createSubtasks": m.doCreateSubtasks,
		"claim":          m.doClaim,
		"claimAgain":     m.doClaim,
		"finish":         m.doFinish,
		"update":         m.doUpdate,
		"terminate":      m.doTerminate,
		"retry":          m.doRetry,
		"rollup":         m.doRollup,
		"requeue":        m.doRequeue,
		"depose":         m.doDepose,
		"adopt":          m.doAdopt,
		"stale":          m.doStale,
		"messages":       m.doMessages,
		"list":           m.doList,
		"read":           m.doRead,
		"purge":          m.doPurge,
	}
}

var (
	someAction = rapid.SampledFrom([]drydock.Action{drydock.ActionNoop, drydock.ActionDeployNodes})
	someResult = rapid.SampledFrom([]drydock.ResultStatus{drydock.ResultIncomplete, drydock.ResultSuccess, drydock.ResultPartial, drydock.ResultFailure})
	someNode   = rapid.SampledFrom([]string{"n1", "n2", "n3"})
	someNodes  = rapid.SliceOfNDistinct(someNode, 0, 2, rapid.ID[string])
	someKey    = rapid.SampledFrom([]string{"", "", "", "k1", "k2", "k3"})
)

func (m *machine) newTask(t *rapid.T, depth int) drydock.NewTask {
	n := drydock.NewTask{Action: someAction.Draw(t, "action"), DesignRef: rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "design")}
	if depth > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "subtasks") {
			n.Subtasks = append(n.Subtasks, m.newTask(t, depth-1))
		}
	}
	return n
}

// pick is one of the tasks, rarely one that does not exist.
func (m *machine) pick(t *rapid.T) drydock.TaskID {
	i := rapid.IntRange(-1, 19).Draw(t, "task")
	if i < 0 || len(m.tasks) == 0 {
		return unknownID
	}
	return m.tasks[len(m.tasks)-1-i%len(m.tasks)].ID
}

func (m *machine) pickSome(t *rapid.T) []drydock.TaskID {
	var list []drydock.TaskID
	for range rapid.IntRange(1, 4).Draw(t, "how many") {
		if id := m.pick(t); !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// want checks the kind of an error, nil for none.
func (m *machine) want(t *rapid.T, what string, err, kind error) {
	if !errors.Is(err, kind) || (kind == nil) != (err == nil) {
		t.Fatalf("%s: error %v, want %v", what, err, kind)
	}
}

func (m *machine) wantIDs(t *rapid.T, what string, got, want []drydock.TaskID) {
	if !sameIDs(got, want) {
		t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func (m *machine) doCreate(t *rapid.T) {
	n := m.newTask(t, 2)
	n.Key = someKey.Draw(t, "key")
	task, created, err := m.s.CreateTask(m.outer.Context(), n)
	if known := m.withKey(n.Key); known != nil {
		if known.Action != n.Action || known.DesignRef != n.DesignRef {
			m.want(t, "create with a key of another", err, drydock.ErrConflict)
		} else if err != nil || created || task.ID != known.ID {
			t.Fatalf("create with a known key: %s, created %v, error %v; want %s", task.ID, created, err, known.ID)
		}
		return
	}
	m.want(t, "create", err, nil)
	tree, err := m.s.Subtree(m.outer.Context(), task.ID, 0)
	if err != nil || !created {
		t.Fatalf("create: created %v, error %v", created, err)
	}
	m.add(t, tree, "", n)
}

func (m *machine) doCreateSubtasks(t *rapid.T) {
	id := m.pick(t)
	parent := m.byID[id]
	n := m.newTask(t, 1)
	n.Key = someKey.Draw(t, "key")
	made, err := m.s.CreateSubtasks(m.outer.Context(), m.lease, id, []drydock.NewTask{n})
	known := m.withKey(n.Key)
	switch {
	case parent == nil:
		m.want(t, "subtasks of nothing", err, drydock.ErrNotFound)
	case !m.mine(parent) || parent.Status != drydock.StatusRunning:
		m.want(t, "subtasks of what does not run", err, drydock.ErrConflict)
	case known != nil && (known.Parent != id || known.Action != n.Action || known.DesignRef != n.DesignRef):
		m.want(t, "subtask with a key of another", err, drydock.ErrConflict)
	case err != nil || len(made) != 1:
		t.Fatalf("subtasks: %d made, error %v", len(made), err)
	case known != nil:
		m.wantIDs(t, "subtask with a known key", ids(made), []drydock.TaskID{known.ID})
	default:
		tree, err := m.s.Subtree(m.outer.Context(), made[0].ID, 0)
		m.want(t, "tree", err, nil)
		m.add(t, tree, id, n)
		parent.Subtasks = append(slices.Clone(parent.Subtasks), made[0].ID)
	}
}

func (m *machine) doClaim(t *rapid.T) {
	actions := rapid.SliceOfNDistinct(someAction, 1, 2, rapid.ID[drydock.Action]).Draw(t, "actions")
	n := rapid.IntRange(1, 5).Draw(t, "n")
	got, err := m.s.ClaimTasks(m.outer.Context(), m.lease, actions, n)
	m.want(t, "claim", err, nil)
	if want := m.claim(actions, n); !slices.Equal(ids(got), want) {
		t.Fatalf("claimed %v, want %v", ids(got), want)
	}
}

func (m *machine) doFinish(t *rapid.T) {
	var list []drydock.TaskFinish
	for _, id := range m.pickSome(t) {
		f := drydock.TaskFinish{ID: id, Result: drydock.Result{Status: someResult.Draw(t, "result"), Successes: someNodes.Draw(t, "good"), Failures: someNodes.Draw(t, "bad")}}
		if m.byID[id] != nil && rapid.Bool().Draw(t, "names its attempt") {
			f.Attempt = max(0, m.byID[id].Attempt-rapid.IntRange(0, 1).Draw(t, "late"))
		}
		for range rapid.IntRange(0, 2).Draw(t, "messages") {
			f.Messages = append(f.Messages, m.message(t))
		}
		list = append(list, f)
	}
	got, err := m.s.FinishTasks(m.outer.Context(), m.lease, list)
	m.want(t, "finish", err, nil)
	m.wantIDs(t, "finished", got, m.finish(list))
}

func (m *machine) message(t *rapid.T) drydock.Message {
	return drydock.Message{Text: fmt.Sprint("message ", rapid.IntRange(0, 999).Draw(t, "text")), Error: rapid.Bool().Draw(t, "error")}
}

func (m *machine) doUpdate(t *rapid.T) {
	id, good, bad := m.pick(t), someNode.Draw(t, "good"), someNodes.Draw(t, "bad")
	change := func(task *drydock.Task) {
		task.Result.Success(good)
		for _, node := range bad {
			task.Result.Failure(node)
		}
	}
	_, err := m.s.UpdateTask(m.outer.Context(), m.lease, id, func(task *drydock.Task) error { change(task); return nil })
	switch task := m.byID[id]; {
	case task == nil:
		m.want(t, "update of nothing", err, drydock.ErrNotFound)
	case !m.mine(task):
		m.want(t, "update of another's", err, drydock.ErrConflict)
	default:
		m.want(t, "update", err, nil)
		change(task)
	}
}

func (m *machine) doTerminate(t *rapid.T) {
	id, by := m.pick(t), rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, "by")
	got, err := m.s.TerminateTask(m.outer.Context(), id, by)
	if m.byID[id] == nil {
		m.want(t, "terminate nothing", err, drydock.ErrNotFound)
		return
	}
	m.want(t, "terminate", err, nil)
	m.wantIDs(t, "terminated", got, m.terminate(id, by))
}

func (m *machine) doRetry(t *rapid.T) {
	id, limit := m.pick(t), rapid.IntRange(0, 3).Draw(t, "limit")
	_, err := m.s.RetryTask(m.outer.Context(), m.lease, id, limit)
	switch task := m.byID[id]; {
	case task == nil:
		m.want(t, "retry of nothing", err, drydock.ErrNotFound)
	case m.retry(task, limit):
		m.want(t, "retry", err, nil)
	default:
		m.want(t, "retry without need", err, drydock.ErrConflict)
	}
}

func (m *machine) doRollup(t *rapid.T) {
	id, filter := m.pick(t), rapid.SampledFrom([]drydock.Action{"", drydock.ActionNoop}).Draw(t, "filter")
	_, err := m.s.RollupTask(m.outer.Context(), m.lease, id, filter)
	switch task := m.byID[id]; {
	case task == nil:
		m.want(t, "roll-up of nothing", err, drydock.ErrNotFound)
	case !m.mine(task):
		m.want(t, "roll-up of another's", err, drydock.ErrConflict)
	default:
		m.want(t, "roll-up", err, nil)
		m.rollup(task, filter)
	}
}

func (m *machine) doRequeue(t *rapid.T) {
	list := m.pickSome(t)
	got, err := m.s.RequeueTasks(m.outer.Context(), m.lease, list, "for the test")
	m.want(t, "requeue", err, nil)
	m.wantIDs(t, "requeued", got, m.requeue(list))
}

func (m *machine) doDepose(t *rapid.T) {
	next := storetest.Depose(m.outer, m.s, m.lease)
	if next.Term <= m.lease.Term {
		t.Fatalf("term %d after %d", next.Term, m.lease.Term)
	}
	m.old = append(m.old, m.lease)
	m.lease = next
}

func (m *machine) doAdopt(t *rapid.T) {
	repeatable := rapid.SampledFrom([][]drydock.Action{nil, {drydock.ActionNoop}, {drydock.ActionNoop, drydock.ActionDeployNodes}}).Draw(t, "repeatable")
	got, err := m.s.AdoptTasks(m.outer.Context(), m.lease, repeatable)
	m.want(t, "adopt", err, nil)
	want := m.adopt(repeatable)
	m.wantIDs(t, "requeued", got.Requeued, want.Requeued)
	m.wantIDs(t, "failed", got.Failed, want.Failed)
	m.wantIDs(t, "terminated", got.Terminated, want.Terminated)
}

// doStale tries something under an old lease. The comparison that follows sees whether it left anything.
func (m *machine) doStale(t *rapid.T) {
	if len(m.old) == 0 {
		return // there was one leader only
	}
	l := rapid.SampledFrom(m.old).Draw(t, "lease")
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(orchestratorMethods))).Draw(t, "method")
	m.want(t, name+" under an old lease", orchestratorMethods[name](m.outer, m.s, l, m.pick(t)), drydock.ErrLeaseLost)
}

func (m *machine) doMessages(t *rapid.T) {
	id := m.pick(t)
	var list []drydock.Message
	for range rapid.IntRange(1, 3).Draw(t, "messages") {
		list = append(list, m.message(t))
	}
	err := m.s.AddMessages(m.outer.Context(), id, list...)
	if m.byID[id] == nil {
		m.want(t, "messages of nothing", err, drydock.ErrNotFound)
		return
	}
	m.want(t, "messages", err, nil)
	m.said[id] = append(m.said[id], list...)
}

func (m *machine) doList(t *rapid.T) {
	q := drydock.TaskQuery{
		Action: rapid.SampledFrom([]drydock.Action{"", drydock.ActionNoop}).Draw(t, "action"), Roots: rapid.Bool().Draw(t, "roots"),
		Status: rapid.SliceOfNDistinct(rapid.SampledFrom(drydock.TaskStatuses), 0, 3, rapid.ID[drydock.TaskStatus]).Draw(t, "status"),
		Result: rapid.OneOf(rapid.Just(drydock.ResultStatus("")), someResult).Draw(t, "result"),
		Node:   rapid.SampledFrom([]string{"", "", "n1"}).Draw(t, "node"), Limit: rapid.IntRange(1, 7).Draw(t, "limit"),
	}
	if rapid.IntRange(0, 3).Draw(t, "with a parent") == 0 {
		q.Parent = m.pick(t)
	}
	var want []drydock.TaskID
	for _, task := range slices.Backward(m.tasks) {
		if matches(q, *task) {
			want = append(want, task.ID)
		}
	}
	if got := ids(pages(m.outer, m.s, q)); !slices.Equal(got, want) {
		t.Fatalf("list %+v:\n got %v\nwant %v", q, got, want)
	}
}

// doRead looks at one tree, at the heart beats and at the queue.
func (m *machine) doRead(t *rapid.T) {
	id := m.pick(t)
	tree, err := m.s.Subtree(m.outer.Context(), id, 0)
	if m.byID[id] == nil {
		m.want(t, "tree of nothing", err, drydock.ErrNotFound)
	} else {
		m.want(t, "tree", err, nil)
		var want []drydock.TaskID
		for _, task := range m.subtree(id) {
			want = append(want, task.ID)
		}
		m.wantIDs(t, "tree", ids(tree), want)
	}
	alive, err := m.s.HeartbeatTasks(m.outer.Context(), m.lease, []drydock.TaskID{id})
	m.want(t, "heart beat", err, nil)
	if status, ok := alive[id]; ok != m.mine(m.byID[id]) || ok && status != m.byID[id].Status {
		t.Fatalf("heart beat: %v", alive)
	}
	ending, err := m.s.TerminatingTasks(m.outer.Context(), m.lease)
	m.want(t, "terminating", err, nil)
	var want []drydock.TaskID
	for _, task := range m.tasks {
		if m.mine(task) && task.Status == drydock.StatusTerminating {
			want = append(want, task.ID)
		}
	}
	m.wantIDs(t, "terminating", ending, want)
	if got, err := m.s.Queue(m.outer.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint(m.queue()) {
		t.Fatalf("queue: %+v, want %+v, error %v", got, m.queue(), err)
	}
}

func (m *machine) doPurge(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
		return // not now
	}
	dry, err := m.s.Purge(m.outer.Context(), drydock.Retention{TasksOlderThan: 1000, DryRun: true})
	m.want(t, "dry run", err, nil)
	did, err := m.s.Purge(m.outer.Context(), drydock.Retention{TasksOlderThan: 1000})
	m.want(t, "purge", err, nil)
	if want := m.purge(); did != want || dry != want {
		t.Fatalf("dry run %+v, purged %+v, want %+v", dry, did, want)
	}
}
