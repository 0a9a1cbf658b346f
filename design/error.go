package design

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"drydock"
)

// kinds are the errors that may be seen through the error of a resolve. The rest of a fetcher's chain is dropped: it may name secrets.
var kinds = []error{
	drydock.ErrInvalid, drydock.ErrDenied, drydock.ErrNotFound, drydock.ErrConflict, drydock.ErrUnavailable,
	context.Canceled, context.DeadlineExceeded,
}

// resolveError is what Resolve returns: a text without secrets, and the kinds.
type resolveError struct {
	text  string
	kinds []error
}

func (e *resolveError) Error() string   { return e.text }
func (e *resolveError) Unwrap() []error { return e.kinds }

func kindsOf(err error) []error {
	var found []error
	for _, k := range kinds {
		if errors.Is(err, k) {
			found = append(found, k)
		}
	}
	return found
}

// fetchError is an error of a fetcher that says more about trying again than its kind does.
type fetchError struct {
	kind  error
	text  string
	cause error         // nil if there is nothing to see
	after time.Duration // what the server asked us to wait; 0: nothing
	final bool          // not worth another try, whatever the kind
}

func (e *fetchError) Error() string { return e.kind.Error() + ": " + e.text }

func (e *fetchError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// RetryAfter returns how long the server asked to be left alone; 0 if it did not.
func (e *fetchError) RetryAfter() time.Duration { return e.after }

// Final reports that another try would fail the same way.
func (e *fetchError) Final() bool { return e.final }

// clean makes a text that others wrote fit for one line: what cannot be printed and runs of space become one blank, and at most limit
// characters are kept.
func clean(s string, limit int) string {
	var b strings.Builder
	n, blank := 0, false
	for _, r := range s {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) || r == ' ' {
			blank = b.Len() > 0
			continue
		}
		if n++; n > limit {
			b.WriteString("…")
			break
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
