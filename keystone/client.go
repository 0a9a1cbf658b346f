package keystone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"drydock"
)

const (
	// restAfterDenial is for how long Keystone is not asked again after it refused the account. Options cannot change while the program runs, and
	// accounts are locked after some failed logins.
	restAfterDenial = 30 * time.Second
	// restAfterFailure is for how long a token that is still good is used after a failed try to renew it early.
	restAfterFailure = time.Second
	// longEnough is how long a caller with a good token waits for a younger one.
	longEnough = 2 * time.Second
	// staleCatalog is the age from which a catalogue is asked for again if it does not have what is looked for.
	staleCatalog = time.Minute
)

// Client gets tokens for one account. It is safe for concurrent use. There is at most one login under way, whose result all callers share; it is
// given up when none of them waits for it any more. Keystone's answers are awaited within bounds, and no longer than a caller's context lasts.
type Client struct {
	o     Options
	where string // for texts
	auth  tokens.AuthOptions
	api   *gophercloud.ServiceClient
	hide  *strings.Replacer

	mu      sync.Mutex
	session *session  // the last that was got; nil: none, or it was refused
	login   *login    // under way; nil: none
	denied  error     // the last login was refused, for good
	rest    time.Time // until then there is no login: after denied, or while session is good
}

// login is a request for a token that callers wait for.
type login struct {
	cancel  context.CancelFunc
	waiters int           // under Client.mu
	done    chan struct{} // closed when session and err are set
	session *session
	err     error
}

// New checks the options and returns a client for them. It reads the files that they name and does not ask Keystone anything. Errors: ErrInvalid,
// which names the option.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	endpoint, err := o.endpoint()
	if err != nil {
		return nil, err
	}
	auth, err := o.credentials()
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	provider := &gophercloud.ProviderClient{HTTPClient: http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a password goes nowhere else
	}}
	provider.UserAgent.Prepend(o.UserAgent)
	return &Client{
		o: o, where: "Keystone " + strings.TrimSuffix(endpoint, "/"), auth: auth, hide: hider(o),
		api: &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: endpoint},
	}, nil
}

// String tells where Keystone is and who logs in there, without secrets.
func (c *Client) String() string { return c.o.String() }

// Token returns a token that is valid now. It is got once and used until shortly before it ends; when a fifth of its life, or a minute if that is
// less, is left, a new one is got, at first beside those who use the old one. Errors: ErrDenied (Keystone refuses the account; it is not asked
// again for half a minute), ErrUnavailable (it cannot be reached, does not answer in time or cannot do its work; or ctx has ended), ErrInvalid (what
// answers is not Keystone, or does not understand the options).
func (c *Client) Token(ctx context.Context) (string, error) {
	s, err := c.current(ctx, "")
	if err != nil {
		return "", err
	}
	return s.token, nil
}

// Renew returns another token than the one that was refused by a service, and is like Token otherwise. Any number of callers with the same refused
// token cause one login.
func (c *Client) Renew(ctx context.Context, refused string) (string, error) {
	s, err := c.current(ctx, refused)
	if err != nil {
		return "", err
	}
	return s.token, nil
}

// Endpoints returns the URLs at which the catalogue has a type of service, of the region and the interface that the options name. There is at
// least one. Errors: those of Token, and ErrInvalid if there is none.
func (c *Client) Endpoints(ctx context.Context, service string) ([]*url.URL, error) {
	s, err := c.current(ctx, "")
	if err != nil {
		return nil, err
	}
	found, reason := c.find(s.catalog, service)
	if len(found) == 0 && time.Since(s.received) >= staleCatalog {
		if s, err = c.again(ctx, s); err != nil {
			return nil, err
		}
		found, reason = c.find(s.catalog, service)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: the catalogue of %s has no endpoint for services of type %s: %s", drydock.ErrInvalid, c.where, service, reason)
	}
	return found, nil
}

// find returns endpoints, or why there are none.
func (c *Client) find(catalog []tokens.CatalogEntry, service string) ([]*url.URL, string) {
	if len(catalog) == 0 {
		return nil, "it is empty, which is so for tokens that are for no project; look at project_name"
	}
	var other []string
	for _, face := range c.o.Interfaces {
		var found []*url.URL
		for _, entry := range catalog {
			for _, e := range entry.Endpoints {
				if entry.Type != service {
					continue
				}
				u, err := url.Parse(e.URL)
				fits := e.Interface == face && (c.o.RegionName == "" || c.o.RegionName == e.Region || c.o.RegionName == e.RegionID)
				if fits && err == nil && u.Hostname() != "" {
					found = append(found, u)
				} else if have := e.Interface + " in " + e.RegionID; !slices.Contains(other, have) {
					other = append(other, have)
				}
			}
		}
		if len(found) > 0 {
			return found, ""
		}
	}
	if len(other) == 0 {
		return nil, "there is no such service"
	}
	return nil, fmt.Sprintf("there is %s, and %s is wanted; look at interface and region_name",
		strings.Join(other, ", "), strings.TrimSuffix(strings.Join(c.o.Interfaces, " or ")+" in "+c.o.RegionName, " in "))
}

// current returns a session with a valid token that is not the refused one.
func (c *Client) current(ctx context.Context, refused string) (*session, error) {
	if ctx.Err() != nil {
		return nil, c.ended(ctx)
	}
	c.mu.Lock()
	now := time.Now()
	if c.session != nil && (c.session.token == refused || !now.Before(c.session.end)) {
		c.session = nil
	}
	s, resting := c.session, now.Before(c.rest)
	switch {
	case s != nil && (now.Before(s.renew) || resting):
		c.mu.Unlock()
		return s, nil
	case s == nil && resting && c.denied != nil:
		defer c.mu.Unlock()
		return nil, c.denied
	}
	l := c.join()
	c.mu.Unlock()
	if s != nil && now.Before(s.urgent) { // nobody needs to wait, so nobody can give up
		return s, nil
	}
	return c.wait(ctx, l, s)
}

// again returns a session that is younger than s if one can be had, else s.
func (c *Client) again(ctx context.Context, s *session) (*session, error) {
	c.mu.Lock()
	if newer := c.session; newer != nil && newer != s {
		c.mu.Unlock()
		return newer, nil
	}
	if time.Now().Before(c.rest) {
		c.mu.Unlock()
		return s, nil
	}
	l := c.join()
	c.mu.Unlock()
	return c.wait(ctx, l, s)
}

// join makes the caller one of those who wait for the login that is under way, or begins one. Client.mu is held.
func (c *Client) join() *login {
	if c.login == nil {
		c.start()
	}
	c.login.waiters++
	return c.login
}

// wait returns what comes of a login. Who still has a good session has it back if Keystone is unavailable, or too slow.
func (c *Client) wait(ctx context.Context, l *login, s *session) (*session, error) {
	var enough <-chan time.Time
	if s != nil {
		timer := time.NewTimer(min(longEnough, time.Until(s.end)/2))
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-l.done:
	case <-enough:
		return s, nil // the login goes on for those who come
	case <-ctx.Done():
		c.leave(l)
		return nil, c.ended(ctx)
	}
	if s != nil && errors.Is(l.err, drydock.ErrUnavailable) && time.Now().Before(s.end) {
		return s, nil
	}
	return l.session, l.err
}

// leave is for a caller that waits no longer. Without any, the login is given up, and the next caller begins another.
func (c *Client) leave(l *login) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.waiters--; l.waiters == 0 && c.login == l {
		c.login = nil
		l.cancel()
	}
}

// start begins a login. Client.mu is held.
func (c *Client) start() {
	// Each try is bounded by itself; this is for their sum.
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.o.Tries)*(c.o.RequestTimeout+maxPause))
	l := &login{cancel: cancel, done: make(chan struct{})}
	c.login = l
	go func() {
		defer cancel()
		s, err := c.authenticate(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		defer close(l.done)
		l.session, l.err = s, err
		if c.login != l { // given up
			return
		}
		c.login, c.denied, c.rest = nil, nil, time.Time{}
		switch {
		case err == nil:
			c.session = s
		case errors.Is(err, drydock.ErrDenied):
			c.denied, c.rest = err, time.Now().Add(restAfterDenial)
		default:
			c.rest = time.Now().Add(restAfterFailure)
		}
		if err != nil {
			level := slog.LevelDebug // those who wait are told
			if c.session != nil {    // nobody need have waited
				level = slog.LevelWarn
			}
			c.o.Logger.Log(ctx, level, "keystone: no new token", "error", err)
		}
	}()
}
