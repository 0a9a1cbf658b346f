package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

const someTask drydock.TaskID = "11111111-2222-4333-8444-555555555555"

func data(node, generator string, minute int, text string) drydock.BuildData {
	return drydock.BuildData{
		Node: node, Task: someTask, Generator: generator, Format: "text/plain", Data: text,
		Collected: time.Date(2026, 5, 1, 12, minute, 0, 0, time.UTC),
	}
}

func addData(t testing.TB, s *store.Store, d ...drydock.BuildData) {
	t.Helper()
	if err := s.AddBuildData(t.Context(), d...); err != nil {
		t.Fatalf("add build data: %v", err)
	}
}

// buildData is all pages of a query.
func buildData(t testing.TB, s *store.Store, q drydock.BuildDataQuery) []drydock.BuildData {
	t.Helper()
	var all []drydock.BuildData
	for pages := 0; ; pages++ {
		page, err := s.BuildData(t.Context(), q)
		if err != nil {
			t.Fatalf("build data: %v", err)
		}
		all = append(all, page.Data...)
		if q.After = page.Next; q.After == "" {
			return all
		}
		if pages > 10_000 {
			t.Fatal("the pages do not end")
		}
	}
}

func texts(list []drydock.BuildData) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Data
	}
	return out
}

func TestBuildData(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		at := time.Date(2026, 5, 1, 12, 0, 0, 123456789, time.FixedZone("", 5*3600))
		full := drydock.BuildData{Node: strings.Repeat("n", drydock.MaxNodeName), Task: someTask, Generator: "lshw", Format: "text/xml", Collected: at, Data: "<é>\r\n\t</é>"}
		addData(t, s, full)
		addData(t, s, drydock.BuildData{Node: "n2", Task: someTask, Generator: "g"}) // empty data is data
		addData(t, s)
		got := buildData(t, s, drydock.BuildDataQuery{Nodes: []string{full.Node}})
		full.Collected = at.Truncate(time.Microsecond).UTC()
		wantEqual(t, "read back", got, []drydock.BuildData{full})
		got = buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n2"}})
		if len(got) != 1 || got[0].Data != "" {
			t.Fatalf("second: %+v", got)
		}
		recent(t, "collected", got[0].Collected)
	})
}

func TestBuildDataQuery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		other := data("n1", "lshw", 9, "other task")
		other.Task = unknownID
		addData(t, s, data("n1", "lshw", 1, "a"), data("n1", "lshw", 3, "b"), data("n1", "lldp", 2, "c"),
			data("n2", "lshw", 5, "d"), data("n2", "lldp", 4, "e"), data("n2", "lldp", 8, "f"), data("N1", "lshw", 7, "g"), other)
		for _, c := range []struct {
			what string
			q    drydock.BuildDataQuery
			want []string
		}{
			{"a node", drydock.BuildDataQuery{Nodes: []string{"n1"}}, []string{"other task", "b", "c", "a"}},
			{"two nodes", drydock.BuildDataQuery{Nodes: []string{"n2", "n1"}}, []string{"other task", "f", "d", "e", "b", "c", "a"}},
			{"a node twice", drydock.BuildDataQuery{Nodes: []string{"n2", "n2"}}, []string{"f", "d", "e"}},
			{"nobody", drydock.BuildDataQuery{Nodes: []string{"n3"}}, nil},
			{"a task", drydock.BuildDataQuery{Tasks: []drydock.TaskID{someTask}}, []string{"f", "g", "d", "e", "b", "c", "a"}},
			{"two tasks", drydock.BuildDataQuery{Tasks: []drydock.TaskID{unknownID, someTask}}, []string{"other task", "f", "g", "d", "e", "b", "c", "a"}},
			{"a task and a node", drydock.BuildDataQuery{Tasks: []drydock.TaskID{someTask}, Nodes: []string{"n1"}}, []string{"b", "c", "a"}},
			{"a task and a generator", drydock.BuildDataQuery{Tasks: []drydock.TaskID{someTask}, Generator: "lldp"}, []string{"f", "e", "c"}},
			{"a generator of a node", drydock.BuildDataQuery{Nodes: []string{"n1"}, Generator: "lshw"}, []string{"other task", "b", "a"}},
			{"all three", drydock.BuildDataQuery{Tasks: []drydock.TaskID{unknownID}, Nodes: []string{"n1", "n2"}, Generator: "lshw"}, []string{"other task"}},
			{"latest of a node", drydock.BuildDataQuery{Nodes: []string{"n2"}, Latest: true}, []string{"f", "d"}},
			{"latest of two nodes", drydock.BuildDataQuery{Nodes: []string{"n1", "n2"}, Latest: true}, []string{"other task", "f", "d", "c"}},
			{"latest of all", drydock.BuildDataQuery{Latest: true}, []string{"other task", "f", "g", "d", "c"}},
			{"latest of a generator", drydock.BuildDataQuery{Generator: "lldp", Latest: true}, []string{"f", "c"}},
		} {
			for _, limit := range []int{0, 1, 2, 3} {
				c.q.Limit = limit
				got := texts(buildData(t, s, c.q))
				if c.q.Latest { // one per node and generator; the order between them is the store's
					slices.Sort(got)
					slices.Sort(c.want)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s by %d: %q, want %q", c.what, limit, got, c.want)
				}
			}
		}
	})
}

func TestBuildDataRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for what, q := range map[string]drydock.BuildDataQuery{
			"everything":      {},
			"all of one kind": {Generator: "lshw"},
			"latest of task":  {Tasks: []drydock.TaskID{someTask}, Latest: true},
			"negative limit":  {Nodes: []string{"n"}, Limit: -1},
			"huge limit":      {Nodes: []string{"n"}, Limit: drydock.MaxPage + 1},
			"bad cursor":      {Nodes: []string{"n"}, After: "garbage"},
			"NUL cursor":      {Nodes: []string{"n"}, After: "\x00\xff"},
			"bad latest page": {Latest: true, After: "garbage"},
		} {
			_, err := s.BuildData(t.Context(), q)
			wantInvalid(t, what, err)
		}
		good := data("n", "g", 0, "x")
		for what, change := range map[string]func(*drydock.BuildData){
			"no node":        func(d *drydock.BuildData) { d.Node = "" },
			"no generator":   func(d *drydock.BuildData) { d.Generator = "" },
			"no task":        func(d *drydock.BuildData) { d.Task = "" },
			"bad task":       func(d *drydock.BuildData) { d.Task = "x" },
			"long node":      func(d *drydock.BuildData) { d.Node = strings.Repeat("n", drydock.MaxNodeName+1) },
			"long generator": func(d *drydock.BuildData) { d.Generator = strings.Repeat("n", drydock.MaxName+1) },
			"long format":    func(d *drydock.BuildData) { d.Format = strings.Repeat("n", drydock.MaxName+1) },
			"long data":      func(d *drydock.BuildData) { d.Data = strings.Repeat("n", drydock.MaxBuildData+1) },
			"NUL data":       func(d *drydock.BuildData) { d.Data = "\x00" },
			"NUL node":       func(d *drydock.BuildData) { d.Node = "\x00" },
			"UTF-8 data":     func(d *drydock.BuildData) { d.Data = "\xff" },
			"UTF-8 format":   func(d *drydock.BuildData) { d.Format = "\xff" },
		} {
			bad := good
			change(&bad)
			wantInvalid(t, what, s.AddBuildData(t.Context(), good, bad))
		}
		if got := buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n"}}); len(got) != 0 {
			t.Errorf("refused calls left %d", len(got))
		}
		big := good
		big.Data = strings.Repeat("d", drydock.MaxBuildData)
		addData(t, s, big)
		if got := buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n"}}); len(got) != 1 || got[0].Data != big.Data {
			t.Errorf("the largest element comes back differently")
		}
	})
}

// Equal times: one is the latest, always the same, and paging visits each once.
func TestBuildDataTies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []string
		for i := range 25 {
			text := fmt.Sprintf("%02d", i)
			addData(t, s, data("n1", "g", 1, text))
			want = append(want, text)
		}
		for _, limit := range []int{1, 4, 25, 0} {
			got := texts(buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n1"}, Limit: limit}))
			slices.Sort(got)
			wantEqual(t, fmt.Sprintf("by %d", limit), got, want)
		}
		first := buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n1"}, Latest: true})
		again := buildData(t, s, drydock.BuildDataQuery{Latest: true})
		if len(first) != 1 || len(again) != 1 || first[0].Data != again[0].Data {
			t.Errorf("the latest of equals: %q, then %q", texts(first), texts(again))
		}
	})
}

func TestBuildDataPagesWhileAdding(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []string
		for i := range 60 {
			d := data("n1", "g", i%7, fmt.Sprintf("%02d", i))
			addData(t, s, d)
			want = append(want, d.Data)
		}
		together(2, func(i int) {
			if i == 0 {
				for n := range 60 {
					addData(t, s, data("n1", "g", n%7, "new"))
				}
				return
			}
			for range 5 {
				got := texts(buildData(t, s, drydock.BuildDataQuery{Nodes: []string{"n1"}, Limit: 7}))
				got = slices.DeleteFunc(got, func(s string) bool { return s == "new" })
				slices.Sort(got)
				wantEqual(t, "what was there before", got, want)
			}
		})
	})
}

func TestBuildDataOutlivesItsTask(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		l := storetest.Lead(t, s)
		id := running(t, s, l).ID
		d := data("n1", "g", 1, "history")
		d.Task = id
		addData(t, s, d)
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, id)
		makeOld(t, url, id, 48*time.Hour)
		if got, err := s.Purge(t.Context(), drydock.Retention{TasksOlderThan: 24 * time.Hour}); err != nil || got.Tasks != 1 {
			t.Fatalf("purged %+v, error %v", got, err)
		}
		_, err := s.Task(t.Context(), id)
		wantKind(t, "the task", err, drydock.ErrNotFound)
		for _, q := range []drydock.BuildDataQuery{{Nodes: []string{"n1"}}, {Tasks: []drydock.TaskID{id}}, {Latest: true}} {
			if got := texts(buildData(t, s, q)); !slices.Equal(got, []string{"history"}) {
				t.Errorf("%+v: %q", q, got)
			}
		}
	})
}
