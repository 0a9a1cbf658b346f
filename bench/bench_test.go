package bench_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/bench"
	"drydock/store"
	"drydock/store/storetest"
)

// short is long enough for every operation to be done once or more.
const short = 10 * time.Millisecond

// Every operation runs on both sides, and nothing stays behind.
func TestRun(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, url string) {
		var progress bytes.Buffer
		report, err := bench.Run(t.Context(), bench.Options{Database: url, Clients: []int{3}, Duration: short, Preload: 2_100, Progress: &progress})
		if err != nil {
			t.Fatalf("%v\n%s", err, progress.String())
		}
		var names []string
		for _, r := range report.Results {
			if r.Clients == 3 {
				names = append(names, r.Operation)
			}
			for who, f := range map[string]bench.Figures{"ours": r.Ours, "bare": r.Bare} {
				if f.Calls == 0 || f.PerSecond <= 0 || f.P50 <= 0 || f.P99 < f.P50 {
					t.Errorf("%s by %d, %s: %+v", r.Operation, r.Clients, who, f)
				}
			}
			if r.Ratio <= 0 {
				t.Errorf("%s by %d: ratio %v", r.Operation, r.Clients, r.Ratio)
			}
		}
		if !slices.Equal(names, bench.Names()) || len(report.Results) != len(names) {
			t.Errorf("measured %v, %d results", names, len(report.Results))
		}
		if m := report.Machine; m.Dialect == "" || m.Version == "" || m.Cores == 0 || m.Preload != 2_100 || len(m.Settings) == 0 {
			t.Errorf("machine: %+v", m)
		}
		if _, err := json.Marshal(report); err != nil {
			t.Errorf("as JSON: %v", err)
		}
		if len(report.Table()) != len(report.Results)+1 {
			t.Errorf("%d rows for %d results", len(report.Table()), len(report.Results))
		}
		empty(t, url)
	})
}

func empty(t *testing.T, url string) {
	t.Helper()
	s := storetest.OpenURL(t, url)
	page, err := s.Tasks(t.Context(), drydock.TaskQuery{})
	if err != nil || len(page.Tasks) > 0 {
		t.Errorf("%d tasks stayed behind, error %v", len(page.Tasks), err)
	}
	data, err := s.BuildData(t.Context(), drydock.BuildDataQuery{Latest: true})
	if err != nil || len(data.Data) > 0 {
		t.Errorf("build data stayed behind: %d, error %v", len(data.Data), err)
	}
	if _, err := s.CurrentLease(t.Context()); !errors.Is(err, drydock.ErrNotFound) {
		t.Errorf("the lease was not given back: %v", err)
	}
}

func TestKeep(t *testing.T) {
	url := storetest.EmptySQLiteURL(t)
	o := bench.Options{Database: url, Clients: []int{1}, Duration: short, Only: []string{"get-task"}, Keep: true}
	if _, err := bench.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	_, err := bench.Run(t.Context(), o)
	if !errors.Is(err, drydock.ErrConflict) || !strings.Contains(err.Error(), "holds messages (more than 1,000), tasks (more than 1,000)") {
		t.Errorf("a second run on what the first one kept: %v", err)
	}
}

// A database that is in use stays as it is.
func TestRefused(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		refused := func(what, want string) {
			t.Helper()
			_, err := bench.Run(t.Context(), bench.Options{Database: url, Duration: short})
			if !errors.Is(err, drydock.ErrConflict) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		l := storetest.Lead(t, s)
		refused("a leader", "leads, term 1")
		if err := s.ReleaseLease(t.Context(), l, "test"); err != nil {
			t.Fatal(err)
		}
		add(t, s)
		refused("data", "holds build data (1), tasks (1); ")
		if page, err := s.Tasks(t.Context(), drydock.TaskQuery{}); err != nil || len(page.Tasks) != 1 {
			t.Errorf("%d tasks are left, error %v", len(page.Tasks), err)
		}
	})
}

func add(t *testing.T, s *store.Store) {
	t.Helper()
	task, _, err := s.CreateTask(t.Context(), drydock.NewTask{Action: drydock.ActionNoop})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddBuildData(t.Context(), drydock.BuildData{Node: "n1", Task: task.ID, Generator: "lshw"}); err != nil {
		t.Fatal(err)
	}
}

func TestInvalid(t *testing.T) {
	for what, o := range map[string]bench.Options{
		"operation": {Only: []string{"create", "delete"}},
		"clients":   {Clients: []int{0}},
		"preload":   {Preload: -1},
		"duration":  {Duration: -1},
		"database":  {Database: "mysql://db/drydock"},
	} {
		if _, err := bench.Run(t.Context(), o); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTable(t *testing.T) {
	r := bench.Report{Results: []bench.Result{
		{
			Operation: "create", Clients: 8, Ratio: 0.951, Target: &bench.Target{Ratio: 0.9, Met: true},
			Ours: bench.Figures{PerSecond: 12345.6, P50: 81.24, P99: 1234.5}, Bare: bench.Figures{PerSecond: 99.94, P50: 12345, P99: 1234567},
		},
		{Operation: "claim-run-finish", Clients: 1, Ratio: 11, Target: &bench.Target{PerSecond: 12_000}, Ours: bench.Figures{PerSecond: 11_999}},
		{Operation: "subtasks-1000", Clients: 1, Ours: bench.Figures{PerSecond: 1234567}},
	}}
	var b strings.Builder
	for _, row := range r.Table() {
		b.WriteString(strings.Join(row, " | ") + "\n")
	}
	want, err := os.ReadFile(filepath.Join("testdata", "table.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("table:\n%s\nwant:\n%s", b.String(), want)
	}
}
