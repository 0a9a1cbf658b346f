package asset

import (
	"encoding/base32"
	"encoding/binary"
	"io"
	"time"
)

// crockford is the alphabet of ULIDs (https://github.com/ulid/spec).
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newIDs makes n ULIDs that sort in their order: 48 bits of milliseconds and 80 random bits, of which each is larger than the one before by a random
// step, so that none can be guessed from another.
func newIDs(now time.Time, n int, random io.Reader) ([]string, error) {
	encoding := base32.NewEncoding(crockford).WithPadding(base32.NoPadding)
	raw := make([]byte, 20) // 4 zero bytes in front make the 160 bits that base 32 needs; 6 digits of them are cut off
	binary.BigEndian.PutUint64(raw[2:], uint64(now.UnixMilli())&(1<<48-1))
	if _, err := io.ReadFull(random, raw[10:]); err != nil {
		return nil, err
	}
	raw[10] &= 0x7f // room for the steps
	ids := make([]string, 0, n)
	for range n {
		ids = append(ids, encoding.EncodeToString(raw)[6:])
		var step [4]byte
		if _, err := io.ReadFull(random, step[:]); err != nil {
			return nil, err
		}
		carry := uint64(binary.BigEndian.Uint32(step[:])) + 1
		for i := 19; i >= 10; i-- {
			carry += uint64(raw[i])
			raw[i] = byte(carry)
			carry >>= 8
		}
	}
	return ids, nil
}
