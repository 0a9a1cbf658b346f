package api

import (
	"errors"
	"net/http"

	"drydock"
)

// statusTerms is how many past terms a status shows.
const statusTerms = 10

// ServiceStatus says who leads, what waits and what the service stands on.
type ServiceStatus struct {
	Kind       string   `json:"kind"`       // "ServiceStatus"
	APIVersion string   `json:"apiVersion"` // "v1.0"
	Database   Database `json:"database"`
	Leader     *Leader  `json:"leader"` // null: nobody leads
	Queue      Queue    `json:"queue"`
	Terms      []Term   `json:"terms"` // newest first
}

// Database names the kind of database.
type Database struct {
	Dialect string `json:"dialect"`
}

// Leader is who holds the lease.
type Leader struct {
	Name    string `json:"name"`
	Holder  string `json:"holder"`
	Term    int64  `json:"term"`
	Since   Time   `json:"since"`
	Expires Time   `json:"expires"`
}

// Queue counts the work at hand.
type Queue struct {
	Queued      int                    `json:"queued"`
	Running     int                    `json:"running"`
	Terminating int                    `json:"terminating"`
	ByAction    map[drydock.Action]int `json:"by_action"` // queued only
}

// Term is one term of a leader.
type Term struct {
	Term    int64    `json:"term"`
	Name    string   `json:"name"`
	Holder  string   `json:"holder"`
	Started Time     `json:"started"`
	Ended   Time     `json:"ended"`  // null while it lasts
	Reason  Optional `json:"reason"` // why it ended
}

// status answers the state of the service.
func (s *server) status(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err; err != nil {
		return err
	}
	st := ServiceStatus{Kind: "ServiceStatus", APIVersion: "v1.0", Database: Database{s.deps.Pinger.Dialect()}, Terms: []Term{}}
	lease, err := s.deps.Leases.CurrentLease(r.Context())
	switch {
	case err == nil:
		st.Leader = &Leader{lease.Name, lease.Holder, lease.Term, Time{lease.Acquired}, Time{lease.Expires}}
	case !errors.Is(err, drydock.ErrNotFound):
		return err
	}
	q, err := s.deps.Tasks.Queue(r.Context())
	if err != nil {
		return err
	}
	st.Queue = Queue{q.Queued, q.Running, q.Terminating, map[drydock.Action]int{}}
	for a, n := range q.ByAction {
		st.Queue.ByAction[a] = n
	}
	terms, err := s.deps.Leases.LeaseHistory(r.Context(), statusTerms)
	if err != nil {
		return err
	}
	for _, t := range terms {
		st.Terms = append(st.Terms, Term{t.Term, t.Name, t.Holder, Time{t.Started}, Time{t.Ended}, Optional(t.Reason)})
	}
	return writeJSON(w, http.StatusOK, st)
}
