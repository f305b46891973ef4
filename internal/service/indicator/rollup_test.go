package indicator_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/commit"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

const (
	stations = `
name: station
title: {vi: Trạm, en: Station}
kind: register
classification: open
schema:
  primaryKey: code
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}}
    - {name: ward, type: string, title: {vi: Phường, en: Ward}}
place: {areaCode: ward}
`
	readings = `
name: reading
title: {vi: Số đo, en: Reading}
kind: register
classification: open
schema:
  primaryKey: id
  fields:
    - {name: id, type: integer, title: {vi: Mã, en: Id}}
    - {name: ward, type: string, title: {vi: Phường, en: Ward}}
    - {name: at, type: datetime, title: {vi: Lúc, en: At}}
    - {name: done, type: datetime, title: {vi: Xong, en: Done}}
    - {name: n, type: integer, title: {vi: Số, en: Number}}
    - {name: x, type: number, title: {vi: Lượng, en: Amount}}
    - {name: kind, type: string, title: {vi: Loại, en: Kind}, categories: [{value: a, label: {vi: A, en: A}}, {value: b, label: {vi: B, en: B}}, {value: c, label: {vi: C, en: C}}]}
    - {name: ok, type: boolean, title: {vi: Tốt, en: Good}}
place: {areaCode: ward}
time: at
`
)

// wardCodes are the areas of the tests; the first stands for the city.
var wardCodes = []string{"", "w1", "w2", "w3"}

func areaRows(t tester, r *repo.Repository) []commit.Change {
	list := []commit.Change{change(t, r, repo.SystemArea, commit.Put, map[string]value.Value{
		"code": value.OfText("46"), "name": value.OfText("Thành phố"), "kind": value.OfText("city"), "population": value.OfInt(1000)})}
	for i, w := range wardCodes[1:] {
		list = append(list, change(t, r, repo.SystemArea, commit.Put, map[string]value.Value{
			"code": value.OfText(w), "name": value.OfText("Phường " + w), "kind": value.OfText("phuong"), "population": value.OfInt(int64(100 * (i + 1)))}))
	}
	return list
}

// declared draws a definition that its dataset allows.
func declared(t *rapid.T, name string) string {
	var b strings.Builder
	measure := rapid.SampledFrom([]string{"count", "sum", "mean", "min", "max", "median", "p90", "distinct"})
	filter := rapid.SampledFrom([]string{"", "", "n > 3", "kind = 'a'", "x IS NOT NULL AND n < 40", "done > at", "ok"})
	part := func(indent string) {
		m := measure.Draw(t, "measure")
		fmt.Fprintf(&b, "%smeasure: %s\n", indent, m)
		if f := filter.Draw(t, "filter"); f != "" {
			fmt.Fprintf(&b, "%sfilter: \"%s\"\n", indent, f)
		}
		if m == "count" {
			return
		}
		of := rapid.SampledFrom([]string{"n", "x", "done"}).Draw(t, "of")
		if of == "done" && m == "distinct" {
			of = "kind"
		}
		fmt.Fprintf(&b, "%sof: %s\n", indent, of)
		if of == "done" {
			fmt.Fprintf(&b, "%ssince: at\n%sin: %s\n", indent, indent, rapid.SampledFrom([]string{"minute", "hour", "day"}).Draw(t, "in"))
		}
	}
	fmt.Fprintf(&b, "  - name: %s\n    title: {vi: Thử, en: Test}\n    dataset: reading\n    good: none\n", name)
	if rapid.IntRange(0, 3).Draw(t, "ratio") == 0 {
		fmt.Fprintf(&b, "    ratio:\n      times: 100\n      of:\n")
		part("        ")
		fmt.Fprintf(&b, "      to:\n")
		part("        ")
	} else {
		part("    ")
	}
	if rapid.Bool().Draw(t, "zero") {
		b.WriteString("    empty: zero\n")
	}
	if !rapid.Bool().Draw(t, "area") {
		b.WriteString("    area: false\n")
	}
	by := rapid.SampledFrom([]string{"", "[kind]", "[kind, ok]"}).Draw(t, "by")
	if by != "" {
		fmt.Fprintf(&b, "    by: %s\n", by)
	}
	fmt.Fprintf(&b, "    grains: %s\n", rapid.SampledFrom([]string{"[hour]", "[day, hour]", "[hour, day, week, month]", "[week]", "[month, week]", "[month, day]", "total"}).Draw(t, "grains"))
	return b.String()
}

const fileHead = "title: {vi: Thử, en: Test}\nsector: environment\nowner: snnmt\nindicators:\n"

// city is a repository under test with the model of its table.
type city struct {
	t    *rapid.T
	open func() *repo.Repository
	r    *repo.Repository
	s    *indicator.Service
	w    *watched
	rows map[int64]map[string]value.Value
	text string
}

func (c *city) follow() {
	c.s = indicator.New(c.r)
	c.w = &watched{Service: c.s}
	c.r.Follow(c.w)
}

// reading draws a record.
func reading(t *rapid.T, id int64) map[string]value.Value {
	at := noon.Add(-time.Duration(rapid.IntRange(0, 60*24*50).Draw(t, "minutes")) * time.Minute)
	m := map[string]value.Value{"id": value.OfInt(id)}
	if rapid.IntRange(0, 9).Draw(t, "timed") > 0 {
		m["at"] = value.OfInstant(at)
	}
	if w := rapid.SampledFrom(append([]string{""}, wardCodes...)).Draw(t, "ward"); w != "" {
		m["ward"] = value.OfText(w)
	}
	if rapid.Bool().Draw(t, "done") {
		m["done"] = value.OfInstant(at.Add(time.Duration(rapid.Int64Range(-1e9, 1e12).Draw(t, "span")) * time.Microsecond))
	}
	if rapid.IntRange(0, 4).Draw(t, "number") > 0 {
		m["n"] = value.OfInt(rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(-1<<52, 1<<52)).Draw(t, "n"))
	}
	if rapid.IntRange(0, 4).Draw(t, "amount") > 0 {
		m["x"] = value.OfFloat(rapid.OneOf(rapid.SampledFrom([]float64{0.1, 0.2, 0.3, -0.1, 1e300, 1e-300, 0}), rapid.Float64Range(-1e6, 1e6)).Draw(t, "x"))
	}
	if k := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "kind"); k != "" {
		m["kind"] = value.OfText(k)
	}
	if rapid.Bool().Draw(t, "known") {
		m["ok"] = value.OfBool(rapid.Bool().Draw(t, "ok"))
	}
	return m
}

// TestEqualsRecount makes random definitions and random commits with corrections,
// deletions, moved areas, restarts and changed definitions; after each stretch
// every cell of every grain, area and category equals a recount of the rows.
func TestEqualsRecount(t *testing.T) {
	for backend, raced := range map[string]int{"sqlite": 16, "postgres": 8} {
		t.Run(backend, func(t *testing.T) {
			n := 0
			cases(t, 100, raced)
			url := sync.OnceValue(func() string { return cluster.Database(t) })
			story := 0
			rapid.Check(t, func(rt *rapid.T) {
				var open func() *repo.Repository
				if backend == "sqlite" {
					dir := t.TempDir()
					open = func() *repo.Repository { return onSQLite(t, dir, clock) }
				} else {
					story++ // each in schemas of its own
					at := fmt.Sprintf("%s&search_path=s%d", url(), story)
					open = func() *repo.Repository { return onPostgres(t, at, clock) }
				}
				c := &city{t: rt, open: open, r: open(), rows: map[int64]map[string]value.Value{}}
				defer func() { c.r.Close(t.Context()) }()
				declare(t, c.r, stations, readings)
				send(t, c.r, areaRows(t, c.r)...)
				c.define()
				c.follow()
				for range rapid.IntRange(2, 5).Draw(rt, "stretches") {
					for range rapid.IntRange(0, 6).Draw(rt, "commits") {
						c.commit()
					}
					switch rapid.IntRange(0, 4).Draw(rt, "then") {
					case 0: // a restart, perhaps in the middle of it
						c.r.Close(t.Context())
						c.r = c.open()
						c.follow()
					case 1:
						c.define()
					case 2:
						rebuild(rt, c.r, c.w)
					}
					n += c.check(t)
				}
			})
			t.Logf("%d cells compared", n)
		})
	}
}

func (c *city) define() {
	c.text = fileHead
	for i := range rapid.IntRange(1, 3).Draw(c.t, "indicators") {
		c.text += declared(c.t, fmt.Sprintf("i%d", i))
	}
	define(c.t, c.r, "test", c.text)
}

func (c *city) commit() {
	var list []commit.Change
	seen := map[int64]bool{}
	for range rapid.IntRange(1, 30).Draw(c.t, "changes") {
		id := rapid.Int64Range(1, 60).Draw(c.t, "id")
		if seen[id] {
			continue
		}
		seen[id] = true
		if c.rows[id] != nil && rapid.IntRange(0, 3).Draw(c.t, "delete") == 0 {
			delete(c.rows, id)
			list = append(list, change(c.t, c.r, "reading", commit.Delete, map[string]value.Value{"id": value.OfInt(id)}))
			continue
		}
		c.rows[id] = reading(c.t, id)
		list = append(list, change(c.t, c.r, "reading", commit.Put, c.rows[id]))
	}
	send(c.t, c.r, list...)
}

func (c *city) check(t *testing.T) int {
	settle(c.t, c.r, c.s)
	e, err := c.r.Entry(repo.Internal(), "reading")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]value.Value
	for _, m := range c.rows {
		row := make([]value.Value, e.Table.Width())
		for f, v := range m {
			i, _, _, _ := e.Table.Property(f)
			row[i] = v
		}
		row[e.Table.Area] = m["ward"]
		rows = append(rows, row)
	}
	f, err := core.Parse("test.yaml", []byte(c.text))
	if err != nil {
		c.t.Fatal(err)
	}
	n := 0
	for _, d := range f.Definitions {
		n += compare(c.t, c.r, c.s, d, map[string][][]value.Value{"reading": rows}, noon.AddDate(0, 0, -55), noon, wardCodes)
	}
	return n
}
