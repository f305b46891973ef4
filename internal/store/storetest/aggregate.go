package storetest

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// groups renders the groups of an aggregate.
func (r *rig) groups(a store.Aggregate) []string {
	r.t.Helper()
	var out []string
	err := r.d.Aggregate(context.Background(), a, func(vs []value.Value) error {
		s := ""
		for _, v := range vs {
			switch v.Kind() {
			case value.Null:
				s += "null "
			case value.Text:
				s += v.Text() + " "
			case value.Float:
				s += fmt.Sprintf("%g ", v.Float())
			case value.Time:
				s += v.Instant().Format(time.RFC3339) + " "
			case value.Date:
				s += v.CalendarDay().Format("2006-01-02") + " "
			case value.Bool:
				s += fmt.Sprint(v.Bool()) + " "
			default:
				s += fmt.Sprintf("%d ", v.Int())
			}
		}
		out = append(out, s[:len(s)-1])
		return nil
	})
	if err != nil {
		r.t.Fatalf("aggregate: %v", err)
	}
	return out
}

var aggregateTests = []test{
	{"measures", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		all := []store.Measure{{Func: "count", Column: -1}, {Func: "count", Column: level}, {Func: "sum", Column: level}, {Func: "mean", Column: level},
			{Func: "min", Column: level}, {Func: "max", Column: level}, {Func: "distinct", Column: level}, {Func: "sum", Column: count}, {Func: "mean", Column: count}}
		if got := r.groups(store.Aggregate{Table: r.tables[ws], Measures: all}); fmt.Sprint(got) != "[0 0 null null null null 0 null null]" {
			t.Errorf("nothing: %q", got)
		}
		r.put(ws, station("a", text("x"), num(1), integer(10)), station("b", text("x"), num(2), integer(-3)), station("c", text("x"), num(2)),
			station("d", text("y")), station("e", value.Value{}, num(0.5), integer(1)))
		then := r.head().Seq
		by := store.Aggregate{Table: r.tables[ws], By: []store.Group{{Column: name}}, Measures: all}
		want := "[x 3 3 5 1.6666666666666667 1 2 2 7 3.5 y 1 0 null null null null 0 null null null 1 1 0.5 0.5 0.5 0.5 1 1 1]"
		if got := fmt.Sprint(r.groups(by)); got != want {
			t.Errorf("by name:\n got %s\nwant %s", got, want)
		}
		r.ok(r.item(r.remove(ws, text("a")), put(ws, station("d", text("x"), num(100)))))
		by.AsOf = then
		if got := fmt.Sprint(r.groups(by)); got != want {
			t.Errorf("as of then:\n got %s\nwant %s", got, want)
		}
		by.AsOf, by.Limit = 0, 1
		by.Filter = r.bind(ws, "level > 1")
		by.Measures = all[:3]
		if got := fmt.Sprint(r.groups(by)); got != "[x 3 3 104]" {
			t.Errorf("filtered: %s", got)
		}
	}},
	{"sums of large integers", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		put := func(k string, i int64) { row := station(k); row[count] = integer(i); r.put(ws, row) }
		a := store.Aggregate{Table: r.tables[ws], Measures: []store.Measure{{Func: "sum", Column: count}, {Func: "min", Column: count}, {Func: "max", Column: count}}}
		put("a", math.MaxInt64-1)
		put("b", 1)
		if got := fmt.Sprint(r.groups(a)); got != "[9223372036854775807 1 9223372036854775806]" {
			t.Errorf("got %s", got)
		}
		put("c", 1)
		if got := fmt.Sprint(r.groups(a)); got != "[9.223372036854776e+18 1 9223372036854775806]" {
			t.Errorf("beyond an integer: %s", got)
		}
		put("d", math.MinInt64)
		if got := fmt.Sprint(r.groups(a)); got != "[0 -9223372036854775808 9223372036854775806]" {
			t.Errorf("and back: %s", got)
		}
	}},
	{"time buckets", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		for i, s := range []string{"2024-02-29T16:59:59.999999Z", "2024-02-29T17:00:00Z", "2024-12-31T17:30:15Z", "2025-01-05T16:59:00Z", "2025-01-05T17:00:00Z", "1969-12-31T16:59:59.5Z"} {
			at, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				t.Fatal(err)
			}
			row := station(fmt.Sprint(i))
			row[seenAt] = value.OfInstant(at)
			row[since] = value.OfDate(at.Unix() / 86400)
			r.put(ws, row)
		}
		r.put(ws, station("none"))
		const vn = 7 * 3600
		count := []store.Measure{{Func: "count", Column: -1}}
		for _, x := range []struct {
			column int
			bucket string
			want   string
		}{
			{seenAt, "year", "[1968-12-31T17:00:00Z 1 2023-12-31T17:00:00Z 2 2024-12-31T17:00:00Z 3 null 1]"},
			{seenAt, "month", "[1969-11-30T17:00:00Z 1 2024-01-31T17:00:00Z 1 2024-02-29T17:00:00Z 1 2024-12-31T17:00:00Z 3 null 1]"},
			{seenAt, "week", "[1969-12-28T17:00:00Z 1 2024-02-25T17:00:00Z 2 2024-12-29T17:00:00Z 2 2025-01-05T17:00:00Z 1 null 1]"},
			{seenAt, "day", "[1969-12-30T17:00:00Z 1 2024-02-28T17:00:00Z 1 2024-02-29T17:00:00Z 1 2024-12-31T17:00:00Z 1 2025-01-04T17:00:00Z 1 2025-01-05T17:00:00Z 1 null 1]"},
			{seenAt, "hour", "[1969-12-31T16:00:00Z 1 2024-02-29T16:00:00Z 1 2024-02-29T17:00:00Z 1 2024-12-31T17:00:00Z 1 2025-01-05T16:00:00Z 1 2025-01-05T17:00:00Z 1 null 1]"},
			{seenAt, "minute", "[1969-12-31T16:59:00Z 1 2024-02-29T16:59:00Z 1 2024-02-29T17:00:00Z 1 2024-12-31T17:30:00Z 1 2025-01-05T16:59:00Z 1 2025-01-05T17:00:00Z 1 null 1]"},
			// A day of a date begins at midnight of the offset.
			{since, "month", "[1969-12-31T17:00:00Z 1 2024-01-31T17:00:00Z 2 2024-11-30T17:00:00Z 1 2024-12-31T17:00:00Z 2 null 1]"},
			{since, "year", "[1969-12-31T17:00:00Z 1 2023-12-31T17:00:00Z 3 2024-12-31T17:00:00Z 2 null 1]"},
			{since, "day", "[1969-12-31T17:00:00Z 1 2024-02-28T17:00:00Z 2 2024-12-30T17:00:00Z 1 2025-01-04T17:00:00Z 2 null 1]"},
		} {
			a := store.Aggregate{Table: r.tables[ws], By: []store.Group{{Column: x.column, Bucket: x.bucket, Offset: vn}}, Measures: count}
			if got := fmt.Sprint(r.groups(a)); got != x.want {
				t.Errorf("%s of %d:\n got %s\nwant %s", x.bucket, x.column, got, x.want)
			}
		}
	}},
	{"groups of every kind, nulls last", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.many(60)
		total := 0
		for _, c := range []int{name, level, count, live, since, seenAt} {
			got := r.groups(store.Aggregate{Table: r.tables[ws], By: []store.Group{{Column: c}}, Measures: []store.Measure{{Func: "count", Column: -1}}})
			if s := got[len(got)-1]; len(s) < 5 || s[:5] != "null " {
				t.Errorf("column %d: the last group is %s", c, s)
			}
			total += len(got)
		}
		two := r.groups(store.Aggregate{Table: r.tables[ws], By: []store.Group{{Column: live}, {Column: name}}, Measures: []store.Measure{{Func: "max", Column: code}}, Limit: 2})
		if len(two) != 2 || two[0][:6] != "false " {
			t.Errorf("got %q", two)
		}
	}},
}
