package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"drydock"
)

// Client talks to a service. Its errors carry the kinds of package drydock: those that the server answered with the server's text, and
// ErrUnavailable when it cannot be reached, or ErrUnknown when a write was sent and no answer came. It is safe for concurrent use.
type Client struct {
	base *url.URL // ends without a slash, before /api/v1.0
	http *http.Client
}

// NewClient makes a client for the service at address, such as "http://localhost:9000" or "https://host/drydock"; a trailing /api/v1.0, as in
// service catalogues, may be there. A nil hc is one without limits of its own: contexts bound the calls. An address that cannot be used is ErrInvalid.
func NewClient(address string, hc *http.Client) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: service address: %w", drydock.ErrInvalid, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: service address %q: it must be like http://localhost:9000", drydock.ErrInvalid, u.Redacted())
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), prefix), "/")
	u.RawPath = ""
	own := http.Client{}
	if hc != nil {
		own = *hc
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a redirected POST would become a GET
	return &Client{u, &own}, nil
}

// CreateTaskRequest asks for a task. With a Key the request can be repeated until it is answered: it creates one task at most.
type CreateTaskRequest struct {
	Action     drydock.Action  `json:"action"`
	DesignRef  string          `json:"design_ref"`
	NodeFilter json.RawMessage `json:"node_filter"` // nil: all nodes
	Key        string          `json:"-"`
}

// CreateTask queues a task; created is false if the key was known and names the task that is returned.
func (c *Client) CreateTask(ctx context.Context, req CreateTaskRequest) (t Task, created bool, err error) {
	header := http.Header{}
	if req.Key != "" {
		header.Set(headerKey, req.Key)
	}
	r, err := c.call(ctx, call{method: "POST", path: "/tasks", header: header, body: req}, &t)
	if err != nil {
		return Task{}, false, fmt.Errorf("create task: %w", err)
	}
	return t, r.status == http.StatusCreated, nil
}

// TaskOptions say what to show of a task beside itself.
type TaskOptions struct {
	BuildData     bool
	SubtaskErrors bool
	NoMessages    bool
}

func (o TaskOptions) values() url.Values {
	v := url.Values{}
	for name, set := range map[string]bool{"builddata": o.BuildData, "subtaskerrors": o.SubtaskErrors} {
		if set {
			v.Set(name, "true")
		}
	}
	if o.NoMessages {
		v.Set("messages", "false")
	}
	return v
}

// Task reads one task.
func (c *Client) Task(ctx context.Context, id string, o TaskOptions) (Task, error) {
	var t Task
	_, err := c.call(ctx, call{method: "GET", path: "/tasks/" + url.PathEscape(id), query: o.values()}, &t)
	return t, wrap("read task", err)
}

// TaskLayers reads a task and so many generations with it: 1 is the task alone, -1 everything.
func (c *Client) TaskLayers(ctx context.Context, id string, layers int, o TaskOptions) (TaskLayers, error) {
	v := o.values()
	v.Set("layers", strconv.Itoa(layers))
	var l TaskLayers
	_, err := c.call(ctx, call{method: "GET", path: "/tasks/" + url.PathEscape(id), query: v}, &l)
	return l, wrap("read task layers", err)
}

// TaskListQuery selects tasks.
type TaskListQuery struct {
	drydock.TaskQuery
	NoMessages bool
}

func (q TaskListQuery) values() url.Values {
	v := url.Values{}
	for _, s := range q.Status {
		v.Add("status", string(s))
	}
	for name, value := range map[string]string{
		"action": string(q.Action), "result": string(q.Result), "parent": string(q.Parent), "node": q.Node, "created_by": q.CreatedBy, "after": q.After,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Roots {
		v.Set("roots", "true")
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.NoMessages {
		v.Set("messages", "false")
	}
	return v
}

// Tasks lists tasks, newest first; next is the cursor for TaskQuery.After, or "".
func (c *Client) Tasks(ctx context.Context, q TaskListQuery) (tasks []Task, next string, err error) {
	r, err := c.call(ctx, call{method: "GET", path: "/tasks", query: q.values()}, &tasks)
	return tasks, r.next, wrap("list tasks", err)
}

// Terminate asks for the end of a task and all below it. By names who asked; it may be empty.
func (c *Client) Terminate(ctx context.Context, id, by string) (Task, error) {
	header := http.Header{}
	if by != "" {
		header.Set(headerEndUser, by)
	}
	var t Task
	_, err := c.call(ctx, call{method: "POST", path: "/tasks/" + url.PathEscape(id) + "/terminate", header: header}, &t)
	return t, wrap("terminate task", err)
}

// Messages lists the messages of a task behind a sequence number, at most limit of them (0: the server's choice). More says that there may be others.
func (c *Client) Messages(ctx context.Context, id string, after int64, limit int) (messages []TaskMessage, more bool, err error) {
	v := url.Values{"after": {strconv.FormatInt(after, 10)}}
	if limit != 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	r, err := c.call(ctx, call{method: "GET", path: "/tasks/" + url.PathEscape(id) + "/messages", query: v}, &messages)
	return messages, r.next != "", wrap("list messages", err)
}

// Page asks for a part of a list. Zero values: from the beginning, and as much as the server likes to give.
type Page struct {
	After string
	Limit int
}

func (p Page) values() url.Values {
	v := url.Values{}
	if p.After != "" {
		v.Set("after", p.After)
	}
	if p.Limit != 0 {
		v.Set("limit", strconv.Itoa(p.Limit))
	}
	return v
}

// TaskBuildData lists what a task collected; nothing is ErrNotFound.
func (c *Client) TaskBuildData(ctx context.Context, id string, p Page) (data []BuildData, next string, err error) {
	r, err := c.call(ctx, call{method: "GET", path: "/tasks/" + url.PathEscape(id) + "/builddata", query: p.values()}, &data)
	return data, r.next, wrap("list build data", err)
}

// NodeBuildData lists the history of a node, newest first; nothing is ErrNotFound.
func (c *Client) NodeBuildData(ctx context.Context, node string, p Page) (data []BuildData, next string, err error) {
	r, err := c.call(ctx, call{method: "GET", path: "/nodes/" + url.PathEscape(node) + "/builddata", query: p.values()}, &data)
	return data, r.next, wrap("list build data", err)
}

// LatestBuildData lists the newest record of each generator for a node; nothing is ErrNotFound.
func (c *Client) LatestBuildData(ctx context.Context, node string, p Page) (data []BuildData, next string, err error) {
	v := p.values()
	v.Set("latest", "true")
	r, err := c.call(ctx, call{method: "GET", path: "/nodes/" + url.PathEscape(node) + "/builddata", query: v}, &data)
	return data, r.next, wrap("list build data", err)
}

// PurgeRequest says what to delete.
type PurgeRequest struct {
	Days   int // trees of ended tasks older than this; 0: the server's choice
	DryRun bool
}

// Purge deletes old tasks. It can take long.
func (c *Client) Purge(ctx context.Context, p PurgeRequest) (Purged, error) {
	v := url.Values{}
	if p.Days != 0 {
		v.Set("days", strconv.Itoa(p.Days))
	}
	if p.DryRun {
		v.Set("dry_run", "true")
	}
	var purged Purged
	_, err := c.call(ctx, call{method: "DELETE", path: "/tasks", query: v}, &purged)
	return purged, wrap("purge tasks", err)
}

// Status reads who leads and what waits.
func (c *Client) Status(ctx context.Context) (ServiceStatus, error) {
	var s ServiceStatus
	_, err := c.call(ctx, call{method: "GET", path: "/status"}, &s)
	return s, wrap("read status", err)
}

// Health reads whether the service is well. An unhealthy service is an answer, not an error.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var h Health
	_, err := c.call(ctx, call{method: "GET", path: "/health/extended", accept: http.StatusServiceUnavailable}, &h)
	return h, wrap("read health", err)
}

func wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", verb, err)
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any    // nil: none
	raw          []byte // sent as it is, as media, where there is no body
	media        string
	accept       int  // a status that is an answer although it is not 2xx
	reads        bool // although it is a POST, it changes nothing: that no answer came leaves nothing unknown
}

// effect is the method as far as it tells whether something may have been changed.
func (what call) effect() string {
	if what.reads {
		return http.MethodGet
	}
	return what.method
}

// reply is what an answer says beside its body.
type reply struct {
	status int
	next   string // cursor of the next page, or ""
}

// call sends a request and decodes its answer into out.
func (c *Client) call(ctx context.Context, what call, out any) (reply, error) {
	resp, err := c.send(ctx, c.http, what)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, c.unreachable(ctx, what.effect(), err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return reply{}, fmt.Errorf("%w: what answers at %s is not this service: %w", drydock.ErrUnavailable, c.base.Redacted(), err)
	}
	return reply{resp.StatusCode, nextCursor(resp)}, nil
}

// send sends a request and turns refusals into errors. The caller closes the body.
func (c *Client) send(ctx context.Context, hc *http.Client, what call) (*http.Response, error) {
	u := *c.base
	if err := setPath(&u, prefix+what.path); err != nil {
		return nil, err
	}
	u.RawQuery = what.query.Encode()
	body, media, err := what.payload()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, what.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", drydock.ErrInvalid, err)
	}
	for name, values := range what.header {
		req.Header[name] = values
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, what.effect(), err)
	}
	if resp.StatusCode/100 == 2 || resp.StatusCode == what.accept {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, refusalOf(resp)
}

// payload is what to send, and its type; none is nil.
func (c *call) payload() (io.Reader, string, error) {
	switch {
	case c.body != nil:
		text, err := marshal(c.body)
		if err != nil {
			return nil, "", fmt.Errorf("%w: encode request: %w", drydock.ErrInvalid, err)
		}
		return bytes.NewReader(text), "application/json", nil
	case c.media != "":
		return bytes.NewReader(c.raw), c.media, nil
	}
	return nil, "", nil
}

// setPath appends an escaped path.
func setPath(u *url.URL, escaped string) error {
	joined, err := url.Parse(u.EscapedPath() + escaped)
	if err != nil {
		return fmt.Errorf("%w: %w", drydock.ErrInvalid, err)
	}
	u.Path, u.RawPath = joined.Path, joined.RawPath
	return nil
}

// refusalOf reads the error that the server answered.
func refusalOf(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var body ErrorBody
	if err == nil && json.Unmarshal(text, &body) == nil && body.Type == "error" {
		return &remoteError{kindOf(resp.StatusCode, body.Message), body.Message}
	}
	// Not ours: a proxy, or another service at this address.
	return &remoteError{kindOf(resp.StatusCode, ""), fmt.Sprintf("%s %s was answered %s: %.200q", resp.Request.Method, resp.Request.URL.Redacted(), resp.Status, text)}
}

// unreachable says what it means that no answer came.
func (c *Client) unreachable(ctx context.Context, method string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text repeats the address
	}
	var op *net.OpError
	kind := drydock.ErrUnavailable
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("%w: cannot reach %s: %w; the service may not be running (drydock serve)", kind, c.base.Redacted(), err)
	case method != http.MethodGet:
		kind = drydock.ErrUnknown // it may have been done
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: no answer from %s: %w", kind, c.base.Redacted(), ctx.Err())
	}
	return fmt.Errorf("%w: no answer from %s: %w", kind, c.base.Redacted(), err)
}

// nextCursor reads the cursor out of a Link header, or "".
func nextCursor(resp *http.Response) string {
	address, rel, _ := strings.Cut(resp.Header.Get("Link"), ">")
	u, err := url.Parse(strings.TrimPrefix(address, "<"))
	if err != nil || !strings.Contains(rel, `rel="next"`) {
		return ""
	}
	return u.Query().Get("after")
}
