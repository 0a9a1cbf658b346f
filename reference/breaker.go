package reference

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"drydock"
)

// maxHosts is how many failing hosts are remembered; beyond that the one that has been quiet for longest is forgotten.
const maxHosts = 1000

// breakers keep us from asking hosts that do not answer. A host is asked until it was unavailable after times in a row; then not at all for
// about pause; then by one caller, whose luck decides which of the two comes next. Hosts that answer are not remembered.
type breakers struct {
	after int // 0: no host is ever left alone
	pause time.Duration
	mu    sync.Mutex
	hosts map[string]*breaker
}

type breaker struct {
	failed  int       // times in a row
	last    time.Time // the latest of them
	step    Step      // where that one failed
	open    bool
	until   time.Time // while open: when it may be asked again
	probing bool      // while open: somebody is asking it
}

// verdict is what one fetch tells about its host.
type verdict int

const (
	saysNothing verdict = iota
	answers
	unavailable
)

// judge reads from a fetch what it tells about the host. stopped: we ended it ourselves.
func judge(err error, stopped bool) verdict {
	if err == nil {
		return answers
	}
	var e Error
	e.describe(err)
	passing := errors.Is(err, drydock.ErrUnavailable)
	switch {
	case stopped, e.Step == StepParse, e.Step == StepPolicy: // the host was not asked, or had no time
		return saysNothing
	case e.Step == StepAuth && e.Status == 0 && passing: // the one who failed is who gives out tokens
		return saysNothing
	case mayPass(err) && (e.Status < 400 || e.Status >= 500):
		return unavailable
	}
	return answers
}

// enter asks whether host may be asked. If not, the error says for how long. probe must be given to leave.
func (b *breakers) enter(host string) (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.hosts[host]
	if s == nil || !s.open {
		return false, nil
	}
	now := time.Now()
	if !s.probing && !now.Before(s.until) {
		s.probing = true
		return true, nil
	}
	next := "it is being asked again just now"
	if left := s.until.Sub(now); left > 0 {
		next = "it is asked again in " + round(left).String()
	}
	e := stepError(StepBreaker, drydock.ErrUnavailable, "", "%s was not asked: it failed %d times in a row, the last time %v ago (%s); %s",
		drydock.OneLine(host, 100), s.failed, round(now.Sub(s.last)), s.step, next)
	e.final = true
	return false, e
}

// leave tells how it went.
func (b *breakers) leave(host string, probe bool, v verdict, step Step) {
	if host == "" || b.after <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.hosts[host]
	if probe && s != nil {
		s.probing = false
	}
	if v == answers {
		delete(b.hosts, host)
	}
	if v != unavailable {
		return
	}
	if s == nil {
		b.makeRoom()
		s = &breaker{}
		b.hosts[host] = s
	}
	now := time.Now()
	s.failed, s.last, s.step = s.failed+1, now, step
	if probe && s.open || !s.open && s.failed >= b.after {
		s.open = true
		s.until = now.Add(b.pause - b.pause/10 + rand.N(b.pause/5+1)) // apart from other servers that left it alone when we did
	}
}

// opensAfter returns when host may be asked again; the zero time if it may be asked now.
func (b *breakers) opensAfter(host string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.hosts[host]; s != nil && s.open {
		return s.until
	}
	return time.Time{}
}

func (b *breakers) makeRoom() {
	if len(b.hosts) < maxHosts {
		return
	}
	oldest := ""
	for host, s := range b.hosts {
		if o := b.hosts[oldest]; o == nil || s.last.Before(o.last) {
			oldest = host
		}
	}
	delete(b.hosts, oldest)
}

// round makes a duration fit for a sentence.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
