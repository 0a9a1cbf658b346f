package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"drydock"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errTaskFailed, 1},
		{usageError{"x"}, 2},
		{fmt.Errorf("create task: %w: x", drydock.ErrInvalid), 2},
		{fmt.Errorf("read task: %w: x", drydock.ErrNotFound), 3},
		{fmt.Errorf("%w: x", drydock.ErrConflict), 4},
		{fmt.Errorf("%w: x", drydock.ErrLeaseLost), 4},
		{fmt.Errorf("%w: x", drydock.ErrUnavailable), 5},
		{fmt.Errorf("%w: x", drydock.ErrUnknown), 5},
		{context.DeadlineExceeded, 5},
		{fmt.Errorf("%w: x", drydock.ErrDenied), 6},
		{errors.New("x"), 7},
		{errInterrupted, 130},
		{context.Canceled, 130},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

// TestExitCodesTold checks that help and README list the same codes, and every one that exists.
func TestExitCodesTold(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{exitOK, exitFailed, exitUsage, exitNotFound, exitConflict, exitUnavailable, exitDenied, exitInternal, exitInterrupted} {
		if !strings.Contains(exitHelp, fmt.Sprintf("\n  %-5d", code)) {
			t.Errorf("--help does not list exit code %d", code)
		}
		if !strings.Contains(string(readme), fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("the README does not list exit code %d", code)
		}
	}
}

func TestErrorLine(t *testing.T) {
	err := fmt.Errorf("%w: these:\n\ttwo\n\n\tlines\n", drydock.ErrInvalid)
	if got := errorLine(err); got != "drydock: these: two; lines" {
		t.Errorf("%q", got)
	}
}
