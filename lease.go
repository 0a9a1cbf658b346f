package drydock

import "time"

// Lease is the right to execute tasks, held by at most one orchestrator at a time. Term grows with every change of holder and is carried by
// every write of an orchestrator: the store refuses writes under a term that has ended (fencing). The zero Lease is nobody's.
//
// The lease fences records, not hardware: effects outside the database are at-least-once, and actions hand the term on to what they drive.
type Lease struct {
	Holder   string    // UUID of the orchestrator instance, new at every process start
	Name     string    // for people: host and process
	Term     int64     // grows with every change of holder, never repeats
	Acquired time.Time // database clock, UTC
	Expires  time.Time // database clock, UTC
}

// LeaseTerm is one line of the history of leaders, newest first when listed.
type LeaseTerm struct {
	Term    int64
	Holder  string
	Name    string
	Started time.Time
	Ended   time.Time // zero while the term lasts
	Reason  string    // why it ended: "released", "expired", ...; empty while it lasts
}
