package jinja

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are templates that must be stopped: by a limit, or because there is nothing of the kind.
func hostile() map[string]string {
	return map[string]string{
		"large range":         "{{ range(10**9) }}",
		"endless loop":        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
		"loops over lists":    "{% set l = range(100)|list %}" + strings.Repeat("{% for a in l %}", 10) + strings.Repeat("{% endfor %}", 10),
		"repeated text":       "{{ 'x' * 10**9 }}",
		"repeated list":       "{{ [1] * 10**9 }}",
		"repeated repetition": "{{ 'x' * 10**6 * 10**6 * 10**6 }}",
		"largest repetition":  "{{ 'xyz' * 9223372036854775807 }}",
		"doubling":            "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
		"doubling lists":      "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
		"shared lists":        "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
		"shared lists, equal": "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
		"recursion":           "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"mutual recursion":    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
		"wide recursion":      "{% macro m(n) %}{% if n > 0 %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
		"deep call":           "{{ " + strings.Repeat("range(", 3000) + strings.Repeat(")", 3000) + " }}",
		"brackets":            "{{ " + strings.Repeat("(", 200000) + "1" + strings.Repeat(")", 200000) + " }}",
		"lists in lists":      "{{ " + strings.Repeat("[", 200000),
		"blocks":              strings.Repeat("{% if 1 %}", 50000),
		"long sum":            "{{ 1" + strings.Repeat("+1", 300000) + " }}",
		"wide center":         "{{ 'x'|center(10**12) }}",
		"wide ljust":          "{{ 'x'.ljust(10**12) }}",
		"wide zfill":          "{{ 'x'.zfill(10**12) }}",
		"wide indent":         "{{ 'a\nb'|indent(10**12) }}",
		"wide format":         "{{ '%1000000000d'|format(1) }}",
		"many formats":        "{{ ('%9999d' * 100000) % ((1,) * 100000) }}",
		"fill of a batch":     "{{ [1]|batch(10**12, 'x')|list }}",
		"many slices":         "{{ [1]|slice(10**12)|list }}",
		"replacement":         "{{ ('x' * 10**6).replace('x', 'y' * 10**6) }}",
		"replacement filter":  "{{ ('x' * 10**6)|replace('', 'y' * 10**6) }}",
		"join":                "{{ ('y' * 10**6).join('x' * 10**6) }}",
		"much output":         "{% for i in range(100000) %}" + strings.Repeat("x", 1000) + "{% endfor %}",
		"output in a macro":   "{% macro m() %}{% for i in range(100000) %}" + strings.Repeat("x", 1000) + "{% endfor %}{% endmacro %}{% set x = m() %}",
		"power":               "{{ 10**1000 }}", "product": "{{ 2**62 * 2**62 }}", "sum": "{{ 2**62 + 2**62 }}", "quotient": "{{ (0 - 2**62 - 2**62) // -1 }}",
		"include": "{% include '/etc/passwd' %}", "import": "{% import '/etc/passwd' as p %}", "from": "{% from '/etc/passwd' import p %}",
		"extends": "{% extends '/etc/passwd' %}",
		"object":  "{{ ''.__class__.__mro__[1].__subclasses__() }}", "globals": "{{ range.__globals__ }}{{ range.__globals__.x }}", "self": "{{ self.__init__.x }}",
		"environment": "{{ environment.x }}", "config": "{{ config.items() }}", "attr filter": "{{ ''|attr('__class__') }}",
		"sort of kinds": "{{ [1,'a',[]]|sort }}", "unhashable": "{{ {[1]: 2} }}", "self namespace": "{% set n = namespace() %}{% set n.n = n %}{{ n.n.n.x.y }}",
		"long filters": "{{ 1" + strings.Repeat("|string", 100000) + " }}", "slice step": "{{ 'abc'[::0] }}", "long if": "{{ " + strings.Repeat("1 if 0 else ", 100000) + "1 }}",
	}
}

// TestHostile: every hostile template ends soon, with an error that says why, and takes little memory.
func TestHostile(t *testing.T) {
	for name, source := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			text, err := render(source, NewDict(), Limits{})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			var e *Error
			if !errors.As(err, &e) || len(e.Text) > 300 {
				t.Errorf("%.100q, %v", text, err)
			}
			// The race detector makes everything several times slower.
			if took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 2<<30 {
				t.Errorf("it took %d MiB in all", made>>20)
			}
		})
	}
}

// TestDeadline: the end of the context ends a rendering that is within all other limits.
func TestDeadline(t *testing.T) {
	tpl, err := Parse("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = tpl.Render(ctx, NewDict(), Limits{Steps: 1 << 60, Work: 1 << 60})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	if text, err := tpl.Render(ctx, NewDict(), Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", text, err)
	}
}

// TestLines: an error names the line.
func TestLines(t *testing.T) {
	for source, line := range map[string]int{
		"a\nb\n{{ 1 / 0 }}":                                   3,
		"a\n{{ nofilter|nofilter }}":                          2,
		"{% for x in [1] %}\n\n{{ x.y.z }}\n{% endfor %}":     3,
		"a\n{% nosuch %}":                                     2,
		"\n\n{{ 'a\nb }}":                                     4,
		"{% macro m() %}\n{{ 1/0 }}{% endmacro %}\n{{ m() }}": 2,
	} {
		_, err := render(source, NewDict(), Limits{})
		var e *Error
		if !errors.As(err, &e) || e.Line != line {
			t.Errorf("%q: %v, want line %d", source, err, line)
		}
	}
}

// FuzzRender: whatever the template, it ends within its limits, with a text or an error.
func FuzzRender(f *testing.F) {
	a, vars := readAgreement(f)
	for _, c := range a.Cases {
		f.Add(c.Template)
	}
	for _, source := range hostile() {
		if len(source) < 500 {
			f.Add(source)
		}
	}
	small := Limits{Output: 1 << 16, Work: 1 << 20, Steps: 20_000}
	f.Fuzz(func(t *testing.T, source string) {
		start := time.Now()
		text, err := render(source, vars, small)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Text == "") || len(text) > small.Output {
			t.Errorf("%d bytes, %v", len(text), err)
		}
		if e != nil && strings.Contains(e.Text, "runtime error") {
			t.Errorf("a defect: %v", e)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s for %q", took, source)
		}
		again, _ := render(source, vars, small)
		if again != text {
			t.Errorf("%q, then %q", text, again)
		}
	})
}
