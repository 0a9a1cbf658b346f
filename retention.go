package drydock

import "time"

// Retention says what old history to delete.
type Retention struct {
	TasksOlderThan     time.Duration // whole trees of ended tasks whose root was created longer ago than this, and designs kept for no task; 0: none
	BuildDataOlderThan time.Duration // build data collected longer ago than this; 0: none
	BuildDataKeep      int           // but never the newest so many of each node and generator
	DryRun             bool          // count only, change nothing
}

// Purged counts what a retention run deleted, or would delete.
type Purged struct {
	Trees, Tasks, Messages, BootActions, BuildData int64
	Designs                                        int64 // kept documents that no task refers to; a dry run counts those that none refers to now
	Live                                           int64 // old trees that were kept because something in them has not ended
}
