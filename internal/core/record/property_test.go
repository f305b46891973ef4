package record

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// everything has a column of each type, and of the formats that change how a
// value is written.
func everything(t testing.TB) *Schema {
	f := func(name string, typ dataset.Type) dataset.Field { return dataset.Field{Name: name, Type: typ} }
	fields := []dataset.Field{f("id", dataset.String)}
	for _, typ := range []dataset.Type{dataset.String, dataset.Number, dataset.Integer, dataset.Boolean, dataset.Object, dataset.Array, dataset.List, dataset.DateType,
		dataset.TimeOfDay, dataset.DateTime, dataset.Year, dataset.YearMonth, dataset.Duration, dataset.GeoPoint, dataset.GeoJSON, dataset.Any} {
		fields = append(fields, f("c_"+string(typ), typ))
	}
	return compiled(t, append(fields,
		dataset.Field{Name: "dated", Type: dataset.DateType, Format: "%d/%m/%Y"},
		dataset.Field{Name: "timed", Type: dataset.TimeOfDay, Format: "%I:%M:%S.%f %p"},
		dataset.Field{Name: "moment", Type: dataset.DateTime, Format: "%Y%m%d%H%M%S.%f%z"},
		dataset.Field{Name: "comma", Type: dataset.Number, DecimalChar: ",", GroupChar: "."},
		dataset.Field{Name: "sentinel", Type: dataset.Integer, MissingValues: []string{"-99", "n/a"}},
		dataset.Field{Name: "yes", Type: dataset.Boolean, TrueValues: []string{"Có"}, FalseValues: []string{"Không"}},
		dataset.Field{Name: "numbers", Type: dataset.List, ItemType: dataset.Number, Delimiter: ";"},
		dataset.Field{Name: "moments", Type: dataset.List, ItemType: dataset.DateTime, Delimiter: "|"},
		dataset.Field{Name: "spot", Type: dataset.GeoPoint, Format: "object"},
		dataset.Field{Name: "pair", Type: dataset.GeoPoint, Format: "array"})...)
}

// draw makes any value that the column can hold, by way of its own parser where
// that brings a normal form.
func draw(t *rapid.T, c *column) value.Value {
	through := func(lexical string) value.Value {
		v, bad := c.parseCell(lexical)
		if bad != nil {
			return value.Value{}
		}
		return v
	}
	if c.name != "id" && rapid.IntRange(0, 9).Draw(t, "null") == 0 {
		return value.Value{}
	}
	micros := rapid.Int64Range(firstDay*microsPerDay, (lastDay+1)*microsPerDay-1)
	number := rapid.Float64Range(-1e300, 1e300)
	switch c.shape {
	case shapeString:
		v := through(rapid.String().Draw(t, "text"))
		if v.IsNull() && c.name == "id" {
			return value.OfText("k")
		}
		return v
	case shapeNumber:
		return value.OfFloat(number.Draw(t, "number"))
	case shapeInteger:
		return c.settle(value.OfInt(rapid.Int64().Draw(t, "integer")))
	case shapeBoolean:
		return value.OfBool(rapid.Bool().Draw(t, "boolean"))
	case shapeDate:
		return value.OfDate(rapid.Int64Range(firstDay, lastDay).Draw(t, "date"))
	case shapeDateTime:
		return value.OfTime(micros.Draw(t, "moment"))
	case shapeTime:
		return value.OfText(string(appendClock(nil, rapid.Int64Range(0, microsPerDay-1).Draw(t, "clock"))))
	case shapeYear:
		return value.OfInt(rapid.Int64Range(-9999, 9999).Draw(t, "year"))
	case shapeYearMonth:
		return value.OfText(fmt.Sprintf("%04d-%02d", rapid.IntRange(1, 9999).Draw(t, "y"), rapid.IntRange(1, 12).Draw(t, "m")))
	case shapeDuration:
		d := span{rapid.Int64Range(0, mostMonths).Draw(t, "months"), rapid.Int64Range(0, mostMicros).Draw(t, "micros")}
		if rapid.Bool().Draw(t, "negative") {
			d = span{-d.months, -d.micros}
		}
		return value.OfText(string(appendSpan(nil, d)))
	case shapeGeoPoint, shapeGeoJSON:
		return value.OfGeometry(geom.Point(rapid.Float64Range(-180, 180).Draw(t, "lon")+0, rapid.Float64Range(-90, 90).Draw(t, "lat")+0))
	case shapeList:
		n := rapid.IntRange(0, 4).Draw(t, "items")
		cell := ""
		for i := range n {
			if i > 0 {
				cell += c.delimiter
			}
			item := draw(t, &column{name: "id", typ: c.item.typ, shape: c.item.shape, format: "default", missing: c.item.missing})
			cell += string(c.item.appendCell(nil, item))
		}
		return through(cell)
	}
	key, s := rapid.String().Draw(t, "key"), rapid.String().Draw(t, "s")
	b := append([]byte("{"), appendQuoted(nil, key)...)
	b = append(append(b, `:[1,{"x":null},true,`...), appendFloat(nil, number.Draw(t, "n"))...)
	b = append(append(append(b, `],"z":`...), appendQuoted(nil, s)...), '}')
	if c.shape == shapeArray {
		b = append(append([]byte("["), b...), ']')
	}
	return through(string(b))
}

func same(t *rapid.T, s *Schema, where string, got, want []value.Value) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: column %s: got %v (%s), want %v (%s)", where, s.columns[i].name, got[i], s.columns[i].appendJSON(nil, got[i]), want[i], s.columns[i].appendJSON(nil, want[i]))
		}
	}
}

// TestEveryWayOutLeadsBack: a row that the schema can hold is the same row
// after JSON, after CSV, after its cells, and its key after its text.
func TestEveryWayOutLeadsBack(t *testing.T) {
	s := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		row := make([]value.Value, s.Width())
		for i := range row[:len(row)-1] {
			row[i] = draw(t, &s.columns[i])
		}
		given := make([]int, len(row)-1)
		var header, cells []string
		for i := range given {
			given[i] = i
			cell := string(s.AppendCell(nil, i, row[i]))
			v, bad := s.ParseCell(i, cell)
			if bad != nil {
				t.Fatalf("cell %s %q: %v", s.columns[i].name, cell, bad.In("en"))
			}
			same(t, s, "cell "+s.columns[i].name, []value.Value{v}, row[i:i+1])
			header, cells = append(header, s.columns[i].name), append(cells, cell)
		}
		text := s.AppendJSON(nil, row, given)
		batch := NewBatch(s)
		if faults, err := NewJSONReader(bytes.NewReader(text), s, Limits{}).Next(batch, 1); err != nil || len(faults) > 0 {
			t.Fatalf("%s: %v %v", text, faults, err)
		}
		same(t, s, "JSON", batch.Row(0), row)

		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.Write(header)
		w.Write(cells)
		w.Flush()
		batch.Reset()
		if faults, err := NewCSVReader(&file, s, Limits{}).Next(batch, 1); err != nil || len(faults) > 0 {
			t.Fatalf("CSV: %v %v", faults, err)
		}
		same(t, s, "CSV", batch.Row(0), row)

		key, err := ParseKey(s, FormatKey(s.Table(), row[:1]))
		if err != nil {
			t.Fatal(err)
		}
		same(t, s, "key", key, row[:1])
	})
}

// TestCivilDays compares with every day of the calendar that has a 29 February
// or a century near it, by walking.
func TestCivilDays(t *testing.T) {
	y, m, d := 1, 1, 1
	for days := int64(firstDay); days <= lastDay; days++ {
		if civilDays(y, m, d) != days {
			t.Fatalf("%d-%d-%d: %d, want %d", y, m, d, civilDays(y, m, d), days)
		}
		if a, b, c := civilDate(days); a != y || b != m || c != d {
			t.Fatalf("%d: %d-%d-%d, want %d-%d-%d", days, a, b, c, y, m, d)
		}
		if d++; d > daysIn(y, m) {
			d, m = 1, m+1
			if m > 12 {
				m, y = 1, y+1
			}
		}
	}
}

// TestBatchesKeepTheirTexts: rows stay what they were while others come and are
// refused, and memory is kept over Reset.
func TestBatchesKeepTheirTexts(t *testing.T) {
	s := sample(t)
	rapid.Check(t, func(t *rapid.T) {
		var in bytes.Buffer
		var want []string
		for range rapid.IntRange(0, 60).Draw(t, "rows") {
			text := fmt.Sprintf("%0*d", rapid.IntRange(1, 3000).Draw(t, "length"), len(want))
			if rapid.Bool().Draw(t, "good") {
				fmt.Fprintf(&in, "{\"id\":%q}\n", text)
				want = append(want, text)
			} else {
				fmt.Fprintf(&in, "{\"id\":%q,\"level\":false}\n", text)
			}
		}
		batch := NewBatch(s)
		r := NewJSONReader(&in, s, Limits{})
		var err error
		for err == nil {
			_, err = r.Next(batch, 7)
		}
		if err != io.EOF || batch.Len() != len(want) {
			t.Fatal(err, batch.Len(), len(want))
		}
		for i, w := range want {
			if batch.Row(i)[0].Text() != w {
				t.Fatalf("row %d: %q", i, clip(batch.Row(i)[0].Text()))
			}
		}
	})
}
