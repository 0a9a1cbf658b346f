package reference

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"drydock"
)

// A document of 50 MB takes less than three times its size, however it is sent, and nothing the second time. What is counted is all memory that was
// asked for, so that no collection of garbage makes the number smaller; at no time can more be in use.
func TestResolveLarge(t *testing.T) {
	chunk := []byte(strings.Repeat("# a line of a large design\n", 1<<20/27))
	size := 50 * len(chunk)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-yaml")
		to := io.Writer(w)
		switch r.URL.Path {
		case "/announced":
			w.Header().Set("Content-Length", fmt.Sprint(size))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			defer func() { _ = packed.Close() }()
			to = packed
		}
		for range 50 {
			_, _ = to.Write(chunk)
		}
	})
	over := fetcherAsked(func(_ context.Context, q Request) (Answer, error) {
		body, err := fetchHTTP(t, HTTPOptions{}, q.URL.String())
		return Answer{Body: body, Immutable: true}, err
	})
	for _, path := range []string{"/announced", "/chunked", "/gzip"} {
		r := NewResolver(map[string]Fetcher{"http": over}, ResolverOptions{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, origin := range []drydock.Origin{drydock.OriginSource, drydock.OriginCache} {
			body, res, err := r.Resolve(t.Context(), s.URL+path)
			if err != nil || res.Size != int64(size) || res.Origin != origin || !bytes.HasPrefix(body, chunk) {
				t.Fatalf("%s: %+v, %v", path, res, err)
			}
		}
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d MB for %d MB", path, used>>20, size>>20)
		if used >= 3*uint64(size) {
			t.Errorf("%s: %d bytes of memory for a document of %d", path, used, size)
		}
	}
}
