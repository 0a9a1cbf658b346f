package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	folderPrefix = "drydock-pg-"
	startLimit   = 60 * time.Second // initdb and start on a loaded machine
	staleAfter   = time.Minute      // a folder younger than this may not have its lock yet
)

// guardScript outlives the test process: its standard input ends when that process ends. It then stops the server at once and removes the
// folder, whose name is its argument.
const guardScript = `cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null &&
	{ n=0; while [ $n -lt 100 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; n=$((n+1)); done; }
rm -rf "$1"`

// safeSettings lose nothing that was committed; quickSettings may, in exchange for speed.
var (
	safeSettings  = map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
	quickSettings = map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
)

// process is a PostgreSQL server of ours in a folder of its own. Its methods are for one goroutine at a time.
type process struct {
	bin      string
	folder   string
	settings map[string]string
	user     *syscall.Credential
	lock     *os.File       // held while the folder is in use
	guard    io.WriteCloser // closing it ends the guard, and with it server and folder
	guarded  *exec.Cmd
	cmd      *exec.Cmd
	exited   chan struct{} // closed when cmd has ended
}

// newProcess makes a database cluster in a new folder and does not start it.
func newProcess(ctx context.Context, settings map[string]string) (*process, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	credential, err := serverUser()
	if err != nil {
		return nil, err
	}
	if err := removeStale(); err != nil {
		return nil, err
	}
	p := &process{bin: bin, settings: settings, user: credential}
	if err := p.makeFolder(); err != nil {
		return nil, errors.Join(err, p.destroy())
	}
	if err := p.startGuard(); err != nil {
		return nil, errors.Join(err, p.destroy())
	}
	if err := p.initdb(ctx); err != nil {
		return nil, errors.Join(err, p.destroy())
	}
	return p, nil
}

// makeFolder makes the folder, gives it to the server's user and locks it, so that nobody takes it for a left-over.
func (p *process) makeFolder() error {
	var err error
	if p.folder, err = os.MkdirTemp("", folderPrefix); err != nil {
		return fmt.Errorf("make a folder for the PostgreSQL server: %w", err)
	}
	if p.lock, err = os.OpenFile(filepath.Join(p.folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("lock the server's folder: %w", err)
	}
	if err := syscall.Flock(int(p.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock the server's folder: %w", err)
	}
	if p.user == nil {
		return nil
	}
	for _, path := range []string{p.folder, p.lock.Name()} {
		if err := os.Chown(path, int(p.user.Uid), int(p.user.Gid)); err != nil {
			return fmt.Errorf("give the folder to the server's user: %w", err)
		}
	}
	return nil
}

// removeStale removes the folders of test processes that died together with their guards. A server that still runs in one notices within a
// minute that its folder is gone, and ends.
func removeStale() error {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	if err != nil {
		return fmt.Errorf("look for stale server folders: %w", err)
	}
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < staleAfter {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR, 0)
		if err != nil {
			continue // of another user, or just being removed
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			err = os.RemoveAll(folder)
		}
		if err = errors.Join(err, lock.Close()); err != nil {
			return fmt.Errorf("remove stale server folder: %w", err)
		}
	}
	return nil
}

func (p *process) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = p.folder
	// A group of its own: an interrupt at the terminal is for the tests, which then end their server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user, Setpgid: true}
	return cmd
}

func (p *process) startGuard() error {
	cmd := p.command(context.Background(), "/bin/sh", "-c", guardScript, "guard", p.folder)
	cmd.Dir = "/"
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the server's guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server's guard: %w", err)
	}
	p.guard, p.guarded = stdin, cmd
	return nil
}

// initdb makes the cluster, with a linguistic collation where the server was built with one.
func (p *process) initdb(ctx context.Context) error {
	common := []string{"-D", filepath.Join(p.folder, "data"), "-U", "drydock", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"}
	var said error
	for _, collation := range [][]string{{"--locale-provider=icu", "--icu-locale=en"}, nil} {
		cmd := p.command(ctx, filepath.Join(p.bin, "initdb"), append(append([]string{}, common...), collation...)...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		said = fmt.Errorf("initdb in %s: %w: %s", p.folder, err, bytes.TrimSpace(out))
	}
	return said
}

// start starts the server and returns once it answers.
func (p *process) start(ctx context.Context) error {
	if p.cmd != nil {
		return errors.New("the server runs already")
	}
	args := []string{"-D", filepath.Join(p.folder, "data")}
	for name, value := range map[string]string{
		"listen_addresses": "", "unix_socket_directories": p.folder, "max_connections": "300", "shared_buffers": "64MB",
		"dynamic_shared_memory_type": "mmap", "wal_level": "minimal", "max_wal_senders": "0", "autovacuum": "on",
		"timezone": "Pacific/Chatham", "log_timezone": "UTC", "log_checkpoints": "off",
	} {
		args = append(args, "-c", name+"="+value)
	}
	for name, value := range p.settings {
		args = append(args, "-c", name+"="+value)
	}
	log, err := os.OpenFile(filepath.Join(p.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	cmd := p.command(context.Background(), filepath.Join(p.bin, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	err = cmd.Start()
	if err = errors.Join(err, log.Close()); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(exited)
	}()
	p.cmd, p.exited = cmd, exited
	return p.awaitReady(ctx)
}

// awaitReady polls until the server answers, has ended, or ctx has.
func (p *process) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-p.exited:
			p.cmd = nil
			return fmt.Errorf("the PostgreSQL server ended at its start: %s", p.logTail())
		case <-ctx.Done():
			return fmt.Errorf("the PostgreSQL server did not answer in time: %w: %s", err, p.logTail())
		}
	}
}

// stop ends the server and waits for that: with SIGINT in order, with SIGQUIT at once, so that the next start has to recover.
func (p *process) stop(ctx context.Context, sig syscall.Signal) error {
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the PostgreSQL server: %w", err)
	}
	select {
	case <-p.exited:
		p.cmd = nil
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop the PostgreSQL server: %w: %s", ctx.Err(), p.logTail())
	}
}

// destroy stops the server at once and removes its folder.
func (p *process) destroy() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	err := p.stop(ctx, syscall.SIGQUIT)
	if p.guard != nil {
		err = errors.Join(err, p.guard.Close(), p.guarded.Wait())
	}
	if p.lock != nil {
		err = errors.Join(err, p.lock.Close())
	}
	if p.folder != "" {
		err = errors.Join(err, os.RemoveAll(p.folder))
	}
	return err
}

// url is where the named database of the server is.
func (p *process) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("drydock"), Path: "/" + database}
	u.RawQuery = url.Values{"host": {p.folder}}.Encode()
	return u.String()
}

func (p *process) logTail() string {
	log, err := os.ReadFile(filepath.Join(p.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(log[max(0, len(log)-2000):]))
}
