package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"drydock"
)

// window is how many tasks a page looks at, at most, when it filters by something that has no index. Such a page may be short although there is more.
const window = 10_000

// pageSize checks a limit and fills in the default.
func pageSize(limit int) (int, error) {
	if limit < 0 || limit > drydock.MaxPage {
		return 0, fmt.Errorf("%w: limit %d, use 1 to %d", drydock.ErrInvalid, limit, drydock.MaxPage)
	}
	if limit == 0 {
		limit = drydock.DefaultPage
	}
	return limit, nil
}

// where collects conditions and their arguments.
type where struct {
	conditions []string
	args       []any
}

// add appends a condition; each % in it stands for the argument's number.
func (w *where) add(condition string, arg any) {
	w.args = append(w.args, arg)
	w.conditions = append(w.conditions, strings.ReplaceAll(condition, "%", fmt.Sprintf("$%d", len(w.args))))
}

func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// Tasks lists tasks, newest first, a page at a time; the cursor keeps its place while tasks are added. Without messages, see MessagesByTask.
// Status, Result failure, Parent and time are answered by an index; for the other filters a page looks at a bounded number of tasks, so it can be
// short, even empty, while Next says that there is more. ErrInvalid: a limit or a cursor that is none.
func (s *Store) Tasks(ctx context.Context, query drydock.TaskQuery) (page drydock.TaskPage, err error) {
	limit, err := pageSize(query.Limit)
	if err != nil {
		return page, fmt.Errorf("list tasks: %w", err)
	}
	indexed, rest, err := s.conditions(&query)
	if err != nil {
		return page, fmt.Errorf("list tasks: %w", err)
	}
	const order = ` ORDER BY t.created DESC NULLS LAST, t.task_id DESC`
	text := `SELECT ` + taskColumns + ` FROM tasks t` + indexed.text() + order
	args := indexed.args
	if len(rest.conditions) > 0 {
		args = rest.args
		text = `SELECT ` + taskColumns + ` FROM (SELECT ` + taskColumns + ` FROM tasks t` + indexed.text() + order + ` LIMIT ` + fmt.Sprint(window) + `) AS t` + rest.text() + order
	}
	err = s.read(ctx, "list tasks", func(ctx context.Context, q querier) error {
		if page.Tasks, err = s.tasks(ctx, q, text+fmt.Sprintf(" {limit(}$%d{)}", len(args)+1), append(slices.Clone(args), limit)...); err != nil {
			return err
		}
		if n := len(page.Tasks); n == limit {
			page.Next = taskCursor(page.Tasks[n-1].Created, page.Tasks[n-1].ID)
			return nil
		}
		if len(rest.conditions) > 0 {
			var at instant
			var last id
			end := `SELECT t.created, t.task_id FROM tasks t` + indexed.text() + order + ` LIMIT 1 OFFSET ` + fmt.Sprint(window-1)
			switch err := q.QueryRowContext(ctx, s.d.text(end), indexed.args...).Scan(&at, &last); {
			case errors.Is(err, sql.ErrNoRows): // the window held everything
			case err != nil:
				return err
			default:
				page.Next = taskCursor(at.Time, last.TaskID)
				return nil
			}
		}
		if query.After != "" && !undated(query.After) && query.Since.IsZero() && query.Until.IsZero() {
			page.Next, err = s.undatedNext(ctx, q)
		}
		return err
	})
	return page, err
}

// sqlUndated: rows of very old versions may lack a date. They come after all others, on pages of their own, since no comparison finds them behind a date.
const sqlUndated = `SELECT count(*) FROM (SELECT 1 FROM tasks WHERE created IS NULL LIMIT 1) AS one`

// undatedNext is the cursor before the tasks without a date, or "" if there are none.
func (s *Store) undatedNext(ctx context.Context, q querier) (string, error) {
	var n int
	if err := q.QueryRowContext(ctx, sqlUndated).Scan(&n); err != nil || n == 0 {
		return "", err
	}
	return taskCursor(time.Time{}, lastID), nil
}

// lastID comes after every id that is made.
const lastID drydock.TaskID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// undated reports whether a page begins among the tasks without a date.
func undated(cursor string) bool {
	at, _, err := readTaskCursor(cursor)
	return err == nil && at.IsZero()
}

// conditions sorts the query's filters into those that an index answers and the rest, whose arguments follow.
func (s *Store) conditions(q *drydock.TaskQuery) (indexed, rest where, err error) {
	if q.After != "" {
		at, last, err := readTaskCursor(q.After)
		if err != nil {
			return indexed, rest, err
		}
		if at.IsZero() {
			indexed.conditions = append(indexed.conditions, "t.created IS NULL")
			indexed.add("t.task_id < %", notNil(idBytes(last)))
		} else {
			indexed.add("(t.created, t.task_id) < (%,", s.d.time(at))
			indexed.args = append(indexed.args, notNil(idBytes(last)))
			indexed.conditions[len(indexed.conditions)-1] += fmt.Sprintf(" $%d)", len(indexed.args))
		}
	}
	if !q.Since.IsZero() {
		indexed.add("t.created >= %", s.d.time(q.Since))
	}
	if !q.Until.IsZero() {
		indexed.add("t.created < %", s.d.time(q.Until))
	}
	if q.Parent != "" {
		indexed.add("t.parent_task_id = %", idBytes(q.Parent))
	}
	statusConditions(q, &indexed, &rest)
	rest.args = slices.Clone(indexed.args)
	if q.Result != "" && q.Result != drydock.ResultFailure && q.Result != drydock.ResultPartial {
		rest.add("t.result_status = %", string(q.Result))
	}
	if q.Roots {
		rest.conditions = append(rest.conditions, "t.parent_task_id IS NULL")
	}
	if q.Action != "" {
		rest.add("t.action = %", string(q.Action))
	}
	if q.CreatedBy != "" {
		rest.add("t.created_by = %", q.CreatedBy)
	}
	if q.Node != "" {
		rest.add(s.d.text("({has successes} OR {has failures} OR {instr}(t.node_filter{json text}, "+quoted+") > 0)"), q.Node)
	}
	return indexed, rest, nil
}

// quoted is the form that a node's name has in a JSON filter.
const quoted = `'"' || % || '"'`

// statusConditions writes states as literals: the partial indexes know no parameters.
func statusConditions(q *drydock.TaskQuery, indexed, rest *where) {
	if len(q.Status) > 0 {
		var names []string
		active, queued := true, true
		for _, st := range q.Status {
			if !slices.Contains(drydock.TaskStatuses, st) {
				continue // matches nothing
			}
			names = append(names, "'"+string(st)+"'")
			active = active && (st == drydock.StatusRunning || st == drydock.StatusTerminating)
			queued = queued && st == drydock.StatusQueued
		}
		in := "t.status IN (" + strings.Join(names, ", ") + ")"
		switch {
		case len(names) == 0:
			indexed.conditions = append(indexed.conditions, "1 = 0")
		case queued:
			indexed.conditions = append(indexed.conditions, "t.status = 'queued'")
		case active:
			indexed.conditions = append(indexed.conditions, "t.status IN ('running', 'terminating')", in)
		default:
			rest.conditions = append(rest.conditions, in)
		}
	}
	if q.Result == drydock.ResultFailure || q.Result == drydock.ResultPartial {
		indexed.conditions = append(indexed.conditions, "t.result_status IN ('failure', 'partial_success')", "t.result_status = '"+string(q.Result)+"'")
	}
}

func taskCursor(at time.Time, id drydock.TaskID) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro())) //nolint:gosec // and back again
	return base64.RawURLEncoding.EncodeToString(append(raw, idBytes(id)...))
}

func readTaskCursor(s string) (time.Time, drydock.TaskID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) != 24 && len(raw) != 8 { // 8: the last task of the page had an id that is none
		return time.Time{}, "", fmt.Errorf("%w: %.60q is no cursor; use the one that the previous page gave", drydock.ErrInvalid, s)
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC(), idText(raw[8:]), nil //nolint:gosec // as written by taskCursor
}

// notNil makes an empty id one that can be compared.
func notNil(raw []byte) []byte {
	if raw == nil {
		return []byte{}
	}
	return raw
}

const (
	sqlSubtree = sqlTree + ` SELECT ` + taskColumns + ` FROM tree CROSS JOIN tasks t WHERE t.task_id = tree.task_id ORDER BY t.created, t.task_id {limit(}$2{)}`

	sqlSubtreeTo = `WITH RECURSIVE tree(task_id, depth) AS (SELECT task_id, 1 FROM tasks WHERE task_id = $1
		UNION SELECT c.task_id, tree.depth + 1 FROM tree CROSS JOIN tasks c WHERE c.parent_task_id = tree.task_id AND tree.depth < $3)
		SELECT ` + taskColumns + ` FROM tree CROSS JOIN tasks t WHERE t.task_id = tree.task_id ORDER BY t.created, t.task_id {limit(}$2{)}`
)

// Subtree returns a task and what is below it in one query: the task first, then generation by generation, siblings in order of creation. depth 1 is
// the task alone, 2 adds its children, 0 means everything. ErrNotFound: no such task; ErrInvalid: more than drydock.MaxTree tasks.
func (s *Store) Subtree(ctx context.Context, root drydock.TaskID, depth int) ([]drydock.Task, error) {
	if depth < 0 {
		return nil, fmt.Errorf("get tree: %w: depth %d; 0 means everything", drydock.ErrInvalid, depth)
	}
	var list []drydock.Task
	err := s.read(ctx, "get tree", func(ctx context.Context, q querier) (err error) {
		if depth > 0 && depth <= drydock.MaxDepth {
			list, err = s.tasks(ctx, q, sqlSubtreeTo, idBytes(root), drydock.MaxTree+1, depth)
		} else {
			list, err = s.tasks(ctx, q, sqlSubtree, idBytes(root), drydock.MaxTree+1)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(list) > drydock.MaxTree {
		return nil, fmt.Errorf("get tree: %w: below task %s are more than %d tasks; ask for fewer generations", drydock.ErrInvalid, root, drydock.MaxTree)
	}
	return breadthFirst(root, list)
}

// breadthFirst orders a tree whose siblings are in order, each task once, also when the data holds a cycle.
func breadthFirst(root drydock.TaskID, list []drydock.Task) ([]drydock.Task, error) {
	canonical, _ := drydock.ParseTaskID(string(root)) // an id that is none is not found below
	children := map[drydock.TaskID][]*drydock.Task{}
	var queue []*drydock.Task
	for i := range list {
		if t := &list[i]; t.ID == canonical {
			queue = []*drydock.Task{t}
		} else {
			children[t.Parent] = append(children[t.Parent], t)
		}
	}
	if len(queue) == 0 {
		return nil, fmt.Errorf("get tree: %w: task %s", drydock.ErrNotFound, root)
	}
	seen := map[drydock.TaskID]bool{canonical: true}
	ordered := make([]drydock.Task, 0, len(list))
	for i := 0; i < len(queue); i++ {
		ordered = append(ordered, *queue[i])
		for _, c := range children[queue[i].ID] {
			if !seen[c.ID] {
				seen[c.ID] = true
				queue = append(queue, c)
			}
		}
	}
	return ordered, nil
}
