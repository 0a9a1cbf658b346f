package asset

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"drydock"
	"drydock/site"
)

// Sites finds and checks designs. An error means that it could not look.
type Sites interface {
	Load(ctx context.Context, ref string) (site.Report, error)
}

// Tarballs makes what a node fetches. It is safe for concurrent use.
type Tarballs struct {
	sites    Sites
	renderer *Renderer
	show     func(ref string) string
}

// NewTarballs returns what finds designs with s and renders with r. Show makes of a reference as it is kept what may leave this service.
func NewTarballs(s Sites, r *Renderer, show func(ref string) string) *Tarballs {
	return &Tarballs{s, r, show}
}

// Tarball makes the compressed tar archive of one type of assets (site.AssetUnit or site.AssetFile) for the node of c, whose deployment was given the
// actions and has the design behind ref. ErrConflict: the design cannot give the node its assets, and the text says why; ErrUnavailable: it may later.
func (t *Tarballs) Tarball(ctx context.Context, c drydock.BootContext, actions []drydock.BootAction, ref, kind string) ([]byte, error) {
	report, err := t.sites.Load(ctx, ref)
	if err != nil {
		return nil, stuck("the design of this deployment cannot be had", err)
	}
	if report.Failed() {
		return nil, fmt.Errorf("%w: the design of this deployment has errors, so nothing is made of it: %s", drydock.ErrConflict, firstError(report.Findings))
	}
	files, err := t.renderer.Files(ctx, Request{
		Design: report.Design, Node: c.Node, Actions: actions, Key: c.Key, DesignRef: t.show(ref), Types: []string{kind},
	})
	if err != nil {
		return nil, stuck("the assets cannot be made", err)
	}
	var b bytes.Buffer
	if err := WriteTarball(&b, files); err != nil {
		return nil, stuck("the assets cannot be packed", fmt.Errorf("%w: %w", drydock.ErrInvalid, err))
	}
	return b.Bytes(), nil
}

// stuck is the error towards a node: whatever is wrong is not its request. What may pass is told from what has to be mended.
func stuck(what string, err error) error {
	if errors.Is(err, drydock.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, kind := range []error{drydock.ErrInvalid, drydock.ErrDenied, drydock.ErrNotFound, drydock.ErrConflict} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%w: %s: %v", drydock.ErrConflict, what, err) //nolint:errorlint // its kind must not be taken for the request's
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

func firstError(findings []site.Finding) string {
	n, first := 0, ""
	for i := range findings {
		if findings[i].Level != site.Error {
			continue
		}
		if n++; n == 1 {
			first = findings[i].Code + " " + site.OneLine(findings[i].Text)
		}
	}
	return fmt.Sprintf("%d, the first is %s", n, first)
}
