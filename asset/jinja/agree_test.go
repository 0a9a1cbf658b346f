package jinja

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// agreement holds templates and what Jinja2 3.1.6 made of them: a text or the class of an error.
type agreement struct {
	Vars  json.RawMessage
	Cases []struct{ Template, Text, Error string }
}

func readAgreement(t testing.TB) (agreement, *Dict) {
	t.Helper()
	raw, err := os.ReadFile("testdata/agree.json")
	if err != nil {
		t.Fatal(err)
	}
	var a agreement
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytesReader(a.Vars))
	d.UseNumber()
	v, err := ordered(d)
	if err != nil {
		t.Fatal(err)
	}
	return a, v.(*Dict)
}

func render(source string, vars *Dict, l Limits) (string, error) {
	tpl, err := Parse(source)
	if err != nil {
		return "", err
	}
	return tpl.Render(context.Background(), vars, l)
}

// TestAgreement compares with what Jinja2 makes of the same templates.
func TestAgreement(t *testing.T) {
	a, vars := readAgreement(t)
	for _, c := range a.Cases {
		got, err := render(c.Template, vars, Limits{})
		var e *Error
		switch {
		case c.Error == "" && err != nil:
			t.Errorf("%q: %v\nJinja2: %q", c.Template, err, c.Text)
		case c.Error != "" && err == nil:
			t.Errorf("%q: %q\nJinja2: %s", c.Template, got, c.Error)
		case err != nil && (!errors.As(err, &e) || e.Limit):
			t.Errorf("%q: %T %v", c.Template, err, err)
		case got != c.Text:
			t.Errorf("%q:\n   got %q\nJinja2 %q", c.Template, got, c.Text)
		}
	}
}
