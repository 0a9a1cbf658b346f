package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"drydock/api"
	"drydock/asset"
	"drydock/reference"
)

// locations reads what the assets of boot actions name.
type locations struct{ *reference.Resolver }

// Resolve returns what ref refers to now.
func (l locations) Resolve(ctx context.Context, ref string) ([]byte, error) {
	body, _, err := l.Resolver.Resolve(ctx, ref)
	return body, err
}

// newTarballs returns what makes the files and units of nodes.
func newTarballs(cfg config, d *designRoom) *asset.Tarballs {
	renderer := asset.NewRenderer(locations{d.assets}, asset.Options{ReportURL: cfg.ReportURL})
	return asset.NewTarballs(d.loader, renderer, reference.Redact)
}

func (a *app) nodeBootActionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bootactions NODE",
		Short: "Show what a node was given to run when it boots, and what it reported",
		Long: "Lists the boot actions of the node's present deployment. incomplete: the node has not reported yet; unreported: it is not asked to.\n" +
			"What it said in detail are messages of the task of the deployment: drydock task messages TASK.",
		Example: "  drydock node bootactions cab1-r01-n03",
		Args:    cobra.ExactArgs(1),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		list, err := ask(cmd.Context(), a, func(ctx context.Context, c *api.Client) ([]api.BootAction, error) {
			return c.NodeBootActions(ctx, args[0])
		})
		if err != nil {
			return err
		}
		return a.print(list, func(w io.Writer) { tableBootActions(w, list) })
	}
	return c
}

func tableBootActions(w io.Writer, list []api.BootAction) {
	rows := [][]string{{"BOOT ACTION", "STATUS", "ID", "TASK"}}
	for i := range list {
		b := &list[i]
		rows = append(rows, []string{b.Name, string(b.Status), b.ID, string(b.TaskID)})
	}
	columns(w, rows...)
	if len(list) == 0 {
		fmt.Fprintln(w, "There is nothing for the node to run")
	}
}
