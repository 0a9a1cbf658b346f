package design

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"drydock"
)

// given is a Resolver of documents at hand.
type given struct {
	mu   sync.Mutex
	text string
}

func (g *given) Resolve(_ context.Context, ref string) ([]byte, drydock.Resolution, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sum := sha256.Sum256([]byte(g.text))
	return []byte(g.text), drydock.Resolution{Ref: ref, Digest: hex.EncodeToString(sum[:]), Size: int64(len(g.text))}, nil
}

func (g *given) Check(string) error { return nil }

func (g *given) set(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.text = text
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}
