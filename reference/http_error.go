package reference

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"drydock"
)

const (
	excerptBytes = 32 << 10 // services put the message behind its details
	excerptRunes = 200
	excerptTime  = 2 * time.Second
)

// tlsError is for a handshake that failed. What is wrong with certificates and versions will be wrong at the next try.
func tlsError(ctx context.Context, err error, limit time.Duration, scrub scrubbers) error {
	if cause := context.Cause(ctx); cause != nil {
		return stepError(StepTLS, drydock.ErrUnavailable, "", "%w", cause)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return stepError(StepTLS, drydock.ErrUnavailable, "", "no TLS handshake within %v", limit)
	}
	final := func(remedy, what string, err error) error {
		e := stepError(StepTLS, drydock.ErrUnavailable, remedy, "%s: %s", what, drydock.OneLine(scrub.text(err.Error()), 300))
		e.final = true
		return e
	}
	var (
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		remote *net.OpError
	)
	switch {
	case errors.As(err, &cert):
		return final(certificateRemedy(cert.Err), "the server's certificate is not trusted", cert.Err)
	case errors.As(err, &record):
		return final("use http, if that is what the port speaks", "the server does not speak TLS", err)
	case errors.As(err, &remote) && remote.Op == "remote error":
		return final("if it wants a client certificate, set [design] cert_file and cert_key_file", "the server refuses TLS with us", err)
	case errors.Is(err, io.EOF), errors.As(err, &remote):
		return stepError(StepTLS, drydock.ErrUnavailable, "", "the TLS handshake broke off: %s", drydock.OneLine(scrub.text(err.Error()), 300))
	}
	return final("the server must speak TLS 1.2 or later", "the TLS handshake failed", err)
}

func certificateRemedy(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return "if its authority is your own, name it with [design] ca_file"
	case errors.As(err, &name):
		return "use a host name that is in the certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the certificate, or set the clock"
	}
	return "mend the certificate"
}

// statusError is for an answer that is no success. The beginning of its body often says why.
func (x *exchange) statusError(resp *http.Response) error {
	text := fmt.Sprintf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	x.until = time.Now().Add(excerptTime)
	// What can be had of the body is enough here: the answer is a failure already.
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, excerptBytes))
	if resp.Header.Get("Content-Encoding") == "" {
		if said := drydock.OneLine(x.hop.scrub.text(string(raw)), excerptRunes); said != "" {
			text += ": " + said
		}
	}
	step, remedy := StepStatus, ""
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		step, remedy = StepAuth, "check the credentials, and what they are allowed to read"
	case http.StatusNotFound, http.StatusGone:
		remedy = "check the path of the reference"
	}
	e := stepError(step, statusKind(resp.StatusCode), remedy, "%s", text)
	e.status, e.said = resp.StatusCode, x.hop.scrub.text(string(raw))
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
