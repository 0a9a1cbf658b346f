package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drydock"
	"drydock/orchestrator"
)

// TestFaults: a store that now and then does not answer, before or after it did what was asked, loses no task and runs none twice at once.
func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		var calls atomic.Int64
		f.fault = func(string) (error, error) {
			switch n := calls.Add(1); {
			case n%7 == 3:
				return fmt.Errorf("call %d: %w", n, drydock.ErrUnavailable), nil
			case n%7 == 5:
				return nil, fmt.Errorf("call %d: %w", n, drydock.ErrUnknown)
			}
			return nil, nil
		}
		var mu sync.Mutex
		at := map[drydock.TaskID]int{}
		f.create("work", 300)
		stop := lead(t, f, repeatable(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			mu.Lock()
			at[r.Task().ID]++
			if at[r.Task().ID] > 1 {
				t.Errorf("%s runs %d times at once", r.Task().ID, at[r.Task().ID])
			}
			mu.Unlock()
			defer func() { mu.Lock(); at[r.Task().ID]--; mu.Unlock() }()
			time.Sleep(100 * time.Millisecond)
			return ok(ctx, r)
		}), orchestrator.DispatcherOptions{Concurrency: 10})
		time.Sleep(time.Hour)
		if n := f.count(drydock.StatusComplete); n != 300 {
			t.Errorf("%d complete, %d running", n, f.count(drydock.StatusRunning))
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

// TestLeaseLost: when a write says that the lease is lost, actions are told, Lead says why, and nothing is recorded.
func TestLeaseLost(t *testing.T) {
	for _, method := range []string{"adopt", "claim", "finish", "heartbeat", "terminating", "requeue"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeTasks()
				lost := atomic.Bool{}
				f.fault = func(m string) (error, error) {
					if m == method && (lost.Load() || m == "adopt") {
						return drydock.ErrLeaseLost, nil
					}
					return nil, nil
				}
				f.create("work", 3)
				d, err := orchestrator.NewDispatcher(f, repeatable(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
					select {
					case <-ctx.Done():
						if cause := context.Cause(ctx); !errors.Is(cause, drydock.ErrLeaseLost) && method != "requeue" {
							t.Errorf("cause %v", cause)
						}
						return drydock.Result{}, ctx.Err()
					case <-time.After(30 * time.Second):
						return ok(ctx, r)
					}
				}), orchestrator.DispatcherOptions{Concurrency: 4})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- d.Lead(ctx, drydock.Lease{Term: 1}) }()
				time.Sleep(time.Second)
				lost.Store(true)
				if method == "claim" {
					f.mu.Lock()
					f.ring("queue")
					f.mu.Unlock()
				}
				if method == "requeue" {
					cancel()
				}
				if err := <-done; !errors.Is(err, drydock.ErrLeaseLost) {
					t.Errorf("Lead: %v", err)
				}
				if n := f.count(drydock.StatusComplete); n != 0 {
					t.Errorf("%d recorded", n)
				}
			})
		})
	}
}

// TestTermAfterTerm: one dispatcher leads again and again; each new term adopts what the one before left, and no slot is lost.
func TestTermAfterTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		f.create("work", 200)
		d, err := orchestrator.NewDispatcher(f, repeatable(func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
			select {
			case <-ctx.Done():
				return drydock.Result{}, ctx.Err()
			case <-time.After(time.Duration(r.Task().Attempt) * time.Second):
				return ok(ctx, r)
			}
		}), orchestrator.DispatcherOptions{Concurrency: 10})
		if err != nil {
			t.Fatal(err)
		}
		for term := int64(1); term <= 30; term++ {
			done := make(chan error, 1)
			go func() { done <- d.Lead(t.Context(), drydock.Lease{Term: term}) }()
			time.Sleep(2500 * time.Millisecond)
			f.mu.Lock()
			f.term++
			f.mu.Unlock()
			if err := <-done; !errors.Is(err, drydock.ErrLeaseLost) {
				t.Fatalf("term %d: %v", term, err)
			}
		}
		if n := f.count(drydock.StatusComplete); n != 200 {
			t.Errorf("%d complete", n)
		}
	})
}

// TestFinishIsNotRepeatedOnNextAttempt: while the store does not say whether a task has ended, somebody retries the task; the end of the first
// attempt does not become the end of the second.
func TestFinishIsNotRepeatedOnNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTasks()
		id := f.create("work", 1)[0]
		var finishes atomic.Int32
		f.fault = func(method string) (error, error) {
			switch n := finishes.Load(); {
			case method != "finish":
			case n == 0:
				finishes.Add(1)
				return nil, drydock.ErrUnknown
			case n < 6:
				finishes.Add(1)
				return drydock.ErrUnavailable, nil
			}
			return nil, nil
		}
		stop := lead(t, f, one(func(_ context.Context, r *orchestrator.Run) (drydock.Result, error) {
			if r.Task().Attempt == 2 {
				time.Sleep(time.Minute)
			}
			return drydock.Result{Status: drydock.ResultSuccess, Message: fmt.Sprint(r.Task().Attempt)}, nil
		}), orchestrator.DispatcherOptions{Concurrency: 2})
		synctest.Wait()
		f.mu.Lock()
		f.tasks[0].Status = drydock.StatusQueued
		f.ring("queue")
		f.mu.Unlock()
		time.Sleep(30 * time.Second)
		if got := f.get(id); got.Status != drydock.StatusRunning || got.Attempt != 2 || finishes.Load() != 6 {
			t.Errorf("during the second attempt: %+v after %d finishes", got, finishes.Load())
		}
		time.Sleep(time.Minute)
		if got := f.get(id); got.Status != drydock.StatusComplete || got.Result.Message != "2" {
			t.Errorf("%+v", got)
		}
		f.create("work", 2)
		synctest.Wait()
		if n := f.count(drydock.StatusComplete); n != 3 {
			t.Errorf("%d complete: a slot was lost", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
