package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"drydock/api"
)

func (a *app) nodeCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "node",
		Short:   "What is known about nodes",
		Example: "  drydock node builddata cab1-r01-n03",
	}, a.nodeBuildDataCommand(), a.nodeBootActionsCommand())
}

func (a *app) nodeBuildDataCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "builddata NODE",
		Short:   "Show what was learnt about a node while it was built",
		Long:    "Shows the newest record of each generator for a node, or with --latest=false its whole history, newest first.",
		Example: "  drydock node builddata cab1-r01-n03 -o yaml\n  drydock node builddata cab1-r01-n03 --latest=false --limit 0",
		Args:    cobra.ExactArgs(1),
	}
	latest := c.Flags().Bool("latest", true, "only the newest record of each generator")
	all := c.Flags().Bool("no-latest", false, "")
	hide(c, "no-latest") // upstream's spelling of --latest=false
	limit := c.Flags().Int("limit", 100, "how many records at most; 0: all")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return a.buildData(cmd.Context(), *limit, func(ctx context.Context, client *api.Client, p api.Page) ([]api.BuildData, string, error) {
			if *latest && !*all {
				return client.LatestBuildData(ctx, args[0], p)
			}
			return client.NodeBuildData(ctx, args[0], p)
		})
	}
	return c
}

func (a *app) taskBuildDataCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "builddata",
		Short:   "Show what a task collected about nodes",
		Example: "  drydock task builddata 5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11 -o yaml",
	}
	limit := c.Flags().Int("limit", 100, "how many records at most; 0: all")
	return a.onTask(c, func(ctx context.Context, id string) error {
		return a.buildData(ctx, *limit, func(ctx context.Context, client *api.Client, p api.Page) ([]api.BuildData, string, error) {
			return client.TaskBuildData(ctx, id, p)
		})
	})
}

func (a *app) buildData(
	ctx context.Context, limit int, read func(context.Context, *api.Client, api.Page) ([]api.BuildData, string, error),
) error {
	data, more, err := pages(ctx, a, limit, func(ctx context.Context, c *api.Client, after string, n int) ([]api.BuildData, string, error) {
		return read(ctx, c, api.Page{After: after, Limit: n})
	})
	if err != nil {
		return err
	}
	if err := a.print(data, func(w io.Writer) { tableBuildData(w, data) }); err != nil {
		return err
	}
	if more {
		a.noteMore(limit)
	}
	return nil
}
