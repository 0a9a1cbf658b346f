package crash

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"drydock"
	"drydock/api"
	"drydock/store/storetest"
)

const (
	shortLease = "2s"
	leaseTime  = 2 * time.Second
	takeOver   = leaseTime + 1500*time.Millisecond // from the death of a leader until another leads
	handOver   = time.Second                       // from the request to stop until another leads
)

// TestTakeOver kills the leader of two servers under load, again and again; the other leads within the lease and a little.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	database := storetest.EmptyPostgresURL(t)
	l := newLoad(t)
	begin := func(name string) *server {
		return start(t, name, database, "--lease-ttl", shortLease, "--design-root", l.folder.dir)
	}
	leader := begin("first")
	term := leader.awaitTerm(t)
	other := begin("second")
	l.ask(leader, other)
	l.run(4, everything)
	for range rounds(t) {
		l.awaitAnswers(50)
		l.ask(other)
		leader.kill(t)
		died := time.Now()
		next := other.awaitTerm(t)
		took := time.Since(died)
		t.Logf("killed: the other leads after %v", took.Round(time.Millisecond))
		if took > takeOver {
			t.Errorf("the other leads %v after the leader's death; want %v", took, takeOver)
		}
		checkTerm(t, other, term, next, "expired")
		leader.quiet(t)
		leader, other, term = other, begin("another"), next
		l.ask(leader, other)
	}
	l.awaitAnswers(50)
	l.stop()
	l.verify(t, other)
	leader.quiet(t)
	other.quiet(t)
}

// TestHandOver stops the leader of two servers under load in order: the other leads at once, long before the lease would end, and nobody notices
// but those who were asking the one that stopped.
func TestHandOver(t *testing.T) {
	t.Parallel()
	database := storetest.EmptyPostgresURL(t)
	l := newLoad(t)
	begin := func(name string) *server {
		return start(t, name, database, "--lease-ttl", "1m", "--design-root", l.folder.dir)
	}
	leader := begin("first")
	term := leader.awaitTerm(t)
	other := begin("second")
	l.ask(leader, other)
	l.run(4, mix{noop: 70, keyed: 10, site: 10, terminated: 10})
	for range rounds(t) {
		l.awaitAnswers(50)
		l.ask(other)
		leader.signal(t, syscall.SIGTERM)
		told := time.Now()
		next := other.awaitTerm(t)
		took := time.Since(told)
		t.Logf("stopped: the other leads after %v", took.Round(time.Millisecond))
		if took > handOver {
			t.Errorf("the other leads %v after the leader was told to stop; want %v", took, handOver)
		}
		<-leader.exited
		if leader.err != nil {
			t.Errorf("%s: %v", leader.name, leader.err)
		}
		checkTerm(t, other, term, next, "released: shutdown")
		leader.quiet(t)
		leader, other, term = other, begin("another"), next
		l.ask(leader, other)
	}
	l.awaitAnswers(50)
	l.stop()
	l.verify(t, other)
	leader.quiet(t)
	other.quiet(t)
}

// checkTerm checks what the history says of a change of leader.
func checkTerm(t *testing.T, s *server, old, next int64, reason string) {
	t.Helper()
	status, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(status.Terms, func(term api.Term) bool { return term.Term == old })
	switch {
	case next != old+1:
		t.Errorf("term %d follows term %d", next, old)
	case i != 1 || status.Terms[0].Term != next:
		t.Errorf("the history does not begin with terms %d and %d: %+v", next, old, status.Terms)
	case status.Terms[1].Reason != api.Optional(reason) || status.Terms[1].Ended.IsZero() || !status.Terms[0].Ended.IsZero():
		t.Errorf("the history says %+v; want that the older one ended: %s", status.Terms[:2], reason)
	}
}

// TestStopAtWork stops a leader that is at work: it gives back what it cannot finish, and the other server does it.
func TestStopAtWork(t *testing.T) {
	t.Parallel()
	database := storetest.EmptyPostgresURL(t)
	d := serveDesigns(t)
	first := start(t, "first", database, "--lease-ttl", "1m")
	first.awaitTerm(t)
	second := start(t, "second", database, "--lease-ttl", "1m")
	task, _, err := second.CreateTask(t.Context(), api.CreateTaskRequest{Action: drydock.ActionValidateDesign, DesignRef: d.url + "/held/x"})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "the task runs", func() bool { return len(d.waiting("/held/x")) == 1 })
	first.signal(t, syscall.SIGTERM)
	<-first.exited
	gone := time.Now()
	if first.err != nil {
		t.Errorf("first: %v", first.err)
	}
	second.awaitTerm(t)
	if took := time.Since(gone); took > handOver {
		t.Errorf("the other leads %v after the leader's end; want %v", took, handOver)
	}
	storetest.Eventually(t, "the task runs again", func() bool { return len(d.waiting("/held/x")) == 1 })
	d.waiting("/held/x")[0].answer <- rightDesign
	storetest.Eventually(t, "the task ends", func() bool {
		task, err = second.Task(t.Context(), string(task.TaskID), api.TaskOptions{})
		return err == nil && task.Status.Terminal()
	})
	if task.Status != drydock.StatusComplete || task.Result.Status != drydock.ResultSuccess {
		t.Errorf("the task is %s: %+v", task.Status, task.Result)
	}
	first.quiet(t)
	second.quiet(t)
}
