package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"drydock/api"
	"drydock/store/storetest"
)

// server is a drydock serve in a process of its own.
type server struct {
	*api.Client
	name   string
	url    string
	cmd    *exec.Cmd
	log    string        // file: what it has said
	exited chan struct{} // closed when the process has ended
	err    error         // how it ended; read after exited
}

// start starts a server on a free port and returns when it has greeted. It ends with the test.
func start(t *testing.T, name, database string, options ...string) *server {
	t.Helper()
	s, greeted := launch(t, name, database, options...)
	select {
	case url, ok := <-greeted:
		if !ok {
			<-s.exited
			t.Fatalf("%s ended at its start: %v\n%s", name, s.err, s.said(t))
		}
		s.connect(t, url)
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not greet\n%s", name, s.said(t))
	}
	return s
}

// launch starts a server and returns at once; greeted gives its URL, and is closed when the process ends.
func launch(t *testing.T, name, database string, options ...string) (s *server, greeted <-chan string) {
	t.Helper()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{
		"serve", "--database", database, "--allow-design", "http=127.0.0.1", "--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "WARNING",
	}, options...)...)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir} // nothing of the developer's configuration
	cmd.Stderr, cmd.SysProcAttr = log, withTest()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	s = &server{name: name, cmd: cmd, log: log.Name(), exited: make(chan struct{})}
	urls := make(chan string, 1)
	go func() {
		defer close(s.exited)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if m := greeting.FindStringSubmatch(lines.Text()); m != nil {
				urls <- m[1]
			}
		}
		s.err = cmd.Wait()
		close(urls)
	}()
	t.Cleanup(func() {
		s.kill(t)
		if t.Failed() {
			t.Logf("%s (process %d) said:\n%s", name, cmd.Process.Pid, s.said(t))
		}
	})
	return s, urls
}

var greeting = regexp.MustCompile(`^drydock \S+ serves (http://\S+)$`)

func (s *server) connect(t *testing.T, url string) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := api.NewClient(url, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.Client = url, client
}

// said is the end of the server's log.
func (s *server) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Error(err)
	}
	return string(text[max(0, len(text)-4000):])
}

func (s *server) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("%s: %v: %v", s.name, sig, err)
	}
}

// pause stops the process and waits until it is: a busy one goes on for some moments after the signal was sent.
func (s *server) pause(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
	storetest.Eventually(t, s.name+" is stopped", func() bool {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		return err == nil && pid == s.cmd.Process.Pid && status.Stopped()
	})
}

// kill ends the process as kill -9 does, also when it is stopped or has ended, and waits for that.
func (s *server) kill(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.exited
}

// alive fails the test if the process has ended.
func (s *server) alive(t *testing.T) {
	t.Helper()
	select {
	case <-s.exited:
		t.Fatalf("%s has ended: %v\n%s", s.name, s.err, s.said(t))
	default:
	}
}

// term is the term under which this process leads, or 0.
func (s *server) term(t *testing.T) int64 {
	t.Helper()
	status, err := s.Status(t.Context())
	if err != nil || status.Leader == nil || !strings.HasSuffix(status.Leader.Name, fmt.Sprintf("/%d", s.cmd.Process.Pid)) {
		return 0
	}
	return status.Leader.Term
}

// awaitTerm waits until this process leads, and returns its term.
func (s *server) awaitTerm(t *testing.T) (term int64) {
	t.Helper()
	storetest.Eventually(t, s.name+" leads", func() bool {
		s.alive(t)
		term = s.term(t)
		return term != 0
	})
	return term
}

// lost says how often the process has said that it does not lead any more.
func (s *server) lost(t *testing.T) int {
	t.Helper()
	n := 0
	for _, line := range s.lines(t) {
		if line.Message == "no longer leading" {
			n++
		}
	}
	return n
}

// logLine is a line of the log.
type logLine struct {
	Level   string `json:"level"`
	Message string `json:"msg"`
	Status  int    `json:"status"`
	text    string
}

// lines reads the log. The last line of a process that was killed may be cut and is left out then; every other one must be whole: what a crash of
// the program itself prints is no line of the log.
func (s *server) lines(t *testing.T) []logLine {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	var all []logLine
	for raw := range strings.Lines(string(text)) {
		line := logLine{text: strings.TrimSpace(raw)}
		if err := json.Unmarshal([]byte(raw), &line); err != nil {
			if strings.HasSuffix(raw, "\n") {
				t.Errorf("%s: not a line of the log: %s", s.name, raw)
			}
			continue
		}
		all = append(all, line)
	}
	return all
}

// quiet fails the test if the process has panicked, had an error without a kind, or has said an error that is none of the expected.
func (s *server) quiet(t *testing.T, expected ...string) {
	t.Helper()
	for _, line := range s.lines(t) {
		known := line.Level != "ERROR"
		for _, e := range expected {
			known = known || line.Message == e
		}
		if !known || strings.Contains(line.Message, "panic") || line.Status == http.StatusInternalServerError {
			t.Errorf("%s: %s", s.name, line.text)
		}
	}
}
