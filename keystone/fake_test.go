package keystone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// answerer stands for Keystone where time must be at the test's command: it answers requests without a network.
type answerer struct {
	mu     sync.Mutex
	asked  int
	bodies []string
	answer func(n int, req *http.Request) (*http.Response, error) // n counts from 1
}

func (a *answerer) RoundTrip(req *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.asked++
	n := a.asked
	a.bodies = append(a.bodies, string(text))
	a.mu.Unlock()
	return a.answer(n, req)
}

func (a *answerer) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// reply makes an answer; headers are pairs of name and value.
func reply(status int, text string, headers ...string) (*http.Response, error) {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}, nil
}

// grant answers with the n-th token, of the given life by a clock that is ahead of ours.
func grant(n int, life, ahead time.Duration) (*http.Response, error) {
	now := time.Now().Add(ahead)
	text, err := json.Marshal(map[string]any{"token": map[string]any{
		"issued_at": now.UTC().Format(time.RFC3339Nano), "expires_at": now.Add(life).UTC().Format(time.RFC3339Nano),
	}})
	if err != nil {
		return nil, err
	}
	return reply(http.StatusCreated, string(text), "X-Subject-Token", fmt.Sprint("token-", n))
}

// hang waits for the end of the request.
func hang(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// fake returns a client of what answer stands for, and what was asked.
func fake(t *testing.T, o Options, answer func(n int, req *http.Request) (*http.Response, error)) (*Client, *answerer) {
	t.Helper()
	if o.AuthURL == "" {
		o.AuthURL = "http://keystone.example/v3"
	}
	if o.Password == "" && o.ApplicationCredentialSecret == "" {
		o.Username, o.UserDomainName, o.Password = "drydock", "Default", "pass-secret"
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	a := &answerer{answer: answer}
	c.api.HTTPClient.Transport = bounded{a}
	return c, a
}

// record is a logger and what was written to it.
func record() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), &b
}

func wantToken(t *testing.T, c *Client, want string) {
	t.Helper()
	if got, err := c.Token(t.Context()); err != nil || got != want {
		t.Errorf("token %q, %v; want %q", got, err, want)
	}
}

func wantTimes(t *testing.T, a *answerer, want int) {
	t.Helper()
	if got := a.times(); got != want {
		t.Errorf("Keystone was asked %d times, not %d", got, want)
	}
}

// after returns a context that ends then.
func after(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
