package postgres

import (
	"strings"
	"testing"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// A descending page of values that may be null is read as two ranges where an
// index gives the order; elsewhere that would select the rows twice.
func TestOrderByIndexOnly(t *testing.T) {
	col := func(n string, t dataset.Type) dataset.Column {
		return dataset.Column{Name: n, Type: t, Kind: t.Kind()}
	}
	tab := &dataset.Table{
		Name: "calls", Kind: dataset.Register, Key: []int{0}, Indexes: [][]int{{1}, {2, 3}},
		Columns: []dataset.Column{col("code", dataset.String), col("at", dataset.DateTime), col("ward", dataset.String), col("votes", dataset.Integer), col("level", dataset.Number)},
		Time:    -1, Area: -1, X: -1, Y: -1, Geometry: -1, Flags: -1,
	}
	bound := func(text string) cql2.Expr {
		e, err := cql2.ParseText(text)
		if err == nil {
			e, err = cql2.Bind(e, tab)
		}
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	d := &Driver{n: namesFor("")}
	for _, c := range []struct {
		name  string
		q     store.Query
		scans int
	}{
		{"indexed", store.Query{Sort: []store.Order{{Column: 1, Desc: true}}}, 2},
		{"indexed, among the nulls", store.Query{Sort: []store.Order{{Column: 1, Desc: true}}, After: []value.Value{{}, value.OfText("a")}}, 1},
		{"indexed, ascending", store.Query{Sort: []store.Order{{Column: 1}}}, 1},
		{"not indexed", store.Query{Sort: []store.Order{{Column: 4, Desc: true}}}, 1},
		{"not indexed, later page", store.Query{Sort: []store.Order{{Column: 4, Desc: true}}, After: []value.Value{value.OfFloat(1), value.OfText("a")}}, 1},
		{"second of an index", store.Query{Sort: []store.Order{{Column: 3, Desc: true}}}, 1},
		{"second of an index whose first is fixed", store.Query{Sort: []store.Order{{Column: 3, Desc: true}}, Filter: bound("level > 2 AND ward = 'a'")}, 2},
		{"second of an index whose first is bounded", store.Query{Sort: []store.Order{{Column: 3, Desc: true}}, Filter: bound("ward > 'a' OR ward = 'a'")}, 1},
		{"as it was", store.Query{Sort: []store.Order{{Column: 1, Desc: true}}, AsOf: 3}, 1},
	} {
		c.q.Table, c.q.Limit = tab, 10
		sql, _, err := d.Explain(c.q)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got := strings.Count(sql, `FROM "city"."calls" t`) + strings.Count(sql, `__history" WHERE`); got != c.scans {
			t.Errorf("%s: the table is read %d times, not %d:\n%s", c.name, got, c.scans, sql)
		}
	}
}
