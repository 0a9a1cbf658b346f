package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"drydock"
	"drydock/api"
)

const documents = "---\nschema: drydock/Region/v1\n"

func TestDesigns(t *testing.T) {
	s := newService(t, func(_ *api.Deps, o *api.Options) { o.MaxBody, o.MaxDesign = 50, 100 })
	sum := sha256.Sum256([]byte(documents))
	digest := hex.EncodeToString(sum[:])
	post := func(media, body string) answer {
		return s.do(request{"POST", "/api/v1.0/designs", body, []string{"Content-Type: " + media}})
	}
	first := post("application/x-yaml", documents)
	d := decode[api.StoredDesign](t, first, http.StatusCreated)
	if d.DesignRef != "design://sha256/"+digest || d.Digest != digest || d.Size != int64(len(documents)) || d.Created.IsZero() {
		t.Errorf("%+v", d)
	}
	if at := first.Header.Get("Location"); at != "/api/v1.0/designs/"+digest {
		t.Errorf("location %q", at)
	}
	for _, media := range []string{"text/yaml; charset=UTF-8", "text/plain", "application/yaml", "Text/X-Anything"} {
		if again := decode[api.StoredDesign](t, post(media, documents), http.StatusOK); again != d {
			t.Errorf("%s: %+v", media, again)
		}
	}
	read := s.get("/api/v1.0/designs/" + digest)
	if read.StatusCode != http.StatusOK || read.body+"\n" != documents || read.Header.Get("Etag") != `"`+digest+`"` {
		t.Errorf("read %d %q %v", read.StatusCode, read.body, read.Header)
	}
	for _, c := range []struct {
		media, body string
		status      int
		text        string
	}{
		{"application/x-yaml", strings.Repeat("x", 101), 413, "larger than the 100 bytes"},
		{"application/x-yaml", " \n\t", 400, "must not be empty"},
		{"application/x-yaml", "", 400, "must not be empty"},
		{"application/json", "{}", 415, "application/x-yaml"},
		{"application/octet-stream", "x", 415, "application/x-yaml"},
		{"", "x", 415, "application/x-yaml"},
		{"text/plain; charset=latin1", "x", 415, "UTF-8"},
	} {
		if e := decode[api.ErrorBody](t, post(c.media, c.body), c.status); !strings.Contains(e.Message, c.text) {
			t.Errorf("%q, %d bytes: %q", c.media, len(c.body), e.Message)
		}
	}
	if a := s.do(request{"POST", "/api/v1.0/designs", documents, []string{"Content-Type: text/yaml", "Content-Encoding: gzip"}}); a.StatusCode != 415 {
		t.Errorf("compressed: %d", a.StatusCode)
	}
	for _, unknown := range []string{strings.Repeat("0", 64), "x", strings.ToUpper(digest)} {
		if a := s.get("/api/v1.0/designs/" + unknown); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", unknown, a.StatusCode, a.body)
		}
	}
}

func TestDesignsByClient(t *testing.T) {
	s := newService(t, nil)
	ctx := context.Background()
	d, created, err := s.client.AddDesign(ctx, []byte(documents))
	if err != nil || !created {
		t.Fatalf("%+v, %t, %v", d, created, err)
	}
	if again, created, err := s.client.AddDesign(ctx, []byte(documents)); err != nil || created || again != d {
		t.Errorf("again: %+v, %t, %v", again, created, err)
	}
	if got, err := s.client.Design(ctx, d.Digest); err != nil || string(got) != documents {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := s.client.Design(ctx, "../tasks"); !errors.Is(err, drydock.ErrNotFound) {
		t.Errorf("no digest: %v", err)
	}
	if _, _, err := s.client.AddDesign(ctx, nil); !errors.Is(err, drydock.ErrInvalid) {
		t.Errorf("nothing: %v", err)
	}
	if _, _, err := s.client.AddDesign(ctx, make([]byte, drydock.MaxDesign+1)); !errors.Is(err, drydock.ErrInvalid) {
		t.Errorf("too much: %v", err)
	}
	full := newService(t, func(d *api.Deps, _ *api.Options) { d.Designs = fullStore{} })
	if _, _, err := full.client.AddDesign(ctx, []byte(documents)); !errors.Is(err, drydock.ErrConflict) || !strings.Contains(err.Error(), "delete old tasks") {
		t.Errorf("no room: %v", err)
	}
}

// fullStore has no room.
type fullStore struct{ api.Designs }

func (fullStore) AddDesign(context.Context, []byte) (drydock.StoredDesign, bool, error) {
	return drydock.StoredDesign{}, false, errors.Join(drydock.ErrConflict, errors.New("delete old tasks"))
}

// A reference is checked before there is a task, kept sealed and shown redacted wherever a task is shown.
func TestReferences(t *testing.T) {
	s := newService(t, nil)
	ctx := context.Background()
	for ref, kind := range map[string]error{"gopher://h/x": drydock.ErrInvalid, "https://no-key@h/x": drydock.ErrDenied} {
		if _, _, err := s.client.CreateTask(ctx, api.CreateTaskRequest{Action: "noop", DesignRef: ref}); !errors.Is(err, kind) || !strings.Contains(err.Error(), "design_ref") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	ask := api.CreateTaskRequest{Action: "noop", DesignRef: "https://u:" + secret + "@h/x", Key: "k"}
	made, _, err := s.client.CreateTask(ctx, ask)
	if err != nil || made.DesignRef != "https://u:***@h/x" {
		t.Fatalf("%+v, %v", made, err)
	}
	if again, created, err := s.client.CreateTask(ctx, ask); err != nil || created || again.TaskID != made.TaskID || again.DesignRef != made.DesignRef {
		t.Errorf("with the same key: %+v, %t, %v", again, created, err)
	}
	if kept, err := s.Task(ctx, made.TaskID); err != nil || kept.DesignRef != "https://u:"+sealed+"@h/x" {
		t.Errorf("kept: %q, %v", kept.DesignRef, err)
	}
	path := "/api/v1.0/tasks/" + string(made.TaskID)
	if a := s.do(request{method: "POST", path: path + "/terminate"}); a.StatusCode != http.StatusAccepted || shows(a) != 1 {
		t.Errorf("terminate: %s", a.body)
	}
	for _, p := range []string{path, path + "?layers=-1", path + "?subtaskerrors=true&builddata=true", "/api/v1.0/tasks", path + "/follow"} {
		if a := s.get(p); shows(a) < 1 {
			t.Errorf("%s shows %s", p, a.body)
		}
	}
}

// shows counts the redacted references of an answer, -1 if one is not.
func shows(a answer) int {
	if strings.Contains(a.body, secret) || strings.Contains(a.body, sealed) {
		return -1
	}
	return strings.Count(a.body, `"design_ref":"https://u:***@h/x"`)
}
