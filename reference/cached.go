package reference

import (
	"time"

	"drydock/memo"
)

// cached is an answer that is kept. It is never changed; a confirmed one is replaced. Failures are not kept.
type cached struct {
	body      []byte
	room      int    // bytes that body holds on to; at least its length
	digest    string // of body, so that it is not computed again
	etag      string
	modified  string
	immutable bool
	fetched   time.Time // when the source gave it or last said that it is unchanged
}

func (c *cached) cost() int64 { return memo.EntryBytes + int64(c.room+len(c.etag)+len(c.modified)) }
