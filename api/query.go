package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"drydock"
)

// query reads the parameters of a request. Its methods return zero values after the first mistake, which err keeps.
type query struct {
	values url.Values
	err    error
}

// readQuery accepts only the parameters named.
func readQuery(r *http.Request, known ...string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &query{err: invalid("The query cannot be read: %v", err)}
	}
	q := &query{values: values}
	var unknown []string
	for name := range values {
		if !slices.Contains(known, name) {
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		hint := "none are known here"
		if len(known) > 0 {
			hint = "known are " + strings.Join(known, ", ")
		}
		q.fail("Unknown query parameter %.500s: %s", strings.Join(unknown, ", "), hint)
	}
	return q
}

// one returns the value of a parameter that may be given once.
func (q *query) one(name string) (value string, given bool) {
	list := q.values[name]
	if len(list) > 1 {
		q.fail("Query parameter %q is given %d times", name, len(list))
	}
	return q.values.Get(name), len(list) > 0
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = invalid(format, args...)
	}
}

// text is a parameter that, if given, must not be empty: an empty filter is more likely a mistake than a wish for everything.
func (q *query) text(name string) string {
	value, given := q.one(name)
	if given && value == "" {
		q.fail("Query parameter %q must not be empty", name)
	}
	return value
}

// flag reads upstream's booleans in any case; a bare parameter is true.
func (q *query) flag(name string, absent bool) bool {
	value, given := q.one(name)
	if !given {
		return absent
	}
	switch strings.ToLower(value) {
	case "", "true", "t", "yes", "y", "1", "on":
		return true
	case "false", "f", "no", "n", "0", "off":
		return false
	}
	q.fail("Query parameter %q must be true or false, not %.60q", name, value)
	return false
}

// number reads a whole number between low and high.
func (q *query) number(name string, absent, low, high int64) int64 {
	value, given := q.one(name)
	if !given {
		return absent
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < low || n > high {
		q.fail("Query parameter %q must be a whole number from %d to %d, not %.60q", name, low, high, value)
		return absent
	}
	return n
}

func (q *query) time(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := parseTime(s)
	if err != nil {
		q.fail("Query parameter %q: %.60q is not a time such as 2026-11-22T12:13:25Z", name, s)
	}
	return t
}

// oneOf is a text that must be one of those allowed.
func oneOf[T ~string](q *query, name string, value string, allowed []T) T {
	if value != "" && !slices.Contains(allowed, T(value)) {
		q.fail("Query parameter %q must be one of %v, not %.60q", name, allowed, value)
	}
	return T(value)
}

// taskID reads the id in the path.
func taskID(r *http.Request) (drydock.TaskID, error) { return drydock.ParseTaskID(r.PathValue("id")) }

// linkNext announces the next page. The address is relative to the request's, so that it holds behind any prefix.
func linkNext(w http.ResponseWriter, r *http.Request, cursor string) {
	values := r.URL.Query()
	values.Set("after", cursor)
	last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	w.Header().Set("Link", "<"+last+"?"+values.Encode()+`>; rel="next"`)
}
