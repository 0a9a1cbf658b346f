package rules

import (
	"strconv"
	"strings"
)

// size is a storage size as documents write it: an optional > for "or more", a whole number and a unit.
type size struct {
	number   float64
	bytes    float64 // 0 for a percentage
	percent  bool
	negative bool
}

// unit returns the bytes of a unit, 0 if it is none. Capitals are free, but not mixed: m, M, mb, MB, mi, Mi, mib, MiB.
func unit(s string) float64 {
	const kilo, kibi = 1000, 1024
	switch s {
	case "m", "M", "mb", "MB":
		return kilo * kilo
	case "g", "G", "gb", "GB":
		return kilo * kilo * kilo
	case "t", "T", "tb", "TB":
		return kilo * kilo * kilo * kilo
	case "mi", "Mi", "mib", "MiB":
		return kibi * kibi
	case "gi", "Gi", "gib", "GiB":
		return kibi * kibi * kibi
	case "ti", "Ti", "tib", "TiB":
		return kibi * kibi * kibi * kibi
	}
	return 0
}

// parseSize reads a size; ok is false if it is none.
func parseSize(s string) (z size, ok bool) {
	s = strings.TrimPrefix(s, ">")
	if rest, minus := strings.CutPrefix(s, "-"); minus {
		s, z.negative = rest, true
	}
	digits := strings.TrimRight(s, "%mMgGtTiIbB")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return z, false
	}
	z.number, _ = strconv.ParseFloat(digits, 64) // digits only; too many are infinite, which is large enough
	label := s[len(digits):]
	if z.percent = label == "%"; z.percent {
		return z, true
	}
	u := unit(label)
	z.bytes = z.number * u
	return z, u > 0
}

const sizeHelp = "sizes are a whole number with a unit, such as 20g, 500mb or 30GiB, or a percentage; > before it means at least"
