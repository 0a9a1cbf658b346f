package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// description is openapi.yaml with its schemas, read once.
var description = sync.OnceValues(func() (*spec, error) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", whole); err != nil {
		return nil, err
	}
	return &spec{paths: whole.(map[string]any)["paths"].(map[string]any), compiler: c, compiled: map[string]*jsonschema.Schema{}}, nil
})

// spec answers what an operation may answer.
type spec struct {
	paths    map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

var parameter = regexp.MustCompile(`\\\{\w+\\\}`)

// path finds the pattern of the description that a request is for, or "".
func (s *spec) path(path string) string {
	found := ""
	for pattern := range s.paths {
		form := "^" + parameter.ReplaceAllString(regexp.QuoteMeta(pattern), `[^/]+`) + "$"
		if regexp.MustCompile(form).MatchString(path) && (found == "" || !strings.Contains(pattern, "{")) {
			found = pattern
		}
	}
	return found
}

// check says what is wrong with an answer.
func (s *spec) check(method, pattern string, resp *http.Response, body []byte) error {
	operation, ok := s.paths[pattern].(map[string]any)[strings.ToLower(method)].(map[string]any)
	if !ok {
		return fmt.Errorf("the description has no such operation")
	}
	status := fmt.Sprint(resp.StatusCode)
	described, ok := operation["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		return fmt.Errorf("the description does not know status %s", status)
	}
	at := "/paths/" + escape(pattern) + "/" + strings.ToLower(method) + "/responses/" + status
	if ref, ok := described["$ref"].(string); ok {
		at = strings.TrimPrefix(ref, "#")
		described = map[string]any{"content": map[string]any{"application/json": true}}
	}
	content, ok := described["content"].(map[string]any)
	if !ok {
		if len(body) > 0 {
			return fmt.Errorf("the description knows no body for status %s", status)
		}
		return nil
	}
	media := resp.Header.Get("Content-Type")
	if content[media] == nil {
		return fmt.Errorf("the description does not know Content-Type %q for status %s", media, status)
	}
	if media != "application/json" {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	schema, err := s.schema(at + "/content/application~1json/schema")
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func (s *spec) schema(at string) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.compiled[at] != nil {
		return s.compiled[at], nil
	}
	schema, err := s.compiler.Compile("openapi.json#" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at))
	s.compiled[at] = schema
	return schema, err
}

func escape(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1") }

// conforming checks every answer to a described path against the description.
type conforming struct {
	t    *testing.T
	next http.RoundTripper
}

func (c conforming) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	s, err := description()
	if err != nil {
		return nil, err
	}
	pattern := s.path(req.URL.Path)
	unguarded := resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusForbidden && resp.StatusCode < 500
	described := req.Method == "GET" || req.Method == "POST" || req.Method == "DELETE"
	if pattern == "" || !unguarded && resp.StatusCode != http.StatusServiceUnavailable || !described || resp.Header.Get("Content-Type") == "text/event-stream" {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err := s.check(req.Method, pattern, resp, body); err != nil {
		c.t.Errorf("%s %s does not conform to openapi.yaml: %v\n%.2000s", req.Method, req.URL, err, body)
	}
	return resp, nil
}
