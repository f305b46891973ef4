package export

import (
	"bytes"
	"context"
	"io"
	"testing"
	_ "time/tzdata"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
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

// TestRoundTrip: what was exported comes back as itself and changes nothing.
func TestRoundTrip(t *testing.T) {
	r := city(t, rows...)
	for format, media := range map[string]string{"csv": "text/csv", "tsv": "text/tab-separated-values", "json": "application/json", "ndjson": "application/x-ndjson"} {
		b := write(t, r, repo.Query{}, format, Options{})
		s, err := ingest.Records(context.Background(), r, repo.Operator(), "thing", commit.Header{Source: "api"}, media, bytes.NewReader(b), nil)
		if err != nil || s.Unchanged != int64(len(rows)) || s.Read != s.Unchanged {
			t.Errorf("%s as a body: %+v %v\n%s", format, s, err, b)
		}
	}
	zone := "map:\n  at: {column: at, zone: Asia/Ho_Chi_Minh}\n"
	for format, mapping := range map[string]string{"csv": "", "tsv": "", "json": "", "ndjson": "", "xlsx": zone} {
		b := write(t, r, repo.Query{}, format, Options{})
		var m *dataset.Mapping
		if mapping != "" {
			var err error
			if m, err = dataset.ParseMapping("m.yaml", []byte(mapping)); err != nil {
				t.Fatal(err)
			}
			m.Map["text"] = dataset.FieldMap{Column: "text", Trim: new(bool)}
		}
		f := ingest.File{Name: FileName("thing", format), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
		s, err := ingest.Run(context.Background(), r, repo.Operator(), ingest.Job{Dataset: "thing", Files: []ingest.File{f}, Mapping: m})
		if err != nil || s.Unchanged != int64(len(rows)) || s.Read != s.Unchanged {
			t.Errorf("%s as a file: %+v %v", format, s, err)
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
