package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

func TestMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := create(t, s, noop()).ID
		at := time.Date(2026, 3, 29, 2, 30, 0, 123456789, time.FixedZone("", -3600*11))
		err := s.AddMessages(t.Context(), id,
			drydock.Message{Text: "first", ContextType: "node", Context: "n1", Error: true, Time: at, Extra: json.RawMessage(`{"a": {"b":  [1, "é"]}}`)},
			drydock.Message{Text: "", ContextType: "NA", Context: "NA"},
			drydock.Message{Text: strings.Repeat("é", 1000), ContextType: strings.Repeat("t", 200), Context: strings.Repeat("c", 1000)})
		if err != nil {
			t.Fatal(err)
		}
		got := messages(t, s, id)
		if len(got) != 3 {
			t.Fatalf("%d messages", len(got))
		}
		if m := got[0]; m.Text != "first" || m.ContextType != "node" || m.Context != "n1" || !m.Error || string(m.Extra) != `{"a": {"b":  [1, "é"]}}` ||
			!m.Time.Equal(at.Truncate(time.Microsecond)) || m.Time.Location() != time.UTC {
			t.Errorf("first: %+v", m)
		}
		recent(t, "time of the second", got[1].Time)
		if m := got[1]; m.Text != "" || m.Error || (m.Extra != nil && string(m.Extra) != "{}") {
			t.Errorf("second: %+v", m)
		}
		if m := got[2]; len(m.Text) != 2000 || len(m.ContextType) != 200 || len(m.Context) != 1000 {
			t.Errorf("third was cut: %+v", m)
		}
		if err := s.AddMessages(t.Context(), id); err != nil {
			t.Errorf("no messages: %v", err)
		}
	})
}

func TestMessagePages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id, other := create(t, s, noop()).ID, create(t, s, noop()).ID
		for i := range 10 {
			addMessages(t, s, id, fmt.Sprint(2*i), fmt.Sprint(2*i+1))
			addMessages(t, s, other, "other")
		}
		all := messages(t, s, id)
		var got []drydock.Message
		for after := int64(0); ; {
			page, err := s.Messages(t.Context(), id, after, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			after = page[len(page)-1].Seq
		}
		wantEqual(t, "paged", got, all)
		for i, m := range all {
			if m.Text != fmt.Sprint(i) || i > 0 && m.Seq <= all[i-1].Seq {
				t.Errorf("message %d: %+v", i, m)
			}
		}
		if len(all) != 20 {
			t.Errorf("%d messages, want 20", len(all))
		}
		_, err := s.Messages(t.Context(), id, 0, -1)
		wantInvalid(t, "negative limit", err, "limit")
		_, err = s.Messages(t.Context(), id, 0, drydock.MaxMessageBatch+1)
		wantInvalid(t, "limit beyond the most", err, "limit")
		if none, err := s.Messages(t.Context(), unknownID, 0, 0); err != nil || len(none) != 0 {
			t.Errorf("of an unknown task: %v, error %v", none, err)
		}
	})
}

func TestMessageLimits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := create(t, s, noop()).ID
		for _, c := range []struct {
			field string
			limit int
			make  func(n int) drydock.Message
		}{
			{"message", drydock.MaxMessageText, func(n int) drydock.Message { return drydock.Message{Text: strings.Repeat("x", n)} }},
			{"extra", drydock.MaxMessageText, func(n int) drydock.Message { return drydock.Message{Extra: jsonOf(n)} }},
			{"context_type", drydock.MaxName, func(n int) drydock.Message { return drydock.Message{ContextType: strings.Repeat("x", n)} }},
			{"context", drydock.MaxContext, func(n int) drydock.Message { return drydock.Message{Context: strings.Repeat("x", n)} }},
		} {
			if err := s.AddMessages(t.Context(), id, c.make(c.limit)); err != nil {
				t.Errorf("%s of %d: %v", c.field, c.limit, err)
			}
			wantInvalid(t, c.field, s.AddMessages(t.Context(), id, c.make(c.limit+1)), c.field)
		}
		batch := make([]drydock.Message, drydock.MaxMessageBatch+1)
		if err := s.AddMessages(t.Context(), id, batch[1:]...); err != nil {
			t.Errorf("the largest batch: %v", err)
		}
		wantInvalid(t, "a larger batch", s.AddMessages(t.Context(), id, batch...), "messages")
		for name, set := range map[string]func(*drydock.Message, string){
			"text":         func(m *drydock.Message, v string) { m.Text = v },
			"context_type": func(m *drydock.Message, v string) { m.ContextType = v },
			"context":      func(m *drydock.Message, v string) { m.Context = v },
			"extra":        func(m *drydock.Message, v string) { m.Extra = json.RawMessage(`{"a":"` + v + `"}`) },
		} {
			for what, text := range badTexts {
				var m drydock.Message
				set(&m, text)
				wantInvalid(t, what+" in "+name, s.AddMessages(t.Context(), id, m))
			}
		}
		for _, extra := range []string{`{`, `{} {}`, `[1]`, `"text"`, `1`} {
			wantInvalid(t, "extra "+extra, s.AddMessages(t.Context(), id, drydock.Message{Extra: json.RawMessage(extra)}), "extra")
		}
	})
}

// All messages of a call are there, or none.
func TestMessageIsAtomic(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := create(t, s, noop()).ID
		wantInvalid(t, "one is bad", s.AddMessages(t.Context(), id, drydock.Message{Text: "good"}, drydock.Message{Text: "bad \x00"}))
		if got := messages(t, s, id); len(got) != 0 {
			t.Errorf("%d messages of a refused call", len(got))
		}
		wantKind(t, "unknown task", s.AddMessages(t.Context(), unknownID, drydock.Message{Text: "a"}), drydock.ErrNotFound)
		wantKind(t, "unknown task, several", s.AddMessages(t.Context(), unknownID, drydock.Message{Text: "a"}, drydock.Message{Text: "b"}), drydock.ErrNotFound)
	})
}

// Late messages are history: they are taken for tasks that have ended, and without a lease.
func TestMessageAfterTheEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		id := running(t, s, l).ID
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, id)
		before := get(t, s, id)
		addMessages(t, s, id, "late")
		if got := messages(t, s, id); len(got) != 1 {
			t.Errorf("%d messages", len(got))
		}
		wantTask(t, "the task itself", get(t, s, id), before)
	})
}

func TestMessagesByTask(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b, quiet := create(t, s, noop()).ID, create(t, s, noop()).ID, create(t, s, noop()).ID
		for i := range 4 {
			m := drydock.Message{Text: fmt.Sprint(i), Error: i%2 == 0}
			for _, id := range []drydock.TaskID{a, b}[:1+i/2] {
				if err := s.AddMessages(t.Context(), id, m); err != nil {
					t.Fatal(err)
				}
			}
		}
		ask := []drydock.TaskID{b, quiet, a, unknownID}
		got, err := s.MessagesByTask(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ask {
			wantEqual(t, "messages of one", fmt.Sprint(got[id]), fmt.Sprint(messages(t, s, id)))
		}
		counts, err := s.ErrorCounts(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[drydock.TaskID]int{a: 2, b: 1, quiet: 0, unknownID: 0} {
			if counts[id] != want {
				t.Errorf("%d errors, want %d", counts[id], want)
			}
		}
		if got, err := s.MessagesByTask(t.Context(), nil); err != nil || len(got) != 0 {
			t.Errorf("of no task: %v, error %v", got, err)
		}
	})
}

// Readers that follow by cursor while several write see every message once, in the order that stays, and each writer's own order in it.
func TestMessageFollowers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const writers, readers, calls = 6, 3, 25
		task := create(t, s, noop()).ID
		noise := create(t, s, noop()).ID
		var writing atomic.Int32
		writing.Store(writers)
		seen := make([][]drydock.Message, readers)
		var noted sync.Map
		together(writers+readers, func(i int) {
			if i < readers {
				seen[i] = follow(t, s, task, &writing)
				return
			}
			defer writing.Add(-1)
			for n := range calls {
				batch := make([]drydock.Message, 1+(i+n)%3)
				for k := range batch {
					text := fmt.Sprintf("%d %03d %d", i, n, k)
					batch[k] = drydock.Message{Text: text}
					noted.Store(text, true)
				}
				if err := s.AddMessages(t.Context(), task, batch...); err != nil {
					t.Errorf("add: %v", err)
				}
				addMessages(t, s, noise, "noise")
			}
		})
		final := messages(t, s, task)
		for i, got := range seen {
			if len(got) != len(final) {
				t.Errorf("reader %d saw %d messages of %d", i, len(got), len(final))
				continue
			}
			wantEqual(t, fmt.Sprintf("reader %d", i), got, final)
		}
		last := map[string]string{}
		for _, m := range final {
			writer, _, _ := strings.Cut(m.Text, " ")
			if m.Text <= last[writer] {
				t.Errorf("%q after %q", m.Text, last[writer])
			}
			last[writer] = m.Text
			if _, ok := noted.LoadAndDelete(m.Text); !ok {
				t.Errorf("%q twice, or never written", m.Text)
			}
		}
		noted.Range(func(text, _ any) bool { t.Errorf("%q is lost", text); return true })
	})
}

func follow(t *testing.T, s *store.Store, task drydock.TaskID, writing *atomic.Int32) (seen []drydock.Message) {
	var after int64
	for {
		over := writing.Load() == 0
		page, err := s.Messages(t.Context(), task, after, 5)
		if err != nil {
			t.Errorf("follow: %v", err)
			return seen
		}
		seen = append(seen, page...)
		if len(page) > 0 {
			after = page[len(page)-1].Seq
		} else if over {
			return seen
		}
	}
}
