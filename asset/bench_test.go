package asset

import (
	"context"
	"fmt"
	"testing"

	"drydock/site"
)

// BenchmarkFiles makes twenty files of one node: a unit with a few variables each.
func BenchmarkFiles(b *testing.B) {
	var assets []site.Asset
	for i := range 20 {
		assets = append(assets, text(site.AssetUnit, fmt.Sprintf("/etc/systemd/system/%d.service", i),
			"[Unit]\nDescription={{ node.hostname }}.{{ node.domain }}\n[Service]\n{% for k, v in node.labels.items() if v %}Environment={{ k }}={{ v|urlencode }}\n{% endfor %}"+
				"ExecStart=/bin/report {{ action.report_url }}{{ action.action_id }} {{ node.network.default.ip }}\n"))
	}
	d := plain(action("a", assets...))
	r := NewRenderer(&locations{}, Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Files(context.Background(), request(d, "w1")); err != nil {
			b.Fatal(err)
		}
	}
}
