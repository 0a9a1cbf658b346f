package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"drydock/bench"
	"drydock/design"
)

func (a *app) benchDesignCommand() *cobra.Command {
	o := bench.DesignOptions{Progress: a.err}
	var nodes int
	var seed uint64
	var file string
	cmd := &cobra.Command{
		Use:   "design [FILE]",
		Short: "Measure how fast a design becomes a checked site, beside plain YAML decoding",
		Long: "Measures ingest, compile and every rule, in turns with decoding the same bytes by the YAML library and nothing else, and prints the time, the\n" +
			"ratio and the memory that is needed. The design is FILE, or, with --nodes, a made-up site: the same nodes and seed make the same bytes.\n" +
			"--write puts that design into a file and measures nothing.",
		Example: "  drydock bench design examples/site/site.yaml\n  drydock bench design --nodes 1000 --seed 7\n  drydock bench design --nodes 10000 --write site.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			generated := cmd.Flags().Changed("nodes")
			if generated == (len(args) == 1) {
				return usageError{"bench design: name a FILE or give --nodes"}
			}
			if file != "" && !generated {
				return usageError{"bench design: --write is for a made-up site, so it needs --nodes"}
			}
			if generated {
				var b bytes.Buffer
				if err := bench.WriteSite(&b, nodes, seed); err != nil {
					return err
				}
				o.Source, o.Name = b.Bytes(), fmt.Sprintf("%d nodes, seed %d", nodes, seed)
			} else {
				var err error
				if o.Source, err = readDesign(args[0]); err != nil {
					return err
				}
				o.Name = args[0]
			}
			if file != "" {
				const mode = 0o644
				if err := os.WriteFile(file, o.Source, mode); err != nil { //nolint:gosec // it holds no secret: anybody can make it
					return fmt.Errorf("write the design: %w", err)
				}
				return nil
			}
			report, err := bench.Design(cmd.Context(), o)
			if err != nil {
				return err
			}
			return a.print(report, func(w io.Writer) {
				fmt.Fprintf(w, "%s\n\n", plain(report.Facts()))
				columns(w, report.Table()...)
			})
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&nodes, "nodes", 0, "nodes of a made-up site")
	flags.Uint64Var(&seed, "seed", 1, "what the made-up site is made from")
	flags.StringVar(&file, "write", "", "write the made-up site to this file and measure nothing")
	flags.IntSliceVar(&o.Cores, "cores", nil, "how many cores to use; one measurement for each; default 1 and all")
	flags.DurationVar(&o.Duration, "duration", bench.DefaultDuration, "of each side of each measurement")
	return cmd
}

// readDesign reads a file as far as a design may go.
func readDesign(path string) (src []byte, err error) {
	f, err := os.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return nil, usageError{"bench design: " + err.Error()}
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	src, err = io.ReadAll(io.LimitReader(f, design.MaxBytes+1))
	if err != nil {
		return nil, usageError{"bench design: " + err.Error()}
	}
	if len(src) > design.MaxBytes {
		return nil, usageError{fmt.Sprintf("bench design: %s has more than the %d bytes that a design may have", path, design.MaxBytes)}
	}
	return src, nil
}
