package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"drydock"
)

const (
	designGrace = time.Hour       // after it was last brought, retention leaves a design that no task refers to yet
	designYouth = 5 * time.Minute // the same, where room is needed
	designBatch = 100             // deleted in one transaction

	// References are longer than the digest: a pin may follow it.
	sqlDesignUser = `(SELECT 1 FROM tasks t WHERE substr(t.design_ref, 1, 16) = '` + drydock.DesignPrefix + `'
		AND substr(t.design_ref, 1, 80) = '` + drydock.DesignPrefix + `' || d.digest LIMIT 1)`

	sqlUseDesign     = `UPDATE designs SET used = {clock} WHERE digest = $1 RETURNING created`
	sqlDesignsSize   = `SELECT CAST(coalesce(sum(size), 0) AS bigint) FROM designs`
	sqlInsertDesign  = `INSERT INTO designs (digest, size, created, used, body) VALUES ($1, $2, $3, $3, $4)`
	sqlDesign        = `SELECT body FROM designs WHERE digest = $1`
	sqlUnusedDesigns = `SELECT d.digest, d.size FROM designs d WHERE d.used < $1 AND ` + sqlDesignUser + ` IS NULL ORDER BY d.used, d.digest {limit(}$2{)}`
	sqlCountDesigns  = `SELECT count(*) FROM designs d WHERE d.used < $1 AND ` + sqlDesignUser + ` IS NULL`
	sqlDeleteDesigns = `DELETE FROM designs WHERE digest {texts(}$1{)}`
)

// designLimits bound what is kept, in bytes.
type designLimits struct{ one, all int64 }

func newDesignLimits(o Options) designLimits {
	l := designLimits{o.MaxDesign, o.MaxDesigns}
	if l.one <= 0 {
		l.one = drydock.MaxDesign
	}
	if l.all <= 0 {
		l.all = drydock.MaxDesigns
	}
	return l
}

// AddDesign keeps documents; created is false if they are kept already, which their digest decides, so that repeating it is safe. Where there is no
// room, the longest unused that no task refers to make some. ErrInvalid: nothing, or more than one design may have; ErrConflict: no room.
func (s *Store) AddDesign(ctx context.Context, body []byte) (d drydock.StoredDesign, created bool, err error) {
	size := int64(len(body))
	if most := min(s.designs.one, s.designs.all); size == 0 || size > most {
		return d, false, fmt.Errorf("add design: %w: it has %d bytes, 1 to %d are allowed", drydock.ErrInvalid, size, most)
	}
	sum := sha256.Sum256(body)
	d = drydock.StoredDesign{Digest: hex.EncodeToString(sum[:]), Size: size}
	err = s.write(ctx, "add design", func(ctx context.Context, q querier) error {
		if err := s.lockDesigns(ctx, q); err != nil {
			return err
		}
		var at instant
		err := q.QueryRowContext(ctx, s.d.text(sqlUseDesign), d.Digest).Scan(&at)
		if created = errors.Is(err, sql.ErrNoRows); !created {
			d.Created = at.Time
			return err
		}
		if err := s.makeRoom(ctx, q, size); err != nil {
			return err
		}
		if err := q.QueryRowContext(ctx, s.d.text(`SELECT {clock}`)).Scan(&at); err != nil {
			return err
		}
		d.Created = at.Time
		_, err = q.ExecContext(ctx, s.d.text(sqlInsertDesign), d.Digest, size, s.d.time(at.Time), body)
		return err
	})
	if err != nil {
		return drydock.StoredDesign{}, false, err
	}
	return d, created, nil
}

// lockDesigns lets one transaction at a time add or delete designs.
func (s *Store) lockDesigns(ctx context.Context, q querier) error {
	var done string
	return q.QueryRowContext(ctx, s.d.text(`{design lock}`)).Scan(&done)
}

// makeRoom deletes designs that no task refers to, longest unused first, until size more bytes fit. ErrConflict, and nothing is deleted, if they
// would not fit even then.
func (s *Store) makeRoom(ctx context.Context, q querier, size int64) error {
	var total int64
	if err := q.QueryRowContext(ctx, s.d.text(sqlDesignsSize)).Scan(&total); err != nil {
		return err
	}
	if total+size <= s.designs.all {
		return nil
	}
	before, err := s.clockBefore(ctx, q, designYouth)
	if err != nil {
		return err
	}
	var gone []string
	left := total
	rows, err := q.QueryContext(ctx, s.d.text(sqlUnusedDesigns), before, s.designs.all) // as many as there are
	err = each(rows, err, func(rows *sql.Rows) error {
		var digest string
		var n int64
		err := rows.Scan(&digest, &n)
		if left+size > s.designs.all {
			gone = append(gone, digest)
			left -= n
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case left+size > s.designs.all:
		return fmt.Errorf("%w: the designs kept here have %d of the %d bytes allowed, and tasks refer to nearly all of them: delete old tasks "+
			"(drydock task delete), raise [design] max_stored, or serve this design from elsewhere", drydock.ErrConflict, total, s.designs.all)
	}
	_, err = q.ExecContext(ctx, s.d.text(sqlDeleteDesigns), s.d.texts(gone))
	return err
}

// clockBefore is an instant before now by the database's clock, as a parameter.
func (s *Store) clockBefore(ctx context.Context, q querier, ago time.Duration) (any, error) {
	var at instant
	err := q.QueryRowContext(ctx, s.d.text(sqlCutOff), ago.Microseconds()).Scan(&at)
	return s.d.time(at.Time), err
}

// Design returns documents by their digest, or ErrNotFound.
func (s *Store) Design(ctx context.Context, digest string) (body []byte, err error) {
	err = s.read(ctx, "get design", func(ctx context.Context, q querier) error {
		err := q.QueryRowContext(ctx, s.d.text(sqlDesign), digest).Scan(&body)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: design %.80q is not kept here; bring it again", drydock.ErrNotFound, digest)
		}
		return err
	})
	return body, err
}

// purgeDesigns deletes designs that no task refers to any more.
func (s *Store) purgeDesigns(ctx context.Context, r drydock.Retention, p *drydock.Purged) error {
	if r.DryRun {
		return s.read(ctx, "count designs", func(ctx context.Context, q querier) error {
			before, err := s.clockBefore(ctx, q, designGrace)
			if err != nil {
				return err
			}
			return q.QueryRowContext(ctx, s.d.text(sqlCountDesigns), before).Scan(&p.Designs)
		})
	}
	for {
		var gone []string
		err := s.write(ctx, "delete designs", func(ctx context.Context, q querier) error {
			gone = nil
			if err := s.lockDesigns(ctx, q); err != nil {
				return err
			}
			before, err := s.clockBefore(ctx, q, designGrace)
			if err != nil {
				return err
			}
			rows, err := q.QueryContext(ctx, s.d.text(sqlUnusedDesigns), before, designBatch)
			err = each(rows, err, func(rows *sql.Rows) error {
				var digest string
				var n int64
				err := rows.Scan(&digest, &n)
				gone = append(gone, digest)
				return err
			})
			if err != nil || len(gone) == 0 {
				return err
			}
			_, err = q.ExecContext(ctx, s.d.text(sqlDeleteDesigns), s.d.texts(gone))
			return err
		})
		if err != nil || len(gone) == 0 {
			return err
		}
		p.Designs += int64(len(gone))
	}
}
