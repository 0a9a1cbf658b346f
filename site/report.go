package site

import (
	"slices"

	"drydock"
)

// Report is what came of looking at a design: the design and what is wrong with it. Design is shared and never nil.
type Report struct {
	Design   *Design
	Findings []Finding
	Source   drydock.Resolution // how the documents were had
}

// Failed reports whether a finding is an error.
func (r *Report) Failed() bool { return Failed(r.Findings) }

// Failed reports whether a finding is an error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Error })
}
