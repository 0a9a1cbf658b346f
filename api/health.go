package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"time"
)

// pingPatience is how long a probe waits for the database. Probes give up after a few seconds themselves.
const pingPatience = 5 * time.Second

//go:embed openapi.yaml
var openAPIText []byte

// openAPI answers the description of the interface.
func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPIText) // a client that has gone away needs no answer
	return nil
}

// versions answers which versions of the interface there are.
func (s *server) versions(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, json.RawMessage(`{"v1.0":{"path":"`+prefix+`","status":"stable"}}`))
}

func (s *server) ping(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), pingPatience)
	defer cancel()
	return s.deps.Pinger.Ping(ctx)
}

// health answers whether the database does, and writes nothing to it.
func (s *server) health(w http.ResponseWriter, r *http.Request) error {
	status := http.StatusNoContent
	if err := s.ping(r); err != nil {
		s.log.WarnContext(r.Context(), "database does not answer", "error", err)
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	return nil
}

// Health is the extended form of the health of the service.
type Health struct {
	Kind       string        `json:"kind"`       // "Status"
	APIVersion string        `json:"apiVersion"` // "v1.0"
	Metadata   struct{}      `json:"metadata"`
	Status     string        `json:"status"` // "Success" or "Failure"
	Message    string        `json:"message"`
	Reason     string        `json:"reason"` // "HealthCheck"
	Details    HealthDetails `json:"details"`
	Code       int           `json:"code"` // the HTTP status
}

// HealthDetails are the problems that were found.
type HealthDetails struct {
	ErrorCount  int             `json:"errorCount"`
	MessageList []HealthMessage `json:"messageList"`
}

// HealthMessage is one problem.
type HealthMessage struct {
	Message string `json:"message"`
	Error   bool   `json:"error"`
	Kind    string `json:"kind"` // "SimpleMessage"
}

// healthExtended answers what is wrong, in upstream's form.
func (s *server) healthExtended(w http.ResponseWriter, r *http.Request) error {
	h := Health{
		Kind: "Status", APIVersion: "v1.0", Status: "Success", Reason: "HealthCheck", Details: HealthDetails{MessageList: []HealthMessage{}}, Code: http.StatusOK,
	}
	if err := s.ping(r); err != nil {
		s.log.WarnContext(r.Context(), "database does not answer", "error", err)
		h.Status, h.Message, h.Code = "Failure", "Drydock failed to respond", http.StatusServiceUnavailable
		h.Details = HealthDetails{1, []HealthMessage{{"Unable to connect to database", true, "SimpleMessage"}}}
	}
	return writeJSON(w, h.Code, h)
}
