package api

import (
	"context"
	"net/http"
	"strconv"

	"drydock"
)

// taskOptions is what a client wants to see of one task.
type taskOptions struct {
	layers                      int // 0: the plain form; -1: every layer; other negative numbers: only the task itself, as upstream has it
	buildData, errors, messages bool
}

func readTaskOptions(r *http.Request) (taskOptions, error) {
	q := readQuery(r, "builddata", "subtaskerrors", "layers", "messages")
	o := taskOptions{buildData: q.flag("builddata", false), errors: q.flag("subtaskerrors", false), messages: q.flag("messages", true)}
	if value, given := q.one("layers"); given {
		n, err := strconv.Atoi(value)
		if err != nil {
			q.fail("Query parameter \"layers\" must be a whole number, not %.60q", value)
		}
		o.layers = n
	}
	return o, q.err
}

// depth is how far down the tree has to be read.
func (o taskOptions) depth() int {
	switch {
	case o.errors || o.layers == -1 || o.layers > drydock.MaxDepth:
		return 0 // everything
	case o.layers < 1:
		return 1
	}
	return o.layers
}

// getTask answers one task, or in the layers form several generations of its tree.
func (s *server) getTask(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	o, err := readTaskOptions(r)
	if err != nil {
		return err
	}
	if o.layers != 0 || o.errors {
		return s.getTree(w, r, id, o)
	}
	t, err := s.deps.Tasks.Task(r.Context(), id)
	if err != nil {
		return missing(r, err)
	}
	task, err := s.wire(r.Context(), t, o.messages)
	if err != nil {
		return err
	}
	if o.buildData {
		data, err := s.allBuildData(r.Context(), []drydock.TaskID{t.ID})
		if err != nil {
			return err
		}
		task.BuildData = wireBuildData(data[t.ID])
	}
	return writeJSON(w, http.StatusOK, task)
}

// getTree answers what needs more than the task itself: its layers, or the errors below it.
func (s *server) getTree(w http.ResponseWriter, r *http.Request, id drydock.TaskID, o taskOptions) error {
	tree, err := s.deps.Tasks.Subtree(r.Context(), id, o.depth())
	if err != nil {
		return missing(r, err)
	}
	all, err := s.details(r.Context(), tree, o.messages || o.errors)
	if err != nil {
		return err
	}
	form := TaskLayers{InitTaskID: id}
	if form.Tasks, err = s.wireLayers(r.Context(), tree, all, o); err != nil {
		return err
	}
	if o.errors {
		form.Errors = subtaskErrors(tree, all)
	}
	if o.layers != 0 {
		return writeJSON(w, http.StatusOK, form)
	}
	task := form.Tasks[0]
	task.Errors = form.Errors
	return writeJSON(w, http.StatusOK, task)
}

// wireLayers gives the tasks of a tree, root first, that are in the layers asked for.
func (s *server) wireLayers(ctx context.Context, tree []drydock.Task, all map[drydock.TaskID]detail, o taskOptions) ([]Task, error) {
	layer := make(map[drydock.TaskID]int, len(tree))
	var tasks []Task
	var ids []drydock.TaskID
	for i := range tree {
		t := &tree[i]
		layer[t.ID] = 1
		if i > 0 {
			layer[t.ID] = layer[t.Parent] + 1
		}
		if o.layers != -1 && layer[t.ID] > max(o.layers, 1) {
			break // breadth first: nothing nearer follows
		}
		d := all[t.ID]
		if !o.messages {
			d.messages = nil
		}
		tasks = append(tasks, s.task(t, d))
		ids = append(ids, t.ID)
	}
	if !o.buildData {
		return tasks, nil
	}
	data, err := s.allBuildData(ctx, ids)
	for i := range tasks {
		tasks[i].BuildData = wireBuildData(data[ids[i]])
	}
	return tasks, err
}

// subtaskErrors gives the results of all descendants that have errors, whatever their layer. The results inside the tasks stay as they are.
func subtaskErrors(tree []drydock.Task, all map[drydock.TaskID]detail) OrderedSubtaskErrors {
	found := OrderedSubtaskErrors{}
	for i := range tree[1:] {
		t := &tree[1+i]
		if d := all[t.ID]; d.errors > 0 {
			found = append(found, SubtaskError{wireStatus(&t.Result, d), t.ID})
		}
	}
	return found
}
