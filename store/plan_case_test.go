package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"drydock"
	"drydock/store"
)

// planCase is a call whose statements must find what they need by an index.
type planCase struct {
	name string
	call func(ctx context.Context, s *store.Store, l drydock.Lease) error
	want []string // indexes that must be used
	walk bool     // may go along an index that is not partial, because a LIMIT ends the walk
}

// smallIndexes hold only what is open or failed, so going along one is no scan of history.
var smallIndexes = []string{"tasks_queued", "tasks_active", "tasks_failed"}

func list(q drydock.TaskQuery) func(context.Context, *store.Store, drydock.Lease) error {
	return func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
		_, err := s.Tasks(ctx, q)
		return err
	}
}

func built(q drydock.BuildDataQuery) func(context.Context, *store.Store, drydock.Lease) error {
	return func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
		_, err := s.BuildData(ctx, q)
		return err
	}
}

// planIDs is n ids from the middle of history.
func planIDs(n int) []drydock.TaskID {
	var some []drydock.TaskID
	for i := range n {
		some = append(some, planID(4_001+i*7))
	}
	return some
}

func planCases(t *testing.T, s *store.Store, size planSize, now time.Time) []planCase {
	t.Helper()
	page, err := s.Tasks(t.Context(), drydock.TaskQuery{Limit: 500})
	if err != nil || page.Next == "" {
		t.Fatalf("%d tasks, error %v", len(page.Tasks), err)
	}
	nodes := []string{"n7", "n8", "n9"}
	data, err := s.BuildData(t.Context(), drydock.BuildDataQuery{Nodes: nodes[:1], Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(listCases(page.Next, now), readCases(), dataCases(data.Next, nodes), writeCases(), workCases(), purgeCases(size))
}

func listCases(after string, now time.Time) []planCase {
	queued, active := []drydock.TaskStatus{drydock.StatusQueued}, []drydock.TaskStatus{drydock.StatusRunning, drydock.StatusTerminating}
	created := []string{"tasks_created"}
	return []planCase{
		{"list", list(drydock.TaskQuery{}), created, true},
		{"list, next page", list(drydock.TaskQuery{After: after}), created, false},
		{"list of a time", list(drydock.TaskQuery{Since: now.Add(-48 * time.Hour), Until: now.Add(-24 * time.Hour)}), created, false},
		{"list of a time, next page", list(drydock.TaskQuery{Since: now.Add(-1000 * time.Hour), After: after}), created, false},
		{"list of queued", list(drydock.TaskQuery{Status: queued}), []string{"tasks_queued"}, false},
		{"list of active", list(drydock.TaskQuery{Status: active}), []string{"tasks_active"}, false},
		{"list of running", list(drydock.TaskQuery{Status: active[:1]}), []string{"tasks_active"}, false},
		{"list of failures", list(drydock.TaskQuery{Result: drydock.ResultFailure}), []string{"tasks_failed"}, false},
		{"list of failures, next page", list(drydock.TaskQuery{Result: drydock.ResultFailure, After: after}), []string{"tasks_failed"}, false},
		{"list of children", list(drydock.TaskQuery{Parent: planID(2_001)}), []string{"tasks_parent"}, false},
		{"list of an action", list(drydock.TaskQuery{Action: drydock.ActionNoop}), created, true},
		{"list of a rare action", list(drydock.TaskQuery{Action: "none", After: after}), created, true},
		{"list of a node", list(drydock.TaskQuery{Node: "n1", Roots: true, CreatedBy: "ann"}), created, true},
		{"list of complete", list(drydock.TaskQuery{Status: []drydock.TaskStatus{drydock.StatusComplete}}), created, true},
	}
}

func readCases() []planCase {
	return []planCase{
		{"task", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			_, err := s.Task(ctx, planID(4711))
			return err
		}, nil, false},
		{
			"tree", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
				_, err := s.Subtree(ctx, planID(2_001), 0)
				return err
			},
			[]string{"tasks_parent"},
			false,
		},
		{
			"children", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
				_, err := s.Subtree(ctx, planID(2_001), 2)
				return err
			},
			[]string{"tasks_parent"},
			false,
		},
		{
			"queue", func(ctx context.Context, s *store.Store, _ drydock.Lease) error { _, err := s.Queue(ctx); return err },
			[]string{"tasks_queued", "tasks_active"},
			false,
		},
		{
			"terminating", func(ctx context.Context, s *store.Store, l drydock.Lease) error {
				_, err := s.TerminatingTasks(ctx, l)
				return err
			},
			[]string{"tasks_active"},
			false,
		},
		{
			"messages", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
				_, err := s.Messages(ctx, planID(4711), 5, 100)
				return err
			},
			[]string{"result_message_task"},
			false,
		},
		{
			"messages of many", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
				_, err := s.MessagesByTask(ctx, planIDs(100))
				return err
			},
			[]string{"result_message_task"},
			false,
		},
		{
			"error counts", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
				_, err := s.ErrorCounts(ctx, planIDs(100))
				return err
			},
			[]string{"result_message_error"},
			false,
		},
	}
}

func dataCases(after string, nodes []string) []planCase {
	return []planCase{
		{"data of a node", built(drydock.BuildDataQuery{Nodes: nodes[:1]}), []string{"build_data_node"}, false},
		{"data of a node, next page", built(drydock.BuildDataQuery{Nodes: nodes[:1], After: after}), []string{"build_data_node"}, false},
		{"data of nodes", built(drydock.BuildDataQuery{Nodes: nodes}), nil, true},
		{"data of a generator", built(drydock.BuildDataQuery{Nodes: nodes[:1], Generator: "g1"}), nil, false},
		{"data of a task", built(drydock.BuildDataQuery{Tasks: planIDs(1)}), []string{"ix_build_data_task_id"}, false},
		{"data of tasks", built(drydock.BuildDataQuery{Tasks: planIDs(20)}), []string{"ix_build_data_task_id"}, false},
		{"latest of a node", built(drydock.BuildDataQuery{Nodes: nodes[:1], Latest: true}), []string{"build_data_latest"}, false},
		{"latest of nodes", built(drydock.BuildDataQuery{Nodes: nodes, Latest: true}), []string{"build_data_latest"}, false},
		{"latest of all", built(drydock.BuildDataQuery{Latest: true}), []string{"build_data_latest"}, false},
		{"latest of a generator", built(drydock.BuildDataQuery{Generator: "g1", Latest: true}), []string{"build_data_latest"}, true},
		{"boot actions", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			_, err := s.BootActions(ctx, "n7")
			return err
		}, nil, false},
		{"boot context", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			_, err := s.BootContext(ctx, "n7")
			return err
		}, nil, false},
		{"lease history", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			_, err := s.LeaseHistory(ctx, 0)
			return err
		}, nil, false},
	}
}

func writeCases() []planCase {
	return []planCase{
		{"create", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			_, _, err := s.CreateTask(ctx, wide(30))
			return err
		}, nil, false},
		{"create with a known key", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			n := noop()
			n.Key = "key-4710"
			if _, _, err := s.CreateTask(ctx, n); err == nil {
				return fmt.Errorf("the key is not known")
			}
			return nil
		}, []string{"tasks_idempotency_key"}, false},
	}
}

func workCases() []planCase {
	return []planCase{
		{"claim", func(ctx context.Context, s *store.Store, l drydock.Lease) error {
			_, err := claimed(ctx, s, l, 1)
			return err
		}, []string{"tasks_queued"}, false},
		{"claim many and finish", func(ctx context.Context, s *store.Store, l drydock.Lease) error {
			ends, err := claimed(ctx, s, l, 16)
			if err == nil {
				_, err = s.FinishTasks(ctx, l, ends)
			}
			return err
		}, []string{"tasks_queued"}, false},
		{"work on one", func(ctx context.Context, s *store.Store, l drydock.Lease) error {
			ends, err := claimed(ctx, s, l, 1)
			if err != nil {
				return err
			}
			return workOn(ctx, s, l, ends[0].ID)
		}, []string{"tasks_parent"}, false},
		{"messages", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			if err := s.AddMessages(ctx, planID(5), drydock.Message{}); err != nil {
				return err
			}
			return s.AddMessages(ctx, planID(5), make([]drydock.Message, 3)...)
		}, nil, false},
		{
			"adopt", func(ctx context.Context, s *store.Store, l drydock.Lease) error {
				_, err := s.AdoptTasks(ctx, l, planActions[:1])
				return err
			},
			[]string{"tasks_active"},
			false,
		},
		{"lease", func(ctx context.Context, s *store.Store, l drydock.Lease) error {
			if _, err := s.RenewLease(ctx, l, time.Hour); err != nil {
				return err
			}
			if err := s.ReleaseLease(ctx, l, "why"); err != nil {
				return err
			}
			_, err := s.AcquireLease(ctx, uuid.NewString(), "next", time.Hour)
			return err
		}, nil, false},
	}
}

// planActions are some of those that the data has.
var planActions = []drydock.Action{"noop", "deploy_nodes", "verify_site", "prepare_nodes"}

// claimed claims n tasks and returns what there will be to say at their ends.
func claimed(ctx context.Context, s *store.Store, l drydock.Lease, n int) ([]drydock.TaskFinish, error) {
	tasks, err := s.ClaimTasks(ctx, l, planActions, n)
	var ends []drydock.TaskFinish
	for _, task := range tasks {
		ends = append(ends, drydock.TaskFinish{ID: task.ID, Result: drydock.Result{Status: drydock.ResultSuccess}, Messages: []drydock.Message{{Text: "end"}, {Text: "really"}}})
	}
	return ends, err
}

// workOn is what an orchestrator does with a task that it runs.
func workOn(ctx context.Context, s *store.Store, l drydock.Lease, id drydock.TaskID) error {
	if _, err := s.CreateSubtasks(ctx, l, id, []drydock.NewTask{noop(), noop()}); err != nil {
		return err
	}
	if _, err := s.HeartbeatTasks(ctx, l, append(planIDs(20), id)); err != nil {
		return err
	}
	if _, err := s.UpdateTask(ctx, l, id, func(task *drydock.Task) error { task.Result.Failure("n1"); return nil }); err != nil {
		return err
	}
	if _, err := s.RollupTask(ctx, l, id, ""); err != nil {
		return err
	}
	if _, err := s.RequeueTasks(ctx, l, append(planIDs(20), id), "why"); err != nil {
		return err
	}
	_, err := s.TerminateTask(ctx, id, "admin")
	return err
}

func purgeCases(size planSize) []planCase {
	purge := func(r drydock.Retention) func(context.Context, *store.Store, drydock.Lease) error {
		return func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			r.DryRun = true
			if dry, err := s.Purge(ctx, r); err != nil || dry.Tasks+dry.BuildData == 0 {
				return fmt.Errorf("dry run %+v: %w", dry, err)
			}
			r.DryRun = false
			_, err := s.Purge(ctx, r)
			return err
		}
	}
	return []planCase{
		{"designs", func(ctx context.Context, s *store.Store, _ drydock.Lease) error {
			d, _, err := s.AddDesign(ctx, []byte("documents"))
			if err != nil {
				return err
			}
			if _, err := s.Design(ctx, d.Digest); err != nil {
				return err
			}
			for _, dry := range []bool{true, false} {
				if _, err := s.Purge(ctx, drydock.Retention{TasksOlderThan: 100 * 365 * 24 * time.Hour, DryRun: dry}); err != nil {
					return err
				}
			}
			return nil
		}, []string{"tasks_created", "tasks_design"}, false},
		{"purge tasks", purge(drydock.Retention{TasksOlderThan: time.Duration(size.tasks-200) * time.Minute}), []string{"tasks_created", "tasks_parent", "result_message_task"}, false},
		{
			"purge data", purge(drydock.Retention{BuildDataOlderThan: time.Duration(size.data-200) * time.Minute, BuildDataKeep: 3}),
			[]string{"build_data_collected", "build_data_latest"},
			false,
		},
	}
}
