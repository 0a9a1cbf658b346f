package reference

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// listening accepts connections until the end of the test and gives each to handle, then closes it.
func listening(t *testing.T, handle func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var (
		mu    sync.Mutex
		conns = map[net.Conn]bool{}
		done  sync.WaitGroup
	)
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			done.Go(func() {
				handle(c)
				_ = c.Close()
				mu.Lock()
				delete(conns, c)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		done.Wait()
	})
	return l.Addr().String()
}

// scripted reads a request from each connection and hands it to the script of its path. What scripts send is up to them.
func scripted(t *testing.T, scripts map[string]func(c net.Conn, r *http.Request)) string {
	return listening(t, func(c net.Conn) { play(t, c, scripts) })
}

func play(t *testing.T, c net.Conn, scripts map[string]func(c net.Conn, r *http.Request)) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if r.Header.Get("X-Injected") != "" || r.Host == "injected" {
		t.Error("a reference has put a header into a request")
	}
	script := scripts[r.URL.Path]
	if script == nil {
		script = send("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone")
	}
	script(c, r)
}

// send is a script that sends text, with the request's credentials and query in the place of ECHO, and closes the connection.
func send(text string) func(c net.Conn, r *http.Request) {
	return func(c net.Conn, r *http.Request) {
		_, _ = io.WriteString(c, strings.ReplaceAll(text, "ECHO", r.Header.Get("Authorization")+" "+r.RequestURI))
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
		_, _ = io.Copy(io.Discard, c) // until the other side has gone: closing at once could take back what was sent
	}
}

// silent sends text, then nothing until the other side goes.
func silent(text string) func(c net.Conn, r *http.Request) {
	return func(c net.Conn, _ *http.Request) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

// again sends head, then part after part with a pause before each, until the other side goes.
func again(head, part string, pause time.Duration) func(c net.Conn, r *http.Request) {
	return func(c net.Conn, _ *http.Request) {
		_, err := io.WriteString(c, head)
		tick := time.NewTicker(max(pause, time.Nanosecond))
		defer tick.Stop()
		for err == nil {
			if pause > 0 {
				<-tick.C
			}
			_, err = io.WriteString(c, part)
		}
	}
}

// names is a name server for tests: what a name means may be another thing each time that it is asked for.
type names struct {
	records map[string][][]string // by name: the addresses of the first answer, the second, …; the last one repeats
	mu      sync.Mutex
	asked   map[string]int
}

// resolver starts the name server and returns a resolver that asks nobody else. Names below silent. are never answered, below broken. with a
// failure; any other that has no record does not exist.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	n.asked = map[string]int{}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			size, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := n.answer(buf[:size]); reply != nil {
				_, _ = pc.WriteTo(reply, from)
			}
		}
	}()
	var (
		mu     sync.Mutex
		conns  []net.Conn
		closed bool
	)
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		closed = true
		for _, c := range conns { // the library goes on waiting for an answer that nobody wants any more
			_ = c.Close()
		}
		_ = pc.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		c, err := new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
		if err == nil {
			conns = append(conns, c)
		}
		return c, err
	}}
}

func (n *names) answer(question []byte) []byte {
	const header = 12
	name, at := "", header
	for at < len(question) && question[at] != 0 {
		label := int(question[at])
		name += strings.ToLower(string(question[at+1:at+1+label])) + "."
		at += 1 + label
	}
	at++ // the root
	kind, end := binary.BigEndian.Uint16(question[at:]), at+4
	reply := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[header:end]...)
	if strings.HasSuffix(name, "silent.") {
		return nil
	}
	if strings.HasSuffix(name, "broken.") {
		reply[3] |= 2
		return reply
	}
	answers, known := n.records[name]
	if !known {
		reply[3] |= 3
		return reply
	}
	if kind != 1 { // addresses of version 4 only
		return reply
	}
	n.mu.Lock()
	addrs := answers[min(n.asked[name], len(answers)-1)]
	n.asked[name]++
	n.mu.Unlock()
	for _, text := range addrs {
		a := netip.MustParseAddr(text).As4()
		reply = append(reply, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		reply = append(reply, a[:]...)
		reply[7]++
	}
	return reply
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(raw)
	must(t, err)
	return &authority{cert, key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue makes a certificate for 127.0.0.1 and named.test, changed as the test wants it.
func (a *authority) issue(t *testing.T, change func(c *x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server of a test"}, NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		DNSNames: []string{"named.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// secure is scripted over TLS.
func secure(t *testing.T, cfg *tls.Config, scripts map[string]func(c net.Conn, r *http.Request)) string {
	return listening(t, func(c net.Conn) {
		conn := tls.Server(c, cfg)
		if conn.Handshake() == nil {
			play(t, conn, scripts)
		}
	})
}

// closedPort returns an address that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, errors.Join(l.Close()))
	return l.Addr().String()
}
