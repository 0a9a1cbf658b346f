// Package drydock is the vocabulary of the Drydock state service: what a task, a message, a lease and a record of build data are, and which
// moves between states are legal. It holds types and pure functions only; nothing here does I/O.
//
// A design reference goes in, a checked site comes out. A [Task] records what was asked, its [Message]s what was found, [BuildData] what each
// node went through, and one [Lease] decides who may act. The rooms beside this package do one thing each with these words:
//
//	site          what a site is, and what can be found wrong with it
//	design        how a design reference becomes a checked site
//	store         the database: one SQL text, two dialects
//	orchestrator  the leader, the dispatcher and the actions
//	api           REST: routes, wire types, the Go client
//	cmd/drydock   the one binary, where the rooms meet
//
// Every error that leaves a room carries one of the kinds in error.go; test for them with errors.Is.
package drydock
