package storetest

import (
	"context"
	"errors"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Start is the commit time of a test's first batch: 2025-07-01T00:00:00Z.
const Start = int64(1751328000000000)

// col is shorthand for a column; types that hold the kinds one each are enough.
func col(name string, typ dataset.Type) dataset.Column {
	return dataset.Column{Name: name, Type: typ, Kind: typ.Kind()}
}

// table makes a layout whose key is its first column.
func table(name string, cols ...dataset.Column) *dataset.Table {
	return &dataset.Table{
		Name: name, Kind: dataset.Register, Columns: cols, Key: []int{0},
		Time: -1, Area: -1, X: -1, Y: -1, Geometry: -1, Flags: -1,
	}
}

// Station is the layout most tests use: every kind, one key, an index.
func Station() *dataset.Table {
	t := table("water-station",
		col("code", dataset.String), col("name", dataset.String), col("level", dataset.Number),
		col("count", dataset.Integer), col("live", dataset.Boolean), col("since", dataset.DateType),
		col("seenAt", dataset.DateTime), col("place", dataset.GeoPoint), col("tags", dataset.List),
	)
	t.Indexes = [][]int{{1}, {6}}
	t.Geometry = 7
	return t
}

// Ordinals of Station.
const (
	code = iota
	name
	level
	count
	live
	since
	seenAt
	place
	tags
)

func text(s string) value.Value   { return value.OfText(s) }
func num(f float64) value.Value   { return value.OfFloat(f) }
func integer(i int64) value.Value { return value.OfInt(i) }

// station makes a row of Station: the code and as many further values as given.
func station(c string, vs ...value.Value) []value.Value {
	row := make([]value.Value, 9)
	row[0] = text(c)
	copy(row[1:], vs)
	return row
}

// rig is an open driver with the layouts that the test uses.
type rig struct {
	t       testing.TB
	d       store.Driver
	db      Database
	tables  map[string]*dataset.Table
	catalog int64
	at      int64
}

// with opens db and declares the tables.
func with(t *testing.T, db Database, tables ...*dataset.Table) *rig {
	t.Helper()
	r := &rig{t: t, d: db.Open(t), db: db, tables: map[string]*dataset.Table{}, at: Start}
	t.Cleanup(func() { r.d.Close() })
	r.declare(tables...)
	return r
}

// reopen closes the driver and opens the same database again.
func (r *rig) reopen(t *testing.T) {
	t.Helper()
	if err := r.d.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	r.d = r.db.Open(t)
}

func (r *rig) declare(tables ...*dataset.Table) {
	r.t.Helper()
	if len(tables) == 0 {
		return
	}
	for _, t := range tables {
		r.tables[t.Name] = t
	}
	it := r.item()
	it.Tables = tables
	rc := r.ok(it)
	r.catalog = rc.Seq
}

// item makes an item of these changes at the next tick of the test's clock.
func (r *rig) item(changes ...commit.Change) store.Item {
	r.at += 1000
	return store.Item{
		Request: &commit.Request{Header: commit.Header{Actor: "tester", Source: "storetest", Reason: "try"}, Changes: changes},
		Layouts: r.tables, At: r.at,
	}
}

func put(dataset string, row []value.Value) commit.Change {
	return commit.Change{Dataset: dataset, Op: commit.Put, Row: row}
}

func (r *rig) patch(dataset string, key string, set map[int]value.Value) commit.Change {
	w := r.tables[dataset].Width()
	c := commit.Change{Dataset: dataset, Op: commit.Patch, Row: make([]value.Value, w), Mask: make([]bool, w)}
	c.Row[0] = text(key)
	for i, v := range set {
		c.Row[i], c.Mask[i] = v, true
	}
	return c
}

func (r *rig) remove(dataset string, key ...value.Value) commit.Change {
	t := r.tables[dataset]
	c := commit.Change{Dataset: dataset, Op: commit.Delete, Row: make([]value.Value, t.Width())}
	for i, k := range t.Key {
		c.Row[k] = key[i]
	}
	return c
}

// append appends items and demands that the batch as a whole stands.
func (r *rig) append(items ...store.Item) []store.Outcome {
	r.t.Helper()
	out, err := r.d.Append(context.Background(), r.catalog, items)
	if err != nil {
		r.t.Fatalf("append: %v", err)
	}
	if len(out) != len(items) {
		r.t.Fatalf("append: %d outcomes for %d items", len(out), len(items))
	}
	return out
}

// ok appends one item that must succeed.
func (r *rig) ok(it store.Item) commit.Receipt {
	r.t.Helper()
	o := r.append(it)[0]
	if o.Err != nil {
		r.t.Fatalf("append: item refused: %v", o.Err)
	}
	return o.Receipt
}

// put appends one commit of these rows.
func (r *rig) put(dataset string, rows ...[]value.Value) commit.Receipt {
	r.t.Helper()
	cs := make([]commit.Change, len(rows))
	for i, row := range rows {
		cs[i] = put(dataset, row)
	}
	return r.ok(r.item(cs...))
}

// refused appends one item that must be refused with the kind and exactly the
// violations, given as row and code in turn.
func (r *rig) refused(it store.Item, kind problem.Kind, rowsAndCodes ...any) {
	r.t.Helper()
	refusal(r.t, r.append(it)[0].Err, kind, rowsAndCodes...)
}

func refusal(t testing.TB, err error, kind problem.Kind, rowsAndCodes ...any) {
	t.Helper()
	e, isProblem := errors.AsType[*problem.Error](err)
	if !isProblem || e.Kind != kind {
		t.Fatalf("got error %v, want one of kind %v", err, kind)
	}
	if len(e.Violations)*2 != len(rowsAndCodes) {
		t.Fatalf("got violations %+v, want %v", e.Violations, rowsAndCodes)
	}
	for i, v := range e.Violations {
		if v.Row != rowsAndCodes[2*i].(int) || v.Code != rowsAndCodes[2*i+1].(string) {
			t.Fatalf("violation %d is row %d %s, want %v %v", i, v.Row, v.Code, rowsAndCodes[2*i], rowsAndCodes[2*i+1])
		}
	}
}

// head returns the head.
func (r *rig) head() store.Head {
	r.t.Helper()
	h, err := r.d.Head(context.Background())
	if err != nil {
		r.t.Fatalf("head: %v", err)
	}
	return h
}

// read returns all rows of a query, copied.
func (r *rig) read(q store.Query) []store.Row {
	r.t.Helper()
	var rows []store.Row
	err := r.d.Read(context.Background(), q, func(row store.Row) error {
		rows = append(rows, store.Row{Version: row.Version, Values: append([]value.Value(nil), row.Values...)})
		return nil
	})
	if err != nil {
		r.t.Fatalf("read: %v", err)
	}
	return rows
}

// get returns the record of a key, nil when there is none.
func (r *rig) get(dataset string, asOf int64, key ...value.Value) *store.Row {
	r.t.Helper()
	rows := r.read(store.Query{Table: r.tables[dataset], Key: key, AsOf: asOf})
	switch len(rows) {
	case 0:
		return nil
	case 1:
		return &rows[0]
	}
	r.t.Fatalf("a key gave %d rows", len(rows))
	return nil
}

// keys returns the first column of the rows of a query, in order.
func (r *rig) keys(q store.Query) []string {
	r.t.Helper()
	var ks []string
	for _, row := range r.read(q) {
		ks = append(ks, row.Values[0].Text())
	}
	return ks
}

func (r *rig) log(lr store.LogRange) []commit.Entry {
	r.t.Helper()
	if lr.Tables == nil {
		lr.Tables = func(d string) *dataset.Table { return r.tables[d] }
	}
	var es []commit.Entry
	err := r.d.Log(context.Background(), lr, func(e *commit.Entry) error {
		c := *e
		c.Changes = nil
		for _, a := range e.Changes {
			a.Before = clone(a.Before)
			a.After = clone(a.After)
			c.Changes = append(c.Changes, a)
		}
		c.Counts = map[string]int{}
		for k, n := range e.Counts {
			c.Counts[k] = n
		}
		es = append(es, c)
		return nil
	})
	if err != nil {
		r.t.Fatalf("log: %v", err)
	}
	return es
}

// clone copies a row and keeps nil, which means no row, apart from empty.
func clone(row []value.Value) []value.Value {
	if row == nil {
		return nil
	}
	return append([]value.Value{}, row...)
}

func (r *rig) history(dataset string, key ...value.Value) []store.Version {
	r.t.Helper()
	var vs []store.Version
	err := r.d.History(context.Background(), r.tables[dataset], key, func(v store.Version) error {
		v.Values = clone(v.Values)
		vs = append(vs, v)
		return nil
	})
	if err != nil {
		r.t.Fatalf("history: %v", err)
	}
	return vs
}

// verify returns all faults that Verify finds.
func (r *rig) verify() ([]store.Fault, store.VerifyReport) {
	r.t.Helper()
	var tables []*dataset.Table
	for _, t := range r.tables {
		tables = append(tables, t)
	}
	var fs []store.Fault
	rep, err := r.d.Verify(context.Background(), tables, func(done, total int64) {}, func(f store.Fault) error {
		fs = append(fs, f)
		return nil
	})
	if err != nil {
		r.t.Fatalf("verify: %v", err)
	}
	return fs, rep
}

// sound demands that Verify finds nothing.
func (r *rig) sound() store.VerifyReport {
	r.t.Helper()
	fs, rep := r.verify()
	if len(fs) > 0 || rep.Faults != 0 {
		r.t.Fatalf("verify: %+v, %+v", rep, fs)
	}
	return rep
}

func same(a, b []value.Value) bool {
	if (a == nil) != (b == nil) || len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
