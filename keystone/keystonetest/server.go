package keystonetest

import (
	"bufio"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	pythonVariable = "DRYDOCK_TEST_KEYSTONE_PYTHON"
	debianPython   = "/usr/bin/python3" // not the first one on the path: only Debian's own sees Debian's packages
	folderPrefix   = "drydock-keystone-"
	startLimit     = 60 * time.Second // on a loaded machine; usually it takes two and a half seconds

	notInstalled = "the tests need a Keystone: install Debian's package with\n" +
		"\tapt-get install --no-install-recommends python3-keystone\n" +
		"or name a Python interpreter that has the modules keystone and werkzeug in " + pythonVariable
)

//go:embed server.py
var script []byte

// Options are what a Keystone of one's own may have otherwise than the shared one.
type Options struct {
	TTL time.Duration // life of a token, whole seconds; default one hour. Keystone cuts the fraction of the second off its end
}

// Server is a Keystone on loopback with an administrator (AdminUser) and the accounts that Accounts lists. Its methods may be called by several
// goroutines, Stop and Restart by one at a time.
type Server struct {
	URL       string // where tokens are asked for, as auth_url, by HTTP
	SecureURL string // the same by HTTPS, with a certificate that CAFile has issued
	CAFile    string
	ProjectID string // of Project

	folder string
	python string
	ports  [2]int
	cmd    *exec.Cmd
	input  *os.File          // closing it ends the server
	ids    map[string]string // of the accounts
}

var shared struct {
	sync.Mutex
	server *Server
	err    error // of the first try; trying again would only make every test slow
}

// Shared is a Keystone with the default options for all tests of this process. It ends with the process. Nobody may stop it.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start(Options{})
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// Start is a fresh Keystone for one test, which ends with it.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.end(); err != nil {
			t.Errorf("end the Keystone of the test: %v", err)
		}
	})
	return s
}

// Stop ends the server as a crash would. What it has issued and stored stays.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.kill(); err != nil {
		t.Fatalf("stop Keystone: %v", err)
	}
}

// Restart starts a stopped server again, at the same addresses.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatalf("start Keystone again: %v", err)
	}
}

func start(o Options) (*Server, error) {
	if o.TTL <= 0 {
		o.TTL = time.Hour
	}
	python, err := findPython()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for Keystone: %w", err)
	}
	s := &Server{folder: folder, python: python, CAFile: filepath.Join(folder, "ca.crt")}
	if err = s.fill(o); err == nil {
		err = s.run()
	}
	if err == nil {
		err = s.read()
	}
	if err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

func findPython() (string, error) {
	if python := os.Getenv(pythonVariable); python != "" {
		return python, nil
	}
	if _, err := os.Stat("/usr/lib/python3/dist-packages/keystone"); err != nil {
		return "", errors.New(notInstalled)
	}
	return debianPython, nil
}

// fill writes what the server wants to find in its folder.
func (s *Server) fill(o Options) error {
	inFolder := func(name string) string { return filepath.Join(s.folder, name) }
	settings := strings.Join([]string{
		"[DEFAULT]", "log_file = " + inFolder("keystone.log"),
		"[database]", "connection = sqlite:///" + inFolder("keystone.db"),
		"[token]", "provider = fernet", "expiration = " + strconv.Itoa(int(o.TTL.Seconds())),
		"[fernet_tokens]", "key_repository = " + inFolder("tokens"),
		"[fernet_receipts]", "key_repository = " + inFolder("tokens"),
		"[credential]", "key_repository = " + inFolder("credentials"),
		"[identity]", "password_hash_rounds = 4", // the least that bcrypt has: ten milliseconds, not a quarter of a second
		"[cache]", "enabled = true", "backend = dogpile.cache.memory", "",
	}, "\n")
	err := errors.Join(os.WriteFile(inFolder("keystone.conf"), []byte(settings), 0o600), os.WriteFile(inFolder("server.py"), script, 0o600))
	for _, repository := range []string{"tokens", "credentials"} {
		err = errors.Join(err, os.Mkdir(inFolder(repository), 0o700))
		for _, number := range []string{"0", "1"} {
			key := make([]byte, 32)
			_, _ = rand.Read(key) // never fails
			err = errors.Join(err, os.WriteFile(filepath.Join(inFolder(repository), number), []byte(base64.URLEncoding.EncodeToString(key)), 0o600))
		}
	}
	if err = errors.Join(err, writeCertificates(s.folder)); err != nil {
		return fmt.Errorf("prepare the folder of Keystone: %w", err)
	}
	return nil
}

// run starts the process and returns once it answers requests.
func (s *Server) run() error {
	ourEnd, input, err1 := os.Pipe() // the process reads, we only hold the other end
	output, itsEnd, err2 := os.Pipe()
	log, err3 := os.OpenFile(filepath.Join(s.folder, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("start Keystone: %w", err)
	}
	defer func() { _ = errors.Join(output.Close(), log.Close()) }()
	cmd := exec.CommandContext(context.Background(), s.python, "-I", filepath.Join(s.folder, "server.py"), s.folder, strconv.Itoa(s.ports[0]), strconv.Itoa(s.ports[1]))
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.folder, ourEnd, itsEnd, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is for the tests, which then end their server
	err := cmd.Start()
	if err = errors.Join(err, ourEnd.Close(), itsEnd.Close()); err != nil {
		return errors.Join(fmt.Errorf("start Keystone: %w", err), input.Close())
	}
	s.cmd, s.input = cmd, input
	_ = output.SetReadDeadline(time.Now().Add(startLimit)) // a pipe always has deadlines
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.ports)
	}
	if err != nil {
		said := s.said()
		return errors.Join(fmt.Errorf("start Keystone: %w: %s", err, said), s.kill())
	}
	s.URL = fmt.Sprintf("http://127.0.0.1:%d/v3", s.ports[0])
	s.SecureURL = fmt.Sprintf("https://127.0.0.1:%d/v3", s.ports[1])
	// Keystone reads its policies with the first request that needs them, and meanwhile refuses what others ask with 403.
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	if _, err := s.list(ctx, "/services", "services"); err != nil {
		return errors.Join(fmt.Errorf("start Keystone: %w", err), s.kill())
	}
	return nil
}

// read learns the ids of what the server made.
func (s *Server) read() error {
	text, err := os.ReadFile(filepath.Join(s.folder, "made.json"))
	if err == nil {
		err = json.Unmarshal(text, &s.ids)
	}
	s.ProjectID = s.ids["project"]
	return err
}

// said is the end of what the process wrote, with a remedy if that is known.
func (s *Server) said() string {
	var all []string
	for _, name := range []string{"keystone.log", "output"} {
		text, _ := os.ReadFile(filepath.Join(s.folder, name)) // may not be there
		all = append(all, strings.TrimSpace(string(text[max(0, len(text)-2000):])))
	}
	text := strings.TrimSpace(strings.Join(all, "\n"))
	if strings.Contains(text, "ModuleNotFoundError") {
		text += "\n" + notInstalled
	}
	return text
}

func (s *Server) kill() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
	return errors.Join(err, s.input.Close())
}

func (s *Server) end() error { return errors.Join(s.kill(), os.RemoveAll(s.folder)) }
