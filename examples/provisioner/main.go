package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/orchestrator"
	"drydock/store"
)

// actionDeployNode deploys one node; deploy_nodes makes one of these for each.
const actionDeployNode drydock.Action = "deploy_node"

func main() {
	database := flag.String("database", "sqlite:drydock.db", "sqlite:PATH or postgresql://…")
	step := flag.Duration("step", 2*time.Second, "how long a simulated step of a deployment takes")
	ttl := flag.Duration("ttl", 15*time.Second, "how long the lease outlives this process")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *database, *ttl, *step, log); err != nil {
		log.Error("provisioner", "err", err)
		os.Exit(1)
	}
}

// run leads on the database until ctx ends.
func run(ctx context.Context, database string, ttl, step time.Duration, log *slog.Logger) (err error) {
	s, err := store.Open(ctx, database, store.Options{Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := s.Migrate(ctx); err != nil {
		return err
	}
	dispatcher, err := orchestrator.NewDispatcher(s, map[drydock.Action]orchestrator.Handler{
		drydock.ActionDeployNodes: {Run: deployNodes, Repeatable: true},
		actionDeployNode:          {Run: deployNode(step), Repeatable: true, Limit: 2}, // the site's network takes two at a time
	}, orchestrator.DispatcherOptions{Logger: log})
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	leader, err := orchestrator.NewLeader(s, orchestrator.LeaderOptions{
		Holder: uuid.NewString(), Name: fmt.Sprintf("provisioner on %s, process %d", host, os.Getpid()), TTL: ttl, Logger: log,
	})
	if err != nil {
		return err
	}
	return leader.Run(ctx, dispatcher.Lead)
}

// deployNodes makes a subtask for each node and rolls up what became of them. Repeated after a crash it finds the subtasks that it made before,
// because their keys are the same, and goes on waiting for those that have not ended.
func deployNodes(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
	nodes, err := nodeNames(r.Task().NodeFilter)
	if err != nil {
		return drydock.Result{}, err
	}
	var subtasks []drydock.NewTask
	for _, node := range nodes {
		filter, err := json.Marshal(selection{Type: "union", Set: []names{{Type: "union", Nodes: []string{node}}}})
		if err != nil {
			return drydock.Result{}, err
		}
		subtasks = append(subtasks, drydock.NewTask{Action: actionDeployNode, NodeFilter: filter, Key: node})
	}
	if _, err := r.Subtasks(ctx, subtasks); err != nil {
		return drydock.Result{}, err
	}
	if err := r.Infof(ctx, "Deploying %d nodes.", len(nodes)); err != nil {
		return drydock.Result{}, err
	}
	if _, err := r.Wait(ctx); err != nil {
		return drydock.Result{}, err
	}
	return r.Rollup(ctx, actionDeployNode)
}

// deployNode deploys the one node that its filter names. Its steps only wait; real ones would hand r.Term() on to what they drive and look
// whether a step was done before, because a task whose orchestrator died runs again from the start.
func deployNode(step time.Duration) orchestrator.ActionFunc {
	return func(ctx context.Context, r *orchestrator.Run) (drydock.Result, error) {
		nodes, err := nodeNames(r.Task().NodeFilter)
		if err != nil {
			return drydock.Result{}, err
		}
		if len(nodes) != 1 {
			return drydock.Result{}, fmt.Errorf("%w: deploy_node takes one node, not %d", drydock.ErrInvalid, len(nodes))
		}
		about := func(format string, args ...any) drydock.Message {
			return drydock.Message{Text: fmt.Sprintf(format, args...), ContextType: "node", Context: nodes[0]}
		}
		for _, what := range []string{"Writing the image", "Starting the system"} {
			if err := r.Message(ctx, about("%s (attempt %d, term %d).", what, r.Task().Attempt, r.Term())); err != nil {
				return drydock.Result{}, err
			}
			select {
			case <-ctx.Done(): // asked to terminate, shut down, or the lease is lost: stop here
				return drydock.Result{}, context.Cause(ctx)
			case <-time.After(step):
			}
		}
		seen := drydock.BuildData{Node: nodes[0], Generator: "uname", Format: "text/plain", Data: "Linux " + nodes[0]}
		if err := r.BuildData(ctx, seen); err != nil {
			return drydock.Result{}, err
		}
		r.Final(about("Deployed.")) // recorded together with the result, so exactly once
		return drydock.Result{Successes: nodes}, nil
	}
}

// selection is the part of a node filter that this example understands: nodes by name.
type selection struct {
	Type string  `json:"filter_set_type"`
	Set  []names `json:"filter_set"`
}

type names struct {
	Type  string   `json:"filter_type"`
	Nodes []string `json:"node_names"`
}

func nodeNames(filter json.RawMessage) ([]string, error) {
	var f selection
	if err := json.Unmarshal(filter, &f); err != nil {
		return nil, fmt.Errorf("%w: this example needs a node filter with node_names: %w", drydock.ErrInvalid, err)
	}
	var nodes []string
	for _, s := range f.Set {
		nodes = append(nodes, s.Nodes...)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes), nil
}
