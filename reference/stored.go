package reference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"drydock"
)

// SchemeStored is the scheme of references to documents that the service keeps itself: design://sha256/<digest>.
const SchemeStored = "design"

// GetStored returns documents by their digest, or ErrNotFound.
type GetStored func(ctx context.Context, digest string) ([]byte, error)

// FetchStored returns a fetcher for documents that the service keeps. A reference to them can never name anything else.
func FetchStored(get GetStored) Fetcher {
	return storedFetcher{get}
}

type storedFetcher struct{ get GetStored }

// Check reports whether u has the one form that names kept documents.
func (f storedFetcher) Check(u *url.URL) error {
	_, err := storedDigest(u)
	return err
}

// Fetch implements Fetcher.
func (f storedFetcher) Fetch(ctx context.Context, q Request) (Answer, error) {
	digest, err := storedDigest(q.URL)
	if err != nil {
		return Answer{}, err
	}
	body, err := f.get(ctx, digest)
	if errors.Is(err, drydock.ErrNotFound) {
		return Answer{}, stepError(StepStatus, drydock.ErrNotFound, "bring the documents again: drydock task create -d FILE --upload",
			"this service does not keep them any more, or never did")
	}
	if err != nil {
		return Answer{}, fmt.Errorf("read kept documents: %w", err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return Answer{}, stepError(StepDigest, drydock.ErrInvalid, "", "the %d bytes kept for it have another digest: the database is damaged", len(body))
	}
	return Answer{Body: body, ETag: `"` + digest + `"`, Immutable: true}, nil
}

// storedDigest reads the digest out of a reference. It is written in one way only, so that who refers to what can be looked up.
func storedDigest(u *url.URL) (string, error) {
	digest, ok := strings.CutPrefix(u.EscapedPath(), "/")
	if !ok || u.Host != "sha256" || u.User != nil || u.RawQuery != "" || !isDigest(digest) || strings.ToLower(digest) != digest {
		return "", stepError(StepParse, drydock.ErrInvalid, "write "+drydock.DesignPrefix+" and the 64 hexadecimal digits in small letters",
			"it does not name kept documents")
	}
	return digest, nil
}

// checkStored looks at what only the text of such a reference shows.
func checkStored(ref *reference) error {
	if ref.url.Scheme != SchemeStored {
		return nil
	}
	if !strings.HasPrefix(ref.text, drydock.DesignPrefix) {
		return stepError(StepParse, drydock.ErrInvalid, "begin it with "+drydock.DesignPrefix, "it is not written as references to kept documents are")
	}
	if ref.pin != "" && ref.pin != strings.TrimPrefix(ref.url.Path, "/") {
		return stepError(StepDigest, drydock.ErrInvalid, "leave the pin out: such a reference is one by itself", "it is pinned to another digest than it names")
	}
	return nil
}
