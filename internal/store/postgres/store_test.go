package postgres

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres/pgtest"
	"huong.city/huong/internal/store/storetest"
)

// cluster serves all tests of the package.
var cluster = pgtest.New(pgtest.Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	durable.Stop()
	os.Exit(code)
}

// database is one of the suite's.
type database struct{ url string }

func (db database) Open(t *testing.T) store.Driver {
	t.Helper()
	d, err := Open(context.Background(), db.url, Options{Readers: 4})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return d
}

func (db database) Restore(t *testing.T, backup io.Reader) storetest.Database {
	t.Helper()
	to := database{cluster.Database(t)}
	if err := Restore(context.Background(), backup, to.url, Options{}); err != nil {
		t.Fatalf("restore: %v", err)
	}
	return to
}

func (db database) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	tag, err := conn.Exec(ctx, sql, args...)
	if err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("%s: %v, %v", sql, tag, err)
	}
}

// falsify sets the first number column of the record with a key to another value.
func (db database) falsify(t *testing.T, into string, tab *dataset.Table, key []value.Value, also string) {
	t.Helper()
	c := &compiler{t: tab, alias: "t."}
	where, err := c.where(store.Query{Table: tab, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for i := range tab.Columns {
		if tab.Columns[i].Kind == value.Float {
			db.exec(t, "UPDATE "+into+" t SET "+column(tab, i)+"=coalesce("+column(tab, i)+",0)+1"+where+also, c.args...)
			return
		}
	}
	t.Fatal("the table has no number")
}

func (db database) TamperRow(t *testing.T, tab *dataset.Table, key []value.Value) {
	db.falsify(t, namesFor("").live(tab.Name), tab, key, "")
}

func (db database) TamperHistory(t *testing.T, tab *dataset.Table, key []value.Value) {
	h := namesFor("").history(tab.Name)
	db.falsify(t, h, tab, key, " AND _version=(SELECT min(_version) FROM "+h+" h WHERE h."+column(tab, tab.Key[0])+"=t."+column(tab, tab.Key[0])+")")
}

func (db database) TamperLog(t *testing.T, seq int64) {
	db.exec(t, "UPDATE huong.log SET reason=reason||'!' WHERE seq=$1", seq)
}

func TestStore(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT PASSED: the suite needs a database server")
	}
	storetest.Run(t, func(t *testing.T) storetest.Database { return database{cluster.Database(t)} })
}

func TestQuoting(t *testing.T) {
	if got := quote(`a"b`); got != `"a""b"` {
		t.Fatal(got)
	}
	if n := tableName(strings.Repeat("x", 80), "__history"); len(n) != maxIdentifier || !strings.HasSuffix(n, "__history") {
		t.Fatal(n)
	}
}
