package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"drydock"
	"drydock/api"
)

func (a *app) followCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "follow",
		Short: "Follow a task to its end and exit by its result",
		Long: "Shows the messages of a task from the beginning and as they arrive, then the task as it has ended; exits 0 only if it succeeded.\n" +
			"Interrupting it does not end the task.",
		Example: "  drydock task follow 5d2f0a8e-2c59-4f19-8d6c-0f6b8b0e1c11",
	}
	return a.onTask(c, a.follow)
}

// follow shows what happens to a task until it has ended, prints it, and returns errTaskFailed unless it succeeded. Messages go where they do
// not disturb: to standard error if the output is for programs.
func (a *app) follow(ctx context.Context, id string) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	var messages io.Writer = a.out
	if a.form() != formTable {
		messages = a.err
	}
	p := a.newProgress(ctx)
	var last *api.Task
	err = client.Follow(ctx, id, 0, func(e api.Event) error {
		switch {
		case e.Message != nil:
			return p.message(messages, &e.Message.Message)
		case e.Task != nil:
			last = e.Task
			p.task(e.Task)
		}
		return nil
	})
	p.close()
	switch {
	case err != nil && ctx.Err() != nil:
		taskID := drydock.TaskID(id)
		fmt.Fprintf(a.err, "\ninterrupted; the task goes on\nFollow it: %s\nEnd it:    %s\n", a.command("task follow", taskID), a.command("task terminate", taskID))
		return errInterrupted
	case err != nil:
		return err
	}
	if err := a.printEnded(ctx, last); err != nil {
		return err
	}
	if last.Status != drydock.StatusComplete || last.Result.Status != drydock.ResultSuccess {
		return errTaskFailed
	}
	return nil
}

// printEnded prints a task that has ended. People have seen its messages by now; programs get them with it.
func (a *app) printEnded(ctx context.Context, t *api.Task) error {
	if a.form() == formTable {
		return a.print(t, func(w io.Writer) { showTask(w, t, nil) })
	}
	whole, err := a.readTask(ctx, string(t.TaskID))
	if err != nil {
		return err
	}
	return a.print(whole, nil)
}

// progress is the line at the bottom of a terminal that says how a task stands. It is drawn on standard error, if that is a terminal, and makes way for
// messages.
type progress struct {
	on    screen
	start time.Time
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu       sync.Mutex
	status   drydock.TaskStatus
	messages int
	errors   int
}

// clearLine goes to the beginning of the line and empties it.
const clearLine = "\r\x1b[K"

func (a *app) newProgress(ctx context.Context) *progress {
	ctx, stop := context.WithCancel(ctx)
	p := &progress{on: a.err, start: time.Now(), stop: stop}
	if p.on.width > 0 {
		p.ended.Go(func() { p.tick(ctx) })
	}
	return p
}

// tick moves the clock in the line.
func (p *progress) tick(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// draw writes the line; p.mu is held.
func (p *progress) draw() {
	if p.on.width > 0 && p.status != "" {
		fmt.Fprint(p.on, clearLine+shorten(p.line(time.Since(p.start)), p.on.width-1))
	}
}

func (p *progress) line(elapsed time.Duration) string {
	text := fmt.Sprintf("%s  %s  %s", p.status, elapsed.Truncate(time.Second), count(p.messages, "message"))
	if p.errors > 0 {
		text += ", " + count(p.errors, "error")
	}
	return text
}

func (p *progress) message(w io.Writer, m *api.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages++
	if m.Error {
		p.errors++
	}
	if p.on.width > 0 {
		fmt.Fprint(p.on, clearLine)
	}
	_, err := fmt.Fprintln(w, messageLine(m))
	p.draw()
	return err
}

func (p *progress) task(t *api.Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = t.Status
	p.draw()
}

// close ends the line and leaves it empty.
func (p *progress) close() {
	p.stop()
	p.ended.Wait()
	if p.on.width > 0 {
		fmt.Fprint(p.on, clearLine)
	}
}
