package api

import (
	"net/http"
	"time"

	"drydock"
)

// Retention without a number of days, as upstream has it, and the most that can be asked for.
const (
	retentionDays    = 90
	maxRetentionDays = 36_500
)

// Purged is the answer to a retention run: upstream's sentence, and what was deleted.
type Purged struct {
	Message     string `json:"message"`
	DryRun      bool   `json:"dry_run"` // nothing was deleted: the numbers say what would be
	Days        int    `json:"days"`
	Trees       int64  `json:"trees"`
	Tasks       int64  `json:"tasks"`
	Messages    int64  `json:"messages"`
	BootActions int64  `json:"boot_actions"`
	BuildData   int64  `json:"build_data"`
	Designs     int64  `json:"designs"` // kept documents that no task refers to
	Live        int64  `json:"live"`    // old trees that were kept because something in them has not ended
}

// purgeTasks deletes whole trees of ended tasks that are older than a number of days. Build data stays, as upstream leaves it.
func (s *server) purgeTasks(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "days", "dry_run")
	if days, _ := q.one("days"); days == "None" { // upstream's client sends this for "not given"
		q.values.Del("days")
	}
	days := int(q.number("days", retentionDays, 1, maxRetentionDays))
	dry := q.flag("dry_run", false)
	if q.err != nil {
		return q.err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a long run must not outlive the right to answer
	p, err := s.deps.Tasks.Purge(r.Context(), drydock.Retention{TasksOlderThan: time.Duration(days) * 24 * time.Hour, DryRun: dry})
	if err != nil {
		return err
	}
	text := "Tables purged successfully."
	if dry {
		text = "Nothing was purged: this was a dry run."
	}
	return writeJSON(w, http.StatusOK, Purged{text, dry, days, p.Trees, p.Tasks, p.Messages, p.BootActions, p.BuildData, p.Designs, p.Live})
}
