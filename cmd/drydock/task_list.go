package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"drydock"
	"drydock/api"
)

// clientActions are the actions that a service accepts from clients, for completion only.
var clientActions = []string{
	string(drydock.ActionValidateDesign), string(drydock.ActionVerifySite), string(drydock.ActionPrepareSite), string(drydock.ActionVerifyNodes),
	string(drydock.ActionPrepareNodes), string(drydock.ActionDeployNodes), string(drydock.ActionDestroyNodes), string(drydock.ActionRelabelNodes),
	string(drydock.ActionNoop),
}

func (a *app) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List tasks, newest first",
		Long: "Lists tasks, newest first. Times are UTC when they name no zone, or an age such as 36h. JSON and YAML hold the messages as well, unless\n" +
			"--no-messages.",
		Example: "  drydock task list --status queued,running\n  drydock task list --roots --result failure --since 24h\n" +
			"  drydock task list --node cab1-r01-n03 --limit 0 -o json",
		Args: cobra.NoArgs,
	}
	var q api.TaskListQuery
	f := c.Flags()
	status := f.StringSlice("status", nil, "only with one of these states")
	action := f.StringP("action", "a", "", "only with this action")
	result := f.String("result", "", "only with this result")
	parent := f.String("parent", "", "only the children of this task")
	f.BoolVar(&q.Roots, "roots", false, "only tasks without a parent")
	f.StringVar(&q.Node, "node", "", "only tasks that name this node in their result")
	f.StringVar(&q.CreatedBy, "created-by", "", "only tasks that this user created")
	since := f.String("since", "", "only tasks created at or after this time")
	until := f.String("until", "", "only tasks created before this time")
	limit := f.Int("limit", 100, "how many at most; 0: all")
	f.BoolVar(&q.NoMessages, "no-messages", false, "leave the messages out")
	complete(c, "action", clientActions...)
	complete(c, "result", "incomplete", "success", "partial_success", "failure")
	complete(c, "status", "queued", "running", "terminating", "terminated", "complete")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		q.Action, q.Result = drydock.Action(*action), drydock.ResultStatus(*result)
		for _, s := range trimmed(*status) {
			q.Status = append(q.Status, drydock.TaskStatus(s))
		}
		var err error
		if *parent != "" {
			if q.Parent, err = drydock.ParseTaskID(*parent); err != nil {
				return fmt.Errorf("--parent: %w", err)
			}
		}
		if q.Since, err = parseWhen("--since", *since, time.Now()); err != nil {
			return err
		}
		if q.Until, err = parseWhen("--until", *until, time.Now()); err != nil {
			return err
		}
		q.NoMessages = q.NoMessages || a.form() == formTable
		return a.listTasks(cmd.Context(), q, *limit)
	}
	return c
}

func (a *app) listTasks(ctx context.Context, q api.TaskListQuery, limit int) error {
	tasks, more, err := pages(ctx, a, limit, func(ctx context.Context, c *api.Client, after string, n int) ([]api.Task, string, error) {
		q.After, q.Limit = after, n
		return c.Tasks(ctx, q)
	})
	if err != nil {
		return err
	}
	if err := a.print(tasks, func(w io.Writer) { tableTasks(w, tasks) }); err != nil {
		return err
	}
	if more {
		a.noteMore(limit)
	}
	return nil
}

// noteMore says, beside the output, that there is more than --limit let through.
func (a *app) noteMore(limit int) {
	fmt.Fprintf(a.err, "drydock: there are more than %d; see --limit (0: all)\n", limit)
}

// pages reads a list page by page until there is no more or limit elements (0: no limit) have been read; more says that there are others. The
// result is never nil. Each page is one request under --timeout.
func pages[T any](
	ctx context.Context, a *app, limit int, read func(ctx context.Context, c *api.Client, after string, n int) ([]T, string, error),
) (all []T, more bool, err error) {
	if limit < 0 {
		return nil, false, usageError{"--limit must not be negative"}
	}
	all = []T{}
	for after := ""; ; {
		n := drydock.MaxPage
		if limit > 0 {
			n = min(n, limit-len(all))
		}
		type page struct {
			items []T
			next  string
		}
		p, err := ask(ctx, a, func(ctx context.Context, c *api.Client) (page, error) {
			items, next, err := read(ctx, c, after, n)
			return page{items, next}, err
		})
		if err != nil {
			return nil, false, err
		}
		all = append(all, p.items...)
		if p.next == "" || limit > 0 && len(all) >= limit {
			return all, p.next != "", nil
		}
		after = p.next
	}
}

// whenLayouts are the times that --since and --until understand, besides ages.
var whenLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"}

// parseWhen reads a time, or an age such as 36h before now. Nothing is the zero time.
func parseWhen(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	for _, layout := range whenLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usageError{fmt.Sprintf("%s %q is neither a time such as 2026-11-22T12:13:25Z or 2026-11-22 nor an age such as 36h", flag, text)}
}

func (a *app) messagesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "messages",
		Short: "List or follow the messages of a task",
		Long: "Lists the messages of a task in order. With --follow it goes on until the task has ended; as JSON each message is then a line of its own.\n" +
			"Whatever the result of the task, the exit code is 0: task follow tells the result.",
		Example: "  drydock task messages --errors 5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11\n  drydock task messages -f 5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11",
	}
	follow := c.Flags().BoolP("follow", "f", false, "go on until the task has ended")
	onlyErrors := c.Flags().Bool("errors", false, "only errors")
	after := c.Flags().Int64("after", 0, "only messages behind this sequence number")
	return a.onTask(c, func(ctx context.Context, id string) error {
		wanted := func(m *api.TaskMessage) bool { return m.Error || !*onlyErrors }
		if *follow {
			return a.followMessages(ctx, id, *after, wanted)
		}
		all := []api.TaskMessage{}
		for more, from := true, *after; more; {
			list, err := ask(ctx, a, func(ctx context.Context, c *api.Client) (list []api.TaskMessage, err error) {
				list, more, err = c.Messages(ctx, id, from, 0)
				return list, err
			})
			if err != nil {
				return err
			}
			if len(list) > 0 {
				from = list[len(list)-1].Sequence
			}
			all = append(all, slices.DeleteFunc(list, func(m api.TaskMessage) bool { return !wanted(&m) })...)
		}
		return a.print(all, func(w io.Writer) {
			for i := range all {
				fmt.Fprintln(w, messageLine(&all[i].Message))
			}
		})
	})
}

func (a *app) followMessages(ctx context.Context, id string, after int64, wanted func(*api.TaskMessage) bool) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	err = client.Follow(ctx, id, after, func(e api.Event) error {
		switch {
		case e.Message == nil || !wanted(e.Message):
			return nil
		case a.form() == formTable:
			_, err := fmt.Fprintln(a.out, messageLine(&e.Message.Message))
			return err
		case a.form() == formYAML:
			if _, err := fmt.Fprintln(a.out, "---"); err != nil {
				return err
			}
			return writeYAML(a.out, e.Message)
		default:
			return writeJSON(a.out, e.Message)
		}
	})
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
