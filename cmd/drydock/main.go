package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default handling is back, so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	env := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	os.Exit(run(ctx, os.Args, env, screenOf(os.Stdout), screenOf(os.Stderr)))
}

// screen is where output goes. Width is the number of columns of a terminal, and 0 if it is none.
type screen struct {
	io.Writer
	width int
}

func screenOf(f *os.File) screen {
	if !term.IsTerminal(int(f.Fd())) {
		return screen{Writer: f}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return screen{Writer: f, width: width}
}
