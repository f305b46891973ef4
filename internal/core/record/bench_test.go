package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"huong.city/huong/internal/core/dataset"
)

// benchSchema is the row of the storage measurements: 12 typed columns with
// the checks that a real declaration has.
func benchSchema(tb testing.TB) *Schema {
	areas, categories := make([]any, 48), make([]dataset.Category, 12)
	for i := range areas {
		areas[i] = fmt.Sprintf("ward-%02d", i)
	}
	for i := range categories {
		categories[i] = dataset.Category{Value: fmt.Sprintf("cat-%02d", i)}
	}
	most := 500
	return compiled(tb,
		dataset.Field{Name: "key", Type: dataset.String, Constraints: dataset.Constraints{MaxLength: &most}},
		dataset.Field{Name: "lat", Type: dataset.Number, Constraints: dataset.Constraints{Minimum: -90, Maximum: 90, Required: true}},
		dataset.Field{Name: "lon", Type: dataset.Number, Constraints: dataset.Constraints{Minimum: -180, Maximum: 180, Required: true}},
		dataset.Field{Name: "area", Type: dataset.String, Constraints: dataset.Constraints{Enum: areas}},
		dataset.Field{Name: "category", Type: dataset.String, Categories: categories},
		dataset.Field{Name: "status", Type: dataset.String, Constraints: dataset.Constraints{Enum: []any{"open", "assigned", "working", "closed", "rejected"}}},
		dataset.Field{Name: "observed", Type: dataset.Integer, Constraints: dataset.Constraints{Required: true, Minimum: 0}},
		dataset.Field{Name: "created", Type: dataset.Integer, Constraints: dataset.Constraints{Minimum: 0}},
		dataset.Field{Name: "modified", Type: dataset.Integer, Constraints: dataset.Constraints{Minimum: 0}},
		dataset.Field{Name: "val", Type: dataset.Integer, Constraints: dataset.Constraints{Minimum: -1000000, Maximum: 1000000}},
		dataset.Field{Name: "descr", Type: dataset.String, Constraints: dataset.Constraints{MaxLength: &most}},
		dataset.Field{Name: "version", Type: dataset.Integer, Constraints: dataset.Constraints{Minimum: 1}},
	)
}

// benchRows writes an array of rows of 343 bytes each, give or take the digits.
func benchRows(n int, descr string) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"key":"HUE-%09d","lat":%.6f,"lon":%.6f,"area":"ward-%02d","category":"cat-%02d","status":"%s","observed":%d,"created":%d,"modified":%d,"val":%d,"descr":"%s","version":%d}`,
			random.IntN(1e9), 16.2+random.Float64()*0.5, 107.3+random.Float64()*0.6, random.IntN(48), random.IntN(12),
			[]string{"open", "assigned", "working", "closed", "rejected"}[random.IntN(5)],
			1750000000000+random.Int64N(1e9), 1750000000000+random.Int64N(1e9), 1750000000000+random.Int64N(1e9), random.IntN(100000), descr, 1+random.IntN(9))
	}
	b.WriteByte(']')
	return b.Bytes()
}

const (
	asciiDescr      = "Street light out near the corner of Le Loi and Hung Vuong, reported by phone, the pole number is 1172, wires are hanging"
	vietnameseDescr = "Đèn đường trước số 12 đường Lê Lợi, phường Thuận Hóa không sáng từ tối qua; cột số 1172, dây điện bị võng xuống thấp."
)

func BenchmarkDecodeCheck(b *testing.B) {
	s := benchSchema(b)
	const rows = 1000
	for _, text := range []struct{ name, descr string }{{"ascii", asciiDescr}, {"vietnamese", vietnameseDescr}} {
		input := benchRows(rows, text.descr)
		report := func(b *testing.B) {
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.SetBytes(int64(len(input)))
		}
		b.Run("reader/"+text.name, func(b *testing.B) {
			b.ReportAllocs()
			batch := NewBatch(s)
			for b.Loop() {
				batch.Reset()
				r := NewJSONReader(bytes.NewReader(input), s, Limits{})
				for {
					faults, err := r.Next(batch, rows)
					if len(faults) > 0 {
						b.Fatal(faults[0].Violations)
					}
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				if batch.Len() != rows {
					b.Fatal(batch.Len())
				}
			}
			report(b)
		})
		b.Run("encoding-json-map/"+text.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var all []map[string]any
				if err := json.Unmarshal(input, &all); err != nil || len(all) != rows {
					b.Fatal(err)
				}
			}
			report(b)
		})
	}
}

func BenchmarkCSV(b *testing.B) {
	s := benchSchema(b)
	batch := NewBatch(s)
	const rows = 1000
	if _, err := NewJSONReader(bytes.NewReader(benchRows(rows, asciiDescr)), s, Limits{}).Next(batch, rows); err != nil {
		b.Fatal(err)
	}
	var input []byte
	for i := range s.columns[:12] {
		input = append(append(input, s.columns[i].name...), ',')
	}
	input[len(input)-1] = '\n'
	for i := range rows {
		for k, v := range batch.Row(i)[:12] {
			input = append(input, '"')
			input = s.AppendCell(input, k, v)
			input = append(input, `",`...)
		}
		input[len(input)-1] = '\n'
	}
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		r := NewCSVReader(bytes.NewReader(input), s, Limits{})
		for {
			faults, err := r.Next(batch, rows)
			if len(faults) > 0 {
				b.Fatal(faults[0].Violations)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.SetBytes(int64(len(input)))
}

func BenchmarkAppendJSON(b *testing.B) {
	s := benchSchema(b)
	batch := NewBatch(s)
	if _, err := NewJSONReader(bytes.NewReader(benchRows(1, vietnameseDescr)), s, Limits{}).Next(batch, 1); err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = s.AppendJSON(out[:0], batch.Row(0), nil)
	}
}
