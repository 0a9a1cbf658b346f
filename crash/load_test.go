package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/store/storetest"
)

const (
	pace        = 10 * time.Millisecond // between two requests of a client
	answerLimit = 40 * time.Second      // an answer may take what an operation of the store may take, 30 s, and a little
	repeatLimit = 90 * time.Second      // what may be repeated gets its answer within this time
)

// load is a number of clients at work, and a journal of what they asked for and were told.
type load struct {
	t       *testing.T
	designs *designs
	folder  folder
	stop    func() // lets the clients finish what they are at; can be called again

	servers  atomic.Pointer[[]*server] // who is asked
	answered atomic.Int64
	silent   atomic.Int64 // requests without an answer
	refused  atomic.Int64 // requests that were answered with a 503
	slowest  atomic.Int64 // answer, in nanoseconds

	mu      sync.Mutex
	journal []*request
}

// request is one creation. Its reference names no other, so the task is found also if the answer was not.
type request struct {
	action drydock.Action
	ref    string
	key    string
	id     drydock.TaskID     // "": not acknowledged
	ended  drydock.TaskStatus // what the acknowledgement of its termination showed; "": not asked for
}

// mix is what a client does: so many of a hundred requests.
type mix struct{ noop, keyed, site, terminated, held, foreign int }

// everything is noops without and with a key, validations of the example site, noops that are terminated at once, validations that last until they
// are terminated, and tasks that nobody here can do, also terminated.
var everything = mix{noop: 35, keyed: 25, site: 10, terminated: 15, held: 10, foreign: 5}

func newLoad(t *testing.T) *load {
	t.Helper()
	return &load{t: t, designs: serveDesigns(t), folder: newFolder(t), stop: func() {}}
}

// ask directs the clients to these servers from now on.
func (l *load) ask(servers ...*server) { l.servers.Store(&servers) }

// run starts clients that work until stop.
func (l *load) run(clients int, m mix) {
	done := make(chan struct{})
	var working sync.WaitGroup
	for client := range clients {
		working.Go(func() {
			tick := time.NewTicker(pace)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				case <-tick.C:
					l.step(m, fmt.Sprintf("c%d-%d", client, n))
				}
			}
		})
	}
	l.stop = sync.OnceFunc(func() {
		close(done)
		working.Wait()
	})
	l.t.Cleanup(l.stop)
}

// step does one thing of the mix.
func (l *load) step(m mix, name string) {
	const nowhere = "https://nowhere.example/"
	pick := rand.N(m.noop + m.keyed + m.site + m.terminated + m.held + m.foreign)
	until := func(n int) bool {
		pick -= n
		return pick < 0
	}
	switch {
	case until(m.noop):
		l.create(drydock.ActionNoop, nowhere+name, "")
	case until(m.keyed):
		l.create(drydock.ActionNoop, nowhere+name, name)
	case until(m.site):
		ref, err := l.folder.ref(name)
		if err != nil {
			l.t.Error(err)
			return
		}
		l.create(drydock.ActionValidateDesign, ref, name)
	case until(m.terminated):
		l.terminate(l.create(drydock.ActionNoop, nowhere+name, name))
	case until(m.held):
		l.terminate(l.create(drydock.ActionValidateDesign, l.designs.url+"/held/"+name, name))
	default:
		l.terminate(l.create(drydock.ActionVerifySite, nowhere+name, name))
	}
}

// create asks for a task, with a key until it is answered.
func (l *load) create(action drydock.Action, ref, key string) *request {
	r := &request{action: action, ref: ref, key: key}
	l.mu.Lock()
	l.journal = append(l.journal, r)
	l.mu.Unlock()
	l.call("create "+ref, key != "", func(ctx context.Context, c *server) error {
		task, _, err := c.CreateTask(ctx, api.CreateTaskRequest{Action: action, DesignRef: ref, Key: key})
		if err == nil {
			l.mu.Lock()
			r.id = task.TaskID
			l.mu.Unlock()
		}
		return err
	})
	return r
}

func (l *load) terminate(r *request) {
	if r.id == "" {
		return // an error that has been reported
	}
	l.call("terminate "+r.ref, true, func(ctx context.Context, c *server) error {
		task, err := c.Terminate(ctx, string(r.id), "")
		if err == nil {
			l.mu.Lock()
			r.ended = task.Status
			l.mu.Unlock()
		}
		return err
	})
}

// call asks one of the servers, again and again until one answers if the request may be repeated.
func (l *load) call(what string, repeat bool, send func(context.Context, *server) error) {
	pause := time.NewTicker(pace)
	defer pause.Stop()
	for begin := time.Now(); ; <-pause.C {
		servers := *l.servers.Load()
		ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
		sent := time.Now()
		err := send(ctx, servers[rand.N(len(servers))])
		late := ctx.Err() != nil
		cancel()
		took := time.Since(sent).Nanoseconds()
		for old := l.slowest.Load(); old < took && !l.slowest.CompareAndSwap(old, took); old = l.slowest.Load() {
		}
		switch {
		case err == nil:
			l.answered.Add(1)
			return
		case late:
			l.t.Errorf("%s: no answer within %v: %v", what, answerLimit, err)
			return
		case !errors.Is(err, drydock.ErrUnavailable):
			l.t.Errorf("%s: %v", what, err)
			return
		case unanswered(err):
			l.silent.Add(1)
		default:
			l.refused.Add(1)
		}
		if !repeat {
			return
		}
		if time.Since(begin) > repeatLimit {
			l.t.Errorf("%s: not possible within %v: %v", what, repeatLimit, err)
			return
		}
	}
}

// awaitAnswers waits for n more.
func (l *load) awaitAnswers(n int) {
	l.t.Helper()
	goal := l.answered.Load() + int64(n)
	storetest.Eventually(l.t, fmt.Sprintf("%d requests are answered", n), func() bool { return l.answered.Load() >= goal })
}

// sound waits until a task that is created now has been done.
func (l *load) sound(t *testing.T, s *server) {
	t.Helper()
	name := fmt.Sprintf("sound-%d", l.answered.Load())
	r := l.create(drydock.ActionNoop, "https://nowhere.example/"+name, name)
	storetest.Eventually(t, "a new task is done", func() bool {
		task, err := s.Task(t.Context(), string(r.id), api.TaskOptions{})
		return err == nil && task.Status.Terminal()
	})
}
