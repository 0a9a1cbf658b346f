package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"drydock/store"
)

// planned is one statement that migrate would run, as --plan prints it.
type planned struct {
	Version   int    `json:"version"` // 0: of upstream's own
	Name      string `json:"name"`
	Table     string `json:"table"`
	Lock      string `json:"lock"`
	Kind      string `json:"kind"`
	Rows      int64  `json:"rows"`
	Statement string `json:"statement"`
}

// printPlan prints every pending statement.
func (a *app) printPlan(ctx context.Context, db *store.Store) error {
	steps, err := db.Plan(ctx)
	if err != nil {
		return fmt.Errorf("database %s: %w", db.Location(), err)
	}
	shown := make([]planned, 0, len(steps))
	for _, p := range steps {
		shown = append(shown, planned{p.Version, p.Name, p.Table, p.Lock, p.Kind, p.Rows, p.Statement})
	}
	return a.print(shown, func(w io.Writer) {
		if len(shown) == 0 {
			fmt.Fprintf(w, "%s is up to date\n", db.Location())
			return
		}
		for _, p := range shown {
			about := []string{fmt.Sprintf("%d %s", p.Version, p.Name)}
			if p.Table != "" {
				about = append(about, p.Table)
			}
			if p.Lock != "" {
				about = append(about, "lock "+p.Lock)
			}
			if p.Kind != "" && p.Kind != "instant" && p.Table != "" {
				p.Kind += fmt.Sprintf(" (about %d rows)", p.Rows)
			}
			if p.Kind != "" {
				about = append(about, p.Kind)
			}
			fmt.Fprintf(w, "-- %s\n%s\n\n", strings.Join(about, " | "), p.Statement)
		}
	})
}

// loss is what upstream's columns have no room for, as --detach prints it.
type loss struct {
	Table   string `json:"table"`
	Column  string `json:"column"`
	Width   int    `json:"width"`
	Rows    int64  `json:"rows"`
	Example string `json:"example"`
}

// detach gives the database back to upstream, and prints what was cut.
func (a *app) detach(ctx context.Context, db *store.Store, force bool) error {
	lost, err := db.Detach(ctx, force)
	if err != nil {
		if len(lost) > 0 && !force {
			err = fmt.Errorf("%w; add --force to cut them", err)
		}
		return fmt.Errorf("database %s: %w", db.Location(), err)
	}
	shown := make([]loss, 0, len(lost))
	for _, l := range lost {
		shown = append(shown, loss{l.Table, l.Column, l.Width, l.Rows, l.Example})
	}
	return a.print(shown, func(w io.Writer) {
		fmt.Fprintf(w, "%s is upstream's again\n", db.Location())
		if len(shown) == 0 {
			return
		}
		rows := [][]string{{"CUT", "TO", "ROWS", "EXAMPLE"}}
		for _, l := range shown {
			rows = append(rows, []string{l.Table + "." + l.Column, strconv.Itoa(l.Width), strconv.FormatInt(l.Rows, 10), l.Example})
		}
		columns(w, rows...)
	})
}

// ailment is something wrong with the data, as doctor prints it.
type ailment struct {
	Name     string `json:"name"`
	What     string `json:"what"`
	Rows     int64  `json:"rows"`
	Example  string `json:"example"`
	Mendable bool   `json:"mendable"`
	Mended   int64  `json:"mended"`
}

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with the data of a database, and mend what can be mended",
		Long: "Reads whole tables of a database, as other writers may have left them, and lists what is wrong: how many rows, and one of them. None of it\n" +
			"hides other rows. With --mend it mends what can be mended without a change of meaning. Nothing is wrong: no output rows, exit 0.",
		Example: "  drydock doctor --database postgres://drydock:secret@db/drydock\n  drydock doctor --mend",
		Args:    cobra.NoArgs,
	}
	load := a.optionFlags(cmd, "database", "log-level", "log-format")
	mend := cmd.Flags().Bool("mend", false, "mend what can be mended")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		db, err := a.open(cmd.Context(), load)
		if err != nil {
			return err
		}
		defer db.Close()
		if err := upToDate(cmd.Context(), db, true, nil); err != nil {
			return fmt.Errorf("database %s: %w", db.Location(), err)
		}
		found, err := db.Doctor(cmd.Context(), *mend)
		if err != nil {
			return fmt.Errorf("database %s: %w", db.Location(), err)
		}
		return a.printAilments(db.Location(), found)
	}
	return cmd
}

func (a *app) printAilments(where string, found []store.Ailment) error {
	shown := make([]ailment, 0, len(found))
	for _, f := range found {
		shown = append(shown, ailment(f))
	}
	return a.print(shown, func(w io.Writer) {
		if len(shown) == 0 {
			fmt.Fprintf(w, "%s is well\n", where)
			return
		}
		rows := [][]string{{"ROWS", "MENDED", "WHAT", "EXAMPLE"}}
		for _, f := range shown {
			mended := "cannot"
			if f.Mendable {
				mended = strconv.FormatInt(f.Mended, 10)
			}
			rows = append(rows, []string{strconv.FormatInt(f.Rows, 10), mended, f.Name + ": " + f.What, f.Example})
		}
		columns(w, rows...)
	})
}
