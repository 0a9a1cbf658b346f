package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"drydock"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing")

var moment = time.Date(2026, 11, 22, 12, 13, 25, 8917000, time.UTC)

func fullTask() (*drydock.Task, detail) {
	t := &drydock.Task{
		ID: "568e150b-d0ac-4099-810d-46e6a11c77f3", Parent: "1d5ce4bd-a4c9-4ec7-9bfb-27d5c3af3e5f",
		Subtasks: []drydock.TaskID{"a19c1b9e-5ac2-4a1e-8f0b-0f7d1e1d9e55"}, Action: "deploy_nodes", DesignRef: "https://host/design?a=1&b=<x>",
		NodeFilter: json.RawMessage(`{ "filter_set_type": "union", "filter_set": [] }`), Status: drydock.StatusTerminated,
		Result: drydock.Result{
			Status: drydock.ResultPartial, Message: "half", Reason: "see n2", ErrorCount: 99, Successes: []string{"n1"}, Failures: []string{"n2"},
			Links: []drydock.Link{{Rel: "detail_logs", Href: "http://api/1"}, {Rel: "detail_logs", Href: "http://api/2"}},
		},
		Retry: 1, Attempt: 2, Term: 3, Version: 4, Created: moment, CreatedBy: "shipyard", Updated: moment.Add(time.Second).In(time.FixedZone("x", 3600)),
		Terminate: true, Terminated: moment.Truncate(time.Second), TerminatedBy: "bob", Key: "secret-key",
		Resolution: &drydock.Resolution{
			Ref: "https://host/design?a=1&b=<x>", Digest: strings.Repeat("0a", 32), Size: 12345, ETag: `W/"1"`, Origin: drydock.OriginConfirmed,
			Resolved: moment, Fetched: moment.Add(-time.Minute), Attempts: 2, Took: 1500 * time.Microsecond,
		},
	}
	return t, detail{errors: 1, messages: []drydock.Message{
		{Seq: 7, Text: "naïve <boom> & \u2028", Error: true, ContextType: "node", Context: "n2", Time: moment, Extra: json.RawMessage(`{"foo": 1}`)},
		{Seq: 9, Text: "fine", ContextType: "NA", Context: "NA", Time: moment.Add(999 * time.Nanosecond)},
	}}
}

// TestGolden pins the bytes of the wire forms; run with -update to write them anew.
func TestGolden(t *testing.T) {
	task, d := fullTask()
	bare := &drydock.Task{ID: "568e150b-d0ac-4099-810d-46e6a11c77f3", Action: "noop", Status: "queued", Result: drydock.Result{Status: "incomplete"}, Created: moment}
	data := []drydock.BuildData{{Node: "n1", Task: bare.ID, Generator: "lshw", Format: "text/xml", Collected: moment, Data: "<list/>"}}
	withAll := wireTask(bare, bare.DesignRef, detail{})
	withAll.BuildData, withAll.Errors = wireBuildData(nil), OrderedSubtaskErrors{{wireStatus(&task.Result, d), task.ID}}
	for name, value := range map[string]any{
		"task_full":      wireTask(task, task.DesignRef, d),
		"task_bare":      wireTask(bare, bare.DesignRef, detail{}),
		"task_extended":  withAll,
		"task_layers":    TaskLayers{bare.ID, []Task{wireTask(bare, bare.DesignRef, detail{}), wireTask(task, task.DesignRef, d)}, OrderedSubtaskErrors{}},
		"messages":       wireTaskMessages(task.ID, d.messages),
		"build_data":     wireBuildData(data),
		"boot_action":    []BootAction{wireBootAction(&drydock.BootAction{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Node: "n1", Name: "join", Task: bare.ID, Key: []byte("secret"), Status: "incomplete"})},
		"error":          errorBody("Task <id> does not exist", false),
		"service_status": ServiceStatus{"ServiceStatus", "v1.0", Database{"sqlite"}, &Leader{"host/1", "h", 3, Time{moment}, Time{moment}}, Queue{1, 2, 3, map[drydock.Action]int{"noop": 1}}, []Term{{3, "host/1", "h", Time{moment}, Time{}, ""}}},
		"purged":         Purged{"Tables purged successfully.", false, 90, 1, 2, 3, 4, 5, 6, 7},
		"stored_design":  StoredDesign{"design://sha256/00", "00", 1, Time{moment}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", append(got, '\n'))
			back := reflect.New(reflect.TypeOf(value))
			if err := json.Unmarshal(got, back.Interface()); err != nil {
				t.Fatalf("the client cannot read it: %v", err)
			}
			again, err := marshal(back.Elem().Interface())
			if err != nil || !bytes.Equal(got, again) {
				t.Errorf("not the same after the client has read it (%v):\n%s\n%s", err, got, again)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s:\n got %s\nwant %s", file, got, want)
	}
}

func TestExtraIsAlwaysAnObject(t *testing.T) {
	for given, want := range map[string]string{
		"": "{}", "null": "{}", " {} ": "{}", `{"a": 1}`: `{"a":1}`, `"text"`: `{"value":"text"}`, "[1]": `{"value":[1]}`, "{broken": `{"value":"{broken"}`,
	} {
		got, err := marshal(wireExtra(json.RawMessage(given)))
		if err != nil || string(got) != want {
			t.Errorf("extra %q: %s, %v; want %s", given, got, err, want)
		}
	}
}

func TestTimeForms(t *testing.T) {
	want := time.Date(2026, 11, 22, 12, 13, 25, 500000000, time.UTC)
	for _, s := range []string{
		"2026-11-22 12:13:25.500000+00:00", "2026-11-22 12:13:25.5", "2026-11-22T12:13:25.5Z", "2026-11-22T14:13:25.5+02:00", "2026-11-22 14:13:25.500000 02:00",
		"2026-11-22T12:13:25.5",
	} {
		if got, err := parseTime(s); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "yesterday", "22.11.2026", "2026-13-01", "2026-11-22 25:00:00"} {
		if got, err := parseTime(s); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%q: %v, %v; want ErrInvalid", s, got, err)
		}
	}
	var none struct{ A, B Time }
	if err := json.Unmarshal([]byte(`{"A": null, "B": "None"}`), &none); err != nil || !none.A.IsZero() || !none.B.IsZero() {
		t.Errorf("null and None: %v, %v", none, err)
	}
}

// TestKinds checks that every kind of error survives the way to the client, and that errors without a kind say nothing.
func TestKinds(t *testing.T) {
	for _, kind := range []error{
		drydock.ErrNotFound, drydock.ErrConflict, drydock.ErrInvalid, drydock.ErrDenied, drydock.ErrUnavailable, drydock.ErrLeaseLost, drydock.ErrUnknown,
	} {
		status, body := answer(fmt.Errorf("do it: %w: because", kind), "id")
		w := httptest.NewRecorder()
		if err := writeJSON(w, status, body); err != nil {
			t.Fatal(err)
		}
		resp := w.Result()
		err := refusalOf(resp)
		_ = resp.Body.Close()
		if !errors.Is(err, kind) {
			t.Errorf("%v became %v with status %d", kind, err, status)
		}
		if retry := errors.Is(kind, drydock.ErrUnavailable); body.Retry != retry || retry != (status == 503) {
			t.Errorf("%v: status %d, retry %v", kind, status, body.Retry)
		}
		if errors.Is(err, drydock.ErrUnknown) != errors.Is(kind, drydock.ErrUnknown) {
			t.Errorf("%v became %v", kind, err)
		}
	}
	if status, body := answer(errors.New("pq: password wrong"), "id"); status != 500 || body.Message != "internal error (request id)" || body.Retry {
		t.Errorf("an error without a kind: %d %v", status, body)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:9000": true, "127.0.0.1": true, "127.0.0.1:1": true, "[::1]": true, "[::1]:9000": true,
		"": false, "evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example:9000": false, "[::2]:9000": false, "localhost:": true,
	} {
		if loopback(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
