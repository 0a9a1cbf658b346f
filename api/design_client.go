package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

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
