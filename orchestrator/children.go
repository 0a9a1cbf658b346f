package orchestrator

import (
	"context"
	"fmt"
	"time"

	"drydock"
)

// unended are the states of tasks that may still change.
var unended = []drydock.TaskStatus{drydock.StatusRequested, drydock.StatusQueued, drydock.StatusRunning, drydock.StatusTerminating}

// Wait waits until all children of this task have ended and returns them in order of creation, at most MaxTree. The run gives back its slot
// meanwhile, that of a limited action too, and has one again when Wait returns, also with an error; so parents can not keep their children from running.
//
// It returns an error with the cause of ctx, or of the action's context, when one ends first. At a shutdown it returns at once if the action is
// repeatable, because nobody runs the children any more.
func (r *Run) Wait(ctx context.Context) ([]drydock.Task, error) {
	r.mu.Lock()
	busy := r.waiting
	r.waiting = true
	r.mu.Unlock()
	if busy {
		return nil, fmt.Errorf("%w: another Wait of task %s is under way", drydock.ErrConflict, r.task.ID)
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting = false
	}()
	bell, stop := r.shift.tasks.Listen(string(r.task.ID))
	defer stop()
	ended, err := r.childrenEnded(ctx)
	if err == nil && !ended {
		err = r.idle(ctx, bell)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for subtasks: %w", err)
	}
	var tree []drydock.Task
	err = r.retry(ctx, func() (err error) {
		tree, err = r.shift.tasks.Subtree(ctx, r.task.ID, 2)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read subtasks: %w", err)
	}
	children := tree[1:]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.children = children
	return children, nil
}

// idle waits without a slot until the children have ended.
func (r *Run) idle(ctx context.Context, bell <-chan struct{}) error {
	slots := r.shift.d.slots
	slots.give(r.task.Action, r.release())
	err := r.listen(ctx, bell)
	if again := slots.wait(r.ctx, r.task.Action); again != nil {
		if err == nil {
			err = again
		}
		return err
	}
	r.mu.Lock()
	r.holds = true
	r.mu.Unlock()
	return err
}

// listen looks whether the children have ended whenever the task's bell rings, and now and then without. With many children the bell rings often:
// a look is followed by a rest that is long against what the look took.
func (r *Run) listen(ctx context.Context, bell <-chan struct{}) error {
	var draining <-chan struct{}
	if r.handler.Repeatable {
		draining = r.shift.draining
	}
	poll := time.NewTimer(0)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case <-draining:
			r.shift.cancel(r, ErrShutdown)
			return context.Cause(r.ctx)
		case <-bell:
		case <-poll.C:
		}
		began := time.Now()
		if ended, err := r.childrenEnded(ctx); err != nil || ended {
			return err
		}
		if !pause(ctx, max(2*time.Millisecond, 4*time.Since(began)), r.ctx.Done()) {
			return context.Cause(ctx)
		}
		poll.Reset(jitter(r.shift.d.o.Poll))
	}
}

// childrenEnded reports whether no child is unended.
func (r *Run) childrenEnded(ctx context.Context) (bool, error) {
	q := drydock.TaskQuery{Parent: r.task.ID, Status: unended, Limit: 1}
	for {
		var page drydock.TaskPage
		err := r.retry(ctx, func() (err error) {
			page, err = r.shift.tasks.Tasks(ctx, q)
			return err
		})
		if err != nil || len(page.Tasks) > 0 {
			return false, err
		}
		if q.After = page.Next; q.After == "" {
			return true, nil
		}
	}
}
