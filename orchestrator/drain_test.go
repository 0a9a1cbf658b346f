package orchestrator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
	"drydock/orchestrator"
)

// TestTerminate: a request to end is honoured within a second, with a bell at once, and an action that ignores it is given up on.
func TestTerminate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		ids := f.create("work", 4)
		ended := make(chan time.Time, 4)
		free := make(chan struct{})
		stop := lead(t, f, one(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), orchestrator.ErrTerminated) {
				t.Errorf("cause %v", context.Cause(ctx))
			}
			ended <- time.Now()
			switch r.Task().ID {
			case ids[1]:
				<-free
			case ids[2]:
				return drydock.Result{Status: drydock.ResultSuccess}, nil
			}
			return drydock.Result{}, context.Cause(ctx)
		}), orchestrator.DispatcherOptions{Concurrency: 4})
		time.Sleep(1003 * time.Millisecond)
		for i, id := range ids {
			asked := time.Now()
			f.terminate(id, i == 0)
			limit := time.Second
			if i == 0 {
				limit = 100 * time.Millisecond
			}
			if d := (<-ended).Sub(asked); d > limit {
				t.Errorf("terminated after %v", d)
			}
		}
		synctest.Wait()
		if got := f.get(ids[0]); got.Status != drydock.StatusTerminated || got.Result.Status != drydock.ResultFailure || got.Result.ErrorCount != 0 {
			t.Errorf("heeded: %+v", got)
		}
		if got := f.get(ids[2]); got.Status != drydock.StatusTerminated || got.Result.Status != drydock.ResultSuccess {
			t.Errorf("was done all the same: %+v", got)
		}
		if got := f.get(ids[1]); got.Status != drydock.StatusTerminating {
			t.Errorf("ignores: %+v", got)
		}
		time.Sleep(11 * time.Second)
		if got := f.get(ids[1]); got.Status != drydock.StatusTerminated || !strings.Contains(f.texts(ids[1])[0], "abandoned") {
			t.Errorf("ignored: %+v %q", got, f.texts(ids[1]))
		}
		close(free)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestStuck: an abandoned action keeps its slot; when none is left the lead ends so that another process may lead, and does not begin again until
// an action has returned.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		ids := f.create("work", 2)
		free := make(chan struct{})
		d, err := orchestrator.NewDispatcher(f, one(func(_ context.Context, r *orchestrator.Run) (drydock.Result, error) {
			<-free
			return drydock.Result{}, nil
		}), orchestrator.DispatcherOptions{Concurrency: 2})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- d.Lead(t.Context(), drydock.Lease{Term: 1}) }()
		synctest.Wait()
		for _, id := range ids {
			f.terminate(id, true)
		}
		if err := <-done; !errors.Is(err, drydock.ErrUnavailable) || f.count(drydock.StatusTerminated) != 2 {
			t.Errorf("lead: %v, %d terminated", err, f.count(drydock.StatusTerminated))
		}
		f.term = 2
		if err := d.Lead(t.Context(), drydock.Lease{Term: 2}); !errors.Is(err, drydock.ErrUnavailable) {
			t.Errorf("leads without slots: %v", err)
		}
		close(free)
		synctest.Wait()
		f.create("work", 5)
		stop := leadWith(t, d, drydock.Lease{Term: 2})
		synctest.Wait()
		if n := f.count(drydock.StatusComplete); n != 5 {
			t.Errorf("%d complete", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestTaken: a task that the store no longer counts as ours is stopped and nothing is recorded of it.
func TestTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		ids := f.create("work", 2)
		f.alive = func(id drydock.TaskID) bool { return id != ids[0] }
		causes := make(chan error, 2)
		stop := lead(t, f, one(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			select {
			case <-ctx.Done():
				causes <- context.Cause(ctx)
			case <-time.After(time.Minute):
			}
			return ok(ctx, r)
		}), orchestrator.DispatcherOptions{})
		if cause := <-causes; !errors.Is(cause, orchestrator.ErrTaken) {
			t.Errorf("cause %v", cause)
		}
		time.Sleep(2 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if f.finished[ids[0]] != 0 || f.finished[ids[1]] != 1 {
			t.Errorf("finished: %v", f.finished)
		}
	})
}

// TestShutdown: actions may end by themselves first; then repeatable ones go back to the queue and others end as failures.
func TestShutdown(t *testing.T) {
	for name, c := range map[string]struct {
		repeatable, ignores bool
		takes               time.Duration
		status              drydock.TaskStatus
		text                string
		within              time.Duration
	}{
		"ends by itself":      {takes: 9 * time.Second, status: "complete", within: 9 * time.Second},
		"repeatable":          {repeatable: true, takes: time.Hour, status: "queued", text: "queued again", within: 10 * time.Second},
		"not repeatable":      {takes: time.Hour, status: "complete", text: "orchestrator was stopped", within: 10 * time.Second},
		"repeatable, deaf":    {repeatable: true, ignores: true, takes: time.Hour, status: "queued", text: "queued again", within: 15 * time.Second},
		"not repeatable deaf": {ignores: true, takes: time.Hour, status: "complete", text: "abandoned", within: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeTasks()
				ids := f.create("work", 3)
				run := func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
					heed := ctx.Done()
					if c.ignores {
						heed = nil
					}
					select {
					case <-heed:
						return drydock.Result{}, ctx.Err()
					case <-time.After(c.takes):
						return ok(ctx, r)
					}
				}
				actions := one(run)
				if c.repeatable {
					actions = repeatable(run)
				}
				stop := lead(t, f, actions, orchestrator.DispatcherOptions{Concurrency: 2})
				synctest.Wait()
				began := time.Now()
				if err := stop(); err != nil {
					t.Error(err)
				}
				if d := time.Since(began); d > c.within {
					t.Errorf("took %v", d)
				}
				for _, id := range ids[:2] {
					got := f.get(id)
					if texts := strings.Join(f.texts(id), "|"); got.Status != c.status || !strings.Contains(texts, c.text) {
						t.Errorf("%+v %s", got, texts)
					}
				}
				if got := f.get(ids[2]); got.Status != drydock.StatusQueued || got.Attempt != 0 {
					t.Errorf("claimed during the shutdown: %+v", got)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// TestShutdownOfParents: a repeatable parent does not wait for children that nobody runs any more; repeated, it finds the same children.
func TestShutdownOfParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		parent := f.create("work", 1)[0]
		actions := repeatable(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			if _, err := r.Subtasks(ctx, []drydock.NewTask{{Action: "child", Key: "a"}, {Action: "child", Key: "b"}}); err != nil {
				return drydock.Result{}, err
			}
			if _, err := r.Wait(ctx); err != nil {
				return drydock.Result{}, err
			}
			return r.Rollup(ctx, "")
		})
		actions["child"] = orchestrator.Handler{Repeatable: true, Run: func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			select {
			case <-ctx.Done():
				return drydock.Result{}, ctx.Err()
			case <-time.After(6 * time.Second):
				return ok(ctx, r)
			}
		}}
		stop := lead(t, f, actions, orchestrator.DispatcherOptions{Concurrency: 1})
		time.Sleep(time.Second)
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if got := f.get(parent); got.Status != drydock.StatusQueued {
			t.Errorf("parent %+v", got)
		}
		stop = lead(t, f, actions, orchestrator.DispatcherOptions{Concurrency: 1})
		time.Sleep(time.Minute)
		if got := f.get(parent); got.Result.Status != drydock.ResultSuccess || len(f.tasks) != 3 {
			t.Errorf("%d tasks, parent %+v", len(f.tasks), got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
