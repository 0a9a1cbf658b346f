package drydock

import "time"

// Resolution tells how the documents behind a design reference were had, once: enough to see afterwards what exactly a task worked with.
type Resolution struct {
	Ref      string        // the reference without its secrets
	Digest   string        // sha256 of the documents in lower-case hex; empty if there are none
	Size     int64         // bytes of the documents
	ETag     string        // the source's own mark of this version, if it gave one
	Origin   Origin        // where they came from this time
	Resolved time.Time     // when they were handed over
	Fetched  time.Time     // when the source gave them or last said that they are unchanged
	Attempts int           // how often the source was asked; 0: not at all
	Took     time.Duration // from the question to the documents
}

// Origin says where documents came from.
type Origin string

// The origins of documents.
const (
	OriginSource    Origin = "source"    // fetched now
	OriginCache     Origin = "cache"     // at hand, and what the reference names can never change
	OriginConfirmed Origin = "confirmed" // at hand, and the source said now that they are unchanged
	OriginStale     Origin = "stale"     // at hand, but the source did not answer: the last that were good
)

// StoredDesign is a set of documents that the service keeps. It never changes.
type StoredDesign struct {
	Digest  string // sha256 of the documents in lower-case hex, which is its name
	Size    int64  // bytes
	Created time.Time
}

// Ref is the reference to the documents.
func (d StoredDesign) Ref() string { return DesignPrefix + d.Digest }

// DesignPrefix begins every reference to documents that the service keeps; their digest follows.
const DesignPrefix = "design://sha256/"
