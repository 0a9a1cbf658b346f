package asset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"drydock"
	"drydock/asset/jinja"
	"drydock/site"
)

// Locations gets what an asset's location refers to: ErrInvalid, ErrDenied, ErrNotFound or ErrUnavailable if it cannot. What it returns must be of now:
// a join script that is kept would let a node join with what has passed.
type Locations interface {
	Resolve(ctx context.Context, ref string) ([]byte, error)
}

// DefaultReportURL is where nodes report unless something else is said.
const DefaultReportURL = "http://localhost:9000/api/v1.0/bootactions/"

// Options of a Renderer. Zero values are the defaults.
type Options struct {
	ReportURL string        // given to templates as action.report_url; empty: DefaultReportURL
	Time      time.Duration // for one template; 0: 5 s
	MaxBytes  int           // of all assets of one request together; 0: 64 MiB
	Template  jinja.Limits  // of each template
}

// Renderer makes assets. It is safe for concurrent use and keeps nothing between requests.
type Renderer struct {
	locations Locations
	o         Options
}

// NewRenderer returns a renderer that reads locations with l.
func NewRenderer(l Locations, o Options) *Renderer {
	if o.ReportURL == "" {
		o.ReportURL = DefaultReportURL
	}
	if o.Time <= 0 {
		o.Time = 5 * time.Second
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	return &Renderer{l, o}
}

// Request says what to make for whom.
type Request struct {
	Design    *site.Design // the effective one
	Node      string
	Actions   []drydock.BootAction // what the node's deployment was given; they have the identities
	Key       []byte
	DesignRef string   // for action.design_ref, as it may be shown
	Types     []string // of assets; empty: units and files
}

// File is a rendered asset of type unit or file.
type File struct {
	Action, Type, Path string
	Mode               int // as of chmod
	Data               []byte
}

// Files makes the units and files of the boot actions that are meant for a node, in the order of the design. Boot actions that the deployment was not
// given are left out: they came into the design later and have no identity to report by. An *Error says what could not be made; ErrNotFound: the design
// has no such node.
func (r *Renderer) Files(ctx context.Context, q Request) ([]File, error) {
	if len(q.Types) == 0 {
		q.Types = []string{site.AssetUnit, site.AssetFile}
	}
	var list []File
	left := r.o.MaxBytes
	err := r.each(ctx, q, func(j job) error {
		if !slices.Contains(q.Types, j.asset.Type) || j.asset.Type == site.AssetPackages {
			return nil
		}
		data, err := j.file()
		if err != nil {
			return err
		}
		if left -= len(data); left < 0 {
			return j.fail("", "divide the boot actions, or fetch large files on the node", fmt.Errorf("%w: the assets have more than %d bytes", drydock.ErrInvalid, r.o.MaxBytes))
		}
		list = append(list, File{j.action.Name, j.asset.Type, j.asset.Path.V, j.asset.Permissions.Or(site.Some(defaultMode)).V, data})
		return nil
	})
	return list, err
}

// Packages makes the list of packages that the boot actions want on a node; where two name the same, the later one counts. Errors are those of Files.
func (r *Renderer) Packages(ctx context.Context, q Request) (site.Attrs, error) {
	var list site.Attrs
	err := r.each(ctx, q, func(j job) error {
		if j.asset.Type != site.AssetPackages {
			return nil
		}
		more, err := j.packages()
		for _, p := range more {
			at := slices.IndexFunc(list, func(a site.Attr) bool { return a.Key == p.Key })
			if at < 0 {
				list = append(list, p)
			} else {
				list[at] = p
			}
		}
		return err
	})
	return list, err
}

// defaultMode is that of files without permissions: they may hold keys.
const defaultMode = 0o600

// job is one asset to be made.
type job struct {
	ctx    context.Context
	r      *Renderer
	action *site.BootAction
	index  int
	asset  *site.Asset
	vars   *jinja.Dict
}

// each calls do for the assets of the boot actions that are for the node.
func (r *Renderer) each(ctx context.Context, q Request, do func(job) error) error {
	node := q.Design.Node(q.Node)
	if node == nil {
		return fmt.Errorf("%w: the design has no node %q", drydock.ErrNotFound, q.Node)
	}
	nodeDict := nodeVars(q.Design, node)
	for _, action := range q.Design.BootActions {
		at := slices.IndexFunc(q.Actions, func(a drydock.BootAction) bool { return a.Name == action.Name })
		if at < 0 || !slices.Contains(action.Targets, q.Node) {
			continue
		}
		vars := jinja.NewDict().Set("node", nodeDict).Set("action", actionVars(q.Actions[at].ID, q.Key, r.o.ReportURL, q.DesignRef))
		for i := range action.Assets {
			j := job{ctx, r, action, i, &action.Assets[i], vars}
			if err := do(j); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j job) fail(segment, remedy string, err error) error {
	return &Error{Action: j.action.Name, Index: j.index, Path: j.asset.Path.V, Segment: segment, Remedy: remedy, Err: err}
}

func (j job) failed(f *failure) error { return j.fail(f.segment, f.remedy, f.err) }

func (j job) render() func(*jinja.Template) (string, error) {
	return within(j.ctx, j.vars, j.r.o.Template, j.r.o.Time)
}

// file makes the content of a unit or file.
func (j job) file() ([]byte, error) {
	if !j.asset.Path.Set {
		return nil, j.fail("", "give it a path", fmt.Errorf("%w: it has no path", drydock.ErrInvalid))
	}
	var c content
	switch {
	case j.asset.Location.Set:
		body, err := j.fetch()
		if err != nil {
			return nil, err
		}
		c.data = body
	case j.asset.Data.Set:
		c.data = []byte(j.asset.Data.V)
	default:
		return nil, j.fail("", "give it data or a location", fmt.Errorf("%w: it has no content", drydock.ErrInvalid))
	}
	c, f := flow("data_pipeline", j.asset.DataPipeline, c, j.render())
	if f != nil {
		return nil, j.failed(f)
	}
	return c.data, nil
}

// fetch gets what the location refers to.
func (j job) fetch() ([]byte, error) {
	c, f := flow("location_pipeline", j.asset.LocationPipeline, textContent(j.asset.Location.V), j.render())
	if f != nil {
		return nil, j.failed(f)
	}
	if !c.text {
		return nil, j.fail("location_pipeline", "end it with utf8_decode", fmt.Errorf("%w: a location is text, and this is bytes", drydock.ErrInvalid))
	}
	body, err := j.r.locations.Resolve(j.ctx, string(c.data))
	if err != nil {
		remedy := "correct the location, or what it depends on"
		if errors.Is(err, drydock.ErrUnavailable) {
			remedy = "it may succeed later"
		}
		return nil, j.fail("location", remedy, err)
	}
	return body, nil
}
