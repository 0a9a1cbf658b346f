package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestFinish(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		task := running(t, s, l)
		addMessages(t, s, task.ID, "before")
		result := drydock.Result{
			Status: drydock.ResultPartial, Message: "some nodes failed", Reason: "Bad Power",
			Successes: []string{"n1", `n,"2`, "NULL", "", "日本", "n 3"}, Failures: []string{"n4", `back\slash`, "{}"},
			Links: []drydock.Link{{Rel: "detail_logs", Href: "http://h/1"}, {Rel: "detail_logs", Href: "http://h/2"}, {Rel: "other", Href: "http://h/3"}},
		}
		result.Successes = slices.DeleteFunc(result.Successes, func(n string) bool { return n == "" })
		done, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{{ID: task.ID, Result: result, Messages: []drydock.Message{
			{Text: "one", ContextType: "node", Context: "n1"}, {Text: "two", Error: true, ContextType: "node", Context: "n4"},
		}}})
		if err != nil || !slices.Equal(done, []drydock.TaskID{task.ID}) {
			t.Fatalf("finished %v, error %v", done, err)
		}
		got := get(t, s, task.ID)
		result.ErrorCount = 1
		wantEqual(t, "result", got.Result, result)
		if got.Status != drydock.StatusComplete || got.Version <= task.Version || got.Updated.Before(task.Updated) || got.Terminate {
			t.Errorf("finished: %+v", got)
		}
		var texts []string
		for _, m := range messages(t, s, task.ID) {
			texts = append(texts, m.Text)
		}
		wantEqual(t, "messages", texts, []string{"before", "one", "two"})

		kept := state(t, s, task.ID)
		again, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{{ID: task.ID, Result: drydock.Result{Status: drydock.ResultFailure}, Messages: []drydock.Message{{Text: "late"}}}})
		if err != nil || len(again) != 0 {
			t.Errorf("finished again: %v, error %v", again, err)
		}
		if now := state(t, s, task.ID); now != kept {
			t.Errorf("a second finish changed the task:\n%s\n%s", kept, now)
		}
	})
}

func TestFinishMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		var mine []drydock.TaskID
		for range 5 {
			mine = append(mine, running(t, s, l).ID)
		}
		queued := create(t, s, noop())
		if _, err := s.TerminateTask(t.Context(), mine[1], "admin"); err != nil {
			t.Fatal(err)
		}
		var list []drydock.TaskFinish
		for i, id := range append(slices.Clone(mine[:4]), queued.ID, unknownID) {
			list = append(list, drydock.TaskFinish{
				ID: id, Result: drydock.Result{Status: drydock.ResultSuccess, Message: fmt.Sprint(i)},
				Messages: []drydock.Message{{Text: fmt.Sprintf("%d first", i), Error: i%2 == 0}, {Text: fmt.Sprintf("%d second", i)}},
			})
		}
		done, err := s.FinishTasks(t.Context(), l, list)
		if err != nil || !sameIDs(done, mine[:4]) {
			t.Fatalf("finished %v, want %v, error %v", done, mine[:4], err)
		}
		for i, id := range mine[:4] {
			task, said := get(t, s, id), messages(t, s, id)
			want := drydock.StatusComplete
			if i == 1 {
				want = drydock.StatusTerminated
				said = said[max(0, len(said)-2):] // terminating may have said something
			}
			if task.Status != want || task.Result.Message != fmt.Sprint(i) || len(said) != 2 || said[0].Text != fmt.Sprintf("%d first", i) {
				t.Errorf("task %d: %+v, messages %+v", i, task, said)
			}
			if wantErrors := (i + 1) % 2; task.Result.ErrorCount < wantErrors {
				t.Errorf("task %d: %d errors counted, want %d", i, task.Result.ErrorCount, wantErrors)
			}
		}
		wantStatus(t, s, queued.ID, drydock.StatusQueued)
		wantStatus(t, s, mine[4], drydock.StatusRunning)
		if len(messages(t, s, queued.ID)) != 0 {
			t.Error("a task that was not finished got messages")
		}
		if none, err := s.FinishTasks(t.Context(), l, nil); err != nil || len(none) != 0 {
			t.Errorf("nothing to finish: %v, error %v", none, err)
		}
	})
}

// A report that comes late, of an attempt that was given back meanwhile, does not end the attempt that is under way.
func TestFinishAttempt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		first := running(t, s, l)
		if _, err := s.RequeueTasks(t.Context(), l, []drydock.TaskID{first.ID}, "why"); err != nil {
			t.Fatal(err)
		}
		second := claim(t, s, l, 1)[0]
		before := state(t, s, first.ID)
		report := func(attempt int) []drydock.TaskID {
			done, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{{
				ID: first.ID, Attempt: attempt, Result: drydock.Result{Status: drydock.ResultSuccess},
				Messages: []drydock.Message{{Text: "done"}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		if done := report(first.Attempt); len(done) != 0 || state(t, s, first.ID) != before {
			t.Errorf("a late report ended %v", done)
		}
		if done := report(second.Attempt); len(done) != 1 {
			t.Errorf("the report of the present attempt ended %v", done)
		}
		third := running(t, s, l)
		done, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{{ID: third.ID, Result: drydock.Result{Status: drydock.ResultSuccess}}})
		if err != nil || len(done) != 1 {
			t.Errorf("a report without attempt ended %v, error %v", done, err)
		}
	})
}

// A task that is named twice ends once, by the first of the two.
func TestFinishTwiceInOneCall(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		id, other := running(t, s, l).ID, running(t, s, l).ID
		end := func(id drydock.TaskID, status drydock.ResultStatus, text string) drydock.TaskFinish {
			return drydock.TaskFinish{ID: id, Result: drydock.Result{Status: status}, Messages: []drydock.Message{{Text: text}}}
		}
		done, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{
			end(id, drydock.ResultSuccess, "first"), end(other, drydock.ResultSuccess, "other"), end(id, drydock.ResultFailure, "second"),
		})
		if errors.Is(err, drydock.ErrInvalid) {
			wantStatus(t, s, id, drydock.StatusRunning)
			return
		}
		if err != nil || !sameIDs(done, []drydock.TaskID{id, other}) {
			t.Fatalf("finished %v, error %v", done, err)
		}
		if task, said := get(t, s, id), messages(t, s, id); task.Result.Status != drydock.ResultSuccess || len(said) != 1 || said[0].Text != "first" {
			t.Errorf("result %+v, messages %+v", task.Result, said)
		}
	})
}

func TestFinishConcurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 12
		l := storetest.Lead(t, s)
		var list []drydock.TaskFinish
		for range n {
			list = append(list, drydock.TaskFinish{ID: running(t, s, l).ID, Result: drydock.Result{Status: drydock.ResultSuccess}, Messages: []drydock.Message{{Text: "end"}}})
		}
		var mu sync.Mutex
		var done []drydock.TaskID
		together(6, func(i int) {
			mine := slices.Clone(list)
			if i%2 == 1 {
				slices.Reverse(mine) // opposite orders: would deadlock if rows were locked as they are named
			}
			got, err := s.FinishTasks(t.Context(), l, mine)
			if err != nil {
				t.Errorf("finish: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, got...)
		})
		if len(done) != n {
			t.Errorf("%d finishes of %d tasks", len(done), n)
		}
		for _, f := range list {
			if got := len(messages(t, s, f.ID)); got != 1 {
				t.Errorf("%d messages, want 1", got)
			}
		}
	})
}
