package main

import (
	"log/slog"

	"drydock/design"
)

// newLoader builds the table of the schemes that designs may be fetched by.
func newLoader(cfg config, roots []string, log *slog.Logger) (*design.Loader, error) {
	tokens, err := newTokens(cfg, log)
	if err != nil {
		return nil, err
	}
	policy, err := design.ParsePolicy(design.DefaultPolicy())
	if err != nil {
		return nil, err
	}
	if tokens != nil {
		policy.Catalog = design.CatalogOf(tokens)
	}
	web := design.FetchHTTP(design.HTTPOptions{
		Policy: policy, ConnectTimeout: cfg.ConnectTimeout, ReadTimeout: cfg.ReadTimeout, UserAgent: "drydock/" + version,
	})
	service := design.FetchService(design.ServiceOptions{HTTP: web, Tokens: tokens})
	resolver := design.NewResolver(map[string]design.Fetcher{
		"file": design.FetchFile(roots, 0), "http": web, "https": web,
		"deckhand+http": service, "deckhand+https": service, "promenade+http": service, "promenade+https": service,
	}, design.ResolverOptions{Tries: max(cfg.Tries, 1), Logger: log})
	ingester, err := design.NewIngester()
	if err != nil {
		return nil, err
	}
	return design.NewLoader(resolver, ingester), nil
}
