package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"drydock"
)

// kinds is the only map between kinds of error and HTTP status. Towards the client the first kind with a status is meant.
var kinds = []struct {
	kind   error
	status int
	retry  bool
}{
	{drydock.ErrNotFound, http.StatusNotFound, false},
	{drydock.ErrConflict, http.StatusConflict, false},
	{drydock.ErrLeaseLost, http.StatusConflict, false},
	{drydock.ErrInvalid, http.StatusBadRequest, false},
	{drydock.ErrDenied, http.StatusForbidden, false},
	{drydock.ErrUnavailable, http.StatusServiceUnavailable, true}, // ErrUnknown is one as well
}

// refusal is an error whose text is shown as it is; its status is chosen here, not by a kind.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// refuse makes an error with a status and the exact text that the client sees.
func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// invalid is a refusal with status 400.
func invalid(format string, args ...any) error { return refuse(http.StatusBadRequest, format, args...) }

// answer says how err is shown: a status and a body. Errors without a kind are ours and tell nothing but the request id.
func answer(err error, requestID string) (int, ErrorBody) {
	var r *refusal
	if errors.As(err, &r) {
		return r.status, errorBody(r.text, false)
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return k.status, errorBody(err.Error(), k.retry)
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable, errorBody("the request ended before its answer was ready", true)
	}
	return http.StatusInternalServerError, errorBody("internal error (request "+requestID+")", false)
}

// fail writes err as the response and logs what the client must not see.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	id := w.Header().Get(headerRequest)
	status, body := answer(err, id)
	if gone := r.Context().Err() != nil; status >= http.StatusInternalServerError && !gone {
		s.log.ErrorContext(r.Context(), "request failed", "req_id", id, "method", r.Method, "path", r.URL.Path, "status", status, "error", err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter(err))
	}
	if err := writeJSON(w, status, body); err != nil {
		s.log.DebugContext(r.Context(), "error not delivered", "req_id", id, "error", err)
	}
}

// maxRetryAfter is the longest time that clients are sent away for, whatever a source of designs asked for.
const maxRetryAfter = time.Hour

// retryAfter is when the same request may be worth repeating, in seconds: what the source of a design asked for, or else soon.
func retryAfter(err error) string {
	wait := time.Second
	var patient interface{ RetryAfter() time.Duration }
	if errors.As(err, &patient) {
		wait = min(max(patient.RetryAfter(), wait), maxRetryAfter)
	}
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}

// remoteError is an error that the server answered: its text is the server's, its kind comes from the status.
type remoteError struct {
	kind error // nil: the server failed in a way of its own
	text string
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

// kindOf turns a status and the server's text back into a kind, or nil.
func kindOf(status int, text string) error {
	switch status {
	case http.StatusUnauthorized:
		return drydock.ErrDenied
	case http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return drydock.ErrInvalid
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		return drydock.ErrUnavailable
	}
	if status == http.StatusServiceUnavailable && strings.Contains(text, drydock.ErrUnknown.Error()) {
		return drydock.ErrUnknown // repeating a write whose outcome is unknown is not always safe
	}
	var first error
	for _, k := range kinds {
		switch {
		case k.status != status:
		case strings.Contains(text, k.kind.Error()): // a lost lease is not just any conflict
			return k.kind
		case first == nil:
			first = k.kind
		}
	}
	return first
}
