package design

// Fresh returns a resolver for the same references within the same bounds that keeps no copies: for what must be of now, such as the script by which
// a node joins a cluster.
func (r *Resolver) Fresh() *Resolver {
	o := r.o
	o.CacheBytes, o.Stale = -1, 0
	return NewResolver(r.fetchers, o)
}

// Fresh is [Resolver.Fresh] of the resolver that designs are got with.
func (l *Loader) Fresh() *Resolver { return l.resolver.Fresh() }
