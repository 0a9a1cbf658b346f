package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"drydock"
)

// Options of Run; the zero value measures everything on an SQLite file of its own.
type Options struct {
	Database string        // URL; empty: an SQLite file in a temporary folder, removed at the end
	Preload  int           // complete tasks to put in before, each with ten messages
	Clients  []int         // how many at a time; default 1 and 8
	Duration time.Duration // of each side of each measurement; default DefaultDuration
	Only     []string      // names of operations, see Names; empty: all
	Keep     bool          // leave the data there at the end
	Progress io.Writer     // gets a line now and then; nil: nobody
}

// DefaultDuration is enough for ten pairs of slices.
const DefaultDuration = 2 * time.Second

// Limits of options.
const (
	maxClients = 1000
	maxPreload = 100_000_000
)

func (o *Options) fill() error {
	if len(o.Clients) == 0 {
		o.Clients = []int{1, 8}
	}
	if o.Duration == 0 {
		o.Duration = DefaultDuration
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	for _, n := range o.Clients {
		if n < 1 || n > maxClients {
			return fmt.Errorf("%w: %d clients, use 1 to %d", drydock.ErrInvalid, n, maxClients)
		}
	}
	if o.Preload < 0 || o.Preload > maxPreload {
		return fmt.Errorf("%w: preload of %d tasks, use 0 to %d", drydock.ErrInvalid, o.Preload, maxPreload)
	}
	if o.Duration < 0 || o.Duration > time.Hour {
		return fmt.Errorf("%w: a duration of %v, use up to an hour", drydock.ErrInvalid, o.Duration)
	}
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("%w: there is no operation %q; there are %s", drydock.ErrInvalid, name, strings.Join(Names(), ", "))
		}
	}
	return nil
}

// Run measures. The database may hold no tasks, messages or build data (ErrConflict names what it holds) and nobody may lead; it is migrated, and
// emptied at the end unless Keep is set, also after an error or the end of ctx. ErrInvalid: an option is wrong. Only one Run at a time makes sense
// on a machine.
func Run(ctx context.Context, o Options) (report Report, err error) {
	if err := o.fill(); err != nil {
		return report, err
	}
	if o.Database == "" {
		folder, err := os.MkdirTemp("", "drydock-bench-")
		if err != nil {
			return report, fmt.Errorf("make a folder for the database: %w", err)
		}
		o.Database = "sqlite:" + filepath.Join(folder, "bench.db")
		defer func() {
			if !o.Keep {
				err = errors.Join(err, os.RemoveAll(folder))
			}
		}()
	}
	l, err := openLab(ctx, o.Database)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	defer func() { err = errors.Join(err, l.leave(ctx, &o)) }()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("the benchmark was stopped: %w", context.Cause(ctx)) // drivers say that in many ways
		}
	}()
	if report.Machine, err = l.machine(ctx); err != nil {
		return report, err
	}
	report.Machine.Preload, report.Machine.Duration = o.Preload, o.Duration.String()
	if err := l.preload(ctx, &o); err != nil {
		return report, err
	}
	for i := range operations {
		op := &operations[i]
		if len(o.Only) > 0 && !slices.Contains(o.Only, op.name) {
			continue
		}
		results, err := l.measure(ctx, op, &o)
		if err != nil {
			return report, fmt.Errorf("measure %s: %w", op.name, err)
		}
		report.Results = append(report.Results, results...)
	}
	return report, nil
}

// slice is how long one side is at work before it is the other's turn.
const slice = 200 * time.Millisecond

func (l *lab) measure(ctx context.Context, op *operation, o *Options) (results []Result, err error) {
	ours, bare, err := op.prepare(ctx, l)
	defer func() { err = errors.Join(err, l.closeStatements()) }()
	if err == nil {
		err = l.analyze(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	for _, clients := range o.Clients {
		if l.lease, err = l.store.RenewLease(ctx, l.lease, leaseTime); err != nil {
			return nil, err
		}
		left, right := newRunner(ours, clients), newRunner(bare, clients)
		ratio, err := measure(ctx, left, right, o.Duration, min(o.Duration, slice*time.Duration(max(op.slices, 1))))
		if err != nil {
			return nil, fmt.Errorf("%d clients: %w", clients, err)
		}
		r := Result{Operation: op.name, Clients: clients, Ours: left.figures(), Bare: right.figures(), Ratio: ratio, Target: op.target(l.postgres)}
		if t := r.Target; t != nil {
			t.Met = t.PerSecond > 0 && r.Ours.PerSecond >= t.PerSecond || t.PerSecond == 0 && ratio >= t.Ratio
		}
		results = append(results, r)
		fmt.Fprintf(o.Progress, "%-18s %4d clients: %9s/s, bare %9s/s, ratio %.2f\n", op.name, clients, number(r.Ours.PerSecond), number(r.Bare.PerSecond), ratio)
	}
	return results, nil
}

func (l *lab) machine(ctx context.Context) (Machine, error) {
	m := Machine{
		Dialect: l.store.Dialect(), Settings: map[string]string{}, Cores: runtime.GOMAXPROCS(0),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
	}
	version, ask := `SELECT sqlite_version()`, `PRAGMA `
	names := []string{"journal_mode", "synchronous"}
	if l.postgres {
		version, ask = `SHOW server_version`, `SHOW `
		names = []string{"fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers"}
	}
	if err := l.write.QueryRowContext(ctx, version).Scan(&m.Version); err != nil {
		return m, fmt.Errorf("ask the database for its version: %w", err)
	}
	for _, name := range names {
		var v string
		if err := l.write.QueryRowContext(ctx, ask+name).Scan(&v); err != nil {
			return m, fmt.Errorf("ask the database for %s: %w", name, err)
		}
		m.Settings[name] = v
	}
	return m, nil
}
