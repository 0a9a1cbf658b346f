package asset

import (
	"encoding/binary"
	"io"
	"time"

	"drydock"
)

// newIDs makes n ULIDs that sort in their order: 48 bits of milliseconds and 80 random bits, of which each is larger than the one before by a random
// step, so that none can be guessed from another.
func newIDs(now time.Time, n int, random io.Reader) ([]string, error) {
	raw := make([]byte, 16)
	binary.BigEndian.PutUint64(raw, uint64(now.UnixMilli())<<16)
	if _, err := io.ReadFull(random, raw[6:]); err != nil {
		return nil, err
	}
	raw[6] &= 0x7f // room for the steps
	ids := make([]string, 0, n)
	for range n {
		ids = append(ids, drydock.ULIDText(raw))
		var step [4]byte
		if _, err := io.ReadFull(random, step[:]); err != nil {
			return nil, err
		}
		carry := uint64(binary.BigEndian.Uint32(step[:])) + 1
		for i := 15; i >= 6; i-- {
			carry += uint64(raw[i])
			raw[i] = byte(carry)
			carry >>= 8
		}
	}
	return ids, nil
}
