package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store/storetest"
)

// alterable is a column whose values can be altered by an SQL expression: of is the
// column, $1 a byte that is not 0, $2 a random number.
type alterable struct{ name, of, kind string }

// altering gives the expression that alters one byte of a value of a type; null
// where the result could not be held.
func altering(kind, of string) string {
	byteAt := func(bytes string) string {
		return "CASE WHEN length(" + bytes + ")>0 THEN set_byte(" + bytes + ",($2::bigint%length(" + bytes + "))::int,get_byte(" + bytes + ",($2::bigint%length(" + bytes + "))::int)#$1::int) END"
	}
	switch kind {
	case "bytea":
		return byteAt(of)
	case "bigint":
		return of + "#($1::bigint<<(8*($2::bigint%8))::int)"
	case "boolean":
		return "NOT " + of
	case "date":
		return of + "+($1::int)"
	case "timestamptz":
		return of + "+$1::bigint*interval '1 microsecond'"
	case "double precision":
		return of + "*(1+$1::float8/4)+1"
	case "geometry":
		// The coordinates of a point, behind its byte order and its type.
		return "ST_GeomFromWKB(set_byte(ST_AsBinary(" + of + ",'NDR'),5+($2::bigint%6)::int,get_byte(ST_AsBinary(" + of + ",'NDR'),5+($2::bigint%6)::int)#$1::int),4326)"
	}
	// One ASCII character becomes another; 1 to 31 keeps it one, and not NUL.
	at := "1+($2::bigint%greatest(char_length(" + of + "),1))::int"
	return "CASE WHEN ascii(substr(" + of + "," + at + ",1)) BETWEEN 64 AND 95 OR ascii(substr(" + of + "," + at + ",1)) BETWEEN 97 AND 126 THEN overlay(" + of +
		" placing chr(ascii(substr(" + of + "," + at + ",1))#(1+$1::int%15)) from " + at + ") END"
}

// Alter implements storetest.Falsifier.
func (db database) Alter(t *testing.T, tab *dataset.Table, r *rand.Rand) (a storetest.Alteration, ok bool) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, db.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	n := namesFor("")
	big := func(names ...string) (list []alterable) {
		for _, x := range names {
			list = append(list, alterable{x, x, "bigint"})
		}
		return list
	}
	typed := func(kind string, names ...string) (list []alterable) {
		for _, x := range names {
			list = append(list, alterable{x, x, kind})
		}
		return list
	}
	columns := func(list []alterable) []alterable {
		for i := range tab.Columns {
			kind := sqlType(&tab.Columns[i])
			switch tab.Columns[i].Kind {
			case value.Geometry:
				kind = "geometry"
			case value.Text:
				kind = "text"
			}
			list = append(list, alterable{column(tab, i), column(tab, i), kind})
		}
		return list
	}
	var from string
	var cells []alterable
	switch r.IntN(8) {
	case 0, 1, 2:
		a.Where, from = "log", "huong.log"
		cells = append(append(big("seq", "at"), typed("text", "actor", "source", "reason", "key", "touched")...), typed("bytea", "payload", "payload", "payload", "proof", "proof")...)
	case 3, 4:
		a.Where, from = "tree", "huong.tree"
		cells = append(big("first"), typed("bytea", "hashes", "hashes", "hashes")...)
	case 5:
		a.Where, from = "head", "huong.head"
		cells = append(append(big("seq", "at", "catalog"), typed("text", "epoch")...), typed("bytea", "peaks", "peaks")...)
	case 6:
		a.Where, from = "table", n.live(tab.Name)
		cells = columns(big("_version"))
	default:
		a.Where, from = "history", n.history(tab.Name)
		cells = columns(big("_version", "_until"))
	}
	c := cells[r.IntN(len(cells))]
	var where string
	if err := conn.QueryRow(ctx, "SELECT ctid::text FROM "+from+" ORDER BY ctid OFFSET $1%(SELECT count(*) FROM "+from+") LIMIT 1", r.Int64N(1<<30)).Scan(&where); err != nil {
		t.Fatal(err)
	}
	with, pick := int64(1+r.IntN(255)), r.Int64N(1<<30)
	number := "0"
	if a.Where == "log" {
		number = "n.seq"
	}
	// The old value waits in a table of its own.
	batch := []string{
		"DROP TABLE IF EXISTS public.altered",
		"CREATE TABLE public.altered AS SELECT " + c.of + " AS was FROM " + from + " WHERE ctid='" + where + "'::tid",
	}
	for _, sql := range batch {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	expression := altering(c.kind, "o."+c.of)
	var place string
	err = conn.QueryRow(ctx, "UPDATE "+from+" n SET "+c.name+"=x.v FROM (SELECT "+expression+" AS v,o.ctid AS at FROM "+from+" o WHERE o.ctid='"+where+"'::tid AND ($1::bigint+$2::bigint)>0) x "+
		"WHERE n.ctid=x.at AND x.v IS NOT NULL AND x.v IS DISTINCT FROM n."+c.of+" RETURNING n.ctid::text,"+number+"::bigint", with, pick).Scan(&place, &a.Seq)
	if err != nil {
		return a, false // null, or what the database cannot hold
	}
	if c.name == "seq" {
		a.Seq = 0
	}
	a.What = fmt.Sprintf("%s.%s of row %s of entry %d, byte %d by %#x", from, c.name, where, a.Seq, pick, with)
	a.Undo = func() {
		conn, err := pgx.Connect(ctx, db.url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		tag, err := conn.Exec(ctx, "UPDATE "+from+" SET "+c.name+"=(SELECT was FROM public.altered) WHERE ctid='"+place+"'::tid")
		if err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("undo of %s: %v %v", a.What, tag, err)
		}
	}
	return a, true
}
