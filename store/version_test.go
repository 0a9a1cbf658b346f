package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ownUpdate is a statement that changes tasks, up to its condition.
var ownUpdate = regexp.MustCompile(`(?s)UPDATE tasks\b.*?\bWHERE\b`)

// Every update of ours changes the version or the heartbeat: one that does not is taken for upstream's, and guarded against as such.
func TestUpdatesChangeVersion(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range ownUpdate.FindAllString(string(text), -1) {
			found++
			if !strings.Contains(statement, "version = ") && !strings.Contains(statement, "heartbeat = ") {
				t.Errorf("%s: leaves the version as it is: %s", name, statement)
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d statements only", found)
	}
}
