package bench

import (
	"context"
	"time"

	"github.com/google/uuid"
)

const sqlBareRenewal = `UPDATE active_instance SET last_ping = {clock}, expires = {clock} + $3 {us}
	WHERE dummy_key = 1 AND identity = $1 AND term = $2 AND expires > {clock} RETURNING expires`

func prepareRenewal(ctx context.Context, l *lab) (ours, bare side, err error) {
	holder, err := uuid.Parse(l.lease.Holder)
	if err != nil {
		return ours, bare, err
	}
	renew, err := l.stmt(ctx, l.write, sqlBareRenewal)
	if err != nil {
		return ours, bare, err
	}
	ours = calling(func(ctx context.Context, _ *client) error {
		_, err := l.store.RenewLease(ctx, l.lease, leaseTime)
		return err
	})
	bare = calling(func(ctx context.Context, _ *client) error {
		if l.postgres {
			var expires time.Time
			return renew.QueryRowContext(ctx, holder[:], l.lease.Term, leaseTime.Microseconds()).Scan(&expires)
		}
		var expires int64
		return renew.QueryRowContext(ctx, holder[:], l.lease.Term, leaseTime.Microseconds()).Scan(&expires)
	})
	return ours, bare, nil
}
