package drydock_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// room says which of our packages a package may import and what it may not touch. cmd and examples are where rooms meet: they may import all.
type room struct{ imports, banned []string }

// rooms is the floor plan. A new arrow is a new word here, for all to see.
var rooms = map[string]room{
	"":                {nil, []string{"net/http", "database/sql", "net", "os", "log/slog", "context"}},
	"site":            {[]string{""}, []string{"net", "net/http", "os", "database/sql", "log/slog", "context"}},
	"rules":           {[]string{"site"}, []string{"net", "net/http", "os", "database/sql", "log/slog", "context"}},
	"memo":            {nil, []string{"net", "net/http", "os", "database/sql", "log/slog"}},
	"reference":       {[]string{"", "memo"}, []string{"database/sql"}},
	"design":          {[]string{"", "memo", "rules", "site"}, []string{"net", "net/http", "os", "database/sql"}},
	"asset":           {[]string{"", "site", "asset/jinja"}, []string{"net", "net/http", "os", "database/sql"}},
	"asset/jinja":     {nil, []string{"net", "net/http", "os", "database/sql", "log/slog", "io/fs"}},
	"store":           {[]string{""}, []string{"net/http"}},
	"store/storetest": {[]string{"", "store"}, nil},
	"keystone":        {[]string{""}, nil},
	"orchestrator":    {[]string{"", "site"}, []string{"net/http"}},
	"api":             {[]string{"", "site"}, nil},
	"bench":           {[]string{"", "design", "orchestrator", "site", "store"}, []string{"net/http"}},
	"crash":           {[]string{"", "api"}, nil}, // tests only

	"keystone/keystonetest": {nil, nil},
}

// meeting are the folders where rooms meet.
var meeting = []string{"cmd/", "examples/"}

// pure rooms use the standard library only and do not look at the clock.
var pure = []string{"", "site", "rules"}

// mayUseSQL are the files that may import database/sql and drivers: the store, and the benchmark that compares it with bare statements.
var mayUseSQL = regexp.MustCompile(`^(store|bench)/`)

var drivers = []string{"database/sql", "github.com/jackc/pgx", "modernc.org/sqlite"}

// source is one Go file of the project.
type source struct {
	path, dir string // slash-separated, from the root; dir is "" there
	test      bool
	lines     int
	ast       *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, p := range files(t, ".go") {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(p)
		if dir == "." {
			dir = ""
		}
		all = append(all, source{p, dir, strings.HasSuffix(p, "_test.go"), strings.Count(string(text), "\n"), file})
	}
	return all
}

// files lists the project's files whose name ends in one of the given ways, without what is built, run or recorded here.
func files(t *testing.T, suffixes ...string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "var"}, p):
			return filepath.SkipDir
		case !d.IsDir() && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(p, s) }):
			all = append(all, filepath.ToSlash(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (s source) imports(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, spec := range s.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// TestArrows checks who imports whom, and what no room may touch.
func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		anywhere := slices.ContainsFunc(meeting, func(p string) bool { return strings.HasPrefix(s.path, p) })
		plan, known := rooms[s.dir]
		if !known && !anywhere {
			t.Errorf("%s: there is no room %q on the floor plan in arch_test.go", s.path, s.dir)
			continue
		}
		for _, imp := range s.imports(t) {
			ours, isOurs := strings.CutPrefix(imp+"/", "drydock/")
			ours = strings.TrimSuffix(ours, "/")
			firstElement, _, _ := strings.Cut(imp, "/")
			switch {
			case isOurs && !anywhere && !slices.Contains(plan.imports, ours) && (!s.test || !testMayImport(s.dir, ours)):
				t.Errorf("%s imports %s: no such arrow on the floor plan", s.path, imp)
			case !isOurs && !s.test && slices.Contains(plan.banned, imp):
				t.Errorf("%s imports %s, which room %q may not touch", s.path, imp, s.dir)
			case !isOurs && !s.test && slices.Contains(pure, s.dir) && strings.Contains(firstElement, "."):
				t.Errorf("%s imports %s: room %q uses the standard library only", s.path, imp, s.dir)
			case !s.test && !mayUseSQL.MatchString(s.path) && slices.ContainsFunc(drivers, func(d string) bool { return strings.HasPrefix(imp, d) }):
				t.Errorf("%s imports %s: only the store talks to databases", s.path, imp)
			}
		}
	}
}

// testMayImport: tests see the package itself, what starts the real peer of the package, and the real store.
func testMayImport(dir, imp string) bool {
	return imp == dir || imp == dir+"/"+dir+"test" || imp == "store" || imp == "store/storetest" || dir == "design" && imp == "reference"
}

// TestPure checks that the pure rooms never read the clock.
func TestPure(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(pure, s.dir) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After"}, sel.Sel.Name) {
					t.Errorf("%s uses time.%s: room %q is pure", s.path, sel.Sel.Name, s.dir)
				}
			}
			return true
		})
	}
}

// TestHouse checks the habits: a sentence per package, names that say something, files that fit a head, no tests that stay away.
func TestHouse(t *testing.T) {
	documented := map[string]bool{}
	nameless := []string{"util", "utils", "common", "types", "models", "mock", "mocks", "helpers"}
	for _, s := range sources(t) {
		name := s.ast.Name.Name
		if slices.Contains(nameless, strings.TrimSuffix(name, "_test")) {
			t.Errorf("%s: package %s: name it by what it does", s.path, name)
		}
		if !s.test {
			documented[s.dir] = documented[s.dir] || path.Base(s.path) == "doc.go" && s.ast.Doc != nil
			if s.lines > 600 {
				t.Errorf("%s has %d lines; above 600 a file is two", s.path, s.lines)
			}
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "Skip") && isTestingT(sel.X) {
				t.Errorf("%s: a test that can stay away is no test", s.path)
			}
			return true
		})
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %q has no doc.go with a package comment", "drydock/"+dir)
		}
	}
}

// isTestingT reports whether x is a parameter of type *testing.T. Other libraries have a T that may skip a step.
func isTestingT(x ast.Expr) bool {
	ident, ok := x.(*ast.Ident)
	if !ok || ident.Obj == nil {
		return false
	}
	field, ok := ident.Obj.Decl.(*ast.Field)
	if !ok {
		return false
	}
	star, ok := field.Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "T" && fmt.Sprint(sel.X) == "testing"
}

// treeLine is one line of the tree in the README: drawing, name, sentence.
var treeLine = regexp.MustCompile(`^((?:│   |    )*)(?:├──|└──) (\S+)/ +(\S.*)$`)

// TestTree checks that the README's tree and the folders agree, in both directions.
func TestTree(t *testing.T) {
	told := map[string]bool{}
	var stack []string
	for _, line := range strings.Split(read(t, "README.md"), "\n") {
		m := treeLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		stack = append(stack[:len([]rune(m[1]))/4], m[2])
		told[strings.Join(stack, "/")] = true
	}
	real := map[string]bool{}
	for _, p := range files(t, "") {
		dir := path.Dir(p)
		if dir == "." || strings.HasPrefix(p, ".") || strings.Contains(p, "testdata/") {
			continue
		}
		for ; dir != "."; dir = path.Dir(dir) {
			real[dir] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(real)) {
		if !told[dir] {
			t.Errorf("the README's tree has no sentence for %s/", dir)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(told)) {
		if !real[dir] {
			t.Errorf("the README's tree names %s/, which is not there", dir)
		}
	}
}

var (
	mdLink   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	makeWord = regexp.MustCompile("(?m)(?:^\\s*|`)make ([a-z][a-z-]*)")
	target   = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	// elsewhere are places that no file of the project may depend on. Put together here so that this file does not name them either.
	elsewhere = regexp.MustCompile("/" + "work/|/" + "root/|/tmp/" + "bash|" + "proxy" + `\.golang|` + "registry" + `\.npm|` + "deb" + `\.debian`)
)

// TestProse checks what documents promise: links lead somewhere, make targets exist, nothing depends on the machine it was written on.
func TestProse(t *testing.T) {
	makefile := read(t, "Makefile")
	var targets []string
	for _, m := range target.FindAllStringSubmatch(makefile, -1) {
		targets = append(targets, m[1])
		if !regexp.MustCompile(`(?m)^` + m[1] + `:.*## \S`).MatchString(makefile) {
			t.Errorf("Makefile: target %s has no ## sentence for make help", m[1])
		}
	}
	for _, p := range files(t, ".md") {
		text := read(t, p)
		for _, m := range mdLink.FindAllStringSubmatch(text, -1) {
			link, _, _ := strings.Cut(m[1], "#")
			if link == "" || strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(p), link)); err != nil {
				t.Errorf("%s links to %s, which is not there", p, m[1])
			}
		}
		for _, m := range makeWord.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(targets, m[1]) {
				t.Errorf("%s speaks of make %s; the Makefile has %s", p, m[1], strings.Join(targets, " "))
			}
		}
	}
	for _, p := range files(t, ".go", ".md", ".yml", ".yaml", ".sql", ".sample", ".json", "Makefile", "run", "go.mod") {
		for i, line := range strings.Split(read(t, p), "\n") {
			if found := elsewhere.FindString(line); found != "" {
				t.Errorf("%s:%d depends on another place: %s", p, i+1, found)
			}
		}
	}
}

func read(t *testing.T, p string) string {
	t.Helper()
	text, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
