package postgres

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// TestUpgradeOfADatabaseWithoutTree takes a database back to the form that it
// had before there was a tree, and opens it.
func TestUpgradeOfADatabaseWithoutTree(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT PASSED: it needs a database server")
	}
	ctx := context.Background()
	db := database{cluster.Database(t)}
	d := db.Open(t)
	tab := reports("report")
	r := rand.New(rand.NewPCG(1, 1))
	items := []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{tab}, At: 1}}
	out, err := d.Append(ctx, 0, items)
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	items = nil
	for i := range plantPage + 7 {
		items = append(items, item(tab, [][]value.Value{report(i, r)}))
	}
	var many [][]value.Value
	for i := range 300 { // a large entry, compressed
		many = append(many, report(5000+i, r))
	}
	if _, err := d.Append(ctx, 1, append(items, item(tab, many))); err != nil {
		t.Fatal(err)
	}
	before, err := d.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, db.url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.PgConn().Exec(ctx, "DELETE FROM huong.migration WHERE version=3; DROP TABLE huong.tree; ALTER TABLE huong.log RENAME COLUMN proof TO hash;"+
		"ALTER TABLE huong.head RENAME COLUMN peaks TO hash; UPDATE huong.log SET hash='\\x00'; UPDATE huong.head SET hash='\\x00'").ReadAll()
	conn.Close(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var told []int64
	up, err := Open(ctx, db.url, Options{Readers: 4, Upgrading: func(done, total int64) { told = append(told, done, total) }})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	if n := len(told); n < 4 || told[n-2] != before.Seq || told[n-1] != before.Seq {
		t.Errorf("told %v of %d entries", told, before.Seq)
	}
	sound := func() {
		t.Helper()
		_, err := up.Verify(ctx, []*dataset.Table{tab}, func(int64, int64) {}, func(f store.Fault) error {
			t.Errorf("fault %+v", f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sound()
	after, err := up.Head(ctx)
	if err != nil || after.Position != before.Position || after.At != before.At || after.Catalog != before.Catalog || after.Root == before.Root {
		t.Errorf("head %+v after %+v: %v", after, before, err)
	}
	if _, err := up.Append(ctx, 1, []store.Item{item(tab, [][]value.Value{report(9000, r)})}); err != nil {
		t.Fatal(err)
	}
	sound()
}
