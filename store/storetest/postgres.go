package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"drydock/store"
)

const (
	serverVariable = "DRYDOCK_TEST_POSTGRES"
	templatePrefix = "drydock_template_"
	databasePrefix = "drydock_test_"
	advisoryLock   = 20_417_731 // in the maintenance database: exclusive to change a template, shared to clone one
	databaseStale  = time.Hour  // no test lasts that long
)

// cluster is the server that the tests of this process share.
type cluster struct {
	maintenance string   // URL of the database from which others are made
	template    string   // name of the migrated database
	own         *process // nil: not ours to stop
}

// shared is the one piece of state of the process: the server, started on first use because most tests need none.
var shared struct {
	sync.Mutex
	cluster *cluster
	err     error // of the first try; trying again would only make every test slow
}

// Main runs the tests and stops the server that they used. Call it from TestMain; without it the guard does the same a moment after the process.
func Main(m *testing.M) {
	m.Run()
	shared.Lock()
	defer shared.Unlock()
	if c := shared.cluster; c != nil && c.own != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		if err := errors.Join(c.own.stop(ctx, syscall.SIGINT), c.own.destroy()); err != nil {
			fmt.Fprintln(os.Stderr, "stop the PostgreSQL server of the tests:", err)
		}
	}
}

// PostgresURL is the URL of a migrated database of this test's own, dropped at its end.
func PostgresURL(t testing.TB) string {
	t.Helper()
	c := use(t)
	return c.create(t, c.template)
}

// EmptyPostgresURL is the URL of an empty database of this test's own, dropped at its end.
func EmptyPostgresURL(t testing.TB) string {
	t.Helper()
	return use(t).create(t, "template0")
}

func use(t testing.TB) *cluster {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = connect()
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// connect finds or starts the server and makes sure of its template.
func connect() (*cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*startLimit)
	defer cancel()
	c := &cluster{maintenance: os.Getenv(serverVariable)}
	if c.maintenance == "" {
		own, err := newProcess(ctx, quickSettings)
		if err != nil {
			return nil, err
		}
		c.own, c.maintenance = own, own.url("postgres")
		if err := own.start(ctx); err != nil {
			return nil, errors.Join(err, own.destroy())
		}
	}
	if err := c.prepare(ctx); err != nil {
		err = fmt.Errorf("make the template database: %w", err)
		if c.own != nil {
			err = errors.Join(err, c.own.destroy())
		}
		return nil, err
	}
	return c, nil
}

// prepare makes the template database unless it is there and good, and drops what dead test runs left behind.
func (c *cluster) prepare(ctx context.Context) error {
	return c.admin(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, advisoryLock); err != nil {
			return err
		}
		if err := dropStale(ctx, conn); err != nil {
			return err
		}
		name, err := c.templateName(ctx)
		if err != nil {
			return err
		}
		c.template = name
		var found bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&found); err != nil {
			return err
		}
		// A template of the same name but of other text (a migration being written) is refused by Migrate, and made again.
		if found && c.migrate(ctx, name) == nil {
			return nil
		}
		quoted := pgx.Identifier{name}.Sanitize()
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+quoted+` WITH (FORCE)`); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `CREATE DATABASE `+quoted+` TEMPLATE template0`); err != nil {
			return err
		}
		return c.migrate(ctx, name)
	})
}

// templateName tells schemas apart: test processes of one source share a template, those of another version do not touch it.
func (c *cluster) templateName(ctx context.Context) (string, error) {
	s, err := store.Open(ctx, c.maintenance, store.Options{MaxConns: 2})
	if err != nil {
		return "", err
	}
	list, err := s.Migrations(ctx)
	if err = errors.Join(err, s.Close()); err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, m := range list {
		fmt.Fprintf(sum, "%d %s\n", m.Version, m.Name)
	}
	return templatePrefix + hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

func (c *cluster) migrate(ctx context.Context, database string) error {
	where, err := c.url(database)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, where, store.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	_, err = s.Migrate(ctx)
	return errors.Join(err, s.Close())
}

// create clones a database and has it dropped at the end of the test.
func (c *cluster) create(t testing.TB, template string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails
	name := databasePrefix + strconv.FormatInt(time.Now().Unix(), 10) + "_" + hex.EncodeToString(random)
	quoted := pgx.Identifier{name}.Sanitize()
	err := c.admin(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock_shared($1)`, advisoryLock); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, `CREATE DATABASE `+quoted+` TEMPLATE `+pgx.Identifier{template}.Sanitize())
		return err
	})
	if err != nil {
		t.Fatalf("make a database for this test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		err := c.admin(ctx, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, `DROP DATABASE `+quoted+` WITH (FORCE)`)
			return err
		})
		if err != nil {
			t.Errorf("drop the database of this test: %v", err)
		}
	})
	where, err := c.url(name)
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// dropStale drops the databases of test runs that died.
func dropStale(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database d WHERE datname LIKE $1
		AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)`, strings.ReplaceAll(databasePrefix, "_", `\_`)+"%")
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		made, _, _ := strings.Cut(strings.TrimPrefix(name, databasePrefix), "_")
		seconds, err := strconv.ParseInt(made, 10, 64)
		if err != nil || time.Since(time.Unix(seconds, 0)) < databaseStale {
			continue
		}
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+pgx.Identifier{name}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}

// admin runs fn on a connection of its own to the maintenance database; its locks end with it.
func (c *cluster) admin(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, c.maintenance)
	if err != nil {
		return fmt.Errorf("reach the PostgreSQL server of the tests: %w", err)
	}
	return errors.Join(fn(conn), conn.Close(ctx))
}

// url is the maintenance URL with another database.
func (c *cluster) url(database string) (string, error) {
	u, err := url.Parse(c.maintenance)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", fmt.Errorf("%s must be a URL, postgres://user:password@host/postgres", serverVariable) // may hold a password: not shown
	}
	u.Path = "/" + database
	return u.String(), nil
}
