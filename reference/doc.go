// Package reference gets what is behind a design reference: a [Resolver] holds it against its pin, its copies and the health of its host, and asks
// the [Fetcher] of its scheme. A [Policy] says which hosts may be asked, and folders which files may be read. A [Vault] seals the secrets of
// references on their way into a database.
//
// No error carries a secret of the reference (user, password, signatures).
package reference
