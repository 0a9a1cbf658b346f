package asset

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"drydock"
	"drydock/site"
)

func TestCheck(t *testing.T) {
	located := func(location string, pipeline ...string) site.Asset {
		return site.Asset{Type: site.AssetFile, Path: site.Some("/x"), Location: site.Some(location), LocationPipeline: pipeline}
	}
	schemes := []string{"http", "https"}
	for i, c := range []struct {
		asset site.Asset
		want  string // path and text, "" if all is well
	}{
		{text(site.AssetFile, "/x", "{{ a }}"), ""},
		{bytesOf("/x", "anything"), ""},
		{bytesOf("/x", "e3sgYSB9fQ==", "base64_decode", "utf8_decode", "template", "utf8_encode", "base64_encode"), ""},
		{bytesOf("/x", "e3sgYSArfQ==", "base64_decode", "utf8_decode", "template"), "/data the template"},
		{text(site.AssetFile, "/x", "a\n{% if %}"), "/data the template: line 2"},
		{text(site.AssetFile, "/x", "{{ a|nosuch }}"), "/data the template: line 1: there is no filter nosuch"},
		{bytesOf("/x", "x", "template"), "/data_pipeline/0 a template is text"},
		{bytesOf("/x", "x", "utf8_decode", "template", "base64_encode"), "/data_pipeline/2 bytes are encoded"},
		{bytesOf("/x", "x", "utf8_decode", "rot13"), "/data_pipeline/1 there is no such segment"},
		{bytesOf("/x", "x", slices.Repeat([]string{"base64_encode"}, 99)...), "/data_pipeline the pipeline has more than"},
		{bytesOf("/x", "!", "base64_decode", "utf8_decode"), ""},
		{bytesOf("/x", "a", "base64_decode"), "/data_pipeline/0 this is not base 64"},
		{site.Asset{Type: site.AssetPackages}, ""},
		{located("http://host/{{ node.hostname }}", "template"), ""},
		{located("HTTPS://host"), ""},
		{located("{{ scheme }}://host", "template"), ""},
		{located("{{ all }}", "template"), ""},
		{located("gopher://host"), `/location there is nothing to get "gopher" with`},
		{located("/etc/passwd"), "/location it is no reference"},
		{located("http://{{ x", "template"), "/location the template"},
		{located("http://host", "utf8_encode"), "/location_pipeline a location is text"},
		{located("http://host", "base64_encode"), "/location_pipeline/0 bytes are encoded"},
	} {
		var got []string
		for _, p := range Check(&c.asset, schemes) {
			if !errors.Is(p.Err, drydock.ErrInvalid) || p.Remedy == "" {
				t.Errorf("%d: %+v", i, p)
			}
			got = append(got, p.Path+" "+strings.TrimPrefix(p.Err.Error(), "invalid: "))
		}
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}

func TestFindings(t *testing.T) {
	d := plain(action("a", text(site.AssetFile, "/x", "fine"), bytesOf("/x", "x", "template")))
	list := Findings(d, nil)
	if len(list) != 1 || list[0].Path != "/data/assets/1/data_pipeline/0" || list[0].Level != site.Warning || list[0].Docs[0].Name != "a" ||
		list[0].Text != "asset 2: a template is text, and this is bytes" || list[0].Diagnostic != "put utf8_decode before it" {
		t.Errorf("%+v", list)
	}
}

// FuzzPipeline: whatever the data and the pipeline, there is content or an error that names the boot action and what to do; what Check does not
// complain about fails only for what it cannot know.
func FuzzPipeline(f *testing.F) {
	f.Add("dGVzdA==", "base64_decode utf8_decode template", "http://{{ node.hostname }}", "template")
	f.Add("{{ node }}", "utf8_decode template utf8_encode base64_encode", "", "")
	f.Add("\xff", "utf8_decode", "x", "utf8_encode")
	f.Add("a=b=c==", "base64_decode", "://", "")
	f.Fuzz(func(t *testing.T, data, dataPipeline, location, locationPipeline string) {
		a := site.Asset{
			Type: site.AssetFile, Path: site.Some("/x"), Data: site.Some(data), DataPipeline: strings.Fields(dataPipeline),
			LocationPipeline: strings.Fields(locationPipeline),
		}
		if location != "" {
			a.Location = site.Some(location)
		}
		problems := Check(&a, nil)
		files, err := NewRenderer(&locations{bodies: map[string]string{}}, Options{}).Files(t.Context(), request(plain(action("a", a)), "w1"))
		var e *Error
		switch {
		case err == nil && len(files) != 1:
			t.Errorf("%d files", len(files))
		case err != nil && (!errors.As(err, &e) || e.Remedy == "" || !errors.Is(err, drydock.ErrInvalid)):
			t.Errorf("%v", err)
		case err == nil:
			for _, p := range problems {
				if !strings.HasPrefix(p.Path, "/location") && p.Path != "" {
					t.Errorf("Check: %v, but it was made", p)
				}
			}
		case len(problems) == 0 && strings.Contains(err.Error(), "no such segment"):
			t.Errorf("Check has overlooked %v", err)
		}
		if utf8.ValidString(strings.Join([]string{data, location, dataPipeline, locationPipeline}, "|")) && err != nil && !utf8.ValidString(err.Error()) {
			t.Errorf("%q", fmt.Sprint(err))
		}
	})
}
