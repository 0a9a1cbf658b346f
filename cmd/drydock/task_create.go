package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"drydock"
	"drydock/api"
)

func (a *app) createCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "create",
		Short: "Ask for a task, and with --block wait for its result",
		Long: "Asks for a task. -d is a design reference, or the path of a file here. The file becomes an absolute file:// reference if the server is on this machine,\n" +
			"else, or with --upload, it is uploaded and the server keeps it; so is what -d - reads from standard input.\n" +
			"Without -n, -r and -t the task is about all nodes; with several of them, about the nodes that any of them selects.\n\n" +
			"With --block the command follows the task, shows its messages as they arrive (on standard error if the output is not a table), prints the task\n" +
			"as it has ended, and exits 0 only if it succeeded. Interrupting it does not end the task.",
		Example: "  drydock task create -a validate_design -d site.yaml --block\n" +
			"  drydock -u https://drydock.example task create -a validate_design -d site.yaml --block\n" +
			"  drydock task create -a deploy_nodes -d https://designs.example/site.yaml -n cab1-r01-n03,cab1-r01-n04\n" +
			"  drydock task create -a verify_nodes -d site.yaml -r rack1 -t compute --key nightly-2026-11-22",
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	ref := f.StringP("design-ref", "d", "", "design reference, path of a file, or - for standard input (required but for noop)")
	upload := f.Bool("upload", false, "upload the file that -d names, wherever the server is")
	action := f.StringP("action", "a", "", "what to do (required)")
	nodes := f.StringArrayP("node-names", "n", nil, "nodes by name, separated by commas")
	racks := f.StringArrayP("rack-names", "r", nil, "nodes by rack, separated by commas")
	tags := f.StringArrayP("node-tags", "t", nil, "nodes by tag, separated by commas")
	block := f.BoolP("block", "b", false, "wait for the end and exit by the result")
	key := f.String("key", "", "a name for this request: repeated with the same key it answers the task that it has made")
	f.Bool("no-block", false, "")
	f.Int("poll-interval", 15, "")
	hide(c, "no-block")
	hide(c, "poll-interval") // upstream's; events need no polling
	complete(c, "action", clientActions...)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case *ref == "" && *action != string(drydock.ActionNoop):
			return usageError{"a design reference must be specified using --design-ref or -d"}
		case *action == "":
			return usageError{"an action must be specified using --action or -a"}
		}
		request := api.CreateTaskRequest{Action: drydock.Action(*action), NodeFilter: nodeFilter(*nodes, *racks, *tags), Key: *key}
		var err error
		if request.DesignRef, err = a.designRef(cmd.Context(), *ref, *upload, cmd.InOrStdin()); err != nil {
			return err
		}
		t, err := a.create(cmd.Context(), request)
		switch {
		case err != nil:
			return err
		case *block:
			return a.follow(cmd.Context(), string(t.TaskID))
		}
		return a.print(t, func(w io.Writer) { a.showCreated(w, &t) })
	}
	return c
}

// create sends the request with a key, so that it can be repeated if no answer comes.
func (a *app) create(ctx context.Context, request api.CreateTaskRequest) (api.Task, error) {
	if request.Key == "" {
		request.Key = uuid.NewString()
	}
	t, err := ask(ctx, a, func(ctx context.Context, c *api.Client) (api.Task, error) {
		t, created, err := c.CreateTask(ctx, request)
		if err == nil && !created {
			fmt.Fprintf(a.err, "drydock: the key %s is known; this is the task that it has made\n", request.Key)
		}
		return t, err
	})
	if errors.Is(err, drydock.ErrUnknown) {
		return t, fmt.Errorf("%w; whether there is a task is not known: repeat the command with --key %s, which makes one at most", err, request.Key)
	}
	return t, err
}

func (a *app) showCreated(w io.Writer, t *api.Task) {
	showTask(w, t, nil)
	fmt.Fprintf(w, "\nFollow it: %s\nEnd it:    %s\n", a.command("task follow", t.TaskID), a.command("task terminate", t.TaskID))
}

// command is a command line to copy.
func (a *app) command(verb string, id drydock.TaskID) string {
	url := ""
	if a.url != "http://127.0.0.1:9000" && a.url != a.env["DD_URL"] {
		url = " --url " + a.url
	}
	return fmt.Sprintf("%s%s %s %s", a.name, url, verb, id)
}
