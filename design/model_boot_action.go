package design

import (
	"strconv"
	"strings"

	"drydock/site"

	"go.yaml.in/yaml/v3"
)

func (b *builder) bootAction(n *yaml.Node) *site.BootAction {
	a := &site.BootAction{Ref: b.d.ref, Signaling: or(b.truth(n, "signaling"), true)}
	for _, item := range b.items(b.member(n, "assets")) {
		a.Assets = append(a.Assets, b.asset(item))
	}
	if f := b.member(n, "node_filter"); f != nil && f.Kind == yaml.MappingNode {
		a.Filter = &site.NodeFilter{SetType: b.text(f, "filter_set_type").V}
		for _, item := range b.items(b.member(f, "filter_set")) {
			a.Filter.Filters = append(a.Filter.Filters, site.Filter{
				Type: b.text(item, "filter_type").V, Names: b.texts(b.member(item, "node_names")), Tags: b.texts(b.member(item, "node_tags")),
				Racks: b.texts(b.member(item, "rack_names")), Labels: b.attrs(b.member(item, "node_labels")),
				RackLabels: b.attrs(b.member(item, "rack_labels")),
			})
		}
	}
	return a
}

func (b *builder) asset(n *yaml.Node) site.Asset {
	a := site.Asset{
		Type: b.text(n, "type").V, Path: b.text(n, "path"), Location: b.text(n, "location"),
		LocationPipeline: b.texts(b.member(n, "location_pipeline")), DataPipeline: b.texts(b.member(n, "data_pipeline")),
		Permissions: octal(b.text(n, "permissions")),
	}
	if data := b.member(n, "data"); data != nil && data.Kind == yaml.MappingNode {
		a.Packages = b.attrs(data)
	} else if a.Type != site.AssetPackages {
		a.Data = b.scalar(data)
	}
	return a
}

// octal reads permissions: digits to base 8, with the prefix 0o if one likes.
func octal(text site.Opt[string]) site.Opt[int] {
	digits := strings.TrimPrefix(strings.TrimSpace(text.V), "+")
	digits = strings.TrimPrefix(strings.TrimPrefix(strings.ReplaceAll(digits, "_", ""), "0o"), "0O")
	n, err := strconv.ParseUint(digits, 8, 31)
	return site.Opt[int]{V: int(n), Set: text.Set && err == nil}
}
