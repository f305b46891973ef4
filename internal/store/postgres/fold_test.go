package postgres

import (
	"context"
	"testing"
	"unicode/utf8"

	"huong.city/huong/internal/core/value"
)

// TestFold folds every character that the tables name, and whole texts, in the
// database and in Go.
func TestFold(t *testing.T) {
	for _, s := range []string{value.FoldCase(common), value.UpperCase(common), value.FoldAccents(common)} {
		if utf8.RuneCountInString(s) != utf8.RuneCountInString(common) {
			t.Fatal("a common character does not fold to one character")
		}
	}
	ctx := context.Background()
	d, err := Open(ctx, cluster.Database(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	caseFrom, caseTo, accentFrom, accentTo := value.FoldTables()
	texts := []string{"", "Hue", "Thừa Thiên Huế", "HOÁ hóa Đường số 1", "Hue\u0302\u0301", "İıſßẞΣς", "日本 ⅓", common}
	for _, table := range []string{caseFrom, caseTo, accentFrom, accentTo} {
		for _, r := range table {
			texts = append(texts, string(r)+"é")
		}
	}
	rows, err := d.read.Query(ctx, "SELECT s,huong.fold_case(s),huong.fold_accents(s),huong.upper_case(s) FROM unnest($1::text[]) s", texts)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var s, folded, bare, upper string
		if err := rows.Scan(&s, &folded, &bare, &upper); err != nil {
			t.Fatal(err)
		}
		if folded != value.FoldCase(s) || bare != value.FoldAccents(s) || upper != value.UpperCase(s) {
			t.Errorf("%q gives %q %q %q, want %q %q %q", s, folded, bare, upper, value.FoldCase(s), value.FoldAccents(s), value.UpperCase(s))
		}
		n++
	}
	if rows.Err() != nil || n != len(texts) {
		t.Fatal(n, rows.Err())
	}
}

// BenchmarkFold is the cost of a search without case and marks, per row.
func BenchmarkFold(b *testing.B) {
	d, _ := filled(b)
	for b.Loop() {
		var n int
		if err := d.read.QueryRow(context.Background(), "SELECT count(*) FROM city.reports WHERE huong.fold_accents(huong.fold_case(title)) LIKE '%le loi%'").Scan(&n); err != nil || n != 200_000 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200_000, "ns/row")
}
