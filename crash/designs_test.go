package crash

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// designs serves designs over HTTP and answers only when the test wants it to: validating one takes as long as the test likes.
type designs struct {
	url string

	mu     sync.Mutex
	visits []*visit
}

// visit is a request for a design that waits for its answer.
type visit struct {
	path   string
	answer chan string // buffered
}

// The answers to a visit: a design that is right and one that is not.
const (
	rightDesign = "---\nschema: drydock/Region/v1\nmetadata: {schema: metadata/Document/v1, name: harbour}\ndata: {}\n"
	wrongDesign = "---\nschema: drydock/Region/v1\nmetadata: {schema: metadata/Document/v1, name: harbour}\ndata: {no_such_field: 1}\n"
)

func serveDesigns(t *testing.T) *designs {
	t.Helper()
	d := &designs{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{r.URL.Path, make(chan string, 1)}
		d.mu.Lock()
		d.visits = append(d.visits, v)
		d.mu.Unlock()
		select {
		case text := <-v.answer:
			_, _ = io.WriteString(w, text) // who asked may be dead
		case <-r.Context().Done():
		}
		d.leave(v)
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *designs) leave(v *visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.visits {
		if d.visits[i] == v {
			d.visits = append(d.visits[:i:i], d.visits[i+1:]...)
			return
		}
	}
}

// waiting lists the visits below a path that have not been answered, oldest first.
func (d *designs) waiting(path string) []*visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*visit
	for _, v := range d.visits {
		if strings.HasPrefix(v.path, path) {
			list = append(list, v)
		}
	}
	return list
}

// folder is a design root with the example site in it, under as many names as are asked for: each validation has a reference of its own.
type folder struct{ dir string }

func newFolder(t *testing.T) folder {
	t.Helper()
	site, err := os.ReadFile(filepath.Join("..", "examples", "site", "site.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	f := folder{t.TempDir()}
	if err := os.WriteFile(filepath.Join(f.dir, "site.yaml"), site, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// ref makes another name of the site.
func (f folder) ref(name string) (string, error) {
	path := filepath.Join(f.dir, name+".yaml")
	if err := os.Link(filepath.Join(f.dir, "site.yaml"), path); err != nil {
		return "", fmt.Errorf("name a design: %w", err)
	}
	return "file://" + path, nil
}
