package design

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// timestamp takes a date of YAML apart: year, month, day; hour, minute, second, fraction; zone: Z or sign, hours, minutes.
var timestamp = regexp.MustCompile(`^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?)?$`)

// isDate reports whether a scalar is a date.
func isDate(n *yaml.Node) bool {
	return n != nil && n.Kind == yaml.ScalarNode && readScalar(n).value == opaque("a date")
}

// plainText is the text that a scalar becomes where text is wanted and other scalars are tolerated: scalarText, and what JSON has no words for.
func plainText(n *yaml.Node) (string, bool) {
	v := readScalar(n).value
	switch v := v.(type) {
	case opaque:
		return dateText(n.Value)
	case float64:
		switch low := strings.ToLower(n.Value); strings.TrimPrefix(low, "+") {
		case ".inf":
			return "inf", true
		case "-.inf":
			return "-inf", true
		case ".nan":
			return "nan", true
		}
		return scalarText(v)
	}
	return scalarText(v)
}

// dateText writes a date as readers of YAML 1.1 that make dates of it write it again: 2024-01-02 or 2024-01-02 03:04:05.600000+00:00.
func dateText(s string) (string, bool) {
	m := timestamp.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(m[i]) // digits, or nothing
		return n
	}
	text := fmt.Sprintf("%04d-%02d-%02d", number(1), number(2), number(3))
	if m[4] == "" {
		return text, true
	}
	text += fmt.Sprintf(" %02d:%02d:%02d", number(4), number(5), number(6))
	if fraction := (m[7] + "000000")[:6]; fraction != "000000" {
		text += "." + fraction
	}
	switch {
	case m[8] != "":
		text += "+00:00"
	case m[9] != "":
		text += fmt.Sprintf("%s%02d:%02d", m[9], number(10), number(11))
	}
	return text, true
}
