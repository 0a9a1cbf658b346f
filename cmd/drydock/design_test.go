package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"drydock/api"
)

var momentOfTests = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00`)

// TestDesignGolden compares what the commands about designs print, and their exit codes, with testdata/design_*.golden.
func TestDesignGolden(t *testing.T) {
	const filter = `{"filter_set_type":"intersection","filter_set":[{"filter_type":"intersection","node_labels":{"zone":"a"},"node_tags":["worker","first"]}]}`
	for _, c := range []struct {
		name  string
		width int
		args  []string
	}{
		{"validate", terminal, []string{"validate", "testdata/design/old.yaml"}},
		{"validate_ruled", terminal, []string{"validate", "testdata/design/ruled.yaml"}},
		{"validate_broken", terminal, []string{"validate", "testdata/design/broken.yaml"}},
		{"validate_example", terminal, []string{"validate", "../../examples/site/broken.yaml"}},
		{"validate_json", 0, []string{"validate", "testdata/design/ruled.yaml"}},
		{"validate_yaml", 0, []string{"validate", "-o", "yaml", "--level", "error", "testdata/design/ruled.yaml"}},
		{"validate_sarif", 0, []string{"validate", "-o", "sarif", "testdata/design/ruled.yaml"}},
		{"validate_sarif_broken", 0, []string{"validate", "-o", "sarif", "testdata/design/broken.yaml"}},
		{"validate_info", terminal, []string{"validate", "--level", "info", "testdata/design/old.yaml"}},
		{"validate_strict", terminal, []string{"validate", "--strict", "--level", "error", "testdata/design/old.yaml"}},
		{"validate_ignore", terminal, []string{"validate", "--strict", "--ignore", "dd3001,bootaction definition", "testdata/design/old.yaml"}},
		{"validate_ignore_error", terminal, []string{"validate", "--ignore", "DD2005", "--level", "error", "testdata/design/ruled.yaml"}},
		{"validate_reference", terminal, []string{"validate", "--design-root", "testdata", "file://WD/testdata/design/old.yaml"}},
		{"validate_missing", terminal, []string{"validate", "no/such.yaml"}},
		{"validate_folder", terminal, []string{"validate", "testdata"}},
		{"validate_level", terminal, []string{"validate", "--level", "worst", "testdata/design/old.yaml"}},
		{"validate_form", terminal, []string{"validate", "-o", "xml", "testdata/design/old.yaml"}},
		{"show_effective", terminal, []string{"show", "--effective", "w1", "testdata/design/old.yaml"}},
		{"show_effective_json", 0, []string{"show", "--effective", "w1", "testdata/design/old.yaml"}},
		{"show_effective_unknown", 0, []string{"show", "--effective", "w9", "testdata/design/old.yaml"}},
		{"show_effective_broken", terminal, []string{"show", "--effective", "w1", "../../examples/site/broken.yaml"}},
		{"diff", terminal, []string{"diff", "testdata/design/old.yaml", "testdata/design/new.yaml"}},
		{"diff_json", 0, []string{"diff", "testdata/design/old.yaml", "testdata/design/new.yaml"}},
		{"diff_yaml", 0, []string{"diff", "-o", "yaml", "testdata/design/old.yaml", "testdata/design/old.yaml"}},
		{"diff_same", terminal, []string{"diff", "testdata/design/old.yaml", "testdata/design/same.yaml"}},
		{"diff_broken", terminal, []string{"diff", "testdata/design/old.yaml", "testdata/design/broken.yaml"}},
		{"diff_stdin_twice", terminal, []string{"diff", "-", "-"}},
		{"nodes", terminal, []string{"nodes", "testdata/design/old.yaml", "-n", "w2", "-t", "first,third"}},
		{"nodes_all_json", 0, []string{"nodes", "testdata/design/old.yaml"}},
		{"nodes_filter", terminal, []string{"nodes", "testdata/design/old.yaml", "--filter", filter}},
		{"nodes_bad_filter", terminal, []string{"nodes", "testdata/design/old.yaml", "--filter", `{"filter_set_type":"union","filter_set":[{"filter_type":"any"}]}`}},
		{"nodes_two_filters", terminal, []string{"nodes", "testdata/design/old.yaml", "--filter", filter, "-r", "r1"}},
		{"nodes_no_file", terminal, []string{"nodes", "testdata/design/old.yaml", "--filter", "@no/such.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wd, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"design"}
			for _, arg := range c.args {
				args = append(args, strings.ReplaceAll(arg, "WD", wd))
			}
			got := runCommand(t.Context(), c.width, map[string]string{"NO_COLOR": "1"}, args...)
			text := fmt.Sprintf("$ drydock design %s\n%s--- standard error\n%s--- exit code %d\n", strings.Join(c.args, " "), got.out, got.err, got.code)
			text = strings.ReplaceAll(text, wd, "WD")
			checkGolden(t, "design_"+c.name, momentOfTests.ReplaceAllString(text, "MOMENT"))
		})
	}
}

// TestReferencesRefused checks that what cannot be had ends with its exit code and one line without secrets.
func TestReferencesRefused(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ref, code := range map[string]int{
		"file://" + wd + "/design_test.go": exitDenied, "file://" + wd + "/testdata/none.yaml": exitNotFound, "file://" + wd + "/testdata": exitUsage,
		"ftp://user:hush@host/site.yaml": exitUsage, "https://user:hush@/": exitUsage,
	} {
		for _, command := range [][]string{{"validate"}, {"nodes"}, {"show", "--effective", "n"}, {"diff", "testdata/design/old.yaml"}} {
			got := runCommand(t.Context(), terminal, nil, append(append([]string{"design"}, command...), "--design-root", "testdata", ref)...)
			if got.code != code || got.out != "" || strings.Count(got.err, "\n") != 1 || strings.Contains(got.err, "hush") {
				t.Errorf("%s %s: exit code %d, want %d: %s%s", command[0], ref, got.code, code, got.out, got.err)
			}
		}
	}
}

// TestColour checks that colours are for terminals only, and only for those that want them.
func TestColour(t *testing.T) {
	for name, c := range map[string]struct {
		width int
		env   map[string]string
		want  bool
	}{
		"terminal": {terminal, nil, true}, "no colour": {terminal, map[string]string{"NO_COLOR": "1"}, false},
		"dumb": {terminal, map[string]string{"TERM": "dumb"}, false}, "a file": {0, nil, false},
	} {
		for _, args := range [][]string{{"validate", "testdata/design/ruled.yaml"}, {"diff", "testdata/design/old.yaml", "testdata/design/new.yaml"}} {
			got := runCommand(t.Context(), c.width, c.env, append([]string{"design", "-o", "table"}, args...)...)
			if coloured := strings.Contains(got.out, "\x1b["); coloured != c.want {
				t.Errorf("%s, %s: coloured: %t", name, args[0], coloured)
			}
		}
	}
}

// hostile are texts that nobody should have to look at. Each is a design, or claims to be one.
func hostile() map[string][]byte {
	const node = "schema: drydock/Network/v1\nmetadata: {name: %s}\ndata: {cidr: 10.0.0.0/24, %s}\n"
	escape := `"\x1B]0;owned\x07\x1B[2J\x9B31m\u202Eevil\u2066"`
	return map[string][]byte{
		"empty":     nil,
		"binary":    append([]byte("schema: x\x00\x01\x02\x1b[2J\n"), bytes.Repeat([]byte{0xFF, 0x1B, '[', '2', 'J'}, 1000)...),
		"not UTF-8": []byte("schema: drydock/Network/v1\nmetadata: {name: \xff\xfe\x1b[31m}\ndata: {}\n"),
		"raw":       []byte("schema: drydock/Network/v1\nmetadata: {name: a}\ndata: {cidr: 10.0.0.0/24, mtu: x} # \u009b31m \u202e \x7f\n"),
		"escapes":   fmt.Appendf(nil, node, escape, "mtu: "+escape+", "+escape+": 1, labels: {"+escape+": [1]}"),
		"rules":     fmt.Appendf(nil, node+"---\n"+node, escape, "mtu: 1", "b", "vlan: "+escape+", routes: [{subnet: 0.0.0.0/0, gateway: "+escape+"}]"),
		"one line":  fmt.Appendf(nil, "schema: drydock/Network/v1\nmetadata: {name: a}\ndata: {cidr: 10.0.0.0/24, labels: {a: %s, b: [1]}}\n", strings.Repeat("x", 3<<20)),
		"deep":      []byte("schema: drydock/Network/v1\nmetadata: {name: a}\ndata: " + strings.Repeat("[", 5000)),
		"old Mac":   []byte("schema: drydock/Network/v1\rmetadata: {name: a}\rdata: {cidr: 1, mtu: x}\r"),
		"bell":      []byte("schema: \"drydock/Bell\\a/v1\"\nmetadata: {name: \"\\e[5m\"}\ndata: {}\n"),
	}
}

// TestHostile checks that nothing that a design holds reaches the terminal as anything but text, in any form of output.
func TestHostile(t *testing.T) {
	folder := t.TempDir()
	for name, text := range hostile() {
		path := filepath.Join(folder, "design.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{formTable, formJSON, formYAML, formSARIF} {
			for _, args := range [][]string{
				{"validate", "--level", "info", path}, {"diff", path, "testdata/design/old.yaml"}, {"nodes", path}, {"show", "--effective", "\x1b[2J", path},
			} {
				if form == formSARIF && args[0] != "validate" {
					continue
				}
				got := runCommand(t.Context(), terminal, map[string]string{"NO_COLOR": "1"}, append([]string{"design", "-o", form}, args...)...)
				at := strings.IndexFunc(got.out+got.err, func(r rune) bool {
					return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar)
				})
				if at >= 0 {
					t.Errorf("%s: design %s -o %s prints %q", name, args[0], form, (got.out + got.err)[max(0, at-20):at+4])
				}
				if got.code == exitInternal || len(got.out)+len(got.err) > 100_000 {
					t.Errorf("%s: design %s: exit code %d, %d bytes: %.300s", name, args[0], got.code, len(got.out), got.err)
				}
			}
		}
	}
}

// TestStandardInput checks that a design may come through a pipe.
func TestStandardInput(t *testing.T) {
	text, err := os.ReadFile("testdata/design/ruled.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"validate", "-", "-o", "table"}, "standard input: 3 errors"},
		{[]string{"diff", "testdata/design/ruled.yaml", "-", "-o", "table"}, "say the same"},
	} {
		if got := withInput(t, text, append([]string{"design"}, c.args...)...); !strings.Contains(got.out, c.want) {
			t.Errorf("%v: exit code %d, %s%s", c.args, got.code, got.out, got.err)
		}
	}
}

// TestStandardInputInterrupted checks that waiting for a design that does not come can be ended.
func TestStandardInputInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = r
	defer func() {
		os.Stdin = stdin
		_ = w.Close()
		_ = r.Close()
	}()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if got := runCommand(ctx, terminal, nil, "design", "validate", "-"); got.code != exitInterrupted || got.out != "" {
		t.Errorf("exit code %d, %s%s", got.code, got.out, got.err)
	}
}

// withInput runs a command with a standard input.
func withInput(t *testing.T, text []byte, args ...string) outcome {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = r
	defer func() {
		os.Stdin = stdin
		_ = r.Close()
	}()
	var writing sync.WaitGroup
	writing.Go(func() {
		_, err := w.Write(text)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Error(err)
		}
	})
	defer writing.Wait()
	return runCommand(t.Context(), 0, nil, args...)
}

// designService is a service that looks at designs below testdata and the examples, and has nothing else.
func designService(t *testing.T) string {
	t.Helper()
	cfg := defaultConfig()
	cfg.DesignRoots = []string{"testdata", "../../examples"}
	roots, err := cfg.designRoots()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	cfg.Database = "sqlite:" + filepath.Join(t.TempDir(), "drydock.db")
	db, err := openStore(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	designs, err := newDesignRoom(cfg, roots, db, log)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Deps{Sites: designs.loader, Designs: db}, api.Options{}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestServerJudges checks that the service finds what the process itself finds, and that its refusals keep their kind.
func TestServerJudges(t *testing.T) {
	env := map[string]string{"DD_URL": designService(t)}
	for _, path := range []string{"testdata/design/old.yaml", "testdata/design/ruled.yaml", "../../examples/site/broken.yaml"} {
		here, there := runCommand(t.Context(), 0, env, "design", "validate", path), runCommand(t.Context(), 0, env, "design", "validate", "--server", path)
		if here.code != there.code || messagesOf(t, here.out) != messagesOf(t, there.out) {
			t.Errorf("%s: exit codes %d and %d\nhere  %s\nthere %s%s", path, here.code, there.code, here.out, there.out, there.err)
		}
	}
	got := runCommand(t.Context(), terminal, map[string]string{"DD_URL": env["DD_URL"], "NO_COLOR": "1"}, "design", "validate", "--server", "testdata/design/ruled.yaml")
	if got.code != exitFailed || !strings.Contains(got.out, "error DD2003 line 17, column 3 at /data/mtu") || !strings.Contains(got.out, "file://") {
		t.Errorf("as a table: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	text, err := os.ReadFile("testdata/design/ruled.yaml") // which is brought to the service
	if err != nil {
		t.Fatal(err)
	}
	piped := runWith(t.Context(), bytes.NewReader(text), env, "design", "validate", "--server", "-")
	here := runCommand(t.Context(), 0, env, "design", "validate", "testdata/design/ruled.yaml")
	if piped.code != exitFailed || messagesOf(t, piped.out) != messagesOf(t, here.out) || !strings.Contains(piped.out, "design://sha256/") {
		t.Errorf("standard input: exit code %d\n%s%s", piped.code, piped.out, piped.err)
	}
	for ref, code := range map[string]int{
		"file:///etc/passwd": exitDenied, "file://" + filepath.Join(t.TempDir(), "x"): exitDenied, "ftp://host/x": exitUsage, "testdata/design/none.yaml": exitUsage,
	} {
		if got := runCommand(t.Context(), 0, env, "design", "validate", "--server", ref); got.code != code || got.out != "" {
			t.Errorf("%s: exit code %d, want %d: %s%s", ref, got.code, code, got.out, got.err)
		}
	}
}

// messagesOf is the list of messages in a validation, without their moment.
func messagesOf(t *testing.T, text string) string {
	t.Helper()
	var v api.Validation
	if err := json.Unmarshal([]byte(text), &v); err != nil || len(v.Details.MessageList) == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	for i := range v.Details.MessageList {
		v.Details.MessageList[i].Time = api.Time{}
	}
	return fmt.Sprintf("%d %+v", v.Details.ErrorCount, v.Details.MessageList)
}

// TestManyJudges lets 100 questions be asked about one design at the same time; all answers must be the same.
func TestManyJudges(t *testing.T) {
	c, err := api.NewClient(designService(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs("../../examples/site/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	answers := map[string]int{}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			answer := ""
			if i%5 == 0 {
				names, err := c.NodesForFilter(t.Context(), "file://"+path, nil)
				answer = fmt.Sprint(names, err)
			} else {
				v, err := c.ValidateDesign(t.Context(), "file://"+path)
				for j := range v.Details.MessageList {
					v.Details.MessageList[j].Time = api.Time{}
				}
				answer = fmt.Sprintf("%v %d %+v", err, v.Details.ErrorCount, v.Details.MessageList)
			}
			mu.Lock()
			answers[answer]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(answers) != 2 || answers["[ctl-1 ctl-2 ctl-3 work-1 work-2] <nil>"] != 20 {
		t.Errorf("%d different answers: %.2000v", len(answers), answers)
	}
}

// TestWaiting checks what is said while something takes long, that it goes away, and that only terminals are told.
func TestWaiting(t *testing.T) {
	for width, want := range map[int]string{
		0:  "",
		40: "\r\x1b[Kgetting design … 1 s\r\x1b[Kgetting design … 2 s\r\x1b[K",
		12: "\r\x1b[Kgetting de…\r\x1b[Kgetting de…\r\x1b[K",
	} {
		synctest.Test(t, func(t *testing.T) {
			var said bytes.Buffer
			a := &app{err: screen{&said, width}}
			stop := a.waiting("getting\adesign")
			time.Sleep(2500 * time.Millisecond)
			stop()
			stop()
			if said.String() != want {
				t.Errorf("at width %d: %q, want %q", width, said.String(), want)
			}
		})
	}
	var said bytes.Buffer
	(&app{err: screen{&said, 40}}).waiting("x")()
	if said.Len() > 0 {
		t.Errorf("what is quick says %q", said.String())
	}
}
