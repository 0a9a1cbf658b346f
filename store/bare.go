package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3/driver"

	"drydock"
)

// OpenBare opens the database that dsn names with the same driver, sessions and durability as Open, and nothing of this package in between: what
// drydock bench compares with. On SQLite it has one connection.
func OpenBare(ctx context.Context, dsn string) (*sql.DB, error) {
	where, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	var db *sql.DB
	if where.file != "" {
		db, err = driver.Open(sqliteURL(where.file), clockFunction)
	} else {
		config, e := postgresConfig(where)
		if err = e; err == nil {
			db = stdlib.OpenDB(*config)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", where.shown, err)
	}
	conns := 16
	if where.file != "" {
		conns = 1
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w: %w", where.shown, drydock.ErrUnavailable, err), db.Close())
	}
	return db, nil
}
