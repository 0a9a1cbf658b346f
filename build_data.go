package drydock

import "time"

// BuildData is one thing that was learnt about a node while it was built: the output of a generator such as lshw. It is only ever added, and
// outlives the task that collected it.
type BuildData struct {
	Node      string
	Task      TaskID
	Generator string
	Format    string    // media type of Data, such as text/xml
	Collected time.Time // zero when written: the database's clock
	Data      string
}

// BuildDataQuery selects build data, newest first. Zero fields do not restrict, but at least a node, a task or Latest must be given.
type BuildDataQuery struct {
	Nodes     []string
	Tasks     []TaskID
	Generator string
	Latest    bool   // only the newest of each generator for each node; not with Tasks
	After     string // cursor of the previous page
	Limit     int    // 0: DefaultPage; above MaxPage: ErrInvalid
}

// BuildDataPage is one page of build data. Where Next is not empty there may be more.
type BuildDataPage struct {
	Data []BuildData
	Next string
}
