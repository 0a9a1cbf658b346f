package api

import (
	"math"
	"net/http"
	"strconv"

	"drydock"
)

// messagePage is how many messages one answer holds unless the client says otherwise.
const messagePage = 1000

// listMessages answers the messages of a task in the order of their sequence, and where the list goes on.
func (s *server) listMessages(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	q := readQuery(r, "after", "limit")
	after := q.number("after", 0, 0, math.MaxInt64)
	limit := int(q.number("limit", messagePage, 1, drydock.MaxMessageBatch))
	if q.err != nil {
		return q.err
	}
	messages, err := s.deps.Messages.Messages(r.Context(), id, after, limit)
	if err == nil && len(messages) == 0 {
		_, err = s.deps.Tasks.Task(r.Context(), id) // none yet, or no such task?
	}
	if err != nil {
		return missing(r, err)
	}
	if len(messages) == limit {
		linkNext(w, r, strconv.FormatInt(messages[limit-1].Seq, 10))
	}
	return writeJSON(w, http.StatusOK, wireTaskMessages(id, messages))
}
