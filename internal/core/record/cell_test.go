package record

import (
	"fmt"
	"strings"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

func TestParseCell(t *testing.T) {
	no := false
	big := "P" + strings.Repeat("9", 30) + "D"
	tests := []struct {
		field dataset.Field
		cells map[string]string // text → what AppendCell writes back, or "!code"
	}{
		{dataset.Field{Type: dataset.String}, map[string]string{
			"": "", "Huế": "Huế", "Hue\u0302\u0301": "Huế", "a\r\nb\rc": "a\nb\nc", "a\x00": "!value-control", "a\x7f": "!value-control",
			"a\u0085": "!value-control", "\xff": "!value-encoding", " x ": " x ", "“phố” – 漢字 \u212b": "“phố” – 漢字 \u00c5",
		}},
		{dataset.Field{Type: dataset.String, Format: "email"}, map[string]string{"a@hue.gov.vn": "a@hue.gov.vn", "a@b": "!value-email", "a b@c.d": "!value-email", "a@@b.c": "!value-email"}},
		{dataset.Field{Type: dataset.String, Format: "uri"}, map[string]string{"https://hue.vn/a?b": "https://hue.vn/a?b", "urn:x:y": "urn:x:y", "/a/b": "!value-uri", "hue.vn": "!value-uri"}},
		{dataset.Field{Type: dataset.String, Format: "uuid"}, map[string]string{"123e4567-e89b-12d3-a456-426614174000": "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000": "!value-uuid"}},
		{dataset.Field{Type: dataset.String, Format: "binary"}, map[string]string{"aGk=": "aGk=", "aGk": "!value-binary"}},
		{dataset.Field{Type: dataset.Number}, map[string]string{
			"1": "1", "-1.50": "-1.5", "1e3": "1000", "-0": "0", " 2 ": "2", "1e999": "!value-number-range", "NaN": "!value-special", "-INF": "!value-special",
			"0x10": "!value-number", "1_0": "!value-number", "1,5": "!value-number", "12%": "!value-number", ".5": "0.5", "5.": "5", "--1": "!value-number", "1e": "!value-number", "+1": "1",
		}},
		{dataset.Field{Type: dataset.Number, DecimalChar: ",", GroupChar: "."}, map[string]string{
			"1.234.567,25": "1234567,25", "1,5": "1,5", "1..2": "!value-number", "1.": "!value-number", "1,5.2": "!value-number", "-1.000": "-1000",
		}},
		{dataset.Field{Type: dataset.Number, BareNumber: &no}, map[string]string{"95%": "95", "€ -12.5": "-12.5", "VND": "!value-number", "≈.5m": "0.5"}},
		{dataset.Field{Type: dataset.Integer}, map[string]string{
			"12": "12", "-9223372036854775808": "-9223372036854775808", "9223372036854775808": "!value-integer-range", "1.0": "!value-integer", "x": "!value-integer", "NaN": "!value-special", "+5": "5", "": "",
		}},
		{dataset.Field{Type: dataset.Integer, GroupChar: ",", MissingValues: []string{"-", "-99"}}, map[string]string{"1,000": "1000", "-": "-", "-99": "-", "-099": "-", "": "!value-integer"}},
		{dataset.Field{Type: dataset.Boolean}, map[string]string{"true": "true", "1": "true", "FALSE": "false", "yes": "!value-boolean"}},
		{dataset.Field{Type: dataset.Boolean, TrueValues: []string{"Có"}, FalseValues: []string{"Không"}}, map[string]string{"Có": "Có", "Không": "Không", "true": "!value-boolean"}},
		{dataset.Field{Type: dataset.DateType}, map[string]string{
			"2025-07-01": "2025-07-01", "0001-01-01": "0001-01-01", "9999-12-31": "9999-12-31", "2024-02-29": "2024-02-29", "2025-02-29": "!value-date",
			"0000-01-01": "!value-date", "2025-7-1": "!value-date", "2025-07-01Z": "!value-date", "01/07/2025": "!value-date",
		}},
		{dataset.Field{Type: dataset.DateType, Format: "%d/%m/%Y"}, map[string]string{"1/7/2025": "01/07/2025", "31/04/2025": "!value-moment", "2025-07-01": "!value-moment", "01/07/25": "!value-moment"}},
		{dataset.Field{Type: dataset.DateType, Format: "%Y%m%d"}, map[string]string{"20250701": "20250701", "2025701": "!value-moment"}},
		{dataset.Field{Type: dataset.TimeOfDay}, map[string]string{
			"14:05:00": "14:05:00", "14:05:00.5": "14:05:00.500", "14:05:00.123456": "14:05:00.123456", "14:05:00.1234567": "!value-fraction", "14:05:00.1234560": "14:05:00.123456",
			"24:00:00": "!value-time", "14:05": "!value-time", "23:59:60": "!value-time", "14:05:00Z": "!value-time",
		}},
		{dataset.Field{Type: dataset.TimeOfDay, Format: "%I:%M %p"}, map[string]string{"2:05 pm": "02:05 PM", "12:00 AM": "12:00 AM", "13:00 PM": "!value-moment"}},
		{dataset.Field{Type: dataset.DateTime}, map[string]string{
			"2025-07-01T14:05:00+07:00": "2025-07-01T07:05:00Z", "2025-07-01T14:05:00Z": "2025-07-01T14:05:00Z", "2025-07-01T14:05:00.12Z": "2025-07-01T14:05:00.120Z",
			"2025-07-01T14:05:00": "!value-zone", "2025-07-01 14:05:00Z": "!value-datetime", "2025-07-01T14:05:00+0700": "!value-datetime", "2025-07-01T14:05:00+15:00": "!value-datetime",
			"0001-01-01T00:00:00+07:00": "!value-datetime-range", "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-01:00": "!value-datetime-range",
			"1960-01-01T00:00:00.000001Z": "1960-01-01T00:00:00.000001Z", "2025-07-01T14:05:00.1234567Z": "!value-fraction", "x": "!value-datetime",
		}},
		{dataset.Field{Type: dataset.DateTime, Format: "%d/%m/%Y %H:%M %z"}, map[string]string{"01/07/2025 14:05 +0700": "01/07/2025 07:05 +0000", "01/07/2025 14:05": "!value-moment", "01/07/2025 14:05 +07:00": "01/07/2025 07:05 +0000"}},
		{dataset.Field{Type: dataset.Year}, map[string]string{"2025": "2025", "-0044": "-0044", "25": "!value-year", "12345": "!value-year"}},
		{dataset.Field{Type: dataset.YearMonth}, map[string]string{"2025-07": "2025-07", "2025-13": "!value-yearmonth", "2025-7": "!value-yearmonth"}},
		{dataset.Field{Type: dataset.Duration}, map[string]string{
			"P1DT25H": "P2DT1H", "P14M": "P1Y2M", "-PT90S": "-PT1M30S", "P0D": "PT0S", "P2W": "P14D", "PT1.5S": "PT1.5S", "PT0.000001S": "PT0.000001S", "PT1.0000001S": "!value-duration-range",
			"P": "!value-duration", "PT": "!value-duration", "P1H": "!value-duration", "P1W1D": "!value-duration", "P1M1Y": "!value-duration", "PT1M1H": "!value-duration", "P1.5D": "!value-duration", big: "!value-duration-range", "P1DT": "!value-duration",
		}},
		{dataset.Field{Type: dataset.GeoPoint}, map[string]string{"107.58, 16.46": "107.58, 16.46", "107.58,16.46": "107.58, 16.46", "16.46, 107.58": "!value-geopoint-range", "107": "!value-geopoint", "NaN,1": "!value-geopoint", "-0,0": "0, 0"}},
		{dataset.Field{Type: dataset.GeoPoint, Format: "array"}, map[string]string{"[107.58, 16.46]": "[107.58,16.46]", "[1,2,3]": "!value-geopoint", "[]": "!value-geopoint", "1,2": "!value-geopoint", "{}": "!value-geopoint"}},
		{dataset.Field{Type: dataset.GeoPoint, Format: "object"}, map[string]string{`{"lat":16.46,"lon":107.58}`: `{"lon":107.58,"lat":16.46}`, `{"lon":1}`: "!value-geopoint", `{"lon":1,"lat":2,"alt":3}`: "!*", `{"lon":1,"lon":2}`: "!value-geopoint"}},
		{dataset.Field{Type: dataset.GeoJSON}, map[string]string{`{"type":"Point","coordinates":[107.5,16.5]}`: `{"type":"Point","coordinates":[107.5,16.5]}`, `{"type":"Point"}`: "!*", "x": "!*"}},
		{dataset.Field{Type: dataset.Object}, map[string]string{`{"b": 1.0, "a": "\u00e9"}`: `{"a":"é","b":1}`, `[1]`: "!value-json-type", `{"a":1,"a":2}`: "!value-json-duplicate", `{`: "!value-json", `{"a":"\u0000"}`: "!value-control", `{"a":9007199254740993}`: `{"a":9007199254740993}`, `{"a":-0}`: `{"a":0}`, `{"a":-0.0}`: `{"a":0}`, `{"a":1e999}`: "!value-json-number"}},
		{dataset.Field{Type: dataset.Array}, map[string]string{`[1, 2,"x"]`: `[1,2,"x"]`, `{}`: "!value-json-type", strings.Repeat("[", 64) + strings.Repeat("]", 64): "!value-json-depth", "[]": "[]", "null": ""}},
		{dataset.Field{Type: dataset.List}, map[string]string{"a,b": "a,b", "a": "a", ",": ",", "": ""}},
		{dataset.Field{Type: dataset.List, Delimiter: ";", ItemType: dataset.Integer}, map[string]string{"1; 2": "1;2", "1;x": "!value-list-item"}},
		{dataset.Field{Type: dataset.List, Delimiter: "|", ItemType: dataset.DateTime}, map[string]string{"2025-07-01T07:00:00+07:00|2025-07-02T00:00:00Z": "2025-07-01T00:00:00Z|2025-07-02T00:00:00Z"}},
		{dataset.Field{Type: dataset.Any}, map[string]string{"abc": `"abc"`, "12.0": "12", `{"b":1,"a":2}`: `{"a":2,"b":1}`, "null": "", "true": "true", "{x": `"{x"`}},
	}
	for _, test := range tests {
		s := one(t, test.field)
		for text, want := range test.cells {
			v, bad := s.ParseCell(1, text)
			label := fmt.Sprintf("%s %q %q", test.field.Type, test.field.Format, clip(text))
			if code, refused := strings.CutPrefix(want, "!"); refused {
				if bad == nil || (code != "*" && bad.Code != code) {
					t.Errorf("%s: got %v, violation %v, want %s", label, v, bad, code)
				} else if msg := bad.In("vi"); strings.Contains(msg, "{expected}") || strings.Contains(msg, "{value}") || msg == bad.Code {
					t.Errorf("%s: unfinished message %q", label, msg)
				}
				continue
			}
			if bad != nil {
				t.Errorf("%s: %v", label, bad.In("en"))
				continue
			}
			if got := string(s.AppendCell(nil, 1, v)); got != want {
				t.Errorf("%s: written back as %q, want %q", label, got, want)
			}
			if !v.IsNull() && v.Kind() != s.columns[1].typ.Kind() {
				t.Errorf("%s: kind %v", label, v.Kind())
			}
		}
	}
}

func TestParseAny(t *testing.T) {
	tests := []struct {
		typ  dataset.Type
		in   any
		want value.Value
		code string
	}{
		{dataset.Integer, 12.0, value.OfInt(12), ""},
		{dataset.Integer, 12.5, value.Value{}, "value-integer"},
		{dataset.Integer, int64(1) << 60, value.OfInt(1 << 60), ""},
		{dataset.Integer, "7", value.OfInt(7), ""},
		{dataset.Number, 7, value.OfFloat(7), ""},
		{dataset.Boolean, true, value.OfBool(true), ""},
		{dataset.Boolean, 1, value.Value{}, "value-json-type"},
		{dataset.String, nil, value.Value{}, ""},
		{dataset.Object, map[string]any{"b": 1, "a": nil}, value.OfText(`{"a":null,"b":1}`), ""},
		{dataset.List, []any{"x", "y"}, value.OfText(`["x","y"]`), ""},
		{dataset.String, []any{"x"}, value.Value{}, "value-json-type"},
		{dataset.DateTime, value.OfTime(5), value.OfTime(5), ""},
	}
	for _, test := range tests {
		got, bad := one(t, dataset.Field{Type: test.typ}).ParseAny(1, test.in)
		if (bad == nil) != (test.code == "") || (bad != nil && bad.Code != test.code) || got != test.want {
			t.Errorf("%s %v: %v %v", test.typ, test.in, got, bad)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	minus := -1
	d := declare(
		dataset.Field{Name: "id", Type: dataset.String},
		dataset.Field{Name: "a", Type: dataset.DateTime, Format: "any"},
		dataset.Field{Name: "b", Type: dataset.DateTime, Format: "%Y-%m-%d %H:%M"},
		dataset.Field{Name: "c", Type: dataset.DateType, Format: "%d %b %Y"},
		dataset.Field{Name: "d", Type: dataset.DateType, Format: "%d/%m"},
		dataset.Field{Name: "e", Type: dataset.Integer, Constraints: dataset.Constraints{Minimum: "x", MinLength: &minus}},
		dataset.Field{Name: "f", Type: dataset.String, Constraints: dataset.Constraints{Pattern: "(?i)a", Maximum: 3}},
		dataset.Field{Name: "g", Type: dataset.GeoJSON, Format: "topojson"},
		dataset.Field{Name: "h", Type: dataset.Number, DecimalChar: ",", GroupChar: ","},
		dataset.Field{Name: "i", Type: dataset.List, ItemType: dataset.Object},
		dataset.Field{Name: "j", Type: dataset.Object, Constraints: dataset.Constraints{JSONSchema: map[string]any{"$ref": "https://example.org/x"}}},
		dataset.Field{Name: "k", Type: dataset.Boolean, TrueValues: []string{"1"}, FalseValues: []string{"1"}},
		dataset.Field{Name: "l", Type: "color"},
		dataset.Field{Name: "m", Type: dataset.Integer, Constraints: dataset.Constraints{Enum: []any{1, "two"}}},
	)
	d.Quality = []dataset.Rule{{Name: "r", Rule: "nothing > 1", Severity: "error"}}
	_, err := Compile(d, table(d))
	p := problem.As(err)
	if p.Kind != problem.Invalid {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range p.Violations {
		got[v.Field] += v.Code + " "
		if text := v.In("vi"); strings.Contains(text, "{") && !strings.Contains(text, "quality") {
			t.Errorf("unfinished message %q", text)
		}
	}
	for field, code := range map[string]string{"a": "column-format-guess", "b": "column-pattern-zone", "c": "column-pattern-directive", "d": "column-pattern-parts",
		"e": "column-bound", "f": "column-pattern", "g": "column-format", "h": "column-number-chars", "i": "column-item-type", "j": "column-json-schema",
		"k": "column-boolean-twice", "l": "column-type", "m": "column-bound"} {
		if !strings.Contains(got[field], code) {
			t.Errorf("%s: %q, want %s", field, got[field], code)
		}
	}
	if got["quality.r"] == "" {
		t.Error("the broken rule is not reported")
	}
}
