package asset

import (
	"fmt"
	"strings"
)

// Error says which part of which boot action could not be made, and what to do. Its kind is that of Unwrap: ErrInvalid if the design is wrong, otherwise
// what kept a location from being read.
type Error struct {
	Action  string // name of the boot action
	Index   int    // of the asset, from 0
	Path    string // of the asset on the node; empty if it has none
	Segment string // "data_pipeline segment 2 (template)"; empty for the asset as a whole
	Remedy  string
	Err     error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "boot action %q, asset %d", e.Action, e.Index+1)
	if e.Path != "" {
		fmt.Fprintf(&b, " (%s)", e.Path)
	}
	if e.Segment != "" {
		b.WriteString(", " + e.Segment)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
