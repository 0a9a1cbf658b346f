package design

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"drydock"
)

// FetchFile returns a fetcher for file: URIs. It reads regular files under the folders in roots and nothing else: neither .. nor a symbolic
// link leads out of them. Files above maxBytes (0: DefaultMaxBytes) are refused by their size, unread. Errors: ErrInvalid (not a file
// reference, not a regular file, too large), ErrNotFound, ErrDenied (outside of roots, unreadable), ErrUnavailable (the disk failed).
func FetchFile(roots []string, maxBytes int64) Fetcher {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	return &fileFetcher{roots: roots, max: maxBytes}
}

type fileFetcher struct {
	roots []string
	max   int64
}

// Fetch implements Fetcher. The context is looked at before the file is opened only: reading a file cannot be stopped.
func (f *fileFetcher) Fetch(ctx context.Context, q Request) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", drydock.ErrUnavailable, err)
	}
	path, err := filePath(q.URL)
	if err != nil {
		return Answer{}, err
	}
	outside := fmt.Errorf("%w: file %s is outside of the folders designs may be read from (%s); allow its folder with --design-root",
		drydock.ErrDenied, path, f.allowed())
	last := outside
	for _, root := range f.roots {
		for _, form := range rootForms(root) {
			rel, err := filepath.Rel(form, path)
			if err != nil || !filepath.IsLocal(rel) {
				continue
			}
			body, err := f.read(form, rel, path)
			if err == nil {
				return Answer{Body: body}, nil
			}
			if errors.Is(err, errEscapes) {
				err = outside
			}
			last = err
		}
	}
	return Answer{}, last
}

func (f *fileFetcher) allowed() string {
	if len(f.roots) == 0 {
		return "none is allowed"
	}
	return "allowed: " + strings.Join(f.roots, ", ")
}

// filePath checks that u names a local file and returns its absolute, cleaned path.
func filePath(u *url.URL) (string, error) {
	switch {
	case u.Opaque != "" || !strings.HasPrefix(u.Path, "/"):
		return "", fmt.Errorf("%w: file reference needs an absolute path, as in file:///srv/site.yaml", drydock.ErrInvalid)
	case u.Host != "" && !strings.EqualFold(u.Host, "localhost"):
		return "", fmt.Errorf("%w: file reference names host %q; only files of this host can be read (three slashes: file:///path)", drydock.ErrInvalid, u.Host)
	case u.User != nil:
		return "", fmt.Errorf("%w: file reference cannot have a user", drydock.ErrInvalid)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("%w: file reference cannot have a query or fragment; write %%3F for ? and %%23 for # in a file name", drydock.ErrInvalid)
	case strings.ContainsRune(u.Path, 0):
		return "", fmt.Errorf("%w: file reference contains a NUL character", drydock.ErrInvalid)
	}
	return filepath.Clean(filepath.FromSlash(u.Path)), nil
}

// rootForms returns root as it was given and, if that is another path, with its symbolic links resolved.
func rootForms(root string) []string {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil
	}
	forms := []string{abs}
	if real, err := filepath.EvalSymlinks(abs); err == nil && real != abs {
		forms = append(forms, real)
	}
	return forms
}

// errEscapes marks a path that a symbolic link leads out of its root.
var errEscapes = errors.New("leaves its root")

func (f *fileFetcher) read(root, rel, path string) ([]byte, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Stat(rel) // before opening: opening a FIFO waits for a writer, opening a device may do anything
	if err != nil {
		return nil, fileError(path, err)
	}
	if err := f.check(path, info); err != nil {
		return nil, err
	}
	file, err := dir.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0) // non-blocking, should it have become a FIFO meanwhile
	if err != nil {
		return nil, fileError(path, err)
	}
	defer func() { _ = file.Close() }()
	if info, err = file.Stat(); err != nil {
		return nil, fileError(path, err)
	}
	if err := f.check(path, info); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(file, f.max+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	if int64(len(body)) > f.max {
		return nil, f.tooLarge(path, int64(len(body)))
	}
	return body, nil
}

func (f *fileFetcher) check(path string, info fs.FileInfo) error {
	mode := info.Mode()
	var what string
	switch {
	case mode.IsRegular():
		if info.Size() > f.max {
			return f.tooLarge(path, info.Size())
		}
		return nil
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "a named pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	default:
		what = "not a regular file"
	}
	return fmt.Errorf("%w: %s is %s; a design is read from regular files only", drydock.ErrInvalid, path, what)
}

func (f *fileFetcher) tooLarge(path string, size int64) error {
	return fmt.Errorf("%w: %s has %d bytes or more; at most %d are read", drydock.ErrInvalid, path, size, f.max)
}

func fileError(path string, err error) error {
	var reason error
	var p *fs.PathError
	if errors.As(err, &p) {
		reason = p.Err
	} else {
		reason = err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: there is no file %s", drydock.ErrNotFound, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %s cannot be read: %w", drydock.ErrDenied, path, reason)
	case strings.Contains(reason.Error(), "escapes"): // os has no exported error for it
		return errEscapes
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("%w: %s cannot be read: %w", drydock.ErrInvalid, path, reason)
	}
	return fmt.Errorf("%w: %s cannot be read: %w", drydock.ErrUnavailable, path, reason)
}
