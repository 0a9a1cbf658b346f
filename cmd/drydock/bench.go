package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"drydock/bench"
)

func (a *app) benchCommand() *cobra.Command {
	o := bench.Options{Progress: a.err}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the store's operations beside the bare statements that do the same",
		Long: "Measures each operation in turn with the bare statements that do the same through the same driver, and prints how often a second each was\n" +
			"done, how long it took, and the ratio. Without --database it works on an SQLite file in a temporary folder. A database that holds tasks,\n" +
			"messages or build data is refused, because the benchmark empties its database at the end.\n\n" +
			"The operations: " + strings.Join(bench.Names(), ", ") + ".",
		Example: "  drydock bench\n  drydock bench --database postgres:///drydock_bench --preload 1000000 -o json\n  drydock bench --only create,append --clients 1,4,16",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := bench.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			return a.print(report, func(w io.Writer) {
				fmt.Fprintf(w, "%s\n\n", plain(report.Machine.Facts()))
				columns(w, report.Table()...)
			})
		},
	}
	flags := cmd.Flags()
	// Not the option of the same name: the environment and the configuration file name the database that is in use.
	flags.StringVar(&o.Database, "database", "", "an empty database to measure on: sqlite:PATH or postgres://…; default a temporary SQLite file")
	flags.IntVar(&o.Preload, "preload", 0, "complete tasks to put in before, each with ten messages")
	flags.IntSliceVar(&o.Clients, "clients", []int{1, 8}, "how many clients at a time; one measurement for each")
	flags.DurationVar(&o.Duration, "duration", bench.DefaultDuration, "of each side of each measurement")
	flags.StringSliceVar(&o.Only, "only", nil, "names of operations; default all")
	flags.BoolVar(&o.Keep, "keep", false, "leave the data in the database")
	complete(cmd, "only", bench.Names()...)
	cmd.AddCommand(a.benchDesignCommand())
	return cmd
}
