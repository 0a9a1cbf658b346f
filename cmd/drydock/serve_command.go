package main

import (
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: "Runs the service: the REST interface, and an orchestrator that executes tasks while it leads. Any number of servers may share one\n" +
			"PostgreSQL database; one of them leads. Without any option the state is in ./drydock.db and only this machine is answered.\n\n" +
			"Options come from, each over the one before: the defaults, the file (--config-file), the environment, the flags.",
		Example: "  drydock serve\n" +
			"  drydock serve --database sqlite:/var/lib/drydock/state.db --design-root /srv/sites\n" +
			"  drydock serve --database postgres://drydock:secret@db/drydock --listen 0.0.0.0:9000 --insecure-no-auth",
		Args: cobra.NoArgs,
	}
	load := a.optionFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, ignored, err := load()
		if err != nil {
			return err
		}
		log := newLogger(a.err, cfg)
		if len(ignored) > 0 {
			log.Info("configuration options of parts that are not here are ignored", "options", strings.Join(ignored, ", "))
		}
		return serve(cmd.Context(), cfg, log, func(g greeting) { g.write(a.out, a.name) })
	}
	complete(cmd, "orchestrator", "on", "off", "auto")
	complete(cmd, "log-format", "text", "json")
	complete(cmd, "log-level", "DEBUG", "INFO", "WARNING", "ERROR")
	if err := cmd.MarkFlagDirname("design-root"); err != nil {
		panic(err) // the flag is not there: a mistake in this program
	}
	return cmd
}

func newLogger(w io.Writer, cfg config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
