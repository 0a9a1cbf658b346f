package api

import (
	"context"
	"net/http"
	"slices"

	"drydock"
)

// How much build data one answer holds. Elements can be large, so pages are read in small steps.
const (
	buildDataRows  = 1000
	buildDataBytes = 32 << 20
	buildDataStep  = 50
)

// gather reads build data until there is no more or the answer is full: limit records, or more bytes than an answer holds. Next is the cursor
// behind what was read, or "".
func (s *server) gather(ctx context.Context, q drydock.BuildDataQuery, limit int) (data []drydock.BuildData, next string, err error) {
	size := 0
	for {
		q.Limit = min(buildDataStep, limit-len(data))
		page, err := s.deps.BuildHistory.BuildData(ctx, q)
		if err != nil {
			return nil, "", err
		}
		data = append(data, page.Data...)
		for i := range page.Data {
			size += len(page.Data[i].Data)
		}
		if page.Next == "" || len(data) >= limit || size >= buildDataBytes {
			return data, page.Next, nil
		}
		q.After = page.Next
	}
}

// allBuildData is the whole build data of some tasks, or a refusal if one answer cannot hold it.
func (s *server) allBuildData(ctx context.Context, ids []drydock.TaskID) (map[drydock.TaskID][]drydock.BuildData, error) {
	byTask := make(map[drydock.TaskID][]drydock.BuildData, len(ids))
	room := buildDataRows
	for some := range slices.Chunk(ids, drydock.MaxPage) {
		data, next, err := s.gather(ctx, drydock.BuildDataQuery{Tasks: some}, room)
		if err != nil {
			return nil, err
		}
		room -= len(data)
		if next != "" || room <= 0 && len(some) == drydock.MaxPage {
			return nil, invalid("There is more build data than one answer holds: ask for %s/tasks/{id}/builddata, task by task and page by page", prefix)
		}
		for i := range data {
			byTask[data[i].Task] = append(byTask[data[i].Task], data[i])
		}
	}
	return byTask, nil
}

// taskBuildData answers what a task collected, also of a task that has been deleted since.
func (s *server) taskBuildData(w http.ResponseWriter, r *http.Request) error {
	id, err := taskID(r)
	if err != nil {
		return err
	}
	q := readQuery(r, "after", "limit")
	return s.answerBuildData(w, r, q, drydock.BuildDataQuery{Tasks: []drydock.TaskID{id}})
}

// nodeBuildData answers the history of a node, or only the newest record of each generator.
func (s *server) nodeBuildData(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "latest", "after", "limit")
	return s.answerBuildData(w, r, q, drydock.BuildDataQuery{Nodes: []string{r.PathValue("name")}, Latest: q.flag("latest", false)})
}

func (s *server) answerBuildData(w http.ResponseWriter, r *http.Request, q *query, what drydock.BuildDataQuery) error {
	what.After = q.text("after")
	limit := int(q.number("limit", buildDataRows, 1, buildDataRows))
	if q.err != nil {
		return q.err
	}
	data, next, err := s.gather(r.Context(), what, limit)
	if err != nil {
		return err
	}
	if len(data) == 0 && next == "" && what.After == "" {
		return refuse(http.StatusNotFound, "No build data found")
	}
	if next != "" {
		linkNext(w, r, next)
	}
	return writeJSON(w, http.StatusOK, wireBuildData(data))
}
