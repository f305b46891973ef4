package report_test

import (
	"bytes"
	"compress/zlib"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/service/report"
	"huong.city/huong/internal/store/sqlite"
)

// textOf reads the texts of a paper in the order in which they are set: strings
// of two bytes a letter, which these papers use throughout.
func textOf(t testing.TB, pdf []byte) string {
	t.Helper()
	var out strings.Builder
	for rest := pdf; ; {
		i := bytes.Index(rest, []byte("stream\n"))
		if i < 0 {
			return out.String()
		}
		rest = rest[i+7:]
		z, err := zlib.NewReader(bytes.NewReader(rest))
		if err != nil {
			continue
		}
		b, err := io.ReadAll(z)
		if err != nil || !bytes.Contains(b, []byte(" Tj")) {
			continue
		}
		for len(b) > 0 {
			start := bytes.IndexByte(b, '(')
			if start < 0 {
				break
			}
			var raw []byte
			k := start + 1
			for ; k < len(b) && b[k] != ')'; k++ {
				if b[k] == '\\' {
					k++
					if b[k] == 'r' {
						raw = append(raw, '\r')
						continue
					}
				}
				raw = append(raw, b[k])
			}
			var units []uint16
			for n := 0; n+1 < len(raw); n += 2 {
				units = append(units, uint16(raw[n])<<8|uint16(raw[n+1]))
			}
			out.WriteString(string(utf16.Decode(units)))
			if !strings.HasSuffix(out.String(), " ") {
				out.WriteByte('\n')
			}
			b = b[k:]
		}
		out.WriteString("\f\n")
	}
}

// issued is a report with all that can stand in one.
func issued(t testing.TB) (*room, *report.Report) {
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := openRoom(t, d)
	r.put("city-stage", `{"id":"s1","at":"2025-10-26T03:00:00Z","stage":3,"reason":"Mưa rất to ở Nam Đông: 104,6 mm trong một giờ","reasonEn":"Very heavy rain at Nam Dong: 104.6 mm in an hour","agency":"ubnd-tp"}`)
	for i, title := range []string{"Ngập đường Bà Triệu, nước sâu 0,4 m", "Sạt lở taluy quốc lộ 49, đoạn qua Bình Điền"} {
		r.put("incident", `{"id":"sc-251026-`+string(rune('a'+i))+`","title":"`+title+`","titleEn":"Incident `+string(rune('A'+i))+`","kind":"flood","severity":"high","state":"closed","over":false,"agency":"vpubnd","area":"19789",
			"detectedAt":"2025-10-26T0`+string(rune('1'+i))+`:00:00Z","entries":1,"updatedAt":"2025-10-26T05:00:00Z"}`)
	}
	r.clock.set("2025-10-27 07:05")
	r.tick()
	r.must(officer, day, report.Act{Do: "comment", Answers: map[string]string{
		"assessment": "Mưa to ở thượng nguồn sông Hương và sông Bồ, mực nước lên nhanh; các phường ven phá Tam Giang cần sẵn sàng sơ tán trước 18 giờ. Điện, nước, thông tin liên lạc vẫn bảo đảm.",
		"proposal":   "Đề nghị các hồ Bình Điền, Hương Điền, Tả Trạch vận hành theo quy trình liên hồ chứa."}})
	r.must(leader, day, report.Act{Do: "approve"})
	return r, r.must(leader, day, report.Act{Do: "issue"})
}

// The paper says what the official form asks for, letter by letter.
func TestTheOfficialForm(t *testing.T) {
	r, x := issued(t)
	for _, lang := range []string{"vi", "en"} {
		pdf, err := r.PDF(t.Context(), x, lang)
		if err != nil {
			t.Fatal(err)
		}
		if folder := os.Getenv("REPORT_PAPERS"); folder != "" {
			if err := os.WriteFile(filepath.Join(folder, "city-day-"+lang+".pdf"), pdf, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got := textOf(t, pdf)
		golden := filepath.Join("testdata", "city-day-"+lang+".txt")
		if os.Getenv("REPORT_GOLDEN") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is another than in %s:\n%s", lang, golden, got)
		}
		if !regexp.MustCompile(`/MediaBox \[0 0 595\.28 841\.89\]`).Match(pdf) {
			t.Error("the paper is not A4")
		}
	}
}

func TestABoardOnPaper(t *testing.T) {
	f := fonts(t)
	s := report.Shown{Title: "Toàn cảnh thành phố", Lang: "vi", At: time.Date(2025, 10, 27, 0, 0, 0, 0, time.UTC), About: [][2]string{{"Theo quyền của", "mai"}}, Sheets: []report.Sheet{
		{Name: "Chỉ số", Table: chart.Table{Head: []string{"Chỉ số", "Số liệu"}, Rows: [][]chart.Cell{{{Text: "Mực nước Kim Long"}, {Text: "◆ 3,61", V: 3.61, Number: true}}}}}}}
	a, err := f.Board(s)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := f.Board(s)
	if !bytes.Equal(a, b) {
		t.Error("the same board gives another paper")
	}
	text := textOf(t, a)
	for _, want := range []string{"Toàn cảnh thành phố", "Mực nước Kim Long", "3,61", "Theo quyền của"} {
		if !strings.Contains(strings.ReplaceAll(text, "\n", " "), want) {
			t.Errorf("%q does not stand on the paper:\n%s", want, text)
		}
	}
	if strings.Contains(text, "◆") {
		t.Error("a shape is set as a letter that the face does not have")
	}
}

func BenchmarkPaperOf40Wards(b *testing.B) {
	r, x := issued(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.fonts.Official(x, "vi", zone); err != nil {
			b.Fatal(err)
		}
	}
}
