package sqlite

import (
	"database/sql/driver"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/store/storetest"
)

// Alter implements storetest.Falsifier.
func (b *database) Alter(t *testing.T, table *dataset.Table, r *rand.Rand) (a storetest.Alteration, ok bool) {
	p, err := newPlan(table)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dial(b.dir+"/"+File, 1<<10, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	from, cols := "", []string(nil)
	switch r.IntN(8) {
	case 0, 1, 2:
		a.Where, from, cols = "log", "_log", []string{"seq", "at", "actor", "source", "reason", "key", "count", "counts", "proof", "proof", "codec", "payload", "payload", "payload"}
	case 3, 4:
		a.Where, from, cols = "tree", "_tree", []string{"first", "hashes", "hashes", "hashes"}
	case 5:
		a.Where, from, cols = "head", "_head", []string{"epoch", "seq", "at", "catalog", "peaks", "peaks"}
	case 6:
		a.Where, from, cols = "table", p.table, append([]string{"_version"}, p.cols...)
	default:
		a.Where, from, cols = "history", p.history, append([]string{"_version", "_until"}, p.cols...)
	}
	col := cols[r.IntN(len(cols))]
	row := make([]driver.Value, 2)
	found, err := c.first("SELECT rowid,"+col+" FROM "+from+" ORDER BY rowid LIMIT 1 OFFSET (SELECT ? % count(*) FROM "+from+")", []driver.Value{r.Int64N(1 << 30)}, row)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := row[0].(int64)
	was, is := row[1], flip(row[1], r)
	if !found || is == nil {
		return a, false
	}
	if err := c.exec("UPDATE "+from+" SET "+col+"=? WHERE rowid=?", is, id); err != nil {
		return a, false // it would break a constraint of the table
	}
	now := id
	switch {
	case a.Where == "log" && col == "seq", col == "first":
		now, _ = is.(int64) // the number of the row is the value
	case a.Where == "log":
		a.Seq = id
	}
	a.What = fmt.Sprintf("%s.%s of row %d: %v for %v", from, col, id, is, was)
	a.Undo = func() {
		c, err := dial(b.dir+"/"+File, 1<<10, false)
		if err == nil {
			defer c.close()
			err = c.exec("UPDATE "+from+" SET "+col+"=? WHERE rowid=?", was, now)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return a, true
}

// flip alters one byte of a value; nil when it cannot.
func flip(x driver.Value, r *rand.Rand) driver.Value {
	with := byte(1 + r.IntN(255))
	switch x := x.(type) {
	case int64:
		return x ^ int64(with)<<(8*r.IntN(8))
	case float64:
		f := math.Float64frombits(math.Float64bits(x) ^ uint64(with)<<(8*r.IntN(8)))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
		return f
	case string:
		if x == "" {
			return nil
		}
		b := []byte(x)
		b[r.IntN(len(b))] ^= with
		return string(b)
	case []byte:
		if len(x) == 0 {
			return nil
		}
		b := append([]byte{}, x...)
		b[r.IntN(len(b))] ^= with
		return b
	}
	return nil
}
