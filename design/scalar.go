package design

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"drydock"
)

// YAML 1.1 gives plain scalars types that today's readers do not expect: yes is a boolean, 0644 is octal, 12:30 is 750. Designs are written
// for a reader of YAML 1.1, so the types are those here; the notes let a finding explain them.

// scalar is the meaning of a scalar node.
type scalar struct {
	value any    // nil, bool, int64, float64, string, or opaque
	note  string // how the source was read, where that may surprise; follows "is read as"
	err   string // why it cannot be read; empty if it can
}

// opaque is a value that is none of JSON's: a date, binary data, a set.
type opaque string

var (
	yamlBool = map[string]bool{"yes": true, "no": false, "true": true, "false": false, "on": true, "off": false}

	yamlInt   = regexp.MustCompile(`^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	yamlFloat = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|` +
		`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	yamlTime = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d)|(\d{4}-\d\d?-\d\d?)(?:[Tt]|[ \t]+)(\d\d?:\d\d:\d\d)(?:\.\d*)?` +
		`(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$`)
)

const (
	quoted    = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	tagPrefix = "!!"
)

// readScalar returns the meaning of a scalar node under YAML 1.1.
func readScalar(n *yaml.Node) scalar {
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return tagged(n)
	case n.Style&quoted != 0:
		return scalar{value: n.Value}
	}
	return plain(n.Value)
}

// plain is the meaning of a scalar without quotes or tag.
func plain(s string) scalar {
	if s == "" {
		return scalar{}
	}
	switch c := s[0]; {
	case strings.IndexByte("yYnNtTfFoO~", c) >= 0:
		if s == "~" || s == "null" || s == "Null" || s == "NULL" {
			return scalar{}
		}
		if b, ok := plainBool(s); ok {
			note := ""
			if low := strings.ToLower(s); low != "true" && low != "false" {
				note = strconv.FormatBool(b)
			}
			return scalar{value: b, note: note}
		}
	case strings.IndexByte("-+0123456789.", c) >= 0:
		switch {
		case isDecimal(s):
			n, _ := strconv.ParseInt(s, 10, 64) // of at most 18 digits
			return scalar{value: n}
		case strings.Count(s, ".") > 1: // an address, a version: no number and no date has two points
		case len(s) <= maxNumber && yamlFloat.MatchString(s):
			return plainFloat(s)
		case len(s) <= maxNumber && yamlInt.MatchString(s):
			return plainInt(s)
		case yamlTime.MatchString(s):
			return plainTime(s)
		}
	}
	return scalar{value: s}
}

// isDecimal reports whether s is a number as most are, to spare it the expressions.
func isDecimal(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && len(digits) <= 18 && (digits[0] != '0' || len(digits) == 1) && strings.Trim(digits, "0123456789") == ""
}

// maxNumber is the length above which digits are text: nobody means a number by them, and reading one takes quadratic time.
const maxNumber = 4096

// plainBool knows the three usual ways to write each word: yes, Yes, YES.
func plainBool(s string) (value, ok bool) {
	low := strings.ToLower(s)
	value, ok = yamlBool[low]
	return value, ok && (s == low || s == strings.ToUpper(s) || s == strings.ToUpper(s[:1])+low[1:])
}

func plainInt(s string) scalar {
	digits := strings.ReplaceAll(strings.TrimLeft(s, "+-"), "_", "")
	negative, base, note := s[0] == '-', 10, ""
	switch {
	case strings.HasPrefix(digits, "0b"):
		digits, base, note = digits[2:], 2, "binary"
	case strings.HasPrefix(digits, "0x"):
		digits, base, note = digits[2:], 16, "hexadecimal"
	case strings.Contains(digits, ":"):
		v := sexagesimal(digits)
		if negative {
			v = -v
		}
		n := numberOf(v)
		return scalar{value: n, note: fmt.Sprintf("the number %s, in base 60", numberText(n))}
	case len(digits) > 1 && digits[0] == '0':
		base, note = 8, "octal"
	}
	v, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return scalar{err: "is not a number, but YAML takes it for one; put it in quotes"}
	}
	if negative {
		v.Neg(v)
	}
	var n any
	if v.IsInt64() {
		n = v.Int64()
	} else {
		f, _ := new(big.Float).SetInt(v).Float64()
		n = finite(f)
	}
	switch {
	case note != "":
		note = fmt.Sprintf("the number %s, in %s", numberText(n), note)
	case strings.Contains(s, "_"):
		note = "the number " + numberText(n)
	}
	return scalar{value: n, note: note}
}

func sexagesimal(s string) float64 {
	v := 0.0
	for digits := range strings.SplitSeq(s, ":") {
		d, _ := strconv.ParseFloat(digits, 64) // the pattern lets only digits and a point through
		v = v*60 + d
	}
	return finite(v)
}

// numberOf returns v as an integer if it is one that is exact.
func numberOf(v float64) any {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return int64(v)
	}
	return v
}

func plainFloat(s string) scalar {
	digits := strings.ToLower(strings.ReplaceAll(s, "_", ""))
	if strings.Contains(digits, ":") {
		v := sexagesimal(strings.TrimLeft(digits, "+-"))
		if digits[0] == '-' {
			v = -v
		}
		return scalar{value: v, note: "the number " + numberText(v) + ", in base 60"}
	}
	v, err := strconv.ParseFloat(strings.NewReplacer(".nan", "nan", ".inf", "inf").Replace(digits), 64)
	if err != nil && v == 0 {
		return scalar{err: "is not a number, but YAML takes it for one; put it in quotes"}
	}
	if text := numberText(finite(v)); text != s && finite(v) == v {
		return scalar{value: v, note: "the number " + text}
	}
	return scalar{value: finite(v)}
}

// finite replaces the numbers that JSON does not know; they are numbers, which is all that schemas ask.
func finite(v float64) float64 {
	switch {
	case math.IsNaN(v):
		return 0
	case math.IsInf(v, 0):
		return math.Copysign(math.MaxFloat64, v)
	}
	return v
}

func plainTime(s string) scalar {
	m := yamlTime.FindStringSubmatch(s)
	day, clock := m[1]+m[2], m[3]
	if _, err := time.Parse("2006-1-2", day); err != nil {
		return scalar{err: "is no date of the calendar, but YAML takes it for one; put it in quotes"}
	}
	if _, err := time.Parse("15:4:5", clock); clock != "" && err != nil {
		return scalar{err: "has no time of day, but YAML takes it for one; put it in quotes"}
	}
	return scalar{value: opaque("a date"), note: "a date"}
}

// tagged is the meaning of a scalar that says its type.
func tagged(n *yaml.Node) scalar {
	cannot := scalar{err: fmt.Sprintf("cannot be read as %s", n.Tag)}
	var s scalar
	switch n.Tag {
	case "!!str":
		return scalar{value: n.Value}
	case "!!binary":
		return scalar{value: opaque("binary data")}
	case "!!null":
		return scalar{}
	case "!!bool", "!!int", "!!float", "!!timestamp":
		s = plain(n.Value)
	default:
		return scalar{err: fmt.Sprintf("has the tag %s, which is not allowed", drydock.OneLine(n.Tag, 60))}
	}
	if s.err != "" {
		return s
	}
	ok := false
	switch v := s.value.(type) {
	case bool:
		ok = n.Tag == "!!bool"
	case int64:
		if ok = n.Tag == "!!int" || n.Tag == "!!float"; n.Tag == "!!float" {
			s.value = float64(v)
		}
	case float64:
		ok = n.Tag == "!!float"
	case opaque:
		ok = n.Tag == "!!timestamp"
	}
	if !ok {
		return cannot
	}
	return s
}

// numberText writes a number as the text that it becomes where a name is a number: whole floats keep their ".0".
func numberText(v any) string {
	f, ok := v.(float64)
	if !ok {
		return fmt.Sprint(v)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// scalarText is the text that a scalar value becomes where text is wanted and a number or boolean is tolerated.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		if v {
			return "True", true
		}
		return "False", true
	case int64, float64:
		return numberText(v), true
	}
	return "", false
}
