// Package orchestrator executes tasks: a [Leader] holds the one lease, a [Dispatcher] claims queued tasks under it, runs an action for each and
// records how it went. A program that brings provisioning actions of its own imports this package and registers them; examples/provisioner is one.
//
// Leadership is a context. [Leader.Run] hands its lead function a context that ends at the latest a margin before the lease could be given to
// somebody else, measured on the local monotonic clock from the moment the last successful renewal began.
//
// What is not promised:
//
//   - That two leads never overlap in time. A process that was paused, or an action that does not heed its context, may still be at work when
//     the next leader begins. The store refuses every write made under an older term, so the records stay right; nothing refuses the
//     effects. Outside the database an action happens at least once, and hands its term on to whatever it drives ([Run.Term]).
//   - That an action runs only once. If its process dies, a repeatable action is queued again and repeats from the beginning, with the same
//     subtasks; another action ends as a failure that says so. Messages and build data of a repeated action may be there twice.
//   - That an action can be stopped. Go has no way to stop a goroutine: an action that ignores its context is abandoned. Its task ends, but it
//     keeps its slot until it returns, because the limit of actions at work is a promise to the hardware.
package orchestrator
