package asset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"drydock"
	"drydock/site"
)

// unpack lists a tarball.
func unpack(t *testing.T, packed []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%c %s %o %d:%d %d %q\n", h.Typeflag, h.Name, h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), data)
	}
}

// TestWriteTarball pins the bytes of the archive inside, names, modes, owners and times.
func TestWriteTarball(t *testing.T) {
	long := "/" + strings.Repeat("long/", 50) + "name"
	files := []File{
		{Path: "/etc/motd", Mode: 0o644, Data: []byte("hello\n")},
		{Path: "/bin/x", Mode: 0o4755},
		{Path: long, Mode: 0o600, Data: []byte("ä")},
		{Path: "/etc/motd", Mode: 0o600, Data: []byte("again")},
	}
	var one, two bytes.Buffer
	if err := errors.Join(WriteTarball(&one, files), WriteTarball(&two, files)); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Fatalf("%v, or not the same twice", err)
	}
	want := "0 /etc/motd 644 0:0 0 \"hello\\n\"\n0 /bin/x 4755 0:0 0 \"\"\n0 " + long + " 600 0:0 0 \"ä\"\n0 /etc/motd 600 0:0 0 \"again\"\n"
	if got := unpack(t, one.Bytes()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	z, err := gzip.NewReader(&one)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if magic := string(raw[257:265]); magic != "ustar  \x00" {
		t.Errorf("magic %q is not GNU's", magic)
	}
	const golden = "dfb83bee03efbe8f0c8a2183f651ec7d6911605f37e3e27cdff1ffd9dc684d74"
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != golden {
		t.Errorf("sha256 of the archive %x, want %s", sum, golden)
	}
	var none bytes.Buffer
	if err := WriteTarball(&none, nil); err != nil || unpack(t, none.Bytes()) != "" {
		t.Errorf("an empty archive: %v", err)
	}
	if err := WriteTarball(&none, []File{{Path: "/a\x00b"}}); err == nil {
		t.Error("a NUL in a name passed")
	}
}

// sites is a Sites of one design.
type sites struct {
	design   *site.Design
	findings []site.Finding
	err      error
	asked    string
}

func (s *sites) Load(_ context.Context, ref string) (site.Report, error) {
	s.asked = ref
	return site.Report{Design: s.design, Findings: s.findings}, s.err
}

func TestTarballs(t *testing.T) {
	d := plain(action("a", text(site.AssetFile, "/f", "{{ action.design_ref }}"), text(site.AssetUnit, "/u", "{{ node.hostname }}")))
	s := &sites{design: d, findings: []site.Finding{{Code: "DD1", Level: site.Warning, Text: "fine"}}}
	show := func(ref string) string { return "shown " + ref }
	tarball := func(kind string) ([]byte, error) {
		r := NewRenderer(&locations{err: fmt.Errorf("%w: away", drydock.ErrNotFound)}, Options{})
		return NewTarballs(s, r, show).Tarball(t.Context(), drydock.BootContext{Node: "w2", Key: key()}, given(d), "sealed", kind)
	}
	for kind, want := range map[string]string{site.AssetFile: "0 /f 600 0:0 0 \"shown sealed\"\n", site.AssetUnit: "0 /u 600 0:0 0 \"w2\"\n"} {
		if got, err := tarball(kind); err != nil || unpack(t, got) != want || s.asked != "sealed" {
			t.Errorf("%s: %q, %v", kind, got, err)
		}
	}
	refused := func(what, text string, kind error) {
		t.Helper()
		_, err := tarball(site.AssetFile)
		blames := errors.Is(err, drydock.ErrNotFound) || errors.Is(err, drydock.ErrInvalid) || errors.Is(err, drydock.ErrDenied) // the request
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), text) || blames {
			t.Errorf("%s: %v", what, err)
		}
	}
	d.BootActions[0].Assets[0].Data = site.Some("{{ x.y }}")
	refused("a bad template", `boot action "a", asset 1 (/f)`, drydock.ErrConflict)
	d.BootActions[0].Assets[0].Location = site.Some("http://h/x")
	refused("a missing location", "location: not found: away", drydock.ErrConflict)
	s.findings = append(s.findings, site.Finding{Code: "DD2", Level: site.Error, Text: "bad"}, site.Finding{Code: "DD3", Level: site.Error})
	refused("a design with errors", "has errors, so nothing is made of it: 2, the first is DD2 bad", drydock.ErrConflict)
	s.findings = nil
	for _, kind := range []error{drydock.ErrUnavailable, context.DeadlineExceeded} {
		s.err = fmt.Errorf("%w: wait", kind)
		refused("a design that is away", "the design of this deployment cannot be had", kind)
	}
	s.err = fmt.Errorf("%w: no", drydock.ErrDenied)
	refused("a design that is denied", "denied: no", drydock.ErrConflict)
}
