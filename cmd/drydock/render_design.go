package main

import (
	"fmt"
	"time"

	"drydock"
	"drydock/api"
)

// documentsText says which documents a task worked with.
func documentsText(d *api.Design) string {
	text := fmt.Sprintf("sha256 %s, %s", orDash(string(d.Digest)), count(int(d.Size), "byte"))
	if d.ETag != "" {
		text += ", etag " + string(d.ETag)
	}
	return text
}

// resolvedText says how they were had.
func resolvedText(d *api.Design) string {
	text := tableTime(d.Resolved)
	switch d.Origin {
	case drydock.OriginSource:
		text += " from the source"
	case drydock.OriginCache:
		text += " from memory: it cannot change"
	case drydock.OriginConfirmed:
		text += " from memory, confirmed by the source"
	case drydock.OriginStale:
		text += " from a copy of " + tableTime(d.Fetched) + ": the source did not answer"
	default:
		text += " " + string(d.Origin)
	}
	took := (time.Duration(d.TookMS) * time.Millisecond).String()
	if d.Attempts == 0 {
		return text + " (" + took + ")"
	}
	return text + " (" + count(d.Attempts, "attempt") + ", " + took + ")"
}
