package bench_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"drydock"
	"drydock/bench"
	"drydock/design"
	"drydock/site"
)

func madeUp(t *testing.T, nodes int, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bench.WriteSite(&b, nodes, seed); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The made-up site is what it says, nothing is wrong with it, and anybody can make it again.
func TestWriteSite(t *testing.T) {
	in, err := design.NewIngester()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 31, 600} {
		src := madeUp(t, n, 7)
		if !bytes.Equal(src, madeUp(t, n, 7)) || bytes.Equal(src, madeUp(t, n, 8)) {
			t.Errorf("%d nodes: the seed does not decide what is made", n)
		}
		d, findings := in.Check(src)
		if len(d.Nodes) != n || len(d.Racks) != (n+31)/32 || len(d.BootActions) != 4 || len(d.HostProfiles) < 7 {
			t.Errorf("%d nodes, %d racks, %d boot actions, %d profiles", len(d.Nodes), len(d.Racks), len(d.BootActions), len(d.HostProfiles))
		}
		for _, f := range findings {
			if f.Level != site.Info && f.Code != "DD3001" {
				t.Errorf("%+v", f)
			}
		}
	}
	for _, n := range []int{0, -1, bench.MaxNodes + 1} {
		if err := bench.WriteSite(io.Discard, n, 1); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%d nodes: %v", n, err)
		}
	}
	if err := bench.WriteSite(brokenWriter{}, 10, 1); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("no space")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestDesign(t *testing.T) {
	src := madeUp(t, 40, 1)
	var progress bytes.Buffer
	r, err := bench.Design(t.Context(), bench.DesignOptions{Source: src, Name: "x", Cores: []int{1, 2}, Duration: time.Millisecond, Progress: &progress})
	if err != nil {
		t.Fatal(err)
	}
	if r.Bytes != len(src) || r.Nodes != 40 || r.Findings["Error"] != 0 || r.Findings["Info"] != 18 || len(r.Results) != 2 || progress.Len() == 0 {
		t.Errorf("%+v", r)
	}
	for _, m := range r.Results {
		if m.Turns < 5 || m.Ratio <= 0 || m.Ours.Milliseconds <= 0 || m.Plain.MegabytesPerSecond <= 0 || m.Ours.Allocated <= 1 || m.Met != (m.Ratio <= m.Target) {
			t.Errorf("%+v", m)
		}
	}
	if m := r.Memory; m.Peak <= 0 || math.Abs(m.Ratio-m.Peak/float64(len(src))) > 1e-9 || m.Kept <= 0 {
		t.Errorf("%+v", m)
	}
	if _, err := json.Marshal(r); err != nil || len(r.Table()) != 4 || r.Facts() == "" {
		t.Error(err, r.Table())
	}
	for name, o := range map[string]bench.DesignOptions{
		"no YAML": {Source: []byte("a: [")}, "cores": {Source: src, Cores: []int{0}}, "duration": {Source: src, Duration: -1},
	} {
		if _, err := bench.Design(t.Context(), o); !errors.Is(err, drydock.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A site of ten thousand nodes is a matter of seconds, whatever the machine is doing; of minutes if anything grew with the square of the nodes.
func TestTenThousandNodes(t *testing.T) {
	in, err := design.NewIngester()
	if err != nil {
		t.Fatal(err)
	}
	src := madeUp(t, 10_000, 1)
	start := time.Now()
	d, findings := in.Check(src)
	if took := time.Since(start); took > 2*time.Minute || len(d.Nodes) != 10_000 {
		t.Errorf("%d nodes, %d findings in %v", len(d.Nodes), len(findings), took)
	}
}
