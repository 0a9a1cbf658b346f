package main

import (
	"context"
	"errors"
	"strings"

	"drydock"
)

// The exit codes, documented in the README and by drydock --help.
const (
	exitOK          = 0
	exitFailed      = 1 // a task that was waited for ended without success, a design has errors, two designs differ
	exitUsage       = 2 // wrong command line, or a request that is wrong in itself
	exitNotFound    = 3
	exitConflict    = 4
	exitUnavailable = 5
	exitDenied      = 6
	exitInternal    = 7   // anything else: a defect of ours or an error of the machine
	exitInterrupted = 130 // Ctrl-C while waiting, as shells count it
)

// exitHelp is the table of exit codes as --help prints it.
const exitHelp = `Exit codes:
  0    done; with --block: the task succeeded
  1    the task that was waited for failed, succeeded partly or was terminated; the design has errors; the designs differ
  2    wrong usage, or a request that is wrong in itself
  3    not found
  4    conflict: the present state does not allow it, or an address is in use
  5    unavailable: no server, no database, or no answer in time; worth a retry
  6    denied
  7    anything else
  130  interrupted while waiting; the task goes on`

var (
	// errUsage marks errors of the command line.
	errUsage = errors.New("usage")
	// errTaskFailed ends a command whose task did not succeed. Everything has been said by then.
	errTaskFailed = errors.New("task did not succeed")
	// errFound ends a command that has looked, and has said what is wrong or different.
	errFound = errors.New("found")
	// errInterrupted ends a command that was interrupted and has said what goes on without it.
	errInterrupted = errors.New("interrupted")
)

// usageError is an error of the command line: its text without the mark.
type usageError struct{ text string }

func (e usageError) Error() string        { return e.text }
func (e usageError) Is(target error) bool { return target == errUsage }

// exitCode maps the kind of an error to the exit code.
func exitCode(err error) int {
	for _, c := range []struct {
		kind error
		code int
	}{
		{nil, exitOK},
		{errTaskFailed, exitFailed},
		{errFound, exitFailed},
		{errInterrupted, exitInterrupted},
		{errUsage, exitUsage},
		{drydock.ErrNotFound, exitNotFound},
		{drydock.ErrConflict, exitConflict},
		{drydock.ErrLeaseLost, exitConflict},
		{drydock.ErrUnavailable, exitUnavailable},
		{context.DeadlineExceeded, exitUnavailable},
		{drydock.ErrDenied, exitDenied},
		{drydock.ErrInvalid, exitUsage},
		{context.Canceled, exitInterrupted},
	} {
		if errors.Is(err, c.kind) {
			return c.code
		}
	}
	return exitInternal
}

// errorLine is what a person reads of an error: one line, without the kinds' own names where the text already says it.
func errorLine(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return "drydock: " + strings.TrimPrefix(strings.ReplaceAll(strings.Join(lines, "; "), ":; ", ": "), drydock.ErrInvalid.Error()+": ")
}
