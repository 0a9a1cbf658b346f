package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"drydock"
)

// maxETag bounds what a source may have us keep of its own.
const maxETag = drydock.MaxContext

// resolutionRow is the form that a resolution has in a row: JSON, instants and durations in microseconds.
type resolutionRow struct {
	Ref      string         `json:"ref"`
	Digest   string         `json:"sha256"`
	Size     int64          `json:"bytes"`
	ETag     string         `json:"etag"`
	Origin   drydock.Origin `json:"origin"`
	Resolved int64          `json:"resolved"`
	Fetched  int64          `json:"fetched"`
	Attempts int            `json:"attempts"`
	Took     int64          `json:"took"`
}

// resolution scans such a row; what is none is shown as none.
type resolution struct{ *drydock.Resolution }

func (r *resolution) Scan(v any) error {
	r.Resolution = nil
	text, ok := v.(string)
	if raw, isBytes := v.([]byte); isBytes {
		text, ok = string(raw), true
	}
	if !ok || !strings.HasPrefix(text, "{") {
		return nil
	}
	row, ok := readOwnRow(text)
	if !ok && json.Unmarshal([]byte(text), &row) != nil {
		return nil
	}
	r.Resolution = &drydock.Resolution{
		Ref: row.Ref, Digest: row.Digest, Size: row.Size, ETag: row.ETag, Origin: row.Origin, Resolved: unixMicro(row.Resolved),
		Fetched: unixMicro(row.Fetched), Attempts: row.Attempts, Took: time.Duration(row.Took) * time.Microsecond,
	}
	return nil
}

// resolutionText is what to store, nil for nothing.
func resolutionText(r *drydock.Resolution) *string {
	if r == nil {
		return nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)      // a query with several parameters stays readable
	_ = e.Encode(resolutionRow{ // plain fields always encode
		r.Ref, r.Digest, r.Size, r.ETag, r.Origin, microUnix(r.Resolved), microUnix(r.Fetched), r.Attempts, r.Took.Microseconds(),
	})
	text := strings.TrimSuffix(b.String(), "\n")
	return &text
}

// readOwnRow reads the form that resolutionText writes where nothing but quotes (ETags have them) had to be escaped, many times faster than a decoder
// does: lists read thousands.
func readOwnRow(text string) (row resolutionRow, ok bool) {
	r := rowReader{text, true}
	row = resolutionRow{
		Ref: r.text(`{"ref":`), Digest: r.text(`,"sha256":`), Size: r.number(`,"bytes":`), ETag: r.text(`,"etag":`),
		Origin: drydock.Origin(r.text(`,"origin":`)), Resolved: r.number(`,"resolved":`), Fetched: r.number(`,"fetched":`),
		Attempts: int(r.number(`,"attempts":`)), Took: r.number(`,"took":`),
	}
	if !r.ok || r.rest != "}" {
		return resolutionRow{}, false
	}
	return row, true
}

// rowReader reads members in their order.
type rowReader struct {
	rest string
	ok   bool
}

func (r *rowReader) text(name string) string {
	rest, found := strings.CutPrefix(r.rest, name)
	rest, quoted := strings.CutPrefix(rest, `"`)
	if !found || !quoted {
		r.ok = false
		return ""
	}
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '"':
			value := rest[:i]
			r.rest = rest[i+1:]
			return strings.ReplaceAll(value, `\"`, `"`)
		case rest[i] < ' ' || rest[i] == '\\' && (i+1 == len(rest) || rest[i+1] != '"'):
			r.ok = false
			return ""
		case rest[i] == '\\':
			i++
		}
	}
	r.ok = false
	return ""
}

func (r *rowReader) number(name string) int64 {
	rest, found := strings.CutPrefix(r.rest, name)
	end := 0
	for end < len(rest) && (rest[end] >= '0' && rest[end] <= '9' || rest[end] == '-') {
		end++
	}
	n, err := strconv.ParseInt(rest[:end], 10, 64)
	r.rest, r.ok = rest[end:], r.ok && found && err == nil
	return n
}

// unixMicro and microUnix keep the zero time.
func unixMicro(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func microUnix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func checkResolution(r *drydock.Resolution) error {
	if r == nil {
		return nil
	}
	if r.Size < 0 || r.Attempts < 0 || r.Took < 0 {
		return fmt.Errorf("%w: a resolution with negative numbers", drydock.ErrInvalid)
	}
	return first(
		checkText("resolved reference", r.Ref, drydock.MaxDesignRef), checkText("digest", r.Digest, drydock.MaxName),
		checkText("etag", r.ETag, maxETag), checkText("origin", string(r.Origin), drydock.MaxName),
	)
}
