package store

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"drydock"
)

// location is where a database is, taken from its URL.
type location struct {
	postgres string // a connection URL, or empty
	file     string // an absolute path of an SQLite file, or empty
	shown    string // for people: without password
}

// parseDSN reads sqlite:PATH, sqlite:///PATH, postgres://, postgresql:// and upstream's postgresql+psycopg2://. Errors never show a password.
func parseDSN(dsn string) (location, error) {
	scheme, rest, ok := strings.Cut(dsn, ":")
	if !ok || strings.ContainsAny(scheme, "= /") {
		return location{}, fmt.Errorf("%w: the database is not given as a URL: use sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME", drydock.ErrInvalid)
	}
	base, _, _ := strings.Cut(scheme, "+")
	switch base {
	case "sqlite":
		path := strings.TrimPrefix(rest, "//")
		if path == "" || strings.HasSuffix(path, "/") {
			return location{}, fmt.Errorf("%w: database %q names no file: use sqlite:PATH", drydock.ErrInvalid, dsn)
		}
		if strings.ContainsAny(path, "?#\x00") {
			return location{}, fmt.Errorf("%w: database %q: the path of an SQLite file may not hold '?', '#' or NUL", drydock.ErrInvalid, dsn)
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return location{}, fmt.Errorf("%w: database %q: %w", drydock.ErrInvalid, dsn, err)
		}
		return location{file: abs, shown: abs}, nil
	case "postgres", "postgresql":
		u, err := url.Parse("postgres:" + rest)
		if err != nil {
			return location{}, fmt.Errorf("%w: database URL of scheme %q cannot be read (is a character of the password not percent-encoded?)", drydock.ErrInvalid, scheme)
		}
		shown := *u
		if u.User != nil {
			shown.User = url.User(u.User.Username())
		}
		q := shown.Query()
		q.Del("password")
		q.Del("sslpassword")
		shown.RawQuery = q.Encode()
		return location{postgres: u.String(), shown: shown.String()}, nil
	default:
		return location{}, fmt.Errorf("%w: database scheme %q is not known: use sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME", drydock.ErrInvalid, scheme)
	}
}
