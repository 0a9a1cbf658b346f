package bench

import (
	"fmt"
	"strconv"
)

// DesignReport is what Design measured, and on what.
type DesignReport struct {
	Source    string         `json:"source"`
	Bytes     int            `json:"bytes"`
	Documents int            `json:"documents"` // of ours that are good
	Nodes     int            `json:"nodes"`
	Findings  map[string]int `json:"findings"` // by level
	Platform  string         `json:"platform"`
	Go        string         `json:"go"`
	Duration  string         `json:"duration"` // of each side of each measurement
	Memory    Memory         `json:"memory"`
	Results   []DesignResult `json:"results"`
}

// DesignResult is one measurement of both sides with so many cores.
type DesignResult struct {
	Cores  int           `json:"cores"`
	Ours   DesignFigures `json:"ours"`
	Plain  DesignFigures `json:"plain"`
	Ratio  float64       `json:"ratio"` // median of the times of ours by plain over neighbouring turns
	Turns  int           `json:"turns"`
	Target float64       `json:"target"`
	Met    bool          `json:"met"`
}

// DesignFigures are one side of a result; medians over the turns.
type DesignFigures struct {
	Milliseconds       float64 `json:"milliseconds"`
	MegabytesPerSecond float64 `json:"megabytes_per_second"`
	Allocated          float64 `json:"allocated"` // bytes in all, by the size of the source
}

// Facts is one line about the source and the machine.
func (r *DesignReport) Facts() string {
	text := fmt.Sprintf("%s: %s bytes, %d documents, %d nodes", r.Source, number(float64(r.Bytes)), r.Documents, r.Nodes)
	for _, level := range []string{"Error", "Warning"} {
		text += fmt.Sprintf(", findings of level %s: %d", level, r.Findings[level])
	}
	return text + fmt.Sprintf("; %s, %s", r.Platform, r.Go)
}

// Table is the report as a heading and one row per measurement.
func (r *DesignReport) Table() [][]string {
	rows := [][]string{{"MEASURED", "CORES", "OURS", "MB/S", "ALLOC", "PLAIN", "MB/S", "ALLOC", "RATIO", "TARGET", "MET"}}
	met := map[bool]string{true: "yes", false: "no"}
	float := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	for i := range r.Results {
		m := &r.Results[i]
		rows = append(rows, []string{
			"time", strconv.Itoa(m.Cores), latency(m.Ours.Milliseconds * 1000), float(m.Ours.MegabytesPerSecond), float(m.Ours.Allocated) + "x",
			latency(m.Plain.Milliseconds * 1000), float(m.Plain.MegabytesPerSecond), float(m.Plain.Allocated) + "x",
			fmt.Sprintf("%.2f", m.Ratio), "<= " + float(m.Target), met[m.Met],
		})
	}
	memory := met[r.Memory.Met]
	if r.Memory.Small && !r.Memory.Met {
		memory = "too small to tell"
	}
	return append(rows, []string{
		"peak memory", "all", number(r.Memory.Peak/1e6) + " MB", "", "", "kept " + float(r.Memory.Kept) + "x", "", "", fmt.Sprintf("%.2f", r.Memory.Ratio), "< " + float(r.Memory.Target), memory,
	})
}
