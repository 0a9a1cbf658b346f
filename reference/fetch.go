package reference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"drydock"
	"drydock/memo"
)

// outcome is what came of asking for a reference, or how far that is: then err is why the last try failed.
type outcome struct {
	entry  *cached // nil if err is not
	origin drydock.Origin
	tries  int
	err    error // as the fetcher gave it, with secrets
}

// resolution is what one of the callers is told, who asked at began.
func (o *outcome) resolution(ref *reference, began time.Time) drydock.Resolution {
	now := time.Now()
	return drydock.Resolution{
		Ref: ref.where, Digest: o.entry.digest, Size: int64(len(o.entry.body)), ETag: o.entry.etag, Origin: o.origin,
		Resolved: now, Fetched: o.entry.fetched, Attempts: o.tries, Took: now.Sub(began),
	}
}

// fly asks for ref on behalf of all who wait for it, and keeps what comes.
func (r *Resolver) fly(ctx context.Context, f *memo.Flight[outcome], ref *reference) (got outcome) {
	defer func() {
		if p := recover(); p != nil { // the callers' own goroutines would have had somebody to catch it
			said := ref.scrubbed(fmt.Errorf("%v", p))
			r.o.Logger.ErrorContext(ctx, "fetching a design panicked", "ref", ref.where, "panic", said, "stack", string(debug.Stack()))
			got = outcome{tries: got.tries, err: errors.New("fetching it failed because of a defect of this program; its log has the details")}
		}
	}()
	began := time.Now()
	kept := r.cache.Get(ref.key)
	if r.serves(kept, ref, began) { // it came while we went
		return outcome{entry: kept, origin: drydock.OriginCache}
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.Deadline)
	defer cancel()
	got = r.try(ctx, f, ref, kept)
	switch passing := errors.Is(got.err, drydock.ErrUnavailable); {
	case got.err == nil:
		r.keep(ref, got.entry)
	case errors.Is(ctx.Err(), context.Canceled): // nobody is there any more to hear it
	case passing && kept != nil && time.Since(kept.fetched) < r.o.Stale:
		r.o.Logger.WarnContext(ctx, "get design: its source is unavailable, the copy at hand serves", "ref", ref.where, "error", ref.scrubbed(got.err))
		got.entry, got.origin, got.err = kept, drydock.OriginStale, nil
	case !passing: // the source has said no: what it once gave is not good any more
		r.cache.Drop(ref.key)
	}
	if got.err == nil {
		r.log(ctx, got.resolution(ref, began))
	}
	return got
}

// keep puts an answer into the cache if it can serve again: without being asked for, to be confirmed, or when its source is unavailable.
func (r *Resolver) keep(ref *reference, e *cached) {
	if e.immutable || e.etag != "" || e.modified != "" || r.o.Stale > 0 {
		r.cache.Put(ref.key, e, e.cost())
		return
	}
	r.cache.Drop(ref.key)
}

// try fetches until there is an answer, or no sense in going on.
func (r *Resolver) try(ctx context.Context, f *memo.Flight[outcome], ref *reference, kept *cached) outcome {
	var got outcome
	for {
		probe, refused := r.breakers.enter(ref.host)
		if refused != nil {
			if got.err == nil { // else the last failure says more
				got.err = refused
			}
			return got
		}
		got.tries++
		q := Request{URL: new(*ref.url), Scheme: ref.url.Scheme}
		if kept != nil {
			q.ETag, q.Modified = kept.etag, kept.modified
		}
		answer, err := r.ask(ctx, ref, q, probe)
		if err == nil {
			got.entry, got.origin, got.err = r.accept(ref, answer, kept)
			return got
		}
		got.err = err
		pause, end := r.pauseAfter(ctx, f, ref, got)
		if end != nil {
			got.err = end
			return got
		}
		f.Report(got)
		step := stepOf(err)
		r.o.Logger.WarnContext(ctx, "get design: will try again", "ref", ref.where, "step", step, "try", got.tries, "pause", pause, "error", ref.scrubbed(err))
		if sleep(ctx, pause) != nil {
			got.err = r.ended(ctx, err)
			return got
		}
	}
}

// ask has the fetcher try once and tells the breaker how that went, even if it panics.
func (r *Resolver) ask(ctx context.Context, ref *reference, q Request, probe bool) (answer Answer, err error) {
	said, step := saysNothing, StepRead
	defer func() { r.breakers.leave(ref.host, probe, said, step) }()
	answer, err = ref.fetcher.Fetch(ctx, q)
	said = judge(err, errors.Is(ctx.Err(), context.Canceled))
	if err != nil {
		step = stepOf(err)
	}
	return answer, err
}

// accept makes an entry of an answer, if it is one that the reference allows.
func (r *Resolver) accept(ref *reference, a Answer, kept *cached) (*cached, drydock.Origin, error) {
	now := time.Now()
	if a.NotModified {
		if kept == nil {
			return nil, "", stepError(StepStatus, drydock.ErrInvalid, "", "the source says that nothing has changed, but was not asked about a copy")
		}
		confirmed := *kept
		confirmed.fetched = now
		if a.ETag != "" {
			confirmed.etag = a.ETag
		}
		return &confirmed, drydock.OriginConfirmed, nil
	}
	if size := int64(len(a.Body)); size > r.o.MaxBytes {
		return nil, "", stepError(StepSize, drydock.ErrInvalid, "", "it has %d bytes, more than the %d allowed", size, r.o.MaxBytes)
	}
	sum := sha256.Sum256(a.Body)
	digest := hex.EncodeToString(sum[:])
	if ref.pin != "" && digest != ref.pin {
		return nil, "", stepError(StepDigest, drydock.ErrInvalid, "if the change is meant, pin the new digest",
			"the reference is pinned to the sha256 %s, but what came has %s (%d bytes)", ref.pin, digest, len(a.Body))
	}
	body := a.Body[:len(a.Body):len(a.Body)] // appending to it must not write into what others read
	if body == nil {
		body = []byte{}
	}
	return &cached{
		body: body, room: cap(a.Body), digest: digest, etag: a.ETag, modified: a.Modified, immutable: a.Immutable || ref.pin != "", fetched: now,
	}, drydock.OriginSource, nil
}

// pauseAfter returns how long to wait before the next try, or the error to end with if there shall be none.
func (r *Resolver) pauseAfter(ctx context.Context, f *memo.Flight[outcome], ref *reference, got outcome) (time.Duration, error) {
	switch {
	case ctx.Err() != nil && mayPass(got.err):
		return 0, r.ended(ctx, got.err)
	case got.tries >= r.o.Tries || !worthAnother(got.err):
		return 0, got.err
	}
	pause := r.pause(got.tries, got.err)
	now := time.Now()
	if r.breakers.opensAfter(ref.host).After(now.Add(pause)) {
		return 0, got.err
	}
	end, _ := ctx.Deadline()
	if all, bounded := f.Until(); bounded && all.Before(end) { // nobody will be there any more to hear it
		end = all
	}
	if left := end.Sub(now); left <= pause {
		why := fmt.Sprintf("not within %v", round(r.o.Deadline))
		if wish := wishOf(got.err); wish >= left {
			why = fmt.Sprintf("the server asks to be left alone for %v, and only %v are left", round(wish), round(left))
		}
		return 0, fmt.Errorf("%w: %s: %w", drydock.ErrUnavailable, why, got.err)
	}
	return pause, nil
}

// ended says that the deadline of all tries was the end, or that the last waiter left.
func (r *Resolver) ended(ctx context.Context, last error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: not within %v: %w", drydock.ErrUnavailable, r.o.Deadline, last)
	}
	return stopped(ctx.Err(), last)
}

// stopped is the error of a caller who did not wait for the end. Last is why the try before failed, or nil.
func stopped(cause, last error) error {
	if last == nil {
		return fmt.Errorf("%w: stopped (%w)", drydock.ErrUnavailable, cause)
	}
	return fmt.Errorf("%w: stopped (%w): %w", drydock.ErrUnavailable, cause, last)
}

func worthAnother(err error) bool {
	var f interface{ Final() bool }
	if errors.As(err, &f) && f.Final() {
		return false
	}
	return mayPass(err)
}

// mayPass includes the deadline that a fetcher set for itself, and the cancellation that it saw of its context.
func mayPass(err error) bool {
	return errors.Is(err, drydock.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// wishOf returns how long the server wants to be left alone; 0 if it did not say.
func wishOf(err error) time.Duration {
	var a interface{ RetryAfter() time.Duration }
	if errors.As(err, &a) {
		return a.RetryAfter()
	}
	return 0
}

// pause is random between zero and a bound that doubles with each try ("full jitter"), so that callers that failed together do not come back
// together. A server's own wish is a lower bound.
func (r *Resolver) pause(try int, err error) time.Duration {
	bound := r.o.Wait
	for i := 1; i < try && bound < r.o.MaxWait; i++ {
		bound *= 2
	}
	return max(rand.N(min(bound, r.o.MaxWait)+1), wishOf(err))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
