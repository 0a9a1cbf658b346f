package api

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"drydock"
	"drydock/site"
)

// Tasks is what the interface needs of the store to read, create and end tasks.
type Tasks interface {
	CreateTask(ctx context.Context, n drydock.NewTask) (t drydock.Task, created bool, err error)
	Task(ctx context.Context, id drydock.TaskID) (drydock.Task, error)
	Tasks(ctx context.Context, q drydock.TaskQuery) (drydock.TaskPage, error)
	Subtree(ctx context.Context, id drydock.TaskID, depth int) ([]drydock.Task, error)
	TerminateTask(ctx context.Context, id drydock.TaskID, by string) (changed []drydock.TaskID, err error)
	Queue(ctx context.Context) (drydock.Queue, error)
	Purge(ctx context.Context, r drydock.Retention) (drydock.Purged, error)
}

// Messages reads what tasks have reported.
type Messages interface {
	Messages(ctx context.Context, id drydock.TaskID, after int64, limit int) ([]drydock.Message, error)
	MessagesByTask(ctx context.Context, ids []drydock.TaskID) (map[drydock.TaskID][]drydock.Message, error)
	ErrorCounts(ctx context.Context, ids []drydock.TaskID) (map[drydock.TaskID]int, error)
}

// BuildHistory reads what was learnt about nodes.
type BuildHistory interface {
	BuildData(ctx context.Context, q drydock.BuildDataQuery) (drydock.BuildDataPage, error)
}

// Leases says who leads and who did.
type Leases interface {
	CurrentLease(ctx context.Context) (drydock.Lease, error)
	LeaseHistory(ctx context.Context, limit int) ([]drydock.LeaseTerm, error)
}

// Pinger says whether the database answers, and which kind it is.
type Pinger interface {
	Ping(ctx context.Context) error
	Dialect() string
}

// Bells rings when something of a topic may have changed; the topic of a task is its id.
type Bells interface {
	Listen(topic string) (bell <-chan struct{}, stop func())
}

// Sites finds and checks designs. An error means that it could not look, a finding that it looked and the design is wrong.
type Sites interface {
	Load(ctx context.Context, ref string) (site.Report, error)
}

// Refs knows design references: their form, and what in them is secret.
type Refs interface {
	Check(ref string) error          // ErrInvalid: no reference that could be resolved
	Seal(ref string) (string, error) // what to keep of it
	Redact(ref string) string        // what to show of it, sealed or not
}

// Designs keeps documents.
type Designs interface {
	AddDesign(ctx context.Context, body []byte) (d drydock.StoredDesign, created bool, err error)
	Design(ctx context.Context, digest string) ([]byte, error)
}

// Deps is what the handlers work with; one *store.Store fits every field but Sites, Refs and Assets. None may be nil.
type Deps struct {
	Tasks        Tasks
	Messages     Messages
	BuildHistory BuildHistory
	Leases       Leases
	Pinger       Pinger
	Bells        Bells
	Sites        Sites
	Refs         Refs
	Designs      Designs
	BootActions  BootActions
	Assets       Assets
}

// Options tune the interface. Zero values are the defaults.
type Options struct {
	Logger       *slog.Logger    // nil: nothing is logged
	MaxBody      int64           // bytes of a request body; 0: 4 MiB
	MaxDesign    int64           // bytes of documents that are brought; 0: drydock.MaxDesign
	Base         context.Context // its end closes the event streams, so that a server can shut down; nil: never
	LoopbackOnly bool            // refuse requests whose Host is not this machine (protection against DNS rebinding)
	Poll         time.Duration   // how often an event stream looks without having been woken; 0: 2 s
	Heartbeat    time.Duration   // how often a silent event stream sends a comment; 0: 15 s
	Designs      int             // requests for validatedesign and nodefilter that are worked on at the same time; 0: 100
	Stall        time.Duration   // how long one write to an event stream may take before the reader is given up; 0: 30 s
}

// The policy rules, by upstream's names; terminate_task is ours. They are not enforced yet.
const (
	policyNone          = ""
	policyHealth        = "physical_provisioner:health_data"
	policyReadTask      = "physical_provisioner:read_task"
	policyCreateTask    = "physical_provisioner:create_task" // and the rule named after the action
	policyDeleteTasks   = "physical_provisioner:delete_tasks"
	policyTerminateTask = "physical_provisioner:terminate_task"
	policyReadBuildData = "physical_provisioner:read_build_data"
	policyReadData      = "physical_provisioner:read_data"
	policyIngestData    = "physical_provisioner:ingest_data"
	policyValidate      = "physical_provisioner:validate_site_design"
)

// prefix is where version 1.0 of the interface lives.
const prefix = "/api/v1.0"

// route is one operation. HEAD follows GET and OPTIONS is answered for every pattern, so neither is listed.
type route struct {
	method, pattern, policy string
	handle                  func(w http.ResponseWriter, r *http.Request) error
}

// routes is the table of operations.
func (s *server) routes() []route {
	return []route{
		{"GET", "/versions", policyNone, s.versions},
		{"GET", prefix + "/openapi.yaml", policyNone, s.openAPI},
		{"GET", prefix + "/health", policyNone, s.health},
		{"GET", prefix + "/health/extended", policyHealth, s.healthExtended},
		{"GET", prefix + "/status", policyHealth, s.status},
		{"GET", prefix + "/tasks", policyReadTask, s.listTasks},
		{"POST", prefix + "/tasks", policyCreateTask, s.createTask},
		{"DELETE", prefix + "/tasks", policyDeleteTasks, s.purgeTasks},
		{"GET", prefix + "/tasks/{id}", policyReadTask, s.getTask},
		{"POST", prefix + "/tasks/{id}/terminate", policyTerminateTask, s.terminateTask},
		{"GET", prefix + "/tasks/{id}/messages", policyReadTask, s.listMessages},
		{"GET", prefix + "/tasks/{id}/follow", policyReadTask, s.follow},
		{"GET", prefix + "/tasks/{id}/builddata", policyReadBuildData, s.taskBuildData},
		{"GET", prefix + "/nodes/{name}/builddata", policyReadBuildData, s.nodeBuildData},
		{"POST", prefix + "/designs", policyIngestData, s.addDesign},
		{"GET", prefix + "/designs/{digest}", policyReadData, s.getDesign},
		{"POST", prefix + "/nodefilter", policyReadData, s.selectNodes},
		{"POST", prefix + "/validatedesign", policyValidate, s.validateDesign},
		{"GET", prefix + "/nodes/{name}/bootactions", policyReadBuildData, s.nodeBootActions},
		{"GET", prefix + "/bootactions/nodes/{name}/units", policyNone, s.bootUnits}, // these three ask for the key of the deployment
		{"GET", prefix + "/bootactions/nodes/{name}/files", policyNone, s.bootFiles},
		{"POST", prefix + "/bootactions/{id}", policyNone, s.reportBootAction},
	}
}

// server holds what the handlers share.
type server struct {
	deps    Deps
	options Options
	log     *slog.Logger
	designs *gate // what work on designs waits at
}

// New returns the handler of the whole interface, safe for concurrent use. Paths that it does not know are answered 404 in its own form.
func New(d Deps, o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Base == nil {
		o.Base = context.Background()
	}
	o.MaxBody = orDefault(o.MaxBody, 4<<20)
	o.MaxDesign = orDefault(o.MaxDesign, drydock.MaxDesign)
	o.Poll = orDefault(o.Poll, 2*time.Second)
	o.Heartbeat = orDefault(o.Heartbeat, 15*time.Second)
	o.Stall = orDefault(o.Stall, 30*time.Second)
	if o.Designs <= 0 {
		o.Designs = designsAtOnce
	}
	s := &server{deps: d, options: o, log: o.Logger, designs: newGate(o.Designs, designsWaiting, designPatience)}

	operations := map[string]map[string]route{}
	for _, rt := range s.routes() {
		if operations[rt.pattern] == nil {
			operations[rt.pattern] = map[string]route{}
		}
		operations[rt.pattern][rt.method] = rt
	}
	mux := http.NewServeMux()
	for pattern, methods := range operations {
		mux.Handle(pattern, s.dispatch(methods))
	}
	mux.Handle("/", s.handler(func(_ http.ResponseWriter, r *http.Request) error {
		return refuse(http.StatusNotFound, "There is nothing at %.200s", r.URL.Path)
	}))
	return s.middleware(mux)
}

// dispatch chooses the operation of one path by method. The multiplexer could, but its 405 has a body of another form and OPTIONS none at all.
func (s *server) dispatch(methods map[string]route) http.Handler {
	allow := []string{"OPTIONS"}
	for method := range methods {
		allow = append(allow, method)
		if method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	allowed := strings.Join(allow, ", ")
	return s.handler(func(w http.ResponseWriter, r *http.Request) error {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if rt, ok := methods[method]; ok {
			return rt.handle(w, r)
		}
		w.Header().Set("Allow", allowed)
		if method == http.MethodOptions {
			w.WriteHeader(http.StatusOK)
			return nil
		}
		return refuse(http.StatusMethodNotAllowed, "%.20s is not possible here: use one of %s", r.Method, allowed)
	})
}

func orDefault[T int64 | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
