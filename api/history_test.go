package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/store"
	"drydock/store/storetest"
)

func TestBuildData(t *testing.T) {
	s := newService(t, nil)
	task := s.queue()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 120 {
		generator := []string{"lshw", "lldp"}[i%2]
		err := s.AddBuildData(context.Background(), drydock.BuildData{
			Node: "n1", Task: task.ID, Generator: generator, Format: "text/xml", Collected: start.Add(time.Duration(i) * time.Second), Data: "<a/>",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]int{
		"/nodes/n1/builddata": 120, "/nodes/n1/builddata?latest=True": 2, "/nodes/n1/builddata?latest=False": 120, "/nodes/n1/builddata?limit=60": 60,
		"/tasks/" + string(task.ID) + "/builddata": 120,
	} {
		a := s.get("/api/v1.0" + path)
		list := decode[[]api.BuildData](t, a, http.StatusOK)
		if len(list) != want || list[0].Collected.String() != "2026-01-02 03:06:04.000000+00:00" && !strings.Contains(path, "True") {
			t.Errorf("%s: %d records, want %d, the newest %v", path, len(list), want, list[0])
		}
		if (a.Header.Get("Link") != "") != strings.Contains(path, "limit") {
			t.Errorf("%s: Link %q", path, a.Header.Get("Link"))
		}
	}
	for query, want := range map[string]string{"?builddata=true": `"retry":0,"build_data":[{"node_name":"n1"`, "?builddata=true&layers=1": `"build_data":[{"node_name"`} {
		if a := s.get("/api/v1.0/tasks/" + string(task.ID) + query); strings.Count(a.body, "collected_date") != 120 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %.1500s", query, a.body)
		}
	}
	if bare := s.queue(); !strings.HasSuffix(s.get("/api/v1.0/tasks/"+string(bare.ID)+"?builddata").body, `"build_data":[]}`) {
		t.Error("a task without build data has no empty list of it")
	}
}

// large answers pages of one large element for ever.
type large struct{}

func (large) BuildData(context.Context, drydock.BuildDataQuery) (drydock.BuildDataPage, error) {
	data := []drydock.BuildData{{Node: "n1", Task: id0, Generator: "g", Format: "text/plain", Data: strings.Repeat("x", 16<<20)}}
	return drydock.BuildDataPage{Data: data, Next: "next"}, nil
}

// TestBuildDataBounds checks that an answer does not grow for ever, and that a task form that cannot hold everything says so.
func TestBuildDataBounds(t *testing.T) {
	s := newService(t, func(d *api.Deps, _ *api.Options) { d.BuildHistory = large{} })
	s.unchecked()
	a := s.get("/api/v1.0/nodes/n1/builddata")
	if list := decode[[]api.BuildData](t, a, http.StatusOK); len(list) != 2 || a.Header.Get("Link") != `<builddata?after=next>; rel="next"` {
		t.Errorf("%d records, Link %q", len(list), a.Header.Get("Link"))
	}
	task := s.queue()
	if a := s.get("/api/v1.0/tasks/" + string(task.ID) + "?builddata=true"); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, "page by page") {
		t.Errorf("%d %.300s", a.StatusCode, a.body)
	}
}

// keeping remembers what retention was asked for.
type keeping struct {
	*store.Store
	asked *drydock.Retention
}

func (k keeping) Purge(ctx context.Context, r drydock.Retention) (drydock.Purged, error) {
	*k.asked = r
	if r.DryRun {
		return drydock.Purged{Trees: 1, Tasks: 2, Messages: 3, BootActions: 4, BuildData: 5, Live: 6}, nil
	}
	return k.Store.Purge(ctx, r)
}

func TestPurge(t *testing.T) {
	var asked drydock.Retention
	s := newService(t, func(d *api.Deps, _ *api.Options) { d.Tasks = keeping{d.Tasks.(*store.Store), &asked} })
	const day = 24 * time.Hour
	for query, want := range map[string]drydock.Retention{
		"": {TasksOlderThan: 90 * day}, "?days=1": {TasksOlderThan: day}, "?days=365&dry_run=true": {TasksOlderThan: 365 * day, DryRun: true},
	} {
		p := decode[api.Purged](t, s.do(request{method: "DELETE", path: "/api/v1.0/tasks" + query}), http.StatusOK)
		if asked != want || p.DryRun != want.DryRun || time.Duration(p.Days)*day != want.TasksOlderThan {
			t.Errorf("%q asked for %+v and answered %+v", query, asked, p)
		}
		if want.DryRun && (p.Trees != 1 || p.Tasks != 2 || p.Messages != 3 || p.BootActions != 4 || p.BuildData != 5 || p.Live != 6) {
			t.Errorf("%q: %+v", query, p)
		}
		if !want.DryRun && p.Message != "Tables purged successfully." {
			t.Errorf("%q: %+v", query, p)
		}
	}
}

func TestStatus(t *testing.T) {
	s := newService(t, nil)
	ctx := context.Background()
	st, err := s.client.Status(ctx)
	if err != nil || st.Leader != nil || st.Database.Dialect != "sqlite" || len(st.Terms) != 0 {
		t.Errorf("%+v, %v", st, err)
	}
	s.queue(2)
	l := storetest.Depose(t, s.Store, storetest.Lead(t, s.Store))
	s.claim(l)
	st, err = s.client.Status(ctx)
	if err != nil || st.Leader == nil || st.Leader.Term != l.Term || st.Leader.Holder != l.Holder || st.Leader.Name != l.Name || !st.Leader.Expires.Equal(l.Expires) {
		t.Errorf("%+v, %v; want %+v", st.Leader, err, l)
	}
	if q := st.Queue; q.Queued != 2 || q.Running != 1 || q.ByAction["noop"] != 2 {
		t.Errorf("%+v", q)
	}
	if len(st.Terms) != 2 || st.Terms[0].Term != l.Term || !st.Terms[0].Ended.IsZero() || st.Terms[1].Ended.IsZero() || st.Terms[1].Reason != "deposed" {
		t.Errorf("%+v", st.Terms)
	}
}

func TestDescriptionIsServed(t *testing.T) {
	s := newService(t, nil)
	if a := s.get("/api/v1.0/openapi.yaml"); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.body, "openapi: 3.1.0\n") || a.Header.Get("Content-Type") != "application/yaml" {
		t.Errorf("%d %v %.100s", a.StatusCode, a.Header, a.body)
	}
}
