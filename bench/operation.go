package bench

import "context"

// operation is one row of the report.
type operation struct {
	name     string
	postgres Target // the zero target: none
	slices   int    // how many times longer than usual its slices are; 0: not longer
	prepare  func(ctx context.Context, l *lab) (ours, bare side, err error)
}

// What is asked of the operations: of those that are one statement nearly its speed; of reads, which make tasks of rows, half of it; of a batch
// half of COPY. On SQLite, where the statements themselves cost more, nearly the speed of the bare ones throughout.
var (
	singleStatement = Target{Ratio: 0.9}
	taskRead        = Target{Ratio: 0.5}
	batchOfCopy     = Target{Ratio: 0.5}
	dispatched      = Target{PerSecond: 12_000}
	onSQLite        = Target{Ratio: 0.9}
)

// operations are measured in this order.
var operations = []operation{
	{"create", singleStatement, 0, prepareCreate},
	{"claim-run-finish", dispatched, 2, prepareDispatch},
	{"append", singleStatement, 0, prepareAppend},
	{"append-1000", batchOfCopy, 0, prepareAppendMany},
	{"get-task", taskRead, 0, prepareGet},
	{"page-100", taskRead, 0, preparePage},
	{"subtree-2000", taskRead, 0, prepareSubtree},
	{"subtasks-1000", Target{}, 0, prepareSubtasks},
	{"build-data-latest", singleStatement, 0, prepareBuildData},
	{"lease-renewal", singleStatement, 0, prepareRenewal},
}

// Names lists the operations.
func Names() []string {
	names := make([]string, len(operations))
	for i := range operations {
		names[i] = operations[i].name
	}
	return names
}

// target is a copy of what is asked of the operation, or nil.
func (op *operation) target(postgres bool) *Target {
	t := onSQLite
	if postgres {
		t = op.postgres
	}
	if t == (Target{}) {
		return nil
	}
	return &t
}
