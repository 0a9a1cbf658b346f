package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
	"drydock/orchestrator"
	"drydock/store"
	"drydock/store/storetest"
)

var (
	_ orchestrator.Tasks  = (*store.Store)(nil)
	_ orchestrator.Leases = (*store.Store)(nil)
)

// family are a parent action that makes children, waits and rolls up, and its child. A child fails if its node filter says "bad".
func family(children int) map[drydock.Action]orchestrator.Handler {
	return map[drydock.Action]orchestrator.Handler{
		"parent": {Repeatable: true, Run: func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			var n []drydock.NewTask
			for i := range children {
				n = append(n, drydock.NewTask{Action: "child", Key: fmt.Sprint(i), NodeFilter: []byte(fmt.Sprintf(`"n%d"`, i))})
			}
			if _, err := r.Subtasks(ctx, n); err != nil {
				return drydock.Result{}, err
			}
			got, err := r.Wait(ctx)
			if err != nil {
				return drydock.Result{}, err
			}
			if len(got) != children {
				return drydock.Result{}, fmt.Errorf("%d children", len(got))
			}
			return r.Rollup(ctx, "child")
		}},
		"child": {Repeatable: true, Run: func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			node := strings.Trim(string(r.Task().NodeFilter), `"`)
			if err := r.BuildData(ctx, drydock.BuildData{Node: node, Generator: "test", Format: "text/plain", Data: "x"}); err != nil {
				return drydock.Result{}, err
			}
			return drydock.Result{Successes: []string{node}}, r.Infof(ctx, "node %s done", node)
		}},
		"once": {Run: ok},
	}
}

// TestOnStore: more parents than slots, their children and single tasks all end, on either database.
func TestOnStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		// Without polls: the store's bells must do.
		leadStore(t, s, family(5), orchestrator.DispatcherOptions{Concurrency: 3, PerAction: map[drydock.Action]int{"once": 1}, Poll: time.Hour})
		var parents, singles []drydock.TaskID
		for i := range 8 {
			parents = append(parents, create(t, s, drydock.NewTask{Action: "parent", CreatedBy: "ann", Key: fmt.Sprint(i)}))
			singles = append(singles, create(t, s, drydock.NewTask{Action: "once"}))
		}
		for _, id := range singles {
			if task, _ := ended(t, s, id); task.Result.Status != drydock.ResultSuccess {
				t.Errorf("%+v", task)
			}
		}
		for _, id := range parents {
			task, messages := ended(t, s, id)
			if task.Result.Status != drydock.ResultSuccess || !slices.Equal(task.Result.Successes, []string{"n0", "n1", "n2", "n3", "n4"}) {
				t.Errorf("%+v %+v", task, messages)
			}
			tree, err := s.Subtree(t.Context(), id, 0)
			if err != nil || len(tree) != 6 {
				t.Fatalf("%d tasks in the tree, %v", len(tree), err)
			}
			for _, c := range tree[1:] {
				if c.Attempt != 1 || c.CreatedBy != "ann" || c.Result.Status != drydock.ResultSuccess {
					t.Errorf("child %+v", c)
				}
			}
		}
	})
}

// TestTakeOver: a second orchestrator takes over within a second of the end of the first, also from another process, where no bell rings.
func TestTakeOver(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		a, b := storetest.OpenURL(t, url), storetest.OpenURL(t, url)
		var leading, most atomic.Int32
		actions := repeatable(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			most.Store(max(most.Load(), leading.Add(1)))
			defer leading.Add(-1)
			<-ctx.Done()
			return drydock.Result{}, ctx.Err()
		})
		id := create(t, a, drydock.NewTask{Action: "work"})
		stopA := leadStoreAs(t, a, holderA, actions, orchestrator.DispatcherOptions{Drain: 50 * time.Millisecond})
		storetest.Eventually(t, "the first runs it", func() bool { return leading.Load() == 1 })
		stopB := leadStoreAs(t, b, holderB, actions, orchestrator.DispatcherOptions{Drain: 50 * time.Millisecond})
		if err := stopA(); err != nil {
			t.Error(err)
		}
		stopped := time.Now()
		storetest.Eventually(t, "the second runs it", func() bool { return leading.Load() == 1 })
		if d := time.Since(stopped); d > 2*time.Second {
			t.Errorf("taken over after %v", d)
		}
		if task := get(t, b, id); task.Attempt != 2 || task.Term != 2 || most.Load() != 1 {
			t.Errorf("%+v, %d at once", task, most.Load())
		}
		if err := stopB(); err != nil {
			t.Error(err)
		}
		history, err := a.LeaseHistory(t.Context(), 0)
		if err != nil || len(history) != 2 || history[1].Reason != "released: shutdown" || history[1].Holder != holderA {
			t.Errorf("history %+v, %v", history, err)
		}
	})
}

// TestReleaseRings: who waits for the lease hears of its release; it need not look.
func TestReleaseRings(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		held := storetest.Lead(t, s)
		l, err := orchestrator.NewLeader(s, orchestrator.LeaderOptions{Holder: holderA, Name: "waits", Watch: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		leads, done := make(chan struct{}), make(chan error, 1)
		go func() {
			done <- l.Run(ctx, func(ctx context.Context, _ drydock.Lease) error { close(leads); <-ctx.Done(); return nil })
		}()
		if err := s.ReleaseLease(t.Context(), held, "test"); err != nil {
			t.Fatal(err)
		}
		<-leads
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestDeposed: when another takes the lease in the middle of an action, the action is told and nothing that it answers is recorded.
func TestDeposed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		started, cause := make(chan struct{}), make(chan error, 1)
		d, err := orchestrator.NewDispatcher(s, one(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			close(started)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return drydock.Result{Status: drydock.ResultSuccess}, nil
		}), orchestrator.DispatcherOptions{Heartbeat: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		id := create(t, s, drydock.NewTask{Action: "work"})
		old := storetest.Lead(t, s)
		done := make(chan error, 1)
		go func() { done <- d.Lead(t.Context(), old) }()
		<-started
		storetest.Depose(t, s, old)
		if err := <-cause; !errors.Is(err, drydock.ErrLeaseLost) {
			t.Errorf("cause %v", err)
		}
		if err := <-done; !errors.Is(err, drydock.ErrLeaseLost) {
			t.Errorf("lead: %v", err)
		}
		if task := get(t, s, id); task.Status != drydock.StatusRunning || task.Result.Status != drydock.ResultIncomplete {
			t.Errorf("recorded: %+v", task)
		}
	})
}

// TestAdopt: a new leader settles what a dead one left: repeatable tasks run again, others fail and say why.
func TestAdopt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		repeat, once := create(t, s, drydock.NewTask{Action: "child", NodeFilter: []byte(`"n1"`)}), create(t, s, drydock.NewTask{Action: "once"})
		old, err := s.AcquireLease(t.Context(), holderB, "dead", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if claimed, err := s.ClaimTasks(t.Context(), old, []drydock.Action{"child", "once"}, 10); err != nil || len(claimed) != 2 {
			t.Fatal(claimed, err)
		}
		leadStore(t, s, family(1), orchestrator.DispatcherOptions{})
		if task, _ := ended(t, s, repeat); task.Result.Status != drydock.ResultSuccess || task.Attempt != 2 {
			t.Errorf("repeatable: %+v", task)
		}
		task, messages := ended(t, s, once)
		if task.Result.Status != drydock.ResultFailure || len(messages) != 1 || !strings.Contains(messages[0].Text, "dead") {
			t.Errorf("not repeatable: %+v %+v", task, messages)
		}
	})
}

// TestTerminateTree: the end of a parent in Wait and of its children is honoured within a second.
func TestTerminateTree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		actions := family(4)
		started := make(chan struct{}, 4)
		actions["child"] = orchestrator.Handler{Run: func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			started <- struct{}{}
			<-ctx.Done()
			return drydock.Result{}, ctx.Err()
		}}
		leadStore(t, s, actions, orchestrator.DispatcherOptions{Concurrency: 2})
		id := create(t, s, drydock.NewTask{Action: "parent"})
		<-started
		<-started
		asked := time.Now()
		if _, err := s.TerminateTask(t.Context(), id, "ann"); err != nil {
			t.Fatal(err)
		}
		ended(t, s, id)
		storetest.Eventually(t, "all have ended", func() bool {
			tree, err := s.Subtree(t.Context(), id, 0)
			if err != nil {
				t.Fatal(err)
			}
			return len(tree) == 5 && !slices.ContainsFunc(tree, func(x drydock.Task) bool {
				return x.Status != drydock.StatusTerminated || x.Result.Status != drydock.ResultFailure
			})
		})
		if d := time.Since(asked); d > 2*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// TestDatabaseOutage: tasks that are claimed, run and finished while the database goes away and comes back all end, each recorded once.
func TestDatabaseOutage(t *testing.T) {
	server := storetest.Server(t)
	s := storetest.OpenURL(t, server.URL())
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	leadStore(t, s, family(3), orchestrator.DispatcherOptions{Concurrency: 4})
	var parents []drydock.TaskID
	for range 60 {
		parents = append(parents, create(t, s, drydock.NewTask{Action: "parent"}))
	}
	ended(t, s, parents[3])
	for range 2 {
		server.Stop(t, true)
		server.Start(t)
	}
	for _, id := range parents {
		storetest.Eventually(t, "the end of a task", func() bool {
			task, err := s.Task(t.Context(), id)
			return err == nil && task.Status.Terminal()
		})
		tree, err := s.Subtree(t.Context(), id, 0)
		if err != nil || len(tree) != 4 || tree[0].Result.Status != drydock.ResultSuccess {
			messages, _ := s.Messages(t.Context(), id, 0, 0)
			t.Errorf("%d tasks, %v: %+v %+v", len(tree), err, tree[0], messages)
		}
	}
}

// BenchmarkNoop is the rate at which tasks that do nothing are claimed, run and recorded.
func BenchmarkNoop(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.Open, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			for left := b.N; left > 0; left -= 1000 {
				n := drydock.NewTask{Action: "none", Subtasks: slices.Repeat([]drydock.NewTask{{Action: drydock.ActionNoop}}, min(left, 1000))}
				if _, _, err := s.CreateTask(b.Context(), n); err != nil {
					b.Fatal(err)
				}
			}
			var done atomic.Int64
			ended := make(chan struct{})
			actions := orchestrator.Actions(nil)
			noop := actions[drydock.ActionNoop]
			actions[drydock.ActionNoop] = orchestrator.Handler{Repeatable: true, Run: func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
				if done.Add(1) == int64(b.N) {
					defer close(ended)
				}
				return noop.Run(ctx, r)
			}}
			d, err := orchestrator.NewDispatcher(s, actions, orchestrator.DispatcherOptions{Concurrency: 512})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			stopped := make(chan error, 1)
			lease := storetest.Lead(b, s)
			b.ResetTimer()
			go func() { stopped <- d.Lead(ctx, lease) }()
			<-ended
			cancel()
			if err := <-stopped; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}
