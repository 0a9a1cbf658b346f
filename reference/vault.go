package reference

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"drydock"
)

const sealedPrefix = "sealed.v1."

// Vault seals the secrets of references, so that they can be kept where others may read and be opened by every server that has the key. A secret
// is sealed in place, as sealed.v1.<base64url>: the rest of the reference stays as it is, character by character. It is safe for concurrent use.
//
// The text is sealed with AES-256-GCM under a nonce that is a MAC of all that is sealed with it: the same reference is always sealed the same way,
// so sealed references can be compared. Scheme, host, port and place are sealed with it: what is copied into a reference to another host, or to
// another place of the same one, does not open.
type Vault struct {
	file keyFile

	mu   sync.Mutex
	keys *vaultKeys // nil until they are needed
}

// NewVault returns a vault whose key is in the file at path: 32 bytes in hexadecimal, readable by its owner only. With create the file is made when
// something has to be sealed and it is not there. Nothing is read until it is needed. An empty path makes a vault that has no key: it passes
// references without secrets and refuses the others.
func NewVault(path string, create bool) *Vault { return &Vault{file: keyFile{path, create}} }

// Load reads the key now, so that what is wrong with it is known early. Errors: ErrNotFound, ErrInvalid (no key in it), ErrDenied (others may read
// it, or we may not).
func (v *Vault) Load() error {
	_, err := v.key(false)
	return err
}

// Seal returns ref with its secrets sealed; the same ref is always sealed the same way, and a sealed one stays as it is. ErrInvalid: ref is no
// reference, a sealed part of it does not open, there is no key or the sealed form is too long; ErrDenied and ErrNotFound: the key cannot be had.
func (v *Vault) Seal(ref string) (string, error) {
	if plainRef(ref) {
		return ref, nil
	}
	sealed, err := eachSecret(ref, func(site, text string) (string, error) {
		keys, err := v.key(true)
		switch {
		case err != nil:
			return "", err
		case !strings.HasPrefix(text, sealedPrefix):
			return keys.seal(site, text), nil
		}
		if _, err := keys.open(site, text); err != nil {
			return "", fmt.Errorf("%w: it has a part that begins with %s and does not open: that form is this service's own, "+
				"and holds only in the reference that it was made for; use the original reference", drydock.ErrInvalid, sealedPrefix)
		}
		return text, nil
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("design reference %s: %w", Redact(ref), err)
	case len(sealed) > drydock.MaxDesignRef:
		return "", fmt.Errorf("%w: design reference %s: with its secrets sealed it has %d bytes, at most %d are allowed",
			drydock.ErrInvalid, Redact(ref), len(sealed), drydock.MaxDesignRef)
	}
	return sealed, nil
}

// Open returns the reference that was sealed; one without sealed parts stays as it is and costs nothing. ErrDenied: a part does not open, because
// the key is another or the part belongs to another reference, or the key is gone.
func (v *Vault) Open(ref string) (string, error) {
	open, err := v.open(ref)
	if err != nil {
		return "", fmt.Errorf("design reference %s: %w", Redact(ref), err)
	}
	return open, nil
}

func (v *Vault) open(ref string) (string, error) {
	if !strings.Contains(ref, sealedPrefix) {
		return ref, nil
	}
	return eachSecret(ref, func(site, text string) (string, error) {
		if !strings.HasPrefix(text, sealedPrefix) {
			return text, nil
		}
		keys, err := v.key(false)
		if err != nil {
			return "", fmt.Errorf("%w: its secrets are sealed, and the key is not to be had: %w", drydock.ErrDenied, err)
		}
		plain, err := keys.open(site, text)
		if err != nil {
			return "", fmt.Errorf("%w: its secrets do not open with the key in %s: the key has changed, or they are of another reference; "+
				"bring the key back that was there when the task was created, or create the task again", drydock.ErrDenied, v.file.path)
		}
		return plain, nil
	})
}

// open reads a reference whose secrets may be sealed.
func (r *Resolver) open(ref string) (*reference, error) {
	vault := r.o.Vault
	if vault == nil {
		vault = &Vault{}
	}
	text, err := vault.open(ref)
	if err != nil {
		return nil, &Error{Ref: Redact(ref), Step: StepAuth, Reason: err.Error(), kinds: kindsOf(err)}
	}
	return r.parse(text)
}

// key returns the keys, reading and if need be making the file.
func (v *Vault) key(create bool) (*vaultKeys, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys != nil {
		return v.keys, nil
	}
	raw, err := v.file.read(create)
	if err != nil {
		return nil, err
	}
	v.keys, err = newVaultKeys(raw)
	return v.keys, err
}

// vaultKeys are what one secret is made into: a key for each purpose.
type vaultKeys struct {
	aead  cipher.AEAD
	nonce []byte // key of the MAC that nonces are made by
}

func newVaultKeys(raw []byte) (*vaultKeys, error) {
	block, err := aes.NewCipher(mac(raw, "drydock design reference: seal"))
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return &vaultKeys{aead, mac(raw, "drydock design reference: nonce")}, nil
}

// mac is the HMAC-SHA256 of parts; where one ends and the next begins counts.
func mac(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

func (k *vaultKeys) seal(site, text string) string {
	nonce := mac(k.nonce, site, text)[:k.aead.NonceSize()]
	return sealedPrefix + base64.RawURLEncoding.EncodeToString(k.aead.Seal(nonce, nonce, []byte(text), []byte(site)))
}

var errSealed = errors.New("does not open")

func (k *vaultKeys) open(site, token string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(token, sealedPrefix))
	if err != nil || len(raw) < k.aead.NonceSize() {
		return "", errSealed
	}
	text, err := k.aead.Open(nil, raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():], []byte(site))
	if err != nil {
		return "", errSealed
	}
	return string(text), nil
}

// eachSecret puts what change makes of it in the place of each secret of ref. A site is where a secret may be used: scheme, host, port and place.
func eachSecret(ref string, change func(site, text string) (string, error)) (string, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme == "" {
		return "", fmt.Errorf("%w: not a URI with a scheme; escape special characters in it with %%XX", drydock.ErrInvalid)
	}
	// Cut as url.Parse does, but without decoding anything.
	rest, fragment, fragmented := strings.Cut(ref, "#")
	rest, query, asked := strings.Cut(rest, "?")
	begin := len(u.Scheme) + len("://")
	if u.User != nil {
		end := begin + strings.LastIndexByte(authorityOf(rest[begin:]), '@')
		if end > begin {
			text, err := change(siteOf(u, "userinfo"), rest[begin:end])
			if err != nil {
				return "", err
			}
			rest = rest[:begin] + text + rest[end:]
		}
	}
	if asked {
		if query, err = eachPair(u, query, change); err != nil {
			return "", err
		}
		rest += "?" + query
	}
	if !fragmented {
		return rest, nil
	}
	if fragment != "" && !isPin(u.Fragment) { // it is of no use to anybody, and may be anything
		if fragment, err = change(siteOf(u, "fragment"), fragment); err != nil {
			return "", err
		}
	}
	return rest + "#" + fragment, nil
}

func authorityOf(afterSlashes string) string {
	text, _, _ := strings.Cut(afterSlashes, "/")
	return text
}

func eachPair(u *url.URL, query string, change func(site, text string) (string, error)) (string, error) {
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		name, value, assigned := strings.Cut(p, "=")
		if !secretPair(name, value, assigned) {
			continue
		}
		site, text, before := siteOf(u, "query:"+name), value, name+"="
		if !assigned || looksSecret(name) {
			site, text, before = siteOf(u, "query"), p, ""
		}
		text, err := change(site, text)
		if err != nil {
			return "", err
		}
		pairs[i] = before + text
	}
	return strings.Join(pairs, "&"), nil
}

func siteOf(u *url.URL, place string) string {
	port := u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	return strings.Join([]string{u.Scheme, strings.ToLower(u.Hostname()), port, place}, "\n")
}
