package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"drydock"
)

// Upstream's table of build data has no key, and may get no column, so a row's place in the table breaks ties between equal times: the later one
// counts as newer as long as the database has not reused space.
const (
	sqlInsertBuildData = `INSERT INTO build_data (node_name, task_id, collected_date, generator, data_format, data_element)
		VALUES ($1, $2, coalesce($3, {clock}), $4, $5, $6)`
	buildDataColumns = `b.node_name, b.task_id, b.collected_date, b.generator, b.data_format, b.data_element`

	// Which nodes have which generators is found by one index look-up for each pair, never by reading the history; then the newest of each.
	sqlPairsOfNodes = `WITH RECURSIVE g(node_name, generator) AS (
			SELECT n.node, (SELECT min(b.generator) FROM build_data b WHERE b.node_name = n.node) FROM {nodes(}$1{) AS u} AS n
			UNION ALL SELECT g.node_name, (SELECT min(b.generator) FROM build_data b WHERE b.node_name = g.node_name AND b.generator > g.generator)
				FROM g WHERE g.generator IS NOT NULL)
		SELECT node_name, generator, row_number() OVER (ORDER BY node_name, generator) AS place FROM g
		WHERE (node_name, generator) > ($2, $3) AND generator IS NOT NULL AND ($4 = '' OR generator = $4) ORDER BY node_name, generator {limit(}$5{)}`
	sqlPairsOfNode = `WITH RECURSIVE g(generator, place) AS (
			SELECT min(generator), 1 FROM build_data WHERE node_name = $1 AND generator > $2
			UNION ALL SELECT (SELECT min(b.generator) FROM build_data b WHERE b.node_name = $1 AND b.generator > g.generator), g.place + 1
				FROM g WHERE g.generator IS NOT NULL)
		SELECT CAST($1 AS text) AS node_name, generator, place FROM g WHERE generator IS NOT NULL {limit(}$3{)}`
	sqlPairs = `WITH RECURSIVE g(node_name, generator, place) AS (
			SELECT * FROM (SELECT node_name, generator, 1 FROM build_data WHERE (node_name, generator) > ($1, $2) ORDER BY node_name, generator LIMIT 1) AS head
			UNION ALL SELECT n.node_name, n.generator, g.place + 1 FROM g JOIN build_data n ON n.{row} = (SELECT x.{row} FROM build_data x
				WHERE (x.node_name, x.generator) > (g.node_name, g.generator) ORDER BY x.node_name, x.generator LIMIT 1))
		SELECT node_name, generator, place FROM g {limit(}$3{)}`
	sqlPairsOfGenerator = `WITH RECURSIVE g(node_name, generator, place) AS (
			SELECT min(node_name), CAST($2 AS text), 1 FROM build_data WHERE node_name > $1
			UNION ALL SELECT (SELECT min(x.node_name) FROM build_data x WHERE x.node_name > g.node_name), g.generator, g.place + 1
				FROM g WHERE g.node_name IS NOT NULL)
		SELECT node_name, generator, place FROM g WHERE EXISTS (SELECT 1 FROM build_data e WHERE e.node_name = g.node_name AND e.generator = g.generator) {limit(}$3{)}`

	sqlLatest = `SELECT ` + buildDataColumns + `, CAST(k.place AS text) FROM (%s) AS k JOIN build_data b ON b.{row} = (SELECT y.{row} FROM build_data y
			WHERE y.node_name = k.node_name AND y.generator = k.generator ORDER BY y.collected_date DESC, y.{row} DESC LIMIT 1)`
)

// AddBuildData adds to the history of nodes, all or nothing. Data without a time gets the database's. ErrInvalid: a limit of package drydock is
// exceeded, or node, task or generator is missing.
func (s *Store) AddBuildData(ctx context.Context, data ...drydock.BuildData) error {
	for i := range data {
		if err := checkBuildData(&data[i]); err != nil {
			return fmt.Errorf("add build data: %w", err)
		}
	}
	if len(data) == 0 {
		return nil
	}
	insert := s.writeOne
	if len(data) > 1 {
		insert = s.write
	}
	return insert(ctx, "add build data", func(ctx context.Context, q querier) error {
		for i := range data {
			b := &data[i]
			_, err := q.ExecContext(ctx, s.d.text(sqlInsertBuildData), b.Node, idBytes(b.Task), s.d.time(b.Collected), b.Generator, b.Format, b.Data)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// BuildData lists build data, newest first; with Latest, by node and generator. A page holds whole elements, so it can be large. ErrInvalid: a limit,
// a cursor that is none, or a query without node and task that does not ask for the latest.
func (s *Store) BuildData(ctx context.Context, query drydock.BuildDataQuery) (drydock.BuildDataPage, error) {
	limit, err := pageSize(query.Limit)
	if err != nil {
		return drydock.BuildDataPage{}, fmt.Errorf("list build data: %w", err)
	}
	query.Limit = limit
	switch {
	case query.Latest && len(query.Tasks) > 0:
		err = fmt.Errorf("%w: ask for the latest of a node or for the data of a task, not for both", drydock.ErrInvalid)
	case !query.Latest && len(query.Tasks) == 0 && len(query.Nodes) == 0:
		err = fmt.Errorf("%w: name a node or a task, or ask for the latest", drydock.ErrInvalid)
	case max(len(query.Nodes), len(query.Tasks)) > drydock.MaxPage:
		err = fmt.Errorf("%w: %d nodes or tasks in one query, at most %d", drydock.ErrInvalid, max(len(query.Nodes), len(query.Tasks)), drydock.MaxPage)
	}
	if err != nil {
		return drydock.BuildDataPage{}, fmt.Errorf("list build data: %w", err)
	}
	if query.Latest {
		return s.latestBuildData(ctx, &query)
	}
	return s.buildDataPage(ctx, &query)
}

func (s *Store) buildDataPage(ctx context.Context, query *drydock.BuildDataQuery) (page drydock.BuildDataPage, err error) {
	var w where
	if len(query.Tasks) == 1 {
		w.add("b.task_id = %", idBytes(query.Tasks[0]))
	} else if len(query.Tasks) > 1 {
		w.add("b.task_id {ids(}%{)}", s.d.ids(query.Tasks))
	}
	if len(query.Nodes) == 1 {
		w.add("b.node_name = %", query.Nodes[0])
	} else if len(query.Nodes) > 1 {
		w.add("b.node_name {texts(}%{)}", s.d.texts(query.Nodes))
	}
	if query.Generator != "" {
		w.add("b.generator = %", query.Generator)
	}
	if query.After != "" {
		c, err := readCursor(query.After)
		if err != nil {
			return page, fmt.Errorf("list build data: %w", err)
		}
		w.add("(b.collected_date, b.{row}) < (%,", s.d.time(time.UnixMicro(c.At)))
		w.args = append(w.args, c.Row)
		w.conditions[len(w.conditions)-1] += fmt.Sprintf(" $%d{row cast})", len(w.args))
	}
	w.args = append(w.args, query.Limit)
	text := `SELECT ` + buildDataColumns + `, b.{row}{row text} FROM build_data b` + w.text() + fmt.Sprintf(` ORDER BY b.collected_date DESC, b.{row} DESC {limit(}$%d{)}`, len(w.args))
	err = s.read(ctx, "list build data", func(ctx context.Context, q querier) error {
		rows, err := s.scanBuildData(ctx, q, text, w.args...)
		for i := range rows {
			page.Data = append(page.Data, rows[i].BuildData)
		}
		if n := len(rows); n == query.Limit {
			page.Next = cursor{At: rows[n-1].Collected.UnixMicro(), Row: rows[n-1].place}.String()
		}
		return err
	})
	return page, err
}

// latestBuildData goes node by node where nodes are named, else through all of them.
func (s *Store) latestBuildData(ctx context.Context, query *drydock.BuildDataQuery) (page drydock.BuildDataPage, err error) {
	var c cursor
	if query.After != "" {
		if c, err = readCursor(query.After); err != nil {
			return page, fmt.Errorf("list build data: %w", err)
		}
	}
	var pairs string
	var args []any
	switch {
	case len(query.Nodes) == 1 && query.Generator == "" && (c.Node == "" || c.Node == query.Nodes[0]): // the usual question
		pairs, args = sqlPairsOfNode, []any{query.Nodes[0], c.Generator, query.Limit}
	case len(query.Nodes) > 0:
		pairs, args = sqlPairsOfNodes, []any{s.d.texts(query.Nodes), c.Node, c.Generator, query.Generator, query.Limit}
	case query.Generator != "":
		pairs, args = sqlPairsOfGenerator, []any{c.Node, query.Generator, query.Limit}
	default:
		pairs, args = sqlPairs, []any{c.Node, c.Generator, query.Limit}
	}
	text := fmt.Sprintf(sqlLatest, pairs)
	err = s.read(ctx, "list latest build data", func(ctx context.Context, q querier) error {
		rows, err := s.scanBuildData(ctx, q, text, args...)
		// In order here: a sort in the database would carry the data along.
		slices.SortFunc(rows, func(a, b placed) int { return cmp.Or(len(a.place)-len(b.place), strings.Compare(a.place, b.place)) })
		for i := range rows {
			page.Data = append(page.Data, rows[i].BuildData)
		}
		if n := len(rows); n == query.Limit {
			page.Next = cursor{Node: rows[n-1].Node, Generator: rows[n-1].Generator}.String()
		}
		return err
	})
	return page, err
}

// placed is build data and its place: in the table, or (a number) in the order of a list.
type placed struct {
	drydock.BuildData
	place string
}

func (s *Store) scanBuildData(ctx context.Context, q querier, text string, args ...any) ([]placed, error) {
	var list []placed
	rows, err := q.QueryContext(ctx, s.d.text(text), args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var node, generator, format, data sql.NullString
		var task id
		var at instant
		var place string
		err := rows.Scan(&node, &task, &at, &generator, &format, &data, &place)
		list = append(list, placed{drydock.BuildData{
			Node: node.String, Task: task.TaskID, Generator: generator.String, Format: format.String, Collected: at.Time, Data: data.String,
		}, place})
		return err
	})
	return list, err
}

// cursor is a place in a list of build data.
type cursor struct {
	At        int64  `json:"t,omitempty"`
	Row       string `json:"r,omitempty"`
	Node      string `json:"n,omitempty"`
	Generator string `json:"g,omitempty"`
}

func (c cursor) String() string {
	raw, _ := json.Marshal(c) // numbers and text always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

func readCursor(s string) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || len(c.Row) > 32 || strings.Trim(c.Row, "0123456789(),") != "" {
		return c, fmt.Errorf("%w: %.60q is no cursor; use the one that the previous page gave", drydock.ErrInvalid, s)
	}
	return c, nil
}
