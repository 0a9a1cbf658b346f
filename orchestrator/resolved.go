package orchestrator

import (
	"fmt"
	"time"

	"drydock"
	"drydock/site"
)

// Resolved remembers how the design of the task was had; it is recorded together with the result, however the action ends. Of several the last
// counts. A copy that its source could not confirm is no secret: a message says so.
func (r *Run) Resolved(d drydock.Resolution) {
	d.Ref, d.ETag = clean(d.Ref, drydock.MaxDesignRef), clean(d.ETag, drydock.MaxName)
	r.mu.Lock()
	r.resolved = &d
	r.mu.Unlock()
	if d.Origin != drydock.OriginStale {
		return
	}
	r.Final(drydock.Message{
		Text:        fmt.Sprintf("The source of the design did not answer; the copy of %s was used.", d.Fetched.UTC().Format(time.RFC3339)),
		ContextType: "NA", Context: "NA",
		Extra: extra(struct {
			Level  string `json:"level"`
			Digest string `json:"sha256"`
		}{string(site.Warning), d.Digest}),
	})
}
