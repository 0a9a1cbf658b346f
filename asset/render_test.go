package asset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"drydock"
	"drydock/site"
)

// TestContents compares what becomes of data for one node; "!" means that it is refused, with what follows in the text.
func TestContents(t *testing.T) {
	for i, c := range []struct {
		asset site.Asset
		want  string
	}{
		{bytesOf("/x", "dGVzdCDDpA==", "base64_decode"), "test ä"},
		{bytesOf("/x", "dGVz\n dCA==", "base64_decode"), "test "},
		{bytesOf("/x", "dGVzdA=junk", "base64_decode"), "!padding is not complete"},
		{bytesOf("/x", "abcde", "base64_decode"), "!1 more than a multiple of 4"},
		{bytesOf("/x", "test", "base64_encode"), "dGVzdA=="},
		{bytesOf("/x", "dGV4dA==", "base64_decode", "utf8_decode", "utf8_encode", "base64_encode"), "dGV4dA=="},
		{bytesOf("/x", "dGV4dA==", "utf8_decode", "base64_decode"), "text"},
		{bytesOf("/x", "e3sgbm9kZS5ob3N0bmFtZSB9fQ==", "base64_decode", "utf8_decode", "template", "utf8_encode", "base64_encode"), "dzE="},
		{bytesOf("/x", "/w==", "base64_decode", "utf8_decode"), "!segment 2 (utf8_decode): invalid: the data is not UTF-8"},
		{bytesOf("/x", "x", "template"), "!put utf8_decode before it"},
		{bytesOf("/x", "x", "utf8_encode"), "!this is bytes already"},
		{bytesOf("/x", "x", "utf8_decode", "utf8_decode"), "!this is text already"},
		{bytesOf("/x", "x", "utf8_decode", "base64_encode"), "!put utf8_encode before it"},
		{bytesOf("/x", "x", "gzip"), "!there is no such segment"},
		{bytesOf("/x", "x", slices.Repeat([]string{"base64_encode"}, 51)...), "!more than 50 segments"},
		{bytesOf("/x", strings.Repeat("x", 1<<20), slices.Repeat([]string{"base64_encode"}, 50)...), "!would have more than 67108864 bytes"},
		{bytesOf("/x", "{{ as it is }}\n"), "{{ as it is }}\n"},
		{site.Asset{Type: site.AssetFile, Path: site.Some("/x")}, "!it has no content; give it data or a location"},
		{site.Asset{Type: site.AssetFile, Data: site.Some("x")}, "!it has no path"},
		{text(site.AssetFile, "/x", "{{ node.hostname }} {{ node.domain }} {{ node.tags|join('+') }}\n\n"), "w1 oam.example.org worker+west\n"},
		{text(site.AssetFile, "/x", "{{ node.labels.zone|urlencode }} {{ node.labels.empty }} {{ node.labels }}"), "a%20b None {'zone': 'a b', 'role': 'worker', 'empty': None}"},
		{
			text(site.AssetFile, "/x", "{{ node.network.oam.ip }} {{ node.network.oam.cidr }} {{ node.network.default.dns_suffix }} {{ node.network|list }}"),
			"192.0.2.11 192.0.2.0/24 oam.example.org ['oam', 'data', 'default']",
		},
		{text(site.AssetFile, "/x", "{{ node.network.pxe.ip }}"), `!line 1: ip cannot be asked of what is undefined: dict has no member "pxe"; mend the template`},
		{text(site.AssetFile, "/x", "{{ node.interfaces.bond0 }} {{ node.interfaces.eth9.sriov }}"), "{'sriov': True, 'vf_count': 4, 'trustedmode': True} False"},
		{text(site.AssetFile, "/x", "{{ action.action_id }} {{ action.action_key }}"), "01ARZ3NDEKTSV4RRFFQ69G5F00 a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"},
		{
			text(site.AssetFile, "/x", "{{ action.report_url }} {{ action.design_ref|urlencode }}"),
			"http://localhost:9000/api/v1.0/bootactions/ deckhand%2Bhttps%3A//host/revisions/7%3Fa%3Db%26c",
		},
		{text(site.AssetFile, "/x", "a\n{{ 'x' * 10**9 }}"), "!line 2: too much memory"},
		{text(site.AssetFile, "/x", "{% include '/etc/passwd' %}"), "!mend the template"},
	} {
		d := plain(action("greet", c.asset))
		files, err := NewRenderer(&locations{}, Options{}).Files(t.Context(), request(d, "w1"))
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `boot action "greet", asset 1`) {
				t.Errorf("%d: %.100v, %v, want %s", i, files, err, want)
			}
			continue
		}
		if err != nil || len(files) != 1 || string(files[0].Data) != c.want || files[0].Mode != 0o600 || files[0].Path != "/x" || files[0].Action != "greet" {
			t.Errorf("%d: %+v, %v\nwant %q", i, files, err, c.want)
		}
	}
}

// TestLocations: what is fetched, how it flows on, and that it is asked for anew each time.
func TestLocations(t *testing.T) {
	const where = "promenade+http://host/join?h=w1&i=192.0.2.11&labels.dynamic=zone=a b&labels.dynamic=role=worker&d=deckhand%2Bhttps%3A//host/revisions/7%3Fa%3Db%26c"
	join := site.Asset{
		Type: site.AssetFile, Path: site.Some("/join.sh"), Permissions: site.Some(0o555), LocationPipeline: []string{"template"}, DataPipeline: []string{"utf8_decode"},
		Location: site.Some("promenade+http://host/join?h={{ node.hostname }}&i={{ node.network.default.ip }}" +
			"{% for k, v in node.labels.items() if v %}&labels.dynamic={{ k }}={{ v }}{% endfor %}&d={{ action.design_ref|urlencode }}"),
		Data: site.Some("not used"),
	}
	l := &locations{bodies: map[string]string{where: "#!/bin/sh"}}
	r := NewRenderer(l, Options{})
	d := plain(action("join", join))
	for range 2 {
		files, err := r.Files(t.Context(), request(d, "w1"))
		if err != nil || len(files) != 1 || string(files[0].Data) != "#!/bin/sh" || files[0].Mode != 0o555 {
			t.Errorf("%+v, %v, asked %q", files, err, l.asked)
		}
	}
	if !slices.Equal(l.asked, []string{where, where}) {
		t.Errorf("asked %q", l.asked)
	}
	for _, kind := range []error{drydock.ErrUnavailable, drydock.ErrDenied, drydock.ErrNotFound, drydock.ErrInvalid} {
		_, err := NewRenderer(&locations{err: fmt.Errorf("%w: away", kind)}, Options{}).Files(t.Context(), request(d, "w1"))
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), `boot action "join", asset 1 (/join.sh), location: `) {
			t.Errorf("%v: %v", kind, err)
		}
	}
	join.LocationPipeline = []string{"template", "utf8_encode"}
	_, err := r.Files(t.Context(), request(plain(action("join", join)), "w1"))
	if !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "a location is text") {
		t.Error(err)
	}
}

// TestWhich: which assets a node gets, in which order.
func TestWhich(t *testing.T) {
	d := plain(
		action("one", text(site.AssetFile, "/1", "a"), text(site.AssetUnit, "/2", "b"), site.Asset{Type: site.AssetPackages}),
		action("new", text(site.AssetFile, "/3", "c")), action("two", text(site.AssetFile, "/4", "d")), action("other", text(site.AssetFile, "/5", "{{ x.y }}")),
	)
	d.BootActions[3].Targets = []string{"w2"}
	q := request(d, "w1")
	q.Actions = slices.Delete(q.Actions, 1, 2) // new came later
	paths := func(types ...string) (list []string) {
		q.Types = types
		files, err := NewRenderer(&locations{}, Options{}).Files(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			list = append(list, f.Path)
		}
		return list
	}
	for want, types := range map[string][]string{"/1 /2 /4": nil, "/1 /4": {site.AssetFile}, "/2": {site.AssetUnit}, "": {site.AssetPackages}} {
		if got := strings.Join(paths(types...), " "); got != want {
			t.Errorf("%v: %s, want %s", types, got, want)
		}
	}
	q.Node = "w9"
	if _, err := NewRenderer(&locations{}, Options{}).Files(t.Context(), q); !errors.Is(err, drydock.ErrNotFound) {
		t.Error(err)
	}
	q = request(d, "w1")
	if _, err := NewRenderer(&locations{}, Options{MaxBytes: 2}).Files(t.Context(), q); !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), "more than 2 bytes") {
		t.Error(err)
	}
}

// TestNameDefault: a network that is called default is not hidden by the primary one.
func TestNameDefault(t *testing.T) {
	d := plain(action("a", text(site.AssetFile, "/x", "{{ node.network.default.ip }}")))
	d.Networks = append(d.Networks, &site.Network{Ref: site.Ref{Name: "default"}})
	d.Nodes[0].Addressing = append([]site.Address{{Network: "default", IP: site.Some("10.9.9.9")}}, d.Nodes[0].Addressing...)
	files, err := NewRenderer(&locations{}, Options{}).Files(t.Context(), request(d, "w1"))
	if err != nil || string(files[0].Data) != "10.9.9.9" {
		t.Errorf("%v, %v", files, err)
	}
}

// TestTogether: nodes that fetch at the same time get their own, from one design.
func TestTogether(t *testing.T) {
	d := plain(action("a", text(site.AssetFile, "/x", "{% for i in range(50) %}{{ node.hostname }},{{ action.action_key }};{% endfor %}")))
	r := NewRenderer(&locations{}, Options{})
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			q := request(d, []string{"w1", "w2"}[i%2])
			q.Key = []byte{byte(i)}
			files, err := r.Files(context.Background(), q)
			if want := strings.Repeat(fmt.Sprintf("%s,%02x;", q.Node, i), 50); err != nil || string(files[0].Data) != want {
				t.Errorf("%d: %v, %.100v", i, err, files)
			}
		})
	}
	group.Wait()
}

// TestPackages: lists of several boot actions, own and fetched.
func TestPackages(t *testing.T) {
	own := site.Asset{Type: site.AssetPackages, Packages: site.Attrs{{Key: "vim", Null: true}, {Key: "curl", Value: "1.0"}}}
	far := site.Asset{Type: site.AssetPackages, Location: site.Some("http://host/list")}
	d := plain(action("own", own), action("far", far, text(site.AssetFile, "/x", "{{ not.looked.at }}")))
	for body, want := range map[string]string{
		"curl: '2.0'\nnano:\n":             "[{vim  true} {curl 2.0 false} {nano  true}]",
		`{"nano": null, "vim": "9"}`:       "[{vim 9 false} {curl 1.0 false} {nano  true}]",
		"{}":                               "[{vim  true} {curl 1.0 false}]",
		"a: &v '1'\nb: *v\na: '2'":         "[{vim  true} {curl 1.0 false} {a 2 false} {b 1 false}]",
		"a: &v '1'\nb: *v":                 "[{vim  true} {curl 1.0 false} {a 1 false} {b 1 false}]",
		"a: 1.0":                           `!line 1: the version of "a" must be text`,
		"a: [b]":                           `!line 1: the version of "a" must be text`,
		"1: a":                             "!line 1: the name of a package must be text",
		"[a]":                              "!it is not a mapping",
		"":                                 "!it is not a mapping",
		"a: b\n---\nc: d":                  "!more than one document",
		"{":                                "!",
		"a: \xff":                          "!it is not UTF-8",
		strings.Repeat("a", maxPackages+1): "!it is larger than",
	} {
		r := NewRenderer(&locations{bodies: map[string]string{"http://host/list": body}}, Options{})
		list, err := r.Packages(t.Context(), request(d, "w1"))
		if text, bad := strings.CutPrefix(want, "!"); bad {
			if !errors.Is(err, drydock.ErrInvalid) || !strings.Contains(err.Error(), text) {
				t.Errorf("%.40q: %v, %v", body, list, err)
			}
		} else if got := fmt.Sprint(list); err != nil || got != want {
			t.Errorf("%.40q: %s, %v, want %s", body, got, err, want)
		}
	}
}
