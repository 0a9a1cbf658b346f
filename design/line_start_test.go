package design_test

import (
	"slices"
	"testing"

	"drydock/design"
)

func TestLineStarts(t *testing.T) {
	for text, want := range map[string][]int{
		"": nil, "a": {0}, "a\n": {0}, "a\nb": {0, 2}, "\n\n": {0, 1}, "a\r\nb\rc": {0, 3, 5}, "\uFEFFa\nb": {3, 5}, "a\u0085b\u2028c\u2029d": {0, 3, 7, 11}, "\uFEFF": nil,
	} {
		if got := design.LineStarts([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
