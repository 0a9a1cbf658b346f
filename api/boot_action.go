package api

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode"

	"drydock"
	"drydock/site"
)

// BootActions is what the interface needs of the store for nodes that boot.
type BootActions interface {
	BootContext(ctx context.Context, node string) (drydock.BootContext, error)
	BootActions(ctx context.Context, node string) ([]drydock.BootAction, error)
	BootAction(ctx context.Context, ulid string) (drydock.BootAction, error)
	ReportBootAction(ctx context.Context, ulid string, status drydock.ResultStatus, m ...drydock.Message) (drydock.BootAction, error)
}

// Assets makes what a node fetches: the compressed tar archive of one type of assets, for a deployment that was given the actions and has the design
// behind ref. ErrConflict: the design cannot give it; ErrUnavailable: it may later.
type Assets interface {
	Tarball(ctx context.Context, c drydock.BootContext, actions []drydock.BootAction, ref, kind string) ([]byte, error)
}

// headerBootKey carries the key of a node's deployment, in hexadecimal. A node that boots has no other credentials.
const headerBootKey = "X-Bootaction-Key"

// contextBoot is the context type of what nodes report; the context is the id of the boot action.
const contextBoot = "bootaction"

// bootPrefix is where nodes fetch and report.
const bootPrefix = prefix + "/bootactions/"

// tidyBootPath takes needless slashes out of the paths that nodes ask for: their client puts one behind the id, and the address that it is given may end
// in one already. Anything else about a path stays as it is, to be refused.
func tidyBootPath(r *http.Request) *http.Request {
	if !strings.HasPrefix(r.URL.Path, bootPrefix) {
		return r
	}
	tidy := "/" + strings.Join(strings.FieldsFunc(r.URL.Path, func(c rune) bool { return c == '/' }), "/")
	if tidy == r.URL.Path || path.Clean(tidy) != tidy || r.URL.RawPath != "" {
		return r
	}
	r = r.Clone(r.Context())
	r.URL.Path = tidy
	return r
}

// admitNode checks the key that a node shows, in a time that does not tell how much of it is right.
func admitNode(w http.ResponseWriter, r *http.Request, key []byte) error {
	shown := strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return -1
		}
		return c
	}, r.Header.Get(headerBootKey))
	if shown == "" {
		w.Header().Set("WWW-Authenticate", "Bootaction-Key")
		return refuse(http.StatusUnauthorized, "No %s", headerBootKey)
	}
	given, err := hex.DecodeString(shown)
	if err != nil || len(key) == 0 || subtle.ConstantTimeCompare(given, key) != 1 {
		return refuse(http.StatusForbidden, "Invalid %s", headerBootKey)
	}
	return nil
}

// bootUnits and bootFiles answer what a node gets before it boots.
func (s *server) bootUnits(w http.ResponseWriter, r *http.Request) error {
	return s.bootAssets(w, r, site.AssetUnit)
}

func (s *server) bootFiles(w http.ResponseWriter, r *http.Request) error {
	return s.bootAssets(w, r, site.AssetFile)
}

func (s *server) bootAssets(w http.ResponseWriter, r *http.Request, kind string) error {
	node := r.PathValue("name")
	deployment, err := s.deps.BootActions.BootContext(r.Context(), node)
	if errors.Is(err, drydock.ErrNotFound) {
		return refuse(http.StatusNotFound, "Error locating boot action for %.280s", node)
	}
	if err == nil {
		err = admitNode(w, r, deployment.Key)
	}
	if err != nil {
		return err
	}
	task, err := s.deps.Tasks.Task(r.Context(), deployment.Task)
	if errors.Is(err, drydock.ErrNotFound) {
		return refuse(http.StatusNotFound, "The task of this deployment (%s) has been deleted, and its design with it; deploy the node again", deployment.Task)
	}
	if err != nil {
		return err
	}
	actions, err := s.deps.BootActions.BootActions(r.Context(), node)
	if err != nil {
		return err
	}
	tarball, err := s.deps.Assets.Tarball(r.Context(), deployment, actions, task.DesignRef, kind)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/gzip")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.tar.gz"`, fileName(node), kind))
	w.Header().Set("Content-Length", strconv.Itoa(len(tarball)))
	_, _ = w.Write(tarball) // a node that has gone away needs no answer
	return nil
}

// fileName is a node's name without what does not belong into a header.
func fileName(node string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '/' {
			return '_'
		}
		return c
	}, node)
}

// reportBootAction records what a node reports of a boot action.
func (s *server) reportBootAction(w http.ResponseWriter, r *http.Request) error {
	action, err := s.deps.BootActions.BootAction(r.Context(), r.PathValue("id"))
	if errors.Is(err, drydock.ErrNotFound) {
		return refuse(http.StatusNotFound, "There is no boot action %.60s", r.PathValue("id"))
	}
	if err == nil {
		err = admitNode(w, r, action.Key)
	}
	if err != nil {
		return err
	}
	status, messages, err := readBootReport(r, action.ID)
	if err != nil {
		return err
	}
	if status == "" && len(messages) == 0 {
		if action.Status != drydock.ResultIncomplete {
			return finalized(action.ID)
		}
		return writeJSON(w, http.StatusOK, wireBootAction(&action))
	}
	action, err = s.deps.BootActions.ReportBootAction(r.Context(), action.ID, status, messages...)
	if errors.Is(err, drydock.ErrConflict) {
		return finalized(r.PathValue("id"))
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireBootAction(&action))
}

func finalized(id string) error {
	return refuse(http.StatusConflict, "Action %s status finalized, not available for update.", strings.ToUpper(id))
}

// readBootReport reads how a boot action went and what is to be said about it. The status may be missing, or as upstream's client writes it.
func readBootReport(r *http.Request, id string) (drydock.ResultStatus, []drydock.Message, error) {
	raw, err := readJSON(r)
	if err != nil {
		return "", nil, err
	}
	body, err := members("", raw, "status", "details")
	if err != nil {
		return "", nil, err
	}
	var status drydock.ResultStatus
	if raw, ok := body["status"]; ok {
		word, err := text("status", raw)
		if err != nil {
			return "", nil, err
		}
		switch status = drydock.ResultStatus(strings.ToLower(word)); {
		case word != "Success" && word != "success" && word != "Failure" && word != "failure":
			return "", nil, invalid("status must be success or failure, not %.60q", word)
		}
	}
	raw, ok := body["details"]
	if !ok {
		return status, nil, nil
	}
	details, err := list("details", raw)
	if err != nil {
		return "", nil, err
	}
	messages := make([]drydock.Message, 0, len(details))
	for i, detail := range details {
		m, err := readBootDetail(fmt.Sprintf("details[%d]", i), detail)
		if err != nil {
			return "", nil, err
		}
		m.ContextType, m.Context = contextBoot, id
		messages = append(messages, m)
	}
	return status, messages, nil
}

// readBootDetail reads one message. What it has beside its text and whether it is an error is kept with it.
func readBootDetail(at string, raw json.RawMessage) (m drydock.Message, err error) {
	if form(raw) != "an object" {
		return m, invalid("%s must be an object, not %s", at, form(raw))
	}
	var extra []member
	found := map[string]bool{}
	err = unmarshalMembers(raw, func(name string, value json.RawMessage) error {
		if found[name] {
			return invalid("Field %q is given twice", join(at, name))
		}
		found[name] = true
		var err error
		switch name {
		case "message":
			m.Text, err = text(join(at, name), value)
		case "error":
			if form(value) != "a boolean" {
				return invalid("%s must be a boolean, not %s", join(at, name), form(value))
			}
			err = json.Unmarshal(value, &m.Error)
		default:
			extra = append(extra, member{name, value})
		}
		return err
	})
	if err != nil {
		return m, err
	}
	for _, name := range []string{"message", "error"} {
		if !found[name] {
			return m, invalid("%s is missing", join(at, name))
		}
	}
	if len(extra) > 0 {
		m.Extra, err = marshalMembers(extra)
	}
	return m, err
}

// nodeBootActions answers what a node was given in its present deployment, and what it reported; never a key.
func (s *server) nodeBootActions(w http.ResponseWriter, r *http.Request) error {
	node := r.PathValue("name")
	if q := readQuery(r); q.err != nil {
		return q.err
	}
	if _, err := s.deps.BootActions.BootContext(r.Context(), node); errors.Is(err, drydock.ErrNotFound) {
		return refuse(http.StatusNotFound, "No deployment of node %.280s has been given boot actions", node)
	} else if err != nil {
		return err
	}
	actions, err := s.deps.BootActions.BootActions(r.Context(), node)
	if err != nil {
		return err
	}
	answer := make([]BootAction, len(actions))
	for i := range actions {
		answer[i] = wireBootAction(&actions[i])
	}
	return writeJSON(w, http.StatusOK, answer)
}

// BootAction is what a node runs after its deployment, and how it went, in upstream's order of keys.
type BootAction struct {
	Node   string               `json:"node_name"`
	ID     string               `json:"action_id"` // ULID
	Name   string               `json:"action_name"`
	TaskID drydock.TaskID       `json:"task_id"`
	Status drydock.ResultStatus `json:"action_status"` // incomplete, success, failure, unreported
}

func wireBootAction(a *drydock.BootAction) BootAction {
	return BootAction{a.Node, a.ID, a.Name, a.Task, a.Status}
}
