package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"drydock"
)

// option is one setting and all its names: [group] name in the file, OS_<GROUP>__<NAME> and env in the environment, flag on the command line.
// The table below is the only list of settings; the file reader, the environment, the flags and the sample file are driven by it.
type option struct {
	group, name string
	also        []string // older names in the file
	env         []string // short names, the first one wins
	flag        string   // empty: no flag
	value       string   // placeholder for help; empty: a switch
	list        bool     // commas separate in the file and the environment; the flag can be repeated
	help        string
	set         func(c *config, values []string) error // values has at least one element, more only for lists
	get         func(c *config) string                 // as it would be written in the file
}

// osName is the option's name in the environment by the convention of OpenStack services.
func (o *option) osName() string {
	return "OS_" + strings.ToUpper(o.group) + "__" + strings.ToUpper(o.name)
}

// options are the settings of serve, in the order of the sample file. Groups and names are upstream's where upstream has the setting.
var options = slices.Concat(serveOptions, keystoneOptions)

var serveOptions = []option{
	{
		group: "database", name: "database_connect_string", env: []string{"DRYDOCK_DATABASE", "DRYDOCK_DB_URL"}, flag: "database", value: "URL",
		help: "where the state is kept: sqlite:PATH, postgres://…, postgresql://… or postgresql+psycopg2://…",
		set:  func(c *config, v []string) error { return setText(&c.Database, v) },
		get:  func(c *config) string { return c.Database },
	},
	{
		group: "database", name: "pool_size", env: []string{"DRYDOCK_POOL_SIZE"},
		help: "database connections at most; 0 leaves the choice to the program. SQLite always has one writer",
		set:  func(c *config, v []string) error { return setCount(&c.PoolSize, v) },
		get:  func(c *config) string { return strconv.Itoa(c.PoolSize) },
	},
	{
		group: "database", name: "no_migrate", env: []string{"DRYDOCK_NO_MIGRATE"}, flag: "no-migrate",
		help: "do not bring the database up to date at the start; refuse to serve if it is not",
		set:  func(c *config, v []string) error { return setSwitch(&c.NoMigrate, v) },
		get:  func(c *config) string { return strconv.FormatBool(c.NoMigrate) },
	},
	{
		group: "api", name: "listen", env: []string{"DRYDOCK_LISTEN"}, flag: "listen", value: "HOST:PORT",
		help: "address to listen on; beyond loopback only with --insecure-no-auth",
		set:  func(c *config, v []string) error { return setText(&c.Listen, v) },
		get:  func(c *config) string { return c.Listen },
	},
	{
		group: "api", name: "insecure_no_auth", env: []string{"DRYDOCK_INSECURE_NO_AUTH"}, flag: "insecure-no-auth",
		help: "allow --listen beyond loopback although nobody is asked who they are",
		set:  func(c *config, v []string) error { return setSwitch(&c.InsecureNoAuth, v) },
		get:  func(c *config) string { return strconv.FormatBool(c.InsecureNoAuth) },
	},
	{
		group: "design", name: "roots", env: []string{"DRYDOCK_DESIGN_ROOT"}, flag: "design-root", value: "DIR", list: true,
		help: "folder that file:// design references may point into; the flag can be repeated",
		set:  func(c *config, v []string) error { return setList(&c.DesignRoots, v) },
		get:  func(c *config) string { return strings.Join(c.DesignRoots, ",") },
	},
	{
		group: "design", name: "key_file", env: []string{"DRYDOCK_DESIGN_KEY_FILE"}, flag: "design-key-file", value: "PATH",
		help: "key that the secrets of design references are sealed with: 32 bytes in hexadecimal, the same on every server, readable by its owner only; " +
			"default: made beside an SQLite file when it is needed, none on PostgreSQL",
		set: func(c *config, v []string) error { return setOptional(&c.DesignKeyFile, v) },
		get: func(c *config) string { return c.DesignKeyFile },
	},
	{
		group: "design", name: "max_upload", env: []string{"DRYDOCK_MAX_UPLOAD"},
		help: "bytes of documents that a client may bring at once; K, M and G are understood",
		set:  func(c *config, v []string) error { return setByteCount(&c.MaxUpload, v) },
		get:  func(c *config) string { return byteCount(c.MaxUpload) },
	},
	{
		group: "design", name: "max_stored", env: []string{"DRYDOCK_MAX_STORED"},
		help: "bytes of all documents that were brought; beyond it the longest unused that no task refers to make room",
		set:  func(c *config, v []string) error { return setByteCount(&c.MaxStored, v) },
		get:  func(c *config) string { return byteCount(c.MaxStored) },
	},
	{
		group: "design", name: "allow", env: []string{"DRYDOCK_DESIGN_ALLOW"}, flag: "allow-design", value: "SCHEME=RULE", list: true,
		help: "host that references of a scheme may lead to: public, any, a CIDR, HOST[:PORT], *.SUFFIX[:PORT] or catalog (what Keystone knows); the flag can be repeated; " +
			"lines that are given replace all of the default, an empty value allows no host. Link-local and metadata addresses are always refused",
		set: func(c *config, v []string) error { c.DesignAllow = trimmed(v); return nil },
		get: func(c *config) string { return strings.Join(c.DesignAllow, ",") },
	},
	{
		group: "design", name: "ca_file", env: []string{"DRYDOCK_DESIGN_CA_FILE"},
		help: "PEM file with certificate authorities that are trusted for designs beside those of the system",
		set:  func(c *config, v []string) error { return setOptional(&c.CAFile, v) },
		get:  func(c *config) string { return c.CAFile },
	},
	{
		group: "design", name: "cert_file", env: []string{"DRYDOCK_DESIGN_CERT_FILE"},
		help: "PEM file with the certificate that is shown to hosts that serve designs; needs cert_key_file",
		set:  func(c *config, v []string) error { return setOptional(&c.CertFile, v) },
		get:  func(c *config) string { return c.CertFile },
	},
	{
		group: "design", name: "cert_key_file", env: []string{"DRYDOCK_DESIGN_CERT_KEY_FILE"},
		help: "PEM file with the key of cert_file",
		set:  func(c *config, v []string) error { return setOptional(&c.CertKeyFile, v) },
		get:  func(c *config) string { return c.CertKeyFile },
	},
	{
		group: "design", name: "max_bytes", env: []string{"DRYDOCK_DESIGN_MAX_BYTES"},
		help: "bytes of a design, also when decompressed; a larger one is refused. K, M and G are understood",
		set:  func(c *config, v []string) error { return setByteCount(&c.MaxBytes, v) },
		get:  func(c *config) string { return byteCount(c.MaxBytes) },
	},
	{
		group: "design", name: "deadline", env: []string{"DRYDOCK_DESIGN_DEADLINE"},
		help: "how long getting a design may take altogether, with all tries and pauses",
		set:  func(c *config, v []string) error { return setDuration(&c.Deadline, v) },
		get:  func(c *config) string { return c.Deadline.String() },
	},
	{
		group: "design", name: "cache_bytes", env: []string{"DRYDOCK_DESIGN_CACHE_BYTES"},
		help: "bytes of designs that are kept in memory, to be confirmed by their source or, if they can never change, used again; 0 keeps none",
		set:  func(c *config, v []string) error { return setByteCountOrNone(&c.CacheBytes, v) },
		get:  func(c *config) string { return byteCount(c.CacheBytes) },
	},
	{
		group: "design", name: "cache_age", env: []string{"DRYDOCK_DESIGN_CACHE_AGE"},
		help: "how long a design that can never change is used without asking its source again; 0: for ever",
		set:  func(c *config, v []string) error { return setDurationOrNone(&c.CacheAge, v) },
		get:  func(c *config) string { return c.CacheAge.String() },
	},
	{
		group: "design", name: "serve_stale", env: []string{"DRYDOCK_DESIGN_SERVE_STALE"},
		help: "for how long after its last confirmation a design still serves while its source is unavailable, marked as stale on the task; 0: not at all",
		set:  func(c *config, v []string) error { return setDurationOrNone(&c.ServeStale, v) },
		get:  func(c *config) string { return c.ServeStale.String() },
	},
	{
		group: "design", name: "break_after", env: []string{"DRYDOCK_DESIGN_BREAK_AFTER"},
		help: "failures in a row after which a host is left alone for a while; 0: never",
		set:  func(c *config, v []string) error { return setCount(&c.BreakAfter, v) },
		get:  func(c *config) string { return strconv.Itoa(c.BreakAfter) },
	},
	{
		group: "design", name: "break_for", env: []string{"DRYDOCK_DESIGN_BREAK_FOR"},
		help: "for about how long it is left alone",
		set:  func(c *config, v []string) error { return setDuration(&c.BreakFor, v) },
		get:  func(c *config) string { return c.BreakFor.String() },
	},
	{
		group: "network", name: "http_client_connect_timeout", env: []string{"DRYDOCK_HTTP_CONNECT_TIMEOUT"},
		help: "seconds to reach a host that serves designs",
		set:  func(c *config, v []string) error { return setDuration(&c.ConnectTimeout, v) },
		get:  func(c *config) string { return seconds(c.ConnectTimeout) },
	},
	{
		group: "network", name: "http_client_read_timeout", env: []string{"DRYDOCK_HTTP_READ_TIMEOUT"},
		help: "seconds of silence after which such a host is given up",
		set:  func(c *config, v []string) error { return setDuration(&c.ReadTimeout, v) },
		get:  func(c *config) string { return seconds(c.ReadTimeout) },
	},
	{
		group: "network", name: "http_client_retries", env: []string{"DRYDOCK_HTTP_RETRIES"},
		help: "how often such a host is asked at most, the first time included",
		set:  func(c *config, v []string) error { return setCount(&c.Tries, v) },
		get:  func(c *config) string { return strconv.Itoa(c.Tries) },
	},
	{
		group: "bootactions", name: "report_url", env: []string{"DRYDOCK_REPORT_URL"},
		help: "address that nodes are told to report their boot actions to, as they reach this service: http://HOST:PORT/api/v1.0/bootactions/",
		set:  func(c *config, v []string) error { return setText(&c.ReportURL, v) },
		get:  func(c *config) string { return c.ReportURL },
	},
	{
		group: "orchestrator", name: "orchestrator", env: []string{"DRYDOCK_ORCHESTRATOR"}, flag: "orchestrator", value: "on|off|auto",
		help: "on: campaign for the lease and run tasks; off: serve only; auto: off in a database that upstream made, else on",
		set: func(c *config, v []string) error {
			if mode := v[len(v)-1]; mode != "on" && mode != "off" && mode != "auto" {
				return fmt.Errorf("%q is neither on, off nor auto", mode)
			}
			return setText(&c.Orchestrator, v)
		},
		get: func(c *config) string { return c.Orchestrator },
	},
	{
		group: "orchestrator", name: "lease_ttl", env: []string{"DRYDOCK_LEASE_TTL"}, flag: "lease-ttl", value: "DURATION",
		help: "how long a leader that is not heard of still leads; after a crash another server takes over within this time",
		set:  func(c *config, v []string) error { return setDuration(&c.LeaseTTL, v) },
		get:  func(c *config) string { return c.LeaseTTL.String() },
	},
	{
		group: "orchestrator", name: "concurrency", env: []string{"DRYDOCK_CONCURRENCY"}, flag: "concurrency", value: "N",
		help: "tasks that run at the same time",
		set:  func(c *config, v []string) error { return setCount(&c.Concurrency, v) },
		get:  func(c *config) string { return strconv.Itoa(c.Concurrency) },
	},
	{
		group: "orchestrator", name: "action_concurrency", env: []string{"DRYDOCK_ACTION_CONCURRENCY"}, flag: "concurrency-action", value: "ACTION=N",
		list: true, help: "a lower limit for one action; the flag can be repeated",
		set: setActions,
		get: getActions,
	},
	{
		group: "logging", name: "log_level", env: []string{"DRYDOCK_LOG_LEVEL"}, flag: "log-level", value: "LEVEL",
		help: "DEBUG, INFO, WARNING or ERROR",
		set:  setLevel,
		get:  func(c *config) string { return levelName(c.LogLevel) },
	},
	{
		group: "logging", name: "log_format", env: []string{"DRYDOCK_LOG_FORMAT"}, flag: "log-format", value: "text|json",
		help: "form of a log line",
		set: func(c *config, v []string) error {
			if v[0] != "text" && v[0] != "json" {
				return fmt.Errorf("%q is neither text nor json", v[0])
			}
			return setText(&c.LogFormat, v)
		},
		get: func(c *config) string { return c.LogFormat },
	},
}

func setText(to *string, v []string) error {
	text := strings.TrimSpace(v[len(v)-1])
	if text == "" {
		return errors.New("must not be empty")
	}
	*to = text
	return nil
}

func setList(to *[]string, v []string) error {
	list := make([]string, 0, len(v))
	for _, s := range v {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return errors.New("must not be empty")
	}
	*to = list
	return nil
}

func setCount(to *int, v []string) error {
	n, err := strconv.Atoi(strings.TrimSpace(v[len(v)-1]))
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of 0 or more", v[len(v)-1])
	}
	*to = n
	return nil
}

// setSwitch understands what upstream's configuration files may hold.
func setSwitch(to *bool, v []string) error {
	switch strings.ToLower(strings.TrimSpace(v[len(v)-1])) {
	case "true", "1", "on", "yes":
		*to = true
	case "false", "0", "off", "no":
		*to = false
	default:
		return fmt.Errorf("%q is neither true nor false", v[len(v)-1])
	}
	return nil
}

// setDuration reads 15s, 2m30s, or a bare number of seconds, which is how upstream writes them.
func setDuration(to *time.Duration, v []string) error {
	text := strings.TrimSpace(v[len(v)-1])
	d, err := time.ParseDuration(text)
	if n, numErr := strconv.ParseFloat(text, 64); numErr == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err != nil || d <= 0 || d > 366*24*time.Hour {
		return fmt.Errorf("%q is not a duration such as 15s, 2m or a number of seconds", text)
	}
	*to = d
	return nil
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

func setActions(c *config, v []string) error {
	limits := map[drydock.Action]int{}
	for _, s := range v {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		action, count, ok := strings.Cut(s, "=")
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if action = strings.TrimSpace(action); !ok || err != nil || action == "" {
			return fmt.Errorf("%q is not ACTION=N", s)
		}
		limits[drydock.Action(action)] = n
	}
	c.ActionConcurrency = nil
	if len(limits) > 0 {
		c.ActionConcurrency = limits
	}
	return nil
}

func getActions(c *config) string {
	var list []string
	for _, action := range slices.Sorted(maps.Keys(c.ActionConcurrency)) {
		list = append(list, fmt.Sprintf("%s=%d", action, c.ActionConcurrency[action]))
	}
	return strings.Join(list, ",")
}

// levels are the names that Python's logging knows, and slog's.
var levels = map[string]slog.Level{
	"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARNING": slog.LevelWarn, "WARN": slog.LevelWarn,
	"ERROR": slog.LevelError, "CRITICAL": slog.LevelError,
}

func setLevel(c *config, v []string) error {
	level, ok := levels[strings.ToUpper(strings.TrimSpace(v[len(v)-1]))]
	if !ok {
		return fmt.Errorf("%q is not one of DEBUG, INFO, WARNING, ERROR", v[len(v)-1])
	}
	c.LogLevel = level
	return nil
}

func levelName(l slog.Level) string {
	if l == slog.LevelWarn {
		return "WARNING"
	}
	return l.String()
}
