package store_test

import (
	"slices"
	"testing"

	"drydock/store"
	"drydock/store/storetest"
)

func ailments(t *testing.T, s *store.Store, mend bool) []string {
	t.Helper()
	found, err := s.Doctor(t.Context(), mend)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range found {
		names = append(names, a.Name)
		if a.Rows == 0 || a.What == "" || mend && a.Mendable && a.Mended == 0 {
			t.Errorf("%+v", a)
		}
	}
	return names
}

// A store that only this program wrote to is well.
func TestDoctorHealthy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := storetest.Lead(t, s)
		parent := create(t, s, withSubtasks(noop(), noop()))
		addMessages(t, s, parent.ID, "x")
		claim(t, s, l, 2)
		if sick := ailments(t, s, false); len(sick) != 0 {
			t.Errorf("found %q", sick)
		}
	})
}

func TestDoctor(t *testing.T) {
	url := makeUpstream(t, 2)
	db := raw(t, url)
	db.exec(t, oddRows)
	db.exec(t, `INSERT INTO active_instance (dummy_key) VALUES (1);
		INSERT INTO tasks (task_id, parent_task_id, subtask_id_list, status, action, created, node_filter) VALUES
		('\x000000000000000000000000000000a1', '\x000000000000000000000000000000a2', '{"\\x000000000000000000000000000000a2"}', 'complete', 'noop', now(), '"{\"a\": 1}"'),
		('\x000000000000000000000000000000a2', '\x000000000000000000000000000000a1', '{"\\x568e150bd0ac4099810d46e6a11c77f3"}', 'complete', 'noop', now(), 'null'),
		('\x000000000000000000000000000000a3', '\x00000000000000000000000000000fff', '{"\\x00000000000000000000000000000fff"}', 'complete', 'noop', now(), 'null')`)
	s := storetest.OpenURL(t, url)
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"parent gone", "cycle", "listed subtask gone", "listed subtask of another", "subtask not listed", "NULL in a task", "task without state", "odd id",
		"JSON in JSON", "odd links", "message without task", "build data incomplete", "leader without term",
	}
	if got := ailments(t, s, false); !slices.Equal(got, want) {
		t.Errorf("found %q\nwant  %q", got, want)
	}
	ailments(t, s, true)
	left := []string{"parent gone", "cycle", "listed subtask of another", "task without state", "odd id", "odd links", "build data incomplete"}
	if got := ailments(t, s, false); !slices.Equal(got, left) {
		t.Errorf("after mending %q\nwant           %q", got, left)
	}
	storetest.Lead(t, s)
}
