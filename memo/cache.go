package memo

import (
	"container/list"
	"sync"
)

// Cache keeps values that cost at most limit together; the least recently used ones go first. A nil Cache keeps nothing.
type Cache[K comparable, V any] struct {
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

// NewCache returns a cache, nil if limit is not above zero.
func NewCache[K comparable, V any](limit int64) *Cache[K, V] {
	if limit <= 0 {
		return nil
	}
	return &Cache[K, V]{limit: limit, order: list.New(), byKey: map[K]*list.Element{}}
}

// Get returns the value of key, the zero value if there is none.
func (c *Cache[K, V]) Get(key K) (v V) {
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

// Put keeps v in place of what was kept for key. What costs more than the limit is not kept, and lets the others stay.
func (c *Cache[K, V]) Put(key K, v V, cost int64) {
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

// Cost returns what all that is kept costs together.
func (c *Cache[K, V]) Cost() int64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cost
}

// Drop forgets what is kept for key.
func (c *Cache[K, V]) Drop(key K) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(c.byKey[key])
}

func (c *Cache[K, V]) remove(at *list.Element) {
	if at == nil {
		return
	}
	s := c.order.Remove(at).(slot[K, V])
	delete(c.byKey, s.key)
	c.cost -= s.cost
}

// EntryBytes is what a value costs its Cache beside its own bytes; those who count add it, so that the bound also holds for many small ones.
const EntryBytes = 512
