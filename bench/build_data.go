package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"drydock"
)

const (
	nodes      = 20
	generators = 10
	elements   = 100 // of each generator of each node
)

const (
	sqlSeedBuildData = `INSERT INTO build_data (node_name, task_id, collected_date, generator, data_format, data_element)
		SELECT 'node-' || (s.i % 20), $4, {instant}, 'generator-' || (s.i / 20 % 10), 'text/plain', $5 FROM {series(}$3{)}`

	// The generators by one look-up each, then the newest element of each: faster than to sort or group the node's history.
	sqlBareLatest = `WITH RECURSIVE g(name) AS (
			SELECT min(generator) FROM build_data WHERE node_name = $1
			UNION ALL SELECT (SELECT min(generator) FROM build_data WHERE node_name = $1 AND generator > g.name) FROM g WHERE g.name IS NOT NULL)
		SELECT b.node_name, b.task_id, b.collected_date, b.generator, b.data_format, b.data_element FROM g JOIN build_data b ON b.{row} =
			(SELECT x.{row} FROM build_data x WHERE x.node_name = $1 AND x.generator = g.name ORDER BY x.collected_date DESC LIMIT 1)`
)

func prepareBuildData(ctx context.Context, l *lab) (ours, bare side, err error) {
	list, err := l.seeded(ctx, 1, "bench-collect", drydock.StatusComplete)
	if err != nil {
		return ours, bare, err
	}
	text := strings.Repeat("what a generator found out. ", 15)
	_, err = l.write.ExecContext(ctx, l.text(sqlSeedBuildData), l.time(time.Now().Add(-time.Hour)), time.Millisecond.Microseconds(),
		nodes*generators*elements, list[0].raw, text)
	if err != nil {
		return ours, bare, fmt.Errorf("make build data: %w", err)
	}
	latest, err := l.stmt(ctx, l.read, sqlBareLatest)
	if err != nil {
		return ours, bare, err
	}
	names := make([]string, nodes)
	for i := range names {
		names[i] = fmt.Sprintf("node-%d", i)
	}
	ours = calling(func(ctx context.Context, c *client) error {
		i := c.rng.IntN(nodes)
		p, err := l.store.BuildData(ctx, drydock.BuildDataQuery{Nodes: names[i : i+1], Latest: true})
		if err == nil && len(p.Data) != generators {
			err = errShort
		}
		return err
	})
	bare = calling(func(ctx context.Context, c *client) error {
		var node, generator, format, data sql.NullString
		var task []byte
		var at sql.NullTime
		var micros sql.NullInt64
		when := any(&micros)
		if l.postgres {
			when = &at
		}
		rows, err := latest.QueryContext(ctx, names[c.rng.IntN(nodes)])
		n, err := drain(rows, err, &node, &task, when, &generator, &format, &data)
		if err == nil && n != generators {
			err = errShort
		}
		return err
	})
	return ours, bare, nil
}
