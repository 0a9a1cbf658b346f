package site

// Opt is a value that a document may leave out. The zero value is left out, which is not the same as empty: what is left out is inherited.
type Opt[T any] struct {
	V   T
	Set bool
}

// Some returns a value that is there.
func Some[T any](v T) Opt[T] { return Opt[T]{v, true} }

// Or returns o if it is there, otherwise other.
func (o Opt[T]) Or(other Opt[T]) Opt[T] {
	if o.Set {
		return o
	}
	return other
}

// Attr is one entry of a map of texts. Null tells an entry without a value from one with an empty value.
type Attr struct {
	Key, Value string
	Null       bool
}

// Attrs is a map of texts in the order of the document. Keys are unique.
type Attrs []Attr

// Get returns the value of key; a null is not there.
func (a Attrs) Get(key string) (string, bool) {
	for i := range a {
		if a[i].Key == key {
			return a[i].Value, !a[i].Null
		}
	}
	return "", false
}

// Has reports whether there is an entry for key, null or not.
func (a Attrs) Has(key string) bool {
	for i := range a {
		if a[i].Key == key {
			return true
		}
	}
	return false
}
