package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// retryAfter is what a client is told to wait for a database that is away.
const retryAfter = 5 * time.Second

// translate makes an error that may leave the package: nil, the caller's own
// cancellation, ErrCatalogMoved and problems pass; the rest becomes a problem
// whose cause only the log shows.
func translate(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, store.ErrCatalogMoved) {
		return err
	}
	if e, ok := errors.AsType[*problem.Error](err); ok {
		return e
	}
	if c := ctx.Err(); c != nil {
		return c
	}
	switch {
	case away(err):
		e := problem.Wrap(err, problem.Unavailable, "busy")
		e.RetryAfter = retryAfter
		return e
	case unfit(err):
		return problem.Wrap(err, problem.Invalid, store.ValueOutOfRange)
	}
	return problem.Wrap(err, problem.Internal, "internal")
}

func state(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// again tells that the same transaction may succeed when it is run again.
func again(err error) bool {
	s := state(err)
	return s == "40001" || s == "40P01"
}

// away tells that the database cannot serve now: no connection, shutting down,
// out of resources, over the statement timeout.
func away(err error) bool {
	if s := state(err); s != "" {
		return strings.HasPrefix(s, "08") || strings.HasPrefix(s, "53") || strings.HasPrefix(s, "57") || strings.HasPrefix(s, "58") ||
			s == "25006" || s == "55P03" || again(err)
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.Timeout(err) || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}

// unfit tells that the database cannot hold a value: a data exception, a text
// too long for an index, a geometry that PostGIS cannot read.
func unfit(err error) bool {
	s := state(err)
	return strings.HasPrefix(s, "22") || strings.HasPrefix(s, "54") || s == "XX000"
}
