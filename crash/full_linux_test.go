package crash

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"drydock"
	"drydock/api"
	"drydock/store/storetest"
)

// room is a place for an SQLite file that can get too small, and large again.
type room struct {
	name  string
	small func(t *testing.T, s *server, database string)
	large func(t *testing.T, s *server, database string)
}

// TestFull fills the place that an SQLite file has. Writes are refused and worth a retry, reads are answered, and when there is room again all goes on.
func TestFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	places := []room{{
		"limit",
		func(t *testing.T, s *server, database string) { limitFiles(t, s, fileSize(t, database+"-wal")+100<<10) },
		func(t *testing.T, s *server, _ string) { limitFiles(t, s, 1<<62) },
	}}
	// A file system that is really full answers otherwise than a limit, but only who may mount has one to fill.
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=6m"); err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		ballast := filepath.Join(dir, "ballast")
		places = append(places, room{
			"file system",
			func(t *testing.T, _ *server, _ string) { fill(t, ballast) },
			func(t *testing.T, _ *server, _ string) {
				if err := os.Remove(ballast); err != nil {
					t.Error(err)
				}
			},
		})
	}
	for i, place := range places {
		t.Run(place.name, func(t *testing.T) {
			at := t.TempDir()
			if i > 0 {
				at = dir
			}
			checkFull(t, place, filepath.Join(at, "drydock.db"))
		})
	}
}

func checkFull(t *testing.T, place room, database string) {
	t.Helper()
	l := newLoad(t)
	s := start(t, "the server", "sqlite:"+database, "--lease-ttl", shortLease, "--design-root", l.folder.dir)
	l.ask(s)
	s.awaitTerm(t)
	l.run(2, everything)
	l.awaitAnswers(50)
	place.small(t, s, database)
	refused := l.refused.Load()
	// Long references fill what is left. They have keys, so that those whose answer was that there is no room can be repeated.
	long := 0
	create := func() error {
		ref := fmt.Sprintf("https://nowhere.example/%d/%s", long, strings.Repeat("x", 4<<10))
		task, _, err := s.CreateTask(t.Context(), api.CreateTaskRequest{Action: drydock.ActionNoop, DesignRef: ref, Key: fmt.Sprint("long", long)})
		if err == nil {
			l.mu.Lock()
			l.journal = append(l.journal, &request{action: drydock.ActionNoop, ref: ref, key: "long", id: task.TaskID})
			l.mu.Unlock()
			long++
		}
		return err
	}
	var full error
	storetest.Eventually(t, "there is no room left", func() bool {
		full = create()
		return full != nil
	})
	if !errors.Is(full, drydock.ErrUnavailable) {
		t.Errorf("no room: %v", full)
	}
	t.Logf("%d long references later: %v", long, full)
	storetest.Eventually(t, "writes are refused", func() bool { return l.refused.Load() > refused })
	storetest.Eventually(t, "the leader cannot renew its lease", func() bool {
		_ = create() // small ones may find room still
		return s.lost(t) > 0
	})
	for range 5 {
		if _, _, err := s.Tasks(t.Context(), api.TaskListQuery{}); err != nil {
			t.Errorf("read without room: %v", err)
		}
	}
	s.alive(t)
	place.large(t, s, database)
	storetest.Eventually(t, "there is room again", func() bool { return create() == nil })
	s.awaitTerm(t)
	l.awaitAnswers(50)
	l.sound(t, s)
	l.stop()
	l.verify(t, s)
	s.quiet(t, "request failed", "no longer leading")
	s.kill(t)
	checkFile(t, "sqlite:"+database)
}

// limitFiles sets how large a file may become that the process writes to.
func limitFiles(t *testing.T, s *server, size int64) {
	t.Helper()
	const fileSize = 1 // RLIMIT_FSIZE
	limit := [2]uint64{uint64(size), 1 << 62}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(s.cmd.Process.Pid), fileSize, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatalf("limit the size of files: %v", errno)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// fill writes until the file system is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("fill the file system: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}
