package crash

import (
	"testing"
	"time"

	"drydock/store"
	"drydock/store/storetest"
)

// TestSharedFile runs two servers on one SQLite file, both under load, and kills one after the other. Nothing is lost and the file stays whole.
func TestSharedFile(t *testing.T) {
	t.Parallel()
	database := storetest.EmptySQLiteURL(t)
	l := newLoad(t)
	begin := func(name string) *server {
		return start(t, name, database, "--lease-ttl", shortLease, "--design-root", l.folder.dir)
	}
	leader := begin("first")
	leader.awaitTerm(t)
	other := begin("second")
	l.ask(leader, other)
	l.run(4, everything)
	for range rounds(t) {
		l.awaitAnswers(100)
		l.sound(t, leader)
		l.ask(other)
		leader.kill(t)
		died := time.Now()
		other.awaitTerm(t)
		took := time.Since(died)
		t.Logf("killed: the other leads after %v", took.Round(time.Millisecond))
		if took > takeOver {
			t.Errorf("the other leads %v after the leader's death; want %v", took, takeOver)
		}
		leader.quiet(t)
		leader, other = other, begin("another")
		l.ask(leader, other)
	}
	l.awaitAnswers(100)
	l.stop()
	l.verify(t, other)
	for _, s := range []*server{leader, other} {
		s.quiet(t)
		s.kill(t)
	}
	checkFile(t, database)
}

// checkFile has SQLite check a file that nobody uses any more.
func checkFile(t *testing.T, database string) {
	t.Helper()
	db, err := store.OpenBare(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var said string
	if err := db.QueryRowContext(t.Context(), "SELECT group_concat(integrity_check, '; ') FROM pragma_integrity_check").Scan(&said); err != nil || said != "ok" {
		t.Errorf("the file is not whole: %s, %v", said, err)
	}
	var broken int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pragma_foreign_key_check").Scan(&broken); err != nil || broken != 0 {
		t.Errorf("%d references lead nowhere, %v", broken, err)
	}
}
