package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Ailment is one thing that is wrong with the data, and how often.
type Ailment struct {
	Name     string // short, for programs
	What     string // for people
	Rows     int64
	Example  string // one of the rows, in hexadecimal or by name
	Mendable bool   // Mend does something about it
	Mended   int64  // rows that Mend changed
}

// check finds an ailment by a query for a count and an example.
type check struct {
	name, what, query string
	mend              []string
	server            bool // PostgreSQL only: SQLite files hold only what this program wrote
}

const sqlReached = `WITH RECURSIVE reached(task_id) AS (
		SELECT t.task_id FROM tasks t WHERE t.parent_task_id IS NULL OR NOT EXISTS (SELECT 1 FROM tasks p WHERE p.task_id = t.parent_task_id)
		UNION SELECT c.task_id FROM reached JOIN tasks c ON c.parent_task_id = reached.task_id)`

// checks say what can be wrong in rows of other writers. What is mended changes no meaning: what is gone stays gone, and nobody's words are changed.
var checks = []check{
	{
		name: "parent gone", what: "tasks whose parent does not exist; they are shown as they are, as roots of what is below them",
		query: `SELECT count(*), min({hex(}t.task_id{hex)}) FROM tasks t WHERE t.parent_task_id IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM tasks p WHERE p.task_id = t.parent_task_id)`,
	}, {
		name: "cycle", what: "tasks that are their own ancestors; trees end there",
		query: sqlReached + ` SELECT count(*), min({hex(}t.task_id{hex)}) FROM tasks t WHERE NOT EXISTS (SELECT 1 FROM reached r WHERE r.task_id = t.task_id)`,
	}, {
		name: "listed subtask gone", what: "subtask lists that name tasks which do not exist; mending takes those out", server: true,
		query: `SELECT count(*), min({hex(}t.task_id{hex)}) FROM tasks t WHERE EXISTS (SELECT FROM unnest(t.subtask_id_list) AS u(child)
			WHERE NOT EXISTS (SELECT FROM tasks c WHERE c.task_id = u.child))`,
		mend: []string{`UPDATE tasks t SET version = version + 1, subtask_id_list = ARRAY(SELECT u.child FROM unnest(t.subtask_id_list) WITH ORDINALITY AS u(child, place)
			WHERE EXISTS (SELECT FROM tasks c WHERE c.task_id = u.child) ORDER BY u.place)
			WHERE EXISTS (SELECT FROM unnest(t.subtask_id_list) AS u(child) WHERE NOT EXISTS (SELECT FROM tasks c WHERE c.task_id = u.child))`},
	}, {
		name: "listed subtask of another", what: "subtask lists that name a task which names another parent, or itself an ancestor", server: true,
		query: `SELECT count(*), min({hex(}t.task_id{hex)}) FROM tasks t WHERE EXISTS (SELECT FROM unnest(t.subtask_id_list) AS u(child)
			JOIN tasks c ON c.task_id = u.child WHERE c.parent_task_id IS DISTINCT FROM t.task_id)`,
	}, {
		name: "subtask not listed", what: "children that their parent's list lacks, which upstream does not see; mending adds them", server: true,
		query: `SELECT count(*), min({hex(}c.task_id{hex)}) FROM tasks c JOIN tasks p ON p.task_id = c.parent_task_id
			WHERE NOT c.task_id = ANY (coalesce(p.subtask_id_list, '{}'))`,
		mend: []string{`UPDATE tasks p SET version = version + 1, subtask_id_list = coalesce(p.subtask_id_list, '{}') || ARRAY(SELECT c.task_id FROM tasks c
			WHERE c.parent_task_id = p.task_id AND NOT c.task_id = ANY (coalesce(p.subtask_id_list, '{}')) ORDER BY c.created, c.task_id)
			WHERE EXISTS (SELECT FROM tasks c WHERE c.parent_task_id = p.task_id AND NOT c.task_id = ANY (coalesce(p.subtask_id_list, '{}')))`},
	}, {
		name: "NULL in a task", what: "tasks with NULL where upstream's own code fails on it (lists, links, flags, counts); mending writes what is empty", server: true,
		query: `SELECT count(*), min({hex(}task_id{hex)}) FROM tasks WHERE subtask_id_list IS NULL OR result_successes IS NULL OR result_failures IS NULL
			OR result_links IS NULL OR terminate IS NULL OR retry IS NULL OR result_error_count IS NULL`,
		mend: []string{`UPDATE tasks SET version = version + 1, subtask_id_list = coalesce(subtask_id_list, '{}'), result_successes = coalesce(result_successes, '{}'),
			result_failures = coalesce(result_failures, '{}'), result_links = coalesce(result_links, '{}'), terminate = coalesce(terminate, false),
			retry = coalesce(retry, 0), result_error_count = coalesce(result_error_count, 0)
			WHERE subtask_id_list IS NULL OR result_successes IS NULL OR result_failures IS NULL OR result_links IS NULL OR terminate IS NULL
			OR retry IS NULL OR result_error_count IS NULL`},
	}, {
		name: "task without state", what: "tasks without a state, an action or a date, or with a state that is none; nothing runs them",
		query: `SELECT count(*), min({hex(}task_id{hex)}) FROM tasks WHERE status IS NULL OR action IS NULL OR created IS NULL
			OR status NOT IN ('requested', 'queued', 'running', 'terminating', 'terminated', 'complete')`,
	}, {
		name: "odd id", what: "tasks whose id is no UUID; they cannot be asked for",
		query: `SELECT count(*), min({hex(}task_id{hex)}) FROM tasks WHERE length(task_id) <> 16`,
	}, {
		name: "JSON in JSON", what: "node filters and links that are a text which holds JSON; mending unpacks them", server: true,
		query: `SELECT count(*), min({hex(}task_id{hex)}) FROM tasks WHERE json_typeof(node_filter) = 'string' AND node_filter #>> '{}' ~ '^\s*[{\[]'
			OR json_typeof(result_links) = 'string' AND result_links #>> '{}' ~ '^\s*[{\[]'`,
		mend: []string{
			`UPDATE tasks SET version = version + 1, node_filter = (node_filter #>> '{}')::json
				WHERE json_typeof(node_filter) = 'string' AND node_filter #>> '{}' ~ '^\s*[{\[]'`,
			`UPDATE tasks SET version = version + 1, result_links = (result_links #>> '{}')::json
				WHERE json_typeof(result_links) = 'string' AND result_links #>> '{}' ~ '^\s*[{\[]'`,
		},
	}, {
		name: "odd links", what: "links of another form than relations with lists of URIs; what can be read of them is shown", server: true,
		query: `SELECT count(*), min({hex(}task_id{hex)}) FROM tasks WHERE json_typeof(result_links) NOT IN ('object', 'null', 'string')`,
	}, {
		name: "message without task", what: "messages of tasks that do not exist; mending deletes them",
		query: `SELECT count(*), min({hex(}m.task_id{hex)}) FROM result_message m WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.task_id = m.task_id)`,
		mend:  []string{`DELETE FROM result_message WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.task_id = result_message.task_id)`},
	}, {
		name: "build data incomplete", what: "build data without a node, a task, a generator or a format, at which upstream's own code fails",
		query: `SELECT count(*), min(node_name) FROM build_data WHERE node_name IS NULL OR task_id IS NULL OR generator IS NULL OR data_format IS NULL
			OR data_element IS NULL`,
	}, {
		name: "leader without term", what: "a lease that names no term, no holder or no end; mending gives it up, so that anybody may lead",
		query: `SELECT count(*), min({hex(}identity{hex)}) FROM active_instance WHERE term IS NULL OR identity IS NULL OR expires IS NULL`,
		mend:  []string{`DELETE FROM active_instance WHERE term IS NULL OR identity IS NULL OR expires IS NULL`},
	}, {
		name: "message numbers run out", what: "more than half of the numbers that a message can have are used; see docs/adopting.md", server: true,
		query: `SELECT count(*), min(last_value::text) FROM pg_sequences WHERE sequencename = 'result_message_sequence_seq' AND last_value > max_value / 2`,
	},
}

// doctorTime bounds one visit; reading tens of millions of rows takes minutes.
const doctorTime = time.Hour

// Doctor looks for what is wrong with the data and returns what it found; with mend it also mends what can be mended, each ailment in a transaction
// of its own. Its queries read whole tables.
func (s *Store) Doctor(ctx context.Context, mend bool) ([]Ailment, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	var found []Ailment
	for i := range checks {
		c := &checks[i]
		if c.server && s.writer != nil {
			continue
		}
		a := Ailment{Name: c.name, What: c.what, Mendable: len(c.mend) > 0}
		err := s.read(ctx, "look for "+c.name, func(ctx context.Context, q querier) error {
			var example sql.NullString
			err := q.QueryRowContext(ctx, s.d.text(c.query)).Scan(&a.Rows, &example)
			a.Example = example.String
			return err
		})
		if err != nil {
			return nil, err
		}
		if a.Rows == 0 {
			continue
		}
		if mend && a.Mendable {
			if a.Mended, err = s.mend(ctx, c); err != nil {
				return nil, fmt.Errorf("mend %s: %w", c.name, err)
			}
		}
		found = append(found, a)
	}
	return found, nil
}

// mend runs what mends an ailment, and counts the rows.
func (s *Store) mend(ctx context.Context, c *check) (mended int64, err error) {
	err = s.write(ctx, "mend", func(ctx context.Context, q querier) error {
		mended = 0
		for _, statement := range c.mend {
			r, err := q.ExecContext(ctx, s.d.text(statement))
			if err != nil {
				return err
			}
			mended += affected(r)
		}
		return nil
	})
	return mended, err
}
