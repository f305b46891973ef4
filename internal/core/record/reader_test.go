package record

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

type nexter interface {
	Next(*Batch, int) ([]Fault, error)
}

// outcome reads everything and tells it as text: rows, faults with their
// places, and how it ended.
func outcome(s *Schema, r nexter) string {
	var b strings.Builder
	batch := NewBatch(s)
	for range 10000 {
		batch.Reset()
		faults, err := r.Next(batch, 3)
		for i := range batch.Len() {
			fmt.Fprintf(&b, "%d:%d %s\n", batch.Position(i).Line, batch.Position(i).Column, s.AppendJSON(nil, batch.Row(i), []int{0, 1}))
		}
		for _, f := range faults {
			fmt.Fprintf(&b, "! %s %q", f.Position, f.Raw)
			for _, v := range f.Violations {
				fmt.Fprintf(&b, " [%d%s %s %s]", v.Row, v.Position, v.Code, v.Field)
			}
			b.WriteByte('\n')
		}
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			return b.String() + "stop " + problem.As(err).Code + "\n"
		}
	}
	return b.String() + "endless"
}

func sample(t testing.TB) *Schema {
	return compiled(t, dataset.Field{Name: "id", Type: dataset.String}, dataset.Field{Name: "level", Type: dataset.Number})
}

func TestJSONReader(t *testing.T) {
	s := sample(t)
	tests := []struct{ name, in, want string }{
		{"array", `[{"id":"a","level":1},` + "\n" + ` {"level":2.5,"id":"b"}]`, "1:2 {\"id\":\"a\",\"level\":1}\n2:2 {\"id\":\"b\",\"level\":2.5}\n"},
		{"empty array", " [ ] \n", ""},
		{"nothing", "", ""},
		{"bom", "\xEF\xBB\xBF{\"id\":\"a\"}", "1:1 {\"id\":\"a\",\"level\":null}\n"},
		{"one object over lines", "{\n \"id\": \"a\",\n \"level\": 3\n}\n", "1:1 {\"id\":\"a\",\"level\":3}\n"},
		{"ndjson", "{\"id\":\"a\"}\n\n{\"id\":\"b\"}\r\n{\"id\":\"c\"}{\"id\":\"d\"}", "1:1 {\"id\":\"a\",\"level\":null}\n3:1 {\"id\":\"b\",\"level\":null}\n4:1 {\"id\":\"c\",\"level\":null}\n4:11 {\"id\":\"d\",\"level\":null}\n"},
		{"escapes", `{"id":"\u0048\u0075\u1EBF \ud83c\udf0a\/\t"}`, "1:1 {\"id\":\"Huế 🌊/\\t\",\"level\":null}\n"},
		{"nfc", `{"id":"Hue\u0302\u0301"}`, "1:1 {\"id\":\"Huế\",\"level\":null}\n"},
		{"missing text", `{"id":"a","level":""}`, "1:1 {\"id\":\"a\",\"level\":null}\n"},
		{"faults of values", `[{"id":"a","level":"x"},{"id":5,"levl":1,"_area":"w"},{"level":1},{"id":"b"}]`,
			"4:?"},
		{"duplicate", `{"id":"a","id":"b"}`, "! :1:1 \"{\\\"id\\\":\\\"a\\\",\\\"id\\\":\\\"b\\\"}\" [0:1:11 row-duplicate id]\n"},
		{"case matters", `{"Id":"a"}`, "! :1:1 \"{\\\"Id\\\":\\\"a\\\"}\" [0:1:2 row-unknown-near Id]\n"},
		{"column counts characters", `{"id":"Huế","level":true}`, "! :1:1 \"{\\\"id\\\":\\\"Huế\\\",\\\"level\\\":true}\" [0:1:21 value-json-type level]\n"},
		{"broken line", "{\"id\":\"a\"}\n{\"id\":\"b\n{\"id\":\"c\"}\n", "1:1 {\"id\":\"a\",\"level\":null}\n3:1 {\"id\":\"c\",\"level\":null}\n! :2:1 \"{\\\"id\\\":\\\"b\" [1:2:9 row-control ]\n"},
		{"broken first line", "{\"id\":\"a\",\"level\":\n{\"id\":\"c\"}\n", "2:1 {\"id\":\"c\",\"level\":null}\n! :1:1 \"{\\\"id\\\":\\\"a\\\",\\\"level\\\":\" [0:1:19 row-truncated ]\n"},
		{"missing brace", "{\"id\":\"a\"\n{\"id\":\"c\"}\n", "2:1 {\"id\":\"c\",\"level\":null}\n! :1:1 \"{\\\"id\\\":\\\"a\\\"\" [0:1:10 row-truncated ]\n"},
		{"garbage lines", "{\"id\":\"a\"}\nxyz\n{\"id\":\"c\"}\n", "1:1 {\"id\":\"a\",\"level\":null}\n3:1 {\"id\":\"c\",\"level\":null}\n! :2:1 \"xyz\" [1:2:1 row-object ]\n"},
		{"truncated last line", "{\"id\":\"a\"}\n{\"id\":\"c", "1:1 {\"id\":\"a\",\"level\":null}\n! :2:1 \"{\\\"id\\\":\\\"c\" [1:2:9 row-truncated ]\n"},
		{"array goes on after a balanced object", `[{"id":"a",,},{"id":"b"},{"id":"\x"},{"id":"c"}]`, "1:15 {\"id\":\"b\",\"level\":null}\n! :1:2 \"{\\\"id\\\":\\\"a\\\",,}\" [0:1:12 row-syntax ]\n! :1:26 \"{\\\"id\\\":\\\"\\\\x\\\"}\" [2:1:33 row-escape ]\n1:38 {\"id\":\"c\",\"level\":null}\n"},
		{"other elements", `[1, "x}", [{"id":"a"}], null, {"id":"b"}]`, "! :1:2 \"1\" [0:1:2 row-object ]\n! :1:5 \"\\\"x}\\\"\" [1:1:5 row-object ]\n! :1:11 \"[{\\\"id\\\":\\\"a\\\"}]\" [2:1:11 row-object ]\n1:31 {\"id\":\"b\",\"level\":null}\n! :1:25 \"null\" [3:1:25 row-object ]\n"},
		{"array lost", `[{"id":"a"},{"id":["b"},{"id":"c"}]`, "1:2 {\"id\":\"a\",\"level\":null}\n! :1:13 \"{\\\"id\\\":[\\\"b\\\"},{\\\"id\\\":\\\"c\\\"}]\" [1:1:23 row-syntax ]\nstop row-input\n"},
		{"array cut", `[{"id":"a"},{"id":"b"`, "1:2 {\"id\":\"a\",\"level\":null}\n! :1:13 \"{\\\"id\\\":\\\"b\\\"\" [1:1:22 row-truncated ]\nstop row-input\n"},
		{"array without end", `[{"id":"a"}`, "1:2 {\"id\":\"a\",\"level\":null}\n! :1:12 \"\" [1:1:12 row-truncated ]\nstop row-input\n"},
		{"after the array", `[{"id":"a"}] x`, "1:2 {\"id\":\"a\",\"level\":null}\n! :1:14 \"x\" [1:1:14 row-trailing ]\nstop row-input\n"},
		{"missing comma", `[{"id":"a"} {"id":"b"}]`, "1:2 {\"id\":\"a\",\"level\":null}\n! :1:13 \"{\\\"id\\\":\\\"b\\\"}]\" [1:1:13 row-syntax ]\nstop row-input\n"},
		{"comma at the end", `[{"id":"a"},]`, "1:2 {\"id\":\"a\",\"level\":null}\n! :1:13 \"]\" [1:1:13 row-syntax ]\nstop row-input\n"},
		{"comma at the start", `[,{"id":"a"}]`, "! :1:2 \",{\\\"id\\\":\\\"a\\\"}]\" [0:1:2 row-syntax ]\nstop row-input\n"},
		{"not JSON", `id,level`, "! :1:1 \"id,level\" [0:1:1 row-start ]\nstop row-input\n"},
		{"bad UTF-8", "{\"id\":\"a\xff\"}\n{\"id\":\"b\"}", "2:1 {\"id\":\"b\",\"level\":null}\n! :1:1 \"{\\\"id\\\":\\\"a\\xff\\\"}\" [0:1:9 row-utf8 ]\n"},
		{"lone surrogate", `[{"id":"\ud800"},{"id":"b"}]`, "1:18 {\"id\":\"b\",\"level\":null}\n! :1:2 \"{\\\"id\\\":\\\"\\\\ud800\\\"}\" [0:1:9 row-escape ]\n"},
		{"numbers", `[{"id":"a","level":01},{"id":"a","level":1.},{"id":"a","level":-},{"id":"a","level":1e999},{"id":"a","level":-0}]`, "5:?"},
	}
	for _, test := range tests {
		whole := outcome(s, NewJSONReader(strings.NewReader(test.in), s, Limits{}))
		switch {
		case strings.HasSuffix(test.want, "?"):
			if !strings.HasPrefix(test.want, fmt.Sprint(strings.Count(whole, "\n"))) {
				t.Errorf("%s:\n%s", test.name, whole)
			}
		case whole != test.want:
			t.Errorf("%s:\ngot  %swant %s", test.name, whole, test.want)
		}
		// The size of the pieces that arrive changes nothing.
		for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader(test.in)), iotest.HalfReader(strings.NewReader(test.in)), iotest.DataErrReader(strings.NewReader(test.in))} {
			if pieces := outcome(s, NewJSONReader(r, s, Limits{})); pieces != whole {
				t.Errorf("%s in pieces:\ngot  %swant %s", test.name, pieces, whole)
			}
		}
	}
}

func TestJSONReaderLimits(t *testing.T) {
	s := sample(t)
	big := `{"id":"` + strings.Repeat("x", 300_000) + `"}`
	for _, in := range []string{"[" + big + `,{"id":"b"},` + big + `,{"id":"c"}]`, big + "\n{\"id\":\"b\"}\n" + big + "\n{\"id\":\"c\"}\n"} {
		for _, limit := range []int{1000, 100_000, 250_000} {
			batch := NewBatch(s)
			r := NewJSONReader(strings.NewReader(in), s, Limits{MaxRow: limit})
			faults, err := r.Next(batch, 100)
			for err == nil {
				var more []Fault
				more, err = r.Next(batch, 100)
				faults = append(faults, more...)
			}
			if err != io.EOF || batch.Len() != 2 || len(faults) != 2 {
				t.Fatalf("limit %d: %d rows, %d faults, %v", limit, batch.Len(), len(faults), err)
			}
			for _, f := range faults {
				if len(f.Raw) > mostRaw || f.Violations[0].Code != "row-too-large" {
					t.Fatal(len(f.Raw), f.Violations)
				}
			}
			if len(r.in.buf) > 4*max(limit, bufferSize) {
				t.Fatalf("limit %d: the window grew to %d", limit, len(r.in.buf))
			}
		}
	}
	deep := `{"id":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}"
	if got := outcome(s, NewJSONReader(strings.NewReader("["+deep+`,{"id":"b"}]`), s, Limits{})); !strings.Contains(got, "row-depth") || !strings.Contains(got, `"b"`) {
		t.Error(got)
	}
}

func TestReadersReturnSourceErrors(t *testing.T) {
	s, broken := sample(t), errors.New("line cut")
	for _, in := range []string{"", "[", `[{"id":"a"}`, `[{"id":"a`, `{"id":"a`, "{\"id\":\"a\"}\n", "[5"} {
		r := NewJSONReader(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), s, Limits{})
		if _, err := r.Next(NewBatch(s), 10); !errors.Is(err, broken) {
			t.Errorf("JSON %q: %v", in, err)
		}
	}
	for _, in := range []string{"", "id", "id\n", "id\na", "id\n\"a"} {
		r := NewCSVReader(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), s, Limits{})
		if _, err := r.Next(NewBatch(s), 10); !errors.Is(err, broken) {
			t.Errorf("CSV %q: %v", in, err)
		}
	}
}

func TestCSVReader(t *testing.T) {
	s := sample(t)
	tests := []struct{ name, in, want string }{
		{"plain", "id,level\na,1\nb,\n", "2:1 {\"id\":\"a\",\"level\":1}\n3:1 {\"id\":\"b\",\"level\":null}\n"},
		{"other order, CRLF, no last line end, BOM", "\xEF\xBB\xBFlevel,id\r\n1,a\r\n2,b", "2:1 {\"id\":\"a\",\"level\":1}\n3:1 {\"id\":\"b\",\"level\":2}\n"},
		{"quotes", "id,level\n\"a,\"\"b\"\"\nc\",\"1\"\nd,2\n", "2:1 {\"id\":\"a,\\\"b\\\"\\nc\",\"level\":1}\n4:1 {\"id\":\"d\",\"level\":2}\n"},
		{"blank lines", "id,level\n\na,1\n\r\n", "3:1 {\"id\":\"a\",\"level\":1}\n"},
		{"bad cell", "id,level\na,x\nb,2\n", "3:1 {\"id\":\"b\",\"level\":2}\n! :2:1 \"a,x\" [0:2:3 value-number level]\n"},
		{"check", "level,id\n1,\n", "! :2:1 \"1,\" [0:2:3 value-required id]\n"},
		{"too few, too many", "id,level\na\nb,1,2\nc,1\n", "4:1 {\"id\":\"c\",\"level\":1}\n! :2:1 \"a\" [0:2:1 row-cells ]\n! :3:1 \"b,1,2\" [1:3:1 row-cells ]\n"},
		{"stray quote", "id,level\na\"b,1\nc,2\n", "3:1 {\"id\":\"c\",\"level\":2}\n! :2:1 \"a\\\"b,1\" [0:2:2 row-quote ]\n"},
		{"text after quote", "id,level\n\"a\"b,1\nc,2\n", "3:1 {\"id\":\"c\",\"level\":2}\n! :2:1 \"\\\"a\\\"b,1\" [0:2:3 row-quote ]\n"},
		{"open quote", "id,level\n\"a,1\nc,2\n", "3:1 {\"id\":\"c\",\"level\":2}\n! :2:1 \"\\\"a,1\" [0:2:1 row-quote ]\n"},
		{"header", "id,levl,id,,_area\na,1,2,3,4\n", "stop row-input\n"},
		{"nothing", "", "stop row-input\n"},
		{"header only", "id,level\n", ""},
	}
	for _, test := range tests {
		whole := outcome(s, NewCSVReader(strings.NewReader(test.in), s, Limits{}))
		if whole != test.want {
			t.Errorf("%s:\ngot  %swant %s", test.name, whole, test.want)
		}
		if pieces := outcome(s, NewCSVReader(iotest.OneByteReader(strings.NewReader(test.in)), s, Limits{})); pieces != whole {
			t.Errorf("%s in pieces:\ngot  %swant %s", test.name, pieces, whole)
		}
	}
	_, err := NewCSVReader(strings.NewReader("id,levl,id,,_area\n"), s, Limits{}).Next(NewBatch(s), 1)
	if vs := problem.As(err).Violations; len(vs) != 4 || vs[0].Code != "row-unknown-near" || vs[0].Args["near"] != "level" || vs[0].Position.Column != 4 {
		t.Error(vs)
	}
	big := "id,level\n" + strings.Repeat("x", 5000) + ",1\nb,2\n"
	for code, limits := range map[string]Limits{"row-cell-large": {MaxCell: 1000}, "row-too-large": {MaxRow: 1000}} {
		got := outcome(s, NewCSVReader(strings.NewReader(big), s, limits))
		if !strings.Contains(got, code) || !strings.Contains(got, `"b"`) {
			t.Errorf("%s: %s", code, got)
		}
	}
}

func TestDecodeObjectAndPatch(t *testing.T) {
	s := compiled(t,
		dataset.Field{Name: "id", Type: dataset.String},
		dataset.Field{Name: "level", Type: dataset.Number, Constraints: dataset.Constraints{Maximum: 20}},
		dataset.Field{Name: "note", Type: dataset.String, Constraints: dataset.Constraints{Required: true}})
	row := make([]value.Value, 4)
	row[0] = value.OfText("k")
	if err := s.DecodeObject([]byte(` {"level":2,"note":"x"} `), row); err != nil || row[0].Text() != "k" || row[1].Float() != 2 {
		t.Fatal(err, row)
	}
	err := s.DecodeObject([]byte("{\n\"level\":true,\n \"nope\":1, \"note\":{}}"), make([]value.Value, 4))
	vs := problem.As(err).Violations
	if len(vs) != 3 || vs[0].Position.Line != 2 || vs[1].Position.Line != 3 || vs[1].Position.Column != 2 || vs[2].Field != "note" {
		t.Error(vs)
	}
	for _, bad := range []string{"", "[]", "{", `{"id"`, `{"id":"a"} x`, `{"id":1 2}`, "nul"} {
		if problem.KindOf(s.DecodeObject([]byte(bad), make([]value.Value, 4))) != problem.Invalid {
			t.Errorf("%q accepted", bad)
		}
	}
	mask := make([]bool, 4)
	row = make([]value.Value, 4)
	if err := s.DecodePatch([]byte(`{"level":null}`), row, mask); err != nil || !mask[1] || mask[0] || mask[2] || !row[1].IsNull() {
		t.Error(err, mask)
	}
	for patch, code := range map[string]string{`{"note":null}`: "value-required", `{"level":21}`: "value-maximum", `{"_area":"x"}`: "row-derived", `{"level":1,"level":2}`: "row-duplicate"} {
		vs := problem.As(s.DecodePatch([]byte(patch), make([]value.Value, 4), make([]bool, 4))).Violations
		if len(vs) != 1 || vs[0].Code != code {
			t.Errorf("%s: %v", patch, vs)
		}
	}
}

func TestKeys(t *testing.T) {
	d := declare(dataset.Field{Name: "station", Type: dataset.String}, dataset.Field{Name: "at", Type: dataset.DateTime}, dataset.Field{Name: "year", Type: dataset.Year})
	d.Schema.PrimaryKey = []string{"station", "at", "year"}
	s, err := Compile(d, table(d))
	if err != nil {
		t.Fatal(err)
	}
	key := []value.Value{value.OfText("a,b~c/d"), value.OfTime(1500000), value.OfInt(-44)}
	text := FormatKey(s.Table(), key)
	if text != "a~1b~0c/d,1970-01-01T00:00:01.500Z,-0044" {
		t.Error(text)
	}
	back, err := ParseKey(s, text)
	if err != nil || fmt.Sprint(back) != fmt.Sprint(key) {
		t.Error(back, err)
	}
	for bad, code := range map[string]string{"a": "key-parts", "a,b,c,d": "key-parts", "a~2,1970-01-01T00:00:00Z,2000": "key-escape", ",x,y": "value-required", "a,1970-01-01T00:00:00,2000": "value-zone"} {
		_, err := ParseKey(s, bad)
		p := problem.As(err)
		if p.Kind != problem.Invalid || (p.Code != code && (len(p.Violations) == 0 || p.Violations[0].Code != code)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
