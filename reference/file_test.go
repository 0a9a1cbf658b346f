package reference

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"drydock"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fetchSoon fetches with a fetcher that must not hang.
func fetchSoon(t *testing.T, f Fetcher, ref string) ([]byte, error) {
	t.Helper()
	u, err := url.Parse(ref)
	must(t, err)
	type answer struct {
		body []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		a, err := f.Fetch(t.Context(), Request{URL: u})
		done <- answer{a.Body, err}
	}()
	select {
	case a := <-done:
		return a.body, a.err
	case <-time.After(10 * time.Second):
		t.Fatalf("fetch of %s hangs", ref)
		return nil, nil
	}
}

func TestFetchFile(t *testing.T) {
	top := t.TempDir()
	root, other, secret := filepath.Join(top, "designs"), filepath.Join(top, "more"), filepath.Join(top, "secret")
	write(t, filepath.Join(root, "site.yaml"), "a: 1\n")
	write(t, filepath.Join(root, "with space?.yaml"), "b: 2\n")
	write(t, filepath.Join(root, "sub", "empty.yaml"), "")
	write(t, filepath.Join(root, "large.yaml"), strings.Repeat("x", 101))
	write(t, filepath.Join(root, "full.yaml"), strings.Repeat("x", 100))
	write(t, filepath.Join(other, "other.yaml"), "c: 3\n")
	write(t, secret, "password\n")
	must(t, os.Symlink(secret, filepath.Join(root, "escape")))
	must(t, os.Symlink("../secret", filepath.Join(root, "escape-relative")))
	must(t, os.Symlink(top, filepath.Join(root, "up")))
	must(t, os.Symlink("site.yaml", filepath.Join(root, "inside")))
	must(t, os.Symlink("loop", filepath.Join(root, "loop")))
	must(t, os.Symlink(root, filepath.Join(top, "link-to-root")))
	must(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o644))
	sparse, err := os.Create(filepath.Join(root, "huge"))
	must(t, err)
	must(t, errors.Join(sparse.Truncate(1<<30), sparse.Close()))
	sock, err := net.Listen("unix", filepath.Join(root, "sock"))
	must(t, err)
	defer func() { _ = sock.Close() }()

	f := FetchFile([]string{root, other}, 100)
	for _, c := range []struct {
		ref  string
		want string
		kind error
		text string
	}{
		{ref: "file://" + root + "/site.yaml", want: "a: 1\n"},
		{ref: "file://localhost" + root + "/site.yaml", want: "a: 1\n"},
		{ref: "file:" + root + "/site.yaml", want: "a: 1\n"},
		{ref: "file://" + root + "/sub/../site.yaml", want: "a: 1\n"},
		{ref: "file://" + root + "/with%20space%3F.yaml", want: "b: 2\n"},
		{ref: "file://" + root + "/sub/empty.yaml", want: ""},
		{ref: "file://" + root + "/inside", want: "a: 1\n"},
		{ref: "file://" + root + "/full.yaml", want: strings.Repeat("x", 100)},
		{ref: "file://" + other + "/other.yaml", want: "c: 3\n"},
		{ref: "file://" + root + "/large.yaml", kind: drydock.ErrInvalid, text: "101 bytes"},
		{ref: "file://" + root + "/huge", kind: drydock.ErrInvalid, text: "1073741824 bytes"},
		{ref: "file://" + root + "/fifo", kind: drydock.ErrInvalid, text: "named pipe"},
		{ref: "file://" + root + "/sock", kind: drydock.ErrInvalid, text: "socket"},
		{ref: "file://" + root + "/sub", kind: drydock.ErrInvalid, text: "directory"},
		{ref: "file://" + root, kind: drydock.ErrInvalid, text: "directory"},
		{ref: "file://" + root + "/none.yaml", kind: drydock.ErrNotFound, text: "no file"},
		{ref: "file://" + root + "/site.yaml/x", kind: drydock.ErrNotFound, text: "no file"},
		{ref: "file://" + root + "/loop", kind: drydock.ErrInvalid, text: "links"},
		{ref: "file://" + root + "/" + strings.Repeat("n", 300), kind: drydock.ErrInvalid, text: "too long"},
		{ref: "file://" + root + "/escape", kind: drydock.ErrDenied, text: "outside"},
		{ref: "file://" + root + "/escape-relative", kind: drydock.ErrDenied, text: root},
		{ref: "file://" + root + "/up/secret", kind: drydock.ErrDenied, text: "outside"},
		{ref: "file://" + root + "/../secret", kind: drydock.ErrDenied, text: "outside"},
		{ref: "file://" + root + "/%2e%2e/secret", kind: drydock.ErrDenied, text: "outside"},
		{ref: "file://" + root + "-other/x", kind: drydock.ErrDenied, text: "outside"},
		{ref: "file:///dev/null", kind: drydock.ErrDenied, text: "outside"},
		{ref: "file:///etc/passwd", kind: drydock.ErrDenied, text: "outside"},
		{ref: "file://host.example" + root + "/site.yaml", kind: drydock.ErrInvalid, text: `host "host.example"`},
		{ref: "file://user@localhost" + root + "/site.yaml", kind: drydock.ErrInvalid, text: "user"},
		{ref: "file:site.yaml", kind: drydock.ErrInvalid, text: "absolute path"},
		{ref: "file://", kind: drydock.ErrInvalid, text: "absolute path"},
		{ref: "file://" + root + "/site.yaml?x=1", kind: drydock.ErrInvalid, text: "query"},
		{ref: "file://" + root + "/site.yaml#x", kind: drydock.ErrInvalid, text: "query"},
		{ref: "file://" + root + "/a%00b", kind: drydock.ErrInvalid, text: "NUL"},
	} {
		t.Run(strings.ReplaceAll(c.ref, top, ""), func(t *testing.T) {
			got, err := fetchSoon(t, f, c.ref)
			if !errors.Is(err, c.kind) || err == nil != (c.kind == nil) {
				t.Fatalf("error %v, want kind %v", err, c.kind)
			}
			if string(got) != c.want || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %q, error %v; want %q, %q", got, err, c.want, c.text)
			}
			if err != nil && strings.Contains(err.Error(), "password") {
				t.Errorf("content leaked: %v", err)
			}
		})
	}
	t.Run("root is a link", func(t *testing.T) {
		f := FetchFile([]string{filepath.Join(top, "link-to-root")}, 0)
		for _, path := range []string{"/link-to-root/site.yaml", "/designs/site.yaml"} {
			if got, err := fetchSoon(t, f, "file://"+top+path); err != nil || string(got) != "a: 1\n" {
				t.Errorf("%s: %q, %v", path, got, err)
			}
		}
	})
	t.Run("no roots", func(t *testing.T) {
		_, err := fetchSoon(t, FetchFile(nil, 0), "file://"+root+"/site.yaml")
		if !errors.Is(err, drydock.ErrDenied) || !strings.Contains(err.Error(), "none is allowed") {
			t.Error(err)
		}
	})
	t.Run("device", func(t *testing.T) {
		_, err := fetchSoon(t, FetchFile([]string{"/dev"}, 0), "file:///dev/zero")
		if !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "a device") {
			t.Error(err)
		}
	})
	t.Run("missing root", func(t *testing.T) {
		_, err := fetchSoon(t, FetchFile([]string{top + "/gone"}, 0), "file://"+top+"/gone/x")
		if !errors.Is(err, drydock.ErrNotFound) {
			t.Error(err)
		}
	})
}

// A file that is as it was is not read again; whatever happens to it, it is.
func TestFileStamp(t *testing.T) {
	root := t.TempDir()
	path := write(t, filepath.Join(root, "site.yaml"), "a: 1\n")
	u := &url.URL{Scheme: "file", Path: path}
	f := FetchFile([]string{root}, 0).(*fileFetcher)
	fetch := func(known string) Answer {
		t.Helper()
		a, err := f.Fetch(t.Context(), Request{URL: u, ETag: known})
		must(t, err)
		return a
	}
	if a := fetch(""); a.ETag != "" {
		t.Errorf("a file that was changed just now has the mark %s: the next change may have the same time", a.ETag)
	}
	f.now = func() time.Time { return time.Now().Add(time.Hour) }
	first := fetch("")
	if first.ETag == "" || string(first.Body) != "a: 1\n" {
		t.Fatalf("%+v", first)
	}
	if a := fetch(first.ETag); !a.NotModified || a.Body != nil || a.ETag != first.ETag {
		t.Errorf("unchanged: %+v", a)
	}
	old := time.Now().Add(-time.Hour)
	for name, change := range map[string]func() error{
		"other content of the same size, with the time set back": func() error {
			return errors.Join(os.WriteFile(path, []byte("a: 2\n"), 0o600), os.Chtimes(path, old, old))
		},
		"another file in its place": func() error {
			other := write(t, path+".new", "a: 3\n")
			return errors.Join(os.Chtimes(other, old, old), os.Rename(other, path))
		},
		"longer": func() error { return os.WriteFile(path, []byte("a: 1\nb: 2\n"), 0o600) },
	} {
		before := fetch("")
		must(t, change())
		if a := fetch(before.ETag); a.NotModified || a.ETag == before.ETag || string(a.Body) == string(before.Body) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	r := NewResolver(map[string]Fetcher{"file": f}, ResolverOptions{})
	for i, want := range []drydock.Origin{drydock.OriginSource, drydock.OriginConfirmed} {
		if _, got, err := r.Resolve(t.Context(), u.String()); err != nil || got.Origin != want {
			t.Errorf("resolve %d: %+v, %v", i, got, err)
		}
	}
}

func TestFileRoot(t *testing.T) {
	for path, want := range map[string]string{"/srv/a/x.yaml": "/srv/a", "/srv/b/c/x.yaml": "/srv/b", "/srv/b/../a/x": "/srv/a"} {
		if got, err := FileRoot([]string{"/srv/a", "/srv/b"}, &url.URL{Scheme: "file", Path: path}); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	_, err := FileRoot([]string{"/srv/a"}, &url.URL{Scheme: "file", Path: "/etc/passwd"})
	wantError(t, err, drydock.ErrDenied, "outside")
	_, err = FileRoot([]string{"/srv/a"}, &url.URL{Scheme: "file", Path: "x"})
	wantError(t, err, drydock.ErrInvalid, "absolute path")
}

func TestFileErrors(t *testing.T) {
	for cause, kind := range map[error]error{
		fs.ErrPermission: drydock.ErrDenied, syscall.EACCES: drydock.ErrDenied, syscall.EIO: drydock.ErrUnavailable, fs.ErrNotExist: drydock.ErrNotFound,
		syscall.ELOOP: drydock.ErrInvalid, syscall.ESTALE: drydock.ErrUnavailable,
	} {
		err := fileError("/a/b", &fs.PathError{Op: "openat", Path: "b", Err: cause})
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), "/a/b") {
			t.Errorf("%v: %v", cause, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FetchFile([]string{"/"}, 0).Fetch(ctx, Request{URL: &url.URL{Scheme: "file", Path: "/etc/hostname"}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
