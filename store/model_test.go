package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"drydock"
	"drydock/store"
)

// model is what a store should hold: tasks as plain values and the few rules of their life, without time, without SQL.
type model struct {
	tasks []*drydock.Task // in order of creation
	byID  map[drydock.TaskID]*drydock.Task
	said  map[drydock.TaskID][]drydock.Message // empty text: the store's own words
	lease drydock.Lease
	old   []drydock.Lease

	orphaned map[drydock.TaskID]int // how often a task was queued again because its leader ended
}

func newModel(l drydock.Lease) *model {
	return &model{byID: map[drydock.TaskID]*drydock.Task{}, said: map[drydock.TaskID][]drydock.Message{}, orphaned: map[drydock.TaskID]int{}, lease: l}
}

// oldestFirst is the order of claims and adoptions.
func oldestFirst(a, b *drydock.Task) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

// add takes over tasks that the store has just made, if they are as asked.
func (m *model) add(t *rapid.T, made []drydock.Task, parent drydock.TaskID, ask ...drydock.NewTask) {
	rest := map[drydock.TaskID]drydock.Task{}
	for _, task := range made {
		rest[task.ID] = task
	}
	var take func(task drydock.Task, parent drydock.TaskID, n drydock.NewTask)
	take = func(task drydock.Task, parent drydock.TaskID, n drydock.NewTask) {
		if m.byID[task.ID] != nil || len(task.Subtasks) != len(n.Subtasks) {
			t.Fatalf("made %+v for %+v", task, n)
		}
		want := drydock.Task{
			ID: task.ID, Parent: parent, Subtasks: task.Subtasks, Action: n.Action, DesignRef: n.DesignRef, Status: drydock.StatusQueued,
			Result: drydock.Result{Status: drydock.ResultIncomplete}, Created: task.Created, Key: n.Key,
		}
		m.byID[task.ID] = &want
		m.tasks = append(m.tasks, &want)
		for i, child := range task.Subtasks {
			take(rest[child], task.ID, n.Subtasks[i])
		}
	}
	for i, n := range ask {
		take(made[i], parent, n)
	}
	slices.SortFunc(m.tasks, oldestFirst)
}

func (m *model) withKey(key string) *drydock.Task {
	for _, task := range m.tasks {
		if key != "" && task.Key == key {
			return task
		}
	}
	return nil
}

// mine reports whether a task is active under the present lease.
func (m *model) mine(task *drydock.Task) bool {
	return task != nil && task.Term == m.lease.Term && (task.Status == drydock.StatusRunning || task.Status == drydock.StatusTerminating)
}

func (m *model) subtree(id drydock.TaskID) []*drydock.Task {
	list := []*drydock.Task{m.byID[id]}
	for _, child := range m.byID[id].Subtasks {
		list = append(list, m.subtree(child)...)
	}
	return list
}

// terminate is the request, of the whole tree; it returns what changed.
func (m *model) terminate(id drydock.TaskID, by string) (changed []drydock.TaskID) {
	for _, task := range m.subtree(id) {
		switch task.Status {
		case drydock.StatusQueued:
			task.Status, task.Result.Status = drydock.StatusTerminated, drydock.ResultFailure
			m.said[task.ID] = append(m.said[task.ID], drydock.Message{Error: true})
		case drydock.StatusRunning:
			task.Status = drydock.StatusTerminating
		default:
			continue
		}
		task.Terminate, task.TerminatedBy = true, by
		changed = append(changed, task.ID)
	}
	return changed
}

func (m *model) claim(actions []drydock.Action, n int) (claimed []drydock.TaskID) {
	for _, task := range m.tasks {
		if len(claimed) < n && task.Status == drydock.StatusQueued && slices.Contains(actions, task.Action) {
			task.Status, task.Term = drydock.StatusRunning, m.lease.Term
			task.Attempt++
			claimed = append(claimed, task.ID)
		}
	}
	return claimed
}

func (m *model) finish(list []drydock.TaskFinish) (done []drydock.TaskID) {
	for _, f := range list {
		task := m.byID[f.ID]
		if !m.mine(task) || f.Attempt != 0 && f.Attempt != task.Attempt {
			continue
		}
		task.Status = map[drydock.TaskStatus]drydock.TaskStatus{
			drydock.StatusRunning: drydock.StatusComplete, drydock.StatusTerminating: drydock.StatusTerminated,
		}[task.Status]
		task.Result = f.Result
		m.said[f.ID] = append(m.said[f.ID], f.Messages...)
		done = append(done, f.ID)
	}
	return done
}

func (m *model) requeue(list []drydock.TaskID) (done []drydock.TaskID) {
	for _, id := range list {
		if task := m.byID[id]; m.mine(task) && task.Status == drydock.StatusRunning {
			task.Status = drydock.StatusQueued
			m.said[id] = append(m.said[id], drydock.Message{})
			done = append(done, id)
		}
	}
	return done
}

// retry reports whether there was something to try again.
func (m *model) retry(task *drydock.Task, limit int) bool {
	running := task.Status == drydock.StatusRunning && m.mine(task)
	if task.Result.Status == drydock.ResultSuccess || len(task.Result.Failures) == 0 || !(running || task.Status == drydock.StatusComplete) || task.Retry >= limit {
		return false
	}
	task.Retry++
	task.Result.Status = drydock.ResultIncomplete
	if len(task.Result.Successes) > 0 {
		task.Result.Status = drydock.ResultSuccess
	}
	if !running {
		task.Status = drydock.StatusQueued
	}
	m.said[task.ID] = append(m.said[task.ID], drydock.Message{})
	return true
}

func (m *model) rollup(task *drydock.Task, filter drydock.Action) {
	var children []drydock.Task
	for _, id := range task.Subtasks {
		children = append(children, *m.byID[id])
	}
	task.Result = drydock.Rollup(task.Result, task.Retry, children, filter)
}

func (m *model) adopt(repeatable []drydock.Action) (a drydock.Adoption) {
	var ended []*drydock.Task
	for _, task := range m.tasks {
		stopping := task.Status == drydock.StatusTerminating
		if task.Term >= m.lease.Term || task.Status != drydock.StatusRunning && !stopping {
			continue
		}
		if !stopping && slices.Contains(repeatable, task.Action) && m.orphaned[task.ID] < 2 {
			task.Status = drydock.StatusQueued
			m.orphaned[task.ID]++
			a.Requeued = append(a.Requeued, task.ID)
			m.said[task.ID] = append(m.said[task.ID], drydock.Message{})
			continue
		}
		ended = append(ended, task)
		m.said[task.ID] = append(m.said[task.ID], drydock.Message{Error: true})
		switch task.Result.Status {
		case drydock.ResultSuccess, drydock.ResultPartial:
			task.Result.Status = drydock.ResultPartial
		default:
			task.Result.Status = drydock.ResultFailure
		}
		if stopping {
			task.Status = drydock.StatusTerminated
			a.Terminated = append(a.Terminated, task.ID)
		} else {
			task.Status = drydock.StatusComplete
			a.Failed = append(a.Failed, task.ID)
		}
	}
	for _, task := range ended {
		for _, id := range m.terminate(task.ID, "") {
			if i := slices.Index(a.Requeued, id); i >= 0 {
				a.Requeued = slices.Delete(a.Requeued, i, i+1)
				a.Terminated = append(a.Terminated, id)
			}
		}
	}
	return a
}

func (m *model) queue() drydock.Queue {
	q := drydock.Queue{ByAction: map[drydock.Action]int{}}
	for _, task := range m.tasks {
		switch task.Status {
		case drydock.StatusQueued:
			q.Queued++
			q.ByAction[task.Action]++
		case drydock.StatusRunning:
			q.Running++
		case drydock.StatusTerminating:
			q.Terminating++
		}
	}
	return q
}

// purge forgets the trees that have ended.
func (m *model) purge() (p drydock.Purged) {
	for _, root := range slices.Clone(m.tasks) {
		if root.Parent != "" {
			continue
		}
		tree := m.subtree(root.ID)
		if slices.ContainsFunc(tree, func(task *drydock.Task) bool { return !task.Status.Terminal() }) {
			p.Live++
			continue
		}
		p.Trees++
		for _, task := range tree {
			p.Tasks++
			p.Messages += int64(len(m.said[task.ID]))
			delete(m.said, task.ID)
			delete(m.byID, task.ID)
		}
	}
	m.tasks = slices.DeleteFunc(m.tasks, func(task *drydock.Task) bool { return m.byID[task.ID] == nil })
	return p
}

// shown is what of a task the model knows.
func shown(task *drydock.Task) string {
	r := task.Result
	return fmt.Sprint(task.ID, task.Parent, task.Subtasks, task.Action, task.DesignRef, task.Status, r.Status, r.Successes, r.Failures, task.Retry, task.Attempt,
		task.Term, task.Terminate, task.TerminatedBy, task.Key)
}

// check compares everything.
func (m *model) check(outer testing.TB, t *rapid.T, s *store.Store) {
	list := pages(outer, s, drydock.TaskQuery{Limit: drydock.MaxPage})
	slices.Reverse(list)
	var got, want []string
	for i := range list {
		got = append(got, shown(&list[i]))
	}
	for _, task := range m.tasks {
		want = append(want, shown(task))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("tasks:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	said, err := s.MessagesByTask(outer.Context(), ids(list))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range m.said {
		got := said[id]
		same := len(got) == len(want)
		for i := 0; same && i < len(want); i++ {
			same = got[i].Error == want[i].Error && (want[i].Text == "" || want[i].Text == got[i].Text)
		}
		if !same {
			t.Fatalf("messages of %s:\n got %+v\nwant %+v", id, got, want)
		}
	}
}
