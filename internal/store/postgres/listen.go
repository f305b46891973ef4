package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// Listener is what a driver offers beside store.Driver when other processes may
// append to its database.
type Listener interface {
	// Listen calls fn with the head's seq whenever some process has appended,
	// until ctx ends or the connection is lost, whose error it returns. What it
	// tells is a hint: hints may be missing, so whoever follows also asks from
	// time to time.
	Listen(ctx context.Context, fn func(seq int64)) error
}

var _ Listener = (*Driver)(nil)

// Listen waits on a connection of its own.
func (d *Driver) Listen(ctx context.Context, fn func(seq int64)) error {
	conn, err := pgx.ConnectConfig(ctx, d.read.Config().ConnConfig)
	if err != nil {
		return translate(ctx, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return translate(ctx, err)
	}
	// Whatever was appended before the connection listened is told now.
	h, err := d.Head(ctx)
	if err != nil {
		return err
	}
	fn(h.Seq)
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return translate(ctx, err)
		}
		if seq, err := strconv.ParseInt(n.Payload, 10, 64); err == nil {
			fn(seq)
		}
	}
}
