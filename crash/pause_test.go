package crash

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"drydock"
	"drydock/api"
	"drydock/store/storetest"
)

// watchWrites has the database note who writes to a task, or adds a message, and who holds the lease in that moment. The write names its term, so it
// holds the row of the lease: what is noted is what was in force.
const watchWrites = `
	CREATE TABLE witness (writer text, term bigint, leader text, what text, at timestamptz DEFAULT clock_timestamp());
	CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO witness (writer, term, leader, what)
			SELECT current_setting('application_name'), max(term), max(name), TG_OP || ' ' || TG_TABLE_NAME || ' ' || to_jsonb(NEW) FROM active_instance;
		RETURN NULL;
	END $$;
	CREATE TRIGGER witness AFTER UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION witness();
	CREATE TRIGGER witness AFTER INSERT ON result_message FOR EACH ROW EXECUTE FUNCTION witness();`

// TestPause stops the leader of two servers with SIGSTOP past the end of its lease while it is at work, lets the other take over, and continues it. What
// it was at is answered meanwhile, wrongly. It must record nothing; the one that leads now must, and when that one dies the first leads again.
func TestPause(t *testing.T) {
	t.Parallel()
	database := storetest.PostgresURL(t)
	conn := dial(t, database)
	if _, err := conn.Exec(t.Context(), watchWrites); err != nil {
		t.Fatal(err)
	}
	l := newLoad(t)
	begin := func(name string) *server {
		return start(t, name, named(t, database, name), "--lease-ttl", shortLease, "--concurrency", "16")
	}
	leader := begin("first")
	term := leader.awaitTerm(t)
	other := begin("second")
	l.ask(other)                     // whoever is stopped answers nobody
	l.run(2, mix{noop: 1, keyed: 1}) // nothing that an API may write to a task that runs
	for round := range rounds(t) {
		term = pauseLeader(t, l, leader, other, term, fmt.Sprintf("/held/%d/", round))
		leader, other = other, leader
		l.ask(other)
	}
	leader.kill(t)
	died := time.Now()
	if next := other.awaitTerm(t); next != term+1 {
		t.Errorf("term %d follows term %d", next, term)
	}
	if took := time.Since(died); took > takeOver {
		t.Errorf("the other leads %v after the leader's death; want %v", took, takeOver)
	}
	l.awaitAnswers(50)
	l.stop()
	l.verify(t, other)
	for _, s := range []*server{leader, other} {
		s.quiet(t, "no longer leading")
	}
	checkWitness(t, conn, leader, other)
}

// pauseLeader takes the lead from one server to the other and returns the new term.
func pauseLeader(t *testing.T, l *load, leader, other *server, term int64, path string) int64 {
	t.Helper()
	var held []drydock.TaskID
	for n := range 6 {
		task, _, err := other.CreateTask(t.Context(), api.CreateTaskRequest{
			Action: drydock.ActionValidateDesign, DesignRef: fmt.Sprintf("%s%s%d", l.designs.url, path, n),
		})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, task.TaskID)
		l.mu.Lock()
		l.journal = append(l.journal, &request{action: task.Action, ref: task.DesignRef, id: task.TaskID})
		l.mu.Unlock()
	}
	storetest.Eventually(t, "the leader is at work", func() bool { return len(l.designs.waiting(path)) == len(held) })
	l.awaitAnswers(20)
	losses := leader.lost(t)
	leader.pause(t)
	stopped := time.Now()
	mistaken := l.designs.waiting(path)
	for _, v := range mistaken[:len(held)/2] { // these have their answer when the leader wakes up, the others get it then
		v.answer <- wrongDesign
	}
	next := other.awaitTerm(t)
	t.Logf("stopped: the other leads after %v", time.Since(stopped).Round(time.Millisecond))
	if next != term+1 {
		t.Errorf("term %d follows term %d", next, term)
	}
	storetest.Eventually(t, "the other does the work", func() bool { return len(l.designs.waiting(path)) == len(held)/2+len(held) })
	leader.signal(t, syscall.SIGCONT)
	for _, v := range mistaken[len(held)/2:] {
		v.answer <- wrongDesign
	}
	storetest.Eventually(t, "the old leader knows", func() bool { return leader.lost(t) > losses })
	leader.alive(t)
	storetest.Eventually(t, "the old leader has left its work", func() bool { return len(l.designs.waiting(path)) == len(held) })
	for _, v := range l.designs.waiting(path) {
		v.answer <- rightDesign
	}
	for _, id := range held {
		var task api.Task
		storetest.Eventually(t, "the work is done", func() bool {
			var err error
			task, err = other.Task(t.Context(), string(id), api.TaskOptions{})
			return err == nil && task.Status.Terminal()
		})
		if task.Result.Status != drydock.ResultSuccess {
			t.Errorf("task %s tells what the old leader found: %+v", id, task.Result)
		}
	}
	return next
}

// checkWitness fails the test if somebody wrote while another led.
func checkWitness(t *testing.T, conn *pgx.Conn, servers ...*server) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT writer, term, coalesce(leader, 'nobody'), what FROM witness ORDER BY at`)
	if err != nil {
		t.Fatal(err)
	}
	type write struct {
		Writer string
		Term   *int64
		Leader string
		What   string
	}
	writes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[write])
	if err != nil {
		t.Fatal(err)
	}
	process := map[string]string{}
	for _, s := range servers {
		process[s.name] = fmt.Sprintf("/%d", s.cmd.Process.Pid)
	}
	if len(writes) == 0 {
		t.Error("nobody has seen a write")
	}
	for _, w := range writes {
		if own := process[w.Writer]; own == "" || !strings.HasSuffix(w.Leader, own) {
			t.Errorf("%s%s wrote while %s led: %s", w.Writer, own, w.Leader, w.What)
		}
	}
	t.Logf("%d writes, each by who led", len(writes))
}

// dial connects to a database beside the servers, until the end of the test.
func dial(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the server may be gone by then
	return conn
}

// named is the URL of a database under which its sessions show a name.
func named(t *testing.T, database, name string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("application_name", name)
	u.RawQuery = q.Encode()
	return u.String()
}
