package reference

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"drydock"
)

// FetchFile returns a fetcher for file: URIs. It reads regular files under the folders in roots and nothing else: neither .. nor a symbolic
// link leads out of them. Files above maxBytes (0: DefaultMaxBytes) are refused by their size, unread; those that are as they were when they
// were read last are not read again. Errors: ErrInvalid (not a file reference, not a regular file, too large), ErrNotFound, ErrDenied (outside
// of roots, unreadable), ErrUnavailable (the disk failed, or the file changed while it was read).
func FetchFile(roots []string, maxBytes int64) Fetcher {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	return &fileFetcher{roots: roots, max: maxBytes, now: time.Now}
}

type fileFetcher struct {
	roots []string
	max   int64
	now   func() time.Time
}

// Check reports whether u can name a file here, by its text. The error is ErrInvalid.
func (f *fileFetcher) Check(u *url.URL) error {
	_, err := filePath(u)
	return err
}

// Fetch implements Fetcher. The context is looked at before the file is opened only: reading a file cannot be stopped.
func (f *fileFetcher) Fetch(ctx context.Context, q Request) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, stepError(StepRead, drydock.ErrUnavailable, "", "%w", err)
	}
	path, err := filePath(q.URL)
	if err != nil {
		return Answer{}, err
	}
	last := f.outside(path)
	for _, at := range f.below(path) {
		answer, err := f.read(at, path, q.ETag)
		if err == nil {
			return answer, nil
		}
		if errors.Is(err, errEscapes) {
			err = f.outside(path)
		}
		last = err
	}
	return Answer{}, last
}

// spot is a file by its path below a root.
type spot struct{ root, form, rel string }

// below returns where path may be found: once for each root, and for each spelling of it, that it is below of.
func (f *fileFetcher) below(path string) []spot {
	var spots []spot
	for _, root := range f.roots {
		for _, form := range rootForms(root) {
			if rel, err := filepath.Rel(form, path); err == nil && filepath.IsLocal(rel) {
				spots = append(spots, spot{root, form, rel})
			}
		}
	}
	return spots
}

// FileRoot returns the first of roots that the file: URI u leads below of. The file itself is not looked at. Errors: ErrInvalid, ErrDenied.
func FileRoot(roots []string, u *url.URL) (string, error) {
	f := &fileFetcher{roots: roots}
	path, err := filePath(u)
	if err != nil {
		return "", err
	}
	at := f.below(path)
	if len(at) == 0 {
		return "", f.outside(path)
	}
	return at[0].root, nil
}

func (f *fileFetcher) outside(path string) error {
	return stepError(StepPolicy, drydock.ErrDenied, "allow its folder with --design-root",
		"file %s is outside of the folders designs may be read from (%s)", path, f.allowed())
}

func (f *fileFetcher) allowed() string {
	if len(f.roots) == 0 {
		return "none is allowed"
	}
	return "allowed: " + strings.Join(f.roots, ", ")
}

// filePath checks that u names a local file and returns its absolute, cleaned path.
func filePath(u *url.URL) (string, error) {
	bad := func(remedy, format string, args ...any) (string, error) {
		return "", stepError(StepParse, drydock.ErrInvalid, remedy, format, args...)
	}
	switch {
	case u.Opaque != "" || !strings.HasPrefix(u.Path, "/"):
		return bad("write it as in file:///srv/site.yaml", "a file reference needs an absolute path")
	case u.User != nil:
		return bad("", "a file reference cannot have a user")
	case u.Host != "" && !strings.EqualFold(u.Host, "localhost"):
		return bad("write three slashes, as in file:///srv/site.yaml", "it names host %q, but only files of this host can be read", drydock.OneLine(u.Host, 100))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return bad("write %3F for ? and %23 for # in a file name", "a file reference cannot have a query or fragment")
	case strings.ContainsRune(u.Path, 0):
		return bad("", "a file reference cannot contain a NUL character")
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

func (f *fileFetcher) read(at spot, path, known string) (Answer, error) {
	dir, err := os.OpenRoot(at.form)
	if err != nil {
		return Answer{}, fileError(path, err)
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Stat(at.rel) // before opening: opening a FIFO waits for a writer, opening a device may do anything
	if err != nil {
		return Answer{}, fileError(path, err)
	}
	if err := f.check(path, info); err != nil {
		return Answer{}, err
	}
	file, err := dir.OpenFile(at.rel, os.O_RDONLY|syscall.O_NONBLOCK, 0) // non-blocking, should it have become a FIFO meanwhile
	if err != nil {
		return Answer{}, fileError(path, err)
	}
	defer func() { _ = file.Close() }()
	if info, err = file.Stat(); err != nil {
		return Answer{}, fileError(path, err)
	}
	if err := f.check(path, info); err != nil {
		return Answer{}, err
	}
	mark := stamp(info)
	if known != "" && known == mark {
		return Answer{NotModified: true, ETag: mark}, nil
	}
	body, err := collect(io.LimitReader(file, f.max+1), min(info.Size(), f.max))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Answer{}, fileError(path, err)
	}
	more, _ := file.Read(make([]byte, 1)) // files of the kernel have more than they say
	after, statErr := file.Stat()
	switch {
	case statErr != nil:
		return Answer{}, fileError(path, statErr)
	case err != nil || more > 0 || stamp(after) != mark:
		return Answer{}, stepError(StepRead, drydock.ErrUnavailable, "replace files by renaming, so that there is never half of one", "%s changed while it was read", path)
	}
	if f.now().Sub(changed(info)) < settled {
		mark = ""
	}
	return Answer{Body: body, ETag: mark}, nil
}

// settled is how old the last change of a file must be for its times to tell it from the next one: clocks of file systems tick slowly.
const settled = 2 * time.Second

func (f *fileFetcher) check(path string, info fs.FileInfo) error {
	mode := info.Mode()
	var what string
	switch {
	case mode.IsRegular():
		if info.Size() > f.max {
			return stepError(StepSize, drydock.ErrInvalid, "split the design, or raise [design] max_bytes", "%s has %d bytes; at most %d are read", path, info.Size(), f.max)
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
	return stepError(StepRead, drydock.ErrInvalid, "", "%s is %s; a design is read from regular files only", path, what)
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
		return stepError(StepRead, drydock.ErrNotFound, "", "there is no file %s", path)
	case errors.Is(err, fs.ErrPermission):
		return stepError(StepRead, drydock.ErrDenied, "let the user that this program runs as read it", "%s cannot be read: %w", path, reason)
	case strings.Contains(reason.Error(), "escapes"): // os has no exported error for it
		return errEscapes
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return stepError(StepRead, drydock.ErrInvalid, "", "%s cannot be read: %w", path, reason)
	}
	return stepError(StepRead, drydock.ErrUnavailable, "", "%s cannot be read: %w", path, reason)
}
