package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"drydock"
)

// The most that one write of results holds.
const (
	maxFinish         = 1000
	maxFinishMessages = drydock.MaxMessageBatch
)

// outcome is what became of a run: a finish, a return to the queue, or (neither) nothing that may be recorded.
type outcome struct {
	run     *Run
	requeue bool
	discard bool
	finish  drydock.TaskFinish
}

// completer records outcomes in batches: at once when nothing is being written, else all that gathered during the write. A slot comes free when
// the outcome is durable.
type completer struct {
	s    *shift
	wake chan struct{} // buffered 1
	busy atomic.Bool   // outcomes are waiting or being written

	mu      sync.Mutex
	pending []outcome
	spare   []outcome // the other buffer, used by loop only

	finishes []drydock.TaskFinish // reused by loop only
}

func newCompleter(s *shift) *completer {
	return &completer{s: s, wake: make(chan struct{}, 1)}
}

func (c *completer) add(o outcome) {
	c.mu.Lock()
	c.pending = append(c.pending, o)
	first := len(c.pending) == 1
	if first {
		c.busy.Store(true)
	}
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// loop writes until the shift ends.
func (c *completer) loop() {
	for {
		select {
		case <-c.s.ctx.Done():
			return
		case <-c.wake:
		}
		for batch := c.take(); len(batch) > 0; batch = c.take() {
			for len(batch) > 0 && c.s.ctx.Err() == nil {
				n := chunk(batch)
				c.write(batch[:n])
				batch = batch[n:]
			}
		}
		c.s.d.slots.signal() // a claim that waited for a larger batch need not any more
	}
}

// take swaps the buffers. What is runnable now, runs first: actions that end in the same instant go into the same write.
func (c *completer) take() []outcome {
	runtime.Gosched()
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.pending
	clear(c.spare) // what was written may be collected
	c.pending, c.spare = c.spare[:0], batch
	if len(batch) == 0 {
		c.busy.Store(false)
	}
	return batch
}

// chunk says how many outcomes go into one write.
func chunk(batch []outcome) int {
	messages := 0
	for i := range batch {
		messages += len(batch[i].finish.Messages)
		if i == maxFinish || i > 0 && messages > maxFinishMessages {
			return i
		}
	}
	return len(batch)
}

// write records outcomes, then frees their slots. If the shift ends before they are recorded they are left to the next leader.
func (c *completer) write(batch []outcome) {
	finishes := c.finishes[:0]
	var requeues []drydock.TaskID
	c.s.mu.Lock()
	for i := range batch {
		switch o := &batch[i]; {
		case o.run.superseded || o.discard:
		case o.requeue:
			requeues = append(requeues, o.run.task.ID)
		default:
			finishes = append(finishes, o.finish)
		}
	}
	c.s.mu.Unlock()
	c.finishes = finishes
	err := c.finish(finishes)
	if err == nil && len(requeues) > 0 {
		err = c.s.requeue(requeues, "The orchestrator was stopped; queued again.")
	}
	clear(finishes)
	if err != nil {
		c.s.end(err) // the first reason stays
		return
	}
	c.s.settle(batch)
}

// settle forgets runs whose end is on record and frees their slots.
func (s *shift) settle(batch []outcome) {
	s.forget(batch)
	unlimited := 0
	for i := range batch {
		r := batch[i].run
		if batch[i].abandoned() {
			continue
		}
		switch n := r.release(); {
		case r.handler != nil && r.handler.Limit > 0:
			s.d.slots.give(r.task.Action, n)
		default:
			unlimited += n
		}
	}
	s.d.slots.give("", unlimited)
}

// abandoned: the action has not returned, so its slot stays taken.
func (o *outcome) abandoned() bool { return o.run.state == stateAbandoned }

// finish writes results. If the store refuses one of many, each is written by itself, and one that is refused by itself becomes a failure that
// says why. An error means that the shift is over.
func (c *completer) finish(f []drydock.TaskFinish) error {
	if len(f) == 0 {
		return nil
	}
	err := c.s.finish(f)
	switch {
	case err == nil || errors.Is(err, drydock.ErrLeaseLost) || c.s.ctx.Err() != nil:
		return err
	case len(f) > 1:
		for i := range f {
			if err := c.finish(f[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	case errors.Is(err, drydock.ErrNotFound):
		return nil // deleted meanwhile
	}
	c.s.log.Error("result of a task was refused; recorded as a failure", "task", f[0].ID, "err", err)
	plain := failure(f[0].ID, drydock.Result{}, fmt.Sprintf("The result of the action could not be recorded: %v", err))
	plain.Attempt = f[0].Attempt
	if err := c.s.finish([]drydock.TaskFinish{plain}); err != nil && !errors.Is(err, drydock.ErrNotFound) {
		return fmt.Errorf("task %s can not be finished: %w", f[0].ID, err) // the next term adopts it
	}
	return nil
}

// finish calls the store until it answers. Repeating is safe: a task that has ended is not touched again, and one that somebody queued again after
// an end that we did not hear of, and that runs here once more, is left out.
func (s *shift) finish(f []drydock.TaskFinish) error {
	again := false
	return s.persist("finish tasks", func(ctx context.Context) error {
		if again {
			f = slices.DeleteFunc(slices.Clone(f), func(x drydock.TaskFinish) bool { return s.find(x.ID) != nil })
		}
		again = true
		done, err := s.tasks.FinishTasks(ctx, s.lease, f)
		if err == nil && len(done) < len(f) {
			s.log.Warn("some tasks were no longer ours when they ended", "tasks", len(f)-len(done))
		}
		return err
	})
}

// requeue gives tasks back to the queue. Those that can not go back, because their end was asked for, end.
func (s *shift) requeue(ids []drydock.TaskID, why string) error {
	left := make(map[drydock.TaskID]bool, len(ids))
	for _, id := range ids {
		left[id] = true
	}
	err := s.persist("requeue tasks", func(ctx context.Context) error {
		done, err := s.tasks.RequeueTasks(ctx, s.lease, ids, why)
		for _, id := range done {
			delete(left, id)
		}
		return err
	})
	if err != nil || len(left) == 0 {
		return err
	}
	var ended []drydock.TaskFinish
	for id := range left {
		ended = append(ended, failure(id, drydock.Result{}, textStopped))
	}
	return s.finish(ended)
}

// persist repeats a write that did not get through, until it does or the shift ends.
func (s *shift) persist(what string, write func(context.Context) error) error {
	wait := storeBackoff()
	for {
		err := write(s.ctx)
		switch {
		case err == nil:
			return nil
		case s.ctx.Err() != nil:
			return context.Cause(s.ctx)
		case errors.Is(err, drydock.ErrLeaseLost):
			err = fmt.Errorf("%s: %w", what, err)
			s.end(err)
			return err
		case !errors.Is(err, drydock.ErrUnavailable):
			return fmt.Errorf("%s: %w", what, err)
		}
		s.log.Warn("the store did not take a write; trying again", "write", what, "err", err)
		if !wait.wait(s.ctx) {
			return context.Cause(s.ctx)
		}
	}
}
