package main

import (
	"fmt"
	"strconv"
	"strings"
)

// byteUnits are what a number of bytes may end in, largest first.
var byteUnits = []struct {
	letter string
	bytes  int64
}{{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}}

// setByteCount reads 4096, 16M, 16MB or 16MiB, which are the same 16,777,216 bytes, up to 1 TiB.
func setByteCount(to *int64, v []string) error {
	text := strings.ToUpper(strings.TrimSpace(v[len(v)-1]))
	number, unit := strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I"), int64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.letter); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > 1<<40/unit {
		return fmt.Errorf("%q is not a number of bytes such as 16M", v[len(v)-1])
	}
	*to = n * unit
	return nil
}

// byteCount is the shortest form that setByteCount reads.
func byteCount(n int64) string {
	for _, u := range byteUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprint(n/u.bytes) + u.letter
		}
	}
	return fmt.Sprint(n)
}
