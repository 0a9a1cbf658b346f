//go:build !linux

package crash

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func withTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// residentKB is the memory of a process that is not swapped out or given back.
func residentKB(t *testing.T, pid int) int {
	t.Helper()
	text, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	kb, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return kb
}
