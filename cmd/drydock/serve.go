package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"drydock"
	"drydock/api"
	"drydock/design"
	"drydock/orchestrator"
	"drydock/store"
)

// shutdownTime is how long requests that are being answered may take once the end has begun.
const shutdownTime = 10 * time.Second

// serve runs the service until ctx ends, then puts everything away: no new connections, event streams ended, actions drained, the lease released,
// the database closed. greet is called once, when requests are being answered.
func serve(ctx context.Context, cfg config, log *slog.Logger, greet func(greeting)) error {
	listener, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	db, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer db.Close()
	roots, err := cfg.designRoots()
	if err != nil {
		return err
	}
	designs, err := newDesignRoom(cfg, roots, db, log)
	if err != nil {
		return err
	}
	lead, err := newOrchestrator(ctx, cfg, db, designs.loader, log)
	if err != nil {
		return err
	}
	streams, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	handler := api.New(
		api.Deps{
			Tasks: db, Messages: db, BuildHistory: db, Leases: db, Pinger: db, Bells: db, Sites: designs.loader, Refs: designs.refs, Designs: db,
			BootActions: db, Assets: newTarballs(cfg, designs),
		},
		api.Options{Logger: log, Base: streams, LoopbackOnly: !cfg.InsecureNoAuth, MaxDesign: cfg.MaxUpload},
	)
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 120 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}

	work, ctx := errgroup.WithContext(ctx) // whichever part ends ends the others
	if lead != nil {
		work.Go(func() error { return lead(ctx) })
	}
	work.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	work.Go(func() error {
		<-ctx.Done()
		log.Info("shutting down")
		endStreams()
		return shutdown(context.WithoutCancel(ctx), server)
	})
	greet(greeting{url: "http://" + listener.Addr().String(), dialect: db.Dialect(), data: db.Location(), roots: roots, leads: lead != nil})
	return work.Wait()
}

// newOrchestrator returns what campaigns for the lease and runs tasks until its context ends, or nil where another orchestrator has the
// say: in a database that upstream made, unless this one is told to.
func newOrchestrator(ctx context.Context, cfg config, db *store.Store, loader *design.Loader, log *slog.Logger) (func(context.Context) error, error) {
	on := cfg.Orchestrator == "on"
	if cfg.Orchestrator == "auto" {
		adopted, err := db.Adopted(ctx)
		if err != nil {
			return nil, err
		}
		on = !adopted
	}
	if !on {
		log.Info("this server runs no tasks: it does not campaign for the lease", "orchestrator", cfg.Orchestrator)
		return nil, nil
	}
	host, _ := os.Hostname() // without a name the process number alone will do
	leader, err := orchestrator.NewLeader(db, orchestrator.LeaderOptions{
		Holder: uuid.NewString(), Name: fmt.Sprintf("%s/%d", host, os.Getpid()), TTL: cfg.LeaseTTL, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	dispatcher, err := orchestrator.NewDispatcher(db, orchestrator.Actions(loader), orchestrator.DispatcherOptions{
		Concurrency: cfg.Concurrency, PerAction: cfg.ActionConcurrency, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return leader.Run(ctx, dispatcher.Lead) }, nil
}

// shutdown waits for the requests that are being answered, but not for ever.
func shutdown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests did not end within %s: %w", shutdownTime, err), server.Close())
	}
	return nil
}

// listen returns ErrConflict for an address in use, ErrDenied for one that this user may not have, else ErrInvalid.
func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %s is in use, perhaps by another drydock; stop it or choose another address with --listen", drydock.ErrConflict, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%w: this user may not listen on %s; ports from 1024 on are free to use", drydock.ErrDenied, address)
	default:
		return nil, fmt.Errorf("%w: --listen: %w", drydock.ErrInvalid, err)
	}
}

// openStore opens the database and brings it up to date, or checks that it is if that is switched off.
func openStore(ctx context.Context, cfg config, log *slog.Logger) (*store.Store, error) {
	db, err := store.Open(ctx, cfg.Database, store.Options{Logger: log, MaxConns: cfg.PoolSize, MaxDesign: cfg.MaxUpload, MaxDesigns: cfg.MaxStored})
	if err != nil {
		return nil, err
	}
	if err := upToDate(ctx, db, cfg.NoMigrate, log); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", db.Location(), err), db.Close())
	}
	return db, nil
}

func upToDate(ctx context.Context, db *store.Store, only bool, log *slog.Logger) error {
	if !only {
		applied, err := db.Migrate(ctx)
		for _, m := range applied {
			log.Info("migrated", "version", m.Version, "name", m.Name)
		}
		return err
	}
	all, err := db.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Applied.IsZero() {
			return fmt.Errorf("%w: migration %d (%s) has not been applied; run drydock migrate, or leave out --no-migrate", drydock.ErrConflict, m.Version, m.Name)
		}
	}
	return nil
}

// greeting is what serve says once it answers.
type greeting struct {
	url, dialect, data string
	roots              []string
	leads              bool // it campaigns for the lease
}

// write prints where things are and what to try next, as commands to copy.
func (g greeting) write(w io.Writer, program string) {
	data := g.data
	if g.dialect == "sqlite" {
		if abs, err := filepath.Abs(data); err == nil {
			data = abs
		}
	}
	url := ""
	if g.url != "http://127.0.0.1:9000" {
		url = " --url " + g.url
	}
	try := "-a noop"
	for _, root := range g.roots {
		example := filepath.Join(root, "examples", "site", "site.yaml")
		if _, err := os.Stat(example); err == nil {
			try = "-a validate_design -d " + example
			break
		}
	}
	fmt.Fprintf(w, "drydock %s serves %s\n", version, g.url)
	fmt.Fprintf(w, "  data     %s: %s\n", g.dialect, data)
	for _, root := range g.roots {
		fmt.Fprintf(w, "  designs  file:// below %s\n", root)
	}
	if !g.leads {
		fmt.Fprintf(w, "  tasks    are run by another orchestrator; --orchestrator=on has this one campaign for the lease\n")
	}
	fmt.Fprintf(w, "To try in another terminal:\n")
	if g.leads {
		fmt.Fprintf(w, "  %s%s task create %s --block\n", program, url, try)
	}
	fmt.Fprintf(w, "  %s%s task list\n", program, url)
	fmt.Fprintf(w, "  %s%s status\n", program, url)
}
