package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// TestErasedBytes looks for what was erased: in all that can be selected at
// once, in the files of the database after VACUUM FULL, as operators are told.
func TestErasedBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT PASSED: it needs a database server")
	}
	ctx := context.Background()
	db := database{cluster.Database(t)}
	d := db.Open(t)
	defer d.Close()
	tab := reports("report")
	out, err := d.Append(ctx, 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{tab}, At: 1}})
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	const canary = "CanaryOfPerson"
	r := rand.New(rand.NewPCG(1, 1))
	write := func(it store.Item) {
		t.Helper()
		if out, err := d.Append(ctx, 1, []store.Item{it}); err != nil || out[0].Err != nil {
			t.Fatal(err, out)
		}
	}
	key := report(7, r)[0]
	for i := range 12 {
		row := report(i, r)
		row[2] = value.OfText("an ordinary title")
		write(item(tab, [][]value.Value{row}))
		if i%4 == 3 {
			row := report(7, r)
			row[2] = value.OfText(fmt.Sprint(canary, i))
			write(item(tab, [][]value.Value{row}))
		}
	}
	gone := make([]value.Value, tab.Width())
	gone[0] = key
	remove := item(tab, nil)
	remove.Request.Changes = []commit.Change{{Dataset: tab.Name, Op: commit.Delete, Row: gone}}
	write(remove)

	conn, err := pgx.Connect(ctx, db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	selected := func() (n int) {
		t.Helper()
		rows, err := conn.Query(ctx, "SELECT format('SELECT count(*) FROM %s t WHERE position($1::text in t::text)>0 OR position(encode($1::text::bytea,''hex'') in t::text)>0',c.oid::regclass) "+
			"FROM pg_class c JOIN pg_namespace s ON s.oid=c.relnamespace WHERE c.relkind='r' AND s.nspname IN ('huong','city')")
		if err != nil {
			t.Fatal(err)
		}
		queries, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(queries) < 8 {
			t.Fatal(err, queries)
		}
		for _, sql := range queries {
			var here int
			if err := conn.QueryRow(ctx, sql, canary).Scan(&here); err != nil {
				t.Fatal(sql, err)
			}
			n += here
		}
		return n
	}
	if selected() < 5 {
		t.Fatal("the canary is not there to begin with")
	}
	record := item(tab, [][]value.Value{report(99, r)})
	if _, err := d.Erase(ctx, 1, store.Erasure{Table: tab, Key: []value.Value{key}, Item: record}); err != nil {
		t.Fatal(err)
	}
	if n := selected(); n != 0 {
		t.Errorf("%d rows still hold it", n)
	}
	for _, sql := range []string{"VACUUM (FULL, ANALYZE) city.report", "VACUUM (FULL, ANALYZE) city.report__history", "VACUUM (FULL, ANALYZE) huong.log", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	var base string
	if err := conn.QueryRow(ctx, "SELECT current_setting('data_directory')||'/base/'||oid FROM pg_database WHERE datname=current_database()").Scan(&base); err != nil {
		t.Fatal(err)
	}
	read := 0
	err = filepath.WalkDir(base, func(path string, f fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the server removes files of its own as it likes; what is gone holds nothing
		}
		if err != nil || f.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		read++
		if n := bytes.Count(b, []byte(canary)); n > 0 {
			t.Errorf("%s still holds it %d times", f.Name(), n)
		}
		return nil
	})
	if err != nil || read < 100 {
		t.Fatalf("%d files: %v", read, err)
	}
	_, err = d.Verify(ctx, []*dataset.Table{tab}, func(int64, int64) {}, func(f store.Fault) error {
		t.Errorf("fault %+v", f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
