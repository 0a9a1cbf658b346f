package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"drydock"
)

const (
	sqlSetBootContext = `INSERT INTO boot_action (node_name, task_id, identity_key) VALUES ($1, $2, $3)
		ON CONFLICT (node_name) DO UPDATE SET task_id = excluded.task_id, identity_key = excluded.identity_key`
	sqlBootContext      = `SELECT node_name, task_id, identity_key FROM boot_action WHERE node_name = $1`
	sqlInsertBootAction = `INSERT INTO boot_action_status (node_name, action_id, action_name, task_id, identity_key, action_status)
		VALUES ($1, $2, $3, $4, $5, $6)`
	bootActionColumns = `s.action_id, s.node_name, s.action_name, s.task_id, s.identity_key, s.action_status`
	sqlBootAction     = `SELECT ` + bootActionColumns + ` FROM boot_action_status s WHERE s.action_id = $1`
	// Only the present deployment's: rows of earlier ones stay for ever and may have the same names.
	sqlBootActions = `SELECT ` + bootActionColumns + ` FROM boot_action c JOIN boot_action_status s ON s.task_id = c.task_id
		WHERE c.node_name = $1 AND s.node_name = $1 ORDER BY s.action_id {limit(}$2{)}`
	sqlReportBootAction = `UPDATE boot_action_status SET action_status = $2 WHERE action_id = $1 AND action_status = 'incomplete' RETURNING action_id`
)

// SetBootContext says which deployment a node is in now; it replaces an earlier one. ErrInvalid: no node, task or key.
func (s *Store) SetBootContext(ctx context.Context, c drydock.BootContext) error {
	if c.Node == "" || idBytes(c.Task) == nil || len(c.Key) == 0 {
		return fmt.Errorf("set boot context: %w: it needs a node, a task and a key", drydock.ErrInvalid)
	}
	if err := checkText("node name", c.Node, drydock.MaxNodeName); err != nil {
		return fmt.Errorf("set boot context: %w", err)
	}
	return s.writeOne(ctx, "set boot context", func(ctx context.Context, q querier) error {
		_, err := q.ExecContext(ctx, s.d.text(sqlSetBootContext), c.Node, idBytes(c.Task), c.Key)
		return err
	})
}

// BootContext returns the deployment that a node is in, or ErrNotFound.
func (s *Store) BootContext(ctx context.Context, node string) (c drydock.BootContext, err error) {
	err = s.read(ctx, "get boot context", func(ctx context.Context, q querier) error {
		var task id
		err := q.QueryRowContext(ctx, s.d.text(sqlBootContext), node).Scan(&c.Node, &task, &c.Key)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: boot context of node %q", drydock.ErrNotFound, node)
		}
		c.Task = task.TaskID
		return err
	})
	return c, err
}

// AddBootActions records what a node will run, all or nothing. ErrConflict: an id exists; ErrInvalid: an id is no ULID, or a field is missing.
func (s *Store) AddBootActions(ctx context.Context, actions ...drydock.BootAction) error {
	for i := range actions {
		a := &actions[i]
		err := first(checkText("node name", a.Node, drydock.MaxNodeName), checkText("boot action name", a.Name, drydock.MaxName))
		switch {
		case err != nil:
		case a.Node == "" || a.Name == "" || idBytes(a.Task) == nil || drydock.ULIDBytes(a.ID) == nil:
			err = fmt.Errorf("%w: a boot action needs a ULID, a node, a name and a task", drydock.ErrInvalid)
		case a.Status != drydock.ResultIncomplete && a.Status != drydock.ResultUnreported:
			err = fmt.Errorf("%w: a boot action begins incomplete or unreported, not %q", drydock.ErrInvalid, a.Status)
		}
		if err != nil {
			return fmt.Errorf("add boot action %s: %w", a.ID, err)
		}
	}
	return s.write(ctx, "add boot actions", func(ctx context.Context, q querier) error {
		for i := range actions {
			a := &actions[i]
			_, err := q.ExecContext(ctx, s.d.text(sqlInsertBootAction), a.Node, drydock.ULIDBytes(a.ID), a.Name, idBytes(a.Task), a.Key, string(a.Status))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// BootActions lists what a node runs in its present deployment, in order of id, at most drydock.MaxPage.
func (s *Store) BootActions(ctx context.Context, node string) (list []drydock.BootAction, err error) {
	err = s.read(ctx, "list boot actions", func(ctx context.Context, q querier) error {
		rows, err := q.QueryContext(ctx, s.d.text(sqlBootActions), node, drydock.MaxPage)
		return each(rows, err, func(rows *sql.Rows) error {
			var a drydock.BootAction
			err := scanBootAction(rows.Scan, &a)
			list = append(list, a)
			return err
		})
	})
	return list, err
}

// BootAction returns one boot action by its ULID, in either case, or ErrNotFound.
func (s *Store) BootAction(ctx context.Context, ulid string) (a drydock.BootAction, err error) {
	err = s.read(ctx, "get boot action", func(ctx context.Context, q querier) error {
		err := scanBootAction(q.QueryRowContext(ctx, s.d.text(sqlBootAction), drydock.ULIDBytes(ulid)).Scan, &a)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: boot action %.40q", drydock.ErrNotFound, ulid)
		}
		return err
	})
	return a, err
}

// ReportBootAction records what a node reports of a boot action: how it ended, once, and messages about it, which become messages of the task of the
// node's deployment, together or not at all. An empty status says that the action goes on. Of several reports that race to end an action one wins; the
// others, and reports of an action that has ended or does not signal, get ErrConflict and leave no messages. Messages of a deployment whose task has
// been deleted are dropped. ErrNotFound: no such action; ErrInvalid: neither status nor messages, another status, or a limit of package drydock.
func (s *Store) ReportBootAction(ctx context.Context, ulid string, status drydock.ResultStatus, m ...drydock.Message) (drydock.BootAction, error) {
	if status != drydock.ResultSuccess && status != drydock.ResultFailure && (status != "" || len(m) == 0) {
		return drydock.BootAction{}, fmt.Errorf("report boot action: %w: %q is neither success nor failure", drydock.ErrInvalid, status)
	}
	if err := checkMessages(m); err != nil {
		return drydock.BootAction{}, fmt.Errorf("report boot action: %w", err)
	}
	a, err := s.BootAction(ctx, ulid)
	if err != nil {
		return a, err
	}
	won := false
	list := make([]messageInsert, len(m))
	for i := range m {
		list[i] = messageInsert{a.Task, m[i]}
	}
	write := s.writeOne
	if len(m) > 0 {
		write = s.write
	}
	err = write(ctx, "report boot action", func(ctx context.Context, q querier) error {
		won = false
		// Without a status the row is only locked: as incomplete as it was.
		rows, err := q.QueryContext(ctx, s.d.text(sqlReportBootAction), drydock.ULIDBytes(ulid), cmp.Or(string(status), string(drydock.ResultIncomplete)))
		if err := each(rows, err, func(*sql.Rows) error { won = true; return nil }); err != nil || !won || len(list) == 0 {
			return err
		}
		if err := s.insertMessages(ctx, q, list); !errors.Is(err, drydock.ErrNotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return drydock.BootAction{}, err
	}
	if won && len(list) > 0 {
		s.bells.ring(string(a.Task))
	}
	a, err = s.BootAction(ctx, ulid)
	if err == nil && !won {
		err = fmt.Errorf("report boot action: %w: boot action %s is %s, which is final", drydock.ErrConflict, a.ID, a.Status)
	}
	return a, err
}

func scanBootAction(scan func(...any) error, a *drydock.BootAction) error {
	var task id
	var ulid []byte
	var node, name, status sql.NullString
	err := scan(&ulid, &node, &name, &task, &a.Key, &status)
	a.ID, a.Node, a.Name, a.Task, a.Status = drydock.ULIDText(ulid), node.String, name.String, task.TaskID, drydock.ResultStatus(status.String)
	return err
}
