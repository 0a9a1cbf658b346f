package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"drydock"
)

// Design tells on the wire how the documents behind a task's reference were had.
type Design struct {
	Ref      string         `json:"ref"`    // without secrets
	Digest   Optional       `json:"sha256"` // of the documents
	Size     int64          `json:"bytes"`
	ETag     Optional       `json:"etag"`     // the source's own mark of the version
	Origin   drydock.Origin `json:"origin"`   // source, cache, confirmed or stale
	Resolved Time           `json:"resolved"` // when they were handed over
	Fetched  Time           `json:"fetched"`  // when the source gave or confirmed them
	Attempts int            `json:"attempts"` // how often the source was asked
	TookMS   int64          `json:"took_ms"`
}

func wireDesign(r *drydock.Resolution) *Design {
	if r == nil {
		return nil
	}
	return &Design{
		r.Ref, Optional(r.Digest), r.Size, Optional(r.ETag), r.Origin, Time{r.Resolved}, Time{r.Fetched}, r.Attempts, r.Took.Milliseconds(),
	}
}

// StoredDesign is the answer to documents that were brought.
type StoredDesign struct {
	DesignRef string `json:"design_ref"` // for tasks; it never names anything else
	Digest    string `json:"sha256"`
	Size      int64  `json:"bytes"`
	Created   Time   `json:"created"`
}

// yamlMedia are the types besides text/* that documents may be brought as.
var yamlMedia = []string{"application/x-yaml", "application/yaml", "application/vnd.yaml"}

const mediaYAML = "application/x-yaml"

// addDesign keeps documents: 201 if they are new, 200 if they are known.
func (s *server) addDesign(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err; err != nil {
		return err
	}
	body, err := readDocuments(r)
	if err != nil {
		return err
	}
	d, created, err := s.deps.Designs.AddDesign(r.Context(), body)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		w.Header().Set("Location", prefix+"/designs/"+d.Digest)
	}
	return writeJSON(w, status, StoredDesign{d.Ref(), d.Digest, d.Size, Time{d.Created}})
}

// readDocuments reads a request body that is a set of documents. Whether they are good ones is not asked here.
func readDocuments(r *http.Request) ([]byte, error) {
	given := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(given)
	if err != nil || !strings.HasPrefix(media, "text/") && !slices.Contains(yamlMedia, media) {
		return nil, refuse(http.StatusUnsupportedMediaType, "Requires documents as %s or text/*: Content-Type is %.200q", mediaYAML, given)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return nil, refuse(http.StatusUnsupportedMediaType, "Requires documents in UTF-8: charset is %.60q", charset)
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, refuse(http.StatusUnsupportedMediaType, "Requires documents as they are: Content-Encoding is %.60q", coding)
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refuse(http.StatusRequestEntityTooLarge, "The documents are larger than the %d bytes allowed; serve them from elsewhere and give the task "+
			"their reference, or raise [design] max_upload", large.Limit)
	case err != nil:
		return nil, invalid("The documents could not be read: %v", err)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, invalid("The request body must not be empty: it is to be the documents of a design")
	}
	return body, nil
}

// getDesign answers documents that were brought.
func (s *server) getDesign(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err; err != nil {
		return err
	}
	digest := r.PathValue("digest")
	body, err := s.deps.Designs.Design(r.Context(), digest)
	if errors.Is(err, drydock.ErrNotFound) {
		return refuse(http.StatusNotFound, "Design %.80s is not kept here", digest)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", mediaYAML)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("ETag", `"`+digest+`"`)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a client that has gone away needs no answer
	return nil
}

// bodyLimit is how many bytes a request may bring: documents have a limit of their own.
func (s *server) bodyLimit(r *http.Request) int64 {
	if r.Method == http.MethodPost && r.URL.Path == prefix+"/designs" {
		return s.options.MaxDesign
	}
	return s.options.MaxBody
}

// reference checks the design reference of a request, if there is one, and seals its secrets.
func (s *server) reference(ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	err := s.deps.Refs.Check(ref)
	if err == nil {
		ref, err = s.deps.Refs.Seal(ref)
	}
	if err != nil {
		return "", fmt.Errorf("design_ref: %w", err)
	}
	return ref, nil
}
