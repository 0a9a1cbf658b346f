package keystone

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gophercloud/gophercloud/v2"

	"drydock"
)

// loginError is why there is no token. It does not wrap what it was made of: that may quote what was sent.
type loginError struct {
	kind   error
	text   string
	retry  bool          // another try may succeed
	after  time.Duration // what Keystone asked us to wait
	status int           // of the answer; 0: there was none
}

// Error implements error.
func (e *loginError) Error() string { return e.kind.Error() + ": " + e.text }

// Unwrap shows the kind.
func (e *loginError) Unwrap() error { return e.kind }

// failure tells what err, of a request to Keystone, means.
func (c *Client) failure(err error) *loginError {
	var answer gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &answer) {
		return c.refusal(answer)
	}
	var outer *url.Error // repeats method and URL
	if errors.As(err, &outer) {
		err = outer.Err
	}
	said := clean(c.hide.Replace(err.Error()))
	var cert *tls.CertificateVerificationError
	var op *net.OpError
	var wrong *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &cert):
		return &loginError{kind: drydock.ErrUnavailable, text: fmt.Sprintf("the certificate of %s is not trusted: %s; look at cafile", c.where, clean(cert.Err.Error()))}
	case errors.Is(err, context.DeadlineExceeded) && !(errors.As(err, &op) && op.Op == "dial"):
		return &loginError{kind: drydock.ErrUnavailable, text: fmt.Sprintf("%s does not answer within %v", c.where, c.o.RequestTimeout), retry: true}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &loginError{kind: drydock.ErrUnavailable, text: fmt.Sprintf("the answer of %s broke off", c.where), retry: true}
	case errors.Is(err, errTooLong), errors.As(err, &wrong), errors.As(err, &mistyped), errors.Is(err, errNoToken):
		return &loginError{kind: drydock.ErrInvalid, text: fmt.Sprintf("%s does not answer as Keystone does: %s; look at auth_url", c.where, said)}
	}
	return &loginError{kind: drydock.ErrUnavailable, text: fmt.Sprintf("%s cannot be reached: %s", c.where, said), retry: true}
}

// refusal is for an answer that is no success.
func (c *Client) refusal(answer gophercloud.ErrUnexpectedResponseCode) *loginError {
	e := &loginError{kind: drydock.ErrInvalid, status: answer.Actual}
	status := fmt.Sprintf("%d %s", answer.Actual, http.StatusText(answer.Actual))
	if said := c.said(answer.Body); said != "" {
		status += " (" + said + ")"
	}
	switch {
	case answer.Actual == http.StatusUnauthorized:
		e.kind, e.text = drydock.ErrDenied, fmt.Sprintf("%s answers %s to %s", c.where, status, c.o.who())
	case answer.Actual == http.StatusForbidden:
		e.kind = drydock.ErrDenied
		e.text = fmt.Sprintf("%s answers %s to %s; look at the account: it may be locked, or its password expired", c.where, status, c.o.who())
	case answer.Actual == http.StatusTooManyRequests, answer.Actual == http.StatusRequestTimeout, answer.Actual >= 500:
		e.kind, e.text, e.retry = drydock.ErrUnavailable, fmt.Sprintf("%s answers %s", c.where, status), true
		e.after = retryAfter(answer.ResponseHeader)
	case answer.Actual/100 == 3:
		e.text = fmt.Sprintf("%s leads to another place (%s), where no password is sent; look at auth_url", c.where, clean(hideUser(answer.ResponseHeader.Get("Location"))))
	case answer.Actual == http.StatusBadRequest:
		e.text = fmt.Sprintf("%s answers %s to %s; look at the options [keystone_authtoken]", c.where, status, c.o.who())
	default:
		e.text = fmt.Sprintf("%s answers %s to a request for a token; look at auth_url", c.where, status)
	}
	return e
}

// said is the message of an error that Keystone answered, if it is one.
func (c *Client) said(body []byte) string {
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return clean(c.hide.Replace(answer.Error.Message))
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if then, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		return max(0, then.Sub(now))
	}
	return 0
}

// hider replaces the secrets of the options in texts that others wrote.
func hider(o Options) *strings.Replacer {
	var pairs []string
	for _, s := range []Secret{o.Password, o.ApplicationCredentialSecret} {
		if s == "" {
			continue
		}
		quoted, _ := json.Marshal(string(s)) // a text can always be written
		for _, form := range []string{string(s), strings.Trim(string(quoted), `"`), url.QueryEscape(string(s)), url.PathEscape(string(s))} {
			pairs = append(pairs, form, "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

// clean makes a text of others fit for one line.
func clean(s string) string {
	const limit = 300
	var b strings.Builder
	n := 0
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		if n += len(word) + 1; n > limit {
			return b.String() + " …"
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}
