package design

import (
	"context"
	"fmt"
	"testing"
)

// counting answers with the number of the request, and says that its answers never change.
type counting struct{ n *int }

func (c counting) Fetch(context.Context, Request) (Answer, error) {
	*c.n++
	return Answer{Body: fmt.Append(nil, *c.n), Immutable: true}, nil
}

// TestFresh: what the one keeps, the other asks for each time.
func TestFresh(t *testing.T) {
	n := 0
	kept := NewResolver(map[string]Fetcher{"count": counting{&n}}, ResolverOptions{})
	fresh := NewLoader(kept, nil).Fresh()
	for i, c := range []struct {
		from *Resolver
		want string
	}{{kept, "1"}, {kept, "1"}, {fresh, "2"}, {fresh, "3"}, {kept, "1"}} {
		body, _, err := c.from.Resolve(t.Context(), "count://host/join")
		if err != nil || string(body) != c.want {
			t.Errorf("%d: %q, %v, want %s", i, body, err, c.want)
		}
	}
}
