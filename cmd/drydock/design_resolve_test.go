package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drydock/reference"
)

// designFile writes a design and returns its path and digest.
func designFile(t *testing.T, folder, name, text string) (path, digest string) {
	t.Helper()
	path = filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	return path, hex.EncodeToString(sum[:])
}

// TestDesignOverHTTP resolves, shows, digests and checks what a server has, with a policy, authorities and credentials.
func TestDesignOverHTTP(t *testing.T) {
	const text = "schema: drydock/Region/v1\n"
	sum := sha256.Sum256([]byte(text))
	digest := hex.EncodeToString(sum[:])
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); r.URL.Path == "/private" && password != "hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("ETag", `"v1"`)
		_, _ = w.Write([]byte(text)) // who asked looks at what came
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DRYDOCK_DESIGN_ALLOW": "http=127.0.0.1,https=127.0.0.0/8", "DRYDOCK_DESIGN_CA_FILE": ca, "DRYDOCK_HTTP_RETRIES": "1"}
	run := func(args ...string) outcome {
		return runCommand(t.Context(), 0, env, append([]string{"design"}, args...)...)
	}

	for _, base := range []string{plain.URL, secure.URL} {
		got := run("resolve", base+"/site.yaml")
		r := decode[resolution](t, got)
		if got.code != exitOK || r.Digest != digest || r.Size != int64(len(text)) || r.ETag != `"v1"` || r.Origin != "source" || r.Attempts != 1 || r.Took == "" {
			t.Errorf("resolve: %+v, %s", r, got.err)
		}
		if got := run("show", base+"/site.yaml", "-o", "json"); got.code != exitOK || got.out != text {
			t.Errorf("show: %+v", got)
		}
	}
	secret := strings.Replace(plain.URL, "http://", "http://ann:hunter2@", 1) + "/private"
	for _, command := range []string{"resolve", "digest", "check"} {
		if got := run(command, secret); got.code != exitOK || strings.Contains(got.out+got.err, "hunter2") {
			t.Errorf("%s tells a password, or fails: %+v", command, got)
		}
	}
	type digests struct{ Digest, Pin, Pinned string }
	pinned := decode[digests](t, run("digest", plain.URL+"/site.yaml"))
	if pinned.Digest != digest || pinned.Pinned != plain.URL+"/site.yaml#sha256="+digest || pinned.Pin != "#sha256="+digest {
		t.Errorf("digest: %+v", pinned)
	}
	if again := decode[digests](t, run("digest", pinned.Pinned)); again != pinned {
		t.Errorf("digest of what is pinned: %+v", again)
	}
	for ref, code := range map[string]int{
		plain.URL + "/site.yaml#sha256=" + strings.Repeat("0", 64): exitUsage, plain.URL + "/private": exitDenied, "http://10.0.0.1/x": exitDenied,
		"http://127.0.0.1:1/x": exitUnavailable, "ftp://h/x": exitUsage, filepath.Join(t.TempDir(), "none.yaml"): exitNotFound,
		"http://169.254.169.254/latest/meta-data": exitDenied,
	} {
		if got := run("resolve", ref); got.code != code || got.out != "" || got.err == "" {
			t.Errorf("resolve %s: exit code %d, want %d: %s", ref, got.code, code, got.err)
		}
	}
}

func TestDesignOfFile(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	path, digest := designFile(t, elsewhere, "site one.yaml", "a: 1\n")
	link := filepath.Join(folder, "link.yaml")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DRYDOCK_DESIGN_ROOT": folder}
	for arg, name := range map[string]string{path: "/site%20one.yaml", link: "/link.yaml"} { // a person may read what the person may read
		if got := decode[resolution](t, runCommand(t.Context(), 0, env, "design", "resolve", arg)); got.Digest != digest || !strings.HasPrefix(got.Ref, "file:///") || !strings.HasSuffix(got.Ref, name) {
			t.Errorf("%s: %+v", arg, got)
		}
	}
	for _, ref := range []string{"file://" + link, "file://" + strings.ReplaceAll(path, " ", "%20")} { // a reference is held against the roots
		if got := runCommand(t.Context(), 0, env, "design", "show", ref); got.code != exitDenied || got.out != "" {
			t.Errorf("%s: %+v", ref, got)
		}
	}
	if got := runCommand(t.Context(), 0, env, "design", "show", folder); got.code != exitUsage || !strings.Contains(got.err, "is a folder") {
		t.Errorf("a folder: %+v", got)
	}
}

func TestDesignCheck(t *testing.T) {
	root := t.TempDir()
	path, _ := designFile(t, root, "site.yaml", "a: 1\n")
	conf, _ := designFile(t, root, "drydock.conf", "[design]\nroots = "+root+"\nallow = http=127.0.0.0/8, https=designs.example, http=*.example:8080\n")
	for _, c := range []struct {
		ref     string
		code    int
		verdict reference.Verdict
		line    string
		text    string
	}{
		{"http://127.0.0.1:8000/x", exitOK, reference.Allowed, "http=127.0.0.0/8", ""},
		{"http://localhost/x", exitOK, reference.Allowed, "http=127.0.0.0/8", ""},
		{"http://10.0.0.1/x?token=hunter2", exitDenied, reference.Refused, "", "add http=10.0.0.1:80"},
		{"https://127.0.0.1/x", exitDenied, reference.Refused, "", "add https=127.0.0.1:443"},
		{"http://169.254.169.254/x", exitDenied, reference.Refused, "", "no policy line can allow"},
		{"file://" + path, exitOK, reference.Allowed, root, ""},
		{"file://" + path + "#sha256=" + strings.Repeat("ab", 32), exitOK, reference.Allowed, root, ""},
		{"file:///etc/passwd", exitDenied, reference.Refused, "", "--design-root"},
		{path, exitOK, reference.Allowed, root, ""},
		{"http://0x7f.1/x", exitUsage, "", "", ""},
		{"http://h/x#sha256=1", exitUsage, "", "", ""},
		{"gopher://h/x", exitUsage, "", "", ""},
		{"http://nowhere.invalid/x", exitUnavailable, "", "", ""},
	} {
		got := runCommand(t.Context(), 0, nil, "design", "check", "--config-file", conf, c.ref)
		if got.code != c.code || strings.Contains(got.out+got.err, "hunter2") {
			t.Errorf("%s: exit code %d, want %d: %s%s", c.ref, got.code, c.code, got.out, got.err)
		}
		if c.verdict == "" {
			if got.out != "" || got.err == "" {
				t.Errorf("%s: %+v", c.ref, got)
			}
			continue
		}
		if r := decode[checked](t, got); r.Verdict != c.verdict || r.Line != c.line || !strings.Contains(r.Remedy, c.text) || r.Reason == "" {
			t.Errorf("%s: %+v", c.ref, r)
		}
	}
	got := runCommand(t.Context(), terminal, nil, "design", "check", "--config-file", conf, "http://127.0.0.1/x")
	if want := "verdict    allowed\nline       http=127.0.0.0/8\n"; got.code != exitOK || !strings.Contains(got.out, want) {
		t.Errorf("as a table: %q", got.out)
	}
	if got := runCommand(t.Context(), 0, nil, "design", "check", "--allow-design", "http=nonsense/", "http://h/"); got.code != exitUsage || !strings.Contains(got.err, "--allow-design") {
		t.Errorf("bad line: %+v", got)
	}
}
