package memo

import (
	"math/rand/v2"
	"testing"
)

// TestCacheModel compares the cache with a slow one that is easy to see through.
func TestCacheModel(t *testing.T) {
	type item struct {
		key   int
		cost  int64
		value int
	}
	var model []item // the one used last in front
	find := func(key int) int {
		for i, m := range model {
			if m.key == key {
				return i
			}
		}
		return -1
	}
	c := NewCache[int, int](100)
	for step := range 20_000 {
		key, cost := rand.N(12), rand.N[int64](130)
		at := find(key)
		var old item
		if at >= 0 {
			old = model[at]
			model = append(model[:at:at], model[at+1:]...)
		}
		switch rand.N(5) {
		case 0:
			c.Drop(key)
		case 1, 2:
			c.Put(key, step, cost)
			if cost <= 100 {
				model = append([]item{{key, cost, step}}, model...)
			}
		default:
			if got := c.Get(key); got != old.value {
				t.Fatalf("Get(%d) = %d, want %d", key, got, old.value)
			}
			if at >= 0 {
				model = append([]item{old}, model...)
			}
		}
		var sum int64
		for i, m := range model {
			if sum += m.cost; sum > 100 {
				model, sum = model[:i], sum-m.cost
				break
			}
		}
		if c.Cost() != sum || c.order.Len() != len(model) || len(c.byKey) != len(model) {
			t.Fatalf("step %d: cost %d, %d kept; want %d, %d", step, c.cost, c.order.Len(), sum, len(model))
		}
	}
}
