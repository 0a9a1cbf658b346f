package reference

import (
	"errors"
	"strings"
	"testing"

	"drydock"
)

func TestPin(t *testing.T) {
	const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	s := &source{body: "test"}
	r := resolverFor(s, ResolverOptions{})
	for fragment, good := range map[string]bool{
		"":                                      true,
		"#":                                     true,
		"#section":                              true, // unsent, as upstream; the file fetcher refuses it
		"#sha256=" + digest:                     true,
		"#SHA256=" + strings.ToUpper(digest):    true,
		"#sha256%3D" + digest:                   true,
		"#sha256=" + digest[1:]:                 false,
		"#sha256=" + digest + "0":               false,
		"#sha256=" + digest[1:] + "g":           false,
		"#sha256:" + digest:                     false,
		"#sha256=":                              false,
		"#sha256":                               false,
		"#x&sha256=" + digest:                   false,
		"#sha512=" + digest + digest:            false,
		"#md5=098f6bcd4621d373cade4e832627b4f6": false,
		"#checksum=sha-256:" + digest:           false,
	} {
		ref := "x://h/p" + fragment
		if err := r.Check(ref); good != (err == nil) || err != nil && (!errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "#sha256= and the 64 hex digits")) {
			t.Errorf("Check(%s): %v", ref, err)
		}
		if _, _, err := r.Resolve(t.Context(), ref); good != (err == nil) {
			t.Errorf("Resolve(%s): %v", ref, err)
		}
	}
	for _, q := range s.requests {
		if strings.Contains(strings.ToLower(q.URL.String()), "sha256") {
			t.Errorf("the fetcher was given the pin: %s", q.URL)
		}
	}
}

// A body that is not the one that was pinned is an error that names both digests. It is not tried again, and it is not kept.
func TestPinMismatch(t *testing.T) {
	s := &source{body: "a: 1", etag: `"1"`}
	r := resolverFor(s, ResolverOptions{})
	ref := pinned("x://h/p", "a: 2")
	for range 2 {
		_, _, err := r.Resolve(t.Context(), ref)
		var e *Error
		if !errors.As(err, &e) || e.Step != StepDigest || e.Tries != 1 || !errors.Is(err, drydock.ErrInvalid) || r.cache.Cost() != 0 {
			t.Fatalf("%+v", err)
		}
		for _, text := range []string{digestOf("a: 1"), digestOf("a: 2"), "4 bytes", "if the change is meant, pin the new digest"} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%v lacks %q", err, text)
			}
		}
	}
	s.wantAsked(t, 2)
	s.set(func(s *source) { s.body = "a: 2" })
	wantResolved(t, r, ref, "a: 2", drydock.OriginSource)
	wantResolved(t, r, ref, "a: 2", drydock.OriginCache)
}

func digestOf(body string) string {
	_, digest, _ := strings.Cut(pinned("", body), "=")
	return digest
}
