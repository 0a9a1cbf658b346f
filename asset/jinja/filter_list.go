package jinja

import (
	"math"
	"slices"
	"strings"
)

// listFilterOf finds the filters that work on lists and numbers.
func listFilterOf(name string) filter {
	switch name {
	case "batch":
		return filterBatch
	case "list":
		return func(r *run, v any, _ *args) any {
			list := r.items(v)
			r.grow(16 * len(list))
			return append([]any{}, list...)
		}
	case "map":
		return filterMap
	case "max", "min":
		return func(r *run, v any, a *args) any { return filterExtreme(r, v, a, name == "max") }
	case "select", "reject":
		return func(r *run, v any, a *args) any { return filterSelect(r, v, a, name == "select", false) }
	case "selectattr", "rejectattr":
		return func(r *run, v any, a *args) any { return filterSelect(r, v, a, name == "selectattr", true) }
	case "reverse":
		return filterReverse
	case "round":
		return filterRound
	case "slice":
		return filterSlice
	case "sort":
		return filterSort
	case "sum":
		return filterSum
	case "unique":
		return filterUnique
	}
	return nil
}

// attributes takes a member out of each element; a name may have several parts with points between them.
func (r *run) attributes(list []any, name any) []any {
	r.grow(16 * len(list))
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, r.member(v, name))
	}
	return out
}

func (r *run) member(v, name any) any {
	path, ok := name.(string)
	if !ok {
		return r.item(v, name)
	}
	for part := range strings.SplitSeq(path, ".") {
		r.step(0)
		if n, ok := parseInt(part, 10); ok {
			v = r.item(v, n)
		} else {
			v = r.item(v, part)
		}
	}
	return v
}

func filterMap(r *run, v any, a *args) any {
	list := r.items(v)
	if name, ok := a.named["attribute"]; ok {
		delete(a.named, "attribute")
		otherwise, filled := a.named["default"]
		delete(a.named, "default")
		list = r.attributes(list, name)
		for i, v := range list {
			if _, missing := v.(undefined); missing && filled {
				list[i] = otherwise
			}
		}
		return list
	}
	name, ok := a.take("")
	text, isText := name.(string)
	if !ok || !isText {
		fail("map needs the name of a filter, or attribute=")
	}
	r.grow(16 * len(list))
	out := make([]any, 0, len(list))
	for _, v := range list {
		out = append(out, r.filter(text, v, a.copy()))
	}
	a.plain, a.named = nil, nil
	return out
}

// copy lets several take the same arguments.
func (a *args) copy() *args {
	c := &args{plain: slices.Clone(a.plain), named: map[string]any{}}
	for name, v := range a.named {
		c.named[name] = v
	}
	return c
}

func filterSelect(r *run, v any, a *args, keep, attribute bool) any {
	list := r.items(v)
	subjects := list
	if attribute {
		name, ok := a.take("attr")
		if !ok {
			fail("the name of an attribute is missing")
		}
		subjects = r.attributes(list, name)
	}
	test, named := a.take("test")
	name, isText := test.(string)
	if named && !isText {
		fail("the name of a test must be a str")
	}
	out := []any{}
	for i, v := range list {
		ok := truth(subjects[i])
		if named {
			ok = r.test(name, subjects[i], a.copy())
		}
		if ok == keep {
			r.grow(16)
			out = append(out, v)
		}
	}
	a.plain, a.named = nil, nil
	return out
}

func filterBatch(r *run, v any, a *args) any {
	size, fill := whole(a.or("linecount", 0), "the size"), a.or("fill_with", nil)
	if size < 1 {
		fail("a batch has a size of 1 or more")
	}
	list := r.items(v)
	r.grow(32 * len(list))
	out := []any{}
	for part := range slices.Chunk(list, size) {
		part = slices.Clone(part)
		if missing := size - len(part); fill != nil && missing > 0 {
			r.grow(r.product(16, missing))
			part = append(part, slices.Repeat([]any{fill}, missing)...)
		}
		out = append(out, part)
	}
	return out
}

// filterSlice divides a list into columns.
func filterSlice(r *run, v any, a *args) any {
	columns, fill := whole(a.or("slices", 0), "the number of slices"), a.or("fill_with", nil)
	if columns < 1 {
		fail("there must be 1 slice or more")
	}
	list := r.items(v)
	r.grow(r.product(64, columns))
	r.grow(32 * len(list))
	out := []any{}
	each, more := len(list)/columns, len(list)%columns
	for i, at := 0, 0; i < columns; i++ {
		n := each
		if i < more {
			n++
		}
		part := slices.Clone(list[at : at+n])
		at += n
		if fill != nil && i >= more && more > 0 {
			part = append(part, fill)
		}
		out = append(out, append([]any{}, part...))
	}
	return out
}

// folded is what values are ordered and compared by when case does not matter.
func (r *run) folded(v any, strict bool) any {
	if s, ok := v.(string); ok && !strict {
		r.grow(len(s))
		return strings.ToLower(s)
	}
	return v
}

type sortable struct{ key, value any }

// sortables pairs values with what they are sorted by.
func (r *run) sortables(list []any, strict bool, attribute any) []sortable {
	keys := list
	if attribute != nil {
		keys = r.attributes(list, attribute)
	}
	r.grow(48 * len(list))
	out := make([]sortable, len(list))
	for i := range list {
		out[i] = sortable{r.folded(keys[i], strict), list[i]}
	}
	return out
}

func filterSort(r *run, v any, a *args) any {
	reverse, strict, attribute := truth(a.or("reverse", false)), truth(a.or("case_sensitive", false)), a.or("attribute", nil)
	return r.sorted(r.sortables(r.items(v), strict, attribute), reverse)
}

func (r *run) sorted(list []sortable, reverse bool) []any {
	slices.SortStableFunc(list, func(a, b sortable) int {
		if reverse {
			a, b = b, a
		}
		switch {
		case r.less(a.key, b.key):
			return -1
		case r.less(b.key, a.key):
			return 1
		}
		return 0
	})
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i].value
	}
	return out
}

func filterDictsort(r *run, v any, a *args) any {
	strict, by, reverse := truth(a.or("case_sensitive", false)), a.or("by", "key"), truth(a.or("reverse", false))
	pairs, _ := r.pairs(v).([]any)
	which := map[any]int{"key": 0, "value": 1}
	at, ok := which[hashable(by)]
	if !ok {
		fail("dictsort sorts by key or by value")
	}
	return r.sorted(r.sortables(pairs, strict, at), reverse)
}

func filterUnique(r *run, v any, a *args) any {
	strict, attribute := truth(a.or("case_sensitive", false)), a.or("attribute", nil)
	seen := map[any]bool{}
	out := []any{}
	for _, one := range r.sortables(r.items(v), strict, attribute) {
		if key := hashable(one.key); !seen[key] {
			r.grow(64)
			seen[key] = true
			out = append(out, one.value)
		}
	}
	return out
}

func filterExtreme(r *run, v any, a *args, greatest bool) any {
	strict, attribute := truth(a.or("case_sensitive", false)), a.or("attribute", nil)
	list := r.sortables(r.items(v), strict, attribute)
	if len(list) == 0 {
		return undefined{"there is no element"}
	}
	best := list[0]
	for _, one := range list[1:] {
		if greatest && r.less(best.key, one.key) || !greatest && r.less(one.key, best.key) {
			best = one
		}
	}
	return best.value
}

func filterReverse(r *run, v any, _ *args) any {
	list := slices.Clone(r.items(v))
	r.grow(16 * len(list))
	slices.Reverse(list)
	if _, ok := v.(string); ok {
		return r.join(list, "")
	}
	return append([]any{}, list...)
}

func filterSum(r *run, v any, a *args) any {
	attribute, sum := a.or("attribute", nil), a.or("start", 0)
	list := r.items(v)
	if attribute != nil {
		list = r.attributes(list, attribute)
	}
	for _, v := range list {
		sum = r.plus(sum, v)
	}
	return sum
}

func filterRound(_ *run, v any, a *args) any {
	precision, method := whole(a.or("precision", 0), "the precision"), a.or("method", "common")
	f, _, _, ok := numeric(v)
	if !ok {
		fail("%s cannot be rounded%s", kind(v), because(v))
	}
	scale := math.Pow(10, float64(min(max(precision, -300), 300)))
	how := map[any]func(float64) float64{"common": math.RoundToEven, "ceil": math.Ceil, "floor": math.Floor}[hashable(method)]
	if how == nil {
		fail("numbers are rounded by common, ceil or floor")
	}
	if rounded := how(f*scale) / scale; !math.IsInf(rounded, 0) && !math.IsNaN(rounded) {
		return rounded
	}
	return f
}
