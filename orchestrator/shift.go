package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"drydock"
)

// errAllStuck ends a lead that could not run anything any more.
var errAllStuck = fmt.Errorf("%w: every slot is held by an action that does not heed the end of its context; restart this process", drydock.ErrUnavailable)

// shift is the work of a dispatcher under one lease.
type shift struct {
	d         *Dispatcher
	tasks     Tasks
	lease     drydock.Lease
	log       *slog.Logger
	ctx       context.Context // of every action and every write: ends with the lease, or with the first error that ends the shift
	end       context.CancelCauseFunc
	completer *completer
	draining  chan struct{} // closed when a shutdown begins
	emptied   chan struct{} // buffered 1: rings when nothing is left to wait for, or may be
	uncertain bool          // a claim did not answer: there may be tasks of ours that we do not know; used by serve only
	turn      int           // which group claims first; used by serve only
	wg        sync.WaitGroup

	mu      sync.Mutex
	running map[drydock.TaskID]*Run // from claim until what became of it is on record
	old     []*Run                  // superseded: their tasks were claimed again before we heard that their end is on record
}

func newShift(d *Dispatcher, trust context.Context, l drydock.Lease) *shift {
	s := &shift{
		d: d, tasks: d.tasks, lease: l, log: d.log.With("term", l.Term), draining: make(chan struct{}), emptied: make(chan struct{}, 1),
		running: make(map[drydock.TaskID]*Run, d.o.Concurrency),
	}
	s.ctx, s.end = context.WithCancelCause(trust)
	s.completer = newCompleter(s)
	return s
}

// goDo runs f beside the shift; a panic in it ends the shift, not the process.
func (s *shift) goDo(f func()) {
	s.wg.Go(func() {
		err := guard(func() error { f(); return nil })
		if p := (*panicError)(nil); errors.As(err, &p) {
			s.log.Error("dispatcher panicked", "err", err, "stack", string(p.stack))
		}
		if err != nil {
			s.end(fmt.Errorf("dispatcher: %w", err))
		}
	})
}

// adopt settles what older terms left behind.
func (s *shift) adopt(ctx context.Context) error {
	wait := storeBackoff()
	for {
		a, err := s.tasks.AdoptTasks(s.ctx, s.lease, s.d.repeatable)
		switch {
		case err == nil:
			if len(a.Requeued)+len(a.Failed)+len(a.Terminated) == 0 {
				return nil
			}
			s.log.Warn("settled tasks that an earlier leader left behind",
				"queued_again", len(a.Requeued), "failed", len(a.Failed), "terminated", len(a.Terminated))
			wait = storeBackoff()
			continue // the store takes them in batches
		case !errors.Is(err, drydock.ErrUnavailable):
			return fmt.Errorf("adopt tasks: %w", err)
		}
		s.log.Warn("adopt tasks; trying again", "err", err)
		if !wait.wait(ctx) {
			return context.Cause(ctx)
		}
	}
}

// start runs the action of a claimed task, whose slot has been taken.
func (s *shift) start(t *drydock.Task) {
	r := s.enter(t)
	if r.handler == nil { // a store that answers what was not asked for must not leave a task running for ever
		s.done(r, drydock.Result{}, fmt.Errorf("%w: this orchestrator does not have action %q", drydock.ErrInvalid, t.Action))
		return
	}
	go func() {
		result, err := drydock.Result{}, errGoexit
		defer func() { s.done(r, result, err) }()
		result, err = r.call()
	}()
}

func (s *shift) enter(t *drydock.Task) *Run {
	r := &Run{task: *t, shift: s, handler: s.d.actions[t.Action], holds: true}
	r.ctx, r.cancel = context.WithCancelCause(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.running[t.ID]; old != nil {
		old.superseded = true // its end is on record, or the task could not have been claimed again
		s.old = append(s.old, old)
	}
	s.running[t.ID] = r
	return r
}

// done takes what an action answered to the record. What an abandoned action answers is too late.
func (s *shift) done(r *Run, result drydock.Result, err error) {
	s.mu.Lock()
	late := r.state == stateAbandoned
	if !late {
		r.state = stateReturned
	}
	s.mu.Unlock()
	if late {
		s.log.Warn("abandoned action has returned after all", "task", r.task.ID, "action", r.task.Action)
		r.cancel(nil)
		s.d.slots.addStuck(-r.stuck)
		s.d.slots.give(r.task.Action, r.release())
		return
	}
	s.completer.add(r.outcome(result, err))
	r.cancel(nil)
	if s.ctx.Err() != nil {
		s.ring()
	}
}

// forget removes a task whose end is on record.
func (s *shift) forget(runs []outcome) {
	s.mu.Lock()
	for i := range runs {
		if r := runs[i].run; s.running[r.task.ID] == r {
			delete(s.running, r.task.ID)
		}
	}
	empty := len(s.running) == 0
	s.mu.Unlock()
	if empty {
		s.ring()
	}
}

// ring wakes await.
func (s *shift) ring() {
	select {
	case s.emptied <- struct{}{}:
	default:
	}
}

// abandon gives up on an action that does not return: its task ends without it. The action keeps its slot. It reports false if the action has
// returned in the meantime.
func (s *shift) abandon(r *Run) bool {
	s.mu.Lock()
	if r.state != stateActive {
		s.mu.Unlock()
		return false
	}
	r.state = stateAbandoned
	r.mu.Lock()
	if r.holds {
		r.stuck = 1
	}
	r.mu.Unlock()
	s.d.slots.addStuck(r.stuck)
	s.mu.Unlock()
	s.log.Error("action does not heed the end of its context; abandoned", "task", r.task.ID, "action", r.task.Action, "cause", context.Cause(r.ctx))
	return true
}

// cancel ends the context of an action. Only the first cause counts.
func (s *shift) cancel(r *Run, cause error) {
	s.mu.Lock()
	if r.state == stateActive && r.deadline.IsZero() {
		r.deadline = time.Now().Add(s.d.o.Drain)
	}
	s.mu.Unlock()
	r.cancel(cause)
}

// active lists the runs whose action has not returned.
func (s *shift) active() []*Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Run, 0, len(s.running))
	for _, r := range s.running {
		if r.state == stateActive {
			list = append(list, r)
		}
	}
	return list
}

// find returns the run of a task whose action has not returned, or nil.
func (s *shift) find(id drydock.TaskID) *Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.running[id]; r != nil && r.state == stateActive {
		return r
	}
	return nil
}

func (s *shift) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}
