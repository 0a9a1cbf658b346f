package design

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestPlainScalars(t *testing.T) {
	date := opaque("a date")
	for text, want := range map[string]any{
		"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil, "nULL": "nULL",
		"yes": true, "Yes": true, "YES": true, "yEs": "yEs", "no": false, "on": true, "Off": false, "true": true, "FALSE": false, "y": "y", "n": "n",
		"0": int64(0), "-0": int64(0), "12": int64(12), "-12": int64(-12), "+12": int64(12), "1_000": int64(1000), "1__0_": int64(10),
		"010": int64(8), "-010": int64(-8), "0_7": int64(7), "08": "08", "0o17": "0o17", "00": int64(0), "0_": int64(0),
		"0x1F": int64(31), "0x_f": int64(15), "0X1F": "0X1F", "0b11": int64(3), "-0b1_1": int64(-3), "0b12": "0b12",
		"12:30": int64(750), "-1:00": int64(-60), "190:20:30": int64(685230), "60:60": "60:60", "0:30": "0:30", "1:5": int64(65),
		"52:54:00:12:34:56": int64(41135085296), "52:54:00:12:34:60": "52:54:00:12:34:60", "52:54:00:aa:34:56": "52:54:00:aa:34:56", "02:54:00:12:34:56": "02:54:00:12:34:56",
		"1.5": 1.5, "1.": 1.0, ".5": 0.5, "+.5": "+.5", ".": ".", "-": "-", "+": "+", "1e3": "1e3", "1.0e3": "1.0e3", "1.0e+3": 1000.0, "1_0.5_0": 10.5, "1.5.2": "1.5.2",
		"1:30.5": 90.5, "-10:20.9": -620.9, "-.inf": -math.MaxFloat64, ".Inf": math.MaxFloat64, ".nan": 0.0, ".iNf": ".iNf", "1.0e+999": math.MaxFloat64,
		"99999999999999999999": 1e20, "2017-02-17": date, "2017-2-7": "2017-2-7", "2017-2-7 1:02:03": date, "2017-02-17T10:11:12.5Z": date, "2017-02-17 10:11:12 +01:00": date,
		"802.3ad": "802.3ad", "0000:00:03.0": 3.0, "1.1.1.1": "1.1.1.1", "10.0.0.0/24": "10.0.0.0/24", "=": "=", "<<": "<<", "4-31": "4-31", "abc": "abc",
		"tRue": "tRue", "0xZZ": "0xZZ",
	} {
		s := plain(text)
		if s.err != "" || s.value != want {
			t.Errorf("%q is read as %#v (%s), want %#v", text, s.value, s.err, want)
		}
	}
	for _, text := range []string{"0b_", "0x_", "-0b", "2017-13-01", "2017-02-30", "2017-02-17 25:00:00"} {
		if s := plain(text); s.err == "" && s.value != text {
			t.Errorf("%q is read as %#v", text, s.value)
		}
	}
	if s := plain(strings.Repeat("9", maxNumber+1)); s.value != strings.Repeat("9", maxNumber+1) {
		t.Errorf("a very long number is read as %T", s.value)
	}
}

func TestNumberText(t *testing.T) {
	for want, v := range map[string]any{
		"8": int64(8), "-3": int64(-3), "1.0": 1.0, "1.1": 1.1, "0.5": 0.5, "0.0": 0.0, "1e+16": 1e16, "1000000000000000.0": 1e15, "1e-05": 1e-5, "0.0001": 1e-4, "1.5e+300": 1.5e300,
	} {
		if got := numberText(v); got != want {
			t.Errorf("numberText(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestParts(t *testing.T) {
	for src, want := range map[string][]string{
		"":                                 nil,
		"a: 1\n":                           {"1 a: 1\n"},
		"a":                                {"1 a"},
		"---\na\n---\nb\n":                 {"1 ---\na\n", "3 ---\nb\n"},
		"--- a\n--- b":                     {"1 --- a\n", "2 --- b"},
		"---":                              {"1 ---"},
		"---\n---\n":                       {"1 ---\n", "2 ---\n"},
		"# c\n\n%YAML 1.1\n---\na\n":       {"1 # c\n\n%YAML 1.1\n---\na\n"},
		"# only\n\n":                       nil,
		"a\n...\n# c\nb\n":                 {"1 a\n...\n", "3 # c\nb\n"},
		"a\n...\n...\n---\nb":              {"1 a\n...\n", "4 ---\nb"},
		"a: |\n  ---\n ---\n---x\n----\n":  {"1 a: |\n  ---\n ---\n---x\n----\n"},
		"a: |\n---\tb\r\n---\r\nc":         {"1 a: |\n", "2 ---\tb\r\n", "3 ---\r\nc"},
		"a\r---\rb":                        {"1 a\r", "2 ---\rb"},
		"a\u0085---\u2028b\u2029---\u0085": {"1 a\u0085", "2 ---\u2028b\u2029", "4 ---\u0085"},
		"--- é\n---é\n":                    {"1 --- é\n---é\n"},
		"...\n":                            nil,
	} {
		var got []string
		for p := range parts([]byte(src)) {
			got = append(got, fmt.Sprintf("%d %s", p.line, p.text))
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%q is cut into %q, want %q", src, got, want)
		}
	}
}

func TestDateText(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-02": "2024-01-02", "2024-1-2 3:04:05": "2024-01-02 03:04:05", "2024-01-02T03:04:05Z": "2024-01-02 03:04:05+00:00",
		"2024-01-02 03:04:05.6 -5": "2024-01-02 03:04:05.600000-05:00", "2024-01-02t03:04:05.1234567+05:30": "2024-01-02 03:04:05.123456+05:30", "x": "",
	} {
		if got, _ := dateText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
