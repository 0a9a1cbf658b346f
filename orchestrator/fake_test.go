package orchestrator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"drydock"
	"drydock/orchestrator"
)

// fakeTasks keeps tasks in memory so that time can be faked and faults injected; whatever does not need that runs on the real store. Several
// methods are the shortest that can be right for small numbers.
type fakeTasks struct {
	fault func(method string) (before, after error) // of a call: before says it did nothing, after that it did all the same

	mu       sync.Mutex
	term     int64
	tasks    []*drydock.Task
	keys     map[string]drydock.TaskID
	messages map[drydock.TaskID][]drydock.Message
	finished map[drydock.TaskID]int
	calls    map[string]int
	bells    map[string][]chan struct{}
	alive    func(drydock.TaskID) bool
}

func newFakeTasks() *fakeTasks {
	return &fakeTasks{
		term: 1, keys: map[string]drydock.TaskID{}, messages: map[drydock.TaskID][]drydock.Message{}, finished: map[drydock.TaskID]int{},
		calls: map[string]int{}, bells: map[string][]chan struct{}{},
	}
}

// do runs a method under the lock, with its faults.
func (f *fakeTasks) do(method string, l *drydock.Lease, work func()) error {
	var before, after error
	if f.fault != nil {
		before, after = f.fault(method)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
	if before != nil {
		return before
	}
	if l != nil && l.Term != f.term {
		return drydock.ErrLeaseLost
	}
	work()
	return after
}

func (f *fakeTasks) ring(topic string) {
	for _, b := range f.bells[topic] {
		select {
		case b <- struct{}{}:
		default:
		}
	}
}

func (f *fakeTasks) Listen(topic string) (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bell := make(chan struct{}, 1)
	f.bells[topic] = append(f.bells[topic], bell)
	return bell, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.bells[topic] = slices.DeleteFunc(f.bells[topic], func(b chan struct{}) bool { return b == bell })
	}
}

func (f *fakeTasks) find(id drydock.TaskID) *drydock.Task {
	for _, t := range f.tasks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

func (f *fakeTasks) insert(parent drydock.TaskID, n drydock.NewTask) *drydock.Task {
	if id, ok := f.keys[n.Key]; ok && n.Key != "" {
		return f.find(id)
	}
	t := &drydock.Task{
		ID: drydock.TaskID(fmt.Sprintf("%08d-0000-4000-8000-000000000000", len(f.tasks)+1)), Parent: parent, Action: n.Action,
		DesignRef: n.DesignRef, CreatedBy: n.CreatedBy, Key: n.Key, Retry: n.Retry, Status: drydock.StatusQueued, Created: time.Now(),
	}
	f.tasks = append(f.tasks, t)
	f.keys[n.Key] = t.ID
	f.ring("queue")
	return t
}

// create queues n tasks of an action.
func (f *fakeTasks) create(a drydock.Action, n int) []drydock.TaskID {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []drydock.TaskID
	for range n {
		ids = append(ids, f.insert("", drydock.NewTask{Action: a, DesignRef: "file:///design.yaml", CreatedBy: "ann"}).ID)
	}
	return ids
}

func (f *fakeTasks) get(id drydock.TaskID) drydock.Task {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.find(id)
}

func (f *fakeTasks) texts(id drydock.TaskID) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, m := range f.messages[id] {
		all = append(all, m.Text)
	}
	return all
}

// count counts the tasks in a state, and the calls of a method.
func (f *fakeTasks) count(s drydock.TaskStatus) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tasks {
		if t.Status == s {
			n++
		}
	}
	return n
}

func (f *fakeTasks) called(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

func (f *fakeTasks) AdoptTasks(_ context.Context, l drydock.Lease, repeatable []drydock.Action) (a drydock.Adoption, err error) {
	return a, f.do("adopt", &l, func() {
		for _, t := range f.tasks {
			if t.Status == drydock.StatusRunning && t.Term < l.Term && slices.Contains(repeatable, t.Action) {
				t.Status = drydock.StatusQueued
				a.Requeued = append(a.Requeued, t.ID)
			}
		}
	})
}

func (f *fakeTasks) ClaimTasks(_ context.Context, l drydock.Lease, actions []drydock.Action, n int) (got []drydock.Task, err error) {
	err = f.do("claim", &l, func() {
		for _, t := range f.tasks {
			if t.Status == drydock.StatusQueued && slices.Contains(actions, t.Action) && len(got) < n {
				t.Status, t.Term, t.Attempt = drydock.StatusRunning, l.Term, t.Attempt+1
				got = append(got, *t)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (f *fakeTasks) FinishTasks(_ context.Context, l drydock.Lease, fs []drydock.TaskFinish) (done []drydock.TaskID, err error) {
	refused := slices.ContainsFunc(fs, func(x drydock.TaskFinish) bool { return slices.Contains(x.Result.Successes, "refuse me") })
	err = f.do("finish", &l, func() {
		for _, x := range fs {
			t := f.find(x.ID)
			if refused || t.Term != l.Term || t.Status != drydock.StatusRunning && t.Status != drydock.StatusTerminating {
				continue
			}
			next := drydock.StatusComplete
			if t.Status == drydock.StatusTerminating {
				next = drydock.StatusTerminated
			}
			t.Status, t.Result = next, x.Result
			f.messages[x.ID] = append(f.messages[x.ID], x.Messages...)
			f.finished[x.ID]++
			done = append(done, x.ID)
			f.ring(string(t.Parent))
		}
	})
	if err == nil && refused {
		err = fmt.Errorf("%w: a node name", drydock.ErrInvalid)
	}
	return done, err
}

func (f *fakeTasks) RequeueTasks(_ context.Context, l drydock.Lease, ids []drydock.TaskID, why string) (done []drydock.TaskID, err error) {
	return done, f.do("requeue", &l, func() {
		for _, id := range ids {
			if t := f.find(id); t.Term == l.Term && t.Status == drydock.StatusRunning {
				t.Status = drydock.StatusQueued
				f.messages[id] = append(f.messages[id], drydock.Message{Text: why})
				done = append(done, id)
				f.ring("queue")
			}
		}
	})
}

func (f *fakeTasks) HeartbeatTasks(_ context.Context, l drydock.Lease, ids []drydock.TaskID) (map[drydock.TaskID]drydock.TaskStatus, error) {
	alive := map[drydock.TaskID]drydock.TaskStatus{}
	return alive, f.do("heartbeat", &l, func() {
		for _, id := range ids {
			if t := f.find(id); t.Term == l.Term && !t.Status.Terminal() && t.Status != drydock.StatusQueued && (f.alive == nil || f.alive(id)) {
				alive[id] = t.Status
			}
		}
	})
}

func (f *fakeTasks) TerminatingTasks(_ context.Context, l drydock.Lease) (ids []drydock.TaskID, err error) {
	return ids, f.do("terminating", &l, func() {
		for _, t := range f.tasks {
			if t.Status == drydock.StatusTerminating && t.Term == l.Term {
				ids = append(ids, t.ID)
			}
		}
	})
}

// terminate asks for the end of a running task.
func (f *fakeTasks) terminate(id drydock.TaskID, bell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.find(id).Status = drydock.StatusTerminating
	if bell {
		f.ring("queue")
	}
}

func (f *fakeTasks) CreateSubtasks(_ context.Context, l drydock.Lease, parent drydock.TaskID, n []drydock.NewTask) (made []drydock.Task, err error) {
	err = f.do("subtasks", &l, func() {
		for _, c := range n {
			made = append(made, *f.insert(parent, c))
		}
	})
	return made, err
}

func (f *fakeTasks) RollupTask(_ context.Context, l drydock.Lease, id drydock.TaskID, filter drydock.Action) (t drydock.Task, err error) {
	err = f.do("rollup", &l, func() {
		p := f.find(id)
		p.Result = drydock.Rollup(p.Result, p.Retry, f.children(id), filter)
		t = *p
	})
	return t, err
}

func (f *fakeTasks) children(id drydock.TaskID) (all []drydock.Task) {
	for _, t := range f.tasks {
		if t.Parent == id {
			all = append(all, *t)
		}
	}
	return all
}

func (f *fakeTasks) Tasks(_ context.Context, q drydock.TaskQuery) (p drydock.TaskPage, err error) {
	err = f.do("tasks", nil, func() {
		for _, t := range f.tasks {
			if (q.Parent == "" || t.Parent == q.Parent) && slices.Contains(q.Status, t.Status) && len(p.Tasks) < q.Limit {
				p.Tasks = append(p.Tasks, *t)
			}
		}
	})
	return p, err
}

func (f *fakeTasks) Subtree(_ context.Context, id drydock.TaskID, _ int) (all []drydock.Task, err error) {
	err = f.do("subtree", nil, func() { all = append([]drydock.Task{*f.find(id)}, f.children(id)...) })
	return all, err
}

func (f *fakeTasks) AddMessages(_ context.Context, id drydock.TaskID, m ...drydock.Message) error {
	return f.do("messages", nil, func() { f.messages[id] = append(f.messages[id], m...) })
}

func (f *fakeTasks) AddBuildData(context.Context, ...drydock.BuildData) error {
	return f.do("builddata", nil, func() {})
}

// lead starts a dispatcher with one action on tasks; stop ends it as a shutdown does and returns what Lead did.
func lead(t *testing.T, f orchestrator.Tasks, actions map[drydock.Action]orchestrator.Handler, o orchestrator.DispatcherOptions) (stop func() error) {
	t.Helper()
	d, err := orchestrator.NewDispatcher(f, actions, o)
	if err != nil {
		t.Fatal(err)
	}
	return leadWith(t, d, drydock.Lease{Holder: holderA, Term: 1})
}

func leadWith(t *testing.T, d *orchestrator.Dispatcher, l drydock.Lease) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Lead(ctx, l) }()
	return func() error { cancel(orchestrator.ErrShutdown); return <-done }
}

func one(run orchestrator.ActionFunc) map[drydock.Action]orchestrator.Handler {
	return map[drydock.Action]orchestrator.Handler{"work": {Run: run}}
}

func repeatable(run orchestrator.ActionFunc) map[drydock.Action]orchestrator.Handler {
	return map[drydock.Action]orchestrator.Handler{"work": {Run: run, Repeatable: true}}
}
