package crash

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"drydock/store/storetest"
)

// program is the program under test, built once for all tests.
var program string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "drydock-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(folder, "drydock")
	build := exec.Command("go", "build", "-o", program, "../cmd/drydock")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped, also when the tests run under the race detector
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, errors.Join(fmt.Errorf("build drydock: %w", err), os.RemoveAll(folder)))
		os.Exit(1)
	}
	// Most of the time these tests wait for a lease to end; more of them than there are processors can do that together.
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	storetest.Main(m)
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// rounds says how often a test repeats what it does.
func rounds(t *testing.T) int {
	t.Helper()
	text, set := os.LookupEnv("DRYDOCK_CRASH_ROUNDS")
	if !set {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("DRYDOCK_CRASH_ROUNDS=%q is not a number of rounds", text)
	}
	return n
}
