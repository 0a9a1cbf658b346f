package main

import (
	"log/slog"

	"drydock/keystone"
	"drydock/reference"
)

// newTokens returns what gives tokens of Keystone, nil if none is configured. Nothing is asked of Keystone before a reference needs it.
func newTokens(cfg config, log *slog.Logger) (reference.Tokens, error) {
	if cfg.Keystone.AuthURL == "" {
		return nil, nil
	}
	o := cfg.Keystone
	o.UserAgent, o.Logger = "drydock/"+version, log
	client, err := keystone.New(o)
	if err != nil {
		return nil, err
	}
	log.Info("references to services get tokens of Keystone", "keystone", o)
	return client, nil
}
