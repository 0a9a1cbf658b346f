package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestUpdate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		task := running(t, s, l)
		got, err := s.UpdateTask(t.Context(), l, task.ID, func(now *drydock.Task) error {
			wantTask(t, "handed to change", *now, task)
			now.Result.Success("n1")
			now.Result.Failure(strings.Repeat("long-name-", 28))
			now.Result.Message, now.Result.Reason = strings.Repeat("m", 5000), strings.Repeat("r", 5000)
			now.Result.Links = append(now.Result.Links, drydock.Link{Rel: "logs", Href: "http://h/"})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := drydock.Result{
			Status: drydock.ResultPartial, Message: strings.Repeat("m", 5000), Reason: strings.Repeat("r", 5000),
			Successes: []string{"n1"}, Failures: []string{strings.Repeat("long-name-", 28)}, Links: []drydock.Link{{Rel: "logs", Href: "http://h/"}},
		}
		wantEqual(t, "result", got.Result, want)
		if got.Version <= task.Version || got.Status != drydock.StatusRunning || got.Updated.Before(task.Updated) {
			t.Errorf("updated: %+v", got)
		}
		wantTask(t, "read back", get(t, s, task.ID), got)
	})
}

func TestUpdateMoves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		move := func(id drydock.TaskID, to drydock.TaskStatus) error {
			_, err := s.UpdateTask(t.Context(), l, id, func(task *drydock.Task) error { task.Status = to; return nil })
			return err
		}
		task := running(t, s, l)
		wantKind(t, "running to requested", move(task.ID, drydock.StatusRequested), drydock.ErrConflict)
		if err := move(task.ID, "sleeping"); !errors.Is(err, drydock.ErrConflict) && !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("to a state that does not exist: %v", err)
		}
		wantStatus(t, s, task.ID, drydock.StatusRunning)
		if err := move(task.ID, drydock.StatusComplete); err != nil {
			t.Errorf("running to complete: %v", err)
		}
		for _, to := range []drydock.TaskStatus{drydock.StatusQueued, drydock.StatusRunning, drydock.StatusTerminating, drydock.StatusTerminated} {
			wantKind(t, "complete to "+string(to), move(task.ID, to), drydock.ErrConflict)
		}
		wantStatus(t, s, task.ID, drydock.StatusComplete)
		wantKind(t, "unknown", move(unknownID, drydock.StatusComplete), drydock.ErrNotFound)
	})
}

func TestUpdateRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		task := running(t, s, l)
		before := state(t, s, task.ID)
		for what, change := range map[string]func(*drydock.Task){
			"id":          func(x *drydock.Task) { x.ID = unknownID },
			"parent":      func(x *drydock.Task) { x.Parent = unknownID },
			"subtasks":    func(x *drydock.Task) { x.Subtasks = append(x.Subtasks, unknownID) },
			"action":      func(x *drydock.Task) { x.Action = "other" },
			"design":      func(x *drydock.Task) { x.DesignRef = "other" },
			"filter":      func(x *drydock.Task) { x.NodeFilter = json.RawMessage(`{}`) },
			"created":     func(x *drydock.Task) { x.Created = x.Created.Add(time.Second) },
			"creator":     func(x *drydock.Task) { x.CreatedBy = "other" },
			"key":         func(x *drydock.Task) { x.Key = "other" },
			"NUL text":    func(x *drydock.Task) { x.Result.Message = "a\x00" },
			"NUL reason":  func(x *drydock.Task) { x.Result.Reason = "a\x00" },
			"UTF-8":       func(x *drydock.Task) { x.Result.Message = "a\xff" },
			"NUL node":    func(x *drydock.Task) { x.Result.Successes = []string{"a\x00"} },
			"UTF-8 node":  func(x *drydock.Task) { x.Result.Failures = []string{"a\xff"} },
			"NUL link":    func(x *drydock.Task) { x.Result.Links = []drydock.Link{{Rel: "r", Href: "a\x00"}} },
			"long node":   func(x *drydock.Task) { x.Result.Failures = []string{strings.Repeat("n", drydock.MaxNodeName+1)} },
			"long text":   func(x *drydock.Task) { x.Result.Message = strings.Repeat("m", drydock.MaxMessageText+1) },
			"long reason": func(x *drydock.Task) { x.Result.Reason = strings.Repeat("m", drydock.MaxMessageText+1) },
			"no result":   func(x *drydock.Task) { x.Result.Status = "wonderful" },
		} {
			_, err := s.UpdateTask(t.Context(), l, task.ID, func(x *drydock.Task) error { change(x); return nil })
			wantInvalid(t, what, err)
		}
		stop := fmt.Errorf("%w: changed my mind", drydock.ErrDenied)
		_, err := s.UpdateTask(t.Context(), l, task.ID, func(x *drydock.Task) error { x.Result.Message = "half"; return stop })
		wantKind(t, "error of change", err, stop)
		if after := state(t, s, task.ID); after != before {
			t.Errorf("a refused update left something:\n%s\n%s", before, after)
		}
	})
}

// Every one of many concurrent read-change-write updates counts.
func TestUpdateConcurrent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const callers, each = 6, 10
		l := storetest.Lead(t, s)
		task := running(t, s, l)
		together(callers, func(i int) {
			for n := range each {
				_, err := s.UpdateTask(t.Context(), l, task.ID, func(x *drydock.Task) error {
					x.Result.Success(fmt.Sprintf("n%d-%d", i, n))
					return nil
				})
				if err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
		got := get(t, s, task.ID)
		if len(got.Result.Successes) != callers*each {
			t.Errorf("%d of %d updates are there", len(got.Result.Successes), callers*each)
		}
		if got.Version < task.Version+callers*each {
			t.Errorf("version %d after %d updates of version %d", got.Version, callers*each, task.Version)
		}
	})
}
