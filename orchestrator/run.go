package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"drydock"
)

// Where a run is. It begins active; the other two are final.
const (
	stateActive    = iota
	stateReturned  // its action has returned
	stateAbandoned // its action was given up on
)

// Run is one execution of a task, as its action sees it. Its methods are safe for concurrent use, except that only one Wait may be under way.
// The errors of those that write carry the kinds of package drydock. Writes that the database did not answer are repeated until ctx ends; a message
// or build data may therefore be there twice, subtasks never.
type Run struct {
	task    drydock.Task
	shift   *shift
	handler *Handler
	ctx     context.Context
	cancel  context.CancelCauseFunc

	state      int       // guarded by shift.mu until it is final
	deadline   time.Time // guarded by shift.mu: when to give up on it; zero: its context lives
	superseded bool      // guarded by shift.mu: its end is on record, the task runs again
	stuck      int       // slots that it held when it was abandoned

	mu       sync.Mutex
	holds    bool // a slot
	waiting  bool
	final    []drydock.Message
	errors   int                    // messages with Error set, final ones included
	children []drydock.Task         // as Wait last saw them
	made     map[drydock.Action]int // subtasks without a key of their own
	resolved *drydock.Resolution    // how its design was had
}

// Task returns the task as it was claimed. Attempt is above 1 if an earlier attempt was interrupted, Retry above 0 if it is tried again after
// failures; Result then holds what was achieved.
func (r *Run) Task() drydock.Task { return r.task }

// Term is the lease term that the action runs under, to be handed on to what it drives: it grows with every change of leader, so a device that
// remembers the highest term it has seen can refuse an older leader.
func (r *Run) Term() int64 { return r.shift.lease.Term }

// Message records one message at once; see Messages.
func (r *Run) Message(ctx context.Context, m drydock.Message) error { return r.Messages(ctx, m) }

// Messages records messages at once, in order and together; readers see them while the action is at work. Messages without a context are about the
// task.
func (r *Run) Messages(ctx context.Context, m ...drydock.Message) error {
	if len(m) == 0 {
		return nil
	}
	all := make([]drydock.Message, len(m))
	failures := 0
	for i := range m {
		all[i] = r.complete(m[i])
		if m[i].Error {
			failures++
		}
	}
	for len(all) > 0 {
		n := min(len(all), drydock.MaxMessageBatch)
		err := r.retry(ctx, func() error { return r.shift.tasks.AddMessages(ctx, r.task.ID, all[:n]...) })
		if err != nil {
			return fmt.Errorf("add messages: %w", err)
		}
		all = all[n:]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors += failures
	return nil
}

// Infof records a message at once.
func (r *Run) Infof(ctx context.Context, format string, args ...any) error {
	return r.Messages(ctx, drydock.Message{Text: fmt.Sprintf(format, args...)})
}

// Errorf records an error message at once.
func (r *Run) Errorf(ctx context.Context, format string, args ...any) error {
	return r.Messages(ctx, drydock.Message{Text: fmt.Sprintf(format, args...), Error: true})
}

// Final records messages together with the task's result, in the same transaction: none is there if the result is not, and none is there twice. At
// most MaxMessageBatch; for more use Messages.
func (r *Run) Final(m ...drydock.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range m {
		r.final = append(r.final, r.complete(m[i]))
		if m[i].Error {
			r.errors++
		}
	}
}

// complete fills in the context of a message.
func (r *Run) complete(m drydock.Message) drydock.Message {
	if m.ContextType == "" && m.Context == "" {
		m.ContextType, m.Context = "task", string(r.task.ID)
	}
	return m
}

// BuildData records what was learnt about nodes. Elements without a task belong to this one.
func (r *Run) BuildData(ctx context.Context, d ...drydock.BuildData) error {
	all := make([]drydock.BuildData, len(d))
	for i := range d {
		all[i] = d[i]
		if all[i].Task == "" {
			all[i].Task = r.task.ID
		}
	}
	if err := r.retry(ctx, func() error { return r.shift.tasks.AddBuildData(ctx, all...) }); err != nil {
		return fmt.Errorf("add build data: %w", err)
	}
	return nil
}

// Subtasks creates children and returns them in the order asked. Their keys need only be unique within this task; a child without a key gets one
// from its action and its place among the children of that action. A repeated run that asks for the same children gets those that exist, however
// far they have come. A task that is tried again after failures (Retry above 0) gets new ones.
//
// Children without a design reference or a creator have their parent's. It answers ErrInvalid for an action that this orchestrator does not have,
// because nobody could execute it while this one leads, and ErrConflict when this task has ended.
func (r *Run) Subtasks(ctx context.Context, n []drydock.NewTask) ([]drydock.Task, error) {
	if len(n) == 0 {
		return nil, nil
	}
	scope := string(r.task.ID) + "/"
	if r.task.Retry > 0 {
		scope += fmt.Sprintf("retry-%d/", r.task.Retry)
	}
	children, err := r.inherit(n)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	for i := range children {
		c := &children[i]
		if c.Key == "" {
			if r.made == nil {
				r.made = map[drydock.Action]int{}
			}
			c.Key = fmt.Sprintf("%s-%d", c.Action, r.made[c.Action])
			r.made[c.Action]++
		}
	}
	r.mu.Unlock()
	scopeKeys(scope, children)
	var made []drydock.Task
	err = r.retry(ctx, func() (err error) {
		made, err = r.shift.tasks.CreateSubtasks(ctx, r.shift.lease, r.task.ID, children)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create subtasks: %w", err)
	}
	return made, nil
}

// inherit copies new tasks with what they have from their parent.
func (r *Run) inherit(n []drydock.NewTask) ([]drydock.NewTask, error) {
	all := make([]drydock.NewTask, len(n))
	for i, c := range n {
		if r.shift.d.actions[c.Action] == nil {
			return nil, fmt.Errorf("%w: subtask with action %q, which this orchestrator does not have", drydock.ErrInvalid, c.Action)
		}
		if c.DesignRef == "" {
			c.DesignRef = r.task.DesignRef
		}
		if c.CreatedBy == "" {
			c.CreatedBy = r.task.CreatedBy
		}
		if c.Retry == 0 {
			c.Retry = r.task.Retry
		}
		var err error
		if c.Subtasks, err = r.inherit(c.Subtasks); err != nil {
			return nil, err
		}
		all[i] = c
	}
	return all, nil
}

// scopeKeys puts scope before every key, those of grandchildren included.
func scopeKeys(scope string, tasks []drydock.NewTask) {
	for i := range tasks {
		if tasks[i].Key != "" {
			tasks[i].Key = scope + tasks[i].Key
		}
		scopeKeys(scope, tasks[i].Subtasks)
	}
}

// Rollup computes this task's result from its children, records it and returns it, for the action to return in turn. Only children with action
// filter count (all if it is empty); failures are listed from all.
func (r *Run) Rollup(ctx context.Context, filter drydock.Action) (drydock.Result, error) {
	var t drydock.Task
	err := r.retry(ctx, func() (err error) {
		t, err = r.shift.tasks.RollupTask(ctx, r.shift.lease, r.task.ID, filter)
		return err
	})
	if err != nil {
		return drydock.Result{}, fmt.Errorf("roll up: %w", err)
	}
	return t.Result, nil
}

// retry repeats a write that the database did not answer, until ctx or the run ends.
func (r *Run) retry(ctx context.Context, write func() error) error {
	wait := storeBackoff()
	for {
		err := write()
		if err == nil || !errors.Is(err, drydock.ErrUnavailable) || ctx.Err() != nil || r.ctx.Err() != nil {
			return err
		}
		if !wait.wait(ctx) {
			return err
		}
	}
}

// call runs the action. A panic becomes an error; its stack goes to the log.
func (r *Run) call() (result drydock.Result, err error) {
	err = guard(func() (err error) {
		result, err = r.handler.Run(r.ctx, r)
		return err
	})
	if p := (*panicError)(nil); errors.As(err, &p) {
		r.shift.log.Error("action panicked", "task", r.task.ID, "action", r.task.Action, "err", err, "stack", string(p.stack))
	}
	return result, err
}

// release gives up the run's slot and returns how many that are: 1, or 0 if it holds none.
func (r *Run) release() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.holds {
		return 0
	}
	r.holds = false
	return 1
}
