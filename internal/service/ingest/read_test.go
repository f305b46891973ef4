package ingest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	_ "time/tzdata"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

// bytesFile is a file in memory.
func bytesFile(name string, b []byte) File {
	return File{Name: name, Size: int64(len(b)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// dump reads everything: one line a row, cells joined by |, faults as !code@line:column.
func dump(t testing.TB, f File, m *dataset.Mapping, l Limits) (string, error) {
	t.Helper()
	src, err := Open(f, m, l)
	if err != nil {
		return "", err
	}
	defer src.Close()
	var b strings.Builder
	var first error
	for {
		err := src.NextTable()
		if err == io.EOF {
			return b.String(), first
		}
		for err == nil {
			var row Row
			if err = src.Next(&row); err != nil {
				break
			}
			fmt.Fprintf(&b, "%d:", row.Line)
			for i, c := range row.Cells {
				if i > 0 {
					b.WriteByte('|')
				}
				if c.Null {
					b.WriteString("~")
				} else {
					b.WriteString(strings.ReplaceAll(c.Text, "\n", "\\n"))
				}
			}
			if row.Fault != nil {
				fmt.Fprintf(&b, "!%s@%d", row.Fault.Code, row.Fault.Position.Column)
			}
			b.WriteByte('\n')
			if b.Len() > 4<<20 {
				b.Reset()
			}
		}
		if err != io.EOF && first == nil {
			first = err
		}
	}
}

func header(n int) *int { return &n }

func TestCSV(t *testing.T) {
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte("tên,số\r\nHuế,1\r\n"))
	cp1258, err := charmap.Windows1258.NewEncoder().Bytes([]byte("tên;đi\u0323a chi\u0309\nHuê\u0301;phươ\u0300ng Vi\u0303 Da\u0323\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, in string
		m        dataset.Mapping
		want     string
	}{
		{"plain", "a,b\n1,2\n3,4\n", dataset.Mapping{}, "2:1|2\n3:3|4\n"},
		{"no last newline", "a,b\n1,2", dataset.Mapping{}, "2:1|2\n"},
		{"crlf and bom", "\xEF\xBB\xBFa;b\r\n1;2\r\n", dataset.Mapping{}, "2:1|2\n"},
		{"old mac", "a,b\r1,2\r3,4\r", dataset.Mapping{}, "2:1|2\n3:3|4\n"},
		{"tab", "a\tb\n1\t2\n", dataset.Mapping{}, "2:1|2\n"},
		{"pipe", "a|b\n1|x\n", dataset.Mapping{}, "2:1|x\n"},
		{"several lines in a cell", "a,b\n\"x\ny\nz\",2\n3,4\n", dataset.Mapping{}, "2:x\\ny\\nz|2\n5:3|4\n"},
		{"doubled quotes", "a,b\n\"say \"\"hi\"\"\",\"\"\n", dataset.Mapping{}, "2:say \"hi\"|\n"},
		{"stray quote inside", "a,b\n1\"2,3\n4,5\n", dataset.Mapping{}, "2:1\"2|3!intake-quote@1\n3:4|5\n"},
		{"text after quote", "a,b\n\"1\"2,3\n4,5\n", dataset.Mapping{}, "2:!intake-quote@1\n3:4|5\n"},
		{"quote never closed", "a,b\n\"1,2\n3,4\n5,6\n", dataset.Mapping{}, "2:!intake-quote-open@1\n3:3|4\n4:5|6\n"},
		{"unclosed then quoted", "a,b\n\"1,2\n3,\"x\"\n5,6\n", dataset.Mapping{}, "2:!intake-quote@1\n3:3|x\n4:5|6\n"},
		{"short and long rows", "a,b\n1\n1,2,3\n1,2,,\n", dataset.Mapping{}, "2:1!intake-cells@0\n3:1|2|3!intake-cells@0\n4:1|2\n"},
		{"blank lines", "a,b\n\n1,2\n , \n,\n3,4\n", dataset.Mapping{}, "3:1|2\n6:3|4\n"},
		{"title and footer", "\xEF\xBB\xBF\"Title, long\"\r\n\r\n\"Name\";\"2001\"\r\n\"X\";1\r\n\"(*) note\"\r\nmore;1;2\r\n", dataset.Mapping{Header: header(3), Footer: `^\(\*`}, "4:X|1\n"},
		{"bad byte", "a,b\nx,\xff\nđ,2\n", dataset.Mapping{}, "2:x|\uFFFD!intake-bytes@2\n3:đ|2\n"},
		{"utf-16", string(utf16), dataset.Mapping{}, "2:Huế|1\n"},
		{"windows-1258", string(cp1258), dataset.Mapping{}, "2:Huế|phường Vĩ Dạ\n"},
		{"windows-1252 declared", "a;b\ncaf\xe9;1\n", dataset.Mapping{Encoding: "windows-1252"}, "2:café|1\n"},
		{"trailing delimiter", "a,b,\n1,2,\n", dataset.Mapping{}, "2:1|2|\n"},
		{"last cell empty at end", "a,b\n1,", dataset.Mapping{}, "2:1|\n"},
		{"quote at end", "a,b\n1,\"2\"", dataset.Mapping{}, "2:1|2\n"},
		{"declared delimiter", "a,x;b\n1,5;2\n", dataset.Mapping{Delimiter: ";"}, "2:1,5|2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := dump(t, bytesFile("f.csv", []byte(c.in)), &c.m, Limits{})
			if err != nil || got != c.want {
				t.Errorf("got %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}

// TestCSVAnyChunking reads the same nasty text through readers that deliver one
// byte, or cut at any place.
func TestCSVAnyChunking(t *testing.T) {
	in := "a,b\r\n\"x\r\ny\",\"q\"\"q\"\r\n\"bad\"x,1\r\n,\"\"\r\n1,2\r\n\"open,3\r\n4,5"
	want, err := dump(t, bytesFile("f.csv", []byte(in)), nil, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size < 12; size++ {
		tab, err := newCSV(&pieces{[]byte(in), size}, dialect{delimiter: ',', newline: '\n'}, 1, nil, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		tab2 := &Source{current: tab}
		var b strings.Builder
		for {
			var row Row
			if err := tab2.Next(&row); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%d:", row.Line)
			for i, c := range row.Cells {
				if i > 0 {
					b.WriteByte('|')
				}
				b.WriteString(strings.ReplaceAll(c.Text, "\n", "\\n"))
			}
			if row.Fault != nil {
				fmt.Fprintf(&b, "!%s@%d", row.Fault.Code, row.Fault.Position.Column)
			}
			b.WriteByte('\n')
		}
		if b.String() != want {
			t.Errorf("pieces of %d: got %q want %q", size, b.String(), want)
		}
	}
}

type pieces struct {
	b    []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.b[:min(p.size, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

func TestJSONReading(t *testing.T) {
	for _, c := range []struct {
		name, file, in string
		m              dataset.Mapping
		want, err      string
	}{
		{"array", "f.json", `[{"a":1,"b":"x"},{"b":null,"a":2.50}]`, dataset.Mapping{}, "1:1|x\n1:2.50|~\n", ""},
		{"empty array", "f.json", ` [ ] `, dataset.Mapping{}, "", ""},
		{"lines", "f.json", "[\n{\"a\":1},\n{\"a\":2}\n]\n", dataset.Mapping{}, "2:1\n3:2\n", ""},
		{"bad record in an array", "f.json", "[{\"a\":1},\n{\"a\":},\n{\"a\":3}]", dataset.Mapping{}, "1:1\n2:!intake-json@0\n3:3\n", ""},
		{"repeated name", "f.json", `[{"a":1,"a":2}]`, dataset.Mapping{}, "1:!intake-json@0\n", ""},
		{"no object", "f.json", `[1,{"a":2}]`, dataset.Mapping{}, "1:!intake-json-object@0\n1:2\n", ""},
		{"cut short", "f.json", `[{"a":1},{"a":`, dataset.Mapping{}, "1:1\n", "intake-json-syntax"},
		{"no comma", "f.json", `[{"a":1} {"a":2}]`, dataset.Mapping{}, "1:1\n", "intake-json-syntax"},
		{"torn string", "f.json", "[{\"a\":\"x\n\"},{\"a\":2}]", dataset.Mapping{}, "", "intake-json-syntax"},
		{"garbage after", "f.json", `[{"a":1}] x`, dataset.Mapping{}, "1:1\n", "intake-json-syntax"},
		{"records pointer", "f.json", `{"meta":{"n":[1]},"result":{"records":[{"a":1}],"x":2}}`, dataset.Mapping{Records: "/result/records"}, "1:1\n", ""},
		{"pointer into array", "f.json", `[1,[{"a":1}]]`, dataset.Mapping{Records: "/1"}, "1:1\n", ""},
		{"wrong pointer", "f.json", `{"a":[]}`, dataset.Mapping{Records: "/b"}, "", "intake-records"},
		{"first array of objects", "f.json", `{"n":1,"data":[{"a":1},{"a":2}],"z":[{"q":1}]}`, dataset.Mapping{}, "1:1\n1:2\n", ""},
		{"object of arrays", "f.json", `{"a":[1,2],"b":["x",null]}`, dataset.Mapping{}, "1:1|x\n2:2|~\n", ""},
		{"one object", "f.json", `{"a":1,"b":{"c":2}}`, dataset.Mapping{}, "1:1|{\"c\":2}\n", ""},
		{"ndjson", "f.ndjson", "{\"a\":1}\n\n{\"a\":\n{\"a\":3}", dataset.Mapping{}, "1:1\n3:!intake-json@0\n4:3\n", ""},
		{"ndjson by content", "f.dat", "{\"a\":1}\n{\"a\":2}\n", dataset.Mapping{}, "1:1\n2:2\n", ""},
		{"geojson", "f.geojson", `{"type":"FeatureCollection","features":[{"type":"Feature","id":7,"properties":{"n":"x"},"geometry":{"type":"Point","coordinates":[1,2]}},{"type":"Feature","properties":null,"geometry":null}]}`, dataset.Mapping{}, "1:x|7|{\"type\":\"Point\",\"coordinates\":[1,2]}\n1:~|~|~\n", ""},
		{"nested pointer column", "f.json", `[{"m":{"x":{"y":5}},"a":1}]`, dataset.Mapping{Map: map[string]dataset.FieldMap{"f": {Column: "/m/x/y"}}}, "1:{\"x\":{\"y\":5}}|1|5\n", ""},
		{"deep", "f.json", "[" + `{"a":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}," + `{"a":1}]`, dataset.Mapping{}, "1:!intake-json-depth@0\n1:1\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := dump(t, bytesFile(c.file, []byte(c.in)), &c.m, Limits{})
			if got != c.want {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
			if (err == nil) != (c.err == "") || err != nil && problem.As(err).Code != c.err {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func workbookBytes(t testing.TB, fill func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	fill(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestXLSX(t *testing.T) {
	b := workbookBytes(t, func(f *excelize.File) {
		f.SetSheetName("Sheet1", "Bảng 1")
		day, at := "dd/mm/yyyy", "yyyy-mm-dd hh:mm"
		d, _ := f.NewStyle(&excelize.Style{CustomNumFmt: &day})
		h, _ := f.NewStyle(&excelize.Style{CustomNumFmt: &at})
		for cell, v := range map[string]any{"A1": "Tiêu đề", "A3": "Tên", "B3": "Số", "C3": "Ngày", "D3": "Đúng", "A4": "Huế", "B4": 40.1, "C4": 44197, "D4": true, "A5": "x", "C5": 44197.5, "A7": "y", "E7": "stray", "A8": "(*) chú thích"} {
			f.SetCellValue("Bảng 1", cell, v)
		}
		f.SetCellStyle("Bảng 1", "C4", "C4", d)
		f.SetCellStyle("Bảng 1", "C5", "C5", h)
		f.NewSheet("Khác")
		f.SetCellValue("Khác", "A1", "k")
		f.SetCellValue("Khác", "A2", 1234567890123)
	})
	got, err := dump(t, bytesFile("f.xlsx", b), &dataset.Mapping{Header: header(3), Footer: `^\(\*`}, Limits{})
	want := "4:Huế|40.1|2021-01-01|true\n5:x|~|2021-01-01T12:00:00|~\n7:y|~|~|~|stray!intake-cells@5\n"
	if err != nil || got != want {
		t.Errorf("got %q %v\nwant %q", got, err, want)
	}
	got, err = dump(t, bytesFile("f.xlsx", b), &dataset.Mapping{Sheet: "Khác"}, Limits{})
	if err != nil || got != "2:1234567890123\n" {
		t.Errorf("got %q %v", got, err)
	}
	if _, err = dump(t, bytesFile("f.xlsx", b), &dataset.Mapping{Sheet: "Không có"}, Limits{}); problem.As(err).Code != "intake-sheet" {
		t.Errorf("got %v", err)
	}
}

func TestSerialText(t *testing.T) {
	for _, c := range []struct {
		f     float64
		s     dateStyle
		epoch bool
		want  string
	}{
		{1, dateOnly, false, "1900-01-01"}, {59, dateOnly, false, "1900-02-28"}, {60, dateOnly, false, ""}, {61, dateOnly, false, "1900-03-01"},
		{0, dateOnly, true, "1904-01-01"}, {44197.999999999, dateAndTime, false, "2021-01-02T00:00:00"}, {0.5, timeOnly, false, "12:00:00"}, {-1, dateOnly, false, ""}, {3e6, dateOnly, false, ""},
	} {
		got, ok := serialText(c.f, c.s, c.epoch)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%v: got %q want %q", c.f, got, c.want)
		}
	}
}

func zipOf(t testing.TB, members map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	z.Close()
	return b.Bytes()
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func TestContainers(t *testing.T) {
	two := append(gz([]byte("a,b\n1,2\n")), gz([]byte("3,4\n"))...)
	got, err := dump(t, bytesFile("f.csv.gz", two), nil, Limits{})
	if err != nil || got != "2:1|2\n3:3|4\n" {
		t.Errorf("multi-member gzip: %q %v", got, err)
	}
	if got, err = dump(t, bytesFile("f.csv.gz", two[:len(two)-9]), nil, Limits{}); problem.As(err).Code != "intake-packed" || !strings.HasPrefix(got, "2:1|2\n") {
		t.Errorf("cut gzip: %q %v", got, err)
	}
	z := zipOf(t, map[string]string{"dir/x y.csv": "a\n1\n", "readme.md": "no", "__MACOSX/._x.csv": "junk"})
	if got, err = dump(t, bytesFile("f.zip", z), nil, Limits{}); err != nil || got != "2:1\n" {
		t.Errorf("zip: %q %v", got, err)
	}
	if _, err = dump(t, bytesFile("f.zip", z), &dataset.Mapping{Sheet: "other.csv"}, Limits{}); problem.As(err).Code != "intake-archive-empty" {
		t.Errorf("zip without the member: %v", err)
	}
	for name, b := range map[string][]byte{"intake-empty": {}, "intake-old-workbook": {0xD0, 0xCF, 0x11, 0xE0, 0xA1}, "intake-encoding-unknown": bytes.Repeat([]byte{0xB5, 0x80, 0xFE, 10}, 50)} {
		if _, err := dump(t, bytesFile("f.dat", b), nil, Limits{}); problem.As(err).Code != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// endless makes n bytes from a repeated text.
type endless struct {
	text string
	n    int64
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && e.n > 0 {
		k := copy(p[n:], e.text[e.at:])
		if int64(k) > e.n {
			k = int(e.n)
		}
		e.at = (e.at + k) % len(e.text)
		n += k
		e.n -= int64(k)
	}
	return n, nil
}

func streamFile(name string, parts ...io.Reader) File {
	return File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(io.MultiReader(parts...)), nil }}
}

// TestHostile feeds inputs that are meant to hurt, in flat memory; the sizes are
// those of whole.
func TestHostile(t *testing.T) {
	zeros := func(n int64) io.Reader { return &endless{text: strings.Repeat("0", 4096), n: n} }
	bomb := func() []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.Copy(w, io.MultiReader(strings.NewReader("a\n"), &endless{text: strings.Repeat("0", 1000) + "\n", n: 300 << 20 / slower()}))
		w.Close()
		return b.Bytes()
	}()
	var xz bytes.Buffer
	z := zip.NewWriter(&xz)
	w, _ := z.Create("xl/workbook.xml")
	io.WriteString(w, `<workbook><sheets><sheet name="s" r:id="r1" xmlns:r="x"/></sheets></workbook>`)
	w, _ = z.Create("xl/_rels/workbook.xml.rels")
	io.WriteString(w, `<Relationships><Relationship Id="r1" Target="worksheets/s.xml"/></Relationships>`)
	w, _ = z.Create("xl/worksheets/s.xml")
	io.WriteString(w, `<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>a</v></c></row><row r="2"><c r="A2" t="str"><v>`)
	io.Copy(w, zeros(100<<20/slower()))
	io.WriteString(w, `</v></c></row></sheetData></worksheet>`)
	z.Close()
	var blanks bytes.Buffer
	z = zip.NewWriter(&blanks)
	w, _ = z.Create("xl/workbook.xml")
	io.Copy(w, &endless{text: "<a></a>", n: 100 << 20 / slower()})
	z.Close()
	entity := zipOf(t, map[string]string{"xl/workbook.xml": `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><workbook>&b;</workbook>`})
	for _, c := range []struct {
		name string
		file File
		code string // of the error
		want string // of the rows
	}{
		{"gzip bomb", bytesFile("f.csv.gz", bomb), "intake-bomb", ""},
		{"100 MB workbook of blanks", bytesFile("f.xlsx", blanks.Bytes()), "intake-bomb", ""},
		{"endless line", streamFile("f.csv", strings.NewReader("a,b\n"), zeros(100<<20/slower()), strings.NewReader("\n1,2\n")), "", "!intake-row-size@1\n3:1|2\n"},
		{"100 MB quoted cell", streamFile("f.csv", strings.NewReader("a,b\n\""), zeros(100<<20/slower()), strings.NewReader("\",x\n1,2\n")), "", "!intake-quote-open@1\n3:1|2\n"},
		{"cell over the limit", streamFile("f.csv", strings.NewReader("a,b\n"), zeros(2<<20), strings.NewReader(",1\n1,2\n")), "", "!intake-cell-size@1\n3:1|2\n"},
		{"100 MB json string", streamFile("f.json", strings.NewReader(`[{"a":"`), zeros(100<<20/slower()), strings.NewReader(`"},{"a":1}]`)), "", "!intake-row-size@0\n1:1\n"},
		{"100 MB json line", streamFile("f.ndjson", strings.NewReader(`{"a":"`), zeros(100<<20/slower()), strings.NewReader("\"}\n{\"a\":1}\n")), "", "!intake-row-size@0\n2:1\n"},
		{"endless nesting", streamFile("f.json", &endless{text: "[", n: 50 << 20 / slower()}), "intake-json-syntax", ""},
		{"100 MB workbook cell", bytesFile("f.xlsx", xz.Bytes()), "intake-cell-size", ""},
		{"entities", bytesFile("f.xlsx", entity), "intake-workbook", ""},
		{"2,001 columns", bytesFile("f.csv", []byte(strings.Repeat("a,", 2000)+"a\n")), "intake-header", ""},
		{"delimiters only", streamFile("f.csv", strings.NewReader("a,b\n"), &endless{text: ",", n: 20 << 20 / slower()}, strings.NewReader("\n1,2\n")), "", "!intake-columns@0\n3:1|2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			got, err := dump(t, c.file, nil, Limits{Floor: 1 << 20})
			runtime.ReadMemStats(&after)
			if (err == nil) != (c.code == "") || err != nil && problem.As(err).Code != c.code {
				t.Errorf("error %v, want %q", err, c.code)
			}
			if !strings.HasSuffix(got, c.want) {
				t.Errorf("rows end %q, want %q", got[max(0, len(got)-200):], c.want)
			}
			if grown := int64(after.Sys) - int64(before.Sys); grown > 200<<20/slower() {
				t.Errorf("took %d MiB", grown>>20)
			}
		})
	}
}

// TestFlatMemory reads a long stream and looks at the heap on the way.
func TestFlatMemory(t *testing.T) {
	src, err := Open(streamFile("f.csv", strings.NewReader("a,b,c\n"), &endless{text: "1,\"hai ba\",2026-01-01\n", n: 200 << 20 / slower()}), nil, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if err := src.NextTable(); err != nil {
		t.Fatal(err)
	}
	var stats runtime.MemStats
	var peak uint64
	rows := 0
	for {
		var row Row
		err := src.Next(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rows++; rows%500_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapAlloc)
		}
	}
	if peak > 24<<20 {
		t.Errorf("%d rows took %d MiB of heap", rows, peak>>20)
	}
}

// shared finds the real data that tests may use, or skips.
func shared(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("HUONG_SHARED")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = filepath.Join(filepath.Dir(dir), "shared")
				break
			}
		}
	}
	name := filepath.Join(root, "data", path)
	if _, err := os.Stat(name); err != nil {
		t.Skipf("SKIPPED: real data %s not found; set HUONG_SHARED to the folder that holds data/", path)
	}
	return name
}

// TestRealFiles reads every row of real files.
func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		path   string
		m      dataset.Mapping
		rows   int
		faulty int
	}{
		{"citizen-reports/boston_311_2011_h2.csv.gz", dataset.Mapping{}, 58251, 0},
		{"citizen-reports/boston_311_2019_animals.csv.gz", dataset.Mapping{}, 8928, 0},
		{"environment/beijing_air_aotizhongxin.csv.gz", dataset.Mapping{}, 35064, 0},
		{"environment/vietnam_meteo_monthly_1960_2017.csv.gz", dataset.Mapping{}, 37848, 0},
		{"mobility/i94_traffic_hourly.csv.gz", dataset.Mapping{}, 48204, 0},
		{"mobility/caltrain_gtfs_20160406.zip", dataset.Mapping{Sheet: "stop_times.txt"}, 3103, 0},
		{"public-order/houston_crime_2010.csv.gz", dataset.Mapping{}, 86314, 0},
		{"health/opendengue_vietnam.csv.gz", dataset.Mapping{}, 12687, 0},
		{"places/hanoi_osm_school.geojson.gz", dataset.Mapping{}, 1038, 0},
		{"admin-units/hue_wards.geojson", dataset.Mapping{}, 40, 0},
		{"procedures/procedures_list.csv.gz", dataset.Mapping{}, 2642, 0},
		{"procedures/procedures_full.jsonl.gz", dataset.Mapping{}, 2642, 0},
	} {
		t.Run(c.path, func(t *testing.T) {
			file, lines := realFile(t, c.path)
			if lines >= 0 {
				c.rows = int(lines)
			}
			src, err := Open(file, &c.m, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			rows, faulty := 0, 0
			for {
				if err := src.NextTable(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				var row Row
				for err = src.Next(&row); err == nil; err = src.Next(&row) {
					if rows++; row.Fault != nil {
						faulty++
						t.Log(row.Line, row.Fault.In("en"))
					}
				}
				if err != io.EOF {
					t.Fatal(err)
				}
			}
			if rows != c.rows || faulty != c.faulty {
				t.Errorf("%d rows, %d faulty; want %d, %d", rows, faulty, c.rows, c.faulty)
			}
		})
	}
	t.Run("statistics", func(t *testing.T) {
		src, err := Open(PathFile(shared(t, "vietnam-statistics/gso_tables_2019.zip")), &dataset.Mapping{Header: header(3), Footer: `^(\(|\*|Note|Source|Ghi)`}, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		tables, bad, rows, faulty := 0, 0, 0, 0
		for {
			err := src.NextTable()
			if err == io.EOF {
				break
			}
			if tables++; err != nil {
				bad++
				t.Log(err)
				continue
			}
			var row Row
			for err = src.Next(&row); err == nil; err = src.Next(&row) {
				if rows++; row.Fault != nil {
					faulty++
				}
			}
			if err != io.EOF {
				t.Error(err)
			}
		}
		t.Logf("%d tables, %d unreadable, %d rows, %d faulty", tables, bad, rows, faulty)
		if tables != 334 || bad > 0 {
			t.Errorf("%d tables, %d unreadable", tables, bad)
		}
	})
}
