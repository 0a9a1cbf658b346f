package drydock

import (
	"encoding/base32"
	"strings"
)

// crockford is the alphabet of ULIDs (https://github.com/ulid/spec): 16 bytes are 26 digits, of which the first holds two bits less.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// ULIDBytes returns the 16 bytes of a ULID, in either case; nil for what is none.
func ULIDBytes(s string) []byte {
	s = strings.ToUpper(s)
	if len(s) != 26 || s[0] > '7' {
		return nil
	}
	// 26 digits are 130 bits, the first two of them zero: put six zero digits more in front and cut them off again.
	raw, err := crockford.DecodeString("000000" + s)
	if err != nil {
		return nil
	}
	return raw[4:]
}

// ULIDText returns the 26 digits of a ULID, in capitals; empty unless raw has 16 bytes.
func ULIDText(raw []byte) string {
	if len(raw) != 16 {
		return ""
	}
	return crockford.EncodeToString(append(make([]byte, 4), raw...))[6:]
}
