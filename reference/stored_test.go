package reference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"drydock"
)

func TestFetchStored(t *testing.T) {
	body := []byte("---\nkind: Region\n")
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	other := strings.Repeat("0", 64)
	asked := 0
	r := NewResolver(map[string]Fetcher{SchemeStored: FetchStored(func(_ context.Context, d string) ([]byte, error) {
		switch asked++; d {
		case digest, strings.Repeat("1", 64): // the second was damaged
			return body, nil
		case strings.Repeat("2", 64):
			return nil, fmt.Errorf("%w: closed", drydock.ErrUnavailable)
		}
		return nil, fmt.Errorf("%w: none", drydock.ErrNotFound)
	})}, ResolverOptions{Tries: 1, BreakAfter: -1})
	for range 2 {
		got, how, err := r.Resolve(t.Context(), drydock.DesignPrefix+digest)
		if err != nil || string(got) != string(body) || how.Digest != digest || how.ETag == "" {
			t.Fatalf("%q, %+v, %v", got, how, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times for what cannot change", asked)
	}
	refs := NewGuard(r, NewVault("", false))
	for ref, kind := range map[string]error{
		drydock.DesignPrefix + digest + "#sha256=" + strings.ToUpper(digest): nil, drydock.DesignPrefix + digest + "#sha256=" + other: drydock.ErrInvalid,
		drydock.DesignPrefix + other: drydock.ErrNotFound, drydock.DesignPrefix + strings.Repeat("1", 64): drydock.ErrInvalid,
		drydock.DesignPrefix + strings.Repeat("2", 64): drydock.ErrUnavailable, drydock.DesignPrefix + strings.ToUpper(digest[:63]) + "A": drydock.ErrInvalid,
		drydock.DesignPrefix + digest[:63]: drydock.ErrInvalid, drydock.DesignPrefix + digest + "/": drydock.ErrInvalid, drydock.DesignPrefix + digest + "?x=1": drydock.ErrInvalid,
		"design://md5/" + digest: drydock.ErrInvalid, "design:" + digest: drydock.ErrInvalid, "design://u:p@sha256/" + digest: drydock.ErrInvalid,
	} {
		_, _, err := r.Resolve(t.Context(), ref)
		if !errors.Is(err, kind) {
			t.Errorf("%s: %v, want %v", ref, err, kind)
		}
		wellFormed := kind == nil || !errors.Is(kind, drydock.ErrInvalid) || strings.Contains(ref, strings.Repeat("1", 64))
		if err := refs.Check(ref); (err == nil) != wellFormed {
			t.Errorf("%s: Check says %v", ref, err)
		}
	}
	if err := refs.Check("DESIGN://sha256/" + digest); !errors.Is(err, drydock.ErrInvalid) {
		t.Errorf("capitals are not found again: %v", err)
	}
}

// A sealed reference is resolved as the one that was sealed, and what is told of it holds no secret, whatever goes wrong.
func TestResolveSealed(t *testing.T) {
	const ref = "x://ann:pass-word@h/p?sig=signature-1&schema=drydock"
	v := newVault(t)
	sealed := seal(t, v, ref)
	fetch := func(got *Request) fetchFunc {
		return func(_ context.Context, q Request) (Answer, error) {
			*got = q
			if q.URL.Path == "/p" {
				return Answer{Body: []byte("x")}, nil
			}
			return Answer{}, fmt.Errorf("%w: %s", drydock.ErrUnavailable, q.URL)
		}
	}
	var q Request
	_, how, err := NewResolver(map[string]Fetcher{"x": fetch(&q)}, ResolverOptions{Vault: v}).Resolve(t.Context(), sealed)
	if err != nil || q.URL.String() != ref || how.Ref != "x://***@h/p?sig=***&schema=drydock" {
		t.Errorf("fetched %v, %+v, %v", q.URL, how, err)
	}
	for name, c := range map[string]struct {
		vault *Vault
		ref   string
		kind  error
	}{
		"no vault": {nil, sealed, drydock.ErrDenied}, "another key": {newVault(t), sealed, drydock.ErrDenied},
		"moved":  {v, strings.Replace(sealed, "@h/", "@evil/", 1), drydock.ErrDenied},
		"failed": {v, strings.Replace(sealed, "/p?", "/q?", 1), drydock.ErrUnavailable},
	} {
		q = Request{}
		_, _, err := NewResolver(map[string]Fetcher{"x": fetch(&q)}, ResolverOptions{Vault: c.vault, Tries: 1}).Resolve(t.Context(), c.ref)
		var e *Error
		if !errors.Is(err, c.kind) || !errors.As(err, &e) || (q.URL != nil) != (name == "failed") {
			t.Errorf("%s: %v, asked %v", name, err, q.URL)
		}
		for _, leak := range []string{"pass-word", "signature-1", sealedPrefix} {
			if strings.Contains(fmt.Sprintf("%v %+v", err, e), leak) {
				t.Errorf("%s: %v leaks %q", name, err, leak)
			}
		}
	}
}

type fetchFunc func(context.Context, Request) (Answer, error)

func (f fetchFunc) Fetch(ctx context.Context, q Request) (Answer, error) { return f(ctx, q) }
