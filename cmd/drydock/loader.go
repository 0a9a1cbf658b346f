package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"drydock"
	"drydock/design"
	"drydock/store"
)

// sources are where designs come from besides the network and the files of this machine; the zero value has none.
type sources struct {
	stored design.GetStored
	vault  *design.Vault
}

// newResolver builds the table of the schemes that designs may be fetched by, and the policy that their hosts are held against.
func newResolver(cfg config, roots []string, from sources, log *slog.Logger) (*design.Resolver, *design.Policy, error) {
	policy, err := design.ParsePolicy(cfg.DesignAllow)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := newTokens(cfg, log)
	if err != nil {
		return nil, nil, err
	}
	if tokens != nil {
		policy.Catalog = design.CatalogOf(tokens)
	}
	secure, err := cfg.designTLS()
	if err != nil {
		return nil, nil, err
	}
	web := design.FetchHTTP(design.HTTPOptions{
		Policy: policy, ConnectTimeout: cfg.ConnectTimeout, ReadTimeout: cfg.ReadTimeout, MaxBytes: cfg.MaxBytes, TLS: secure, UserAgent: "drydock/" + version,
	})
	service := design.FetchService(design.ServiceOptions{HTTP: web, Tokens: tokens})
	fetchers := map[string]design.Fetcher{
		"file": design.FetchFile(roots, cfg.MaxBytes), "http": web, "https": web,
		"deckhand+http": service, "deckhand+https": service, "promenade+http": service, "promenade+https": service,
	}
	if from.stored != nil {
		fetchers[design.SchemeStored] = design.FetchStored(from.stored)
	}
	return design.NewResolver(fetchers, design.ResolverOptions{
		Tries: max(cfg.Tries, 1), Deadline: cfg.Deadline, MaxBytes: cfg.MaxBytes, CacheBytes: orNever(cfg.CacheBytes), CacheAge: cfg.CacheAge, Stale: cfg.ServeStale,
		BreakAfter: orNever(cfg.BreakAfter), BreakFor: cfg.BreakFor, Logger: log, Vault: from.vault,
	}), policy, nil
}

// orNever says in the words of the resolver that 0 is meant.
func orNever[N int | int64](n N) N {
	if n == 0 {
		return -1
	}
	return n
}

// newLoader returns what turns design references into checked sites, and what guards references on their way into the database.
func newLoader(cfg config, roots []string, db *store.Store, log *slog.Logger) (*design.Loader, *design.References, error) {
	vault, err := newVault(cfg, db)
	if err != nil {
		return nil, nil, err
	}
	resolver, _, err := newResolver(cfg, roots, sources{db.Design, vault}, log)
	if err != nil {
		return nil, nil, err
	}
	ingester, err := design.NewIngester()
	if err != nil {
		return nil, nil, err
	}
	return design.NewLoader(resolver, ingester), design.NewReferences(resolver, vault), nil
}

// newVault returns what seals the secrets of references. The servers of an SQLite file see the same folder, so their key can be
// made there when it is needed; those of a PostgreSQL database must be given the same.
func newVault(cfg config, db *store.Store) (*design.Vault, error) {
	switch {
	case cfg.DesignKeyFile != "":
		vault := design.NewVault(cfg.DesignKeyFile, false)
		if err := vault.Load(); err != nil {
			return nil, fmt.Errorf("--design-key-file: %w", err)
		}
		return vault, nil
	case db.Dialect() == "sqlite":
		return design.NewVault(db.Location()+".key", true), nil
	}
	return design.NewVault("", false), nil
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
