package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"drydock"
)

// openPostgres opens a pool whose sessions run in UTC, so that naive timestamps mean what they say whatever the server's setting, and starts
// passing bells to and from other processes.
func (s *Store) openPostgres(ctx, background context.Context, o Options) error {
	s.d = postgresDialect()
	config, err := postgresConfig(s.where)
	if err != nil {
		return err
	}
	s.db = stdlib.OpenDB(*config)
	s.reads = s.db
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	s.db.SetMaxOpenConns(o.MaxConns)
	s.db.SetMaxIdleConns(o.MaxConns)
	if err := s.db.PingContext(ctx); err != nil {
		if kind := s.kindOf(ctx, err); kind != nil {
			return fmt.Errorf("%w: %s", kind, s.where.redact(err))
		}
		return errors.New(s.where.redact(err))
	}
	n := newNotifier(s, config)
	s.bells.send = n.add
	s.stopped.Go(func() { n.listen(background) })
	s.stopped.Go(func() { n.notify(background) })
	return nil
}

func postgresConfig(where location) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(where.postgres)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL is not one of PostgreSQL's: %s", drydock.ErrInvalid, where.redact(err))
	}
	for name, value := range map[string]string{
		"timezone":                            "UTC",
		"application_name":                    "drydock",
		"idle_in_transaction_session_timeout": "10000", // a stopped process must not hold up the one that takes over
		"random_page_cost":                    "1.1",   // what is worked on is in memory: look it up, do not read the table
	} {
		if _, set := config.RuntimeParams[name]; !set || name == "timezone" {
			config.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// redact takes the connection string out of an error of the driver, which may quote it.
func (w location) redact(err error) string {
	return strings.ReplaceAll(err.Error(), w.postgres, w.shown)
}

// postgresKind maps SQLSTATE classes (PostgreSQL manual, appendix A) to kinds.
func postgresKind(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var connect *pgconn.ConnectError
		var network net.Error
		if errors.As(err, &connect) || errors.As(err, &network) || lostInFlight(err) || pgconn.SafeToRetry(err) {
			return drydock.ErrUnavailable
		}
		return nil
	}
	switch {
	case pg.Code == "23505" || pg.Code == "40001" || pg.Code == "40P01": // unique_violation, serialization_failure, deadlock_detected
		return drydock.ErrConflict
	case pg.Code == "28P01" || pg.Code == "28000" || pg.Code == "42501": // invalid_password, invalid_authorization, insufficient_privilege
		return drydock.ErrDenied
	case pg.Code == "3D000": // invalid_catalog_name
		return drydock.ErrInvalid
	case pg.Code == "42P01" || pg.Code == "42703": // undefined_table, undefined_column: not migrated
		return errNotMigrated
	case pg.Code == "57014", pg.Code == "25P03", pg.Code == "55P03": // query_canceled, idle_in_transaction_session_timeout, lock_not_available
		return drydock.ErrUnavailable
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "58"):
		return drydock.ErrUnavailable // connection, resources, shutdown, system
	case pg.Code == "25006": // read_only_sql_transaction: a standby
		return drydock.ErrUnavailable
	case strings.HasPrefix(pg.Code, "22"): // data: NUL, numbers out of range
		return drydock.ErrInvalid
	}
	return nil
}

// postgresRaced: serialization failure or deadlock; nothing was committed.
func postgresRaced(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// postgresLocked: a lock was not to be had within lock_timeout; nothing was done.
func postgresLocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// lostInFlight reports whether the statement had been sent and its answer was not received, so that its outcome is not known.
func lostInFlight(err error) bool {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return false
	}
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "57P")
	}
	var network net.Error
	return errors.As(err, &network) || pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "conn closed")
}
