package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var none histogram
	if q := none.quantile(0.5); q != 0 {
		t.Errorf("of nothing: %v", q)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var h, half histogram
	var all []time.Duration
	for i := range 10_000 {
		d := time.Duration(rng.ExpFloat64() * float64(time.Millisecond))
		if i < 10 {
			d = []time.Duration{0, 1, 31, 32, 63, 64, 65, 127, 128, time.Hour}[i]
		}
		all = append(all, d)
		if i%2 == 0 {
			h.add(d)
		} else {
			half.add(d)
		}
	}
	h.merge(&half)
	slices.Sort(all)
	for _, q := range []float64{0, 0.0004, 0.5, 0.9, 0.99, 1} {
		want := all[int(q*float64(len(all)-1))]
		if got := h.quantile(q); got < want-want/32 || got > want+want/32 {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { h.add(time.Second) }); n > 0 {
		t.Errorf("add allocates %v times", n)
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{9, 1, 2}); m != 2 {
		t.Errorf("of three: %v", m)
	}
	if m := median([]float64{4, 1, 9, 2}); m != 3 {
		t.Errorf("of four: %v", m)
	}
}
