package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"drydock"
)

// openSQLite opens the file for one writer and some readers: write-ahead log, every commit flushed to the disk, foreign keys, and patience with
// another process that writes to the same file.
func (s *Store) openSQLite(ctx context.Context, o Options) error {
	s.d = sqliteDialect()
	if err := checkFile(s.where.file); err != nil {
		return err
	}
	dsn := sqliteURL(s.where.file)
	writing, err := driver.Open(dsn, clockFunction)
	if err != nil {
		return s.kinded(err)
	}
	writing.SetMaxOpenConns(1)
	writing.SetMaxIdleConns(1)
	s.writer = newWriter(writing)
	if err := writing.PingContext(ctx); err != nil {
		return s.kinded(err)
	}
	readers := o.MaxConns
	if readers == 0 {
		readers = 4
	}
	if s.db, err = driver.Open(dsn+"&_pragma=query_only(1)", clockFunction); err != nil {
		return s.kinded(err)
	}
	s.reads = &reader{db: s.db}
	s.db.SetMaxOpenConns(readers)
	s.db.SetMaxIdleConns(readers)
	s.db.SetConnMaxIdleTime(time.Minute) // a connection that has read large values gives its memory back only when it closes
	return nil
}

func sqliteURL(file string) string {
	path := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23", "&", "%26").Replace(file)
	return "file:" + path + "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-8000)" +
		"&modeof=" + path // the journal holds what the database holds: who may not read this one may not read that one
}

// clockFunction is the database's clock on SQLite, whose own has milliseconds only.
func clockFunction(c *sqlite3.Conn) error {
	return c.CreateFunction("now_us", 0, 0, func(x sqlite3.Context, _ ...sqlite3.Value) { x.ResultInt64(time.Now().UnixMicro()) })
}

func (s *Store) kinded(err error) error {
	if kind := s.d.kind(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

// checkFile says clearly what the driver would say badly.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%w: it is a directory; name a file", drydock.ErrInvalid)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a regular file", drydock.ErrInvalid)
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return fmt.Errorf("%w: its folder does not exist: create %s first", drydock.ErrInvalid, filepath.Dir(path))
		}
	case err != nil && !errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: %w", drydock.ErrInvalid, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("%w: it cannot be opened for writing: %w", drydock.ErrDenied, err)
	}
	return f.Close()
}

// sqliteKind maps result codes (https://www.sqlite.org/rescode.html) to kinds.
func sqliteKind(err error) error {
	var code sqlite3.ErrorCode
	if !errors.As(err, &code) {
		return nil
	}
	switch code {
	case sqlite3.ERROR:
		if strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "no such column") {
			return errNotMigrated
		}
	case sqlite3.CONSTRAINT:
		return drydock.ErrConflict
	case sqlite3.BUSY, sqlite3.LOCKED, sqlite3.FULL, sqlite3.IOERR, sqlite3.INTERRUPT, sqlite3.NOMEM:
		return drydock.ErrUnavailable
	case sqlite3.NOTADB, sqlite3.CORRUPT, sqlite3.TOOBIG:
		return drydock.ErrInvalid
	case sqlite3.READONLY, sqlite3.PERM, sqlite3.AUTH, sqlite3.CANTOPEN:
		return drydock.ErrDenied
	}
	return nil
}
