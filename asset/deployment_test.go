package asset

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/site"
	"drydock/store"
	"drydock/store/storetest"
)

// TestDeploy records deployments in real databases.
func TestDeploy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := plain(action("first"), action("silent"), action("other"), action("last"))
		d.BootActions[1].Signaling = false
		d.BootActions[2].Targets = []string{"w2"}
		key, err := Deploy(t.Context(), s, d, "w1", task)
		if err != nil || len(key) != 32 {
			t.Fatalf("%x, %v", key, err)
		}
		c, err := s.BootContext(t.Context(), "w1")
		if err != nil || c.Task != task || !bytes.Equal(c.Key, key) {
			t.Errorf("%+v, %v", c, err)
		}
		list, err := s.BootActions(t.Context(), "w1")
		if err != nil || len(list) != 3 {
			t.Fatalf("%+v, %v", list, err)
		}
		for i, want := range []drydock.BootAction{
			{Name: "first", Status: drydock.ResultIncomplete}, {Name: "silent", Status: drydock.ResultUnreported}, {Name: "last", Status: drydock.ResultIncomplete},
		} {
			got := list[i] // in the order of the identities, which is that of the design
			if got.Name != want.Name || got.Status != want.Status || got.Task != task || got.Node != "w1" || !bytes.Equal(got.Key, key) {
				t.Errorf("%d: %+v", i, got)
			}
		}
		again, err := Deploy(t.Context(), s, d, "w1", task)
		if err != nil || bytes.Equal(again, key) {
			t.Errorf("the second deployment has the key of the first, or %v", err)
		}
		if _, err := Deploy(t.Context(), s, d, "w9", task); !errors.Is(err, drydock.ErrNotFound) {
			t.Errorf("an unknown node: %v", err)
		}
		if key, err := Deploy(t.Context(), s, plain(), "w2", task); key != nil || err != nil {
			t.Errorf("nothing to do: %x, %v", key, err)
		}
		if _, err := s.BootContext(t.Context(), "w2"); !errors.Is(err, drydock.ErrNotFound) {
			t.Errorf("nothing to do, but there is a context: %v", err)
		}
	})
}

// TestIDs: identities sort in their order, differ, and hold the time.
func TestIDs(t *testing.T) {
	now := time.UnixMilli(1_469_922_850_259)
	high := io.MultiReader(bytes.NewReader(bytes.Repeat([]byte{0xff}, 10+4*3)))
	for _, random := range []io.Reader{high, bytes.NewReader(make([]byte, 10+4*3))} {
		ids, err := newIDs(now, 3, random)
		if err != nil || !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != 3 {
			t.Errorf("%q, %v", ids, err)
		}
		for _, id := range ids {
			if len(id) != 26 || !strings.HasPrefix(id, "01ARZ3NDEK") || drydock.ULIDBytes(id) == nil {
				t.Errorf("%q is no ULID of the time", id)
			}
		}
	}
	if _, err := newIDs(now, 3, strings.NewReader("short")); err == nil {
		t.Error("identities without randomness")
	}
	first, _, err := Plan(plain(action("a")), "w1", task, now)
	if err != nil || len(first.Key) != 32 {
		t.Errorf("%+v, %v", first, err)
	}
	many := plain(slices.Repeat([]*site.BootAction{action("a")}, 500)...)
	_, actions, err := Plan(many, "w1", task, now)
	seen := map[string]bool{}
	for _, a := range actions {
		seen[a.ID] = true
	}
	if err != nil || len(seen) != 500 {
		t.Errorf("%d different identities, %v", len(seen), err)
	}
}
