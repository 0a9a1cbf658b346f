package store_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

const otherTask drydock.TaskID = "99999999-2222-4333-8444-555555555555"

func bootContext(t testing.TB, s *store.Store, node string, task drydock.TaskID, key byte) drydock.BootContext {
	t.Helper()
	c := drydock.BootContext{Node: node, Task: task, Key: bytes.Repeat([]byte{key}, 32)}
	if err := s.SetBootContext(t.Context(), c); err != nil {
		t.Fatalf("set boot context: %v", err)
	}
	return c
}

// ulid is the n-th of an ordered row.
func ulid(n int) string { return fmt.Sprintf("01ARZ3NDEKTSV4RRFFQ69G5F%02d", n) }

func action(c drydock.BootContext, n int, name string, status drydock.ResultStatus) drydock.BootAction {
	return drydock.BootAction{ID: ulid(n), Node: c.Node, Name: name, Task: c.Task, Key: c.Key, Status: status}
}

func TestBootContext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.BootContext(t.Context(), "n1")
		wantKind(t, "no context", err, drydock.ErrNotFound)
		first := bootContext(t, s, "n1", someTask, 1)
		bootContext(t, s, "n2", someTask, 2)
		got, err := s.BootContext(t.Context(), "n1")
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "first", got, first)
		second := bootContext(t, s, "n1", otherTask, 3)
		if got, err = s.BootContext(t.Context(), "n1"); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "the newer deployment replaces", got, second)
		for what, c := range map[string]drydock.BootContext{
			"no node":   {Task: someTask, Key: first.Key},
			"long node": {Node: strings.Repeat("n", drydock.MaxNodeName+1), Task: someTask, Key: first.Key},
			"NUL":       {Node: "n\x00", Task: someTask, Key: first.Key},
			"UTF-8":     {Node: "n\xff", Task: someTask, Key: first.Key},
			"no task":   {Node: "n", Key: first.Key},
			"no key":    {Node: "n", Task: someTask},
		} {
			wantInvalid(t, what, s.SetBootContext(t.Context(), c))
		}
		bootContext(t, s, strings.Repeat("n", drydock.MaxNodeName), someTask, 4)
	})
}

func TestBootActions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if none, err := s.BootActions(t.Context(), "n1"); err != nil || len(none) != 0 {
			t.Errorf("of an unknown node: %v, error %v", none, err)
		}
		old := bootContext(t, s, "n1", someTask, 1)
		older := []drydock.BootAction{action(old, 0, "a", drydock.ResultIncomplete), action(old, 1, "b", drydock.ResultUnreported)}
		if err := s.AddBootActions(t.Context(), older[1], older[0]); err != nil {
			t.Fatal(err)
		}
		got, err := s.BootActions(t.Context(), "n1")
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "by ULID", got, older)
		now := bootContext(t, s, "n1", otherTask, 2)
		newer := []drydock.BootAction{action(now, 10, "a", drydock.ResultIncomplete), action(now, 11, strings.Repeat("long", 60), drydock.ResultIncomplete)}
		other := action(bootContext(t, s, "n2", otherTask, 3), 12, "a", drydock.ResultIncomplete)
		if err := s.AddBootActions(t.Context(), append(newer, other)...); err != nil {
			t.Fatal(err)
		}
		if got, err = s.BootActions(t.Context(), "n1"); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "only of the newest deployment", got, newer)
		one, err := s.BootAction(t.Context(), older[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "the old one is still there by its id", one, older[0])
		one, err = s.BootAction(t.Context(), strings.ToLower(newer[0].ID))
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "in lower case", one, newer[0])
	})
}

func TestBootActionRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, id := range []string{unknownULID, "", "x", unknownULID + "A", unknownULID[1:], "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5FA\x00", "01ARZ3NDEKTSV4RRFFQ69G5F\xc3\xa9"} {
			_, err := s.BootAction(t.Context(), id)
			wantKind(t, fmt.Sprintf("get %q", id), err, drydock.ErrNotFound)
			_, err = s.ReportBootAction(t.Context(), id, drydock.ResultSuccess)
			wantKind(t, fmt.Sprintf("report %q", id), err, drydock.ErrNotFound)
		}
		good := action(bootContext(t, s, "n1", someTask, 1), 0, "a", drydock.ResultIncomplete)
		for what, change := range map[string]func(*drydock.BootAction){
			"no id":     func(a *drydock.BootAction) { a.ID = "" },
			"bad id":    func(a *drydock.BootAction) { a.ID = "U" + ulid(1)[1:] },
			"no node":   func(a *drydock.BootAction) { a.Node = "" },
			"long node": func(a *drydock.BootAction) { a.Node = strings.Repeat("n", drydock.MaxNodeName+1) },
			"long name": func(a *drydock.BootAction) { a.Name = strings.Repeat("n", drydock.MaxName+1) },
			"NUL name":  func(a *drydock.BootAction) { a.Name = "\x00" },
			"UTF-8":     func(a *drydock.BootAction) { a.Name = "\xff" },
			"status":    func(a *drydock.BootAction) { a.Status = "wonderful" },
		} {
			bad := good
			bad.ID = ulid(1)
			change(&bad)
			wantInvalid(t, what, s.AddBootActions(t.Context(), good, bad))
		}
		if _, err := s.BootAction(t.Context(), good.ID); err == nil {
			t.Error("a refused call left one")
		}
		if err := s.AddBootActions(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "the same id again", s.AddBootActions(t.Context(), action(drydock.BootContext{Node: "n9", Task: someTask, Key: good.Key}, 0, "b", drydock.ResultIncomplete)), drydock.ErrConflict)
		for _, status := range []drydock.ResultStatus{"", "wonderful", drydock.ResultIncomplete, drydock.ResultUnreported, "SUCCESS"} {
			_, err := s.ReportBootAction(t.Context(), good.ID, status)
			wantInvalid(t, fmt.Sprintf("report %q", status), err)
		}
	})
}

func TestBootActionReport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := bootContext(t, s, "n1", someTask, 1)
		silent, first, second := action(c, 0, "s", drydock.ResultUnreported), action(c, 1, "a", drydock.ResultIncomplete), action(c, 2, "b", drydock.ResultIncomplete)
		if err := s.AddBootActions(t.Context(), silent, first, second); err != nil {
			t.Fatal(err)
		}
		got, err := s.ReportBootAction(t.Context(), strings.ToLower(first.ID), drydock.ResultFailure)
		if err != nil {
			t.Fatal(err)
		}
		first.Status = drydock.ResultFailure
		wantEqual(t, "reported", got, first)
		for _, status := range []drydock.ResultStatus{drydock.ResultFailure, drydock.ResultSuccess} {
			_, err = s.ReportBootAction(t.Context(), first.ID, status)
			wantKind(t, "a second report", err, drydock.ErrConflict)
		}
		_, err = s.ReportBootAction(t.Context(), silent.ID, drydock.ResultSuccess)
		wantKind(t, "one that does not signal", err, drydock.ErrConflict)
		all, err := s.BootActions(t.Context(), "n1")
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "all", all, []drydock.BootAction{silent, first, second})
	})
}

// Of many reports at the same time exactly one is taken, and it is the one that stays.
func TestBootActionRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := bootContext(t, s, "n1", someTask, 1)
		for round := range 10 {
			a := action(c, round, "a", drydock.ResultIncomplete)
			if err := s.AddBootActions(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			var won atomic.Int32
			var winner atomic.Value
			together(8, func(i int) {
				status := []drydock.ResultStatus{drydock.ResultSuccess, drydock.ResultFailure}[i%2]
				_, err := s.ReportBootAction(t.Context(), a.ID, status)
				if err == nil {
					won.Add(1)
					winner.Store(status)
				} else {
					wantKind(t, "the others", err, drydock.ErrConflict)
				}
			})
			got, err := s.BootAction(t.Context(), a.ID)
			if err != nil || won.Load() != 1 || got.Status != winner.Load() {
				t.Errorf("%d reports were taken, the last of them %v, stored is %s, error %v", won.Load(), winner.Load(), got.Status, err)
			}
		}
	})
}
