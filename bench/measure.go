package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"
)

// client is one of those who call at the same time. Its sequence of choices is the same in every run.
type client struct {
	rng       *rand.Rand
	latencies histogram
}

// side is one way to do an operation.
type side struct {
	// slice does it for about d, as often as possible by all clients at a time, and answers how often that was and how long it really took.
	slice func(ctx context.Context, clients []*client, d time.Duration) (calls int, took time.Duration, err error)
	// refill provides what slices of d by n clients use up; nil if they use nothing up. It is not measured.
	refill func(ctx context.Context, n int, d time.Duration) error
}

// errDry ends the slice of a client whose supply is used up.
var errDry = errors.New("nothing left to do it with")

// calling is the side on which every client repeats one call.
func calling(call func(ctx context.Context, c *client) error) side {
	return side{slice: func(ctx context.Context, clients []*client, d time.Duration) (int, time.Duration, error) {
		var wg sync.WaitGroup
		calls, errs := make([]int, len(clients)), make([]error, len(clients))
		start := time.Now()
		for i, c := range clients {
			wg.Go(func() { calls[i], errs[i] = repeat(ctx, c, start.Add(d), call) })
		}
		wg.Wait()
		took := time.Since(start)
		sum := 0
		for _, n := range calls {
			sum += n
		}
		return sum, took, errors.Join(errs...)
	}}
}

func repeat(ctx context.Context, c *client, end time.Time, call func(context.Context, *client) error) (calls int, err error) {
	for began := time.Now(); began.Before(end); {
		err := call(ctx, c)
		if errors.Is(err, errDry) {
			return calls, nil
		}
		if err != nil {
			return calls, err
		}
		now := time.Now()
		c.latencies.add(now.Sub(began))
		calls++
		began = now
	}
	return calls, nil
}

// runner gathers what one side does over many slices.
type runner struct {
	side
	crew  []*client
	calls int
	took  time.Duration
}

func newRunner(s side, clients int) *runner {
	r := &runner{side: s}
	for i := range clients {
		r.crew = append(r.crew, &client{rng: rand.New(rand.NewPCG(20_260_501, uint64(i)))}) //nolint:gosec // not a secret, and not negative
	}
	return r
}

// run does one slice and returns how often a second the operation was done in it.
func (r *runner) run(ctx context.Context, d time.Duration) (perSecond float64, err error) {
	if r.refill != nil {
		if err := r.refill(ctx, len(r.crew), d); err != nil {
			return 0, fmt.Errorf("prepare a slice: %w", err)
		}
	}
	runtime.GC() // nobody pays for the other side's garbage
	calls, took, err := r.slice(ctx, r.crew, d)
	if err != nil {
		return 0, err
	}
	if calls == 0 || took <= 0 {
		return 0, errors.New("a slice in which nothing was done")
	}
	r.calls += calls
	r.took += took
	return float64(calls) / took.Seconds(), nil
}

func (r *runner) reset() {
	r.calls, r.took = 0, 0
	for _, c := range r.crew {
		c.latencies = histogram{}
	}
}

func (r *runner) figures() Figures {
	var all histogram
	for _, c := range r.crew {
		all.merge(&c.latencies)
	}
	return Figures{
		PerSecond: float64(r.calls) / r.took.Seconds(),
		P50:       micros(all.quantile(0.5)), P99: micros(all.quantile(0.99)), Calls: r.calls,
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// measure alternates slices of both sides for about duration each, so that whatever else the machine does hits both.
func measure(ctx context.Context, ours, bare *runner, duration, slice time.Duration) (ratio float64, err error) {
	pairs := max(2, int((duration+slice/2)/slice))
	ratios := make([]float64, 0, pairs)
	for pair := -1; pair < pairs; pair++ { // the first one warms up
		if pair == 0 {
			ours.reset()
			bare.reset()
		}
		var speeds [2]float64
		for turn := range 2 {
			who := (pair + turn) & 1 // who begins changes from pair to pair
			if speeds[who], err = []*runner{ours, bare}[who].run(ctx, slice); err != nil {
				return 0, fmt.Errorf("%s side: %w", []string{"our", "the bare"}[who], err)
			}
		}
		if pair >= 0 {
			ratios = append(ratios, speeds[0]/speeds[1])
		}
	}
	return median(ratios), nil
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}
