package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"drydock"
	"drydock/orchestrator"
	"drydock/store"
)

const (
	concurrency = 1024
	mostRun     = 40_000 // tasks a second that a slice is provided with; when it has run them all it ends earlier
)

const (
	sqlBareClaim = `UPDATE tasks SET status = 'running', term = $1, attempt = attempt + 1, version = version + 1, updated = {clock}, heartbeat = {clock}
		WHERE task_id = (SELECT task_id FROM tasks WHERE status = 'queued' AND action = $2 ORDER BY created, task_id LIMIT 1 {skip locked})
		RETURNING task_id`
	sqlBareFinish = `UPDATE tasks SET status = 'complete', result_status = 'success', result_message = $3, result_error_count = 0,
			version = version + 1, updated = {clock}
		WHERE task_id = $1 AND status = 'running' AND term = $2`
	sqlWaiting = `SELECT count(*) FROM tasks WHERE status = 'queued' AND action = $1`
)

// prepareDispatch: our side is one dispatcher, whatever the number of clients; the bare side is that many clients who claim and finish one task
// after the other. The bare side writes no message, ours does.
func prepareDispatch(ctx context.Context, l *lab) (ours, bare side, err error) {
	claim, err := l.stmt(ctx, l.write, sqlBareClaim)
	if err != nil {
		return ours, bare, err
	}
	finish, err := l.stmt(ctx, l.write, sqlBareFinish)
	if err != nil {
		return ours, bare, err
	}
	bare = calling(func(ctx context.Context, _ *client) error {
		var id []byte
		err := claim.QueryRowContext(ctx, l.lease.Term, string(drydock.ActionNoop)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return errDry
		}
		if err != nil {
			return err
		}
		_, err = finish.ExecContext(ctx, id, l.lease.Term, "Noop action.")
		return err
	})
	refill := func(ctx context.Context, n int, d time.Duration) error {
		var waiting int
		if err := l.write.QueryRowContext(ctx, l.text(sqlWaiting), string(drydock.ActionNoop)).Scan(&waiting); err != nil {
			return fmt.Errorf("count the queue: %w", err)
		}
		missing := n + int(mostRun*d.Seconds()) - waiting
		if missing <= 0 {
			return nil
		}
		return l.seed(ctx, missing, drydock.ActionNoop, drydock.StatusQueued, time.Now(), time.Microsecond, nil)
	}
	ours = side{slice: l.dispatch}
	ours.refill, bare.refill = refill, refill
	return ours, bare, refill(ctx, 1, slice) // now, so that the statistics know that there is a queue
}

// dispatch lets a dispatcher work for d. It is over when everything that was claimed is finished.
func (l *lab) dispatch(ctx context.Context, clients []*client, d time.Duration) (int, time.Duration, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &watched{Store: l.store, length: d, latencies: &clients[0].latencies, running: map[drydock.TaskID]time.Time{}, over: stop}
	noop := map[drydock.Action]orchestrator.Handler{drydock.ActionNoop: orchestrator.Actions(nil)[drydock.ActionNoop]}
	dispatcher, err := orchestrator.NewDispatcher(w, noop, orchestrator.DispatcherOptions{Concurrency: concurrency})
	if err != nil {
		return 0, 0, err
	}
	if err := dispatcher.Lead(ctx, l.lease); err != nil {
		return 0, 0, err
	}
	return w.done, w.took, nil
}

// watched sees what a dispatcher claims and finishes. After length, or when the queue runs dry, nothing more is there to be claimed.
type watched struct {
	*store.Store
	length    time.Duration
	latencies *histogram
	over      func()

	mu      sync.Mutex
	began   time.Time
	took    time.Duration
	done    int
	ended   bool // the dispatcher was told that the queue is empty
	running map[drydock.TaskID]time.Time
}

func (w *watched) ClaimTasks(ctx context.Context, l drydock.Lease, actions []drydock.Action, n int) ([]drydock.Task, error) {
	w.mu.Lock()
	now := time.Now()
	if w.began.IsZero() {
		w.began = now
	}
	w.ended = w.ended || now.Sub(w.began) >= w.length
	if w.ended {
		w.finished(now)
		w.mu.Unlock()
		return nil, nil
	}
	w.mu.Unlock()
	list, err := w.Store.ClaimTasks(ctx, l, actions, n)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range list {
		w.running[list[i].ID] = now
	}
	if err == nil && 2*len(list) <= n { // the dispatcher would wait for a bell now
		w.ended = true
		w.finished(time.Now())
	}
	return list, err
}

func (w *watched) FinishTasks(ctx context.Context, l drydock.Lease, f []drydock.TaskFinish) ([]drydock.TaskID, error) {
	done, err := w.Store.FinishTasks(ctx, l, f)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, id := range done {
		w.latencies.add(now.Sub(w.running[id]))
		delete(w.running, id)
	}
	w.done += len(done)
	w.finished(now)
	return done, err
}

// finished ends the slice once nothing is under way.
func (w *watched) finished(now time.Time) {
	if w.ended && len(w.running) == 0 && w.took == 0 {
		w.took = now.Sub(w.began)
		w.over()
	}
}
