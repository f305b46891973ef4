package pgtest

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestCluster(t *testing.T) {
	c := New(Settings{})
	defer c.Stop()
	url := c.Database(t)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := conn.QueryRow(ctx, "SELECT ST_AsText(ST_MakePoint(107.5, 16.4))").Scan(&text); err != nil || text != "POINT(107.5 16.4)" {
		t.Fatalf("%q, %v", text, err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Crash(); err != nil {
		t.Fatal(err)
	}
	if conn, err = pgx.Connect(ctx, url); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Fatal(err)
	}
	dir := c.dir
	c.Stop()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("the cluster's files are still there: %v", err)
	}
}
