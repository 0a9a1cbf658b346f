package reference

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"drydock"
)

// Step names the part of getting a design that failed. A person who reads it knows whom to ask: the author of the reference, the operator of
// this service, the network, or the host that has the design.
type Step string

// The steps, in the order in which they are taken.
const (
	StepParse   Step = "parse"   // the reference cannot be read, or names a scheme that is not known
	StepPolicy  Step = "policy"  // what the operator allows does not include it
	StepBreaker Step = "breaker" // its host failed too often; it was not asked
	StepDNS     Step = "dns"     // its host has no address
	StepConnect Step = "connect" // no connection to the host
	StepTLS     Step = "tls"     // no trust between the host and us
	StepAuth    Step = "auth"    // no token, or credentials that were refused
	StepStatus  Step = "status"  // the host answered that it will not give it
	StepRead    Step = "read"    // the answer, or the file, did not come to its end
	StepSize    Step = "size"    // there is more than we read
	StepDecode  Step = "decode"  // what came is not what it says it is: compression, character set, kind of content
	StepDigest  Step = "digest"  // what came is not what the reference pins
)

// Error is what Resolver and Loader return. Its text and its fields hold no secret of the reference; of what fetchers and libraries said it keeps
// the scrubbed text and the kinds (ErrInvalid, ErrDenied, ErrNotFound, ErrUnavailable, and whether a context ended), which errors.Is sees.
type Error struct {
	Ref    string        // the reference without its secrets
	Step   Step          // where it failed
	Reason string        // the kind, and what happened
	Remedy string        // what to do about it; may be empty
	Status int           // of HTTP, if there was an answer that says no; 0 otherwise
	Tries  int           // how often a fetch was begun; 0: not at all
	Took   time.Duration // from the call until now
	After  time.Duration // how long the host asked to be left alone; 0 if it did not
	kinds  []error
}

// Error says in one line what was tried, where it failed, why, for how long, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	verb := "get design"
	if e.Tries == 0 {
		verb = "design reference"
	}
	fmt.Fprintf(&b, "%s %s: %s: %s", verb, cmp.Or(e.Ref, "(empty)"), e.Step, e.Reason)
	switch {
	case e.Tries == 1:
		fmt.Fprintf(&b, " (1 try, %v)", e.Took.Round(time.Millisecond))
	case e.Tries > 1:
		fmt.Fprintf(&b, " (%d tries, %v)", e.Tries, e.Took.Round(time.Millisecond))
	}
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// RetryAfter returns After, for those who know nothing of this type.
func (e *Error) RetryAfter() time.Duration { return e.After }

// Unwrap shows the kinds of error only: whatever else a fetcher wrapped may name secrets.
func (e *Error) Unwrap() []error { return e.kinds }

// kinds are the errors that may be seen through an Error.
var kinds = []error{
	drydock.ErrInvalid, drydock.ErrDenied, drydock.ErrNotFound, drydock.ErrConflict, drydock.ErrUnavailable,
	context.Canceled, context.DeadlineExceeded,
}

func kindsOf(err error) []error {
	var found []error
	for _, k := range kinds {
		if errors.Is(err, k) {
			found = append(found, k)
		}
	}
	return found
}

// fetchError is an error of a fetcher that says more than its kind: the step that failed, what to do about it, and what that means for another
// try. Its text may hold secrets of the reference; the resolver scrubs it.
type fetchError struct {
	step   Step // empty: StepRead
	kind   error
	text   string
	remedy string
	cause  error         // nil if there is nothing to see
	after  time.Duration // what the server asked us to wait; 0: nothing
	final  bool          // not worth another try, whatever the kind
	status int           // of HTTP; 0: there was no answer
	said   string        // the beginning of the body of that answer, scrubbed like text
}

// stepError returns an error of a step. The kind is one of error.go; remedy is a sentence in the imperative or empty; format and args are as
// for fmt.Errorf, %w included, and should neither repeat the kind nor name the reference, which the resolver adds. The caller may set after,
// final and status of what it gets.
func stepError(step Step, kind error, remedy, format string, args ...any) *fetchError {
	cause := fmt.Errorf(format, args...)
	return &fetchError{step: step, kind: kind, remedy: remedy, text: cause.Error(), cause: cause}
}

func (e *fetchError) Error() string { return e.kind.Error() + ": " + e.text }

func (e *fetchError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// Step returns where it failed.
func (e *fetchError) Step() Step { return e.step }

// Remedy returns what to do about it.
func (e *fetchError) Remedy() string { return e.remedy }

// Status returns the status of an HTTP answer, 0 if there was none.
func (e *fetchError) Status() int { return e.status }

// RetryAfter returns how long the server asked to be left alone; 0 if it did not.
func (e *fetchError) RetryAfter() time.Duration { return e.after }

// Final reports that another try would fail the same way.
func (e *fetchError) Final() bool { return e.final }

// describe fills in what err, made by any fetcher, says of itself by the optional methods Step, Remedy and Status.
func (e *Error) describe(err error) {
	e.Step, e.After = stepOf(err), wishOf(err)
	var status interface{ Status() int }
	if errors.As(err, &status) {
		e.Status = status.Status()
	}
	var remedy interface{ Remedy() string }
	if errors.As(err, &remedy) {
		e.Remedy = remedy.Remedy()
	}
	if e.Remedy == "" {
		e.Remedy = remedyOf(e.Step, err)
	}
}

// stepOf returns where err says that it happened: StepRead if it does not.
func stepOf(err error) Step {
	var step interface{ Step() Step }
	if errors.As(err, &step) {
		return cmp.Or(step.Step(), StepRead)
	}
	return StepRead
}

// remedyOf is what to do about an error that says nothing about it itself.
func remedyOf(step Step, err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, drydock.ErrNotFound):
		return "check that the reference is right"
	}
	switch step {
	case StepBreaker, StepRead, StepStatus:
		if errors.Is(err, drydock.ErrUnavailable) {
			return "see how the host that has it is, then try again"
		}
	case StepDNS:
		return "check the host name, and the name service of this server"
	case StepConnect:
		return "check that the host runs, and that this server can reach it"
	case StepTLS:
		return "check the host's certificate, and which authorities this server trusts"
	case StepAuth:
		return "check user and password, and what they may read"
	case StepSize:
		return "split the design, or have the operator raise the limit"
	}
	return ""
}
