package record

import (
	"strings"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

func TestConstraints(t *testing.T) {
	n := func(i int) *int { return &i }
	type c = dataset.Constraints
	tests := []struct {
		typ   dataset.Type
		c     dataset.Constraints
		cells map[string]string // cell → codes
	}{
		{dataset.String, c{Required: true}, map[string]string{"": "value-required", "x": ""}},
		{dataset.String, c{MinLength: n(3), MaxLength: n(3)}, map[string]string{"Huế": "", "Hu": "value-min-length", "Huế!": "value-max-length"}},
		{dataset.List, c{MinLength: n(2), MaxLength: n(2)}, map[string]string{"a": "value-min-length", "a,b": "", "a,b,c": "value-max-length"}},
		{dataset.Array, c{MaxLength: n(2)}, map[string]string{`[[1,2],{"a":[3,",]"]}]`: "", `[]`: "", `[1,2,3]`: "value-max-length"}},
		{dataset.Integer, c{Minimum: 1, Maximum: "9"}, map[string]string{"0": "value-minimum", "1": "", "9": "", "10": "value-maximum"}},
		{dataset.Number, c{ExclusiveMinimum: 0, ExclusiveMaximum: 1.5}, map[string]string{"0": "value-exclusive-minimum", "1.5": "value-exclusive-maximum", "1": ""}},
		{dataset.Number, c{Minimum: 0, ExclusiveMinimum: 0}, map[string]string{"0": "value-exclusive-minimum"}},
		{dataset.Number, c{Minimum: 5, ExclusiveMinimum: 0}, map[string]string{"4": "value-minimum", "5": ""}},
		{dataset.DateType, c{Minimum: "2025-07-01"}, map[string]string{"2025-06-30": "value-minimum", "2025-07-01": ""}},
		{dataset.DateTime, c{Maximum: "2025-07-01T00:00:00+07:00"}, map[string]string{"2025-06-30T17:00:00Z": "", "2025-06-30T17:00:01Z": "value-maximum"}},
		{dataset.YearMonth, c{Minimum: "2025-07"}, map[string]string{"2025-06": "value-minimum"}},
		{dataset.Year, c{Maximum: 2025}, map[string]string{"2026": "value-maximum"}},
		{dataset.TimeOfDay, c{Minimum: "07:00:00"}, map[string]string{"06:59:59.999": "value-minimum", "07:00:00": ""}},
		{dataset.Duration, c{Maximum: "P1M"}, map[string]string{"P27D": "", "P30D": "value-maximum", "P32D": "value-maximum", "P1M": ""}},
		{dataset.String, c{Pattern: `[A-Z]{2}-\d+`}, map[string]string{"AB-1": "", "xAB-1": "value-pattern", "AB-1\n": "value-pattern"}},
		{dataset.String, c{Enum: []any{"a", "b"}}, map[string]string{"a": "", "c": "value-enum"}},
		{dataset.Integer, c{Enum: []any{1, "2", 3.0}}, map[string]string{"1": "", "2": "", "3": "", "4": "value-enum"}},
		{dataset.Object, c{JSONSchema: map[string]any{"required": []any{"a"}, "properties": map[string]any{"a": map[string]any{"type": "integer"}}}}, map[string]string{`{"a":1}`: "", `{}`: "value-json-schema", `{"a":"secret"}`: "value-json-schema"}},
	}
	for _, test := range tests {
		s := one(t, dataset.Field{Type: test.typ, Constraints: test.c})
		for cell, want := range test.cells {
			v, bad := s.ParseCell(1, cell)
			if bad != nil {
				t.Fatal(bad)
			}
			var got []string
			for _, v := range s.Check([]value.Value{value.OfText("k"), v, {}}, nil) {
				got = append(got, v.Code)
				if strings.ContainsAny(v.In("vi"), "{}") {
					if test.typ != dataset.String {
						t.Errorf("unfinished message %q", v.In("vi"))
					}
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s %q: %v, want %q", test.typ, cell, got, want)
			}
		}
	}
}

func TestKeyIsRequired(t *testing.T) {
	s := one(t, dataset.Field{Type: dataset.String})
	if vs := s.Check(make([]value.Value, 3), nil); len(vs) != 1 || vs[0].Code != "value-required" || vs[0].Field != "id" {
		t.Fatal(vs)
	}
}

func TestRulesAndWarnings(t *testing.T) {
	d := declare(dataset.Field{Name: "id", Type: dataset.String}, dataset.Field{Name: "low", Type: dataset.Number}, dataset.Field{Name: "high", Type: dataset.Number})
	d.Quality = []dataset.Rule{
		{Name: "order", Rule: "low <= high", Severity: "error"},
		{Name: "small", Rule: "high < 100", Severity: "warning"},
		{Name: "no-jump", Rule: "abs(low - previous(low)) <= 1.5", Severity: "warning"},
	}
	s, err := Compile(d, table(d))
	if err != nil {
		t.Fatal(err)
	}
	row := func(low, high value.Value) []value.Value { return []value.Value{value.OfText("k"), low, high} }
	if vs := s.Check(row(value.OfFloat(2), value.OfFloat(1)), nil); len(vs) != 1 || vs[0].Code != "value-rule" || vs[0].Args["rule"] != "order" {
		t.Error(vs)
	}
	if vs := s.Check(row(value.OfFloat(2), value.Value{}), nil); len(vs) != 0 {
		t.Error("an unknown rule refused a row:", vs)
	}
	if names := s.Warnings(row(value.OfFloat(2), value.OfFloat(200)), nil); strings.Join(names, " ") != "small" {
		t.Error(names)
	}
	if names := s.Warnings(row(value.OfFloat(2), value.OfFloat(2)), nil); len(names) != 0 {
		t.Error(names)
	}
	if got := s.SequenceRules(); strings.Join(got, " ") != "no-jump" || len(s.SequenceColumns(0)) != 1 {
		t.Error(got)
	}
	for before, want := range map[float64]int{9: 1, 3: 0} {
		if got := s.Sequence(row(value.OfFloat(2), value.OfFloat(200)), row(value.OfFloat(before), value.Value{}), nil); len(got) != want {
			t.Errorf("after %v: %v", before, got)
		}
	}
}

func TestPersonalValuesStayOut(t *testing.T) {
	most := 3
	s := one(t, dataset.Field{Type: dataset.String, Classification: dataset.Personal, Constraints: dataset.Constraints{MaxLength: &most, Enum: []any{"a"}, Pattern: "b"}})
	for _, v := range s.Check([]value.Value{value.OfText("k"), value.OfText("secret"), {}}, nil) {
		for _, arg := range v.Args {
			if strings.Contains(arg, "secret") {
				t.Errorf("%s shows a personal value: %v", v.Code, v.Args)
			}
		}
	}
	for _, typ := range []dataset.Type{dataset.Integer, dataset.DateType, dataset.GeoPoint, dataset.Object, dataset.List, dataset.GeoJSON, dataset.Boolean} {
		s := one(t, dataset.Field{Type: typ, ItemType: dataset.Integer, Classification: dataset.Restricted})
		if typ != dataset.List {
			s = one(t, dataset.Field{Type: typ, Classification: dataset.Restricted})
		}
		_, cell := s.ParseCell(1, "secret")
		err := s.DecodeObject([]byte(`{"id":"k","x":"secret"}`), make([]value.Value, 3))
		if cell == nil || err == nil {
			t.Fatal(typ)
		}
		if strings.Contains(cell.In("en"), "secret") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v %v", typ, cell.In("en"), err)
		}
	}
}

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{`\d{3}`, []string{"123", "٣٤٥"}, []string{"12", "1234", "abc"}},
		{`^a$`, []string{"a"}, []string{"^a$", "aa"}},
		{`a^b`, []string{"a^b"}, []string{"ab"}},
		{`[a-z-[aeiou]]+`, []string{"xyz"}, []string{"abc"}},
		{`[^a-c]`, []string{"d", "Đ"}, []string{"a"}},
		{`\i\c*`, []string{"đường", "_a-1.b"}, []string{"1a", "-a"}},
		{`\p{Lu}.`, []string{"Đx"}, []string{"đx", "Đ\n"}},
		{`(a|b){1,2}`, []string{"ab"}, []string{"aba", ""}},
		{`a|bc`, []string{"a", "bc"}, []string{"ac", "xa"}},
		{`[\-.]`, []string{"-", "."}, []string{"x"}},
		{`\w+`, []string{"Huế"}, []string{"a b", "a."}},
		{`a\$`, []string{"a$"}, []string{"a"}},
		{`[a\]]`, []string{"]"}, nil},
	}
	for _, test := range tests {
		re, err := compilePattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		for _, s := range test.yes {
			if !re.MatchString(s) {
				t.Errorf("%s does not match %q (%s)", test.pattern, s, re)
			}
		}
		for _, s := range test.no {
			if re.MatchString(s) {
				t.Errorf("%s matches %q (%s)", test.pattern, s, re)
			}
		}
	}
	for _, bad := range []string{`(?i)a`, `a**`, `a+?`, `[a`, `(a`, `a)`, `\q`, `[]`, `{2}`, `a{,2}`, `[z-a]`, `*`, `[a-z-[b]c]`, "\xff", `\p{Nope}`, `a{9999}`, `a\`} {
		if re, err := compilePattern(bad); err == nil {
			t.Errorf("%s accepted as %s", bad, re)
		}
	}
}
