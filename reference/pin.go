package reference

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"drydock"
)

// pinPrefix begins the fragment that pins a reference: https://host/site.yaml#sha256=<64 hex digits>.
const pinPrefix = "sha256="

// pinOf returns the digest that u is pinned to, in lower-case hex, empty if it is not pinned. A fragment that looks like a pin and is none is
// an error, because whoever wrote it believes that the design is pinned. Any other fragment means nothing here: http leaves it unsent, as
// upstream does, and file refuses it.
func pinOf(u *url.URL) (string, error) {
	fragment := strings.ToLower(u.Fragment)
	if isPin(fragment) {
		return strings.TrimPrefix(fragment, pinPrefix), nil
	}
	if strings.Contains(fragment, "sha256") || pinLike(fragment) {
		return "", stepError(StepParse, drydock.ErrInvalid, "pin a design with #sha256= and the 64 hex digits of its digest, at the very end of the reference",
			"the fragment looks like a digest, but is not one that can be checked")
	}
	return "", nil
}

// pinLike reports whether a fragment begins like the digests of other tools: sha512=…, md5:….
func pinLike(fragment string) bool {
	at := strings.IndexAny(fragment, "=:")
	if at < 0 {
		return false
	}
	for _, name := range []string{"sha", "md5", "blake", "digest", "checksum"} {
		if strings.HasPrefix(fragment, name) {
			return true
		}
	}
	return false
}

// isPin reports whether a fragment is the digest that the documents must have.
func isPin(fragment string) bool {
	digest, ok := strings.CutPrefix(strings.ToLower(fragment), pinPrefix)
	return ok && isDigest(digest)
}

func isDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}
