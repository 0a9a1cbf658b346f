package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"drydock"
	"drydock/site"
)

// Verdict says whether a node is selected, and why.
type Verdict struct {
	Node     string `json:"node"`
	Selected bool   `json:"selected"`
	Reason   string `json:"reason"`
}

// selectNodes answers the names of the nodes that a filter selects, in the order of the design; with explain, a verdict on every node.
func (s *server) selectNodes(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err; err != nil {
		return err
	}
	q, err := readNodeQuery(r)
	if err != nil {
		return err
	}
	report, err := s.load(r, q.ref)
	if err != nil {
		return err
	}
	if err := Certain(&report); err != nil {
		return err
	}
	verdicts, err := report.Design.Explain(q.filter)
	if err != nil {
		return invalid("node_filter.%v", err)
	}
	if q.explain {
		return writeJSON(w, http.StatusOK, wireVerdicts(verdicts))
	}
	names := []string{}
	for _, v := range verdicts {
		if v.Selected {
			names = append(names, v.Node)
		}
	}
	return writeJSON(w, http.StatusOK, names)
}

// nodeQuery is a question for nodes.
type nodeQuery struct {
	ref     string
	filter  *site.NodeFilter // nil: every node
	explain bool
}

func readNodeQuery(r *http.Request) (nodeQuery, error) {
	raw, err := readJSON(r)
	if err != nil {
		return nodeQuery{}, err
	}
	body, err := members("", raw, "design_ref", "node_filter", "explain")
	if err != nil {
		return nodeQuery{}, err
	}
	var q nodeQuery
	if q.ref, err = requiredText(body["design_ref"], "design_ref", "Missing input required value: design_ref"); err != nil {
		return nodeQuery{}, err
	}
	if v := body["explain"]; v != nil {
		if err := json.Unmarshal(v, &q.explain); err != nil || form(v) != "a boolean" {
			return nodeQuery{}, invalid("explain must be a boolean, not %s", form(v))
		}
	}
	if v := body["node_filter"]; v != nil && form(v) != "null" {
		q.filter, err = readNodeFilter("node_filter", v)
	}
	return q, err
}

// ParseNodeFilter reads a node filter in the form of the wire; null is nil, which selects every node. What is wrong with it is ErrInvalid and
// names the place.
func ParseNodeFilter(text []byte) (*site.NodeFilter, error) {
	var raw json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("%w: node filter: %w", drydock.ErrInvalid, syntaxProblem(text, err))
	}
	if form(raw) == "null" {
		return nil, nil
	}
	f, err := readNodeFilter("node_filter", raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", drydock.ErrInvalid, err)
	}
	return f, nil
}

func readNodeFilter(path string, raw json.RawMessage) (*site.NodeFilter, error) {
	if err := checkNodeFilter(path, raw); err != nil {
		return nil, err
	}
	var wire struct {
		Type string `json:"filter_set_type"`
		Set  []struct {
			Type       string   `json:"filter_type"`
			Names      []string `json:"node_names"`
			Tags       []string `json:"node_tags"`
			Racks      []string `json:"rack_names"`
			Labels     labels   `json:"node_labels"`
			RackLabels labels   `json:"rack_labels"`
		} `json:"filter_set"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil, fmt.Errorf("decode %s: %w", path, err)
	}
	f := &site.NodeFilter{SetType: wire.Type}
	for _, e := range wire.Set {
		f.Filters = append(f.Filters, site.Filter{
			Type: e.Type, Names: e.Names, Tags: e.Tags, Racks: e.Racks, Labels: site.Attrs(e.Labels), RackLabels: site.Attrs(e.RackLabels),
		})
	}
	return f, nil
}

// labels is an object of texts whose order is kept.
type labels site.Attrs

// UnmarshalJSON reads the object; null has no labels.
func (l *labels) UnmarshalJSON(data []byte) error {
	if form(data) == "null" {
		return nil
	}
	return unmarshalMembers(data, func(name string, value json.RawMessage) error {
		a := site.Attr{Key: name}
		err := json.Unmarshal(value, &a.Value)
		*l = append(*l, a)
		return err
	})
}

// Certain returns ErrInvalid if the nodes of a design, and what they inherit, are not known: a document that could not be read may be a node or
// hold a node's tags. Errors of rules do not matter.
func Certain(r *site.Report) error {
	unknown := "its documents have errors"
	if whole(r) {
		unknown = ""
		for _, n := range r.Design.Nodes {
			if n.Incomplete {
				unknown = fmt.Sprintf("node %q inherits what is not there", n.Name)
				break
			}
		}
	}
	if unknown == "" {
		return nil
	}
	why := errors.New("validate it to see them")
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Level == site.Error && f.Rule == "" {
			why = fmt.Errorf("the first error is: %s", f.Text)
			break
		}
	}
	return fmt.Errorf("%w: which nodes the design has, and what they are, is not certain, because %s; %w", drydock.ErrInvalid, unknown, why)
}

func wireVerdicts(list []site.Verdict) []Verdict {
	wire := make([]Verdict, 0, len(list))
	for _, v := range list {
		wire = append(wire, Verdict(v))
	}
	return wire
}
