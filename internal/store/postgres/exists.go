package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/problem"
)

// Exists tells whether the database at url holds a city, without making
// anything there. Errors are those of Open.
func Exists(ctx context.Context, url string) (bool, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		// The parser's own words may hold the password.
		return false, problem.New(problem.Invalid, "database-address")
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return false, translate(ctx, err)
	}
	var found bool
	head := namesFor(c.RuntimeParams["search_path"]).meta + ".head"
	err = conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", head).Scan(&found)
	if e := conn.Close(ctx); err == nil {
		err = e
	}
	return found, translate(ctx, err)
}
