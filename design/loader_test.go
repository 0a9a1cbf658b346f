package design

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drydock"
)

func TestLoad(t *testing.T) {
	root := t.TempDir()
	src, err := os.ReadFile("../examples/site/broken.yaml")
	must(t, err)
	write(t, filepath.Join(root, "broken.yaml"), string(src))
	write(t, filepath.Join(root, "empty.yaml"), "")
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/broken.yaml" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(src)
	})
	l := NewLoader(NewResolver(map[string]Fetcher{"file": FetchFile([]string{root}, 0), "http": FetchHTTP(HTTPOptions{})}, ResolverOptions{}), newIngester(t))
	sum := sha256.Sum256(src)
	for _, ref := range []string{"file://" + root + "/broken.yaml", s.URL + "/broken.yaml"} {
		report, err := l.Load(t.Context(), ref)
		d, findings := report.Design, report.Findings
		if err != nil || d == nil || d.Digest != hex.EncodeToString(sum[:]) || d.Size != len(src) || len(findings) < 10 {
			t.Errorf("%s: %v, %d findings, %v", ref, d, len(findings), err)
		}
	}
	report, err := l.Load(t.Context(), "file://"+root+"/empty.yaml")
	d, findings := report.Design, report.Findings
	if err != nil || d == nil || !report.Failed() || !strings.Contains(findings[0].Text, "empty") {
		t.Errorf("empty design: %v, %v, %v", d, findings, err)
	}
	for ref, kind := range map[string]error{
		"ftp://h/x": drydock.ErrInvalid, "file:///etc/passwd": drydock.ErrDenied, "file://" + root + "/none": drydock.ErrNotFound, s.URL + "/none": drydock.ErrNotFound,
	} {
		if r, err := l.Load(t.Context(), ref); !errors.Is(err, kind) || r.Design != nil || r.Findings != nil {
			t.Errorf("%s: %v, %v", ref, r, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Load(ctx, s.URL+"/broken.yaml"); !errors.Is(err, drydock.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if l.Check("file:///x") != nil || !errors.Is(l.Check("nope:/x"), drydock.ErrInvalid) {
		t.Error("Check")
	}
}
