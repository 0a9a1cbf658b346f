// Package keystone gets tokens from an OpenStack Keystone and reads the catalogue that comes with them. A [Client] logs in once for all its
// callers and again before the token ends.
//
// No secret is in an error or in a log of this package, and [Options] can be printed.
package keystone
