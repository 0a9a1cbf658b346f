package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// readJSON reads a request body that is one JSON value, and says precisely why if it is not.
func readJSON(r *http.Request) (json.RawMessage, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, invalid("Requires application/json payload: Content-Type is %.200q", r.Header.Get("Content-Type"))
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, invalid("Requires application/json payload in UTF-8: charset is %.60q", charset)
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, invalid("Requires application/json payload as it is: Content-Encoding is %.60q", coding)
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refuse(http.StatusRequestEntityTooLarge, "The request body is larger than the %d bytes allowed", large.Limit)
	case err != nil:
		return nil, invalid("The request body could not be read: %v", err)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, invalid("The request body must not be empty")
	case !utf8.Valid(body):
		return nil, invalid("Invalid JSON in body: it is not UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, syntaxProblem(body, err)
	}
	return raw, nil
}

// syntaxProblem adds the place to a syntax error: line and column, both from 1.
func syntaxProblem(body []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return invalid("Invalid JSON in body: %v", err)
	}
	at := min(max(syntax.Offset-1, 0), int64(len(body))) // the offset is behind the byte that was wrong
	if strings.HasPrefix(syntax.Error(), "unexpected end") {
		at = int64(len(body))
	}
	before := body[:at]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return invalid("Invalid JSON in body: line %d, column %d: %v", line, column, err)
}

// members reads an object whose members must be among known, each once and in exactly that spelling. Path is the object's place, "" for the body.
func members(path string, raw json.RawMessage, known ...string) (map[string]json.RawMessage, error) {
	if form(raw) != "an object" {
		return nil, invalid("%s must be an object, not %s", where(path), form(raw))
	}
	found := map[string]json.RawMessage{}
	err := unmarshalMembers(raw, func(name string, value json.RawMessage) error {
		if !slices.Contains(known, name) {
			return invalid("Unknown field %.200q: known are %s", join(path, name), strings.Join(known, ", "))
		}
		if _, twice := found[name]; twice {
			return invalid("Field %q is given twice", join(path, name))
		}
		found[name] = value
		return nil
	})
	return found, err
}

// text reads a string at path.
func text(path string, raw json.RawMessage) (string, error) {
	if form(raw) != "a string" {
		return "", invalid("%s must be a string, not %s", path, form(raw))
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("decode %s: %w", path, err)
	}
	if strings.ContainsRune(s, 0) {
		return "", invalid("%s must not contain a NUL character", path)
	}
	return s, nil
}

// list reads an array at path.
func list(path string, raw json.RawMessage) ([]json.RawMessage, error) {
	if form(raw) != "an array" {
		return nil, invalid("%s must be an array, not %s", path, form(raw))
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, fmt.Errorf("decode %s: %w", path, err)
	}
	return items, nil
}

// form names the kind of a valid JSON value by its first byte.
func form(raw json.RawMessage) string {
	switch raw = bytes.TrimSpace(raw); raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// where names an object by its path.
func where(path string) string {
	if path == "" {
		return "The body"
	}
	return path
}

// join is the path of a member.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
