package reference

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"drydock"
)

// The secrets that the references below carry, and that no error may tell.
const (
	password = "hunter2-secret"
	token    = "s3cr3t-token"
)

// hostile is a reference, or a server behind one, that is bad.
type hostile struct {
	name string
	ref  string // SECRET stands for user and password
	kind error
	step Step
	text string // a part of what is said; may be empty
}

const (
	ok200 = "HTTP/1.1 200 OK\r\n"
	html  = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"
)

// hostileReferences need no server: they are refused for what they are.
func hostileReferences() []hostile {
	parse := func(name, ref, text string) hostile { return hostile{name, ref, drydock.ErrInvalid, StepParse, text} }
	policy := func(name, ref, text string) hostile { return hostile{name, ref, drydock.ErrDenied, StepPolicy, text} }
	return []hostile{
		parse("empty", "", "no scheme"), parse("no scheme", "designs/site.yaml", "no scheme"), parse("no scheme but a host", "//127.0.0.1/x", "no scheme"),
		parse("unknown scheme", "ftp://SECRET127.0.0.1/x", "unknown scheme"), parse("script", "javascript:alert(1)", "unknown scheme"),
		parse("inline", "data:text/yaml,a", "unknown scheme"), parse("unknown prefix", "shipyard+http://SECRET127.0.0.1/x", "unknown scheme"),
		parse("scheme only", "http:", "needs a host"), parse("no host", "http:///x", "needs a host"), parse("opaque", "http:127.0.0.1/x", "needs a host"),
		parse("port only", "http://:80/x", "needs a host"), parse("user only", "http://SECRET/x", "needs a host"),
		parse("open bracket", "http://[::1/x", "not a valid URI"), parse("bad escape", "http://SECRET127.0.0.1/%zz", "not a valid URI"),
		parse("NUL in the host", "http://127.0.0.1%00.example/", "not a valid URI"), parse("line break", "http://127.0.0.1/\r\nX-Injected: 1", "not a valid URI"),
		parse("line break in the host", "http://127.0.0.1%0d%0aX-Injected:1/", "not a valid URI"), parse("blank in the host", "http://127.0.0.1 .example/", "not a valid URI"),
		parse("backslash before the host", `http://127.0.0.1\@10.0.0.1/`, "not a valid URI"), parse("backslash in the host", `http://10.0.0.1\.example/`, "not a valid URI"),
		parse("too long", "http://127.0.0.1/"+strings.Repeat("a", drydock.MaxDesignRef), "too long"),
		parse("slash in the password", "http://u:"+password+"/x@127.0.0.1/", "not a valid URI"),
		parse("port 0", "http://SECRET127.0.0.1:0/x", "port"), parse("port 65536", "http://SECRET127.0.0.1:65536/x", "port"), parse("named port", "http://127.0.0.1:http/x", "not a valid URI"),
		parse("zone", "http://SECRET[fe80::1%25lo]/x", "zone"), parse("decimal address", "http://SECRET2130706433/x", "neither a host name"),
		parse("hexadecimal address", "http://0x7f000001/x", "neither a host name"), parse("hexadecimal part", "http://0x7f.0.0.1/x", "neither a host name"),
		parse("octal address", "http://0177.0.0.1/x", "neither a host name"), parse("short address", "http://127.1/x", "neither a host name"),
		parse("five parts", "http://127.0.0.1.1/x", "neither a host name"), parse("unicode host", "http://SECRETbücher.example/x", "beyond ASCII"),
		parse("wide digits", "http://１２７.0.0.1/x", "beyond ASCII"), parse("escaped wide dot", "http://127.0.0.1%E3%80%82example/", "beyond ASCII"),
		parse("two dots", "http://a..example/x", "not a host name"), parse("long label", "http://"+strings.Repeat("a", 64)+".example/", "not a host name"),
		parse("long host", "http://"+strings.Repeat("a.", 130)+"example/", "too long"), parse("blank in the query", "http://127.0.0.1/?a b", "cannot be sent"),
		parse("letters in the query", "http://127.0.0.1/?ü", "cannot be sent"), parse("false pin", "http://SECRET127.0.0.1/#sha256=12", "digest"),
		policy("address in the user", "http://127.0.0.1@10.0.0.1/x", "10.0.0.1:80"), policy("address and port in the user", "http://127.0.0.1:80@169.254.169.254/x", "metadata"),
		policy("metadata", "http://SECRET169.254.169.254/latest/meta-data?token="+token, "metadata"), policy("metadata in hexadecimal", "http://[::ffff:a9fe:a9fe]/x", "metadata"),
		policy("metadata by NAT64", "http://[64:ff9b::169.254.169.254]/x", "metadata"), policy("metadata by 6to4", "http://[2002:a9fe:a9fe::1]/x", "metadata"),
		policy("metadata of a cloud", "http://100.100.100.200/x", "metadata"), policy("metadata by IPv6", "http://[fd00:ec2::254]/x", "metadata"),
		policy("link-local", "http://[fe80::1]/x", "link-local"), policy("unspecified", "http://0.0.0.0/x", "unspecified"), policy("unspecified by IPv6", "http://[::]/x", "unspecified"),
		policy("multicast", "http://224.0.0.1/x", "multicast"), policy("broadcast", "http://255.255.255.255/x", "link-local"),
		policy("private", "http://SECRET10.0.0.1/x?token="+token, "add http=10.0.0.1:80"), policy("other loopback", "http://127.0.0.2/x", "no line"),
		policy("loopback by IPv6", "http://[::1]/x", "no line"), policy("shared", "http://100.64.0.1/x", "no line"), policy("documentation", "http://192.0.2.1/x", "no line"),
	}
}

// hostileFiles returns references to what is in the folder root, or tries to leave it.
func hostileFiles(t *testing.T, root string) []hostile {
	t.Helper()
	secret := write(t, filepath.Join(filepath.Dir(root), "secret"), password)
	write(t, filepath.Join(root, "a.yaml"), "a: 1")
	write(t, filepath.Join(root, "large"), strings.Repeat("x", 5000))
	must(t, os.Symlink(secret, filepath.Join(root, "absolute")))
	must(t, os.Symlink("../secret", filepath.Join(root, "relative")))
	must(t, os.Symlink("..", filepath.Join(root, "up")))
	must(t, os.Symlink("loop", filepath.Join(root, "loop")))
	must(t, os.Symlink("/dev/zero", filepath.Join(root, "zero")))
	must(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	sock, err := net.Listen("unix", filepath.Join(root, "sock"))
	must(t, err)
	t.Cleanup(func() { _ = sock.Close() })
	at := "file://" + root
	parse := func(name, ref, text string) hostile {
		return hostile{"file: " + name, ref, drydock.ErrInvalid, StepParse, text}
	}
	policy := func(name, ref string) hostile {
		return hostile{"file: " + name, ref, drydock.ErrDenied, StepPolicy, "outside"}
	}
	read := func(name, ref, text string) hostile {
		return hostile{"file: " + name, ref, drydock.ErrInvalid, StepRead, text}
	}
	return []hostile{
		parse("NUL", at+"/a.yaml%00.txt", "NUL"), parse("no path", "file://", "absolute path"), parse("relative path", "file:a.yaml", "absolute path"),
		parse("other host", "file://files.example"+root+"/a.yaml", "files.example"), parse("user", "file://SECRETlocalhost"+root+"/a.yaml", "user"),
		parse("query", at+"/a.yaml?token="+token, "query"), parse("fragment", at+"/a.yaml#x", "fragment"),
		policy("dots", at+"/../secret"), policy("escaped dots", at+"/%2e%2e/secret"), policy("escaped slash", at+"/..%2fsecret"), policy("link", at+"/absolute"),
		policy("relative link", at+"/relative"), policy("link to a folder", at+"/up/secret"), policy("system file", "file:///etc/passwd"),
		policy("own environment", "file:///proc/self/environ"), policy("link to a device", at+"/zero"), policy("beside the root", at+"-other/a.yaml"),
		read("pipe", at+"/fifo", "named pipe"), read("socket", at+"/sock", "socket"), read("folder", at, "directory"), read("device", "file:///dev/zero", "device"),
		read("link to itself", at+"/loop", "links"), read("long name", at+"/"+strings.Repeat("n", 300), "too long"),
		{"file: too large", at + "/large", drydock.ErrInvalid, StepSize, "5000 bytes"},
		{"file: missing", at + "/none", drydock.ErrNotFound, StepRead, "no file"},
		{"file: below a file", at + "/a.yaml/b", drydock.ErrNotFound, StepRead, "no file"},
		{"file: other digest", at + "/a.yaml#sha256=" + strings.Repeat("0", 64), drydock.ErrInvalid, StepDigest, "pinned"},
	}
}

// hostileAnswers are paths of one server and what it does there.
func hostileAnswers(t *testing.T) ([]hostile, map[string]func(c net.Conn, r *http.Request)) {
	t.Helper()
	var (
		cases   []hostile
		scripts = map[string]func(c net.Conn, r *http.Request){"/good": send(ok200 + "Content-Length: 4\r\n\r\na: 1")}
	)
	add := func(path string, kind error, step Step, text string, script func(c net.Conn, r *http.Request)) {
		scripts["/"+path] = script
		cases = append(cases, hostile{strings.ReplaceAll(path, "-", " "), "http://SECRETSERVER/" + path + "?token=" + token, kind, step, text})
	}
	invalid, gone, denied := drydock.ErrInvalid, drydock.ErrUnavailable, drydock.ErrDenied
	body := func(header, text string) func(c net.Conn, r *http.Request) {
		return send(fmt.Sprintf("%s%sContent-Length: %d\r\n\r\n%s", ok200, header, len(text), text))
	}
	gz := "Content-Encoding: gzip\r\n"
	packed := string(zip(t, []byte(strings.Repeat("a: 1\n", 10))))
	add("closes", gone, StepRead, "closed the connection", send(""))
	add("silence-before-headers", gone, StepRead, "fell silent", silent(""))
	add("silence-in-headers", gone, StepRead, "fell silent", silent(ok200+"Content-Le"))
	add("silence-in-body", gone, StepRead, "fell silent", silent(ok200+"Content-Length: 100\r\n\r\na: 1"))
	add("drip-of-headers", gone, StepRead, "not within", again(ok200, "A: b\r\n", 30*time.Millisecond))
	add("drip-of-body", gone, StepRead, "not within", again(ok200+"Content-Length: 1000\r\n\r\n", "a", 30*time.Millisecond))
	add("drip-of-an-error", gone, StepStatus, "500", again("HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\n", "a", 30*time.Millisecond))
	add("noise", gone, StepRead, "malformed", send("\x00\x01\x02\x1b[31m no HTTP\r\n\r\n"))
	add("old-HTTP", gone, StepRead, "malformed", send("a: 1\n"))
	add("reset-in-body", gone, StepRead, "broke off", func(c net.Conn, _ *http.Request) {
		_, _ = io.WriteString(c, ok200+"Content-Length: 100\r\n\r\na: 1")
		_ = c.(*net.TCPConn).SetLinger(0)
	})
	add("endless-headers", invalid, StepSize, "header", again(ok200, "A: "+strings.Repeat("b", 1000)+"\r\n", 0))
	add("endless-header", invalid, StepSize, "header", again(ok200+"A: ", strings.Repeat("b", 1000), 0))
	add("endless-status", invalid, StepSize, "header", again("HTTP/1.1 200 ", strings.Repeat("b", 1000), 0))
	add("always-continue", invalid, StepStatus, "again and again", again("", "HTTP/1.1 100 Continue\r\n\r\n", time.Millisecond))
	add("other-protocol", invalid, StepStatus, "101", send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\na: 1"))
	add("more-than-announced", invalid, StepRead, "goes on", send(ok200+"Content-Length: 4\r\n\r\na: 1\nb: 2\n"))
	add("letters-counted-for-bytes", invalid, StepRead, "goes on", send(ok200+"Content-Length: 20\r\n\r\n"+strings.Repeat("ü", 20)))
	add("second-answer", invalid, StepRead, "goes on", send(ok200+"Content-Length: 4\r\n\r\na: 1"+ok200+"Content-Length: 4\r\n\r\nb: 2"))
	add("less-than-announced", gone, StepRead, "broke off", send(ok200+"Content-Length: 100\r\n\r\na: 1"))
	add("negative-length", gone, StepRead, "Content-Length", send(ok200+"Content-Length: -1\r\n\r\na: 1"))
	add("two-lengths", gone, StepRead, "Content-Length", send(ok200+"Content-Length: 4\r\nContent-Length: 5\r\n\r\na: 1"))
	add("chunk-without-end", gone, StepRead, "broke off", send(ok200+"Transfer-Encoding: chunked\r\n\r\n4\r\na: 1\r\n"))
	add("chunk-of-no-size", gone, StepRead, "broke off", send(ok200+"Transfer-Encoding: chunked\r\n\r\nzz\r\na: 1\r\n0\r\n\r\n"))
	add("chunk-cut", gone, StepRead, "broke off", send(ok200+"Transfer-Encoding: chunked\r\n\r\n40\r\na: 1"))
	add("unknown-transfer-encoding", gone, StepRead, "transfer encoding", send(ok200+"Transfer-Encoding: cunning\r\n\r\na: 1"))
	add("ten-gigabytes-announced", invalid, StepSize, "longer than", silent(ok200+"Content-Length: 10737418240\r\n\r\n"))
	add("endless-body", invalid, StepSize, "longer than", again(ok200+gz+"\r\n", strings.Repeat(packed, 20), 0))
	add("no-announced-end", invalid, StepRead, "no announced end", send(ok200+"\r\na: 1"))
	add("endless-chunks", invalid, StepSize, "longer than", again(ok200+"Transfer-Encoding: chunked\r\n\r\n", "4\r\na: 1\r\n", 0))
	add("one-byte-too-many", invalid, StepSize, "longer than", body("", strings.Repeat("a", 4097)))
	add("gzip-bomb", invalid, StepSize, "longer than", body(gz, string(zip(t, make([]byte, 2<<20)))))
	add("gzip-cut", gone, StepRead, "broke off", body(gz, packed[:20]))
	add("gzip-corrupt", invalid, StepDecode, "gzip", body(gz, packed[:12]+"\xff\xff\xff\xff"+packed[16:]))
	add("gzip-false", invalid, StepDecode, "gzip", body(gz, "a: 1, and no gzip at all"))
	add("gzip-and-more", invalid, StepDecode, "gzip", body(gz, packed+"a: 1, and no gzip any more"))
	add("gzip-twice", invalid, StepDecode, "content encoding", body("Content-Encoding: gzip, gzip\r\n", packed))
	add("brotli", invalid, StepDecode, `"br"`, body("Content-Encoding: br\r\n", "a: 1"))
	add("login-page", invalid, StepDecode, "web page", body("Content-Type: text/html; charset=utf-8\r\n", html))
	add("page-as-text", invalid, StepDecode, "web page", body("Content-Type: application/x-yaml\r\n", "\uFEFF \n"+html))
	add("page-as-gzip", invalid, StepDecode, "web page", body(gz, string(zip(t, []byte(html)))))
	add("xml", invalid, StepDecode, "web page", body("", `<?xml version="1.0"?><Error/>`))
	add("latin-1", invalid, StepDecode, "iso-8859-1", body("Content-Type: text/plain; charset=ISO-8859-1\r\n", "a: \xfc"))
	add("utf-16", invalid, StepDecode, "utf-16", body("Content-Type: application/x-yaml; charset=\"UTF-16\"\r\n", "\xff\xfea\x00"))
	add("empty", invalid, StepDecode, "empty", body("", ""))
	for status, kind := range map[int]error{
		201: invalid, 204: invalid, 205: invalid, 206: invalid, 300: invalid, 304: invalid, 305: invalid, 400: invalid, 407: invalid, 418: invalid, 404: drydock.ErrNotFound,
		410: drydock.ErrNotFound, 408: gone, 425: gone, 429: gone, 500: gone, 502: gone, 503: gone, 504: gone, 599: gone,
	} {
		add(fmt.Sprint("status-", status), kind, StepStatus, fmt.Sprint(status), send(fmt.Sprintf("HTTP/1.1 %d X\r\n\r\nECHO\x1b[31m", status)))
	}
	add("unauthorized", denied, StepAuth, "401", send("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\nECHO"))
	add("forbidden", denied, StepAuth, "403", send("HTTP/1.1 403 No\r\n\r\nECHO"))
	add("status-0", gone, StepRead, "malformed", send("HTTP/1.1 0 OK\r\n\r\na: 1"))
	add("retry-in-a-year", gone, StepStatus, "503", send("HTTP/1.1 503 No\r\nRetry-After: 31536000\r\n\r\n"))
	for path, to := range map[string]struct {
		location string
		kind     error
		step     Step
		text     string
	}{
		"nowhere": {"", invalid, StepStatus, "302"}, "loop": {"/redirect-loop", invalid, StepStatus, "redirects"}, "no-uri": {"http://[::1", invalid, StepStatus, "not a URI"},
		"metadata": {"http://169.254.169.254/latest", denied, StepPolicy, "another host"}, "name": {"http://localhost/x", denied, StepPolicy, "another host"},
		"port": {"http://127.0.0.1:1/x", denied, StepPolicy, "another host"}, "file": {"file:///etc/passwd", denied, StepPolicy, "to file"},
		"ftp": {"ftp://127.0.0.1/x", denied, StepPolicy, "to ftp"}, "inline": {"data:text/plain,x", denied, StepPolicy, "to data"},
		"https": {"https://127.0.0.1:1/x", gone, StepConnect, "refused"}, "user": {"http://127.0.0.1@10.0.0.1/", denied, StepPolicy, "another host"},
		"spelling": {"http://2130706433/x", invalid, StepParse, "neither"}, "no-host": {"http:///x", invalid, StepParse, "needs a host"},
		"blank": {"/x?a b", invalid, StepParse, "cannot be sent"}, "missing": {"/none", drydock.ErrNotFound, StepStatus, "404"}, "wide": {"//ｅxample/x", invalid, StepParse, "ASCII"},
	} {
		add("redirect-"+path, to.kind, to.step, to.text, send("HTTP/1.1 302 Found\r\nLocation: "+to.location+"\r\n\r\nECHO"))
	}
	add("good#sha256="+strings.Repeat("ab", 32), invalid, StepDigest, "pinned", send(""))
	cases[len(cases)-1].ref = "http://SECRETSERVER/good#sha256=" + strings.Repeat("ab", 32)
	return append(cases, hostile{"injection", "http://SECRETSERVER/x%0d%0aX-Injected:%201%0d%0a", drydock.ErrNotFound, StepStatus, "404"},
		hostile{"injection by the user", "http://u%0d%0aX-Injected:%201:" + password + "@SERVER/x", drydock.ErrNotFound, StepStatus, "404"}), scripts
}

// hostileTLS are servers that cannot be trusted.
func hostileTLS(t *testing.T, own *authority, good map[string]func(c net.Conn, r *http.Request)) []hostile {
	t.Helper()
	server := func(change func(c *x509.Certificate), settings ...func(c *tls.Config)) string {
		cfg := &tls.Config{Certificates: []tls.Certificate{own.issue(t, change)}}
		for _, set := range settings {
			set(cfg)
		}
		return "https://SECRET" + secure(t, cfg, good)
	}
	bad := func(name, base, text string) hostile {
		return hostile{"TLS: " + name, base + "/good?token=" + token, drydock.ErrUnavailable, StepTLS, text}
	}
	stranger := newAuthority(t)
	mute := "https://SECRET" + listening(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	return []hostile{
		bad("expired", server(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "renew"),
		bad("not yet valid", server(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), "not yet valid"),
		bad("other name", server(func(c *x509.Certificate) { c.IPAddresses = nil }), "host name that is in the certificate"),
		bad("not for servers", server(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }), "not trusted"),
		bad("unknown authority", server(nil, func(c *tls.Config) { c.Certificates = []tls.Certificate{stranger.issue(t, nil)} }), "ca_file"),
		bad("self-signed", server(nil, func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{Certificate: [][]byte{stranger.cert.Raw}, PrivateKey: stranger.key}}
		}), "not trusted"),
		bad("version 1.1", server(nil, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), "protocol version"),
		bad("wants a certificate", server(nil, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), "cert_file"),
		bad("wants a certificate, version 1.2", server(nil, func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }), "cert_file"),
		bad("silence", mute, "no TLS handshake within"), bad("closes", "https://SECRET"+listening(t, func(net.Conn) {}), "broke off"),
		bad("no TLS", "https://SECRET"+listening(t, func(c net.Conn) { send("HTTP/1.1 400 Bad Request\r\n\r\n")(c, &http.Request{}) }), "does not speak TLS"),
		{"TLS: redirect to http", server(nil) + "/redirect-plain", drydock.ErrDenied, StepPolicy, "from https to http"},
		{"TLS: answer cut", server(nil) + "/cut", drydock.ErrInvalid, StepRead, "no announced end"}, // no library tells whether TLS ended as it should
		{"TLS on a port of http", strings.Replace(server(nil), "https:", "http:", 1) + "/good", drydock.ErrUnavailable, StepRead, ""},
	}
}

// hostileNames are names that do not mean what they seem to.
func hostileNames(port string) []hostile {
	at := func(name string) string { return "http://SECRET" + name + ":" + port + "/redirect-here?token=" + token }
	denied := func(name, host, text string) hostile {
		return hostile{"name: " + name, at(host), drydock.ErrDenied, StepPolicy, text}
	}
	return []hostile{
		denied("metadata", "metadata.test", "metadata"), denied("metadata by an allowed name", "allowed.test", "metadata"), denied("private", "private.test", "10.0.0.1"),
		denied("all bad", "both.test", ""), denied("rebinds to private", "rebind.test", "10.0.0.1"), denied("rebinds to metadata", "rebind-metadata.test", "metadata"),
		{"name: unknown", at("none.test"), drydock.ErrUnavailable, StepDNS, "no such host"},
		{"name: silent", at("x.silent"), drydock.ErrUnavailable, StepDNS, ""},
		{"name: broken", at("x.broken"), drydock.ErrUnavailable, StepDNS, ""},
		{"name: no address", at("empty.test"), drydock.ErrUnavailable, StepDNS, ""},
	}
}

// hostileLab starts all that is bad and returns a resolver that may reach it, the table of what it should say, and what is good beside it.
func hostileLab(t *testing.T, o ResolverOptions) (r *Resolver, cases []hostile, good []string) {
	t.Helper()
	answers, scripts := hostileAnswers(t)
	scripts["/redirect-here"] = send("HTTP/1.1 302 Found\r\nLocation: /redirect-here\r\n\r\n")
	server := scripted(t, scripts)
	_, port, err := net.SplitHostPort(server)
	must(t, err)
	own := newAuthority(t)
	over := map[string]func(c net.Conn, r *http.Request){
		"/good": scripts["/good"],
		"/cut": func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, ok200+"\r\na: 1")
			_ = c.(*tls.Conn).NetConn().Close()
		},
		"/redirect-plain": func(c net.Conn, r *http.Request) {
			send("HTTP/1.1 302 Found\r\nLocation: http://"+r.Host+"/good\r\n\r\n")(c, r)
		},
	}
	zone := &names{records: map[string][][]string{
		"metadata.test.": {{"169.254.169.254"}}, "allowed.test.": {{"169.254.169.254"}}, "private.test.": {{"10.0.0.1"}}, "both.test.": {{"169.254.169.254", "10.0.0.1"}},
		"rebind.test.": {{"127.0.0.1"}, {"10.0.0.1"}}, "rebind-metadata.test.": {{"127.0.0.1"}, {"169.254.169.254"}}, "empty.test.": {{}}, "good.test.": {{"127.0.0.1"}},
	}}
	policy := policyOf(t, "http=public", "https=public", "http=127.0.0.1", "https=127.0.0.1", "http=allowed.test")
	web := FetchHTTP(HTTPOptions{
		Policy: policy, ConnectTimeout: 300 * time.Millisecond, ReadTimeout: 300 * time.Millisecond, MaxBytes: 4096, TLS: &tls.Config{RootCAs: own.pool()}, Resolver: zone.resolver(t),
	})
	root := filepath.Join(t.TempDir(), "designs")
	cases = append(hostileReferences(), hostileFiles(t, root)...)
	cases = append(append(append(cases, answers...), hostileTLS(t, own, over)...), hostileNames(port)...)
	cases = append(cases, hostile{"refused", "http://SECRET" + closedPort(t) + "/x?token=" + token, drydock.ErrUnavailable, StepConnect, "refused"})
	for i := range cases {
		cases[i].ref = strings.NewReplacer("SECRET", "agent:"+password+"@", "SERVER", server).Replace(cases[i].ref)
	}
	good = []string{
		"http://" + server + "/good", "https://" + secure(t, &tls.Config{Certificates: []tls.Certificate{own.issue(t, nil)}}, over) + "/good",
		"http://good.test:" + port + "/good", "file://" + root + "/a.yaml",
	}
	return NewResolver(map[string]Fetcher{"file": FetchFile([]string{root, "/dev"}, 4096), "http": web, "https": web}, o), cases, good
}

// TestHostile is the table of references and servers that are bad, each with the kind and the step of its error. None may take long, tell a
// secret, or give bytes.
func TestHostile(t *testing.T) {
	const within = 5 * time.Second // they take less than one, but the machine may be busy
	r, cases, good := hostileLab(t, ResolverOptions{Tries: 1, Deadline: time.Second, BreakAfter: -1})
	for _, ref := range good { // or else the table would say nothing
		if got, _, err := r.Resolve(t.Context(), ref); err != nil || string(got) != "a: 1" {
			t.Errorf("%s: %q, %v", ref, got, err)
		}
	}
	basic := base64.StdEncoding.EncodeToString([]byte("agent:" + password))
	if len(cases) < 150 {
		t.Errorf("only %d cases", len(cases))
	}
	t.Run("all", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				got, _, err := r.Resolve(t.Context(), c.ref)
				took := time.Since(start)
				var e *Error
				if !errors.As(err, &e) || got != nil {
					t.Fatalf("%q, error %v; want an *Error and nothing else", got, err)
				}
				if !errors.Is(err, c.kind) || e.Step != c.step || !strings.Contains(err.Error(), c.text) {
					t.Errorf("error %v\nwant %v, %s, %q", err, c.kind, c.step, c.text)
				}
				if took > within {
					t.Errorf("it took %v", took)
				}
				for _, secret := range []string{password, token, basic} {
					if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, e), secret) {
						t.Errorf("the error tells %q: %v", secret, err)
					}
				}
				if strings.ContainsAny(err.Error(), "\x00\x1b\r\n") || len(err.Error()) > 1500 {
					t.Errorf("the error is not fit for a line: %q", err)
				}
			})
		}
	})
}
