// Package storetest gives every test a store of its own on each of the two databases that the store knows: SQLite in a temporary folder, and
// PostgreSQL in a database that is cloned from a migrated template and dropped at the end of the test. All of them can run in parallel.
//
// The PostgreSQL server is the one that the environment variable DRYDOCK_TEST_POSTGRES names (the URL of a maintenance database, of a role that
// may create databases). Without it the test process starts one of its own from the server binaries that are installed, on first use, reachable
// by a unix socket in a private folder only. A small guard process stops that server and removes its folder when the test process ends, however
// it ends; [Main] does the same in order. A server cannot run as root: under root it runs as the user postgres, or else nobody.
//
// The server is made unlike a developer's machine on purpose: its time zone is far from UTC and its collation is a linguistic one, so that a
// statement that leans on either is found out.
//
// No server and no binaries is a failure, not a skip: a suite that is silently smaller than it looks protects nobody.
package storetest
