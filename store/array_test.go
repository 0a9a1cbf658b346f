package store

import (
	"slices"
	"testing"

	"drydock"
)

// What is odd is left out; nothing makes a row unreadable.
func TestOddColumns(t *testing.T) {
	for text, want := range map[string][]string{
		`{a,"b c",NULL,"NULL"}`: {"a", "b c", "NULL"}, `{}`: nil, ``: nil, `[0:1]={a,b}`: {"a", "b"}, `{{a,b},{c,"}"}}`: {"a", "b", "c", "}"},
		`{"a\"b","c\\d",""}`: {`a"b`, `c\d`, ""}, `["x","y"]`: {"x", "y"}, `{a`: {"a"}, `{"a`: {"a"}, `nonsense`: {"nonsense"},
	} {
		var a textArray
		if err := a.Scan(text); err != nil || !slices.Equal(a, want) {
			t.Errorf("%s: %q, error %v; want %q", text, a, err, want)
		}
	}
	var ids idArray
	if err := ids.Scan(`{"\\x568e150bd0ac4099810d46e6a11c77f3",NULL,"\\x12","\\xzz",""}`); err != nil || len(ids) != 1 {
		t.Errorf("ids: %v, error %v", ids, err)
	}
	for text, want := range map[string]links{
		`{"r": ["a", 1, null, "b"], "s": "c", "t": {}, "u": null}`: {{Rel: "r", Href: "a"}, {Rel: "r", Href: "b"}, {Rel: "s", Href: "c"}},
		`"{\"r\": [\"a\"]}"`: {drydock.Link{Rel: "r", Href: "a"}}, `[]`: nil, `7`: nil, `null`: nil, `"x"`: nil, `{"r": ["a"], broken`: {{Rel: "r", Href: "a"}},
	} {
		var l links
		if err := l.Scan(text); err != nil || !slices.Equal(l, want) {
			t.Errorf("%s: %v, error %v; want %v", text, l, err, want)
		}
	}
	for text, want := range map[string]string{`"{\"a\": 1}"`: `{"a": 1}`, `"plain"`: `"plain"`, ` null `: "", `"null"`: "", `{"a": 1}`: `{"a": 1}`, `7`: "7"} {
		var r rawJSON
		if err := r.Scan(text); err != nil || string(r) != want {
			t.Errorf("%s: %s, error %v; want %s", text, r, err, want)
		}
	}
	var stored storedJSON
	if err := stored.Scan(`"{\"a\": 1}"`); err != nil || string(stored) != `"{\"a\": 1}"` {
		t.Errorf("stored: %s, error %v", stored, err)
	}
}
