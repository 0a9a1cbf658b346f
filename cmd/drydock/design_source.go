package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"drydock"
	"drydock/api"
	"drydock/design"
	"drydock/reference"
	"drydock/site"
)

// standardInput is the argument that stands for it.
const standardInput = "-"

// designSource is the text of a design and where it was had.
type designSource struct {
	name string // as people are told: the path, the reference without its secrets, or "standard input"
	arg  string // as it was given, without secrets, to be given again
	uri  string // as a relative or absolute URI without secrets; "stdin" for standard input
	text []byte
	from drydock.Resolution
}

// designReader reads what a person names on the command line, in the person's own process: references are resolved as serve would, with the same
// options, but a path is any file that the person may read.
type designReader struct {
	a    *app
	load func() (config, []string, error)
	in   func() io.Reader
}

// designReader adds the flags that say how references are resolved to a command.
func (a *app) designReader(c *cobra.Command) *designReader {
	return &designReader{a: a, load: a.optionFlags(c, "design-root", "allow-design"), in: c.InOrStdin}
}

// read returns the text of a design. Errors: ErrNotFound, ErrDenied, ErrInvalid, ErrUnavailable.
func (r *designReader) read(ctx context.Context, arg string) (designSource, error) {
	switch {
	case arg == standardInput:
		return r.standardInput(ctx)
	case isReference(arg):
		return r.resolve(ctx, arg)
	}
	f, err := os.Open(arg)
	if err != nil {
		return designSource{}, fileError(arg, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return designSource{}, fmt.Errorf("%w: %s is a folder; name the file with the design", drydock.ErrInvalid, arg)
	}
	text, err := readWhole(f)
	if err != nil {
		return designSource{}, fileError(arg, err)
	}
	return designSource{name: arg, arg: arg, uri: fileURI(arg), text: text, from: readHere(arg, text)}, nil
}

// fileURI is a path as a URI: relative paths stay relative, so that programs on other machines find the file in their copy.
func fileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(filepath.Clean(path))}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
	}
	return u.String()
}

func fileError(arg string, err error) error {
	kind := drydock.ErrUnavailable
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is neither a file here nor a reference with a scheme such as https://", drydock.ErrNotFound, arg)
	case errors.Is(err, fs.ErrPermission):
		kind = drydock.ErrDenied
	case errors.Is(err, drydock.ErrInvalid):
		kind = drydock.ErrInvalid
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the rest repeats the path
	}
	return fmt.Errorf("%w: design %s: %w", kind, arg, err)
}

// readWhole reads to the end, but not more than a design may have.
func readWhole(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, design.MaxBytes+1))
	if err == nil && len(text) > design.MaxBytes {
		err = fmt.Errorf("%w: it is larger than %d bytes", drydock.ErrInvalid, design.MaxBytes)
	}
	return text, err
}

// readHere tells how documents were had that were read without a reference.
func readHere(name string, text []byte) drydock.Resolution {
	sum, now := sha256.Sum256(text), time.Now()
	return drydock.Resolution{
		Ref: name, Digest: hex.EncodeToString(sum[:]), Size: int64(len(text)), Origin: drydock.OriginSource, Resolved: now, Fetched: now, Attempts: 1,
	}
}

// storedDesign asks the service for documents that it keeps.
func (a *app) storedDesign(ctx context.Context, digest string) ([]byte, error) {
	return ask(ctx, a, func(ctx context.Context, c *api.Client) ([]byte, error) { return c.Design(ctx, digest) })
}

// standardInput reads until its end or until ctx ends.
func (r *designReader) standardInput(ctx context.Context) (designSource, error) {
	type result struct {
		text []byte
		err  error
	}
	in, done := r.in(), make(chan result, 1) // whoever interrupts does not wait for the reader
	go func() {
		text, err := readWhole(in)
		done <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return designSource{}, errInterrupted
	case got := <-done:
		if got.err != nil {
			return designSource{}, fmt.Errorf("standard input: %w", got.err)
		}
		const name = "standard input"
		return designSource{name: name, arg: standardInput, uri: "stdin", text: got.text, from: readHere(name, got.text)}, nil
	}
}

// resolve gets what is behind a reference, with the configuration of serve.
func (r *designReader) resolve(ctx context.Context, ref string) (designSource, error) {
	cfg, _, err := r.load()
	if err != nil {
		return designSource{}, err
	}
	roots, err := cfg.designRoots()
	if err != nil {
		return designSource{}, err
	}
	cfg.LogLevel = max(cfg.LogLevel, slog.LevelWarn) // what goes well is no news here
	w, err := newWays(cfg, roots, sources{stored: r.a.storedDesign}, newLogger(r.a.err, cfg))
	if err != nil {
		return designSource{}, err
	}
	stop := r.a.waiting("getting " + reference.Redact(ref))
	defer stop()
	text, from, err := w.designs().Resolve(ctx, ref)
	if err != nil {
		return designSource{}, err
	}
	return designSource{name: from.Ref, arg: from.Ref, uri: from.Ref, text: text, from: from}, nil
}

// reference is a reference to the design without its secrets, for a file here an absolute one; empty for standard input.
func (s *designSource) reference() (string, error) {
	if s.arg == standardInput {
		return "", nil
	}
	return designRef(s.arg, "")
}

// report checks the design.
func (s *designSource) report() (site.Report, error) {
	in, err := newIngester()
	if err != nil {
		return site.Report{}, err
	}
	d, findings := in.Check(s.text)
	return site.Report{Design: d, Findings: findings, Source: s.from}, nil
}
