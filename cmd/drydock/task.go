package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"drydock"
	"drydock/api"
)

func (a *app) taskCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "task",
		Short:   "Create, watch, end and list tasks",
		Example: "  drydock task create -a validate_design -d site.yaml --block\n  drydock task list --status running,queued",
	},
		a.createCommand(), a.listCommand(), a.showCommand(), a.treeCommand(), a.messagesCommand(), a.followCommand(),
		a.terminateCommand(), a.taskBuildDataCommand(), a.deleteCommand())
}

// onTask makes a command about one task, whose id is its argument or, as upstream has it, the flag --task-id.
func (a *app) onTask(c *cobra.Command, do func(ctx context.Context, id string) error) *cobra.Command {
	flag := c.Flags().StringP("task-id", "t", "", "the task, instead of an argument")
	c.Use += " TASK"
	c.Args = cobra.MaximumNArgs(1)
	c.ValidArgsFunction = a.recentTasks
	c.RunE = func(cmd *cobra.Command, args []string) error {
		id := *flag
		switch {
		case len(args) == 1 && id != "" && id != args[0]:
			return usageError{"two different task ids are given, as argument and by --task-id"}
		case len(args) == 1:
			id = args[0]
		case id == "":
			return usageError{"the task id must be given, as argument or by --task-id"}
		}
		canonical, err := drydock.ParseTaskID(id)
		if err != nil {
			return err
		}
		return do(cmd.Context(), string(canonical))
	}
	return c
}

// recentTasks offers the newest tasks to the shell. A service that does not answer offers nothing.
func (a *app) recentTasks(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a.timeout = min(a.timeout, 2*time.Second)
	tasks, err := ask(cmd.Context(), a, func(ctx context.Context, c *api.Client) ([]api.Task, error) {
		list, _, err := c.Tasks(ctx, api.TaskListQuery{TaskQuery: drydock.TaskQuery{Limit: 50}, NoMessages: true})
		return list, err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for i := range tasks {
		words = append(words, fmt.Sprintf("%s\t%s %s", tasks[i].TaskID, tasks[i].Action, tasks[i].Status))
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func (a *app) showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "show",
		Short:   "Show one task with its messages",
		Example: "  drydock task show 5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11 -o yaml",
	}
	c.Flags().BoolP("block", "b", false, "")
	hide(c, "block") // upstream has it and ignores it
	return a.onTask(c, func(ctx context.Context, id string) error {
		t, err := a.readTask(ctx, id)
		if err != nil {
			return err
		}
		return a.print(t, func(w io.Writer) { showTask(w, &t, t.Result.Details.MessageList) })
	})
}

func (a *app) readTask(ctx context.Context, id string) (api.Task, error) {
	return ask(ctx, a, func(ctx context.Context, c *api.Client) (api.Task, error) { return c.Task(ctx, id, api.TaskOptions{}) })
}

func (a *app) treeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "tree",
		Short: "Draw a task with everything below it, failures first",
		Long: "Draws a task with everything below it. Among siblings, those that failed come first, with their first errors below them.\n\n" +
			"  ✓ done   ✗ failed   ± partly   ■ terminated   ▸ at work   · waiting",
		Example: "  drydock task tree 5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11",
	}
	layers := c.Flags().Int("layers", -1, "how many generations, the task itself included; -1: all")
	return a.onTask(c, func(ctx context.Context, id string) error {
		if *layers != -1 && *layers < 1 {
			return usageError{"--layers must be 1 or more, or -1 for all"}
		}
		tree, err := ask(ctx, a, func(ctx context.Context, c *api.Client) (api.TaskLayers, error) {
			return c.TaskLayers(ctx, id, *layers, api.TaskOptions{})
		})
		if err != nil {
			return err
		}
		return a.print(tree, func(w io.Writer) { showTree(w, tree.Tasks) })
	})
}

func (a *app) terminateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "terminate",
		Short: "End a task and everything below it",
		Long: "Asks for the end of a task and everything below it. What is queued ends at once; what is running is told to stop and ends when its action\n" +
			"has. A task that has ended already is left as it is.",
		Example: "  drydock task terminate 5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11",
	}
	return a.onTask(c, func(ctx context.Context, id string) error {
		by := a.env["OS_USERNAME"]
		if by == "" {
			by = a.env["USER"]
		}
		t, err := ask(ctx, a, func(ctx context.Context, c *api.Client) (api.Task, error) { return c.Terminate(ctx, id, by) })
		if err != nil {
			return err
		}
		return a.print(t, func(w io.Writer) { fmt.Fprintf(w, "%s is %s\n", t.TaskID, t.Status) })
	})
}

func (a *app) deleteCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "delete",
		Short: "Delete old tasks that have ended, with their subtasks and messages",
		Long: "Deletes whole trees of tasks that were created longer ago than --days and have ended, with their messages. Trees in which something has not\n" +
			"ended are kept, and so is build data. This can take long; --timeout does not apply.",
		Example: "  drydock task delete --days 90 --dry-run\n  drydock task delete --days 90",
		Args:    cobra.NoArgs,
	}
	days := c.Flags().IntP("days", "d", 0, "age in days from which on tasks are deleted; required, at least 1")
	dry := c.Flags().Bool("dry-run", false, "change nothing, only count")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if *days < 1 {
			return usageError{"the number of days must be specified using --days or -d, and be at least 1"}
		}
		client, err := a.client()
		if err != nil {
			return err
		}
		p, err := client.Purge(cmd.Context(), api.PurgeRequest{Days: *days, DryRun: *dry})
		if err != nil {
			return err
		}
		return a.print(p, func(w io.Writer) {
			done := "Task table purged successfully."
			if p.DryRun {
				done = "Nothing was deleted; this would be:"
			}
			fmt.Fprintf(w, "%s\n%d tasks in %d trees, %d messages, %d boot actions, %d kept designs; %d old trees kept, as they have not ended\n",
				done, p.Tasks, p.Trees, p.Messages, p.BootActions, p.Designs, p.Live)
		})
	}
	return c
}

// hide keeps a flag that exists only so that old command lines go on to work out of the help.
func hide(c *cobra.Command, flag string) {
	if err := c.Flags().MarkHidden(flag); err != nil {
		panic(err) // the flag is not there: a mistake in this program
	}
}
