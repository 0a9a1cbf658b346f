package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"drydock"
)

// Loss is what Detach would cut: values longer than upstream's column holds.
type Loss struct {
	Table, Column string
	Width         int    // characters that upstream's column holds
	Rows          int64  // with longer values
	Example       string // one of them; empty for references, which may hold a password
}

// narrow are the columns that were widened, as upstream declares them.
var narrow = []struct {
	table, column string
	width         int
	array         bool
}{
	{"tasks", "result_status", 32, false},
	{"tasks", "result_message", 128, false},
	{"tasks", "result_reason", 128, false},
	{"tasks", "result_successes", 32, true},
	{"tasks", "result_failures", 32, true},
	{"tasks", "status", 32, false},
	{"tasks", "created_by", 16, false},
	{"tasks", "design_ref", 128, false},
	{"tasks", "action", 32, false},
	{"tasks", "terminated_by", 16, false},
	{"result_message", "message", 1024, false},
	{"result_message", "context", 64, false},
	{"result_message", "context_type", 16, false},
	{"boot_action_status", "action_name", 64, false},
	{"boot_action_status", "action_status", 32, false},
	{"build_data", "node_name", 32, false},
	{"build_data", "generator", 256, false},
	{"build_data", "data_format", 32, false},
}

// added are the columns that upstream does not have.
var added = map[string][]string{
	"tasks":           {"term", "version", "attempt", "orphaned", "heartbeat", "idempotency_key", "resolution"},
	"active_instance": {"term", "name", "acquired", "expires"},
}

var detachFirst = []string{
	`DROP TRIGGER IF EXISTS drydock_foreign_task ON tasks`,
	`DROP TRIGGER IF EXISTS drydock_foreign_message ON result_message`,
	`DROP TRIGGER IF EXISTS drydock_upstream_takes ON active_instance`,
	`DROP TRIGGER IF EXISTS drydock_upstream_pings ON active_instance`,
	`DROP TRIGGER IF EXISTS drydock_upstream_took ON active_instance`,
	`DROP TRIGGER IF EXISTS drydock_upstream_took_over ON active_instance`,
	`DROP TRIGGER IF EXISTS drydock_upstream_leaves ON active_instance`,
	`DROP FUNCTION IF EXISTS drydock_foreign_task(), drydock_foreign_message(), drydock_uncut(varchar[], varchar[]), drydock_upstream_lease(),
		drydock_upstream_led(), drydock_upstream_leaves()`,
	`DROP TABLE IF EXISTS lease_history, designs`,
	`DROP INDEX IF EXISTS tasks_created, tasks_queued, tasks_active, tasks_failed, tasks_parent, tasks_idempotency_key, tasks_design, result_message_task,
		result_message_error, build_data_latest, build_data_collected, build_data_node`,
}

var detachLast = []string{
	`ALTER TABLE result_message ALTER COLUMN sequence TYPE integer`,
	`ALTER SEQUENCE result_message_sequence_seq AS integer`,
	`DROP TABLE schema_version`,
}

// Detach removes from a PostgreSQL database all that this program added and leaves upstream's tables, columns and indexes, in one transaction: the
// tables are rewritten, and locked until it ends, so upstream should not be working. What has no room in upstream's columns is listed and refused
// with ErrConflict; with force it is cut. ErrConflict also while an orchestrator of ours leads, and for a database that was not migrated.
func (s *Store) Detach(ctx context.Context, force bool) ([]Loss, error) {
	if s.writer != nil {
		return nil, fmt.Errorf("detach: %w: upstream has no SQLite", drydock.ErrInvalid)
	}
	p, err := s.patient(ctx)
	if err != nil {
		return nil, s.failed(ctx, "detach", err)
	}
	defer p.close()
	var lost []Loss
	err = p.transact(ctx, "detach", func(ctx context.Context, q querier) error {
		if ours, err := s.hasTable(ctx, q, "schema_version"); err != nil || !ours {
			return fmt.Errorf("%w: nothing of this program's is here", drydock.ErrConflict)
		}
		if err := s.leading(ctx); err != nil {
			return err
		}
		if lost, err = s.losses(ctx, q); err != nil {
			return err
		}
		if len(lost) > 0 && !force {
			return fmt.Errorf("%w: %s", drydock.ErrConflict, describeLosses(lost))
		}
		for _, statement := range slices.Concat(detachFirst, narrowAll(), detachLast) {
			if err := s.interrupted(statement); err != nil {
				return err
			}
			if _, err := q.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%.60s: %w", statement, err)
			}
		}
		return nil
	})
	return lost, err
}

func describeLosses(lost []Loss) string {
	var list []string
	for _, l := range lost {
		text := fmt.Sprintf("%d rows of %s.%s are longer than upstream's %d characters", l.Rows, l.Table, l.Column, l.Width)
		if l.Example != "" {
			text += fmt.Sprintf(" (%.60q)", l.Example)
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

// losses counts the values that are too long for upstream.
func (s *Store) losses(ctx context.Context, q querier) ([]Loss, error) {
	var lost []Loss
	for _, c := range narrow {
		text := `SELECT count(*), coalesce(min(v), '') FROM (SELECT t.%[2]s AS v FROM %[1]s t) AS u WHERE char_length(v) > %[3]d`
		if c.array {
			text = `SELECT count(*), coalesce(min(v), '') FROM (SELECT unnest(t.%[2]s) AS v FROM %[1]s t) AS u WHERE char_length(v) > %[3]d`
		}
		l := Loss{Table: c.table, Column: c.column, Width: c.width}
		if err := q.QueryRowContext(ctx, fmt.Sprintf(text, c.table, c.column, c.width)).Scan(&l.Rows, &l.Example); err != nil {
			return nil, err
		}
		if c.column == "design_ref" {
			l.Example = ""
		}
		if l.Rows > 0 {
			lost = append(lost, l)
		}
	}
	return lost, nil
}

// narrowAll is one ALTER for each table, so that each is rewritten once.
func narrowAll() []string {
	changes := map[string][]string{}
	for _, c := range narrow {
		kind := fmt.Sprintf("varchar(%d)", c.width)
		if c.array {
			kind += "[]"
		}
		changes[c.table] = append(changes[c.table], fmt.Sprintf("ALTER COLUMN %[1]s TYPE %[2]s USING %[1]s::%[2]s", c.column, kind))
	}
	for table, columns := range added {
		for _, c := range columns {
			changes[table] = append(changes[table], "DROP COLUMN IF EXISTS "+c)
		}
	}
	var list []string
	for _, table := range []string{"tasks", "result_message", "boot_action_status", "build_data", "active_instance"} {
		list = append(list, "ALTER TABLE "+table+" "+strings.Join(changes[table], ", "))
	}
	return list
}
