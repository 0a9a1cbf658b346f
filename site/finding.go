package site

import (
	"fmt"

	"drydock"
)

// Level is how bad a finding is. The literals are upstream's.
type Level string

// The levels of findings.
const (
	Info    Level = "Info"
	Warning Level = "Warning"
	Error   Level = "Error"
)

// Ref names a document of a design.
type Ref struct {
	Schema string // "drydock/BaremetalNode/v1"
	Name   string
}

// String is the form used in messages: schema and name.
func (r Ref) String() string { return fmt.Sprintf("%s %q", r.Schema, r.Name) }

// Finding is one thing that is wrong with a design, or worth saying about it.
type Finding struct {
	Code       string // "DD001": upstream's codes
	Rule       string // name of the rule that found it, because codes are not unique; empty for documents and for what is inherited
	Level      Level
	Text       string
	Diagnostic string // what to do about it
	Docs       []Ref  // the documents it is about
	Path       string // JSON pointer of the place inside the document, such as "/data/interfaces/pxe"; empty for the document itself
	Line       int    // 1-based line of the place in the source; 0 if unknown
	Column     int    // 1-based; 0 if unknown
}

// maxText is how many characters of a text are kept. Texts quote what documents say, which may be long.
const maxText = 2000

// OneLine makes a text that quotes a document fit for one line of a terminal or log.
func OneLine(s string) string { return drydock.OneLine(s, maxText) }
