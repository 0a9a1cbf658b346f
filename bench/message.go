package bench

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"drydock"
)

const (
	targets = 1_000 // tasks that messages are appended to
	many    = 1_000 // messages of one batch
	said    = "Document baremetal/n17 of the site was read, checked and found to be as it should be."
	about   = "drydock/BaremetalNode/n17"
)

var messageColumns = []string{"task_id", "message", "error", "context_type", "context", "ts", "extra"}

const sqlBareMessage = `INSERT INTO result_message (task_id, message, error, context_type, context, ts, extra) VALUES ($1, $2, $3, $4, $5, {clock}, $6)`

func prepareAppend(ctx context.Context, l *lab) (ours, bare side, err error) {
	to, err := l.seeded(ctx, targets, "bench-append", drydock.StatusComplete)
	if err != nil {
		return ours, bare, err
	}
	insert, err := l.stmt(ctx, l.write, sqlBareMessage)
	if err != nil {
		return ours, bare, err
	}
	m := drydock.Message{Text: said, ContextType: "document", Context: about}
	ours = calling(func(ctx context.Context, c *client) error {
		return l.store.AddMessages(ctx, to[c.rng.IntN(targets)].id, m)
	})
	bare = calling(func(ctx context.Context, c *client) error {
		_, err := insert.ExecContext(ctx, to[c.rng.IntN(targets)].raw, said, false, "document", about, "{}")
		return err
	})
	return ours, bare, nil
}

func prepareAppendMany(ctx context.Context, l *lab) (ours, bare side, err error) {
	to, err := l.seeded(ctx, targets, "bench-append", drydock.StatusComplete)
	if err != nil {
		return ours, bare, err
	}
	list := make([]drydock.Message, many)
	for i := range list {
		list[i] = drydock.Message{Text: said, ContextType: "document", Context: about}
	}
	ours = calling(func(ctx context.Context, c *client) error {
		return l.store.AddMessages(ctx, to[c.rng.IntN(targets)].id, list...)
	})
	if l.postgres {
		bare = calling(func(ctx context.Context, c *client) error { return l.copyMessages(ctx, to[c.rng.IntN(targets)].raw) })
		return ours, bare, nil
	}
	insert, err := l.stmt(ctx, l.write, sqlBareMessage)
	bare = calling(func(ctx context.Context, c *client) error {
		raw := to[c.rng.IntN(targets)].raw
		return l.inTransaction(ctx, insert, many, func(s *sql.Stmt, _ int) error {
			_, err := s.ExecContext(ctx, raw, said, false, "document", about, "{}")
			return err
		})
	})
	return ours, bare, err
}

// copyMessages appends by COPY, which knows no expressions: the time is ours.
func (l *lab) copyMessages(ctx context.Context, raw []byte) error {
	conn, err := l.write.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(driver any) error {
		now := time.Now().UTC()
		n, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"result_message"}, messageColumns, pgx.CopyFromSlice(many, func(int) ([]any, error) {
			return []any{raw, said, false, "document", about, now, "{}"}, nil
		}))
		if err == nil && n != many {
			err = errShort
		}
		return err
	})
	return errors.Join(err, conn.Close())
}
