package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drydock"
	"drydock/store"
	"drydock/store/storetest"
)

// openSmall opens a store that keeps designs of 100 bytes, 1000 in all.
func openSmall(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, store.Options{MaxDesign: 100, MaxDesigns: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// documents are n bytes that no other number has.
func documents(n, number int) []byte {
	return append(bytes.Repeat([]byte("x"), n-8), fmt.Sprintf("%08d", number)...)
}

func addDesign(t testing.TB, s *store.Store, body []byte) drydock.StoredDesign {
	t.Helper()
	d, _, err := s.AddDesign(t.Context(), body)
	if err != nil {
		t.Fatalf("add design: %v", err)
	}
	return d
}

// unused sets back when a design was last brought.
func unused(t testing.TB, url string, d drydock.StoredDesign, age time.Duration) {
	t.Helper()
	db := raw(t, url)
	db.exec(t, `UPDATE designs SET used = `+db.before(age)+` WHERE digest = '`+d.Digest+`'`)
}

func kept(t testing.TB, s *store.Store, d drydock.StoredDesign) bool {
	t.Helper()
	_, err := s.Design(t.Context(), d.Digest)
	if err != nil && !errors.Is(err, drydock.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestDesign(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := openSmall(t, url)
		body := []byte("---\nkind: Region\x00\xff\n")
		sum := sha256.Sum256(body)
		d, created, err := s.AddDesign(t.Context(), body)
		if err != nil || !created || d.Digest != hex.EncodeToString(sum[:]) || d.Size != int64(len(body)) || d.Ref() != "design://sha256/"+d.Digest {
			t.Fatalf("added %+v, %t, %v", d, created, err)
		}
		recent(t, "created", d.Created)
		unused(t, url, d, month)
		if again, created, err := s.AddDesign(t.Context(), body); err != nil || created || again != d {
			t.Errorf("added again: %+v, %t, %v", again, created, err)
		}
		if got, err := s.Design(t.Context(), d.Digest); err != nil || !bytes.Equal(got, body) {
			t.Errorf("read %q, %v", got, err)
		}
		if got, err := s.Purge(t.Context(), drydock.Retention{TasksOlderThan: day}); err != nil || got.Designs != 0 {
			t.Errorf("what was brought again was deleted: %+v, %v", got, err)
		}
		for _, digest := range []string{"", "x", strings.Repeat("0", 64), strings.ToUpper(d.Digest), "'; --"} {
			_, err := s.Design(t.Context(), digest)
			wantKind(t, digest, err, drydock.ErrNotFound)
		}
		_, _, err = s.AddDesign(t.Context(), nil)
		wantInvalid(t, "nothing", err, "0 bytes")
		_, _, err = s.AddDesign(t.Context(), documents(101, 1))
		wantInvalid(t, "too much", err, "101 bytes", "100")
		addDesign(t, s, documents(100, 1))
	})
}

// Where there is no room the longest unused make some, but neither those that a task refers to, pinned or not, nor those that were just brought.
func TestDesignRoom(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := openSmall(t, url)
		var all []drydock.StoredDesign
		for i := range 10 {
			all = append(all, addDesign(t, s, documents(100, i)))
		}
		more := func(i int) error {
			_, _, err := s.AddDesign(t.Context(), documents(100, i))
			return err
		}
		err := more(10)
		wantKind(t, "all were just brought", err, drydock.ErrConflict)
		if !strings.Contains(err.Error(), "task delete") || !strings.Contains(err.Error(), "max_stored") {
			t.Errorf("no remedy: %v", err)
		}
		for i, d := range all[:8] {
			unused(t, url, d, time.Duration(60-i)*time.Minute)
		}
		refer(t, s, all[0].Ref())
		refer(t, s, all[2].Ref()+"#sha256="+all[2].Digest)
		if err := more(11); err != nil || !kept(t, s, all[0]) || kept(t, s, all[1]) || !kept(t, s, all[2]) || !kept(t, s, all[3]) {
			t.Errorf("room for one: %v; kept %t %t %t %t", err, kept(t, s, all[0]), kept(t, s, all[1]), kept(t, s, all[2]), kept(t, s, all[3]))
		}
		for i := range 5 { // 3 to 7
			if err := more(20 + i); err != nil || kept(t, s, all[3+i]) {
				t.Errorf("room for one more: %v", err)
			}
		}
		wantKind(t, "the rest is in use or young", more(30), drydock.ErrConflict)
		if !kept(t, s, all[0]) || !kept(t, s, all[2]) || !kept(t, s, all[9]) {
			t.Error("something in use was deleted")
		}
		if _, created, err := s.AddDesign(t.Context(), documents(100, 9)); err != nil || created {
			t.Errorf("what is there needs no room: %t, %v", created, err)
		}
	})
}

func refer(t testing.TB, s *store.Store, ref string) drydock.Task {
	t.Helper()
	n := noop()
	n.DesignRef = ref
	return create(t, s, n)
}

// Many at the same time never have more kept than is allowed, and each of them is kept or told why not.
func TestDesignConcurrent(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		stores := []*store.Store{openSmall(t, url), openSmall(t, url)}
		const writers, each = 8, 6
		var added, refused, first atomic.Int32
		together(writers, func(w int) {
			for i := range each {
				number := i // the first of every writer are the same
				if i > 1 {
					number = w*100 + i
				}
				_, created, err := stores[w%2].AddDesign(t.Context(), documents(100, number))
				switch {
				case errors.Is(err, drydock.ErrConflict):
					refused.Add(1)
				case err != nil:
					t.Errorf("add: %v", err)
				case created && i < 2:
					first.Add(1)
				case created:
					added.Add(1)
				}
			}
		})
		var n, size int64
		if err := raw(t, url).QueryRow(`SELECT count(*), CAST(sum(size) AS bigint) FROM designs`).Scan(&n, &size); err != nil {
			t.Fatal(err)
		}
		if size != 1000 || n != 10 || first.Load() > 2 || int64(added.Load()+first.Load()) != n || refused.Load() == 0 {
			t.Errorf("%d kept with %d bytes; %d + %d added, %d refused", n, size, first.Load(), added.Load(), refused.Load())
		}
	})
}

// Retention takes designs with the last task that refers to them, an hour after they were brought.
func TestPurgeDesigns(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := openSmall(t, url)
		l := storetest.Lead(t, s)
		used, pinned, never, young := addDesign(t, s, documents(9, 1)), addDesign(t, s, documents(9, 2)), addDesign(t, s, documents(9, 3)), addDesign(t, s, documents(9, 4))
		for _, d := range []drydock.StoredDesign{used, pinned, never} {
			unused(t, url, d, 61*time.Minute)
		}
		unused(t, url, young, 59*time.Minute)
		old, other := refer(t, s, used.Ref()), refer(t, s, used.Ref())
		refer(t, s, pinned.Ref()+"#sha256="+strings.ToUpper(pinned.Digest))
		claim(t, s, l, 3)
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, old.ID, other.ID)
		makeOld(t, url, old.ID, month)

		rule := drydock.Retention{TasksOlderThan: day, DryRun: true}
		if got, err := s.Purge(t.Context(), rule); err != nil || got.Designs != 1 || got.Tasks != 1 {
			t.Errorf("dry run: %+v, %v", got, err)
		}
		rule.DryRun = false
		if got, err := s.Purge(t.Context(), rule); err != nil || got.Designs != 1 || kept(t, s, never) || !kept(t, s, used) || !kept(t, s, pinned) || !kept(t, s, young) {
			t.Errorf("one task still refers: %+v, %v", got, err)
		}
		makeOld(t, url, other.ID, month)
		if got, err := s.Purge(t.Context(), rule); err != nil || got.Designs != 1 || kept(t, s, used) || !kept(t, s, pinned) {
			t.Errorf("none refers: %+v, %v", got, err)
		}
		if got, err := s.Purge(t.Context(), drydock.Retention{BuildDataOlderThan: day}); err != nil || got.Designs != 0 {
			t.Errorf("no tasks were to be deleted: %+v, %v", got, err)
		}
	})
}

func TestResolution(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := storetest.OpenURL(t, url)
		l := storetest.Lead(t, s)
		at := time.Now().UTC().Truncate(time.Microsecond)
		want := &drydock.Resolution{
			Ref: "https://***@h/x?a=<b>&c", Digest: strings.Repeat("ab", 32), Size: 1 << 40, ETag: `W/"ä"`, Origin: drydock.OriginStale,
			Resolved: at, Fetched: at.Add(-time.Hour), Attempts: 3, Took: 1234567 * time.Microsecond,
		}
		small := &drydock.Resolution{Ref: "file:///x", Origin: drydock.OriginSource, Resolved: at, Attempts: 1}
		tasks := []drydock.Task{running(t, s, l), running(t, s, l), running(t, s, l)}
		_, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{
			{ID: tasks[0].ID, Result: drydock.Result{Status: drydock.ResultSuccess}, Resolution: want, Messages: []drydock.Message{{Text: "said"}}},
			{ID: tasks[1].ID, Result: drydock.Result{Status: drydock.ResultFailure, Failures: []string{"n"}}, Resolution: small},
			{ID: tasks[2].ID, Result: drydock.Result{Status: drydock.ResultSuccess}},
		})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "read back", get(t, s, tasks[0].ID).Resolution, want)
		wantEqual(t, "the smallest", get(t, s, tasks[1].ID).Resolution, small)
		if got := get(t, s, tasks[2].ID).Resolution; got != nil {
			t.Errorf("none was given: %+v", got)
		}
		listed := map[drydock.TaskID]*drydock.Resolution{}
		for _, task := range pages(t, s, drydock.TaskQuery{Limit: 2}) {
			listed[task.ID] = task.Resolution
		}
		wantEqual(t, "listed", listed, map[drydock.TaskID]*drydock.Resolution{tasks[0].ID: want, tasks[1].ID: small, tasks[2].ID: nil})

		// Tried again, it keeps the record until there is another.
		if _, err := s.RetryTask(t.Context(), l, tasks[1].ID, 3); err != nil {
			t.Fatal(err)
		}
		claim(t, s, l, 1)
		finish(t, s, l, drydock.Result{Status: drydock.ResultSuccess}, tasks[1].ID)
		wantEqual(t, "after a second run that resolved nothing", get(t, s, tasks[1].ID).Resolution, small)

		other := running(t, s, l)
		for what, bad := range map[string]drydock.Resolution{
			"NUL": {Ref: "x\x00"}, "long": {Ref: strings.Repeat("x", drydock.MaxDesignRef+1)}, "etag": {ETag: strings.Repeat("x", 2000)}, "negative": {Size: -1},
		} {
			_, err := s.FinishTasks(t.Context(), l, []drydock.TaskFinish{{ID: other.ID, Result: drydock.Result{Status: drydock.ResultSuccess}, Resolution: &bad}})
			wantInvalid(t, what, err)
		}
		for _, odd := range []string{"", "null", "[]", "{broken", `{"bytes": "many"}`, "1"} {
			raw(t, url).exec(t, `UPDATE tasks SET resolution = $1, version = version + 1 WHERE status = 'running'`, odd)
			if got := get(t, s, other.ID); got.Resolution != nil {
				t.Errorf("%q is read as %+v", odd, got.Resolution)
			}
		}
	})
}
