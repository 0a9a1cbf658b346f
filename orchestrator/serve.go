package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drydock"
)

// maxClaim bounds one claim: the store writes it as one transaction.
const maxClaim = 1000

// serve claims and starts tasks until ctx or the shift ends. A group is hungry while the queue may hold work for it: from a bell or a poll until
// a claim got clearly less than it asked for.
func (s *shift) serve(ctx context.Context) {
	bell, stop := s.tasks.Listen(topicQueue)
	defer stop()
	poll := time.NewTimer(jitter(s.d.o.Poll))
	defer poll.Stop()
	hungry := make([]bool, len(s.d.groups))
	wait := storeBackoff()
	for fill(hungry, true); ; {
		claimed, err := s.claim(ctx, hungry)
		switch {
		case ctx.Err() != nil || s.ctx.Err() != nil:
			return
		case err != nil && !errors.Is(err, drydock.ErrUnavailable):
			s.end(fmt.Errorf("claim tasks: %w", err))
			return
		case err != nil:
			s.log.Warn("claim tasks; trying again", "err", err)
			wait.wait(ctx)
			continue
		case claimed:
			wait = storeBackoff()
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.ctx.Done():
			return
		case <-s.d.slots.freed:
		case <-bell:
			fill(hungry, true)
		case <-poll.C:
			fill(hungry, true)
			poll.Reset(jitter(s.d.o.Poll))
		}
	}
}

func fill(all []bool, v bool) {
	for i := range all {
		all[i] = v
	}
}

// claim asks once for each hungry group with free slots and reports whether it got anything. Which group asks first changes by turns, because all
// draw on the same slots.
func (s *shift) claim(ctx context.Context, hungry []bool) (claimed bool, err error) {
	if s.uncertain {
		if err := s.reconcile(); err != nil {
			return false, err
		}
		s.uncertain = false
	}
	s.turn++
	for i := range hungry {
		i = (i + s.turn) % len(hungry)
		if !hungry[i] || ctx.Err() != nil {
			continue
		}
		got, full, err := s.claimGroup(ctx, &s.d.groups[i])
		if err != nil {
			return claimed, err
		}
		hungry[i] = full
		claimed = claimed || got > 0
	}
	return claimed, nil
}

// claimGroup claims for the free slots of a group. full says that there may be more in the queue.
func (s *shift) claimGroup(ctx context.Context, g *group) (got int, full bool, err error) {
	least := 1
	if s.completer.busy.Load() {
		least = (g.size + 1) / 2 // more slots are about to come free: claim in batches
	}
	n := s.d.slots.reserve(g.limited, least, min(g.size, maxClaim))
	if n == 0 {
		return 0, true, nil
	}
	// Not under ctx: a claim that a shutdown cuts short may have taken tasks without telling us.
	tasks, err := s.tasks.ClaimTasks(s.ctx, s.lease, g.actions, n)
	if len(tasks) < n {
		s.d.slots.give(g.limited, n-len(tasks))
	}
	if err != nil {
		s.uncertain = true
		return 0, true, err
	}
	for i := range tasks {
		if ctx.Err() != nil {
			s.giveBack(&tasks[i])
			continue
		}
		s.start(&tasks[i])
	}
	return len(tasks), 2*len(tasks) > n, nil // the store may round n down, but not by half
}

// giveBack queues a task again whose action has not begun.
func (s *shift) giveBack(t *drydock.Task) {
	r := s.enter(t)
	s.mu.Lock()
	r.state = stateReturned
	s.mu.Unlock()
	s.completer.add(outcome{run: r, requeue: true})
}

// reconcile queues those tasks again that were claimed in our name without our hearing of it: under our term, but not known here. Nothing was done
// for them. It runs between claims, so none is in flight.
func (s *shift) reconcile() error {
	q := drydock.TaskQuery{Status: []drydock.TaskStatus{drydock.StatusRunning, drydock.StatusTerminating}, Limit: drydock.MaxPage}
	var lost []drydock.TaskID
	for {
		page, err := s.tasks.Tasks(s.ctx, q)
		if err != nil {
			return fmt.Errorf("look for tasks whose claim did not answer: %w", err)
		}
		s.mu.Lock()
		for i := range page.Tasks {
			if t := &page.Tasks[i]; t.Term == s.lease.Term && s.running[t.ID] == nil && s.d.actions[t.Action] != nil {
				lost = append(lost, t.ID)
			}
		}
		s.mu.Unlock()
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if len(lost) == 0 {
		return nil
	}
	s.log.Warn("tasks were claimed without an answer; queued again", "tasks", len(lost))
	return s.requeue(lost, "The answer to a claim was lost; queued again.")
}
