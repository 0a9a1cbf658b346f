package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/orchestrator"
	"drydock/site"
	"drydock/store/storetest"
)

// reports answers Load with one report.
type reports site.Report

func (r reports) Load(context.Context, string) (site.Report, error) { return site.Report(r), nil }

// TestResolved: how a design was had is recorded with the result, however the action ends, and a stale copy is said to be one.
func TestResolved(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 13, 25, 8917000, time.UTC)
	source := drydock.Resolution{
		Ref: "https://***@h/x", Digest: "abc", Size: 3, ETag: `"1"`, Origin: drydock.OriginStale, Resolved: at, Fetched: at.Add(-time.Hour), Attempts: 3,
		Took: 5 * time.Millisecond,
	}
	broken := source
	broken.ETag, broken.Origin = strings.Repeat("x", 5000)+"\x00", drydock.OriginSource
	noted := drydock.Resolution{Ref: "second", Origin: drydock.OriginCache}
	s := storetest.Open(t)
	report := site.Report{Design: &site.Design{Digest: "abc"}, Source: source}
	actions := orchestrator.Actions(reports(report))
	actions["fails"] = orchestrator.Handler{Run: func(_ context.Context, r *orchestrator.Run) (drydock.Result, error) {
		r.Resolved(source)
		r.Resolved(noted)
		return drydock.Result{}, errors.New("later")
	}}
	actions["odd"] = orchestrator.Handler{Run: func(_ context.Context, r *orchestrator.Run) (drydock.Result, error) {
		r.Resolved(broken)
		return drydock.Result{}, nil
	}}
	leadStore(t, s, actions, orchestrator.DispatcherOptions{})

	task, messages := ended(t, s, create(t, s, drydock.NewTask{Action: drydock.ActionValidateDesign, DesignRef: "https://u:p@h/x"}))
	if !reflect.DeepEqual(task.Resolution, &source) || task.Result.Status != drydock.ResultSuccess {
		t.Errorf("%+v, resolution %+v", task.Result, task.Resolution)
	}
	if m := messages[0]; m.Error || !strings.Contains(m.Text, "copy of 2026-11-22T11:13:25Z was used") || !strings.Contains(string(m.Extra), `"Warning"`) {
		t.Errorf("of the stale copy: %+v", m)
	}
	if task, _ := ended(t, s, create(t, s, drydock.NewTask{Action: "fails"})); !reflect.DeepEqual(task.Resolution, &noted) || task.Result.Status != drydock.ResultFailure {
		t.Errorf("%+v, resolution %+v", task.Result, task.Resolution)
	}
	task, messages = ended(t, s, create(t, s, drydock.NewTask{Action: "odd"}))
	if task.Result.Status != drydock.ResultSuccess || task.Resolution == nil || len(task.Resolution.ETag) > drydock.MaxName || len(messages) != 0 {
		t.Errorf("%+v, resolution %+v, %s", task.Result, task.Resolution, fmt.Sprint(messages))
	}
	if task, _ := ended(t, s, create(t, s, drydock.NewTask{Action: drydock.ActionNoop})); task.Resolution != nil {
		t.Errorf("noop resolved %+v", task.Resolution)
	}
}
