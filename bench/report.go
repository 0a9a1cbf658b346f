package bench

import (
	"fmt"
	"strconv"
	"time"
)

// Report is what one run measured, and on what.
type Report struct {
	Machine Machine  `json:"machine"`
	Results []Result `json:"results"`
}

// Machine is what one has to know about a run to compare it with another.
type Machine struct {
	Dialect  string            `json:"dialect"`  // sqlite or postgres
	Version  string            `json:"version"`  // of the database
	Settings map[string]string `json:"settings"` // of the database, those that decide about durability
	Cores    int               `json:"cores"`    // that this program may use
	Platform string            `json:"platform"`
	Go       string            `json:"go"`
	Preload  int               `json:"preload"`  // complete tasks before the first measurement, with ten messages each
	Duration string            `json:"duration"` // of each side of each measurement
}

// Result is one operation done by a number of clients at a time.
type Result struct {
	Operation string  `json:"operation"`
	Clients   int     `json:"clients"`
	Ours      Figures `json:"ours"`
	Bare      Figures `json:"bare"`
	Ratio     float64 `json:"ratio"` // median of ours by bare over neighbouring slices
	Target    *Target `json:"target,omitempty"`
}

// Figures are one side of a result.
type Figures struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_us"` // microseconds
	P99       float64 `json:"p99_us"` // microseconds
	Calls     int     `json:"calls"`
}

// Target is what a result should reach: a ratio, or a number per second.
type Target struct {
	Ratio     float64 `json:"ratio,omitempty"`
	PerSecond float64 `json:"per_second,omitempty"`
	Met       bool    `json:"met"`
}

func (t *Target) text() string {
	if t.PerSecond > 0 {
		return number(t.PerSecond) + "/s"
	}
	return strconv.FormatFloat(t.Ratio, 'f', -1, 64)
}

// Table is the report as a heading and one row per result.
func (r *Report) Table() [][]string {
	rows := [][]string{{"OPERATION", "CLIENTS", "OURS/S", "P50", "P99", "BARE/S", "P50", "P99", "RATIO", "TARGET", "MET"}}
	for i := range r.Results {
		m := &r.Results[i]
		target, met := "-", "-"
		if m.Target != nil {
			target, met = m.Target.text(), "no"
			if m.Target.Met {
				met = "yes"
			}
		}
		rows = append(rows, []string{
			m.Operation, strconv.Itoa(m.Clients), number(m.Ours.PerSecond), latency(m.Ours.P50), latency(m.Ours.P99),
			number(m.Bare.PerSecond), latency(m.Bare.P50), latency(m.Bare.P99), fmt.Sprintf("%.2f", m.Ratio), target, met,
		})
	}
	return rows
}

// Facts is one line about the machine.
func (m *Machine) Facts() string {
	text := fmt.Sprintf("%s %s, %d cores, %s, %s", m.Dialect, m.Version, m.Cores, m.Platform, m.Go)
	for _, name := range []string{"fsync", "synchronous_commit", "journal_mode", "synchronous"} {
		if v, ok := m.Settings[name]; ok {
			text += fmt.Sprintf(", %s=%s", name, v)
		}
	}
	return text + fmt.Sprintf(", %d tasks before", m.Preload)
}

// number writes 12,345 or, when it is small, 12.3.
func number(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// latency shows three digits of a number of microseconds.
func latency(us float64) string {
	d := time.Duration(us * float64(time.Microsecond))
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}
