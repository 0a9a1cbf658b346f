package api

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"drydock"
)

// The events of a stream. Every message comes before EventEnd, and before the EventTask that shows the task ended.
const (
	EventMessage = "message" // a TaskMessage; its sequence is the id of the event
	EventTask    = "task"    // the Task without messages, at the beginning and whenever it has changed
	EventEnd     = "end"     // the Task without messages, once: it has ended and all its messages were sent
	EventFailure = "failure" // an ErrorBody: the stream cannot go on; reconnect if it says retry
)

// followBatch is how many messages are read at a time.
const followBatch = 1000

// follow streams what happens to a task as server-sent events until it has ended, the client goes away or the service shuts down.
func (s *server) follow(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	after, err := followAfter(r)
	if err != nil {
		return err
	}
	bell, stop := s.deps.Bells.Listen(string(id)) // before the first look, so that nothing falls between
	defer stop()
	if _, err := s.deps.Tasks.Task(r.Context(), id); err != nil {
		return missing(r, err)
	}
	out := openStream(w, s.options.Stall)
	if r.Method == http.MethodHead {
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.options.Base, cancel)()
	f := &follower{server: s, stream: out, id: id, after: after}
	if err := f.run(ctx, bell); err != nil && ctx.Err() == nil {
		_, body := answer(err, w.Header().Get(headerRequest))
		s.log.WarnContext(ctx, "event stream failed", "req_id", w.Header().Get(headerRequest), "task", id, "error", err)
		_ = out.send(EventFailure, "", body) // it may be the stream itself that failed
	}
	return nil
}

// followAfter says after which message the stream resumes. The header of a reconnecting client is newer than the address it first asked for.
func followAfter(r *http.Request) (int64, error) {
	q := readQuery(r, "after")
	after := q.number("after", 0, 0, math.MaxInt64)
	if q.err != nil {
		return 0, q.err
	}
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		return after, nil
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if err != nil || n < 0 {
		return 0, invalid("Header Last-Event-ID must be the sequence of a message, not %.60q", last)
	}
	return n, nil
}

// follower brings one client up to date again and again.
type follower struct {
	*server
	*stream
	id    drydock.TaskID
	after int64        // the last message sent
	shown drydock.Task // as last sent
}

// run looks whenever the bell rings, and slowly without it, until the task has ended.
func (f *follower) run(ctx context.Context, bell <-chan struct{}) error {
	poll, beat := time.NewTicker(f.options.Poll), time.NewTicker(f.options.Heartbeat)
	defer poll.Stop()
	defer beat.Stop()
	for {
		if ended, err := f.step(ctx); ended || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-bell:
		case <-poll.C:
		case <-beat.C:
			if err := f.comment("alive"); err != nil {
				return err
			}
		}
	}
}

// step sends what is new. The task is read before its messages: if it had ended then, no message can be missing when the end is sent.
func (f *follower) step(ctx context.Context) (ended bool, err error) {
	t, err := f.deps.Tasks.Task(ctx, f.id)
	if err != nil {
		return false, err
	}
	ended = t.Status.Terminal()
	if !ended && f.changed(&t) {
		if err := f.task(ctx, EventTask, t); err != nil {
			return false, err
		}
	}
	if err := f.messages(ctx); err != nil {
		return false, err
	}
	if ended {
		if err := f.task(ctx, EventTask, t); err != nil {
			return false, err
		}
		if err := f.task(ctx, EventEnd, t); err != nil {
			return false, err
		}
	}
	return ended, f.flush()
}

// changed looks at more than the version: upstream's code, working on the same database, does not count versions.
func (f *follower) changed(t *drydock.Task) bool {
	return t.ID != f.shown.ID || t.Version != f.shown.Version || t.Status != f.shown.Status || !t.Updated.Equal(f.shown.Updated)
}

func (f *follower) task(ctx context.Context, event string, t drydock.Task) error {
	task, err := f.wire(ctx, t, false)
	if err != nil {
		return err
	}
	f.shown = t
	return f.send(event, "", task)
}

func (f *follower) messages(ctx context.Context) error {
	for {
		list, err := f.deps.Messages.Messages(ctx, f.id, f.after, followBatch)
		if err != nil {
			return err
		}
		for _, m := range wireTaskMessages(f.id, list) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := f.send(EventMessage, strconv.FormatInt(m.Sequence, 10), m); err != nil {
				return err
			}
			f.after = m.Sequence
		}
		if len(list) < followBatch {
			return nil
		}
		if err := f.flush(); err != nil {
			return err
		}
	}
}

// stream writes server-sent events. Every write has a deadline of its own, so that a reader who stalls cannot hold the connection for ever.
type stream struct {
	w     io.Writer
	rc    *http.ResponseController
	stall time.Duration
}

// openStream begins the response. The connection is closed after it: its last deadline must not meet another request.
func openStream(w http.ResponseWriter, stall time.Duration) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Connection", "close")
	h.Set("X-Accel-Buffering", "no")
	st := &stream{w, http.NewResponseController(w), stall}
	_ = st.rc.SetReadDeadline(time.Time{}) // the server's limit for reading a request would end the stream; not every writer has one
	w.WriteHeader(http.StatusOK)
	return st
}

// send writes one event. JSON holds no line breaks, so its data is one line.
func (s *stream) send(event, id string, data any) error {
	text, err := marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return s.write("event: " + event + "\n" + id + "data: " + string(text) + "\n\n")
}

// comment keeps a silent connection alive.
func (s *stream) comment(text string) error {
	if err := s.write(": " + text + "\n\n"); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) write(text string) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(s.stall)) // not every writer has deadlines
	if _, err := io.WriteString(s.w, text); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

func (s *stream) flush() error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(s.stall))
	if err := s.rc.Flush(); err != nil {
		return fmt.Errorf("send events: %w", err)
	}
	return nil
}
