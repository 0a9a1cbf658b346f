package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"drydock"
)

// maxAnswer bounds the answers about designs, whose findings are limited in number but may quote what documents say.
const maxAnswer = 64 << 20

// ValidateDesign asks for the verdict on a design. A design with errors is an answer, not an error of this call.
func (c *Client) ValidateDesign(ctx context.Context, ref string) (Validation, error) {
	v, err := c.validateDesign(ctx, ref)
	return v, wrap("validate design", err)
}

func (c *Client) validateDesign(ctx context.Context, ref string) (Validation, error) {
	body := struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
		Type string `json:"type"`
	}{"design", ref, "application/x-yaml"}
	resp, err := c.send(ctx, c.http, call{method: "POST", path: "/validatedesign", body: body, accept: http.StatusBadRequest, reads: true})
	if err != nil {
		return Validation{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Validation{}, c.unreachable(ctx, http.MethodGet, err)
	}
	var v Validation
	if err := json.Unmarshal(text, &v); err == nil && v.Kind == "Status" {
		return v, nil
	}
	var refused ErrorBody
	if err := json.Unmarshal(text, &refused); err == nil && refused.Type == "error" {
		return Validation{}, &remoteError{kindOf(resp.StatusCode, refused.Message), refused.Message}
	}
	return Validation{}, fmt.Errorf("%w: what answers at %s is not this service: %s, %.200q", drydock.ErrUnavailable, c.base.Redacted(), resp.Status, text)
}

// NodesForFilter returns the names of the nodes that a filter selects, in the order of the design. A nil filter selects every node.
func (c *Client) NodesForFilter(ctx context.Context, ref string, filter json.RawMessage) ([]string, error) {
	var names []string
	_, err := c.call(ctx, nodeFilterCall(ref, filter, false), &names)
	return names, wrap("select nodes", err)
}

// ExplainFilter is NodesForFilter with a verdict on every node of the design.
func (c *Client) ExplainFilter(ctx context.Context, ref string, filter json.RawMessage) ([]Verdict, error) {
	var verdicts []Verdict
	_, err := c.call(ctx, nodeFilterCall(ref, filter, true), &verdicts)
	return verdicts, wrap("explain filter", err)
}

func nodeFilterCall(ref string, filter json.RawMessage, explain bool) call {
	return call{method: "POST", path: "/nodefilter", reads: true, body: struct {
		Ref     string          `json:"design_ref"`
		Filter  json.RawMessage `json:"node_filter"`
		Explain bool            `json:"explain,omitempty"`
	}{ref, filter, explain}}
}

// AddDesign has the service keep the documents of a design and returns the reference to them; created is false if they were kept already. It can be
// repeated until it is answered.
func (c *Client) AddDesign(ctx context.Context, documents []byte) (d StoredDesign, created bool, err error) {
	r, err := c.call(ctx, call{method: "POST", path: "/designs", raw: documents, media: mediaYAML}, &d)
	if err != nil {
		return StoredDesign{}, false, fmt.Errorf("add design: %w", err)
	}
	return d, r.status == http.StatusCreated, nil
}

// Design reads documents that the service keeps, by their digest.
func (c *Client) Design(ctx context.Context, digest string) ([]byte, error) {
	resp, err := c.send(ctx, c.http, call{method: "GET", path: "/designs/" + url.PathEscape(digest)})
	if err != nil {
		return nil, fmt.Errorf("read design: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	documents, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read design: %w", c.unreachable(ctx, http.MethodGet, err))
	}
	return documents, nil
}
