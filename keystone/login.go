package keystone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"drydock"
)

const (
	firstPause = 250 * time.Millisecond // longest before the second try, doubled before each further one
	maxPause   = 5 * time.Second
	maxWish    = 30 * time.Second // if Keystone wants to be left alone for longer, there is no further try
)

// errNoToken is for an answer of the right status without a token.
var errNoToken = errors.New("there is no token in its answer")

// session is a token and what came with it. It is not changed.
type session struct {
	token    string
	catalog  []tokens.CatalogEntry
	received time.Time
	// On our own clock, counted from before the request by the time between issue and expiry on Keystone's: clocks may differ.
	renew  time.Time // from now on a new token should be had
	urgent time.Time // from now on it should not be used if there is another
	end    time.Time
}

// granted is what is read of Keystone's answer.
type granted struct {
	Issued  time.Time             `json:"issued_at"`
	Expires time.Time             `json:"expires_at"`
	Catalog []tokens.CatalogEntry `json:"catalog"`
}

// authenticate gets a token. It tries again, after a random pause, while Keystone cannot be reached or says that it cannot answer now.
func (c *Client) authenticate(ctx context.Context) (*session, error) {
	bound := firstPause
	for try := 1; ; try++ {
		s, err := c.ask(ctx, c.auth)
		if err == nil {
			c.o.Logger.DebugContext(ctx, "keystone: a new token", "auth_url", c.where, "until", s.end, "try", try)
			return s, nil
		}
		failed := c.failure(err)
		pause := max(rand.N(bound), failed.after)
		end, bounded := ctx.Deadline()
		switch {
		case failed.status == http.StatusUnauthorized:
			failed.text += "; " + c.explain(ctx)
			return nil, failed
		case !failed.retry || try >= c.o.Tries || failed.after > maxWish || ctx.Err() != nil || bounded && time.Until(end) <= pause:
			if try > 1 {
				failed.text += fmt.Sprintf(" (%d tries)", try)
			}
			return nil, failed
		}
		bound = min(2*bound, maxPause)
		c.o.Logger.WarnContext(ctx, "keystone: no token, will try again", "error", failed.text, "try", try, "pause", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, failed
		}
	}
}

// ask sends one request for a token.
func (c *Client) ask(ctx context.Context, auth tokens.AuthOptions) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.RequestTimeout)
	defer cancel()
	began := time.Now()
	answer := tokens.Create(ctx, c.api, &auth)
	if answer.Err != nil {
		return nil, answer.Err
	}
	var g granted
	if err := answer.ExtractInto(&g); err != nil {
		return nil, err
	}
	s := &session{token: answer.Header.Get("X-Subject-Token"), catalog: g.Catalog, received: time.Now()}
	if s.token == "" || g.Expires.IsZero() {
		return nil, errNoToken
	}
	if g.Issued.IsZero() {
		g.Issued = began
	}
	// Keystone writes whole seconds, so a token can end up to one before its life by its own dates is over.
	life := max(0, g.Expires.Sub(g.Issued)-time.Second)
	margin := min(life/5, time.Minute)
	s.end = began.Add(life)
	s.renew, s.urgent = s.end.Add(-margin), s.end.Add(-margin/2)
	return s, nil
}

// explain says which options to look at after a 401, which does not tell: it asks for a token that is for nothing, with the same credentials.
func (c *Client) explain(ctx context.Context) string {
	user, project := "username and user_domain_name", "project_name and project_domain_name"
	if c.o.UserID != "" || c.o.UserDomainID != "" {
		user = "user_id, username and user_domain_id"
	}
	if c.o.ProjectID != "" || c.o.ProjectDomainID != "" {
		project = "project_id, project_name and project_domain_id"
	}
	switch {
	case c.o.usesApplicationCredential():
		return "look at application_credential_id and application_credential_secret; it may have expired"
	case c.auth.Scope == tokens.Scope{}:
		return "look at " + user + ", and at password"
	case c.auth.Scope.TrustID != "":
		project = "trust_id"
	case c.auth.Scope.System:
		project = "system_scope"
	case c.auth.Scope.ProjectID == "" && c.auth.Scope.ProjectName == "":
		project = "domain_name and domain_id"
	}
	bare := c.auth
	bare.Scope = tokens.Scope{}
	_, err := c.ask(ctx, bare)
	switch {
	case err == nil:
		return "user and password are right, so look at " + project + ", and whether the user has a role there"
	case c.failure(err).status == http.StatusUnauthorized:
		return "look at " + user + ", and at password"
	}
	return strings.Join([]string{"look at " + user, "at password", "and at " + project}, ", ")
}

// ended is the error of a caller whose context has ended.
func (c *Client) ended(ctx context.Context) error {
	return fmt.Errorf("%w: no token of %s yet: %w", drydock.ErrUnavailable, c.where, context.Cause(ctx))
}
