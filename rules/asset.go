package rules

import (
	"strconv"

	"drydock/site"
)

// maxPermissions are read, write and execute for everybody; more are setuid, setgid and sticky, and more still is no mode at all.
const (
	maxPermissions = 0o777
	maxMode        = 0o7777
)

// checkAssets looks for what a node could not be given when it boots: a file without a place or without content, and a pipeline that
// cannot run.
func checkAssets(r *Report, b *site.BootAction) {
	for i := range b.Assets {
		a := &b.Assets[i]
		at := in(b.Ref, "assets", strconv.Itoa(i))
		what := "asset " + strconv.Itoa(i+1) + " of boot action " + b.Name
		if a.Permissions.Set && a.Permissions.V > maxMode {
			r.Errorf(at, "give three octal digits, such as \"644\"", "%s has the permissions %o, which are none of a file", what, a.Permissions.V)
		} else if a.Permissions.Set && a.Permissions.V > maxPermissions {
			r.Warnf(at, "give three octal digits, such as \"755\", if that is not meant", "%s has the permissions %o: setuid, setgid or sticky", what, a.Permissions.V)
		}
		if a.Type == site.AssetPackages {
			continue // its content is the matter of another rule
		}
		if a.Path.V == "" {
			r.Errorf(at, "set path", "%s is a %s without a path: nobody knows where to put it", what, a.Type)
		}
		switch {
		case a.Location.V != "" && a.Data.Set:
			r.Warnf(at, "remove data or location", "%s has data and a location; its content is what stands at the location", what)
		case a.Location.V == "" && !a.Data.Set:
			r.Errorf(at, "give it data or a location; data may be empty", "%s is a %s without content", what, a.Type)
		}
		if problem := pipelineProblem(a.DataPipeline); problem != "" {
			r.Errorf(at, "content begins as bytes; utf8_decode makes text of it, utf8_encode bytes of text", "the data_pipeline of %s cannot run: %s", what, problem)
		}
	}
}

// pipelineProblem says why a data pipeline fails whatever it is given: a segment that needs text gets bytes, or the other way round.
func pipelineProblem(segments []string) string {
	text := false // content begins as bytes
	for i, s := range segments {
		switch needs, gives := segment(s); {
		case needs == "text" && !text:
			return s + ", segment " + strconv.Itoa(i+1) + ", needs text and gets bytes"
		case needs == "bytes" && text:
			return s + ", segment " + strconv.Itoa(i+1) + ", needs bytes and gets text"
		case gives == "":
			return "there is no segment " + strconv.Quote(s)
		default:
			text = gives == "text"
		}
	}
	return ""
}

// segment says what a segment of a pipeline needs, which is nothing if either will do, and what it gives, which is nothing if there is none.
func segment(name string) (needs, gives string) {
	switch name {
	case "utf8_decode":
		return "bytes", "text"
	case "utf8_encode":
		return "text", "bytes"
	case "template":
		return "text", "text"
	case "base64_encode":
		return "bytes", "bytes"
	case "base64_decode":
		return "", "bytes"
	}
	return "", ""
}
