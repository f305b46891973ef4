package sqlite

import (
	"context"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/store"
)

// TestUpgradeOfADatabaseWithoutTree takes a database back to the form that it
// had before there was a tree, and opens it.
func TestUpgradeOfADatabaseWithoutTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tab := requests(true)
	declareBench(t, d, tab)
	var items []store.Item
	for _, row := range rowsOf(0, 2*logPage+7, true) {
		items = append(items, store.Item{At: 5, Layouts: map[string]*dataset.Table{tab.Name: tab},
			Request: &commit.Request{Header: commit.Header{Actor: "a", Source: "s", Reason: "r"}, Changes: []commit.Change{{Dataset: tab.Name, Op: commit.Put, Row: row}}}})
	}
	if _, err := d.Append(context.Background(), 1, items); err != nil {
		t.Fatal(err)
	}
	appendRows(t, d, tab, 1, rowsOf(5000, 300, true)) // a large entry, compressed
	before, err := d.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"DROP TABLE _tree", "UPDATE _log SET proof=zeroblob(32)", "UPDATE _head SET peaks=zeroblob(32)",
		"ALTER TABLE _log RENAME COLUMN proof TO hash", "ALTER TABLE _head RENAME COLUMN peaks TO hash", "PRAGMA user_version=1",
	} {
		if err := d.w.run(sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var told []int64
	if d, err = Open(dir, Options{Upgrading: func(done, total int64) { told = append(told, done, total) }}); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n := len(told); n < 4 || told[n-2] != before.Seq || told[n-1] != before.Seq {
		t.Errorf("told %v of %d entries", told, before.Seq)
	}
	sound := func() {
		t.Helper()
		_, err := d.Verify(context.Background(), []*dataset.Table{tab}, nil, func(f store.Fault) error {
			t.Errorf("fault %+v", f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sound()
	after, err := d.Head(context.Background())
	if err != nil || after.Position != before.Position || after.At != before.At || after.Catalog != before.Catalog || after.Root == before.Root {
		t.Errorf("head %+v after %+v: %v", after, before, err)
	}
	appendRows(t, d, tab, 1, rowsOf(9000, 3, true))
	sound()
}
