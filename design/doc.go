// Package design turns a design reference into a site: a [Resolver] gets the bytes behind the reference, an [Ingester] reads the documents in
// them, and a [Loader] does both.
//
// Fetchers get the bytes, one for each scheme; a [Policy] says which hosts they may ask, and folders which files they may read.
//
// An error of this package means that we could not look; a finding means that we looked and the design is wrong. No error and no finding
// carries a secret of the reference (user, password, values of the query).
package design
