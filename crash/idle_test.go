package crash

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"drydock/store/storetest"
)

const (
	maxResident = 60 << 10 // kB, of a server that has nothing to do
	maxQueries  = 2.0      // a second, of a leader that has nothing to do
	maxStart    = 2 * time.Second
)

// TestIdle measures what a leader costs that has nothing to do: statements, counted on the wire, and memory.
func TestIdle(t *testing.T) {
	t.Parallel()
	const watched = 10 * time.Second
	wire, statements := count(t, storetest.EmptyPostgresURL(t))
	onPostgres := start(t, "the server on PostgreSQL", wire)
	onFile := start(t, "the server on SQLite", storetest.EmptySQLiteURL(t))
	onPostgres.awaitTerm(t)
	onFile.awaitTerm(t)
	before := statements.Load()
	<-time.After(watched)
	perSecond := float64(statements.Load()-before) / watched.Seconds()
	t.Logf("%.1f statements a second", perSecond)
	if perSecond >= maxQueries {
		t.Errorf("an idle leader executes %.1f statements a second; want less than %.1f", perSecond, maxQueries)
	}
	for _, s := range []*server{onPostgres, onFile} {
		kb := residentKB(t, s.cmd.Process.Pid)
		t.Logf("%s: %.1f MB resident", s.name, float64(kb)/1024)
		if kb >= maxResident {
			t.Errorf("%s: %d kB resident; want less than %d", s.name, kb, maxResident)
		}
		s.quiet(t)
	}
}

// count puts a wire between a server and its database that counts the statements that are executed.
func count(t *testing.T, database string) (through string, statements *atomic.Int64) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	network, address := "tcp", u.Host
	if dir := u.Query().Get("host"); dir != "" {
		network, address = "unix", filepath.Join(dir, ".s.PGSQL.5432")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	statements = new(atomic.Int64)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed: the test is over
			}
			server, err := net.Dial(network, address)
			if err != nil {
				t.Errorf("reach the database: %v", err)
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(client, server) // until one of them ends
				_ = client.Close()
			}()
			go func() {
				_ = relay(server, client, statements)
				_ = server.Close()
			}()
		}
	}()
	u.Host = listener.Addr().String()
	u.RawQuery = url.Values{"sslmode": {"disable"}}.Encode()
	return u.String(), statements
}

// relay copies what a client says to its database, message by message, and counts those that execute a statement: Query and Execute.
func relay(server io.Writer, client io.Reader, statements *atomic.Int64) error {
	for begun := false; ; begun = true {
		head := make([]byte, 5) // kind and length
		if !begun {
			head = head[1:] // the first message has no kind
		}
		if _, err := io.ReadFull(client, head); err != nil {
			return err
		}
		if begun && (head[0] == 'Q' || head[0] == 'E') {
			statements.Add(1)
		}
		if _, err := server.Write(head); err != nil {
			return err
		}
		if _, err := io.CopyN(server, client, int64(binary.BigEndian.Uint32(head[len(head)-4:]))-4); err != nil {
			return err
		}
	}
}

// TestStart measures the time from the start of the process on a new SQLite file to its first answer. The bound leaves room for a machine that is busy
// with other tests; alone on a quiet one it is below 200 ms.
func TestStart(t *testing.T) {
	var took []time.Duration
	for range 5 {
		database := storetest.EmptySQLiteURL(t)
		begin := time.Now()
		s := start(t, "the server", database)
		resp, err := http.Get(s.url + "/api/v1.0/health")
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begin))
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusNoContent {
			t.Errorf("health: %s, %v", resp.Status, err)
		}
		s.kill(t)
	}
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("the first answer came after %v (median; all: %v)", median, took)
	if median > maxStart {
		t.Errorf("the first answer came after %v; want %v", median, maxStart)
	}
}
