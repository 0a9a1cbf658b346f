package main

import (
	"drydock/api"
	"drydock/site"
)

// formSARIF is the form of output that other programs for checks read: SARIF 2.1.0 of OASIS.
const formSARIF = "sarif"

// The parts of a SARIF log that are used here, by the names of its specification.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Artifacts   []sarifArtifact   `json:"artifacts"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID          string    `json:"id"`
		Name        string    `json:"name,omitempty"`
		Description sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful bool `json:"executionSuccessful"`
	}
	sarifArtifact struct {
		Location sarifURI          `json:"location"`
		Length   int               `json:"length"`
		Hashes   map[string]string `json:"hashes"`
	}
	sarifURI struct {
		URI   string `json:"uri"`
		Index *int   `json:"index,omitempty"`
	}
	sarifResult struct {
		RuleID     string           `json:"ruleId"`
		RuleIndex  int              `json:"ruleIndex"`
		Level      string           `json:"level"`
		Message    sarifText        `json:"message"`
		Locations  []sarifLocation  `json:"locations"`
		Properties *sarifProperties `json:"properties,omitempty"`
	}
	sarifProperties struct {
		Diagnostic string `json:"diagnostic"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifURI     `json:"artifactLocation"`
		Region   *sarifRegion `json:"region,omitempty"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Full string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)

// sarif puts a verdict on the design at uri into the form of a SARIF log with one run.
func (v *verdict) sarif(uri string) sarifLog {
	first := 0
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "drydock", Version: version, Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{Successful: true}},
		Artifacts:   []sarifArtifact{{sarifURI{URI: uri}, v.Design.Size, map[string]string{"sha-256": v.Design.Digest}}},
		Results:     []sarifResult{}, ColumnKind: "unicodeCodePoints",
	}
	rules := map[string]int{}
	for i := range v.Details.MessageList {
		m := &v.Details.MessageList[i]
		rule := ruleOf(m)
		at, known := rules[rule.ID]
		if !known {
			at = len(run.Tool.Driver.Rules)
			rules[rule.ID] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
		}
		r := sarifResult{
			RuleID: rule.ID, RuleIndex: at, Level: sarifLevels[m.Level], Message: sarifText{m.Message},
			Locations: []sarifLocation{{Physical: sarifPhysical{Artifact: sarifURI{uri, &first}}}},
		}
		place := &r.Locations[0]
		if m.Line > 0 {
			place.Physical.Region = &sarifRegion{m.Line, m.Column}
		}
		for j, d := range m.Documents {
			logical := sarifLogical{d.Name, d.Schema + "/" + d.Name, "object"}
			if j == 0 && m.Path != "" {
				logical.Full += "#" + m.Path
			}
			place.Logical = append(place.Logical, logical)
		}
		if m.Diagnostic != "" {
			r.Properties = &sarifProperties{m.Diagnostic}
		}
		run.Results = append(run.Results, r)
	}
	return sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
}

var sarifLevels = map[site.Level]string{site.Error: "error", site.Warning: "warning", site.Info: "note"}

// ruleOf is the rule that a finding breaks. Codes are not unique, so the name of the rule is part of its id.
func ruleOf(m *api.ValidationMessage) sarifRule {
	if m.Rule != "" {
		return sarifRule{m.Name + "/" + string(m.Rule), string(m.Rule), sarifText{string(m.Rule)}}
	}
	said := map[string]string{
		"DD000": "Documents can be read, and say what their kind needs", "DD001": "Documents satisfy the schema of their kind",
		site.CodeCompile: "What documents inherit and refer to is there",
	}[m.Name]
	if said == "" {
		said = m.Name
	}
	return sarifRule{ID: m.Name, Description: sarifText{said}}
}
