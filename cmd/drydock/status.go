package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"drydock/api"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Say who leads, since when, what is queued, and who led before",
		Example: "  drydock status\n  drydock status --url http://127.0.0.1:9001 -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := ask(cmd.Context(), a, func(ctx context.Context, c *api.Client) (api.ServiceStatus, error) { return c.Status(ctx) })
			if err != nil {
				return err
			}
			return a.print(s, func(w io.Writer) { showStatus(w, a.url, &s) })
		},
	}
}

func showStatus(w io.Writer, url string, s *api.ServiceStatus) {
	rows := [][]string{{"service", url + " on " + s.Database.Dialect}}
	if l := s.Leader; l == nil {
		rows = append(rows, []string{"leader", "nobody; what is queued waits"})
	} else {
		rows = append(rows, []string{"leader", fmt.Sprintf("%s, term %d since %s, lease until %s", l.Name, l.Term, tableTime(l.Since), tableTime(l.Expires))})
	}
	rows = append(rows, []string{"queue", fmt.Sprintf("%d queued, %d running, %d terminating", s.Queue.Queued, s.Queue.Running, s.Queue.Terminating)})
	for _, action := range slices.Sorted(maps.Keys(s.Queue.ByAction)) {
		rows = append(rows, []string{"", fmt.Sprintf("%d %s", s.Queue.ByAction[action], action)})
	}
	columns(w, rows...)
	if len(s.Terms) == 0 {
		return
	}
	fmt.Fprintln(w)
	rows = [][]string{{"TERM", "LEADER", "FROM (UTC)", "TO (UTC)", "ENDED BECAUSE"}}
	for i := range s.Terms {
		t := &s.Terms[i]
		rows = append(rows, []string{strconv.FormatInt(t.Term, 10), t.Name, tableTime(t.Started), tableTime(t.Ended), orDash(string(t.Reason))})
	}
	columns(w, rows...)
}
