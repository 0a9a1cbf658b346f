package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/store"
	"drydock/store/storetest"
)

// listener reads an event stream line by line.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

// listen opens an event stream; headers are "Name: value".
func (s *service) listen(path string, headers ...string) *listener {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("%s: %s %v", path, resp.Status, resp.Header)
	}
	l := &listener{s.t, bufio.NewScanner(resp.Body), func() { _ = resp.Body.Close() }}
	s.t.Cleanup(l.close)
	return l
}

// next returns the next event as "name id text", where text is the message or the status of the task; "" at the end of the stream.
func (l *listener) next() string {
	l.t.Helper()
	var name, id, data string
	for l.lines.Scan() {
		key, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch key {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if name == "" {
				continue // behind a comment
			}
			what := "message"
			if name == "task" || name == "end" {
				what = "status"
			}
			_, text, _ := strings.Cut(data, `"`+what+`":"`)
			text, _, _ = strings.Cut(text, `"`)
			return strings.Join(strings.Fields(name+" "+id+" "+text), " ")
		}
	}
	return ""
}

func (l *listener) expect(events ...string) {
	l.t.Helper()
	for _, want := range events {
		if got := l.next(); got != want {
			l.t.Fatalf("event %q, want %q", got, want)
		}
	}
}

func TestFollow(t *testing.T) {
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.Poll = time.Hour }) // only the bell
	task := s.queue()
	s.say(task.ID, "before")
	seq := func(n int) string {
		t.Helper()
		list, err := s.Messages(context.Background(), task.ID, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatInt(list[n].Seq, 10)
	}
	l := s.listen("/api/v1.0/tasks/" + string(task.ID) + "/follow")
	l.expect("task queued", "message "+seq(0)+" before")
	lease := storetest.Lead(t, s.Store)
	s.claim(lease)
	s.say(task.ID, "!live")
	l.expect("task running", "message "+seq(1)+" !live")
	s.finish(lease, task.ID)
	l.expect("message "+seq(2)+" last", "task complete", "end complete", "")

	resumed := s.listen("/api/v1.0/tasks/"+string(task.ID)+"/follow?after="+seq(0), "Last-Event-ID: "+seq(1))
	resumed.expect("message "+seq(2)+" last", "task complete", "end complete", "")
	after := s.listen("/api/v1.0/tasks/" + string(task.ID) + "/follow?after=" + seq(2))
	after.expect("task complete", "end complete", "")
}

// deaf has bells that never ring.
type deaf struct{}

func (deaf) Listen(string) (<-chan struct{}, func()) { return nil, func() {} }

func TestFollowWithoutBell(t *testing.T) {
	s := newService(t, func(d *api.Deps, o *api.Options) { d.Bells, o.Poll = deaf{}, 5*time.Millisecond })
	task := s.queue()
	l := s.listen("/api/v1.0/tasks/" + string(task.ID) + "/follow")
	l.expect("task queued")
	if _, err := s.TerminateTask(context.Background(), task.ID, ""); err != nil {
		t.Fatal(err)
	}
	if got := l.next(); !strings.HasSuffix(got, "Terminated before it began.") {
		t.Error(got)
	}
	l.expect("task terminated", "end terminated", "")
}

func TestHeartbeat(t *testing.T) {
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.Heartbeat = 5 * time.Millisecond })
	task := s.queue()
	l := s.listen("/api/v1.0/tasks/" + string(task.ID) + "/follow")
	l.expect("task queued")
	for n := 0; n < 3; {
		if !l.lines.Scan() {
			t.Fatal("the stream ended")
		}
		if strings.HasPrefix(l.lines.Text(), ":") {
			n++
		}
	}
}

// TestFollowShutdown checks that the end of Base ends the streams, and that clients who leave are let go.
func TestFollowShutdown(t *testing.T) {
	base, stop := context.WithCancel(context.Background())
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.Base = base })
	task := s.queue()
	path := "/api/v1.0/tasks/" + string(task.ID) + "/follow"
	left := s.listen(path)
	left.expect("task queued")
	left.close()
	stays := s.listen(path)
	stays.expect("task queued")
	stop()
	stays.expect("")
}

// TestStalledReader checks that a reader who stops reading is given up.
func TestStalledReader(t *testing.T) {
	released := make(chan struct{})
	s := newService(t, func(d *api.Deps, o *api.Options) {
		o.Stall = 50 * time.Millisecond
		d.Bells = noting{d.Bells, released}
	})
	task := s.queue()
	text := strings.Repeat("x", 60_000)
	for range 20 {
		s.say(task.ID, text, text, text, text, text, text, text, text, text, text)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /api/v1.0/tasks/%s/follow HTTP/1.1\r\nHost: localhost\r\n\r\n", task.ID); err != nil {
		t.Fatal(err)
	}
	select {
	case <-released:
	case <-time.After(30 * time.Second):
		t.Fatal("the reader still holds its stream")
	}
}

// noting says when a listener stops.
type noting struct {
	api.Bells
	stopped chan struct{}
}

func (n noting) Listen(topic string) (<-chan struct{}, func()) {
	bell, stop := n.Bells.Listen(topic)
	return bell, func() { stop(); close(n.stopped) }
}

// TestFollowFailure checks what a client learns when the stream cannot go on.
func TestFollowFailure(t *testing.T) {
	var fails atomic.Pointer[error]
	s := newService(t, func(d *api.Deps, o *api.Options) {
		o.Poll = 5 * time.Millisecond
		d.Tasks = failing{d.Tasks.(*store.Store), &fails}
	})
	task := s.queue()
	gone := fmt.Errorf("get task: %w: purged", drydock.ErrNotFound)
	var events []string
	err := s.client.Follow(context.Background(), string(task.ID), 0, func(e api.Event) error {
		events = append(events, e.Type)
		fails.Store(&gone)
		return nil
	})
	if !errors.Is(err, drydock.ErrNotFound) || !slices.Equal(events, []string{"task"}) {
		t.Errorf("%v, %v", events, err)
	}
}

// failing is a store whose tasks cannot be read as soon as there is an error for it.
type failing struct {
	*store.Store
	with *atomic.Pointer[error]
}

func (f failing) Task(ctx context.Context, id drydock.TaskID) (drydock.Task, error) {
	if err := f.with.Load(); err != nil {
		return drydock.Task{}, *err
	}
	return f.Store.Task(ctx, id)
}

// TestFollowMany checks that many followers see every message once and in order while several writers add them.
func TestFollowMany(t *testing.T) {
	const followers, writers, messages = 8, 4, 50
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.Poll = time.Hour })
	task := s.queue()
	lease := storetest.Lead(t, s.Store)
	s.claim(lease)
	var reading, writing sync.WaitGroup
	for range followers {
		reading.Go(func() {
			var last int64
			n := 0
			err := s.client.Follow(context.Background(), string(task.ID), 0, func(e api.Event) error {
				if e.Message == nil {
					return nil
				}
				if n++; e.Message.Sequence <= last {
					t.Errorf("message %d came after %d", e.Message.Sequence, last)
				}
				last = e.Message.Sequence
				return nil
			})
			if want := writers*messages + 1; err != nil || n != want {
				t.Errorf("%d messages, want %d; %v", n, want, err)
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for i := range messages {
				if err := s.AddMessages(context.Background(), task.ID, drydock.Message{Text: fmt.Sprint(w, i), ContextType: "NA", Context: "NA"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	s.finish(lease, task.ID)
	reading.Wait()
}

// cutting breaks every stream after some bytes, the more the later.
type cutting struct {
	next  http.RoundTripper
	count *atomic.Int64
}

func (c cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, 900*c.count.Add(1)), resp.Body}
	}
	return resp, err
}

// TestFollowReconnects checks that broken connections lose and repeat nothing.
func TestFollowReconnects(t *testing.T) {
	s := newService(t, nil)
	task := s.queue()
	var want, got []string
	for i := range 12 {
		want = append(want, fmt.Sprint("message ", i))
	}
	s.say(task.ID, want...)
	if _, err := s.TerminateTask(context.Background(), task.ID, ""); err != nil {
		t.Fatal(err)
	}
	var connections atomic.Int64
	client, err := api.NewClient(s.url, &http.Client{Transport: cutting{s.http.Transport, &connections}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	err = client.Follow(context.Background(), string(task.ID), 0, func(e api.Event) error {
		if e.Message != nil {
			got = append(got, e.Message.Message.Message)
		}
		return nil
	})
	if want = append(want, "Terminated before it began."); err != nil || !slices.Equal(got, want) || connections.Load() < 2 {
		t.Errorf("%d connections, %v:\n%q\n%q", connections.Load(), err, got, want)
	}
}

func TestFollowEndsEarly(t *testing.T) {
	s := newService(t, nil)
	task := s.queue()
	enough := errors.New("enough")
	if err := s.client.Follow(context.Background(), string(task.ID), 0, func(api.Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the error of the callback: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := s.client.Follow(ctx, string(task.ID), 0, func(api.Event) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the context: %v", err)
	}
	if err := s.client.Follow(context.Background(), id0, 0, func(api.Event) error { return nil }); !errors.Is(err, drydock.ErrNotFound) {
		t.Errorf("an unknown task: %v", err)
	}
}
