package orchestrator

import (
	"context"
	"slices"
	"sync"

	"drydock"
)

// slots counts how many actions may be at work: all together, and of each action that has a limit of its own. Slots that come free go first to
// those who wait for one (parents whose subtasks have ended), then to claims.
type slots struct {
	freed chan struct{} // buffered 1: rings when a slot came free or a claim may be worth a try

	mu      sync.Mutex
	size    int
	free    int
	limits  map[drydock.Action]int // free slots of each limited action
	waiting []*slotWaiter
	stuck   int // held by actions that were abandoned
}

type slotWaiter struct {
	action drydock.Action
	ready  chan struct{}
}

func newSlots(size int, limits map[drydock.Action]int) *slots {
	return &slots{freed: make(chan struct{}, 1), size: size, free: size, limits: limits}
}

// signal rings freed.
func (s *slots) signal() {
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

// reserve takes up to most slots for tasks of an action ("": of actions without a limit), or none if fewer than least are free.
func (s *slots) reserve(a drydock.Action, least, most int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(most, s.free)
	if limit, ok := s.limits[a]; ok {
		n = min(n, limit)
	}
	if n < least || n <= 0 {
		return 0
	}
	s.move(a, -n)
	return n
}

// give returns n slots.
func (s *slots) give(a drydock.Action, n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	s.move(a, n)
	for i := 0; i < len(s.waiting) && s.free > 0; {
		w := s.waiting[i]
		if limit, ok := s.limits[w.action]; ok && limit == 0 {
			i++
			continue
		}
		s.move(w.action, -1)
		s.waiting = slices.Delete(s.waiting, i, i+1)
		close(w.ready)
	}
	s.mu.Unlock()
	s.signal()
}

func (s *slots) move(a drydock.Action, n int) {
	s.free += n
	if limit, ok := s.limits[a]; ok {
		s.limits[a] = limit + n
	}
}

// wait takes one slot, or returns the cause of ctx.
func (s *slots) wait(ctx context.Context, a drydock.Action) error {
	s.mu.Lock()
	limit, limited := s.limits[a]
	if s.free > 0 && (!limited || limit > 0) {
		s.move(a, -1)
		s.mu.Unlock()
		return nil
	}
	w := &slotWaiter{action: a, ready: make(chan struct{})}
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	i := slices.Index(s.waiting, w)
	if i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
	s.mu.Unlock()
	if i < 0 { // it was given in the same moment
		s.give(a, 1)
	}
	return context.Cause(ctx)
}

// addStuck counts the slots of abandoned actions and reports whether that is all of them.
func (s *slots) addStuck(n int) (all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck += n
	return s.stuck >= s.size
}
