package design

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps values that cost at most limit together; the least recently used ones go first. A nil cache keeps nothing.
type cache[K comparable, V any] struct {
	limit int64
	mu    sync.Mutex
	cost  int64
	order *list.List // of slot, the most recently used one in front
	byKey map[K]*list.Element
}

type slot[K comparable, V any] struct {
	key   K
	value V
	cost  int64
}

// newCache returns a cache, nil if limit is not above zero.
func newCache[K comparable, V any](limit int64) *cache[K, V] {
	if limit <= 0 {
		return nil
	}
	return &cache[K, V]{limit: limit, order: list.New(), byKey: map[K]*list.Element{}}
}

// get returns the value of key, the zero value if there is none.
func (c *cache[K, V]) get(key K) (v V) {
	if c == nil {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.byKey[key]
	if at == nil {
		return v
	}
	c.order.MoveToFront(at)
	return at.Value.(slot[K, V]).value
}

// put keeps v in place of what was kept for key. What costs more than the limit is not kept, and lets the others stay.
func (c *cache[K, V]) put(key K, v V, cost int64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(c.byKey[key])
	if cost > c.limit {
		return
	}
	c.byKey[key] = c.order.PushFront(slot[K, V]{key, v, cost})
	c.cost += cost
	for c.cost > c.limit {
		c.remove(c.order.Back())
	}
}

// drop forgets what is kept for key.
func (c *cache[K, V]) drop(key K) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(c.byKey[key])
}

func (c *cache[K, V]) remove(at *list.Element) {
	if at == nil {
		return
	}
	s := c.order.Remove(at).(slot[K, V])
	delete(c.byKey, s.key)
	c.cost -= s.cost
}

// cached is an answer that is kept. It is never changed; a confirmed one is replaced. Failures are not kept.
type cached struct {
	body      []byte
	room      int    // bytes that body holds on to; at least its length
	digest    string // of body, so that it is not computed again
	etag      string
	modified  string
	immutable bool
	fetched   time.Time // when the source gave it or last said that it is unchanged
}

// slotBytes is added to the cost of each entry, so that the bound also holds for many small ones.
const slotBytes = 512

func (c *cached) cost() int64 { return slotBytes + int64(c.room+len(c.etag)+len(c.modified)) }
