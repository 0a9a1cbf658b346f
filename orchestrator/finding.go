package orchestrator

import (
	"encoding/json"

	"drydock"
	"drydock/site"
)

// findingExtra is what a message says of a finding beside its text.
type findingExtra struct {
	Code       string        `json:"code"`
	Rule       string        `json:"rule,omitempty"` // codes are not unique
	Level      string        `json:"level"`
	Documents  []documentRef `json:"documents"`
	Omitted    int           `json:"documents_omitted,omitempty"`
	Path       string        `json:"path"`
	Line       int           `json:"line"`
	Column     int           `json:"column"`
	Diagnostic string        `json:"diagnostic"`
}

type documentRef struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
}

// messageFor turns a finding into a message: its context is the first document that it is about. A finding about more documents than a message
// holds names the first of them and counts the rest.
func messageFor(f *site.Finding) drydock.Message {
	m := drydock.Message{Text: clean(f.Code+": "+f.Text, drydock.MaxMessageText), Error: f.Level == site.Error, ContextType: "NA", Context: "NA"}
	if len(f.Docs) > 0 {
		m.ContextType, m.Context = "document", clean(f.Docs[0].Schema+" "+f.Docs[0].Name, drydock.MaxContext)
	}
	const part = drydock.MaxMessageText / 8
	e := findingExtra{
		Code: clean(f.Code, drydock.MaxName), Rule: clean(f.Rule, drydock.MaxName), Level: clean(string(f.Level), drydock.MaxName), Documents: []documentRef{},
		Path: clean(f.Path, part), Line: f.Line, Column: f.Column, Diagnostic: clean(f.Diagnostic, part),
	}
	for _, d := range f.Docs {
		e.Documents = append(e.Documents, documentRef{clean(d.Schema, drydock.MaxContext), clean(d.Name, drydock.MaxContext)})
	}
	for m.Extra = extra(e); len(m.Extra) > drydock.MaxMessageText && len(e.Documents) > 0; m.Extra = extra(e) {
		keep := len(e.Documents) / 2
		e.Omitted += len(e.Documents) - keep
		e.Documents = e.Documents[:keep]
	}
	return m
}

// extra encodes the further members of a message, which are all of ours and can be encoded.
func extra(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}
