package store

import "sync"

// TopicQueue rings when there may be new work: a task was queued, or termination was asked for. TopicLease rings when the lease was released.
// The topic of a task is its id: it rings when the task, its messages or the end of one of its children was committed.
const (
	TopicQueue = "queue"
	TopicLease = "lease"
)

// bells wakes whoever waits for a topic. A bell says "look again", nothing more: it may ring for nothing.
type bells struct {
	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
	send    func(topics []string) // passes topics on to other processes; nil where there is no way to
}

func newBells() *bells { return &bells{waiting: map[string]map[chan struct{}]struct{}{}} }

// Listen returns a channel that receives soon after each commit that concerns topic: of this process, and on PostgreSQL of any other. Several
// rings may arrive as one, and rings from other processes may be missed while a connection is down, so listeners also look now and then by
// themselves. stop must be called.
func (s *Store) Listen(topic string) (bell <-chan struct{}, stop func()) {
	b, c := s.bells, make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting[topic] == nil {
		b.waiting[topic] = map[chan struct{}]struct{}{}
	}
	b.waiting[topic][c] = struct{}{}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.waiting[topic], c)
		if len(b.waiting[topic]) == 0 {
			delete(b.waiting, topic)
		}
	}
}

// ring rings here and elsewhere.
func (b *bells) ring(topics ...string) {
	b.ringHere(topics...)
	if b.send != nil {
		b.send(topics)
	}
}

func (b *bells) ringHere(topics ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range topics {
		for c := range b.waiting[t] {
			strike(c)
		}
	}
}

func (b *bells) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, set := range b.waiting {
		for c := range set {
			strike(c)
		}
	}
}

func strike(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has not been heard yet
	}
}
