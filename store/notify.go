package store

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/google/uuid"
)

// notifier passes bells between processes by LISTEN and NOTIFY. The NOTIFY is sent after the commit that it tells of, by a connection of its own,
// many topics at a time: inside the writing transactions it would make all commits of the server wait for each other.
type notifier struct {
	s      *Store
	config *pgx.ConnConfig
	self   string // begins every payload of this process, which does not need its own

	mu     sync.Mutex
	topics map[string]struct{}
	dirty  chan struct{}
}

const (
	channel     = "drydock"
	everything  = "*"
	maxPayload  = 7900                  // bytes; the server's limit is 8,000
	notifyLimit = time.Second           // for one try
	notifyEvery = 20 * time.Millisecond // at most; the first of a quiet time goes out at once
)

func newNotifier(s *Store, config *pgx.ConnConfig) *notifier {
	own := config.Copy()
	own.RuntimeParams["synchronous_commit"] = "off" // a bell need not survive
	return &notifier{s: s, config: own, self: uuid.NewString()[:8], topics: map[string]struct{}{}, dirty: make(chan struct{}, 1)}
}

func (n *notifier) add(topics []string) {
	n.mu.Lock()
	for _, t := range topics {
		n.topics[t] = struct{}{}
	}
	n.mu.Unlock()
	strike(n.dirty)
}

// payload takes the gathered topics, or "*" if they are too many.
func (n *notifier) payload() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.topics) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(n.self)
	for t := range n.topics {
		b.WriteByte(' ')
		b.WriteString(t)
	}
	clear(n.topics)
	if b.Len() > maxPayload {
		return n.self + " " + everything
	}
	return b.String()
}

// notify sends what was gathered until ctx ends. What could not be sent is dropped: listeners look by themselves now and then.
func (n *notifier) notify(ctx context.Context) {
	var conn *pgx.Conn
	defer func() { closeConn(conn) }()
	for last := false; !last; wait(ctx, notifyEvery) {
		select {
		case <-n.dirty:
		case <-ctx.Done():
			last = true
		}
		conn = n.send(conn)
	}
}

// send sends what was gathered, and returns the connection to use next time. It is not cut short by the end of the store: what rings last says that
// the lease was released, and somebody waits for that.
func (n *notifier) send(conn *pgx.Conn) *pgx.Conn {
	topics := n.payload()
	if topics == "" {
		return conn
	}
	ctx, cancel := context.WithTimeout(context.Background(), notifyLimit)
	defer cancel()
	if conn == nil || conn.IsClosed() {
		fresh, err := pgx.ConnectConfig(ctx, n.config)
		if err != nil {
			n.s.log.Debug("cannot notify other instances", "error", n.s.where.redact(err))
			return nil
		}
		conn = fresh
	}
	if _, err := conn.Exec(ctx, "SELECT pg_notify($1, $2)", channel, topics); err != nil {
		n.s.log.Debug("cannot notify other instances", "error", n.s.where.redact(err))
		closeConn(conn)
	}
	return conn
}

// listen rings for the topics of other processes until ctx ends.
func (n *notifier) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := n.listenOnce(ctx); err != nil && ctx.Err() == nil {
			n.s.log.Warn("not listening to other instances, will try again", "error", n.s.where.redact(err))
			wait(ctx, time.Second+rand.N(time.Second))
		}
	}
}

func (n *notifier) listenOnce(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, n.config)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	n.s.bells.ringAll() // what rang while nobody listened
	for {
		note, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		topics := strings.Fields(note.Payload)
		switch {
		case len(topics) == 0 || topics[0] == n.self:
		case len(topics) > 1 && topics[1] == everything:
			n.s.bells.ringAll()
		default:
			n.s.bells.ringHere(topics[1:]...)
		}
	}
}

func closeConn(c *pgx.Conn) {
	if c != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx) // it is given up either way
	}
}

// wait returns after d or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
