package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"drydock/keystone/keystonetest"
)

// deckhandDouble stands for a Deckhand, which has no package to install: its rendered documents, guarded by a real Keystone. It answers as Deckhand
// was seen to: in YAML whatever is accepted, documents without a first "---", its own form of errors, 401 also if it cannot reach Keystone.
type deckhandDouble struct {
	keystone  *keystonetest.Server
	url       string // of the API, as it is in the catalogue
	revisions map[int][]map[string]any

	mu       sync.Mutex
	requests []string // what was asked for: the query and the marker's length
	refused  int      // tokens that were not valid
}

// newDeckhand starts a double whose revision 1 is the example site, among documents of other services, and enters it into the catalogue.
func newDeckhand(t *testing.T, keystone *keystonetest.Server) *deckhandDouble {
	t.Helper()
	d := &deckhandDouble{keystone: keystone, revisions: map[int][]map[string]any{1: others(), 2: others()}}
	text, err := os.ReadFile("../../examples/site/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for in := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc map[string]any
		if err := in.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		d.revisions[1] = append(d.revisions[1], doc)
	}
	for _, docs := range d.revisions {
		for i, doc := range docs {
			doc["id"], doc["status"] = i+1, map[string]any{"bucket": "site", "revision": 1}
		}
	}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL + "/api/v1.0"
	keystone.AddEndpoint(t, "deckhand", "internal", keystonetest.Region, d.url)
	return d
}

// others are documents of a site that are none of Drydock's business.
func others() []map[string]any {
	return []map[string]any{
		{"schema": "deckhand/LayeringPolicy/v1", "metadata": map[string]any{"schema": "metadata/Control/v1", "name": "layering-policy"}, "data": map[string]any{"layerOrder": []string{"site"}}},
		{"schema": "deckhand/Passphrase/v1", "metadata": map[string]any{"schema": "metadata/Document/v1", "name": "ceph"}, "data": "a secret of somebody else"},
		{"schema": "drydocking/Boat/v1", "metadata": map[string]any{"schema": "metadata/Document/v1", "name": "boat"}, "data": map[string]any{}},
	}
}

// ref is a reference to a revision.
func (d *deckhandDouble) ref(revision string) string {
	return "deckhand+" + d.url + "/revisions/" + revision + "/rendered-documents"
}

// asked returns what was asked for since the last time, and how many tokens were refused.
func (d *deckhandDouble) asked() ([]string, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	requests, refused := d.requests, d.refused
	d.requests, d.refused = nil, 0
	return requests, refused
}

func (d *deckhandDouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.requests = append(d.requests, fmt.Sprintf("%s marker %d", r.URL.RawQuery, len(r.Header.Get("X-Context-Marker"))))
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-yaml")
	w.Header().Set("X-Deckhand-Req", "req-1")
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	began := time.Now()
	roles, err := d.keystone.Validate(r.Context(), r.Header.Get("X-Auth-Token"))
	if err != nil || len(roles) == 0 {
		d.mu.Lock()
		// A token may end while a busy machine looks at it; that one was valid when it came.
		if err == nil && time.Since(began) < 300*time.Millisecond {
			d.refused++
		}
		d.mu.Unlock()
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Keystone uri=%q", d.keystone.URL))
		d.fail(w, http.StatusUnauthorized, "The request you have made requires authentication.")
		return
	}
	if !slices.Contains(roles, "admin") {
		d.fail(w, http.StatusForbidden, "deckhand:list_cleartext_documents is disallowed by policy")
		return
	}
	d.render(w, r)
}

func (d *deckhandDouble) render(w http.ResponseWriter, r *http.Request) {
	rest, isRevision := strings.CutPrefix(r.URL.Path, "/api/v1.0/revisions/")
	revision, isRendered := strings.CutSuffix(rest, "/rendered-documents")
	if !isRevision || !isRendered {
		d.fail(w, http.StatusNotFound, "")
		return
	}
	if revision == "500" {
		d.fail(w, http.StatusInternalServerError, "The secret backend is not available.")
		return
	}
	number, _ := strconv.Atoi(revision) // what is not a number is not found either
	docs, ok := d.revisions[number]
	if !ok {
		d.fail(w, http.StatusNotFound, fmt.Sprintf("The requested revision=%s was not found.", revision))
		return
	}
	limit := len(docs)
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			d.fail(w, http.StatusBadRequest, "The limit must be an integer.")
			return
		}
		limit = n
	}
	out := yaml.NewEncoder(w)
	for _, doc := range docs {
		if limit > 0 && ofSchema(doc["schema"].(string), r.URL.Query()["schema"]) {
			limit--
			_ = out.Encode(doc) // a client that is gone does not mind
		}
	}
}

// ofSchema is Deckhand's filter: one value may be the beginning of a schema, up to a slash; several must be whole.
func ofSchema(schema string, wanted []string) bool {
	if len(wanted) == 1 {
		return schema == wanted[0] || strings.HasPrefix(schema, wanted[0]+"/")
	}
	return len(wanted) == 0 || slices.Contains(wanted, schema)
}

// fail answers an error in the form of Airship's services.
func (d *deckhandDouble) fail(w http.ResponseWriter, status int, message string) {
	var text any
	if message != "" {
		text = message
	}
	w.WriteHeader(status)
	_ = yaml.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "v1.0", "kind": "Status", "metadata": map[string]any{}, "status": "Failure", "message": text, "reason": "Unspecified",
		"code": fmt.Sprint(status, " ", http.StatusText(status)), "retry": status == http.StatusInternalServerError,
		"details": map[string]any{"errorType": "Error", "errorCount": 1, "messageList": []any{map[string]any{"message": text, "error": true}}},
	})
}

// elsewhere is a reference to the same double under another name, which is not in the catalogue.
func (d *deckhandDouble) elsewhere(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(d.ref("1"))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "localhost:" + u.Port()
	return u.String()
}
