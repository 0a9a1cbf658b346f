package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"drydock"
)

// The lease is one row, compared and stamped by the database's clock only. A change of holder locks the row FOR UPDATE, which waits for the writes
// that hold it by the fence; a renewal is a plain update and waits for nothing. Terms are remembered by lease_history, so they grow also when the
// row has been deleted by a release.
const (
	sqlLeaseLocked = `SELECT identity, name, term, acquired, expires, expires > {clock} FROM active_instance WHERE dummy_key = 1 {for update}`
	sqlLease       = `SELECT identity, name, term, acquired, expires FROM active_instance WHERE dummy_key = 1 AND expires > {clock}`
	sqlNextTerm    = `SELECT coalesce(max(term), 0) + 1 FROM lease_history`
	sqlTakeNew     = `INSERT INTO active_instance (dummy_key, identity, name, term, last_ping, acquired, expires)
		VALUES (1, $1, $2, $3, {clock}, {clock}, {clock} + $4 {us}) ON CONFLICT (dummy_key) DO NOTHING RETURNING acquired, expires`
	sqlTakeOver = `UPDATE active_instance SET identity = $1, name = $2, term = $3, last_ping = {clock}, acquired = {clock}, expires = {clock} + $4 {us}
		WHERE dummy_key = 1 RETURNING acquired, expires`
	sqlRenew = `UPDATE active_instance SET last_ping = {clock}, expires = {clock} + $3 {us}
		WHERE dummy_key = 1 AND identity = $1 AND term = $2 AND expires > {clock} RETURNING expires`
	sqlRelease      = `DELETE FROM active_instance WHERE dummy_key = 1 AND identity = $1 AND term = $2`
	sqlStartTerm    = `INSERT INTO lease_history (term, identity, name, started) VALUES ($1, $2, $3, $4)`
	sqlEndTerm      = `UPDATE lease_history SET ended = {clock}, reason = $2 WHERE term = $1 AND ended IS NULL`
	sqlEndTerms     = `UPDATE lease_history SET ended = $2, reason = $1 WHERE ended IS NULL`
	sqlLeaseHistory = `SELECT term, identity, name, started, ended, reason FROM lease_history ORDER BY term DESC {limit(}$1{)}`
)

// AcquireLease takes the lease for ttl if nobody holds it, with a term above every earlier one. holder is the UUID of this orchestrator instance, new
// at every process start; name is for people. Who holds it already gets it renewed. ErrConflict says who leads and until when.
func (s *Store) AcquireLease(ctx context.Context, holder, name string, ttl time.Duration) (drydock.Lease, error) {
	me := drydock.TaskID(holder)
	if idBytes(me) == nil || ttl < time.Microsecond {
		return drydock.Lease{}, fmt.Errorf("acquire lease: %w: holder %q must be a UUID and the time to live %v positive", drydock.ErrInvalid, holder, ttl)
	}
	if err := checkText("name", name, drydock.MaxName); err != nil {
		return drydock.Lease{}, fmt.Errorf("acquire lease: %w", err)
	}
	l := drydock.Lease{Holder: string(idText(idBytes(me))), Name: name}
	// Most campaigns are lost; those should lock nothing.
	now, err := s.CurrentLease(ctx)
	if err == nil && now.Holder != l.Holder {
		return drydock.Lease{}, fmt.Errorf("acquire lease: %w", heldBy(now))
	}
	if err == nil {
		now, err = s.RenewLease(ctx, now, ttl)
		if err == nil || !errors.Is(err, drydock.ErrLeaseLost) { // it may have expired just now
			return now, err
		}
	} else if !errors.Is(err, drydock.ErrNotFound) {
		return drydock.Lease{}, err
	}
	err = s.write(ctx, "acquire lease", func(ctx context.Context, q querier) error { return s.take(ctx, q, &l, ttl) })
	if err != nil {
		return drydock.Lease{}, err
	}
	s.bells.ring(TopicLease)
	return l, nil
}

func (s *Store) take(ctx context.Context, q querier, l *drydock.Lease, ttl time.Duration) error {
	text := sqlTakeOver
	var old leaseRow
	var live flag
	switch err := q.QueryRowContext(ctx, s.d.text(sqlLeaseLocked)).Scan(append(old.targets(), &live)...); {
	case errors.Is(err, sql.ErrNoRows):
		text = sqlTakeNew
	case err != nil:
		return err
	case bool(live):
		return heldBy(old.lease())
	}
	if err := q.QueryRowContext(ctx, s.d.text(sqlNextTerm)).Scan(&l.Term); err != nil {
		return err
	}
	var acquired, expires instant
	me := idBytes(drydock.TaskID(l.Holder))
	err := q.QueryRowContext(ctx, s.d.text(text), me, l.Name, l.Term, ttl.Microseconds()).Scan(&acquired, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: another instance took the lease just now", drydock.ErrConflict)
	}
	if err != nil {
		return err
	}
	l.Acquired, l.Expires = acquired.Time, expires.Time
	if _, err := q.ExecContext(ctx, s.d.text(sqlEndTerms), "expired", s.d.time(l.Acquired)); err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, s.d.text(sqlStartTerm), l.Term, me, l.Name, s.d.time(l.Acquired))
	return err
}

func heldBy(l drydock.Lease) error {
	return fmt.Errorf("%w: %s (%s) leads, term %d until %s", drydock.ErrConflict, l.Name, l.Holder, l.Term, l.Expires.Format(time.RFC3339Nano))
}

// RenewLease keeps l for another ttl from now. ErrLeaseLost: it has expired, even if nobody took it yet, or another holds it.
func (s *Store) RenewLease(ctx context.Context, l drydock.Lease, ttl time.Duration) (drydock.Lease, error) {
	if ttl < time.Microsecond {
		return drydock.Lease{}, fmt.Errorf("renew lease: %w: the time to live %v must be positive", drydock.ErrInvalid, ttl)
	}
	err := s.writeOne(ctx, "renew lease", func(ctx context.Context, q querier) error {
		var expires instant
		err := q.QueryRowContext(ctx, s.d.text(sqlRenew), idBytes(drydock.TaskID(l.Holder)), l.Term, ttl.Microseconds()).Scan(&expires)
		if errors.Is(err, sql.ErrNoRows) {
			return leaseLost(l)
		}
		l.Expires = expires.Time
		return err
	})
	if err != nil {
		return drydock.Lease{}, err
	}
	return l, nil
}

// ReleaseLease gives l up at once, so that another can lead without waiting for its expiry. ErrLeaseLost: it was not held any more.
func (s *Store) ReleaseLease(ctx context.Context, l drydock.Lease, reason string) error {
	if err := checkText("reason", reason, drydock.MaxContext); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	err := s.write(ctx, "release lease", func(ctx context.Context, q querier) error {
		// The history first: a trigger on the row says "released" where nobody said more.
		if _, err := q.ExecContext(ctx, s.d.text(sqlEndTerm), l.Term, reason); err != nil {
			return err
		}
		r, err := q.ExecContext(ctx, s.d.text(sqlRelease), idBytes(drydock.TaskID(l.Holder)), l.Term)
		if err == nil && affected(r) == 0 {
			err = leaseLost(l)
		}
		return err
	})
	if err == nil {
		s.bells.ring(TopicLease)
	}
	return err
}

// CurrentLease says who leads now, or ErrNotFound.
func (s *Store) CurrentLease(ctx context.Context) (l drydock.Lease, err error) {
	err = s.read(ctx, "get lease", func(ctx context.Context, q querier) error {
		var row leaseRow
		err := q.QueryRowContext(ctx, s.d.text(sqlLease)).Scan(row.targets()...)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: nobody holds the lease", drydock.ErrNotFound)
		}
		l = row.lease()
		return err
	})
	return l, err
}

// LeaseHistory lists the last terms, newest first: who led, from when to when, and why it ended. limit is at most drydock.MaxPage, 0 means
// drydock.DefaultPage.
func (s *Store) LeaseHistory(ctx context.Context, limit int) (list []drydock.LeaseTerm, err error) {
	if limit, err = pageSize(limit); err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	err = s.read(ctx, "list leases", func(ctx context.Context, q querier) error {
		rows, err := q.QueryContext(ctx, s.d.text(sqlLeaseHistory), limit)
		return each(rows, err, func(rows *sql.Rows) error {
			var t drydock.LeaseTerm
			var holder id
			var started, ended instant
			err := rows.Scan(&t.Term, &holder, &t.Name, &started, &ended, &t.Reason)
			t.Holder, t.Started, t.Ended = string(holder.TaskID), started.Time, ended.Time
			list = append(list, t)
			return err
		})
	})
	return list, err
}

type leaseRow struct {
	holder            id
	name              sql.NullString
	term              sql.NullInt64
	acquired, expires instant
}

func (r *leaseRow) targets() []any {
	return []any{&r.holder, &r.name, &r.term, &r.acquired, &r.expires}
}

func (r *leaseRow) lease() drydock.Lease {
	return drydock.Lease{
		Holder: string(r.holder.TaskID), Name: r.name.String, Term: r.term.Int64, Acquired: r.acquired.Time, Expires: r.expires.Time,
	}
}
