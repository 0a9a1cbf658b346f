package drydock

import (
	"encoding/json"
	"slices"
	"time"
)

// ResultStatus says how a task went, apart from where it is in its life. The literals are upstream's.
type ResultStatus string

// The result states. Unreported belongs to boot actions that do not signal.
const (
	ResultIncomplete ResultStatus = "incomplete"
	ResultSuccess    ResultStatus = "success"
	ResultPartial    ResultStatus = "partial_success"
	ResultFailure    ResultStatus = "failure"
	ResultUnreported ResultStatus = "unreported"
)

// Result is the outcome of a task so far.
type Result struct {
	Status     ResultStatus
	Message    string
	Reason     string
	ErrorCount int // messages with Error set
	Successes  []string
	Failures   []string
	Links      []Link
}

// Link points to something outside, such as a log.
type Link struct{ Rel, Href string }

// Message is one line of what a task found or did. Seq orders the messages of a task as they were committed; numbers grow but need not be
// adjacent.
type Message struct {
	Seq         int64
	Text        string
	Error       bool
	ContextType string // "NA", "task", "node", "network", "document", "bootaction", ...
	Context     string
	Time        time.Time       // zero when written: the database's clock
	Extra       json.RawMessage // a JSON object; nil means {}
}

// Success records a success, of the node named by focus unless that is empty. The status moves as in upstream's result algebra: a success
// after failures is a partial success.
func (r *Result) Success(focus string) {
	switch r.Status {
	case ResultPartial, ResultFailure:
		r.Status = ResultPartial
	default:
		r.Status = ResultSuccess
	}
	r.Successes = appendOnce(r.Successes, focus)
}

// Failure records a failure, of the node named by focus unless that is empty.
func (r *Result) Failure(focus string) {
	switch r.Status {
	case ResultSuccess, ResultPartial:
		r.Status = ResultPartial
	default:
		r.Status = ResultFailure
	}
	r.Failures = appendOnce(r.Failures, focus)
}

func appendOnce(names []string, name string) []string {
	if name == "" || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// Rollup computes what a parent's result is from its children that have ended: node names and status. Only children whose action is filter
// count (all when filter is empty), failures are listed from every child, and a child's failures count only if the parent was never retried
// or the child belongs to the parent's present retry. Without children the status of own stands. Message, Reason, ErrorCount and Links are own's.
func Rollup(own Result, retry int, children []Task, filter Action) Result {
	sum := own
	sum.Successes, sum.Failures = nil, nil
	if len(children) == 0 {
		sum.Successes, sum.Failures = own.Successes, own.Failures
		return sum
	}
	sum.Status = ResultIncomplete
	for i := range children {
		c := &children[i]
		if !c.Status.Terminal() {
			continue
		}
		counts := filter == "" || c.Action == filter
		current := retry == 0 || c.Retry == retry
		if counts && (c.Result.Status == ResultSuccess || c.Result.Status == ResultPartial) {
			sum.Success("")
		}
		if counts && current && (c.Result.Status == ResultFailure || c.Result.Status == ResultPartial) {
			sum.Failure("")
		}
		for _, name := range c.Result.Successes {
			if counts {
				sum.Successes = appendOnce(sum.Successes, name)
			}
		}
		for _, name := range c.Result.Failures {
			if current {
				sum.Failures = appendOnce(sum.Failures, name)
			}
		}
	}
	return sum
}
