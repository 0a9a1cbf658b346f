package store

import (
	"encoding/json"
	"fmt"
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
	ETag     string         `json:"etag,omitempty"`
	Origin   drydock.Origin `json:"origin"`
	Resolved int64          `json:"resolved"`
	Fetched  int64          `json:"fetched,omitempty"`
	Attempts int            `json:"attempts"`
	Took     int64          `json:"took"`
}

// resolution scans such a row; what is none is shown as none.
type resolution struct{ *drydock.Resolution }

func (r *resolution) Scan(v any) error {
	r.Resolution = nil
	var raw storedJSON
	var row resolutionRow
	if err := raw.Scan(v); err != nil || raw == nil || json.Unmarshal(raw, &row) != nil {
		return err
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
	raw, _ := json.Marshal(resolutionRow{ // plain fields always marshal
		r.Ref, r.Digest, r.Size, r.ETag, r.Origin, microUnix(r.Resolved), microUnix(r.Fetched), r.Attempts, r.Took.Microseconds(),
	})
	text := string(raw)
	return &text
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
