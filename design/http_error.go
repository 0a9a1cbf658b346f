package design

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"drydock"
)

// transportError is for a request that got no answer.
func transportError(ctx context.Context, err error, scrub scrubber) error {
	var outer *url.Error // repeats method and URL
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if errors.Is(err, drydock.ErrDenied) || errors.Is(err, drydock.ErrInvalid) { // from controlDial or checkRedirect
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", drydock.ErrUnavailable, cause)
	}
	var cert *tls.CertificateVerificationError
	e := &fetchError{kind: drydock.ErrUnavailable, text: "no answer: " + clean(scrub.text(err.Error()), 300)}
	if errors.As(err, &cert) {
		e.text, e.final = "the server's certificate is not trusted: "+clean(scrub.text(cert.Err.Error()), 300), true
	}
	return e
}

// bodyError is for an answer that broke off or cannot be decompressed.
func bodyError(ctx context.Context, err error, scrub scrubber) error {
	if errors.Is(err, drydock.ErrInvalid) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: the answer did not come to its end: %w", drydock.ErrUnavailable, cause)
	}
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return fmt.Errorf("%w: the answer says that it is gzip, but cannot be decompressed: %w", drydock.ErrInvalid, err)
	}
	return &fetchError{kind: drydock.ErrUnavailable, text: "the answer broke off: " + clean(scrub.text(err.Error()), 300)}
}

// statusError is for an answer that is no success. The beginning of its body often says why.
func statusError(resp *http.Response, body io.Reader, scrub scrubber) error {
	text := fmt.Sprintf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	// What can be had of the body is enough here: the answer is a failure already.
	raw, _ := io.ReadAll(io.LimitReader(body, excerptBytes))
	if resp.Header.Get("Content-Encoding") == "" {
		if said := clean(scrub.text(string(raw)), excerptRunes); said != "" {
			text += ": " + said
		}
	}
	e := &fetchError{kind: statusKind(resp.StatusCode), text: text}
	if errors.Is(e.kind, drydock.ErrUnavailable) {
		e.after = retryAfter(resp.Header.Get("Retry-After"), resp.Header.Get("Date"))
	}
	return e
}

func statusKind(status int) error {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return drydock.ErrDenied
	case status == http.StatusNotFound, status == http.StatusGone:
		return drydock.ErrNotFound
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return drydock.ErrUnavailable
	}
	return drydock.ErrInvalid
}

// retryAfter reads the header of that name: seconds, or a date, which is compared with the server's own clock if it tells it.
func retryAfter(value, date string) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	then, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(date)
	if err != nil {
		now = time.Now()
	}
	return max(then.Sub(now), 0)
}
