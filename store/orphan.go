package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"drydock"
)

const (
	maxOrphaned = 3 // a task that brings down its leader each time must not be tried for ever

	// Nobody can work on what runs under an older term: its holder's writes are refused from now on. What has no term was begun by upstream, whose
	// leadership has lapsed, or else we should not lead.
	sqlOrphans = `SELECT t.task_id, t.status, t.action, t.orphaned, coalesce(t.term, 0),
			coalesce((SELECT h.name FROM lease_history h WHERE h.term = t.term), 'upstream')
		FROM tasks t WHERE t.status IN ('running', 'terminating') AND coalesce(t.term, 0) < $1 AND length(t.task_id) = 16 ORDER BY t.created, t.task_id LIMIT ` + maxAdopt + ` {for update}`
	sqlFail = `UPDATE tasks SET status = CASE status WHEN 'terminating' THEN 'terminated' ELSE 'complete' END,
		result_status = CASE WHEN result_status = 'success' OR result_status = 'partial_success' THEN 'partial_success' ELSE 'failure' END,
		result_message = $2, result_reason = $3, term = coalesce(term, 0),
		result_error_count = coalesce(result_error_count, 0) + 1, version = version + 1, updated = {clock} WHERE task_id {ids(}$1{)} RETURNING task_id`
	maxAdopt = "1000"
)

type orphan struct {
	id       drydock.TaskID
	status   drydock.TaskStatus
	action   drydock.Action
	orphaned int
	term     int64
	holder   string
	requeued bool
}

func (o *orphan) why() string {
	text := "Its leader " + o.holder + " (term " + strconv.FormatInt(o.term, 10) + ") ended while it ran this task."
	if o.term == 0 {
		text = "The upstream orchestrator that ran this task lost its leadership."
	}
	switch {
	case o.status == drydock.StatusTerminating:
		return text + " Termination had been asked for."
	case o.requeued:
		return text + " Queued again: its action can be repeated."
	}
	return text + " What it left behind is not known; look before you repeat it."
}

// AdoptTasks decides what becomes of the tasks that older terms left active: repeatable ones are queued again unless this is the third time,
// those whose termination was asked for are terminated, the others fail; each says so in a message. What was queued below a task that failed is
// terminated. Call it again until it returns nothing: a call takes 1,000 tasks.
func (s *Store) AdoptTasks(ctx context.Context, l drydock.Lease, repeatable []drydock.Action) (a drydock.Adoption, err error) {
	var topics []string
	err = s.write(ctx, "adopt tasks", func(ctx context.Context, q querier) error {
		a, topics = drydock.Adoption{}, []string{TopicQueue}
		if err := s.fence(ctx, q, l); err != nil {
			return err
		}
		list, err := s.orphans(ctx, q, l)
		if err != nil || len(list) == 0 {
			return err
		}
		var notes []messageInsert
		for i := range list {
			o := &list[i]
			o.requeued = o.status == drydock.StatusRunning && slices.Contains(repeatable, o.action) && o.orphaned < maxOrphaned-1
			switch {
			case o.requeued:
				a.Requeued = append(a.Requeued, o.id)
			case o.status == drydock.StatusTerminating:
				a.Terminated = append(a.Terminated, o.id)
			default:
				a.Failed = append(a.Failed, o.id)
			}
			notes = append(notes, messageInsert{o.id, drydock.Message{Text: o.why(), Error: !o.requeued, ContextType: "task", Context: string(o.id)}})
			topics = append(topics, string(o.id))
		}
		return s.settle(ctx, q, &a, notes)
	})
	if err != nil {
		return drydock.Adoption{}, err
	}
	s.bells.ring(topics...)
	return a, nil
}

// settle writes what AdoptTasks has decided.
func (s *Store) settle(ctx context.Context, q querier, a *drydock.Adoption, notes []messageInsert) error {
	if _, err := q.ExecContext(ctx, s.d.text(sqlRequeueAny), s.d.ids(a.Requeued)); err != nil {
		return err
	}
	ended := slices.Concat(a.Failed, a.Terminated)
	if _, err := s.returned(ctx, q, sqlFail, s.d.ids(ended), "The orchestrator that ran this task ended.", "Leader lost"); err != nil {
		return err
	}
	if err := s.insertMessages(ctx, q, notes); err != nil {
		return err
	}
	for _, id := range ended {
		below, err := s.terminateTree(ctx, q, id, "", "The task above this one ended with its orchestrator.")
		if err != nil {
			return err
		}
		for _, gone := range below {
			if i := slices.Index(a.Requeued, gone); i >= 0 {
				a.Requeued = slices.Delete(a.Requeued, i, i+1)
				a.Terminated = append(a.Terminated, gone)
			}
		}
	}
	return nil
}

const sqlRequeueAny = `UPDATE tasks SET status = 'queued', orphaned = orphaned + 1, version = version + 1, updated = {clock} WHERE task_id {ids(}$1{)}`

func (s *Store) orphans(ctx context.Context, q querier, l drydock.Lease) ([]orphan, error) {
	var list []orphan
	rows, err := q.QueryContext(ctx, s.d.text(sqlOrphans), l.Term)
	err = each(rows, err, func(rows *sql.Rows) error {
		var o orphan
		var task id
		var status, action sql.NullString
		err := rows.Scan(&task, &status, &action, &o.orphaned, &o.term, &o.holder)
		o.id, o.status, o.action = task.TaskID, drydock.TaskStatus(status.String), drydock.Action(action.String)
		list = append(list, o)
		return err
	})
	return list, err
}
