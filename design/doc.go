// Package design turns a design reference into a site: a [Resolver] gets the documents, an [Ingester] reads them, and a [Loader] does both.
//
// An error of this package means that we could not look; a finding means that we looked and the design is wrong.
package design
