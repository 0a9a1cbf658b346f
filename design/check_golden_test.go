package design

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drydock/site"
)

// TestCheckGolden checks whole designs: everything that is found, in its order, with its place.
func TestCheckGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/check/*.yaml")
	must(t, err)
	if len(files) < 2 {
		t.Fatalf("%d cases: some are missing", len(files))
	}
	in := newIngester(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			must(t, err)
			_, findings := in.Check(src)
			got := report(&site.Design{}, findings)
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				must(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			must(t, err)
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
