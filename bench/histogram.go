package bench

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are at most 1/32 wide of what they hold, without allocating.
type histogram struct {
	counts [60 * 32]uint32
	n      int
}

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 0)) //nolint:gosec // not negative
	i := v
	if v >= 64 {
		shift := bits.Len64(v) - 6 // leaves 32 to 63
		i = uint64(shift)*32 + v>>shift
	}
	h.counts[i]++
	h.n++
}

func (h *histogram) merge(other *histogram) {
	for i, c := range other.counts {
		h.counts[i] += c
	}
	h.n += other.n
}

// quantile is the middle of the bucket below or in which the share q of all durations lies; 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	left := int(q*float64(h.n-1)) + 1
	for i, c := range h.counts {
		if left -= int(c); left > 0 || h.n == 0 {
			continue
		}
		if i < 64 {
			return time.Duration(i)
		}
		shift := i/32 - 1
		return time.Duration((i%32+32)<<shift + 1<<shift/2)
	}
	return 0
}
