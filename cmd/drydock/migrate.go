package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"drydock/api"
	"drydock/store"
)

// migration is one step of the database's schema as migrate prints it.
type migration struct {
	Version int      `json:"version"`
	Name    string   `json:"name"`
	Applied api.Time `json:"applied"` // null: pending
}

// open opens the database that a command's options name. It is neither migrated nor looked at.
func (a *app) open(ctx context.Context, load func() (config, []string, error)) (*store.Store, error) {
	cfg, _, err := load()
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, cfg.Database, store.Options{Logger: newLogger(a.err, cfg)})
}

func (a *app) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring a database up to date, or list what that would do",
		Long: "Applies the migrations that a database lacks and prints them. A database of upstream's Drydock is taken over in place and goes on to\n" +
			"work with it. Several servers may start or migrate at the same time. serve does the same by itself unless --no-migrate.",
		Example: "  drydock migrate --database postgres://drydock:secret@db/drydock\n  drydock migrate --plan",
		Args:    cobra.NoArgs,
	}
	load := a.optionFlags(cmd, "database", "log-level", "log-format")
	list := cmd.Flags().Bool("status", false, "change nothing, list all migrations and when they were applied")
	plan := cmd.Flags().Bool("plan", false, "change nothing, print every statement that would run, what it locks and for how long in kind")
	detach := cmd.Flags().Bool("detach", false, "remove what this program added and leave upstream's schema; the tables are rewritten and locked meanwhile")
	force := cmd.Flags().Bool("force", false, "with --detach: cut what is too long for upstream's columns")
	cmd.MarkFlagsMutuallyExclusive("status", "plan", "detach")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *force && !*detach {
			return usageError{"--force is for --detach"}
		}
		db, err := a.open(cmd.Context(), load)
		if err != nil {
			return err
		}
		defer db.Close()
		switch {
		case *plan:
			return a.printPlan(cmd.Context(), db)
		case *detach:
			return a.detach(cmd.Context(), db, *force)
		case *list:
			return a.printMigrations(cmd.Context(), db.Location(), db.Migrations)
		}
		return a.printMigrations(cmd.Context(), db.Location(), db.Migrate)
	}
	return cmd
}

func (a *app) printMigrations(ctx context.Context, where string, step func(context.Context) ([]store.Migration, error)) error {
	steps, err := step(ctx)
	if err != nil {
		return fmt.Errorf("database %s: %w", where, err)
	}
	shown := make([]migration, 0, len(steps))
	for _, m := range steps {
		shown = append(shown, migration{m.Version, m.Name, api.Time{Time: m.Applied}})
	}
	return a.print(shown, func(w io.Writer) {
		if len(shown) == 0 {
			fmt.Fprintf(w, "%s is up to date\n", where)
			return
		}
		rows := [][]string{{"VERSION", "NAME", "APPLIED (UTC)"}}
		for _, m := range shown {
			applied := "pending"
			if !m.Applied.IsZero() {
				applied = tableTime(m.Applied)
			}
			rows = append(rows, []string{strconv.Itoa(m.Version), m.Name, applied})
		}
		columns(w, rows...)
	})
}
