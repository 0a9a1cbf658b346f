package reference

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"drydock"

	"go.uber.org/goleak"
)

// fullBacklog returns an address whose host takes no further connection and refuses none: dialling it hangs.
func fullBacklog(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	must(t, errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)))
	name, err := syscall.Getsockname(fd)
	must(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 10 {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the backlog is never full")
	return ""
}

func TestHangingConnect(t *testing.T) {
	web := FetchHTTP(HTTPOptions{Policy: anyHost(t), ConnectTimeout: 50 * time.Millisecond})
	r := NewResolver(map[string]Fetcher{"http": web}, ResolverOptions{Tries: 2, Wait: time.Millisecond})
	address := fullBacklog(t)
	start := time.Now()
	_, _, err := r.Resolve(t.Context(), "http://agent:"+password+"@"+address+"/x?token="+token)
	wantError(t, err, drydock.ErrUnavailable, "no connection within 50ms")
	var e *Error
	if !errors.As(err, &e) || e.Step != StepConnect || e.Tries != 2 || time.Since(start) > 5*time.Second || strings.Contains(err.Error(), password) {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

// Files of the kernel say that they are empty and are not.
func TestFetchFileOfKernel(t *testing.T) {
	_, err := fetchSoon(t, FetchFile([]string{"/proc"}, 0), "file:///proc/version")
	wantError(t, err, drydock.ErrUnavailable, "changed while it was read")
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}

// TestLeaks has 10,000 fetches fail in every way of the table that fails soon; afterwards there are no more goroutines and descriptors than before.
func TestLeaks(t *testing.T) {
	const fetches, workers = 10_000, 16
	r, cases, _ := hostileLab(t, ResolverOptions{Tries: 1, Deadline: time.Second, BreakAfter: -1})
	var quick []hostile
	for _, c := range cases { // those that hang are cancelled here, and left out below
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, _, err := r.Resolve(ctx, c.ref); err == nil {
			t.Errorf("%s: no error", c.name)
		}
		if ctx.Err() == nil {
			quick = append(quick, c)
		}
		cancel()
	}
	if len(quick) < 100 {
		t.Fatalf("only %d cases are quick", len(quick))
	}
	ours := goleak.IgnoreCurrent()
	before := openFiles(t)
	work := make(chan string)
	failed := make(chan int)
	for range workers {
		go func() {
			n := 0
			for ref := range work {
				if _, _, err := r.Resolve(t.Context(), ref); err != nil {
					n++
				}
			}
			failed <- n
		}()
	}
	for i := range fetches {
		work <- quick[i%len(quick)].ref
	}
	close(work)
	total := 0
	for range workers {
		total += <-failed
	}
	if total != fetches {
		t.Errorf("%d of %d fetches failed", total, fetches)
	}
	end := time.Now().Add(10 * time.Second)
	for openFiles(t) > before && time.Now().Before(end) { // servers of the test close their ends a moment later
		time.Sleep(10 * time.Millisecond)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if err := goleak.Find(ours); err != nil {
		t.Error(err)
	}
}
