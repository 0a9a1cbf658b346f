package orchestrator

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"drydock"
)

// Tasks is what a Dispatcher and the actions that it runs need of the store.
type Tasks interface {
	AdoptTasks(ctx context.Context, l drydock.Lease, repeatable []drydock.Action) (drydock.Adoption, error)
	ClaimTasks(ctx context.Context, l drydock.Lease, actions []drydock.Action, n int) ([]drydock.Task, error)
	FinishTasks(ctx context.Context, l drydock.Lease, f []drydock.TaskFinish) ([]drydock.TaskID, error)
	RequeueTasks(ctx context.Context, l drydock.Lease, ids []drydock.TaskID, why string) ([]drydock.TaskID, error)
	HeartbeatTasks(ctx context.Context, l drydock.Lease, ids []drydock.TaskID) (map[drydock.TaskID]drydock.TaskStatus, error)
	TerminatingTasks(ctx context.Context, l drydock.Lease) ([]drydock.TaskID, error)
	CreateSubtasks(ctx context.Context, l drydock.Lease, parent drydock.TaskID, n []drydock.NewTask) ([]drydock.Task, error)
	RollupTask(ctx context.Context, l drydock.Lease, id drydock.TaskID, filter drydock.Action) (drydock.Task, error)
	Tasks(ctx context.Context, q drydock.TaskQuery) (drydock.TaskPage, error)
	Subtree(ctx context.Context, id drydock.TaskID, depth int) ([]drydock.Task, error)
	AddMessages(ctx context.Context, id drydock.TaskID, m ...drydock.Message) error
	AddBuildData(ctx context.Context, d ...drydock.BuildData) error
	Listen(topic string) (bell <-chan struct{}, stop func())
}

// topicQueue is the store's topic that rings when work was queued or an end was asked for.
const topicQueue = "queue"

// ActionFunc does what one task asks for. It returns soon after ctx has ended; context.Cause(ctx) says why (ErrTerminated, ErrShutdown, ErrTaken,
// drydock.ErrLeaseLost).
//
// What it returns becomes the task's result. An error makes it a failure, with the error as a message. A result without a status is a success if
// nothing is known to be wrong: no failures in it, no error among the messages, no subtask that failed when Wait last looked.
type ActionFunc func(ctx context.Context, r *Run) (drydock.Result, error)

// Handler is an action that this orchestrator has.
type Handler struct {
	Run        ActionFunc
	Repeatable bool // may begin again from the start after it was interrupted; see Run.Subtasks
	Limit      int  // of these at work at once; 0: only the dispatcher's Concurrency counts
}

// DispatcherOptions configure a Dispatcher. Zero values take their defaults.
type DispatcherOptions struct {
	Concurrency int                    // actions at work at once, not counting those that wait for subtasks; default 4
	PerAction   map[drydock.Action]int // replaces the Limit of the handlers named
	Poll        time.Duration          // how often to look for work although no bell rang, with jitter; default 5 s
	Drain       time.Duration          // how long actions may take to end after a shutdown or the end of their context; default 10 s
	Heartbeat   time.Duration          // how often to tell the store which tasks are alive; default 5 s
	Logger      *slog.Logger           // nil: silent
}

// Dispatcher runs the tasks whose actions it has. Tasks with other actions stay queued for an orchestrator that has those.
type Dispatcher struct {
	tasks      Tasks
	actions    map[drydock.Action]*Handler
	repeatable []drydock.Action
	groups     []group
	slots      *slots // outlive a term: an abandoned action keeps its slot
	o          DispatcherOptions
	log        *slog.Logger
}

// group is a set of actions that are claimed together: those without a limit of their own, or one that has a limit.
type group struct {
	actions []drydock.Action
	limited drydock.Action // "" for those without a limit
	size    int
}

// NewDispatcher checks its arguments: it answers ErrInvalid if there are no actions, an action has no function, or a number is negative.
func NewDispatcher(t Tasks, actions map[drydock.Action]Handler, o DispatcherOptions) (*Dispatcher, error) {
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	o.Poll = orDefault(o.Poll, 5*time.Second)
	o.Drain = orDefault(o.Drain, 10*time.Second)
	o.Heartbeat = orDefault(o.Heartbeat, 5*time.Second)
	if o.Concurrency < 0 || o.Poll < 0 || o.Drain < 0 || o.Heartbeat < 0 {
		return nil, fmt.Errorf("%w: concurrency and durations of a dispatcher must not be negative", drydock.ErrInvalid)
	}
	if len(actions) == 0 {
		return nil, fmt.Errorf("%w: a dispatcher needs at least one action", drydock.ErrInvalid)
	}
	d := &Dispatcher{tasks: t, actions: map[drydock.Action]*Handler{}, o: o, log: orSilent(o.Logger)}
	for a := range o.PerAction {
		if _, ok := actions[a]; !ok {
			return nil, fmt.Errorf("%w: a limit is set for action %q, which this orchestrator does not have", drydock.ErrInvalid, a)
		}
	}
	limits := map[drydock.Action]int{}
	unlimited := group{size: o.Concurrency}
	for _, a := range slices.Sorted(maps.Keys(actions)) {
		h := actions[a]
		if n, ok := o.PerAction[a]; ok {
			h.Limit = n
		}
		if h.Run == nil || h.Limit < 0 {
			return nil, fmt.Errorf("%w: action %q has no function or a negative limit", drydock.ErrInvalid, a)
		}
		d.actions[a] = &h
		if h.Repeatable {
			d.repeatable = append(d.repeatable, a)
		}
		if h.Limit == 0 {
			unlimited.actions = append(unlimited.actions, a)
			continue
		}
		limits[a] = h.Limit
		d.groups = append(d.groups, group{actions: []drydock.Action{a}, limited: a, size: min(h.Limit, o.Concurrency)})
	}
	if len(unlimited.actions) > 0 {
		d.groups = append(d.groups, unlimited)
	}
	d.slots = newSlots(o.Concurrency, limits)
	return d, nil
}

// Lead does the work of one term: it adopts what older terms left behind, then claims, runs and records tasks until ctx ends or a write says
// that the lease is lost. It fits Leader.Run and must not run twice at a time.
//
// When ctx ends in a shutdown it claims nothing more, lets actions end by themselves for Drain, then ends their contexts and waits for half of
// Drain. Tasks that are still not done are queued again if their action is repeatable, and end as a failure that says so otherwise. Lead
// returns nil then. When the lease is lost nothing more is recorded: contexts end at once, and Lead returns the reason within Drain.
func (d *Dispatcher) Lead(ctx context.Context, l drydock.Lease) error {
	if d.slots.addStuck(0) {
		return errAllStuck
	}
	s := newShift(d, trustOf(ctx), l)
	defer s.end(nil)
	if err := s.adopt(ctx); err != nil {
		return err
	}
	s.goDo(s.completer.loop)
	s.goDo(s.mind)
	if err := guard(func() error { s.serve(ctx); return nil }); err != nil {
		s.end(fmt.Errorf("dispatcher: %w", err))
	}
	if s.ctx.Err() == nil {
		s.drain()
	}
	return s.close()
}
