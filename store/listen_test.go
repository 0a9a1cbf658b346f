package store_test

import (
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// wantRing waits for a bell, after whatever rang before.
func wantRing(t testing.TB, what string, bell <-chan struct{}, act func()) {
	t.Helper()
	for drained := false; !drained; {
		select {
		case <-bell:
		default:
			drained = true
		}
	}
	act()
	select {
	case <-bell:
	case <-time.After(20 * time.Second):
		t.Errorf("no bell after %s", what)
	}
}

func TestListen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { listenAndAct(t, s, s) })
}

// The bell rings in other processes too, where the database can carry it.
func TestListenElsewhere(t *testing.T) {
	url := storetest.PostgresURL(t)
	here, there := storetest.OpenURL(t, url), storetest.OpenURL(t, url)
	// Listening begins in the background: ring until it is heard.
	bell, stop := here.Listen(store.TopicQueue)
	defer stop()
	storetest.Eventually(t, "the other store is heard", func() bool {
		create(t, there, noop())
		select {
		case <-bell:
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	l := storetest.Lead(t, there)
	if _, err := there.ClaimTasks(t.Context(), l, []drydock.Action{drydock.ActionNoop}, 1024); err != nil {
		t.Fatal(err)
	}
	if err := there.ReleaseLease(t.Context(), l, "for the test"); err != nil {
		t.Fatal(err)
	}
	listenAndAct(t, here, there)
}

func listenAndAct(t *testing.T, here, there *store.Store) {
	t.Helper()
	queue, stopQueue := here.Listen(store.TopicQueue)
	defer stopQueue()
	wantRing(t, "creating a task", queue, func() { create(t, there, noop()) })
	l := storetest.Lead(t, there)
	task := claim(t, there, l, 1)[0]
	bell, stop := here.Listen(string(task.ID))
	defer stop()
	quiet, stopQuiet := here.Listen(string(unknownID))
	defer stopQuiet()
	wantRing(t, "a message", bell, func() { addMessages(t, there, task.ID, "hello") })
	wantRing(t, "an update", bell, func() {
		_, err := there.UpdateTask(t.Context(), l, task.ID, func(x *drydock.Task) error { x.Result.Success("n"); return nil })
		if err != nil {
			t.Fatal(err)
		}
	})
	wantRing(t, "a subtask", queue, func() {
		if _, err := there.CreateSubtasks(t.Context(), l, task.ID, []drydock.NewTask{noop()}); err != nil {
			t.Fatal(err)
		}
	})
	child := claim(t, there, l, 1)[0]
	wantRing(t, "giving a task back", queue, func() {
		if _, err := there.RequeueTasks(t.Context(), l, []drydock.TaskID{child.ID}, "why"); err != nil {
			t.Fatal(err)
		}
	})
	claim(t, there, l, 1)
	wantRing(t, "the end of a child", bell, func() {
		finish(t, there, l, drydock.Result{Status: drydock.ResultFailure, Failures: []string{"n"}}, child.ID)
	})
	wantRing(t, "a retry", queue, func() {
		if _, err := there.RetryTask(t.Context(), l, child.ID, 3); err != nil {
			t.Fatal(err)
		}
	})
	wantRing(t, "a termination, at the queue", queue, func() {
		if _, err := there.TerminateTask(t.Context(), task.ID, "admin"); err != nil {
			t.Fatal(err)
		}
	})
	wantRing(t, "the end", bell, func() { finish(t, there, l, drydock.Result{Status: drydock.ResultFailure}, task.ID) })
	select {
	case <-quiet:
		t.Log("the bell of another task rang, which it may")
	default:
	}
}

func TestListenStops(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first, stop := s.Listen(store.TopicQueue)
		second, stopSecond := s.Listen(store.TopicQueue)
		defer stopSecond()
		stop()
		stop()
		wantRing(t, "creating a task", second, func() { create(t, s, noop()) })
		select {
		case _, open := <-first:
			if open {
				t.Error("a bell rang after its stop")
			}
		default:
		}
		// Nobody takes the rings: writers do not wait.
		for range 20 {
			create(t, s, noop())
		}
	})
}

// Listeners come and go while others ring.
func TestListenConcurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := create(t, s, noop()).ID
		together(6, func(i int) {
			for range 20 {
				if i < 2 {
					addMessages(t, s, id, "x")
					continue
				}
				bell, stop := s.Listen(string(id))
				select {
				case <-bell:
				default:
				}
				stop()
			}
		})
	})
}
