package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// errStop ends a stream early without being an error of it.
var errStop = errors.New("postgres: enough")

// passed carries a callback's own error through, so that it is returned unchanged.
type passed struct{ error }

func (p passed) Unwrap() error { return p.error }

// stream runs one query and hands its rows over as they come off the wire, in
// binary form and valid during the call. The server is told to stop when fn
// fails or the lifetime of a read is over.
func (d *Driver) stream(ctx context.Context, sql string, args []any, fn func(raw [][]byte) error) error {
	return d.streamOn(ctx, d.read, sql, args, fn)
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (d *Driver) streamOn(ctx context.Context, q querier, sql string, args []any, fn func(raw [][]byte) error) error {
	bounded, cancel := context.WithTimeout(ctx, d.options.ReadLifetime)
	defer cancel()
	err := streamRows(bounded, q, sql, args, fn)
	if p, ok := errors.AsType[passed](err); ok {
		return p.error
	}
	if errors.Is(err, errStop) {
		return nil
	}
	return translate(ctx, err)
}

func streamRows(ctx context.Context, q querier, sql string, args []any, fn func(raw [][]byte) error) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	rows, err := q.Query(inner, sql, append([]any{pgx.QueryResultFormats{1}}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.RawValues()); err != nil {
			stop() // do not read the rest of what may be millions of rows
			if errors.Is(err, errWire) || errors.Is(err, errStop) {
				return err
			}
			return passed{err}
		}
	}
	return rows.Err()
}
