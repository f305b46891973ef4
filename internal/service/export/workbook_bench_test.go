package export

import (
	"bufio"
	"fmt"
	"io"
	"testing"

	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// A sheet of 100,000 rows of eight fields.
func BenchmarkWorkbook(b *testing.B) {
	r := city(b)
	e, err := r.Entry(repo.Operator(), "thing")
	if err != nil {
		b.Fatal(err)
	}
	s, err := shapeOf(e, &repo.Query{Dataset: "thing", Fields: []string{"id", "text", "count", "level", "yes", "day", "at", "year"}}, "xlsx")
	if err != nil {
		b.Fatal(err)
	}
	s.zone = r.Zone()
	row := make([]value.Value, e.Table.Width())
	at := func(name string) int { i, _, _, _ := e.Table.Property(name); return i }
	id, text, count, level, yes, day, instant, year := at("id"), at("text"), at("count"), at("level"), at("yes"), at("day"), at("at"), at("year")
	row[yes], row[day], row[instant], row[year] = value.OfBool(true), value.OfDate(20_000), value.OfInstant(r.Now()), value.OfInt(2026)
	for b.Loop() {
		w := s.writer("xlsx", Options{}, bufio.NewWriterSize(io.Discard, 64<<10))
		if err := w.begin(); err != nil {
			b.Fatal(err)
		}
		for i := range 100_000 {
			row[id], row[text] = value.OfText(fmt.Sprintf("PA-%06d", i)), value.OfText("Ngập sâu trước cổng trường, xe máy không qua được")
			row[count], row[level] = value.OfInt(int64(i)), value.OfFloat(float64(i)/7)
			if err := w.record(row); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.end(); err != nil {
			b.Fatal(err)
		}
	}
}
