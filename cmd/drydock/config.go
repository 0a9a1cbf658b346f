package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"drydock"
	"drydock/asset"
	"drydock/design"
	"drydock/keystone"
	"drydock/reference"
)

// config is everything that can be set for serve and migrate. It is made by loadConfig and not changed afterwards; rooms receive plain values
// from it through their constructors.
type config struct {
	Database  string // store URL: sqlite:PATH, postgres://…, postgresql://…, postgresql+psycopg2://…
	PoolSize  int    // database connections; 0: the store's choice
	NoMigrate bool

	Listen         string // HOST:PORT
	InsecureNoAuth bool   // may listen beyond loopback although nobody is asked for a token

	DesignKeyFile string // key that secrets of references are sealed with; empty: beside an SQLite file, else none
	MaxUpload     int64  // bytes of documents that are brought at once
	MaxStored     int64  // bytes of all such documents together

	DesignRoots    []string      // folders that file:// references may point into
	DesignAllow    []string      // policy: hosts that other references may lead to, scheme by scheme
	CAFile         string        // authorities beside the system's; empty: none
	CertFile       string        // certificate to show to hosts that serve designs; empty: none
	CertKeyFile    string        // its key
	MaxBytes       int64         // of a design
	Deadline       time.Duration // to get one, altogether
	CacheBytes     int64         // of designs kept; 0: none
	CacheAge       time.Duration // of those that can never change; 0: for ever
	ServeStale     time.Duration // since the last confirmation; 0: not at all
	BreakAfter     int           // failures in a row; 0: never
	BreakFor       time.Duration
	ConnectTimeout time.Duration // to a host that serves designs
	ReadTimeout    time.Duration // longest silence of such a host
	Tries          int           // of such a fetch, the first included; 0 is taken for 1

	Keystone  keystone.Options // without AuthURL there is none
	ReportURL string           // that nodes report their boot actions to

	Orchestrator      string // on, off, or auto: off in a database that upstream made
	LeaseTTL          time.Duration
	Concurrency       int
	ActionConcurrency map[drydock.Action]int // lower limits for single actions

	LogLevel  slog.Level
	LogFormat string // text or json
}

// defaultConfig is what serve does when nothing is set.
func defaultConfig() config {
	return config{
		Database:       "sqlite:drydock.db",
		Listen:         "127.0.0.1:9000",
		MaxUpload:      drydock.MaxDesign,
		MaxStored:      drydock.MaxDesigns,
		DesignRoots:    []string{"."},
		DesignAllow:    reference.DefaultPolicy(),
		MaxBytes:       design.MaxBytes,
		Deadline:       10 * time.Minute,
		CacheBytes:     256 << 20,
		BreakAfter:     5,
		BreakFor:       30 * time.Second,
		ConnectTimeout: 16 * time.Second,
		ReadTimeout:    300 * time.Second,
		Tries:          3,
		Keystone: keystone.Options{
			Interfaces: []string{"internal"}, ConnectTimeout: 5 * time.Second, RequestTimeout: 20 * time.Second, Tries: 4,
		},
		ReportURL:    asset.DefaultReportURL,
		Orchestrator: "auto",
		LeaseTTL:     15 * time.Second,
		Concurrency:  4,
		LogLevel:     slog.LevelInfo,
		LogFormat:    "text",
	}
}

// source is where settings come from besides the defaults.
type source struct {
	file   string              // INI file; empty: none
	lookup map[string]string   // environment
	flags  map[string][]string // flag name → values as given, only those that were given
}

// loadConfig applies the defaults, the file, the environment and the flags in this order and validates the result. The notes name what the
// file sets and this program does not use. Errors are ErrInvalid and name the place, or ErrDenied for an open door.
func loadConfig(src source) (config, []string, error) {
	c := defaultConfig()
	var notes []string
	if src.file != "" {
		var err error
		if notes, err = readConfigFile(src.file, &c); err != nil {
			return config{}, nil, err
		}
	}
	if err := readEnvironment(src.lookup, &c); err != nil {
		return config{}, nil, err
	}
	for i := range options {
		o := &options[i]
		values, given := src.flags[o.flag]
		if o.flag == "" || !given {
			continue
		}
		if err := o.set(&c, values); err != nil {
			return config{}, nil, fmt.Errorf("%w: --%s: %w", drydock.ErrInvalid, o.flag, err)
		}
	}
	return c, notes, c.validate()
}

// validate checks what no single option can see. It returns ErrInvalid or ErrDenied.
func (c *config) validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("%w: --listen %q is not HOST:PORT", drydock.ErrInvalid, c.Listen)
	}
	if !c.InsecureNoAuth && !loopback(host) {
		return fmt.Errorf("%w: --listen %s: there is no authentication yet, so whoever reaches this address could create and terminate tasks; "+
			"listen on 127.0.0.1 or [::1], or add --insecure-no-auth if the network in front of it is trusted", drydock.ErrDenied, c.Listen)
	}
	if c.LeaseTTL < time.Second || c.LeaseTTL > time.Hour {
		return fmt.Errorf("%w: --lease-ttl %s: must be between 1s and 1h", drydock.ErrInvalid, c.LeaseTTL)
	}
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		return fmt.Errorf("%w: --concurrency %d: must be between 1 and 1000", drydock.ErrInvalid, c.Concurrency)
	}
	if c.Tries < 0 || c.Tries > 100 {
		return fmt.Errorf("%w: [network] http_client_retries %d: must be between 0 and 100", drydock.ErrInvalid, c.Tries)
	}
	if c.MaxUpload > c.MaxStored {
		return fmt.Errorf("%w: [design] max_upload %d is more than max_stored, which is %d", drydock.ErrInvalid, c.MaxUpload, c.MaxStored)
	}
	for action, n := range c.ActionConcurrency {
		if n < 1 || n > c.Concurrency {
			return fmt.Errorf("%w: --concurrency-action %s=%d: must be between 1 and --concurrency, which is %d",
				drydock.ErrInvalid, action, n, c.Concurrency)
		}
	}
	for _, root := range c.DesignRoots {
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			return fmt.Errorf("%w: --design-root %s is not a folder", drydock.ErrInvalid, root)
		}
	}
	if c.MaxBytes > design.MaxBytes {
		return fmt.Errorf("%w: [design] max_bytes %s: more than %s cannot be checked", drydock.ErrInvalid, byteCount(c.MaxBytes), byteCount(design.MaxBytes))
	}
	if _, err := reference.ParsePolicy(c.DesignAllow); err != nil {
		return fmt.Errorf("[design] allow (--allow-design): %w", err)
	}
	_, err = c.designTLS()
	return err
}

// designRoots returns the roots as absolute paths.
func (c *config) designRoots() ([]string, error) {
	abs := make([]string, 0, len(c.DesignRoots))
	for _, root := range c.DesignRoots {
		path, err := filepath.Abs(root)
		if err != nil {
			return nil, fmt.Errorf("design root %s: %w", root, err)
		}
		abs = append(abs, path)
	}
	return abs, nil
}

// loopback reports whether only this machine can reach host. Names other than localhost are not looked up: what they resolve to may change.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
