package api

import (
	"encoding/json"
	"net/http"
	"time"

	"drydock/site"
)

// Validation is the verdict on a design, in upstream's form with additions of ours.
type Validation struct {
	Kind       string            `json:"kind"`       // "Status"
	APIVersion string            `json:"apiVersion"` // "v1.0"
	Metadata   struct{}          `json:"metadata"`
	Message    string            `json:"message"`
	Reason     Optional          `json:"reason"`
	Status     string            `json:"status"` // Passed or Failed
	Details    ValidationDetails `json:"details"`
	Code       int               `json:"code"`   // the HTTP status: 200 or 400
	Design     ValidatedDesign   `json:"design"` // ours
}

// The states of a validation.
const (
	Passed = "Success"
	Failed = "Failure"
)

// ValidationDetails are the findings and how many of them are errors.
type ValidationDetails struct {
	ErrorCount  int                 `json:"errorCount"`
	MessageList []ValidationMessage `json:"messageList"` // documents in the order of the source, then what they inherit, then rule by rule
}

// ValidationMessage is one finding. Rule, Path, Line and Column are ours.
type ValidationMessage struct {
	Kind       string        `json:"kind"` // "ValidationMessage"
	Name       string        `json:"name"` // the code, such as "DD2003"
	Message    string        `json:"message"`
	Error      bool          `json:"error"`
	Level      site.Level    `json:"level"`
	Diagnostic string        `json:"diagnostic"` // what to do about it
	Time       Time          `json:"ts"`         // when the design was looked at, the same for all
	Documents  []DocumentRef `json:"documents"`
	Rule       Optional      `json:"rule"`   // the rule that found it, because codes are not unique; null for documents and what they inherit
	Path       string        `json:"path"`   // JSON pointer in the first document; empty for the document itself
	Line       int           `json:"line"`   // 1-based, in the source; 0: unknown
	Column     int           `json:"column"` // 1-based, in characters; 0: unknown
}

// DocumentRef names a document of a design.
type DocumentRef struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
}

// ValidatedDesign says what exactly was looked at.
type ValidatedDesign struct {
	Ref       string         `json:"ref"`       // without its secrets; empty: it was not got by a reference
	Digest    string         `json:"sha256"`    // of its bytes, in lower-case hex
	Size      int            `json:"bytes"`     // of the source
	Documents map[string]int `json:"documents"` // how many good ones of each kind
	Whole     bool           `json:"whole"`     // every document is good, so that the rules of the site were asked
}

// NewValidation puts a report into the form of the wire, as of a moment.
func NewValidation(r *site.Report, at time.Time) Validation {
	v := Validation{
		Kind: "Status", APIVersion: "v1.0", Message: "Site design passed validation", Status: Passed, Code: http.StatusOK,
		Details: ValidationDetails{MessageList: make([]ValidationMessage, 0, len(r.Findings))},
		Design:  ValidatedDesign{Ref: r.Source.Ref, Digest: r.Design.Digest, Size: r.Design.Size, Documents: r.Design.Count(), Whole: whole(r)},
	}
	for i := range r.Findings {
		m := wireFinding(&r.Findings[i], at)
		if m.Error {
			v.Details.ErrorCount++
		}
		v.Details.MessageList = append(v.Details.MessageList, m)
	}
	if v.Details.ErrorCount > 0 {
		v.Message, v.Reason, v.Status, v.Code = "Site design failed validation.", "See detail messages.", Failed, http.StatusBadRequest
	}
	return v
}

func wireFinding(f *site.Finding, at time.Time) ValidationMessage {
	m := ValidationMessage{
		Kind: "ValidationMessage", Name: f.Code, Message: f.Text, Error: f.Level == site.Error, Level: f.Level, Diagnostic: f.Diagnostic, Time: Time{at},
		Documents: make([]DocumentRef, 0, len(f.Docs)), Rule: Optional(f.Rule), Path: f.Path, Line: f.Line, Column: f.Column,
	}
	for _, d := range f.Docs {
		m.Documents = append(m.Documents, DocumentRef(d))
	}
	return m
}

// whole reports whether every document of a design is good. Otherwise it is as far as it could be read, without what is inherited.
func whole(r *site.Report) bool {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Level == site.Error && f.Rule == "" && f.Code != site.CodeCompile {
			return false
		}
	}
	return true
}

// validateDesign answers the verdict on a design. A design with errors is 400 as it is upstream, told from other refusals by its kind.
func (s *server) validateDesign(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err; err != nil {
		return err
	}
	ref, err := readHref(r)
	if err != nil {
		return err
	}
	report, err := s.load(r, ref)
	if err != nil {
		return err
	}
	v := NewValidation(&report, time.Now())
	return writeJSON(w, v.Code, v)
}

// readHref reads the reference of a design; the members rel and type, which clients send, say nothing new.
func readHref(r *http.Request) (string, error) {
	if r.ContentLength == 0 {
		return "", invalid("Request body must not be empty for validation.")
	}
	raw, err := readJSON(r)
	if err != nil {
		return "", err
	}
	body, err := members("", raw, "rel", "href", "type")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"rel", "type"} {
		if v := body[name]; v != nil && form(v) != "null" {
			if _, err := text(name, v); err != nil {
				return "", err
			}
		}
	}
	return requiredText(body["href"], "href", `The "href" key must be provided in the request body.`)
}

// requiredText reads a string that may not be missing, null or empty.
func requiredText(raw json.RawMessage, name, otherwise string) (string, error) {
	if raw == nil || form(raw) == "null" {
		return "", invalid("%s", otherwise)
	}
	v, err := text(name, raw)
	if err == nil && v == "" {
		err = invalid("%s", otherwise)
	}
	return v, err
}

// load gets and checks a design, when it is this request's turn.
func (s *server) load(r *http.Request, ref string) (site.Report, error) {
	leave, err := s.designs.enter(r.Context())
	if err != nil {
		return site.Report{}, err
	}
	defer leave()
	return s.deps.Sites.Load(r.Context(), ref)
}
