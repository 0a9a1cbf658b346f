package orchestrator

import (
	"context"
	"fmt"
	"time"

	"drydock"
)

// drain ends a shift in an orderly way; see Dispatcher.Lead. Writes go on under the lease.
func (s *shift) drain() {
	close(s.draining)
	if s.uncertain {
		if err := s.reconcile(); err != nil {
			s.log.Warn("drain", "err", err) // the next leader adopts them
		}
	}
	if s.await(s.d.o.Drain, s.count) {
		return
	}
	for _, r := range s.active() {
		s.cancel(r, ErrShutdown)
	}
	if s.await(s.d.o.Drain/2, s.count) {
		return
	}
	for _, r := range s.active() {
		if s.abandon(r) {
			s.completer.add(r.giveUp())
		}
	}
	if !s.await(s.d.o.Drain/2, s.count) {
		s.end(fmt.Errorf("%w: results could not be recorded before the time to stop was over", drydock.ErrUnavailable))
	}
}

// await waits at most d until count is 0, and reports whether it is. It gives up when the shift ends.
func (s *shift) await(d time.Duration, count func() int) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for count() > 0 {
		select {
		case <-s.emptied:
		case <-timer.C:
			return count() == 0
		case <-s.ctx.Done():
			return false
		}
	}
	return true
}

// close ends the shift, waits until its actions have returned (not longer than Drain) and sorts out the slots. It returns why the shift ended, nil
// after an orderly drain. Nothing is recorded any more.
func (s *shift) close() error {
	why := context.Cause(s.ctx)
	s.end(nil)
	timer := time.NewTimer(s.d.o.Drain)
	defer timer.Stop()
	for expired := false; len(s.active()) > 0 && !expired; {
		select {
		case <-s.emptied:
		case <-timer.C:
			expired = true
		}
	}
	for _, r := range s.active() {
		s.abandon(r)
	}
	s.wg.Wait()
	s.mu.Lock()
	left := s.old
	for _, r := range s.running {
		left = append(left, r)
	}
	s.mu.Unlock()
	for _, r := range left {
		if r.state == stateReturned {
			s.d.slots.give(r.task.Action, r.release())
		}
	}
	return why
}
