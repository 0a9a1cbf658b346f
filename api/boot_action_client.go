package api

import (
	"context"
	"net/url"
)

// NodeBootActions lists what a node was given to run in its present deployment, and what it reported of it. ErrNotFound: there is no deployment.
func (c *Client) NodeBootActions(ctx context.Context, node string) (list []BootAction, err error) {
	_, err = c.call(ctx, call{method: "GET", path: "/nodes/" + url.PathEscape(node) + "/bootactions"}, &list)
	return list, wrap("list boot actions", err)
}
