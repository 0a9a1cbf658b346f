package design_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"drydock"
	"drydock/design"
)

func TestDocuments(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "site.yaml")
	if err := os.WriteFile(path, []byte("not: looked at: all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := design.NewIngester()
	if err != nil {
		t.Fatal(err)
	}
	l := design.NewLoader(design.NewResolver(map[string]design.Fetcher{"file": design.FetchFile([]string{folder}, 0)}, design.ResolverOptions{}), in)
	text, from, err := l.Documents(t.Context(), "file://"+path)
	if err != nil || string(text) != "not: looked at: all\n" || from.Ref != "file://"+path || from.Size != int64(len(text)) {
		t.Errorf("%q, %+v, %v", text, from, err)
	}
	if _, _, err := l.Documents(t.Context(), "file://"+folder+"/none"); !errors.Is(err, drydock.ErrNotFound) {
		t.Errorf("nothing there: %v", err)
	}
}

func TestLineStarts(t *testing.T) {
	for text, want := range map[string][]int{
		"": nil, "a": {0}, "a\n": {0}, "a\nb": {0, 2}, "\n\n": {0, 1}, "a\r\nb\rc": {0, 3, 5}, "\uFEFFa\nb": {3, 5}, "a\u0085b\u2028c\u2029d": {0, 3, 7, 11}, "\uFEFF": nil,
	} {
		if got := design.LineStarts([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
