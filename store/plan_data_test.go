package store_test

import (
	"fmt"
	"testing"
	"time"

	"drydock"
)

// The data of the plan tests: a store with years of history. In each tree of 20 the first is the root, the next three are its children and the rest
// theirs; only the newest trees are queued or running.
type planSize struct{ tasks, messages, data, nodes, actions int }

// planSizeOf is smaller on SQLite under the race detector, which slows the filling by an order of magnitude and has nothing to find in a planner.
func planSizeOf(sqlite bool) planSize {
	n := 1
	if sqlite && raced {
		n = 10
	}
	return planSize{tasks: 100_000 / n, messages: 1_000_000 / n, data: 100_000 / n, nodes: 500 / n, actions: 30_000 / n}
}

// planID is the id of the n-th task: scattered, as random ones are.
func planID(n int) drydock.TaskID {
	digits := fmt.Sprintf("%016x%016x", (n*2654435761)%9007199254740993, n)
	id, _ := drydock.ParseTaskID(digits) // 32 digits
	return id
}

// planSQL fills the tables in one dialect's words.
type planSQL struct{ series, id, blob, now, minute, list, yes, no string }

func planWords(sqlite bool, now time.Time) planSQL {
	if sqlite {
		return planSQL{
			series: "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s) AS s",
			id:     "unhex(printf('%%016x%%016x', ((%[1]s) * 2654435761) %% 9007199254740993, (%[1]s)))",
			blob:   "unhex(printf('%%032x', %s))", now: fmt.Sprint(now.UnixMicro()), minute: "60000000", list: "'[]'", yes: "1", no: "0",
		}
	}
	return planSQL{
		series: "generate_series(1, %d) AS s(n)",
		id:     "decode(lpad(to_hex(((%[1]s)::bigint * 2654435761) %% 9007199254740993), 16, '0') || lpad(to_hex(%[1]s), 16, '0'), 'hex')",
		blob:   "decode(lpad(to_hex(%s), 32, '0'), 'hex')", now: "timestamp '" + now.UTC().Format("2006-01-02 15:04:05.000000") + "'",
		minute: "interval '1 minute'", list: "'{}'", yes: "true", no: "false",
	}
}

func (d planSQL) rows(n int) string { return fmt.Sprintf(d.series, n) }

func (d planSQL) statements(size planSize) []string {
	id := func(n string) string { return fmt.Sprintf(d.id, n) }
	place := "(s.n - 1) % 20"
	parent := "CASE WHEN " + place + " = 0 THEN NULL WHEN " + place + " <= 3 THEN " + id("s.n - "+place) + " ELSE " + id("s.n - "+place+" + 1 + s.n % 3") + " END"
	status := fmt.Sprintf("CASE WHEN s.n <= %d THEN 'complete' WHEN s.n %% 4 = 0 THEN 'running' ELSE 'queued' END", size.tasks-400)
	result := "CASE WHEN s.n % 50 = 0 THEN 'failure' ELSE 'success' END"
	action := "CASE s.n % 5 WHEN 0 THEN 'noop' WHEN 1 THEN 'deploy_nodes' WHEN 2 THEN 'verify_site' WHEN 3 THEN 'prepare_nodes' ELSE 'deploy_node' END"
	return []string{
		`INSERT INTO tasks (task_id, parent_task_id, subtask_id_list, result_status, result_error_count, result_successes, result_failures, retry, status, created,
			created_by, updated, design_ref, request_context, node_filter, action, terminate, result_links, term, version, attempt, idempotency_key)
			SELECT ` + id("s.n") + `, ` + parent + `, ` + d.list + `, ` + result + `, 0, ` + d.list + `, ` + d.list + `, 0, ` + status + `, ` +
			d.now + ` - (` + fmt.Sprint(size.tasks) + ` - s.n) * ` + d.minute + `, CASE s.n % 3 WHEN 0 THEN 'ann' ELSE 'bob' END, NULL, 'file:///design.yaml', 'null',
			'null', ` + action + `, ` + d.no + `, '{}', 1, 1, 1, CASE WHEN s.n % 10 = 0 THEN 'key-' || s.n END FROM ` + d.rows(size.tasks),
		fmt.Sprintf(`INSERT INTO result_message (task_id, message, error, context, context_type, ts, extra)
			SELECT %s, 'message', CASE WHEN s.n %% 10 = 0 THEN %s ELSE %s END, 'node', 'n1', %s, '{}' FROM %s`,
			id(fmt.Sprintf("1 + (s.n - 1) / %d", size.messages/size.tasks)), d.yes, d.no, d.now, d.rows(size.messages)),
		fmt.Sprintf(`INSERT INTO build_data (node_name, task_id, collected_date, generator, data_format, data_element)
			SELECT 'n' || (s.n %% %d), %s, %s - (%d - s.n) * %s, 'g' || (s.n / %[1]d %% 8), 'text/plain', 'data' FROM %[6]s`,
			size.nodes, id("1 + s.n % 10000"), d.now, size.data, d.minute, d.rows(size.data)),
		fmt.Sprintf(`INSERT INTO boot_action (node_name, task_id, identity_key) SELECT 'n' || s.n, %s, NULL FROM %s`, id("s.n"), d.rows(size.nodes)),
		fmt.Sprintf(`INSERT INTO boot_action_status (node_name, action_id, action_name, task_id, action_status)
			SELECT 'n' || (s.n %% %d), %s, 'a', %s, 'success' FROM %s`, size.nodes, fmt.Sprintf(d.blob, "s.n"), id("1 + s.n % 10000"), d.rows(size.actions)),
		`ANALYZE`,
	}
}

// fillPlanData makes the history, whose newest task is from now.
func fillPlanData(t testing.TB, db rawDB, now time.Time) {
	t.Helper()
	begin := time.Now()
	if db.sqlite {
		db.SetMaxOpenConns(1)
		db.exec(t, `PRAGMA synchronous = OFF`)
		db.exec(t, `PRAGMA cache_size = -200000`)
	}
	size := planSizeOf(db.sqlite)
	for _, statement := range planWords(db.sqlite, now).statements(size) {
		db.exec(t, statement)
	}
	t.Logf("%d tasks and %d messages made in %s", size.tasks, size.messages, time.Since(begin))
}
