package main

import (
	"fmt"
	"log/slog"

	"drydock/design"
	"drydock/store"
)

// newLoader builds the table of the schemes that designs may be fetched by, and what guards references on their way into the database.
func newLoader(cfg config, roots []string, db *store.Store, log *slog.Logger) (*design.Loader, *design.References, error) {
	vault, err := newVault(cfg, db)
	if err != nil {
		return nil, nil, err
	}
	web := design.FetchHTTP(design.HTTPOptions{ConnectTimeout: cfg.ConnectTimeout, ReadTimeout: cfg.ReadTimeout, UserAgent: "drydock/" + version})
	resolver := design.NewResolver(map[string]design.Fetcher{
		"file": design.FetchFile(roots, 0), "http": web, "https": web,
		design.SchemeStored: design.FetchStored(db.Design),
	}, design.ResolverOptions{Tries: max(cfg.Tries, 1), Logger: log, Vault: vault})
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
