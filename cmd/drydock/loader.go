package main

import (
	"log/slog"

	"drydock/design"
)

// newLoader builds the table of the schemes that designs may be fetched by.
func newLoader(cfg config, roots []string, log *slog.Logger) (*design.Loader, error) {
	web := design.FetchHTTP(design.HTTPOptions{ConnectTimeout: cfg.ConnectTimeout, ReadTimeout: cfg.ReadTimeout, UserAgent: "drydock/" + version})
	resolver := design.NewResolver(map[string]design.Fetcher{
		"file": design.FetchFile(roots, 0), "http": web, "https": web,
	}, design.ResolverOptions{Tries: max(cfg.Tries, 1), Logger: log})
	ingester, err := design.NewIngester()
	if err != nil {
		return nil, err
	}
	return design.NewLoader(resolver, ingester), nil
}
