package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"drydock"
	"drydock/orchestrator"
	"drydock/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Main(m)
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines are left:", err)
		os.Exit(1)
	}
}

func ok(context.Context, *orchestrator.Run) (drydock.Result, error) {
	return drydock.Result{Status: drydock.ResultSuccess}, nil
}

func TestDispatcherOptions(t *testing.T) {
	for name, c := range map[string]struct {
		actions map[drydock.Action]orchestrator.Handler
		o       orchestrator.DispatcherOptions
	}{
		"no actions":     {},
		"no function":    {actions: one(nil)},
		"negative":       {actions: one(ok), o: orchestrator.DispatcherOptions{Concurrency: -1}},
		"negative limit": {actions: map[drydock.Action]orchestrator.Handler{"work": {Run: ok, Limit: -1}}},
		"unknown limit":  {actions: one(ok), o: orchestrator.DispatcherOptions{PerAction: map[drydock.Action]int{"wrok": 1}}},
	} {
		if _, err := orchestrator.NewDispatcher(newFakeTasks(), c.actions, c.o); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

// outcomes are what an action may do, and what becomes of its task.
var outcomes = map[string]struct {
	run    orchestrator.ActionFunc
	status drydock.ResultStatus
	text   string // of the last message
	count  int    // of errors
}{
	"success": {run: ok, status: "success"},
	"nothing said": {
		run:    func(context.Context, *orchestrator.Run) (drydock.Result, error) { return drydock.Result{}, nil },
		status: "success",
	},
	"nothing said after an error message": {run: func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
		return drydock.Result{Status: "incomplete"}, r.Errorf(ctx, "bad %d", 7)
	}, status: "failure", text: "bad 7", count: 1},
	"nothing said after a final error": {run: func(_ context.Context, r *orchestrator.Run) (drydock.Result, error) {
		r.Final(drydock.Message{Text: "bad", Error: true})
		return drydock.Result{}, nil
	}, status: "failure", text: "bad", count: 1},
	"some nodes failed": {run: func(context.Context, *orchestrator.Run) (drydock.Result, error) {
		return drydock.Result{Successes: []string{"n1"}, Failures: []string{"n2"}}, nil
	}, status: "partial_success"},
	"all nodes failed": {run: func(context.Context, *orchestrator.Run) (drydock.Result, error) {
		return drydock.Result{Failures: []string{"n2"}}, nil
	}, status: "failure"},
	"error": {run: func(context.Context, *orchestrator.Run) (drydock.Result, error) {
		return drydock.Result{Successes: []string{"n1"}}, errors.New("no power\x00")
	}, status: "failure", text: "no power\uFFFD", count: 1},
	"panic": {
		run:    func(context.Context, *orchestrator.Run) (drydock.Result, error) { panic("boom") },
		status: "failure", text: "panic: boom", count: 1,
	},
	"goexit": {
		run: func(context.Context, *orchestrator.Run) (drydock.Result, error) {
			runtime.Goexit()
			return drydock.Result{}, nil
		},
		status: "failure", text: "ended its goroutine (runtime.Goexit) instead of returning", count: 1,
	},
	"unreported": {run: func(context.Context, *orchestrator.Run) (drydock.Result, error) {
		return drydock.Result{Status: drydock.ResultUnreported}, nil
	}, status: "failure", text: `invalid: the action answered with result status "unreported"`, count: 1},
	"refused": {run: func(context.Context, *orchestrator.Run) (drydock.Result, error) {
		return drydock.Result{Status: "success", Successes: []string{"refuse me"}}, nil
	}, status: "failure", text: "The result of the action could not be recorded: finish tasks: invalid: a node name"},
}

// TestOutcomes: whatever an action does, its task ends with a terminal result.
func TestOutcomes(t *testing.T) {
	for name, c := range outcomes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeTasks()
				id, beside := f.create("work", 1)[0], f.create("other", 20)
				stop := lead(t, f, map[drydock.Action]orchestrator.Handler{"work": {Run: c.run}, "other": {Run: ok}},
					orchestrator.DispatcherOptions{Concurrency: 30})
				synctest.Wait()
				if err := stop(); err != nil {
					t.Error(err)
				}
				got := f.get(id)
				if got.Status != drydock.StatusComplete || got.Result.Status != c.status || got.Result.ErrorCount != c.count {
					t.Errorf("status %s, result %+v; want %s with %d errors", got.Status, got.Result, c.status, c.count)
				}
				if texts := f.texts(id); c.text != "" && (len(texts) == 0 || texts[len(texts)-1] != c.text) {
					t.Errorf("messages %q, want last %q", texts, c.text)
				}
				for _, id := range beside {
					if got := f.get(id); got.Result.Status != "success" {
						t.Errorf("a task beside it: %+v", got)
					}
				}
			})
		})
	}
}

// TestBatches: claims and finishes go to the store in batches, and each task ends once.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		f.create("work", 5000)
		stop := lead(t, f, one(ok), orchestrator.DispatcherOptions{Concurrency: 400})
		synctest.Wait()
		if n := f.count(drydock.StatusComplete); n != 5000 {
			t.Errorf("%d complete", n)
		}
		if c, n := f.called("claim"), f.called("finish"); c > 100 || n > 200 {
			t.Errorf("%d claims, %d finishes for 5000 tasks", c, n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		for id, n := range f.finished {
			if n != 1 {
				t.Errorf("%s finished %d times", id, n)
			}
		}
	})
}

// TestLimits: neither the total nor the limit of an action is ever exceeded, and both are used.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		f.create("work", 60)
		f.create("rare", 60)
		var mu sync.Mutex
		now, most := map[drydock.Action]int{}, map[drydock.Action]int{}
		count := func(a drydock.Action, n int) {
			mu.Lock()
			defer mu.Unlock()
			now[a] += n
			now[""] += n
			most[a], most[""] = max(most[a], now[a]), max(most[""], now[""])
		}
		run := func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			a := r.Task().Action
			count(a, 1)
			defer count(a, -1)
			time.Sleep(time.Duration(1+len(r.Task().ID[:8])%3) * time.Second)
			return ok(ctx, r)
		}
		stop := lead(t, f, map[drydock.Action]orchestrator.Handler{"work": {Run: run}, "rare": {Run: run, Limit: 50}},
			orchestrator.DispatcherOptions{Concurrency: 7, PerAction: map[drydock.Action]int{"rare": 2}})
		time.Sleep(10 * time.Minute)
		if n := f.count(drydock.StatusComplete); n != 120 {
			t.Errorf("%d complete", n)
		}
		if most[""] != 7 || most["rare"] != 2 {
			t.Errorf("at work at once: %v", most)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestParents: parents that fill all slots let their children run, give and take their slots, and end with what became of those.
func TestParents(t *testing.T) {
	for _, rare := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeTasks()
			parents := f.create("parent", 20)
			var working, most atomic.Int32
			actions := map[drydock.Action]orchestrator.Handler{
				"parent": {Run: func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
					if r.Task().Parent != "" {
						time.Sleep(time.Second)
						return drydock.Result{Successes: []string{string(r.Task().ID)}}, nil
					}
					if _, err := r.Subtasks(ctx, []drydock.NewTask{{Action: "parent"}, {Action: "child"}, {Action: "child"}}); err != nil {
						return drydock.Result{}, err
					}
					children, err := r.Wait(ctx)
					if err != nil || len(children) != 3 {
						return drydock.Result{}, fmt.Errorf("%d children: %w", len(children), err)
					}
					most.Store(max(most.Load(), working.Add(1)))
					defer working.Add(-1)
					time.Sleep(time.Second)
					return r.Rollup(ctx, "")
				}, Limit: rare},
				"child": {Run: func(context.Context, *orchestrator.Run) (drydock.Result, error) {
					time.Sleep(time.Second)
					return drydock.Result{Failures: []string{"n1"}}, nil
				}},
			}
			stop := lead(t, f, actions, orchestrator.DispatcherOptions{Concurrency: 2})
			time.Sleep(10 * time.Minute)
			for _, id := range parents {
				got := f.get(id)
				if got.Status != drydock.StatusComplete || got.Result.Status != drydock.ResultPartial || len(got.Result.Successes) != 1 {
					t.Fatalf("parent %+v %q", got, f.texts(id))
				}
			}
			child := f.get(f.children(parents[0])[2].ID)
			if child.Key != string(parents[0])+"/child-1" || child.DesignRef != "file:///design.yaml" || child.CreatedBy != "ann" {
				t.Errorf("child %+v", child)
			}
			if n := f.count(drydock.StatusComplete); n != 80 || most.Load() > 2 || rare > 0 && most.Load() > 1 {
				t.Errorf("%d complete, %d parents at work at once", n, most.Load())
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWakeUp: a bell wakes at once; without one the poll does. While nothing runs the store is left in peace.
func TestWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		stop := lead(t, f, one(ok), orchestrator.DispatcherOptions{})
		time.Sleep(time.Hour)
		if n := f.called("claim"); n > 1000 || f.called("terminating")+f.called("heartbeat") > 0 {
			t.Errorf("%d claims, %d looks in an idle hour", n, f.called("terminating"))
		}
		id := f.create("work", 1)[0]
		synctest.Wait()
		if got := f.get(id); got.Status != drydock.StatusComplete {
			t.Errorf("not woken: %+v", got)
		}
		f.mu.Lock()
		saved := f.bells
		f.bells = map[string][]chan struct{}{}
		f.mu.Unlock()
		id = f.create("work", 1)[0]
		time.Sleep(5 * time.Second)
		if got := f.get(id); got.Status != drydock.StatusComplete {
			t.Errorf("not polled: %+v", got)
		}
		f.bells = saved
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSubtaskRules: what Subtasks refuses, and what it asks for on a retry.
func TestSubtaskRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		id := f.create("work", 1)[0]
		f.tasks[0].Retry = 2
		stop := lead(t, f, one(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			if r.Task().Parent != "" {
				return ok(ctx, r)
			}
			if _, err := r.Subtasks(ctx, []drydock.NewTask{{Action: "wrok"}}); !errors.Is(err, drydock.ErrInvalid) {
				t.Errorf("unknown action: %v", err)
			}
			made, err := r.Subtasks(ctx, []drydock.NewTask{{Action: "work"}, {Action: "work", Key: "mine"}, {Action: "work"}})
			if err != nil {
				return drydock.Result{}, err
			}
			var keys []string
			for _, c := range made {
				keys = append(keys, strings.TrimPrefix(c.Key, string(id)))
			}
			if want := []string{"/retry-2/work-0", "/retry-2/mine", "/retry-2/work-1"}; !slices.Equal(keys, want) || made[0].Retry != 2 {
				t.Errorf("keys %q, retry %d", keys, made[0].Retry)
			}
			if _, err := r.Subtasks(ctx, nil); err != nil {
				t.Error(err)
			}
			_, err = r.Wait(ctx)
			return drydock.Result{}, err
		}), orchestrator.DispatcherOptions{})
		synctest.Wait()
		time.Sleep(time.Second)
		if got := f.get(id); got.Result.Status != drydock.ResultSuccess {
			t.Errorf("%+v %q", got, f.texts(id))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
