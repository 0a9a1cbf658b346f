package drydock_test

import (
	"os"
	"regexp"
	"testing"
)

var (
	testTold = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`)
	testMade = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w+)\(`)
)

// TestTestsTold: documents say by which test a thing is shown; there is one of that name.
func TestTestsTold(t *testing.T) {
	made := map[string]bool{}
	for _, p := range files(t, "_test.go") {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testMade.FindAllStringSubmatch(string(text), -1) {
			made[m[1]] = true
		}
	}
	told := 0
	for _, p := range append(files(t, ".md"), "reference/defect_test.go") {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range testTold.FindAllString(string(text), -1) {
			if told++; !made[name] {
				t.Errorf("%s names %s: there is no such test", p, name)
			}
		}
	}
	if told < 50 {
		t.Errorf("only %d tests are named", told)
	}
}
