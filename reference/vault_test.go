package reference

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"drydock"
)

// newVault returns a vault that makes its key in a folder of the test.
func newVault(t testing.TB) *Vault {
	t.Helper()
	return NewVault(filepath.Join(t.TempDir(), "key"), true)
}

func seal(t testing.TB, v *Vault, ref string) string {
	t.Helper()
	sealed, err := v.Seal(ref)
	if err != nil {
		t.Fatalf("seal %q: %v", ref, err)
	}
	return sealed
}

// secretRefs are references and what in them must not be seen.
var secretRefs = []struct{ ref, shown string }{
	{
		"https://ann:p%40ss-word@designs.example:8443/site.yaml?schema=drydock#sha256=" + digestOfTests,
		"https://***@designs.example:8443/site.yaml?schema=drydock#sha256=" + digestOfTests,
	},
	{"https://ghp_0123456789abcdefABCDEF@git.example/x", "https://***@git.example/x"},
	{"https://h/x?sv=2024-11-04&sr=b&sig=abc%2Fdef%3D&metadata.name=n1", "https://h/x?sv=***&sr=***&sig=***&metadata.name=n1"},
	{"https://h/x?X-Amz-Signature=00ff&X-Amz-Date=20261122T000000Z&limit=3", "https://h/x?X-Amz-Signature=***&X-Amz-Date=***&limit=3"},
	{"https://h/x?X-Goog-Credential=me&order=asc", "https://h/x?X-Goog-Credential=***&order=asc"},
	{"https://h/x?ACCESS_TOKEN=1&apiKey=2&%74oken=3", "https://h/x?ACCESS_TOKEN=***&apiKey=***&%74oken=***"},
	{"https://h/x?v=eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "https://h/x?v=***"},
	{"https://h/x?dGhpcyBpcyBhIHNlY3JldCE0", "https://h/x?***"},
	{"https://h/x?a=1;token=2&b=x", "https://h/x?a=***&b=x"},
	{"https://h/x?a=1#password", "https://h/x?a=1#***"},
	{"promenade+http://p/join?design_ref=https%3A%2F%2Fu%3Apw%40h%2Fx&hostname=n1", "promenade+http://p/join?design_ref=***&hostname=n1"},
	{"promenade+http://p/join?design_ref=https%253A%252F%252Fh%252Fx%253Fsig%253D1", "promenade+http://p/join?design_ref=***"},
}

const digestOfTests = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// harmlessRefs have nothing to hide.
var harmlessRefs = []string{
	"", "file:///srv/designs/site.yaml", "http://[::1]:9000/a%20b", "design://sha256/" + digestOfTests,
	"deckhand+https://deckhand-int.ucp.svc.cluster.local:9000/api/v1.0/revisions/12/rendered-documents?schema=drydock/BaremetalNode/v1&metadata.name=n1&limit=3&sort=metadata.name",
	"https://h/x?since=2026-11-22T12:13:25Z&status.bucket=site-documents&cleartext-secret", "https://h/x#sha256=" + digestOfTests,
	"promenade+http://p/api/v1.0/join-scripts?design_ref=https%3A%2F%2Fh%2Fsite.yaml&hostname=cab1-r01-n03&ip=10.23.21.12&labels.dynamic=ucp-control-plane%3Denabled",
}

func TestRedactHidesSecretsOnly(t *testing.T) {
	for _, c := range secretRefs {
		if got := Redact(c.ref); got != c.shown {
			t.Errorf("Redact(%q)\n got %q\nwant %q", c.ref, got, c.shown)
		}
		if again := Redact(c.shown); again != c.shown {
			t.Errorf("Redact(%q) = %q", c.shown, again)
		}
	}
	for _, ref := range harmlessRefs {
		if got := Redact(ref); got != ref {
			t.Errorf("Redact(%q) = %q", ref, got)
		}
	}
	for ref, want := range map[string]string{
		"https:/ann:pass@h/x": "https:///***/x", "https:ann:pass@h": "https:***", "https://h/x#sha256=short": "https://h/x#***",
		"https://u:p%zz@h/x": "***", "ann:pass@h/x": "ann:***", "https://h/x?sealed.v1.AAAA=1": "https://h/x?***",
	} {
		if got := Redact(ref); got != want {
			t.Errorf("Redact(%q) = %q, want %q", ref, got, want)
		}
	}
}

func TestSeal(t *testing.T) {
	v := newVault(t)
	for _, c := range secretRefs {
		sealed := seal(t, v, c.ref)
		if !strings.Contains(sealed, sealedPrefix) || Redact(sealed) != c.shown {
			t.Errorf("%q is sealed as %q and shown as %q", c.ref, sealed, Redact(sealed))
		}
		if again := seal(t, v, c.ref); again != sealed {
			t.Errorf("%q is sealed otherwise the second time", c.ref)
		}
		if again := seal(t, v, sealed); again != sealed {
			t.Errorf("what is sealed is sealed again: %q", again)
		}
		if open, err := v.Open(sealed); err != nil || open != c.ref {
			t.Errorf("opened %q, %v; want %q", open, err, c.ref)
		}
		if _, err := url.Parse(sealed); err != nil {
			t.Errorf("the sealed form is no URI: %v", err)
		}
	}
	other := NewVault(filepath.Join(t.TempDir(), "none"), true)
	for _, ref := range harmlessRefs[1:] {
		if got := seal(t, other, ref); got != ref {
			t.Errorf("%q became %q", ref, got)
		}
		if open, err := other.Open(ref); err != nil || open != ref {
			t.Errorf("opened %q, %v", open, err)
		}
	}
	if _, err := os.Stat(other.file.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key was made although nothing was sealed: %v", err)
	}
}

// A sealed part opens only where it was sealed: whoever reads a row of the database cannot have its secret sent to a host of his own.
func TestSealedPartsCannotBeMoved(t *testing.T) {
	v := newVault(t)
	sealed := seal(t, v, "https://ann:password@designs.example/x?sig=1234")
	user, _, _ := strings.Cut(strings.TrimPrefix(sealed, "https://"), "@")
	_, sig, _ := strings.Cut(sealed, "sig=")
	flipped := []byte(sig)
	flipped[len(sealedPrefix)+20] ^= 3
	for name, moved := range map[string]string{
		"host": "https://" + user + "@evil.example/x", "port": "https://" + user + "@designs.example:444/x", "scheme": "http://" + user + "@designs.example/x",
		"subdomain": "https://" + user + "@designs.example.evil.example/x", "userinfo to query": "https://designs.example/x?sig=" + user,
		"query to userinfo": "https://" + sig + "@designs.example/x", "another name": "https://designs.example/x?token=" + sig,
		"a name that is not secret": "https://designs.example/x?q=" + sig, "no name": "https://designs.example/x?" + sig,
		"behind a user": "https://x:" + user + "@designs.example/x", "bits": "https://designs.example/x?sig=" + string(flipped),
		"none":      "https://designs.example/x?sig=sealed.v1.",
		"no base64": "https://designs.example/x?sig=sealed.v1.%2F", "inside": "https://designs.example/x?q=a" + sig,
	} {
		if got, err := v.Seal(moved); name != "behind a user" && name != "inside" && !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%s: sealed as %q, %v", name, got, err)
		}
		open, err := v.Open(moved)
		if err == nil && open != moved || err != nil && !errors.Is(err, drydock.ErrDenied) {
			t.Errorf("%s: opened %q, %v", name, open, err)
		}
		if err != nil && (strings.Contains(err.Error(), "password") || strings.Contains(err.Error(), user)) {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
	for _, same := range []string{"HTTPS://" + user + "@Designs.Example:443/other?q=1"} {
		if open, err := v.Open(same); err != nil || !strings.Contains(open, "ann:password@") {
			t.Errorf("the same host, written otherwise: %q, %v", open, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	const ref = "https://ann:password@h/x"
	dir := t.TempDir()
	good, other := filepath.Join(dir, "good"), filepath.Join(dir, "other")
	sealed := seal(t, NewVault(good, true), ref)
	if info, err := os.Stat(good); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	seal(t, NewVault(other, true), ref)
	if open, err := NewVault(good, false).Open(sealed); err != nil || open != ref {
		t.Errorf("a second server opened %q, %v", open, err)
	}
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := strings.Repeat("0a", 32)
	for name, c := range map[string]struct {
		path, says string
		kind       error
	}{
		"none configured":  {"", "--design-key-file", drydock.ErrInvalid},
		"none there":       {filepath.Join(dir, "none"), "openssl rand", drydock.ErrNotFound},
		"others may read":  {write("open", key, 0o644), "chmod 600", drydock.ErrDenied},
		"the group too":    {write("group", key, 0o640), "chmod 600", drydock.ErrDenied},
		"too short":        {write("short", key[2:], 0o600), "32 bytes", drydock.ErrInvalid},
		"too long":         {write("long", key+"0b", 0o600), "32 bytes", drydock.ErrInvalid},
		"not hexadecimal":  {write("text", "correct horse battery staple", 0o600), "32 bytes", drydock.ErrInvalid},
		"empty":            {write("empty", "", 0o600), "32 bytes", drydock.ErrInvalid},
		"a folder":         {dir, "regular file", drydock.ErrInvalid},
		"no such folder":   {filepath.Join(dir, "no", "key"), "openssl rand", drydock.ErrNotFound},
		"a key and spaces": {write("spaces", " "+key+"\n", 0o600), "", nil},
	} {
		v := NewVault(c.path, false)
		_, err := v.Seal(ref)
		if !errors.Is(err, c.kind) || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "password")) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.kind, c.says)
		}
		if _, err := v.Open(sealed); !errors.Is(err, drydock.ErrDenied) {
			t.Errorf("%s: opened with %v, want it denied", name, err)
		}
		if _, err := v.Seal("https://h/x"); err != nil {
			t.Errorf("%s: without a secret: %v", name, err)
		}
		if err := v.Load(); (err == nil) != (c.kind == nil) {
			t.Errorf("%s: load: %v", name, err)
		}
	}
	if _, err := NewVault(other, false).Open(sealed); !errors.Is(err, drydock.ErrDenied) || !strings.Contains(err.Error(), other) {
		t.Errorf("another key: %v", err)
	}
	if _, err := NewVault(filepath.Join(dir, "no", "key"), true).Seal(ref); !errors.Is(err, drydock.ErrDenied) {
		t.Errorf("a key in a folder that is not there: %v", err)
	}
	if _, err := NewVault("x", true).Seal("https://" + strings.Repeat("u", drydock.MaxDesignRef-20) + "@h/x"); err == nil {
		t.Error("a reference that is too long when sealed was sealed")
	}
	if err := os.Remove("x"); err != nil {
		t.Error(err)
	}
}

// Servers that need the key for the first time at the same moment have the same one afterwards.
func TestKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	const servers = 16
	sealed := make([]string, servers)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range servers {
		all.Go(func() {
			<-begin
			sealed[i], _ = NewVault(path, true).Seal("https://ann:password@h/x")
		})
	}
	close(begin)
	all.Wait()
	for _, s := range sealed {
		if s == "" || s != sealed[0] {
			t.Fatalf("%q", sealed)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestReferencesCheck(t *testing.T) {
	fetch := fetcherFunc(nil)
	r := NewGuard(NewResolver(map[string]Fetcher{"https": fetch, "file": fetch, "design": fetch}, ResolverOptions{}), newVault(t))
	for _, ref := range []string{
		"https://h/x", "file:///x", "https://u:p@h/x?sig=1#sha256=" + digestOfTests, "design://sha256/" + digestOfTests, seal(t, r.vault, "https://u:p@h/x"),
	} {
		if err := r.Check(ref); err != nil {
			t.Errorf("%q: %v", ref, err)
		}
	}
	for _, ref := range []string{"x", "gopher://h/x", "https://h:port/x", "https:/ann:password@h/x", "https:ann:password@h", "https://h/x#sha256=12"} {
		err := r.Check(ref)
		if !errors.Is(err, drydock.ErrInvalid) || strings.Contains(err.Error(), "password") {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// FuzzSeal: whatever the reference, what is sealed opens to it, is shown as it is shown, and neither form nor any error tells a secret.
func FuzzSeal(f *testing.F) {
	for _, c := range secretRefs {
		f.Add(c.ref)
	}
	for _, ref := range harmlessRefs {
		f.Add(ref)
	}
	for _, ref := range []string{
		"//u:p@h/x", "https://@h/x?", "https://u@v@h/x?=&&a=&=b", "https://u:p@h?token=1#f#g?x", "http://h/?sealed.v1.x=y",
		"https://u:p@/x", "a:b@c", "https://h/x?a=%zz&token=%zz",
	} {
		f.Add(ref)
	}
	v := newVault(f)
	f.Fuzz(func(t *testing.T, ref string) {
		shown := Redact(ref)
		sealed, err := v.Seal(ref)
		u, parseErr := url.Parse(ref)
		if parseErr == nil {
			notTold(t, ref, u, shown)
			notTold(t, ref, u, sealed)
		}
		if err != nil {
			if !errors.Is(err, drydock.ErrInvalid) {
				t.Errorf("%q: %v", ref, err)
			}
			return
		}
		if again, err := v.Seal(sealed); err != nil || again != sealed {
			t.Errorf("%q sealed as %q, and that as %q, %v", ref, sealed, again, err)
		}
		if open, err := v.Open(sealed); err != nil || open != ref && !strings.Contains(ref, sealedPrefix) {
			t.Errorf("%q sealed as %q opens to %q, %v", ref, sealed, open, err)
		}
		if got := Redact(sealed); got != shown {
			t.Errorf("%q is shown as %q, sealed as %q", ref, shown, got)
		}
	})
}

// notTold fails if text holds the password of u where nothing else of u explains it.
func notTold(t *testing.T, ref string, u *url.URL, text string) {
	t.Helper()
	if u.User == nil {
		return
	}
	bare := *u
	bare.User = nil
	password, _ := u.User.Password()
	if len(password) >= 8 && strings.Contains(text, password) && !strings.Contains(bare.String(), password) && !strings.Contains(password, hidden) &&
		!strings.HasPrefix(u.User.String(), sealedPrefix) {
		t.Errorf("%q: %q tells the password", ref, text)
	}
}

func BenchmarkOpenPlain(b *testing.B) {
	v := newVault(b)
	for b.Loop() {
		if _, err := v.Open(harmlessRefs[4]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	for b.Loop() {
		Redact("deckhand+https://deckhand-int.ucp.svc.cluster.local:9000/api/v1.0/revisions/12/rendered-documents")
	}
}
