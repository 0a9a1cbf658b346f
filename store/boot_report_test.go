package store_test

import (
	"strings"
	"testing"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// TestReportWithMessages: what a node says goes to the task of its deployment, together with the end of the boot action or not at all.
func TestReportWithMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		task, _, err := s.CreateTask(t.Context(), drydock.NewTask{Action: drydock.ActionNoop, DesignRef: "x"})
		if err != nil {
			t.Fatal(err)
		}
		c := bootContext(t, s, "n1", task.ID, 1)
		gone := bootContext(t, s, "n2", otherTask, 2)
		if err := s.AddBootActions(t.Context(), action(c, 0, "a", drydock.ResultIncomplete), action(c, 1, "b", drydock.ResultUnreported), action(gone, 2, "c", drydock.ResultIncomplete)); err != nil {
			t.Fatal(err)
		}
		say := func(texts ...string) (list []drydock.Message) {
			for _, text := range texts {
				list = append(list, drydock.Message{Text: text, ContextType: "bootaction", Context: ulid(0)})
			}
			return list
		}
		bell, stop := s.Listen(string(task.ID))
		defer stop()
		a, err := s.ReportBootAction(t.Context(), ulid(0), "", say("one", "two")...)
		if err != nil || a.Status != drydock.ResultIncomplete {
			t.Errorf("it goes on: %+v, %v", a, err)
		}
		select {
		case <-bell:
		default:
			t.Error("nobody was told of the messages")
		}
		_, err = s.ReportBootAction(t.Context(), ulid(0), "")
		wantKind(t, "nothing to report", err, drydock.ErrInvalid)
		_, err = s.ReportBootAction(t.Context(), ulid(0), drydock.ResultSuccess, say(strings.Repeat("x", drydock.MaxMessageText+1))...)
		wantKind(t, "too long", err, drydock.ErrInvalid)
		if a, err = s.ReportBootAction(t.Context(), ulid(0), drydock.ResultFailure, say("three")...); err != nil || a.Status != drydock.ResultFailure {
			t.Errorf("the end: %+v, %v", a, err)
		}
		for _, id := range []string{ulid(0), ulid(1)} {
			_, err = s.ReportBootAction(t.Context(), id, "", say("late")...)
			wantKind(t, "after the end", err, drydock.ErrConflict)
			_, err = s.ReportBootAction(t.Context(), id, drydock.ResultSuccess, say("late", "later")...)
			wantKind(t, "after the end", err, drydock.ErrConflict)
		}
		list, err := s.Messages(t.Context(), task.ID, 0, 10)
		if err != nil || len(list) != 3 || list[0].Text+list[1].Text+list[2].Text != "onetwothree" {
			t.Errorf("%+v, %v", list, err)
		}
		// Upstream deletes tasks and leaves boot actions: the report counts, what it says has no place.
		for _, texts := range [][]string{{"one"}, {"one", "two"}} {
			if a, err = s.ReportBootAction(t.Context(), ulid(2), "", say(texts...)...); err != nil || a.Status != drydock.ResultIncomplete {
				t.Errorf("a deleted task: %+v, %v", a, err)
			}
		}
		if a, err = s.ReportBootAction(t.Context(), ulid(2), drydock.ResultSuccess, say("end")...); err != nil || a.Status != drydock.ResultSuccess {
			t.Errorf("a deleted task: %+v, %v", a, err)
		}
	})
}
