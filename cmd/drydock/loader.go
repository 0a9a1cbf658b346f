package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"drydock"
	"drydock/asset"
	"drydock/design"
	"drydock/reference"
	"drydock/site"
	"drydock/store"
)

// sources are where designs come from besides the network and the files of this machine; the zero value has none.
type sources struct {
	stored reference.GetStored
	vault  *reference.Vault
}

// ways are what references are followed by. Designs and the assets of boot actions have them in common.
type ways struct {
	cfg    config
	from   sources
	roots  []string
	policy *reference.Policy
	tokens reference.Tokens // nil: Keystone is not configured
	secure *tls.Config
	log    *slog.Logger
}

func newWays(cfg config, roots []string, from sources, log *slog.Logger) (*ways, error) {
	w := &ways{cfg: cfg, from: from, roots: roots, log: log}
	var err error
	if w.policy, err = reference.ParsePolicy(cfg.DesignAllow); err != nil {
		return nil, err
	}
	if w.tokens, err = newTokens(cfg, log); err != nil {
		return nil, err
	}
	if w.tokens != nil {
		w.policy.Catalog = reference.CatalogOf(w.tokens)
	}
	w.secure, err = cfg.designTLS()
	return w, err
}

// designs returns the resolver of design references.
func (w *ways) designs() *reference.Resolver {
	return w.resolver(false, reference.ResolverOptions{CacheBytes: orNever(w.cfg.CacheBytes), CacheAge: w.cfg.CacheAge, Stale: w.cfg.ServeStale})
}

// assets returns the resolver of the locations that boot actions name. They may hold anything, and must be of now: the script by which a node joins a
// cluster is another one every time.
func (w *ways) assets() *reference.Resolver {
	return w.resolver(true, reference.ResolverOptions{CacheBytes: -1})
}

// resolver builds the table of the schemes.
func (w *ways) resolver(anyContent bool, o reference.ResolverOptions) *reference.Resolver {
	cfg := &w.cfg
	web := reference.FetchHTTP(reference.HTTPOptions{
		Policy: w.policy, ConnectTimeout: cfg.ConnectTimeout, ReadTimeout: cfg.ReadTimeout, MaxBytes: cfg.MaxBytes, TLS: w.secure,
		UserAgent: "drydock/" + version, AnyContent: anyContent,
	})
	service := reference.FetchService(reference.ServiceOptions{HTTP: web, Tokens: w.tokens})
	fetchers := map[string]reference.Fetcher{
		"file": reference.FetchFile(w.roots, cfg.MaxBytes), "http": web, "https": web,
		"deckhand+http": service, "deckhand+https": service, "promenade+http": service, "promenade+https": service,
	}
	if w.from.stored != nil {
		fetchers[reference.SchemeStored] = reference.FetchStored(w.from.stored)
	}
	o.Tries, o.Deadline, o.MaxBytes, o.BreakAfter, o.BreakFor = max(cfg.Tries, 1), cfg.Deadline, cfg.MaxBytes, orNever(cfg.BreakAfter), cfg.BreakFor
	o.Logger, o.Vault = w.log, w.from.vault
	return reference.NewResolver(fetchers, o)
}

// orNever says in the words of the resolver that 0 is meant.
func orNever[N int | int64](n N) N {
	if n == 0 {
		return -1
	}
	return n
}

// designRoom is what serve has of designs.
type designRoom struct {
	loader *design.Loader   // turns references into checked sites
	refs   *reference.Guard // guards references on their way into the database
	assets *reference.Resolver
}

func newDesignRoom(cfg config, roots []string, db *store.Store, log *slog.Logger) (*designRoom, error) {
	vault, err := newVault(cfg, db)
	if err != nil {
		return nil, err
	}
	w, err := newWays(cfg, roots, sources{db.Design, vault}, log)
	if err != nil {
		return nil, err
	}
	ingester, err := newIngester()
	if err != nil {
		return nil, err
	}
	resolver := w.designs()
	return &designRoom{design.NewLoader(resolver, ingester, log), reference.NewGuard(resolver, vault), w.assets()}, nil
}

// newIngester returns what reads and checks designs, the templates of their boot actions included.
func newIngester() (*design.Ingester, error) {
	return design.NewIngester(func(d *site.Design) []site.Finding { return asset.Findings(d, nil) })
}

// newVault returns what seals the secrets of references. The servers of an SQLite file see the same folder, so their key can be
// made there when it is needed; those of a PostgreSQL database must be given the same.
func newVault(cfg config, db *store.Store) (*reference.Vault, error) {
	switch {
	case cfg.DesignKeyFile != "":
		vault := reference.NewVault(cfg.DesignKeyFile, false)
		if err := vault.Load(); err != nil {
			return nil, fmt.Errorf("--design-key-file: %w", err)
		}
		return vault, nil
	case db.Dialect() == "sqlite":
		return reference.NewVault(db.Location()+".key", true), nil
	}
	return reference.NewVault("", false), nil
}

// designTLS reads the authorities and the certificate for hosts that serve designs. The error is ErrInvalid and names the option.
func (c *config) designTLS() (*tls.Config, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		text, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%w: [design] ca_file: %w", drydock.ErrInvalid, err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil { // a machine without authorities of its own
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%w: [design] ca_file %s: there is no certificate in it", drydock.ErrInvalid, c.CAFile)
		}
		secure.RootCAs = pool
	}
	switch {
	case c.CertFile == "" && c.CertKeyFile == "":
	case c.CertFile == "" || c.CertKeyFile == "":
		return nil, fmt.Errorf("%w: [design] cert_file and cert_key_file: one is of no use without the other", drydock.ErrInvalid)
	default:
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.CertKeyFile)
		if err != nil {
			return nil, fmt.Errorf("%w: [design] cert_file and cert_key_file: %w", drydock.ErrInvalid, err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	return secure, nil
}
