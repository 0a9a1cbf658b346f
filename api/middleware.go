package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"drydock"
)

// The headers that requests are traced by.
const (
	headerRequest = "X-Drydock-Req"    // on every response: the id of the request
	headerMarker  = "X-Context-Marker" // from the client: its own id, a version 4 UUID; anything else is ignored
	headerEndUser = "X-End-User"       // from the client: for whom it acts
	headerKey     = "Idempotency-Key"  // from the client: makes a creation repeatable
)

// markerForm is a version 4 UUID of the RFC variant.
var markerForm = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// recorder notes what a handler answered. Unwrap gives the way to flushing and deadlines.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the first final status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes of the body.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// middleware gives every request an id, a limit, a line in the log and an answer, whatever happens behind it.
func (s *server) middleware(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	guarded := s.handler(func(w http.ResponseWriter, r *http.Request) error {
		if s.options.LoopbackOnly && !loopback(r.Host) {
			return refuse(http.StatusForbidden, "This service answers only as localhost, not as %.200q: it has no authentication", r.Host)
		}
		if foreign.Check(r) != nil {
			return refuse(http.StatusForbidden, "Requests that a browser sends on behalf of another site are refused")
		}
		r = tidyBootPath(r)
		// The multiplexer would redirect these to the clean path; a write must not be taken for something else on the way.
		if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path {
			return refuse(http.StatusNotFound, "There is nothing at %.200s", r.URL.Path)
		}
		next.ServeHTTP(w, r)
		return nil
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		header := w.Header()
		header.Set(headerRequest, uuid.NewString())
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, s.bodyLimit(r))
		defer func() {
			cause := recover()
			err, _ := cause.(error)
			begun, abort := rec.status != 0, errors.Is(err, http.ErrAbortHandler)
			if cause != nil && !abort {
				s.recovered(rec, r, cause)
			}
			s.logRequest(rec, r, time.Since(start))
			if abort || cause != nil && begun {
				panic(http.ErrAbortHandler) // only a broken connection tells the client that what it has is not whole
			}
		}()
		guarded.ServeHTTP(rec, r)
	})
}

// recovered turns a panic into a 500, if the answer has not begun.
func (s *server) recovered(w *recorder, r *http.Request, cause any) {
	s.log.ErrorContext(r.Context(), "handler panicked", "req_id", w.Header().Get(headerRequest), "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if w.status == 0 {
		s.fail(w, r, fmt.Errorf("panic: %v", cause))
	}
}

func (s *server) logRequest(w *recorder, r *http.Request, took time.Duration) {
	level := slog.LevelInfo
	if strings.HasPrefix(r.URL.Path, prefix+"/health") && w.status < http.StatusInternalServerError {
		level = slog.LevelDebug // probes come every few seconds
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.status), slog.Int64("bytes", w.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("req_id", w.Header().Get(headerRequest)),
	}
	if marker := r.Header.Get(headerMarker); markerForm.MatchString(marker) {
		attrs = append(attrs, slog.String("external_ctx", marker))
	}
	if user := r.Header.Get(headerEndUser); user != "" {
		attrs = append(attrs, slog.String("end_user", user[:min(len(user), drydock.MaxName)]))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// handler answers the error of h, unless h has already begun to answer.
func (s *server) handler(h func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// loopback reports whether a Host header names this machine, with or without a port.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	switch strings.ToLower(host) {
	case "localhost", "127.0.0.1", "::1", "[::1]":
		return true
	}
	return false
}

// writeJSON answers v. The whole body is made first: an error leaves the response untouched.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone away needs no answer
	return nil
}
