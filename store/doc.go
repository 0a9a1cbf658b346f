// Package store is the database: tasks, their messages, build data, boot actions and the lease, on PostgreSQL and on an embedded SQLite file.
//
// There is one SQL text. What the two databases say differently is in dialect.go and its two neighbours; nothing else asks which one it is.
// Rules for the text: parameters are $1…$n; columns are listed; the words in braces ({clock}, {skip locked}, …) are replaced by the dialect.
//
// Every method takes a context, and every error carries a kind of package drydock: what does not exist is ErrNotFound, a database that could
// not be reached or did not answer is ErrUnavailable, and a write whose commit was not confirmed is ErrUnknown. Without a deadline of the caller,
// an operation is given DefaultTimeout. Time is the database's clock, in UTC; no instant of this process is stored.
//
// Fencing: the writes of an orchestrator carry its lease and are made only while that lease stands, checked in the statement or transaction that
// writes (Kleppmann, "How to do distributed locking", 2016: a token that the storage checks). On PostgreSQL the check locks the lease row FOR KEY
// SHARE, a change of holder locks it FOR UPDATE and a renewal is a plain update: writers and renewals do not wait for each other, a change of
// holder waits for the writes in flight, and a stale write finds no row.
//
// A Store is safe for concurrent use.
package store
