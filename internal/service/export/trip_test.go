package export

import (
	"bytes"
	"context"
	"testing"

	"huong.city/huong/internal/repo"
)

// TestSameBytes: an export of the same state is the same, byte for byte, but
// for the formats that carry a time of their making.
func TestSameBytes(t *testing.T) {
	r := city(t, rows...)
	for _, format := range []string{"csv", "tsv", "json", "ndjson", "geojson", "parquet"} {
		if a, b := write(t, r, repo.Query{}, format, Options{}), write(t, r, repo.Query{}, format, Options{}); !bytes.Equal(a, b) {
			t.Errorf("%s differs from itself", format)
		}
	}
}

type counting struct{ n int64 }

func (c *counting) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

func BenchmarkWrite(b *testing.B) {
	var many []string
	for i := range 2000 {
		many = append(many, rowText(i))
	}
	r := city(b, many...)
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			n := 0
			for b.Loop() {
				if err := Write(context.Background(), r, repo.Operator(), repo.Query{Dataset: "thing"}, format, &counting{}); err != nil {
					b.Fatal(err)
				}
				n += len(many)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func rowText(i int) string {
	return `{"id":"` + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `","text":"Phường Kim Long, thành phố Huế","count":12,"level":1.5,"at":"2026-07-01T00:00:00Z","lon":107.5,"lat":16.4}`
}
