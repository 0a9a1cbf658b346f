package api_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"drydock"
	"drydock/api"
	"drydock/store"
	"drydock/store/storetest"
)

// assets answers with what it was asked, or with an error.
type assets struct{ err error }

func (a *assets) Tarball(_ context.Context, c drydock.BootContext, actions []drydock.BootAction, ref, kind string) ([]byte, error) {
	return fmt.Appendf(nil, "%s %d %s %s", c.Node, len(actions), ref, kind), a.err
}

// node is a node that boots: a deployment with the boot actions first (that signals) and second (that does not).
type node struct {
	*service
	task   drydock.Task
	key    string
	first  string
	second string
}

const (
	firstULID  = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	secondULID = "01ARZ3NDEKTSV4RRFFQ69G5FAW"
)

func boot(t *testing.T, s *service) node {
	t.Helper()
	n := node{service: s, task: s.queue(), first: firstULID, second: secondULID}
	key := bytes.Repeat([]byte{0xa1}, 32)
	n.key = hex.EncodeToString(key)
	err := errors.Join(
		s.AddBootActions(t.Context(),
			drydock.BootAction{ID: n.first, Node: "n1", Name: "first", Task: n.task.ID, Key: key, Status: drydock.ResultIncomplete},
			drydock.BootAction{ID: n.second, Node: "n1", Name: "second", Task: n.task.ID, Key: key, Status: drydock.ResultUnreported}),
		s.SetBootContext(t.Context(), drydock.BootContext{Node: "n1", Task: n.task.ID, Key: key}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// bootService is newService with the dependencies of nodes that boot.
func bootService(t *testing.T, a api.Assets, s *store.Store) *service {
	t.Helper()
	svc := newService(t, func(d *api.Deps, _ *api.Options) {
		if s != nil {
			*d = api.Deps{Tasks: s, Messages: s, BuildHistory: s, Leases: s, Pinger: s, Bells: s}
		} else {
			s, _ = d.Tasks.(*store.Store)
		}
		d.BootActions, d.Assets = s, a
	})
	svc.Store = s
	return svc
}

func (n node) report(id, key, body string) answer {
	n.t.Helper()
	r := request{"POST", "/api/v1.0/bootactions/" + id, body, nil}
	if key != "" {
		r.headers = []string{"X-Bootaction-Key: " + key}
	}
	return n.do(r)
}

func (n node) want(what string, a answer, status int, text string) {
	n.t.Helper()
	if a.StatusCode != status || !strings.Contains(a.body, text) || !strings.Contains(a.body, `"type":"error"`) {
		n.t.Errorf("%s: %d %s, want %d %s", what, a.StatusCode, a.body, status, text)
	}
}

func TestBootAssets(t *testing.T) {
	a := &assets{}
	n := boot(t, bootService(t, a, nil))
	fetch := func(path string, headers ...string) answer {
		return n.do(request{method: "GET", path: "/api/v1.0/bootactions/nodes/" + path, headers: headers})
	}
	key := "X-Bootaction-Key: " + n.key
	for path, kind := range map[string]string{"n1/units": "unit", "n1/files": "file", "n1/files/": "file", "/n1//units": "unit"} {
		got := fetch(path, key)
		if got.StatusCode != http.StatusOK || got.body != "n1 2 file:///site.yaml "+kind || got.Header.Get("Content-Type") != "application/gzip" ||
			got.Header.Get("Content-Disposition") != `attachment; filename="n1-`+kind+`.tar.gz"` || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %v", path, got.StatusCode, got.body, got.Header)
		}
	}
	for _, shown := range []string{strings.ToUpper(n.key), n.key[:10] + " " + n.key[10:] + "\t"} {
		if got := fetch("n1/files", "X-Bootaction-Key: "+shown); got.StatusCode != http.StatusOK {
			t.Errorf("key %q: %d %s", shown, got.StatusCode, got.body)
		}
	}
	n.want("an unknown node, without key", fetch("n9/units"), http.StatusNotFound, "Error locating boot action for n9")
	none := fetch("n1/units")
	n.want("no key", none, http.StatusUnauthorized, "No X-Bootaction-Key")
	if none.Header.Get("WWW-Authenticate") != "Bootaction-Key" {
		t.Errorf("no key: %v", none.Header)
	}
	n.want("an empty key", fetch("n1/units", "X-Bootaction-Key:  "), http.StatusUnauthorized, "No X-Bootaction-Key")
	for _, wrong := range []string{"00" + n.key[2:], n.key[:62], n.key + "00", "xyz", "a"} {
		n.want("key "+wrong, fetch("n1/units", "X-Bootaction-Key: "+wrong), http.StatusForbidden, "Invalid X-Bootaction-Key")
	}
	n.want("dots", fetch("../nodes/n1/units", key), http.StatusNotFound, "There is nothing at")
	a.err = fmt.Errorf("%w: boot action x: bad", drydock.ErrConflict)
	n.want("what cannot be made", fetch("n1/units", key), http.StatusConflict, "boot action x: bad")
	a.err = fmt.Errorf("%w: away", drydock.ErrUnavailable)
	n.want("what is away", fetch("n1/units", key), http.StatusServiceUnavailable, "away")
	if err := n.SetBootContext(t.Context(), drydock.BootContext{Node: "n2", Task: "00000000-0000-4000-8000-000000000000", Key: bytes.Repeat([]byte{0xa1}, 32)}); err != nil {
		t.Fatal(err)
	}
	n.want("a deleted task", fetch("n2/units", key), http.StatusNotFound, "has been deleted")
}

func TestBootReport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		n := boot(t, bootService(t, &assets{}, s))
		n.want("unknown", n.report("01ARZ3NDEKTSV4RRFFQ69G5FAA", n.key, "{}"), http.StatusNotFound, "There is no boot action")
		n.want("malformed", n.report("xyz", n.key, "{}"), http.StatusNotFound, "There is no boot action")
		n.want("no key", n.report(n.first, "", "{}"), http.StatusUnauthorized, "No X-Bootaction-Key")
		n.want("a wrong key and no body", n.report(n.first, "00", ""), http.StatusForbidden, "Invalid X-Bootaction-Key")
		for body, text := range map[string]string{
			"": "application/json", "[]": "must be an object", `{"x":1}`: "Unknown field", `{"status":"SUCCESS"}`: "success or failure", `{"status":null}`: "must be a string",
			`{"details":{}}`: "must be an array", `{"details":[1]}`: "details[0] must be an object", `{"details":[{"message":"a"}]}`: "details[0].error is missing",
			`{"details":[{"error":true}]}`: "details[0].message is missing", `{"details":[{"message":1,"error":true}]}`: "must be a string",
			`{"details":[{"message":"a","error":"no"}]}`: "must be a boolean", `{"details":[{"message":"a","error":true,"error":false}]}`: "given twice", `{`: "Invalid JSON",
			`{"details":[{"message":"` + strings.Repeat("x", drydock.MaxMessageText+1) + `","error":true}]}`: "message",
		} {
			n.want(fmt.Sprintf("%.60s", body), n.report(n.first, n.key, body), http.StatusBadRequest, text)
		}
		said := n.report(n.first+"/", n.key, `{"details":[{"message":"begun","error":false},{"message":"`+strings.Repeat("ä", 200)+`","error":true,"unit":"x.service","n":[1]}]}`)
		want := `{"node_name":"n1","action_id":"` + n.first + `","action_name":"first","task_id":"` + string(n.task.ID) + `","action_status":"incomplete"}`
		if said.StatusCode != http.StatusOK || said.body != want {
			t.Errorf("details: %d %s\nwant %s", said.StatusCode, said.body, want)
		}
		if a := n.report(n.first, n.key, "{}"); a.StatusCode != http.StatusOK || a.body != want {
			t.Errorf("nothing to say: %d %s", a.StatusCode, a.body)
		}
		ended := n.report(strings.ToLower(n.first), strings.ToUpper(n.key), `{"status":"Failure","details":[{"message":"last","error":true}]}`)
		if want = strings.Replace(want, "incomplete", "failure", 1); ended.StatusCode != http.StatusOK || ended.body != want {
			t.Errorf("the end: %d %s\nwant %s", ended.StatusCode, ended.body, want)
		}
		for _, body := range []string{`{"status":"success"}`, `{"details":[{"message":"late","error":false}]}`, "{}"} {
			n.want("after the end: "+body, n.report(n.first, n.key, body), http.StatusConflict, "Action "+n.first+" status finalized, not available for update.")
		}
		n.want("what does not signal", n.report(n.second, n.key, `{"status":"success"}`), http.StatusConflict, "finalized")
		messages, err := s.Messages(t.Context(), n.task.ID, 0, 100)
		if err != nil || len(messages) != 3 {
			t.Fatalf("%+v, %v", messages, err)
		}
		for i, m := range messages {
			if m.ContextType != "bootaction" || m.Context != n.first || m.Error != (i > 0) || m.Text != []string{"begun", strings.Repeat("ä", 200), "last"}[i] {
				t.Errorf("%d: %+v", i, m)
			}
		}
		if extra := strings.ReplaceAll(string(messages[1].Extra), " ", ""); extra != `{"unit":"x.service","n":[1]}` && extra != `{"n":[1],"unit":"x.service"}` {
			t.Errorf("extra %s", extra)
		}
		list, err := n.client.NodeBootActions(t.Context(), "n1")
		if err != nil || len(list) != 2 || list[0].Status != drydock.ResultFailure || list[1].Status != drydock.ResultUnreported || list[1].Name != "second" {
			t.Errorf("%+v, %v", list, err)
		}
		if shown := n.get("/api/v1.0/nodes/n1/bootactions"); strings.Contains(shown.body, n.key) {
			t.Errorf("the key is shown: %s", shown.body)
		}
		if _, err := n.client.NodeBootActions(t.Context(), "n9"); !errors.Is(err, drydock.ErrNotFound) {
			t.Errorf("an unknown node: %v", err)
		}
	})
}

// TestBootReportRace: of many reports that race to end a boot action one wins, and only its message is kept.
func TestBootReportRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		n := boot(t, bootService(t, &assets{}, s))
		var won atomic.Int32
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				a := n.report(n.first, n.key, fmt.Sprintf(`{"status":"success","details":[{"message":"%d","error":false},{"message":"%d","error":false}]}`, i, i))
				switch a.StatusCode {
				case http.StatusOK:
					won.Add(1)
				case http.StatusConflict:
				default:
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			})
		}
		group.Wait()
		messages, err := s.Messages(t.Context(), n.task.ID, 0, 100)
		if err != nil || won.Load() != 1 || len(messages) != 2 || messages[0].Text != messages[1].Text {
			t.Errorf("%d won, %+v, %v", won.Load(), messages, err)
		}
	})
}
