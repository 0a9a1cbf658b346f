package drydock

import (
	"errors"
	"fmt"
)

// The kinds of error. Whoever notices a failure wraps the kind with what it knows (fmt.Errorf("%w: task %s", ErrNotFound, id)); callers add the
// verb that failed and test with errors.Is. An error without a kind is a defect of ours and is shown to users as "internal error" only.
var (
	// ErrNotFound says that the thing asked for does not exist. It is never used for "could not look".
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the request contradicts the present state: an illegal move between states, a lease held by another, a duplicate.
	ErrConflict = errors.New("conflict")
	// ErrInvalid says that the request itself is wrong and will be wrong again. Its text names the place and the remedy.
	ErrInvalid = errors.New("invalid")
	// ErrDenied says that policy forbids the request.
	ErrDenied = errors.New("denied")
	// ErrUnavailable says that the database or a remote service could not be reached or did not answer in time; the request is worth a retry.
	ErrUnavailable = errors.New("unavailable")
	// ErrLeaseLost says that the lease that a write was made under has ended. Nothing was written; the holder must stop.
	ErrLeaseLost = errors.New("lease lost")

	// ErrUnknown is an ErrUnavailable whose outcome is not known: the connection or the deadline ended while the write was being committed.
	// The write may be there or not. Repeating it is safe where the operation says so (creation with a key, updates checked by version).
	ErrUnknown = fmt.Errorf("%w: outcome unknown", ErrUnavailable)
)
