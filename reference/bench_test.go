package reference

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkResolve gets a reference that is at hand: the price that every task and request pays for the resolver.
func BenchmarkResolve(b *testing.B) {
	ref := "x://user:password@deckhand.example:9000/api/v1.0/revisions/1/rendered-documents?schema=drydock"
	for _, size := range []int{1 << 10, 50 << 20} {
		r := resolverFor(&source{body: strings.Repeat("x", size), immutable: true}, ResolverOptions{})
		b.Run(fmt.Sprintf("cached/bytes=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, s, err := r.Resolve(b.Context(), ref); err != nil || int(s.Size) != size {
					b.Fatal(s, err)
				}
			}
		})
	}
}
