package reference

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"time"

	"drydock"
)

// reference is a design reference that was read: what to fetch, by whom, and what must come.
type reference struct {
	text    string   // as given; holds secrets
	url     *url.URL // without the pin; not to be changed
	fetcher Fetcher
	pin     string   // sha256 in lower-case hex; empty: not pinned
	host    string   // host:port, by which failures are counted; empty for files
	where   string   // without secrets
	key     cacheKey // of the text as a whole, so that no one is handed what another one's password gave
}

// cacheKey stands for a reference where references are kept: its sha256, so that nothing secret lies about.
type cacheKey [sha256.Size]byte

// parse reads a reference. The error is an *Error of StepParse.
func (r *Resolver) parse(text string) (*reference, error) {
	invalid := func(where, remedy, format string, args ...any) error {
		reason := drydock.ErrInvalid.Error() + ": " + fmt.Sprintf(format, args...)
		return &Error{Ref: where, Step: StepParse, Reason: reason, Remedy: remedy, kinds: []error{drydock.ErrInvalid}}
	}
	if len(text) > drydock.MaxDesignRef {
		return nil, invalid(hidden, "", "it has %d bytes, which is too long; at most %d are read", len(text), drydock.MaxDesignRef)
	}
	u, err := url.Parse(text)
	if err != nil { // its text quotes parts of the reference, perhaps of the password
		return nil, invalid(hidden, "escape special characters in it with %XX", "it is not a valid URI")
	}
	where := redactURL(u)
	if u.Scheme == "" {
		return nil, invalid(where, "write it in full, as in https://host/path", "it has no scheme; known are: %s", r.known)
	}
	f, ok := r.fetchers[u.Scheme] // lower case already
	if !ok {
		return nil, invalid(where, "", "it has the unknown scheme %.32q; known are: %s", u.Scheme, r.known)
	}
	if u.Host == "" && u.Scheme != "file" {
		return nil, invalid(where, "write "+u.Scheme+"://HOST/…", "it needs a host")
	}
	ref := &reference{text: text, url: u, fetcher: f, where: where, host: hostOf(u), key: sha256.Sum256([]byte(text))}
	if ref.pin, err = pinOf(u); err != nil {
		return nil, ref.failed(err, 0, time.Now())
	}
	if err := checkStored(ref); err != nil {
		return nil, ref.failed(err, 0, time.Now())
	}
	if ref.pin != "" {
		u.Fragment, u.RawFragment = "", ""
	}
	return ref, nil
}

// hostOf returns host and port of u for the breaker; empty if u does not name a remote host.
func hostOf(u *url.URL) string {
	if u.Host == "" || u.Scheme == "file" || u.Scheme == SchemeStored {
		return ""
	}
	return strings.ToLower(u.Hostname()) + ":" + cmp.Or(u.Port(), defaultPort(u.Scheme))
}

// failed makes of err, whatever a fetcher put into it, what may be shown.
func (ref *reference) failed(err error, tries int, began time.Time) error {
	scrub := newScrubber(ref.text, ref.url)
	e := &Error{Ref: ref.where, Reason: scrub.text(err.Error()), Tries: tries, Took: time.Since(began), kinds: kindsOf(err)}
	e.describe(err)
	e.Remedy = scrub.text(e.Remedy)
	return e
}

// scrubbed is the text of err without the secrets of the reference.
func (ref *reference) scrubbed(err error) string {
	return newScrubber(ref.text, ref.url).text(err.Error())
}
