package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var schemePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// designRef turns what a user gives to -d into a design reference: anything with a scheme is one already, anything else is the path of a file
// here, which becomes an absolute, percent-encoded file:// reference. The server reads it, so a file that is not here is an error only if the
// server is surely on this machine.
func designRef(arg, serverURL string) (string, error) {
	if arg == "" || isReference(arg) {
		return arg, nil
	}
	path, err := filepath.Abs(arg)
	if err != nil {
		return "", fmt.Errorf("design %s: %w", arg, err)
	}
	if server, err := url.Parse(serverURL); err == nil && loopback(server.Hostname()) {
		switch info, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			return "", usageError{fmt.Sprintf("-d %s: there is no such file, and it is no reference with a scheme such as https:// either", arg)}
		case err == nil && info.IsDir():
			return "", usageError{fmt.Sprintf("-d %s is a folder; name the file with the design", arg)}
		}
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String(), nil
}

// isReference reports whether an argument is a design reference rather than the path of a file: whether it has a scheme.
func isReference(arg string) bool {
	return schemePattern.MatchString(arg) || strings.HasPrefix(strings.ToLower(arg), "file:/")
}

// nodeFilter builds the filter that upstream's command line documents: the nodes that are named, or in a named rack, or have one of the tags.
// Without any selector there is no filter, which means all nodes.
func nodeFilter(nodes, racks, tags []string) json.RawMessage {
	nodes, racks, tags = trimmed(nodes), trimmed(racks), trimmed(tags)
	if len(nodes)+len(racks)+len(tags) == 0 {
		return nil
	}
	type element struct {
		Type  string   `json:"filter_type"`
		Nodes []string `json:"node_names"`
		Racks []string `json:"rack_names"`
		Tags  []string `json:"node_tags,omitempty"`
	}
	text, err := json.Marshal(struct {
		Type string    `json:"filter_set_type"`
		Set  []element `json:"filter_set"`
	}{"intersection", []element{{"union", nodes, racks, tags}}})
	if err != nil {
		panic(err) // strings always marshal
	}
	return text
}

// trimmed splits at commas and drops what is empty. The result is never nil.
func trimmed(values []string) []string {
	list := []string{}
	for _, v := range values {
		for _, s := range strings.Split(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
	}
	return list
}
