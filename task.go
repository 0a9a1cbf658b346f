package drydock

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TaskID is a UUID in canonical text, lower case with hyphens. The empty TaskID means none.
type TaskID string

// ParseTaskID reads a UUID in any case, with or without hyphens, and returns its canonical form, or ErrInvalid.
func ParseTaskID(s string) (TaskID, error) {
	digits := strings.ToLower(s)
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		digits = digits[:8] + digits[9:13] + digits[14:18] + digits[19:23] + digits[24:]
	}
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != 16 {
		return "", fmt.Errorf("%w: task id %.60q is not a UUID", ErrInvalid, s)
	}
	return TaskID(digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]), nil
}

// Action names what a task does. Any orchestrator may bring actions of its own; these are the ones that clients ask for.
type Action string

// The actions of upstream's API, and noop.
const (
	ActionNoop           Action = "noop"
	ActionValidateDesign Action = "validate_design"
	ActionVerifySite     Action = "verify_site"
	ActionPrepareSite    Action = "prepare_site"
	ActionVerifyNodes    Action = "verify_nodes"
	ActionPrepareNodes   Action = "prepare_nodes"
	ActionDeployNodes    Action = "deploy_nodes"
	ActionDestroyNodes   Action = "destroy_nodes"
	ActionRelabelNodes   Action = "relabel_nodes"
)

// TaskStatus is where a task is in its life. The literals are upstream's and go to the database and the wire as they are.
type TaskStatus string

// The states of a task.
const (
	StatusRequested   TaskStatus = "requested"
	StatusQueued      TaskStatus = "queued"
	StatusRunning     TaskStatus = "running"
	StatusTerminating TaskStatus = "terminating"
	StatusTerminated  TaskStatus = "terminated"
	StatusComplete    TaskStatus = "complete"
)

// TaskStatuses lists every state, in the order of a life.
var TaskStatuses = []TaskStatus{StatusRequested, StatusQueued, StatusRunning, StatusTerminating, StatusTerminated, StatusComplete}

// moves are the legal steps. Running goes back to queued only when a new leader takes over a repeatable task; complete goes back to queued only
// by RetryTask, which counts.
var moves = map[TaskStatus][]TaskStatus{
	StatusRequested:   {StatusQueued, StatusRunning, StatusTerminated},
	StatusQueued:      {StatusRunning, StatusTerminated},
	StatusRunning:     {StatusComplete, StatusTerminating, StatusTerminated, StatusQueued},
	StatusTerminating: {StatusTerminated},
}

// CanBecome reports whether a task may move from s to next. Staying is always legal; terminal states are final.
func (s TaskStatus) CanBecome(next TaskStatus) bool {
	return s == next || slices.Contains(moves[s], next)
}

// Terminal reports whether s is an end: complete or terminated.
func (s TaskStatus) Terminal() bool { return s == StatusComplete || s == StatusTerminated }

// Task is one unit of provisioning work, possibly part of a larger one.
type Task struct {
	ID         TaskID
	Parent     TaskID   // empty for a root
	Subtasks   []TaskID // direct children, in order of creation
	Action     Action
	DesignRef  string
	NodeFilter json.RawMessage // as the client sent it; nil means all nodes
	Status     TaskStatus
	Result     Result
	Retry      int   // how often the task was tried again after failures
	Attempt    int   // how often it was claimed
	Term       int64 // lease term under which it was last claimed; 0: never claimed by one of ours
	Version    int64 // grows with every change
	Created    time.Time
	CreatedBy  string
	Updated    time.Time // zero until the first change

	Terminate    bool      // somebody asked for the end of this task
	Terminated   time.Time // when it was asked
	TerminatedBy string

	Key string // idempotency key of its creation, or empty

	Resolution *Resolution // how its design was had; nil until it was
}

// NewTask asks for a task, and for its subtasks in the same stroke.
type NewTask struct {
	Action     Action
	DesignRef  string
	NodeFilter json.RawMessage
	CreatedBy  string
	Key        string // creation with a key that exists answers the task that has it, if it asks for the same
	Retry      int
	Subtasks   []NewTask
}

// TaskFinish is what an orchestrator reports when a task's action has ended.
type TaskFinish struct {
	ID       TaskID
	Attempt  int // of the run that ended, so that a late report cannot end a later attempt; 0: whichever is under way
	Result   Result
	Messages []Message // appended in the same transaction

	Resolution *Resolution // how its design was had; nil leaves what is on record
}

// TaskQuery selects tasks, newest first. Zero fields do not restrict.
type TaskQuery struct {
	Status    []TaskStatus
	Action    Action
	Result    ResultStatus
	Parent    TaskID
	Roots     bool // only tasks without a parent
	Node      string
	CreatedBy string
	Since     time.Time // created at or after
	Until     time.Time // created before
	After     string    // cursor of the previous page
	Limit     int       // 0: DefaultPage; above MaxPage: ErrInvalid
}

// TaskPage is one page of a list. Where Next is not empty there may be more, even if this page is short or empty: a page is bounded by the work
// that it takes to find it, not only by its length.
type TaskPage struct {
	Tasks []Task
	Next  string
}

// Queue counts the work at hand.
type Queue struct {
	Queued, Running, Terminating int
	ByAction                     map[Action]int // queued only
}

// Adoption is what a new leader did with the tasks that an older term had left running.
type Adoption struct {
	Requeued   []TaskID // repeatable: queued again
	Failed     []TaskID // complete, with a failure that says so
	Terminated []TaskID // termination had been asked for
}

// Limits of what one task may hold; beyond them a request is ErrInvalid, nothing is ever cut.
const (
	DefaultPage     = 100
	MaxPage         = 1000
	MaxName         = 255       // actions, users, keys, context types, generators, formats: bytes
	MaxNodeName     = 280       // bytes
	MaxContext      = 1024      // bytes, context of a message
	MaxDesignRef    = 8 << 10   // bytes
	MaxNodeFilter   = 1 << 20   // bytes of JSON
	MaxMessageText  = 64 << 10  // bytes, also of its extra members
	MaxMessageBatch = 10_000    // messages in one call
	MaxSubtasks     = 10_000    // tasks created in one call, the root included
	MaxDepth        = 64        // generations of subtasks that one call may create or a tree is followed to
	MaxTree         = 100_000   // tasks of one tree that one call returns
	MaxBuildData    = 16 << 20  // bytes of one element
	MaxDesign       = 16 << 20  // bytes of documents kept by the service, unless an option says otherwise
	MaxDesigns      = 256 << 20 // bytes of all of them together, likewise
)
