package orchestrator

import (
	"errors"
	"fmt"
	"time"

	"drydock"
)

// How often to ask for tasks that are to be terminated while anything runs, and how soon a bell may make us ask again.
const (
	lookEvery   = 500 * time.Millisecond
	lookAtLeast = 100 * time.Millisecond // between two looks
)

// mind looks after what runs until the shift ends: it passes on requests to terminate, tells the store what is alive, stops what has been taken
// away, and gives up on actions that do not return.
func (s *shift) mind() {
	bell, stop := s.tasks.Listen(topicQueue)
	defer stop()
	next := time.NewTimer(lookEvery)
	defer next.Stop()
	var looked time.Time
	beat := time.Now()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-next.C:
		case <-bell:
			if soon := lookAtLeast - time.Since(looked); soon > 0 {
				next.Reset(soon)
				continue
			}
		}
		looked = time.Now()
		next.Reset(lookEvery)
		runs := s.active()
		if len(runs) > 0 {
			s.terminate()
		}
		if looked.Sub(beat) >= s.d.o.Heartbeat {
			beat = looked
			s.heartbeat(runs)
		}
		s.giveUpOnStuck(runs)
	}
}

// report logs an error of a look at the store, or ends the shift if it says that the lease is lost. What is worth a retry is tried at the next look.
func (s *shift) report(what string, err error) {
	switch {
	case s.ctx.Err() != nil:
	case errors.Is(err, drydock.ErrLeaseLost):
		s.end(fmt.Errorf("%s: %w", what, err))
	default:
		s.log.Warn("the store did not answer; looking again", "look", what, "err", err)
	}
}

// terminate passes on what TerminateTask asked for.
func (s *shift) terminate() {
	ids, err := s.tasks.TerminatingTasks(s.ctx, s.lease)
	if err != nil {
		s.report("look for tasks to terminate", err)
		return
	}
	for _, id := range ids {
		if r := s.find(id); r != nil {
			s.cancel(r, ErrTerminated)
		}
	}
}

// heartbeat says what is alive. A task that the answer does not name is not ours any more.
func (s *shift) heartbeat(runs []*Run) {
	if len(runs) == 0 {
		return
	}
	ids := make([]drydock.TaskID, len(runs))
	for i, r := range runs {
		ids[i] = r.task.ID
	}
	alive, err := s.tasks.HeartbeatTasks(s.ctx, s.lease, ids)
	if err != nil {
		s.report("heartbeat", err)
		return
	}
	for _, r := range runs {
		switch status, ours := alive[r.task.ID]; {
		case !ours && s.find(r.task.ID) == r: // had it returned and been recorded, it would be missing too
			s.log.Warn("task was taken away", "task", r.task.ID, "action", r.task.Action)
			s.cancel(r, ErrTaken)
		case status == drydock.StatusTerminating:
			s.cancel(r, ErrTerminated)
		}
	}
}

// giveUpOnStuck ends the tasks whose actions have not returned although their contexts ended long ago, and the shift if nothing else could run.
func (s *shift) giveUpOnStuck(runs []*Run) {
	for _, r := range runs {
		s.mu.Lock()
		overdue := r.state == stateActive && !r.deadline.IsZero() && time.Now().After(r.deadline)
		s.mu.Unlock()
		if overdue && s.abandon(r) {
			s.completer.add(r.giveUp())
		}
	}
	if !s.completer.busy.Load() && s.d.slots.addStuck(0) {
		s.end(errAllStuck)
	}
}
