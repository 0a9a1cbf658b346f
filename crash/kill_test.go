package crash

import (
	"math/rand/v2"
	"testing"
	"time"

	"drydock/store/storetest"
)

// TestKill kills the only server at a random moment under load and starts another, again and again. Every second one dies before it leads.
func TestKill(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		l := newLoad(t)
		begin := func() *server {
			s := start(t, "the server", database, "--lease-ttl", "1s", "--design-root", l.folder.dir, "--concurrency", "16")
			l.ask(s)
			return s
		}
		s := begin()
		l.run(4, everything)
		for round := range rounds(t) {
			if round%2 == 0 {
				s.awaitTerm(t)
			}
			l.awaitAnswers(20 + rand.N(150))
			<-time.After(rand.N(2 * pace)) // between two requests and in the middle of one
			s.kill(t)
			s.quiet(t)
			s = begin()
		}
		s.awaitTerm(t)
		l.awaitAnswers(50)
		l.stop()
		l.verify(t, s)
		s.quiet(t)
	})
}
