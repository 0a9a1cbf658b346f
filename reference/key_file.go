package reference

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"drydock"
)

// keyBytes is the length of a vault's key.
const keyBytes = 32

// keyFile is where a vault's key is kept.
type keyFile struct {
	path   string // empty: nowhere
	create bool   // make it when it is needed and not there
}

// read returns the key. With create it is made if it may be and is not there; of servers that do so at the same time one succeeds, and all read the
// same.
func (f keyFile) read(create bool) ([]byte, error) {
	if f.path == "" {
		return nil, fmt.Errorf("%w: it carries a secret, which is kept sealed only, and there is no key to seal it with: set [design] key_file "+
			"(--design-key-file) to the same key on every server, or leave the secret out", drydock.ErrInvalid)
	}
	key, err := f.load()
	if errors.Is(err, drydock.ErrNotFound) && create && f.create {
		if err := f.generate(); err != nil {
			return nil, fmt.Errorf("%w: a key for sealing secrets cannot be made at %s (%w); set --design-key-file to another place",
				drydock.ErrDenied, f.path, err)
		}
		return f.load()
	}
	return key, err
}

func (f keyFile) load() ([]byte, error) {
	file, err := os.Open(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: there is no key file %s; make one with: (umask 077; openssl rand -hex %d > %s)", drydock.ErrNotFound, f.path, keyBytes, f.path)
	case err != nil:
		return nil, fmt.Errorf("%w: key file: %w", drydock.ErrDenied, err)
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: key file: %w", drydock.ErrUnavailable, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: key file %s is not a regular file", drydock.ErrInvalid, f.path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%w: others may read the key file %s (mode %04o): chmod 600 %s", drydock.ErrDenied, f.path, info.Mode().Perm(), f.path)
	}
	text := make([]byte, 2*keyBytes+2) // more than a key and a line end is not read
	n, err := file.Read(text)
	key, hexErr := hex.DecodeString(strings.TrimSpace(string(text[:n])))
	if err != nil || hexErr != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("%w: key file %s does not hold %d bytes in hexadecimal", drydock.ErrInvalid, f.path, keyBytes)
	}
	return key, nil
}

// generate makes the file in one step: it is written under another name, then linked to its own, which fails if somebody else was faster.
func (f keyFile) generate() error {
	file, err := os.CreateTemp(filepath.Dir(f.path), ".drydock-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails
	_, err = file.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), f.path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

// syncDir makes a new name last: what is sealed must not outlive its key.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
