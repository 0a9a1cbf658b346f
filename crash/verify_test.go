package crash

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/store/storetest"
)

// unanswered tells a server that could not be reached, or that ended before it answered, from one that answered that it cannot.
func unanswered(err error) bool {
	var network *net.OpError
	var broken *url.Error
	return errors.As(err, &network) || errors.As(err, &broken) || strings.Contains(err.Error(), "no answer from")
}

// verify waits until the work is done and compares the journal with what is there.
func (l *load) verify(t *testing.T, s *server) {
	t.Helper()
	storetest.Eventually(t, "all work is done", func() bool {
		s.alive(t)
		status, err := s.Status(t.Context())
		return err == nil && status.Queue.Queued+status.Queue.Running+status.Queue.Terminating == 0
	})
	found := map[string][]api.Task{}
	tasks := l.everyTask(t, s)
	for _, task := range tasks {
		found[task.DesignRef] = append(found[task.DesignRef], task)
		if !task.Status.Terminal() {
			t.Errorf("task %s is %s and nobody works", task.TaskID, task.Status)
		}
	}
	acknowledged, unknown, gaveUp := 0, 0, 0
	for _, r := range l.journal {
		have := found[r.ref]
		delete(found, r.ref)
		switch {
		case r.id == "" && r.key == "" && len(have) == 1:
			unknown++ // done, though nobody was told
		case r.id == "" && r.key == "" && len(have) == 0:
			continue
		case r.id == "" || len(have) != 1 || have[0].TaskID != r.id:
			t.Errorf("%s %s (key %q): acknowledged as %q, there are %d: %v", r.action, r.ref, r.key, r.id, len(have), ids(have))
			continue
		default:
			acknowledged++
		}
		if r.check(t, &have[0]) {
			gaveUp++
		}
	}
	for ref, have := range found {
		t.Errorf("nobody asked for %s: %v", ref, ids(have))
	}
	t.Logf("%d tasks, %d of them acknowledged, %d made by requests without an answer, %d failed because their leaders died; %d requests were answered, "+
		"%d refused with retry, %d had no answer; the slowest took %v", len(tasks), acknowledged, unknown, gaveUp, l.answered.Load(), l.refused.Load(),
		l.silent.Load(), time.Duration(l.slowest.Load()).Round(time.Millisecond))
}

// check compares a request with its task. It reports whether the task failed because its leader died too often.
func (r *request) check(t *testing.T, task *api.Task) (gaveUp bool) {
	t.Helper()
	said := 0
	for _, m := range task.Result.Details.MessageList {
		switch {
		case m.Message == "Noop action.":
			said++
		case m.Error && strings.Contains(m.Message, "leader"):
			gaveUp = task.Status == drydock.StatusComplete
		}
	}
	switch {
	case r.ended != "" && r.ended != drydock.StatusComplete && r.ended != drydock.StatusTerminating && r.ended != drydock.StatusTerminated:
		t.Errorf("%s %s: its termination was acknowledged, and it was %s", r.action, task.TaskID, r.ended)
	case r.ended != "" && r.ended != drydock.StatusComplete && task.Status != drydock.StatusTerminated:
		t.Errorf("%s %s: its termination was acknowledged when it was %s; it is %s", r.action, task.TaskID, r.ended, task.Status)
	case (r.ended == "" || r.ended == drydock.StatusComplete) && task.Status != drydock.StatusComplete:
		t.Errorf("%s %s: it is %s, without a request or after its completion was shown", r.action, task.TaskID, task.Status)
	case task.Status == drydock.StatusComplete && task.Result.Status != drydock.ResultSuccess && !gaveUp:
		t.Errorf("%s %s: %s: %+v", r.action, task.TaskID, task.Result.Status, task.Result)
	case said > 1 || said == 0 && r.action == drydock.ActionNoop && task.Result.Status == drydock.ResultSuccess:
		t.Errorf("%s %s has its message %d times", r.action, task.TaskID, said)
	}
	return gaveUp
}

// everyTask lists all tasks with their messages.
func (l *load) everyTask(t *testing.T, s *server) []api.Task {
	t.Helper()
	var all []api.Task
	q := api.TaskListQuery{TaskQuery: drydock.TaskQuery{Limit: drydock.MaxPage}}
	for {
		page, next, err := s.Tasks(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		q.After = next
	}
}

func ids(tasks []api.Task) []drydock.TaskID {
	list := make([]drydock.TaskID, 0, len(tasks))
	for i := range tasks {
		list = append(list, tasks[i].TaskID)
	}
	slices.Sort(list)
	return list
}
