package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drydock"
	"drydock/api"
	"drydock/asset"
	"drydock/store"
	"drydock/store/storetest"
)

// deploy does what an orchestrator does when it deploys a node: it makes a task, and records what the node will run.
func deploy(t *testing.T, database, ref, node string) (task drydock.TaskID, key []byte) {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	made, _, err := s.CreateTask(t.Context(), drydock.NewTask{Action: "deploy_nodes", DesignRef: ref})
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(strings.TrimPrefix(ref, "file://"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := newIngester()
	if err != nil {
		t.Fatal(err)
	}
	d, _ := in.Check(body)
	if key, err = asset.Deploy(t.Context(), s, d, node, made.ID); err != nil || len(key) == 0 {
		t.Fatalf("%x, %v", key, err)
	}
	return made.ID, key
}

// nodeAsks does what a node does, and returns the status and the body.
func nodeAsks(t *testing.T, method, url, body string, key []byte) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Bootaction-Key", hex.EncodeToString(key))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// members unpacks a tarball into path → content.
func members(t *testing.T, packed []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF { //nolint:errorlint // a reader at its end returns it as it is
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = string(text)
	}
}

// TestBootNode: a node fetches its files and units from a real service, its join script as it is now among them, reports, and an
// operator sees it.
func TestBootNode(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		cfg := testConfig(t, database)
		cfg.ReportURL = "http://drydock:9000/api/v1.0/bootactions/"
		s := startService(t, cfg)
		source, err := os.ReadFile("../../examples/site/site.yaml")
		if err != nil {
			t.Fatal(err)
		}
		extra := `
---
schema: drydock/BootAction/v1
metadata: {schema: metadata/Document/v1, name: join}
data:
  assets:
  - type: file
    path: /usr/local/bin/join
    permissions: '555'
    location: 'file://` + cfg.DesignRoots[1] + `/join-{{ node.hostname }}.sh'
    location_pipeline: [template]
  - {type: file, path: /etc/report, data: '{{ action.report_url }}{{ action.action_id }} {{ action.action_key }}', data_pipeline: [utf8_decode, template]}
`
		path := filepath.Join(cfg.DesignRoots[1], "site.yaml")
		if err := os.WriteFile(path, append(source, extra...), 0o600); err != nil {
			t.Fatal(err)
		}
		const name = "ctl-2"
		task, key := deploy(t, database, "file://"+path, name)
		base := s.url + "/api/v1.0/bootactions/"
		var files map[string]string
		for _, script := range []string{"first", "second"} { // by which a node joins changes between deployments
			if err := os.WriteFile(filepath.Join(cfg.DesignRoots[1], "join-"+name+".sh"), []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			status, body := nodeAsks(t, "GET", base+"nodes/"+name+"/files", "", key)
			if status != http.StatusOK {
				t.Fatalf("files: %d %s", status, body)
			}
			files = members(t, body)
		}
		if !strings.HasPrefix(files["/etc/motd"], name+".") || files["/usr/local/bin/join"] != "second" {
			t.Errorf("%q", files)
		}
		status, body := nodeAsks(t, "GET", base+"nodes/"+name+"/units", "", key)
		if units := members(t, body); status != http.StatusOK || !strings.Contains(units["/etc/systemd/system/join.service"], "Join "+name) {
			t.Errorf("units: %d %q", status, units)
		}
		where, shown, _ := strings.Cut(files["/etc/report"], " ")
		id, ours := strings.CutPrefix(where, cfg.ReportURL)
		if !ours || shown != hex.EncodeToString(key) {
			t.Fatalf("%q", files["/etc/report"])
		}
		// As upstream's client writes it: a slash behind the id, and the address ends in one.
		if status, body := nodeAsks(t, "POST", base+"/"+id+"/", `{"status":"success","details":[{"message":"joined","error":false}]}`, key); status != http.StatusOK {
			t.Errorf("report: %d %s", status, body)
		}
		command := func(args ...string) outcome {
			return runCommand(t.Context(), 0, map[string]string{"DD_URL": s.url}, args...)
		}
		got := command("node", "bootactions", name)
		states := map[string]drydock.ResultStatus{}
		for _, b := range decode[[]api.BootAction](t, got) {
			states[b.Name] = b.Status
		}
		if states["join"] != drydock.ResultSuccess || states["welcome"] != drydock.ResultUnreported || states["control-tools"] != drydock.ResultIncomplete {
			t.Errorf("%v", states)
		}
		if got := command("node", "bootactions", name, "-o", "table"); got.code != exitOK || !strings.Contains(got.out, "control-tools  incomplete") {
			t.Errorf("%d %s %s", got.code, got.out, got.err)
		}
		if got := command("node", "bootactions", "nobody"); got.code != exitNotFound {
			t.Errorf("%d %s", got.code, got.err)
		}
		if got := command("task", "messages", string(task)); !strings.Contains(got.out, `"joined"`) || strings.Contains(got.out, shown) {
			t.Errorf("messages: %s", got.out)
		}
	})
}
