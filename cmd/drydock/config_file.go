package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"gopkg.in/ini.v1"

	"drydock"
)

// unused are upstream's options, and those of the libraries that it configures by the same file, that belong to parts this program does not
// have. They are listed in the log and otherwise ignored, so that an existing drydock.conf works as it is. "*" stands for a whole group, or for the
// rest of it where some of it are options of ours; then those that look like ours are named after it.
var unused = map[string][]string{
	"DEFAULT":            {"*"},
	"database":           {"pool_pre_ping", "pool_timeout", "pool_overflow", "connection_recycle"},
	"logging":            {"global_logger_name", "oobdriver_logger_name", "nodedriver_logger_name", "kubernetesdriver_logger_name", "control_logger_name"},
	"networkconfig":      {"*"},
	"plugins":            {"*"},
	"timeouts":           {"*"},
	"maasdriver":         {"*"},
	"pyghmi_driver":      {"*"},
	"libvirt_driver":     {"*"},
	"redfish_driver":     {"*"},
	"keystone_authtoken": {"*", "auth_uri", "auth_version", "auth_section", "identity_uri", "admin_user", "admin_password", "service_type"},
	"oslo_policy":        {"*"},
}

// readConfigFile sets in c what the INI file says and returns the options that were ignored, as "[group] name". The dialect is that of
// oslo.config: comments on lines of their own, continued lines are indented, nothing is interpolated.
func readConfigFile(path string, c *config) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: configuration file: %w", drydock.ErrInvalid, err)
	}
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation: true, IgnoreInlineComment: true, AllowPythonMultilineValues: true,
	}, text)
	if err != nil {
		return nil, fmt.Errorf("%w: configuration file %s: %w", drydock.ErrInvalid, path, err)
	}
	var ignored []string
	for _, section := range file.Sections() {
		for _, key := range section.Keys() {
			group, name := section.Name(), key.Name()
			if o := findOption(group, name); o != nil {
				if err := o.set(c, o.split(key.Value())); err != nil {
					return nil, fmt.Errorf("%w: %s: [%s] %s: %w", drydock.ErrInvalid, path, group, name, err)
				}
				continue
			}
			if remedy := misspelt(group, name); remedy != "" {
				return nil, fmt.Errorf("%w: %s: there is no option %s in [%s]: %s", drydock.ErrInvalid, path, name, group, remedy)
			}
			ignored = append(ignored, "["+group+"] "+name)
		}
	}
	return ignored, nil
}

// readEnvironment sets in c what the environment says. Names in the convention of OpenStack services that are not ours are left alone, they
// belong to others; a misspelt DRYDOCK_ name is ErrInvalid.
func readEnvironment(env map[string]string, c *config) error {
	known := map[string]bool{"DRYDOCK_CONFIG_FILE": true}
	for i := range options {
		o := &options[i]
		names := append(slices.Clone(o.env), o.osName())
		for _, name := range names {
			known[name] = true
		}
		for _, name := range names {
			value, ok := env[name]
			if !ok || value == "" {
				continue
			}
			if err := o.set(c, o.split(value)); err != nil {
				return fmt.Errorf("%w: environment %s: %w", drydock.ErrInvalid, name, err)
			}
			break
		}
	}
	names := slices.Sorted(maps.Keys(known))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, "DRYDOCK_") || known[name] {
			continue
		}
		if near := nearest(name, names); near != "" {
			return fmt.Errorf("%w: environment %s: did you mean %s?", drydock.ErrInvalid, name, near)
		}
	}
	return nil
}

// split breaks a value of the file or the environment into the values that set wants.
func (o *option) split(value string) []string {
	if o.list {
		return strings.FieldsFunc(value+",", func(r rune) bool { return r == ',' || r == '\n' })
	}
	return []string{value}
}

func findOption(group, name string) *option {
	for i := range options {
		if options[i].group == group && (options[i].name == name || slices.Contains(options[i].also, name)) {
			return &options[i]
		}
	}
	return nil
}

// misspelt says what was probably meant by an option that is not ours. An empty answer means that it belongs to somebody else.
func misspelt(group, name string) string {
	others, shared := unused[group]
	ours := slices.ContainsFunc(options, func(o option) bool { return o.group == group })
	if shared && (slices.Contains(others, name) || others[0] == "*" && group != ini.DefaultSection && !ours) {
		return ""
	}
	var names, groups []string
	for i := range options {
		o := &options[i]
		// Other groups that are not ours may well have a password or a cafile too.
		if o.name == name && (o.group != keystoneGroup || ours || group == ini.DefaultSection) {
			return fmt.Sprintf("it belongs in [%s]", o.group)
		}
		groups = append(groups, o.group)
		if o.group == group {
			names = append(names, o.name)
		}
	}
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	switch {
	case shared && (others[0] == "*" || slices.Contains(others, name)):
		return ""
	case slices.Contains(groups, group):
		return fmt.Sprintf("it has %s", strings.Join(names, ", "))
	}
	if near := nearest(group, groups); near != "" {
		return fmt.Sprintf("there is no such group, did you mean [%s]?", near)
	}
	return ""
}

// nearest returns the name that is at most a third of its letters away from the given one, or nothing.
func nearest(name string, names []string) string {
	best, distance := "", len(name)/3+1
	for _, n := range names {
		if d := editDistance(strings.ToLower(name), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	return best
}

// editDistance is Levenshtein's: the least number of letters to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
