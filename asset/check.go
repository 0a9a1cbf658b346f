package asset

import (
	"fmt"
	"slices"
	"strings"

	"drydock"
	"drydock/asset/jinja"
	"drydock/site"
)

// Problem is what is wrong with an asset as it is written.
type Problem struct {
	Path   string // JSON pointer below the asset, such as "/data_pipeline/1"
	Err    error  // ErrInvalid
	Remedy string
}

// Check looks for what can be known to fail before there is a node: pipelines with segments that do not exist or do not fit, templates that cannot be
// read, locations of a scheme that is not among schemes (empty: any will do). That there is a path and content is a matter of the rules. It is pure.
func Check(a *site.Asset, schemes []string) []Problem {
	var list []Problem
	add := func(path string, f *failure) { list = append(list, Problem{path, f.err, f.remedy}) }
	if a.Location.Set {
		c, problem := trace("/location_pipeline", "/location", a.LocationPipeline, textContent(a.Location.V), true)
		list = append(list, problem...)
		scheme, _, ok := strings.Cut(a.Location.V, "://")
		switch templated := strings.ContainsAny(scheme, "{%"); {
		case len(problem) > 0 || ok && templated:
		case !c.text:
			add("/location_pipeline", refuse("end it with utf8_decode", "a location is text, and this is bytes"))
		case !ok && !strings.Contains(a.Location.V, "{"):
			add("/location", refuse("write it as scheme://…", "it is no reference"))
		case ok && len(schemes) > 0 && !slices.Contains(schemes, strings.ToLower(scheme)):
			add("/location", refuse("use one of "+strings.Join(schemes, ", "), "there is nothing to get %.40q with", scheme))
		}
	}
	if a.Type != site.AssetPackages {
		_, problem := trace("/data_pipeline", "/data", a.DataPipeline, content{data: []byte(a.Data.V)}, a.Data.Set && !a.Location.Set)
		list = append(list, problem...)
	}
	return list
}

// trace follows a pipeline. The content is known until a template has changed it; then only its type is.
func trace(pipeline, source string, segments []string, c content, known bool) (content, []Problem) {
	if len(segments) > maxSegments {
		return c, []Problem{{pipeline, fmt.Errorf("%w: the pipeline has more than %d segments", drydock.ErrInvalid, maxSegments), "leave out what undoes itself"}}
	}
	for i, segment := range segments {
		if segment == segmentTemplate && c.text && known {
			known = false
			if _, err := jinja.Parse(string(c.data)); err != nil {
				return c, []Problem{{source, fmt.Errorf("%w: the template: %w", drydock.ErrInvalid, err), "mend the template"}}
			}
			c = textContent("")
			continue
		}
		in := c
		if !known {
			in.data = nil // it fits every segment of its type
		}
		next, f := step(segment, in, func(*jinja.Template) (string, error) { return "", nil })
		if f != nil {
			return c, []Problem{{fmt.Sprintf("%s/%d", pipeline, i), f.err, f.remedy}}
		}
		c = next
	}
	return c, nil
}

// Findings is Check for all assets of a design, as warnings: the design can be had, but nodes will not get what they should.
func Findings(d *site.Design, schemes []string) []site.Finding {
	var list []site.Finding
	for _, action := range d.BootActions {
		for i := range action.Assets {
			for _, p := range Check(&action.Assets[i], schemes) {
				text := strings.TrimPrefix(p.Err.Error(), drydock.ErrInvalid.Error()+": ")
				list = append(list, site.Finding{
					Code: "DD4001", Rule: "Bootaction Assets", Level: site.Warning, Diagnostic: p.Remedy, Docs: []site.Ref{action.Ref},
					Text: site.OneLine(fmt.Sprintf("asset %d: %s", i+1, text)), Path: fmt.Sprintf("/data/assets/%d%s", i, p.Path),
				})
			}
		}
	}
	return list
}
