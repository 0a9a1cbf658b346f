package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// What was answered is there after the server crashed, calls meanwhile say that it could not be reached, and the same store goes on afterwards.
func TestServerCrash(t *testing.T) {
	server := storetest.Server(t)
	s := storetest.OpenURL(t, server.URL())
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := storetest.Lead(t, s)
	for range 2 {
		kept := crash(t, s, server)
		storetest.Eventually(t, "the store works again", func() bool { return s.Ping(t.Context()) == nil })
		for _, id := range kept {
			if _, err := s.Task(t.Context(), id); err != nil {
				t.Errorf("a task whose creation was confirmed: %v", err)
			}
		}
		if now, err := s.CurrentLease(t.Context()); err != nil || now.Term != l.Term {
			t.Errorf("lease %+v, error %v", now, err)
		}
		bell, stop := s.Listen(store.TopicQueue)
		wantRing(t, "creating a task after the crash", bell, func() { create(t, s, noop()) })
		stop()
	}
}

// crash creates tasks until the server is gone, and returns those that were confirmed.
func crash(t *testing.T, s *store.Store, server *storetest.PostgresServer) (kept []drydock.TaskID) {
	t.Helper()
	const writers = 4
	var mu sync.Mutex
	enough := make(chan struct{})
	together(writers+1, func(i int) {
		if i == writers {
			<-enough
			server.Stop(t, true)
			return
		}
		for {
			task, _, err := s.CreateTask(t.Context(), withSubtasks(noop(), noop()))
			if err != nil {
				wantKind(t, "a creation that the crash cut off", err, drydock.ErrUnavailable)
				return
			}
			mu.Lock()
			if kept = append(kept, task.ID); len(kept) == 50 {
				close(enough)
			}
			mu.Unlock()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for name, call := range methods(drydock.Lease{Holder: uuid.NewString(), Term: 1}, someTask) {
		if err := call(ctx, s); !errors.Is(err, drydock.ErrUnavailable) || errors.Is(err, drydock.ErrUnknown) {
			t.Errorf("%s without a server: %v", name, err)
		}
	}
	server.Start(t)
	return kept
}

// A creation whose outcome is unknown is repeated with its key: there is one task, whichever of the two made it.
func TestServerCrashRepeat(t *testing.T) {
	server := storetest.Server(t)
	s := storetest.OpenURL(t, server.URL())
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const writers = 8
	stop := make(chan struct{})
	var once sync.Once
	keys := make([][]string, writers)
	together(writers+1, func(i int) {
		if i == writers {
			<-stop
			server.Stop(t, true)
			server.Start(t)
			return
		}
		for n := 0; n < 60; n++ {
			ask := noop()
			ask.Key = uuid.NewString()
			keys[i] = append(keys[i], ask.Key)
			storetest.Eventually(t, "the task is made", func() bool {
				_, _, err := s.CreateTask(t.Context(), ask)
				if err != nil {
					wantKind(t, "meanwhile", err, drydock.ErrUnavailable)
				}
				return err == nil || t.Failed()
			})
			if n == 20 {
				once.Do(func() { close(stop) })
			}
		}
	})
	var want []string
	for _, list := range keys {
		want = append(want, list...)
	}
	all := pages(t, s, drydock.TaskQuery{Limit: drydock.MaxPage})
	if len(all) != len(want) {
		t.Errorf("%d tasks of %d keys", len(all), len(want))
	}
}
