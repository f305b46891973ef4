package record

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

func FuzzJSONReader(f *testing.F) {
	s := everything(f)
	for _, seed := range []string{`[{"id":"a","c_number":1.5e3,"c_list":["x"]},{"id":"b"}]`, "{\"id\":\"a\"}\n{\"id\":\"\\ud83c\\udf0a\"}\n", `[{"id":"a","c_geopoint":[107.5,16.5],"c_any":{"b":[1,{}]}},5]`,
		`{"id":"Huế","moment":"2025-07-01T00:00:00.5+07:00","c_duration":"P1DT2H","c_year":-44}`, `[{"id":"a"},{"id":["b"},{}]`, `{"c_geojson":{"type":"Point","coordinates":[1,2]},"id":"x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		limits := Limits{MaxRow: 4096}
		whole := outcome(s, NewJSONReader(bytes.NewReader(in), s, limits))
		if pieces := outcome(s, NewJSONReader(iotest.OneByteReader(bytes.NewReader(in)), s, limits)); pieces != whole && len(in) < 4096 {
			t.Fatalf("in pieces:\n%s\nwhole:\n%s", pieces, whole)
		}
		batch := NewBatch(s)
		_, err := NewJSONReader(bytes.NewReader(in), s, limits).Next(batch, 100)
		if err != nil && err != io.EOF && problem.KindOf(err) != problem.Invalid {
			t.Fatal(err)
		}
		again := NewBatch(s)
		for i := range batch.Len() {
			out := s.AppendJSON(nil, batch.Row(i), nil)
			out = bytes.Replace(out, []byte(`,"_area":null`), nil, 1)
			if faults, _ := NewJSONReader(bytes.NewReader(out), s, Limits{}).Next(again, 1); len(faults) > 0 {
				t.Fatalf("%s: %v", out, faults[0].Violations)
			}
			for k, v := range batch.Row(i) {
				if again.Row(i)[k] != v {
					t.Fatalf("%s: %v became %v", s.columns[k].name, v, again.Row(i)[k])
				}
				checkHeld(t, s, k, v)
			}
		}
	})
}

// checkHeld asserts what every value in a row promises.
func checkHeld(t *testing.T, s *Schema, k int, v value.Value) {
	if v.IsNull() {
		return
	}
	if v.Kind() != s.columns[k].typ.Kind() {
		t.Fatalf("%s holds %v", s.columns[k].name, v.Kind())
	}
	if v.Kind() == value.Text && (!utf8.ValidString(v.Text()) || !norm.NFC.IsNormalString(v.Text())) {
		t.Fatalf("%s holds %q", s.columns[k].name, v.Text())
	}
}

func FuzzCSVReader(f *testing.F) {
	s := everything(f)
	for _, seed := range []string{"id,c_number\na,1\n\"b\n\"\"\",2\n", "id\r\n\"a\"x\r\nb\r\n", "c_list,id\n\"x,y\",a", "id\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		limits := Limits{MaxRow: 4096, MaxCell: 512}
		whole := outcome(s, NewCSVReader(bytes.NewReader(in), s, limits))
		if pieces := outcome(s, NewCSVReader(iotest.OneByteReader(bytes.NewReader(in)), s, limits)); pieces != whole && len(in) < 4096 {
			t.Fatalf("in pieces:\n%s\nwhole:\n%s", pieces, whole)
		}
	})
}

// FuzzParseCell holds every column to its promise: what a cell means is
// written back as a cell and as JSON that mean the same.
func FuzzParseCell(f *testing.F) {
	s := everything(f)
	for i, seed := range []string{"", "Huế", "1.5", "-9223372036854775808", "true", `{"a":1}`, "[1]", "a,b", "2025-07-01", "12:00:00.5", "2025-07-01T00:00:00+07:00", "-0044", "2025-07", "-P1Y2M3DT4H5M6.7S",
		"107.5, 16.5", `{"type":"LineString","coordinates":[[1,2],[3,4]]}`, "any", "1/7/2025", "1:02:03.4 pm", "20250701000000.5+0700", "1.234,5", "n/a", "Có", "1;2", "x|y", `{"lon":1,"lat":2}`, "[1,2]"} {
		f.Add(uint8(i), seed)
	}
	f.Fuzz(func(t *testing.T, column uint8, text string) {
		k := int(column) % (s.Width() - 1)
		v, bad := s.ParseCell(k, text)
		if bad != nil {
			if problem.Text("vi", bad.Code, bad.Args) == bad.Code {
				t.Fatalf("no words for %s", bad.Code)
			}
			return
		}
		checkHeld(t, s, k, v)
		cell := string(s.AppendCell(nil, k, v))
		if again, bad := s.ParseCell(k, cell); bad != nil || again != v {
			t.Fatalf("%s: %q → %v → cell %q → %v %v", s.columns[k].name, text, v, cell, again, bad)
		}
		row := make([]value.Value, s.Width())
		in := append(s.AppendJSON(nil, func() []value.Value { row[k] = v; return row }(), []int{k}), ' ')
		back := make([]value.Value, s.Width())
		if err := s.DecodePatch(in, back, make([]bool, s.Width())); !(k == 0 && v.IsNull()) && (err != nil || back[k] != v) {
			t.Fatalf("%s: %q → JSON %s → %v %v", s.columns[k].name, text, in, back[k], err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	d := declare(
		dataset.Field{Name: "a", Type: dataset.String}, dataset.Field{Name: "b", Type: dataset.Number},
		dataset.Field{Name: "c", Type: dataset.DateTime}, dataset.Field{Name: "d", Type: dataset.Year})
	d.Schema.PrimaryKey = []string{"a", "b", "c", "d"}
	s, err := Compile(d, table(d))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a~1b,1.5,2025-07-01T00:00:00Z,2025")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseKey(s, text)
		if err != nil {
			if problem.KindOf(err) != problem.Invalid {
				t.Fatal(err)
			}
			return
		}
		written := FormatKey(s.Table(), key)
		again, err := ParseKey(s, written)
		if err != nil || FormatKey(s.Table(), again) != written {
			t.Fatalf("%q → %q → %v", text, written, err)
		}
	})
}

func FuzzDecodePatch(f *testing.F) {
	s := everything(f)
	f.Add([]byte(`{"id":"a","c_number":null,"c_object":{"a":[1]}}`))
	f.Add([]byte(`{"id":"a"`))
	f.Fuzz(func(t *testing.T, in []byte) {
		row, mask := make([]value.Value, s.Width()), make([]bool, s.Width())
		err := s.DecodePatch(in, row, mask)
		if err != nil && problem.KindOf(err) != problem.Invalid {
			t.Fatal(err)
		}
		for k, v := range row {
			if err == nil && !mask[k] && !v.IsNull() {
				t.Fatalf("%s is set but not in the mask", s.columns[k].name)
			}
		}
	})
}
