// Package crash holds no code: its tests try what is promised about crashes on real processes. They kill, stop and starve the drydock binary and
// the PostgreSQL server below it while clients are at work, and compare what the clients were told with what is there in the end.
//
// DRYDOCK_CRASH_ROUNDS says how often each test repeats what it does; the default is 3.
package crash
