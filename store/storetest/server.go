package storetest

import (
	"context"
	"syscall"
	"testing"
)

// PostgresServer is a PostgreSQL server of one test alone, for tests that stop it. It keeps what was committed whatever happens to it.
type PostgresServer struct{ process *process }

// Server starts a PostgreSQL server for this test alone. It ends with the test.
func Server(t testing.TB) *PostgresServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	p, err := newProcess(ctx, safeSettings)
	if err != nil {
		t.Fatalf("make a PostgreSQL server: %v", err)
	}
	t.Cleanup(func() {
		if err := p.destroy(); err != nil {
			t.Errorf("remove the PostgreSQL server: %v", err)
		}
	})
	if err := p.start(ctx); err != nil {
		t.Fatalf("start the PostgreSQL server: %v", err)
	}
	return &PostgresServer{process: p}
}

// URL is where the server's own empty database is. It stays the same when the server is stopped and started.
func (s *PostgresServer) URL() string { return s.process.url("postgres") }

// Stop ends the server and waits for its end: immediate like a crash, with connections cut and recovery at the next start; otherwise in order.
func (s *PostgresServer) Stop(t testing.TB, immediate bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	sig := syscall.SIGINT
	if immediate {
		sig = syscall.SIGQUIT
	}
	if err := s.process.stop(ctx, sig); err != nil {
		t.Fatal(err)
	}
}

// Start starts the server again after Stop and returns when it answers.
func (s *PostgresServer) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := s.process.start(ctx); err != nil {
		t.Fatal(err)
	}
}
