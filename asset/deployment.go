package asset

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"drydock"
	"drydock/site"
)

// Deployments records what nodes are given. *store.Store fits.
type Deployments interface {
	SetBootContext(ctx context.Context, c drydock.BootContext) error
	AddBootActions(ctx context.Context, actions ...drydock.BootAction) error
}

// Deploy records what a node will run in the deployment that is the task's, and returns the key that the node shows when it fetches and reports: the
// boot actions that are meant for it, each with an identity of its own, incomplete if they signal and unreported if they do not. An earlier deployment of
// the node no longer counts. The design is the effective one. ErrNotFound: it has no such node. No boot action for the node: no key, and nothing is recorded.
//
// A repeated call is another deployment. The identities are recorded before the context that makes them count, so a call that failed can be repeated.
func Deploy(ctx context.Context, s Deployments, d *site.Design, node string, task drydock.TaskID) (key []byte, err error) {
	c, actions, err := Plan(d, node, task, time.Now())
	if err != nil || len(actions) == 0 {
		return nil, err
	}
	if err := s.AddBootActions(ctx, actions...); err != nil {
		return nil, fmt.Errorf("deploy %s: %w", node, err)
	}
	if err := s.SetBootContext(ctx, c); err != nil {
		return nil, fmt.Errorf("deploy %s: %w", node, err)
	}
	return c.Key, nil
}

// Plan makes what Deploy records: new identities of the time now, in the order of the design, and one new key. Actions is empty if there is nothing for
// the node; then c is empty as well.
func Plan(d *site.Design, node string, task drydock.TaskID, now time.Time) (c drydock.BootContext, actions []drydock.BootAction, err error) {
	if d.Node(node) == nil {
		return c, nil, fmt.Errorf("%w: the design has no node %q", drydock.ErrNotFound, node)
	}
	var names []*site.BootAction
	for _, a := range d.BootActions {
		if slices.Contains(a.Targets, node) {
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		return c, nil, nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return c, nil, fmt.Errorf("make a key: %w", err)
	}
	ids, err := newIDs(now, len(names), rand.Reader)
	if err != nil {
		return c, nil, fmt.Errorf("make identities: %w", err)
	}
	for i, a := range names {
		status := drydock.ResultIncomplete
		if !a.Signaling {
			status = drydock.ResultUnreported
		}
		actions = append(actions, drydock.BootAction{ID: ids[i], Node: node, Name: a.Name, Task: task, Key: key, Status: status})
	}
	return drydock.BootContext{Node: node, Task: task, Key: key}, actions, nil
}
