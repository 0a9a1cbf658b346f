package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"drydock"
)

// How a follower deals with connections that break.
const (
	followFirstWait = 200 * time.Millisecond // before the first new attempt; it doubles
	followLastWait  = 5 * time.Second        // between later attempts
	followPatience  = 5 * time.Minute        // without any connection
	followSilence   = time.Minute            // without a line, not even a heartbeat: the connection is dead
	followLine      = 16 << 20               // bytes of one event
)

// Event is one event of a stream: a Message for EventMessage, a Task for EventTask and EventEnd.
type Event struct {
	Type    string
	Message *TaskMessage
	Task    *Task
}

// Follow calls each for everything that happens to a task behind message number after, until the task has ended and all was told: the last event is
// EventEnd and Follow returns nil. It reconnects by itself when the connection breaks, without losing or repeating a message; states of the task may be
// told again. It ends early with the error of each, of ctx, of the server when asking again is no use, or ErrUnavailable: at once if the service cannot
// be reached to begin with, after some minutes if it cannot be reached again.
func (c *Client) Follow(ctx context.Context, id string, after int64, each func(Event) error) error {
	f := &following{client: c, id: id, after: after, each: each}
	wait, alive := followFirstWait, time.Time{}
	for {
		err := f.connect(ctx)
		if f.ended {
			return nil
		}
		if f.connected {
			wait, alive, f.connected = followFirstWait, time.Now(), false
		}
		switch {
		case f.refused != nil:
			return f.refused
		case ctx.Err() != nil:
			return fmt.Errorf("follow task: %w", ctx.Err())
		case err != nil && !errors.Is(err, drydock.ErrUnavailable), alive.IsZero(), time.Since(alive) > followPatience:
			return fmt.Errorf("follow task: %w", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
		wait = min(2*wait, followLastWait)
	}
}

// following is the state that survives a connection.
type following struct {
	client    *Client
	id        string
	after     int64
	each      func(Event) error
	connected bool  // the present connection was accepted
	ended     bool  // the end was told
	refused   error // what each returned
}

// connect follows one connection to its end, which is an ErrUnavailable unless there is no use in another.
func (f *following) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(followSilence, cancel)
	defer silence.Stop()

	hc := *f.client.http
	hc.Timeout = 0 // a stream has no end in time
	header := http.Header{"Accept": {"text/event-stream"}}
	if f.after > 0 {
		header.Set("Last-Event-ID", strconv.FormatInt(f.after, 10))
	}
	resp, err := f.client.send(ctx, &hc, call{method: "GET", path: "/tasks/" + url.PathEscape(f.id) + "/follow", header: header})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	f.connected = true
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, followLine)
	var event string
	var data []byte
	for lines.Scan() {
		silence.Reset(followSilence)
		line := lines.Bytes()
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0 && event != "":
			silence.Stop() // the time that the caller takes is not the server's
			if err := f.tell(event, data); err != nil || f.ended {
				return err
			}
			silence.Reset(followSilence)
			event, data = "", nil
		case string(name) == "event":
			event = string(value)
		case string(name) == "data":
			data = append(data, value...)
		}
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: event stream broke: %w", drydock.ErrUnavailable, err)
}

// tell hands one event on.
func (f *following) tell(name string, data []byte) error {
	e := Event{Type: name}
	var target any
	var failure ErrorBody
	switch name {
	case EventMessage:
		e.Message = &TaskMessage{}
		target = e.Message
	case EventTask, EventEnd:
		e.Task = &Task{}
		target = e.Task
	case EventFailure:
		target = &failure
	default:
		return nil // of a later version
	}
	if err := json.Unmarshal(data, target); err != nil {
		return fmt.Errorf("event %s cannot be read: %w", name, err)
	}
	if name == EventFailure {
		return failed(failure)
	}
	if f.refused = f.each(e); f.refused != nil {
		return f.refused
	}
	if e.Message != nil {
		f.after = e.Message.Sequence
	}
	f.ended = name == EventEnd
	return nil
}

// failed turns the server's last word into an error: one that is worth another attempt, or not.
func failed(b ErrorBody) error {
	if b.Retry {
		return &remoteError{drydock.ErrUnavailable, b.Message}
	}
	for _, k := range kinds {
		if strings.Contains(b.Message, k.kind.Error()) {
			return &remoteError{k.kind, b.Message}
		}
	}
	return &remoteError{nil, b.Message}
}
