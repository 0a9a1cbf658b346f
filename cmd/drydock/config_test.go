package main

import (
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"drydock"
)

var update = flag.Bool("update", false, "rewrite golden files and the sample configuration")

// TestConfig is the table of sources and their order: default, file, environment, flags.
func TestConfig(t *testing.T) {
	root := t.TempDir()
	for _, c := range []struct {
		name  string
		file  string
		env   map[string]string
		flags map[string][]string
		want  func(c *config)
		notes string
		err   string // a part of the error's text; empty: none
		kind  error  // of the error; nil: ErrInvalid
	}{
		{name: "nothing set", want: func(*config) {}},
		{name: "no retries", file: "[network]\nhttp_client_retries = 0\n", want: func(c *config) { c.Tries = 0 }}, // serve makes one try of it
		{
			name: "an existing file of upstream",
			file: "[DEFAULT]\npoll_interval = 10\nleader_grace_period = 300\n[database]\n" +
				"database_connect_string = postgresql+psycopg2://drydock:p%(a)s#;s@db:5432/drydock\npool_size = 15\npool_overflow = 10\n" +
				"[logging]\nlog_level = DEBUG\nglobal_logger_name = drydock\n[network]\nhttp_client_read_timeout = 20\n" +
				"[plugins]\noob_driver = a.b.C,\n    d.e.F\n[keystone_authtoken]\nusername = drydock\n[cors]\nallowed_origin = x\n",
			want: func(c *config) {
				c.Database, c.PoolSize = "postgresql+psycopg2://drydock:p%(a)s#;s@db:5432/drydock", 15
				c.LogLevel, c.ReadTimeout = slog.LevelDebug, 20*time.Second
			},
			notes: "[DEFAULT] poll_interval, [DEFAULT] leader_grace_period, [database] pool_overflow, [logging] global_logger_name, " +
				"[plugins] oob_driver, [keystone_authtoken] username, [cors] allowed_origin",
		},
		{
			name:  "environment over file, flag over environment",
			file:  "[orchestrator]\nlease_ttl = 20s\nconcurrency = 2\n[api]\nlisten = 127.0.0.1:1\n",
			env:   map[string]string{"DRYDOCK_LEASE_TTL": "30", "OS_ORCHESTRATOR__CONCURRENCY": "8", "OS_API__LISTEN": "127.0.0.1:2"},
			flags: map[string][]string{"listen": {"127.0.0.1:3"}},
			want:  func(c *config) { c.LeaseTTL, c.Concurrency, c.Listen = 30*time.Second, 8, "127.0.0.1:3" },
		},
		{
			name: "the short name wins over the long one, and the newer over upstream's",
			env: map[string]string{
				"DRYDOCK_DATABASE": "sqlite:a.db", "DRYDOCK_DB_URL": "sqlite:b.db", "OS_DATABASE__DATABASE_CONNECT_STRING": "sqlite:c.db",
			},
			want: func(c *config) { c.Database = "sqlite:a.db" },
		},
		{
			name: "lists: commas and lines in a file, repetition on the command line",
			file: "[design]\nroots = " + root + ",\n  .\n[orchestrator]\naction_concurrency = noop=1, deploy_nodes = 2\n",
			want: func(c *config) {
				c.DesignRoots = []string{root, "."}
				c.ActionConcurrency = map[drydock.Action]int{"noop": 1, "deploy_nodes": 2}
			},
		},
		{
			name:  "a flag replaces a list",
			env:   map[string]string{"DRYDOCK_DESIGN_ROOT": "."},
			flags: map[string][]string{"design-root": {root, "a,b"}},
			err:   "--design-root a,b is not a folder",
		},
		{name: "switches", env: map[string]string{"DRYDOCK_NO_MIGRATE": "yes"}, want: func(c *config) { c.NoMigrate = true }},
		{name: "variables of others", env: map[string]string{"OS_NOVA__HOST": "x", "OS_USERNAME": "y", "DRYDOCK_TEST_POSTGRES": "z"}, want: func(*config) {}},

		{name: "misspelt option", file: "[database]\ndatabase_conect_string = x\n", err: "did you mean database_connect_string?"},
		{name: "misspelt group", file: "[orchestratr]\nfoo = x\n", err: "did you mean [orchestrator]?"},
		{name: "wrong group", file: "[DEFAULT]\nlease_ttl = 3\n", err: "it belongs in [orchestrator]"},
		{name: "unknown option of a group of ours", file: "[api]\nworkers = 4\n", err: "it has listen, insecure_no_auth"},
		{name: "misspelt variable", env: map[string]string{"DRYDOCK_LEASE_TLL": "3s"}, err: "did you mean DRYDOCK_LEASE_TTL?"},
		{name: "bad duration", env: map[string]string{"DRYDOCK_LEASE_TTL": "soon"}, err: `environment DRYDOCK_LEASE_TTL: "soon" is not a duration`},
		{name: "bad level", file: "[logging]\nlog_level = LOUD\n", err: `[logging] log_level: "LOUD" is not one of`},
		{name: "bad format", flags: map[string][]string{"log-format": {"xml"}}, err: "neither text nor json"},
		{name: "bad switch", file: "[database]\nno_migrate = maybe\n", err: "neither true nor false"},
		{name: "empty URL", flags: map[string][]string{"database": {""}}, err: "--database: must not be empty"},
		{name: "not an INI file", file: "hello\n", err: "configuration file"},
		{name: "lease too short", flags: map[string][]string{"lease-ttl": {"10ms"}}, err: "between 1s and 1h"},
		{name: "no concurrency", flags: map[string][]string{"concurrency": {"0"}}, err: "between 1 and 1000"},
		{name: "more for one action than for all", flags: map[string][]string{"concurrency-action": {"noop=9"}}, err: "noop=9: must be between 1 and --concurrency, which is 4"},
		{name: "action without number", flags: map[string][]string{"concurrency-action": {"noop"}}, err: "is not ACTION=N"},
		{name: "address without port", flags: map[string][]string{"listen": {"127.0.0.1"}}, err: "is not HOST:PORT"},
		{name: "all addresses", flags: map[string][]string{"listen": {":9000"}}, err: "there is no authentication yet", kind: drydock.ErrDenied},
		{name: "a name that could be anywhere", flags: map[string][]string{"listen": {"drydock.example:9000"}}, err: "--insecure-no-auth", kind: drydock.ErrDenied},
		{
			name:  "all addresses, wanted",
			flags: map[string][]string{"listen": {"0.0.0.0:9000"}, "insecure-no-auth": {"true"}},
			want:  func(c *config) { c.Listen, c.InsecureNoAuth = "0.0.0.0:9000", true },
		},
		{name: "loopback by IPv6", flags: map[string][]string{"listen": {"[::1]:9000"}}, want: func(c *config) { c.Listen = "[::1]:9000" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := source{lookup: c.env, flags: c.flags}
			if c.file != "" {
				src.file = filepath.Join(t.TempDir(), "drydock.conf")
				if err := os.WriteFile(src.file, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, notes, err := loadConfig(src)
			if c.err != "" {
				kind := c.kind
				if kind == nil {
					kind = drydock.ErrInvalid
				}
				if err == nil || !strings.Contains(err.Error(), c.err) || !errors.Is(err, kind) {
					t.Fatalf("error %v, want %v with %q", err, kind, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := defaultConfig()
			c.want(&want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if list := strings.Join(notes, ", "); list != c.notes {
				t.Errorf("ignored %s\nwant    %s", list, c.notes)
			}
		})
	}
}

func TestConfigFileMissing(t *testing.T) {
	if _, _, err := loadConfig(source{file: filepath.Join(t.TempDir(), "none.conf")}); err == nil || exitCode(err) != exitUsage {
		t.Errorf("error %v with exit code %d, want one about the file with exit code %d", err, exitCode(err), exitUsage)
	}
}

// TestSample checks that the sample lists every option, and that reading it changes nothing.
func TestSample(t *testing.T) {
	const path = "../../docs/drydock.conf.sample"
	want := sampleConfig()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Errorf("%s is not what the options say; renew it with: go test ./cmd/drydock -run TestSample -update", path)
	}
	got, notes, err := loadConfig(source{file: path})
	if err != nil || len(notes) > 0 {
		t.Fatalf("read the sample: %v, ignored %v", err, notes)
	}
	if !reflect.DeepEqual(got, defaultConfig()) {
		t.Errorf("the sample says %+v\nthe default is %+v", got, defaultConfig())
	}
}

// sampleConfig writes the sample from the table of options.
func sampleConfig() string {
	var b strings.Builder
	b.WriteString("# Every option of drydock serve, with its default. Flags win over environment variables, these over this file.\n" +
		"# Made from the table in cmd/drydock/option.go.\n")
	c, group := defaultConfig(), ""
	for i := range options {
		o := &options[i]
		if o.group != group {
			group = o.group
			b.WriteString("\n[" + group + "]\n")
		}
		b.WriteString("\n# " + o.help + "\n# environment: " + strings.Join(append(o.env, o.osName()), " or "))
		if o.flag != "" {
			b.WriteString("; flag: --" + o.flag)
		}
		b.WriteString("\n" + strings.TrimRight(o.name+" = "+o.get(&c), " ") + "\n")
	}
	return b.String()
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"listen", "silent", 4}, {"ttl", "tll", 1}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
