package keystone

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"drydock"
)

// TestSilentServer: servers that accept a connection and then say nothing, or never end their answer, are given up in time, and nothing of it
// stays behind (TestMain looks for goroutines).
func TestSilentServer(t *testing.T) {
	for name, behave := range map[string]func(c net.Conn){
		"nothing": func(net.Conn) {},
		"headers": func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{")) },
		"drip": func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 500 Oops\r\n\r\n"))
			for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		},
	} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(name+" "+scheme, func(t *testing.T) {
				listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					c, err := listener.Accept()
					if err != nil {
						return
					}
					behave(c)
					<-t.Context().Done()
					_ = c.Close()
				}()
				t.Cleanup(func() { _ = listener.Close(); <-ended })
				o := Options{
					AuthURL: scheme + "://" + listener.Addr().String(), UserID: "u", Password: "p",
					ConnectTimeout: 50 * time.Millisecond, RequestTimeout: 100 * time.Millisecond, Tries: 1,
				}
				began := time.Now()
				_, err = newClient(t, o).Token(t.Context())
				if took := time.Since(began); !errors.Is(err, drydock.ErrUnavailable) || took > 5*time.Second {
					t.Errorf("after %v: %v", took, err)
				}
			})
		}
	}
}

// TestClientCertificate shows a certificate to a server that wants one.
func TestClientCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	keyDER, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 1 {
			w.Header().Set("X-Subject-Token", "token")
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"token": {"expires_at": "2100-01-01T00:00:00Z"}}`))
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	defer s.Close()
	folder := t.TempDir()
	write := func(name string, parts ...[]byte) string {
		path := filepath.Join(folder, name)
		var all []byte
		for _, p := range parts {
			all = append(all, p...)
		}
		if err := os.WriteFile(path, all, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := Options{
		AuthURL: s.URL, UserID: "u", Password: "p",
		CAFile: write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})),
	}
	for name, set := range map[string]func(o *Options){
		"two files": func(o *Options) { o.CertFile, o.KeyFile = write("cert.pem", certificate), write("key.pem", private) },
		"one file":  func(o *Options) { o.CertFile = write("both.pem", private, certificate) },
	} {
		o := good
		set(&o)
		if token, err := newClient(t, o).Token(t.Context()); err != nil || token != "token" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	if _, err := newClient(t, good).Token(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no token") {
		t.Errorf("without a certificate: %v", err)
	}
}
