package cql2

import (
	"errors"
	"strings"
	"testing"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

type columns []Prop

func (s columns) Property(name string) (int, value.Kind, bool, bool) {
	for i, c := range s {
		if c.Name == name {
			return i, c.Kind, c.List, true
		}
	}
	return -1, value.Null, false, false
}

func (s columns) PropertyNames() (names []string) {
	for _, c := range s {
		names = append(names, c.Name)
	}
	return names
}

var schema = columns{
	{Name: "name", Kind: value.Text}, {Name: "n", Kind: value.Int}, {Name: "x", Kind: value.Float}, {Name: "ok", Kind: value.Bool},
	{Name: "date", Kind: value.Date}, {Name: "at", Kind: value.Time}, {Name: "place", Kind: value.Geometry}, {Name: "tags", Kind: value.Text, List: true},
	{Name: "gone", Kind: value.Text}, {Name: "none", Kind: value.Float}, {Name: "mực nước", Kind: value.Float}, {Name: "never", Kind: value.Time},
}

var sample = []value.Value{
	value.OfText("Sông Hương"), value.OfInt(7), value.OfFloat(2.5), value.OfBool(true),
	value.OfDate(19098), value.OfTime(1650103999000000), value.OfGeometry(geom.Point(107.5, 16.25)), value.OfText(`["a",1,true,null,[2],"1"]`),
	{}, {}, value.OfFloat(-1.5), {},
} // 2022-04-16, 2022-04-16T10:13:19Z

const yes, no, unknown = "true", "false", "unknown"

func answer(v value.Value) string {
	switch v {
	case value.OfBool(true):
		return yes
	case value.OfBool(false):
		return no
	case value.Value{}:
		return unknown
	}
	return "a " + v.Kind().String()
}

func TestMeaning(t *testing.T) {
	for _, c := range []struct{ filter, want string }{
		{"TRUE", yes}, {"false", no}, {"ok", yes}, {"NOT ok", no}, {`"ok" = true`, yes}, {"ok <> TRUE", no}, {"ok > false", yes},
		// unknown
		{"gone = 'a'", unknown}, {"NOT gone = 'a'", unknown}, {"gone = 'a' OR ok", yes}, {"gone = 'a' AND ok", unknown}, {"gone = 'a' AND n = 0", no},
		{"gone IS NULL", yes}, {"gone IS NOT NULL", no}, {"name IS NULL", no}, {"(gone = 'a') IS NULL", yes}, {"place IS NULL", no}, {"tags IS NOT NULL", yes},
		{"1 IN (none, 1)", yes}, {"2 IN (none, 1)", unknown}, {"2 NOT IN (none, 1)", unknown}, {"none IN (1)", unknown},
		{"1 BETWEEN 2 AND none", no}, {"1 BETWEEN 0 AND none", unknown}, {"n BETWEEN 7 AND 7", yes}, {"n NOT BETWEEN 8 AND 9", yes}, {"name BETWEEN 'S' AND 'T'", yes},
		// numbers
		{"n = 7", yes}, {"n = 7.0", yes}, {"n <> 7.5", yes}, {"9007199254740993 > 9007199254740992.0", yes}, {"9007199254740993 + 0 = 9007199254740992", yes},
		{"1/0 IS NULL", yes}, {"1 % 0 IS NULL", yes}, {"1 div 0 IS NULL", yes}, {"0^-1 IS NULL", yes}, {"1e308*10 IS NULL", yes}, {"(-8)^0.5 IS NULL", yes}, {"0^0 = 1", yes},
		{"7/2 = 3.5", yes}, {"7 div 2 = 3", yes}, {"-7 div 2 = -3", yes}, {"7 % 3 = 1", yes}, {"-7 % 3 = -1", yes}, {"7 % -3 = 1", yes}, {"7.5 % 2 = 1.5", yes},
		{"2+3*4 = 14", yes}, {"(2+3)*4 = 20", yes}, {"2-3-4 = -5", yes}, {"2^3^2 = 512", yes}, {"-2^2 = 4", yes}, {"2*-3 = -6", yes}, {"5 - -3 = 8", yes}, {"-n = -7", yes}, {"+n = 7", yes}, {"- (1+1) = -2", yes},
		{"8/4/2 = 1", yes}, {".5 + 1. = 15e-1", yes}, {"x + none = 1", unknown}, {`"mực nước" < 0`, yes}, {"12345678901234567890 > 1", yes},
		// text
		{"name = 'Sông Hương'", yes}, {"name LIKE 'S_ng%'", yes}, {"name LIKE 'S__ng%'", no}, {"name LIKE 's%'", no}, {"CASEI(name) LIKE casei('SÔNG%')", yes},
		{"accenti(casei(name)) = 'song huong'", yes}, {"name LIKE '%'", yes}, {"name LIKE ''", no}, {"'' LIKE ''", yes}, {"'' LIKE '%%'", yes}, {"'' LIKE '_'", no},
		{`'100%' LIKE '100\%'`, yes}, {`'1000' LIKE '100\%'`, no}, {`'a_b' LIKE 'a\_b'`, yes}, {`'axb' LIKE 'a\_b'`, no}, {`'a\b' LIKE 'a\\b'`, yes}, {`'ab' LIKE '\a\b'`, yes},
		{"'aXbXc' LIKE '%X%'", yes}, {"'aab' LIKE '%ab'", yes}, {"'abab' LIKE 'ab'", no}, {"'mississippi' LIKE '%iss%ip%'", yes}, {"'it''s' = 'it''s'", yes}, {"'ab' < 'b' AND 'Z' < 'a'", yes},
		{"length(name) = 10", yes}, {"upper(name) = 'SÔNG HƯƠNG'", yes}, {"lower('ĐÀ') = 'đà'", yes}, {"concat(name, '!', gone) IS NULL", yes}, {"concat('a','b') = 'ab'", yes},
		{"'e\u0301' = 'é'", yes},
		// other functions
		{"abs(0-2) = 2", yes}, {"round(2.5) = 3", yes}, {"round(-2.5) = -3", yes}, {"round(0.49999999999999994) = 0", yes}, {"floor(-1.5) = -2", yes}, {"ceil(-1.5) = -1", yes}, {"abs(none) = 1", unknown},
		{"coalesce(gone, 'x') = 'x'", yes}, {"coalesce(none, n) = 7", yes}, {"coalesce(gone, gone) IS NULL", yes},
		{`year("date") = 2022 AND month(at) = 4 AND day(at) = 16 AND hour(at) = 10`, yes}, {"previous(n) IS NULL", yes},
		// dates
		{"date = DATE('2022-04-16')", yes}, {"date = '2022-04-16'", yes}, {"at = '2022-04-16T10:13:19Z'", yes}, {"at = TIMESTAMP('2022-04-16T17:13:19+07:00')", yes},
		{"date < at", yes}, {"date = TIMESTAMP('2022-04-16T00:00:00Z')", yes}, {"at > DATE('2022-04-16')", yes}, {"at BETWEEN '2022-04-16' AND '2022-04-17'", yes}, {"at IN ('2022-04-16T10:13:19.000Z')", yes}, {"date in ('2022-04-15', '2022-04-16')", yes},
		// time relations
		{"T_INTERSECTS(at, date)", yes}, {"T_DURING(at, date)", yes}, {"T_AFTER(at, DATE('2022-04-15'))", yes}, {"T_AFTER(at, date)", no}, {"T_BEFORE(at, INTERVAL('2022-04-17','..'))", yes},
		{"T_EQUALS(date, INTERVAL('2022-04-16','2022-04-16'))", yes}, {"T_DISJOINT(at, INTERVAL('..','2022-04-15'))", yes}, {"T_EQUALS(INTERVAL('..','..'), INTERVAL('..','..'))", yes},
		{"T_MEETS(INTERVAL('2022-01-01','2022-01-31'), INTERVAL('2022-02-01','2022-02-28'))", yes}, {"T_METBY(INTERVAL('2022-02-01','2022-02-28'), INTERVAL('2022-01-01','2022-01-31'))", yes}, {"T_MEETS(INTERVAL('2022-01-01','2022-01-31'), INTERVAL('2022-02-02','2022-02-28'))", no},
		{"T_MEETS(INTERVAL('2022-01-01T00:00:00Z','2022-01-31T00:00:00Z'), INTERVAL('2022-01-31T00:00:00Z','..'))", yes},
		{"T_CONTAINS(INTERVAL('2022-01-01','2022-12-31'), date)", yes}, {"T_STARTS(INTERVAL('2022-04-16','2022-04-17'), INTERVAL(date,'..'))", yes}, {"T_STARTEDBY(INTERVAL(date,'..'), date)", yes},
		{"T_FINISHES(date, INTERVAL('..','2022-04-16'))", yes}, {"T_FINISHEDBY(INTERVAL('..',date), date)", yes}, {"T_OVERLAPS(INTERVAL('2022-01-01',date), INTERVAL('2022-02-01','..'))", yes}, {"T_OVERLAPPEDBY(INTERVAL('2022-02-01','..'), INTERVAL('2022-01-01',date))", yes},
		{"T_AFTER(never, date)", unknown}, {"T_INTERSECTS(INTERVAL(at, never), date)", unknown}, {"T_AFTER(at, '2022-04-15')", yes},
		// places
		{"S_INTERSECTS(place, BBOX(107,16,108,17))", yes}, {"S_INTERSECTS(place, BBOX(107,16,0,108,17,9))", yes}, {"S_INTERSECTS(place, BBOX(107,16,0,17))", yes}, {"S_INTERSECTS(place, BBOX(150,-90,-150,90))", no},
		{"S_WITHIN(place, POLYGON((107 16,108 16,108 17,107 17,107 16)))", yes}, {"S_EQUALS(place, POINT(107.5 16.25))", yes}, {"S_TOUCHES(place, BBOX(107.5,16,108,17))", yes}, {"S_DISJOINT(place, point Z (1 2 3))", yes},
		{"S_CONTAINS(BBOX(107,16,108,17), place)", yes}, {"S_CROSSES(LINESTRING(0 0, 2 2), LINESTRING(0 2, 2 0))", yes}, {"S_OVERLAPS(BBOX(0,0,2,2), BBOX(1,1,3,3))", yes},
		{"S_DISJOINT(place, POLYGON((0 0, 2 2, 2 0, 0 2, 0 0)))", yes},
		// arrays
		{"A_CONTAINS(tags, ('a'))", yes}, {"A_CONTAINS(tags, ('a', 1.0, true))", yes}, {"A_CONTAINS(tags, ['b'])", no}, {"A_CONTAINS(tags, ())", yes}, {"A_OVERLAPS(tags, ('b', '1'))", yes}, {"A_OVERLAPS(tags, ())", no},
		{"A_EQUALS(tags, ('1', 'a', 1, TRUE, 'a'))", yes}, {"A_CONTAINEDBY(('a'), tags)", yes}, {"A_CONTAINEDBY(tags, ('a'))", no}, {"a_equals(tags, tags)", yes}, {"A_CONTAINS((DATE('2022-04-16')), ('2022-04-16'))", yes}, {"A_CONTAINS(tags, ('true'))", no},
	} {
		parsed, err := ParseText(c.filter)
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		for _, form := range []string{Text(parsed), string(JSON(parsed))} {
			parse := ParseText
			if strings.HasPrefix(form, "{") {
				parse = func(s string) (Expr, error) { return ParseJSON([]byte(s)) }
			} else if form == "true" || form == "false" {
				parse = func(s string) (Expr, error) { return ParseJSON([]byte(s)) }
			}
			again, err := parse(form)
			if err != nil {
				t.Errorf("%s, written as %s: %v", c.filter, form, err)
				continue
			}
			bound, err := Bind(again, schema)
			if err != nil {
				t.Errorf("%s: %v", form, err)
				continue
			}
			if got := answer(Eval(bound, sample, nil)); got != c.want {
				t.Errorf("%s is %s, want %s", form, got, c.want)
			}
		}
	}
}

func TestPrevious(t *testing.T) {
	parsed, err := ParseText("abs(x - previous(x)) <= 1.5")
	if err != nil {
		t.Fatal(err)
	}
	bound, err := Bind(parsed, schema)
	if err != nil {
		t.Fatal(err)
	}
	before := append([]value.Value(nil), sample...)
	for _, c := range []struct {
		x    float64
		want string
	}{{1, yes}, {0.9, no}, {4, yes}} {
		before[2] = value.OfFloat(c.x)
		if got := answer(Eval(bound, sample, before)); got != c.want {
			t.Errorf("from %v: %s, want %s", c.x, got, c.want)
		}
	}
	if got := answer(Eval(bound, sample, nil)); got != unknown {
		t.Errorf("without a previous record: %s", got)
	}
	if !UsesPrevious(bound) || UsesPrevious(bound.(*Call).Args[1]) {
		t.Error("UsesPrevious is wrong")
	}
}

func TestTreeQuestions(t *testing.T) {
	parsed, _ := ParseText("x > 1 AND (n = 2 OR T_AFTER(INTERVAL(at,'..'), date)) AND x < 9 AND n IN (1, n)")
	bound, err := Bind(parsed, schema)
	if err != nil {
		t.Fatal(err)
	}
	got := Columns(bound)
	if len(got) != 4 || got[0] != 1 || got[1] != 2 || got[2] != 4 || got[3] != 5 {
		t.Errorf("Columns = %v", got)
	}
	if Columns(parsed) == nil && len(Columns(parsed)) != 0 || len(Columns(nil)) != 0 {
		t.Error("an unbound tree has columns")
	}
	if !Matches(nil, sample) || Text(nil) != "TRUE" || string(JSON(nil)) != "true" {
		t.Error("no filter is not the filter of everything")
	}
	if b, err := Bind(nil, schema); b != nil || err != nil {
		t.Error("no filter does not bind to none")
	}
	if answer(Eval(parsed, sample, nil)) != unknown || answer(Eval(&Call{Op: "between"}, nil, nil)) != unknown {
		t.Error("an unbound tree gives an answer")
	}
	for filter, want := range map[string]value.Kind{"n+1": value.Float, "length(name)": value.Int, "coalesce(n, n)": value.Int, "coalesce(n, x)": value.Float, "previous(at)": value.Time, "casei(name)": value.Text, "n": value.Int, "tags": value.Null} {
		e, _ := ParseText(filter + " IS NULL")
		b, err := Bind(e, schema)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := KindOf(b.(*Call).Args[0]); got != want {
			t.Errorf("KindOf(%s) = %s, want %s", filter, got, want)
		}
	}
}

func TestJSONForms(t *testing.T) {
	for _, c := range []struct{ json, text string }{
		{`{"op":"=","args":[{"property":"name"},"x"]}`, "name = 'x'"},
		{`{"args":[{"property":"n"},1],"op":">="}`, "n >= 1"},
		{`{"op":"in","args":[{"casei":{"property":"name"}},[{"casei":"A"},{"op":"casei","args":["B"]}]]}`, "CASEI(name) IN (CASEI('A'), CASEI('B'))"},
		{`{"op":"isNull","args":{"property":"name"}}`, "name IS NULL"},
		{`{"op":"isnull","args":[{"property":"name"}]}`, "name IS NULL"},
		{`{"op":"T_FINISHEDBY","args":[{"interval":["..","2022-01-01"]},{"interval":[{"property":"at"},"2022-01-01T00:00:00.5Z"]}]}`, "T_FINISHEDBY(INTERVAL('..', '2022-01-01'), INTERVAL(at, '2022-01-01T00:00:00.5Z'))"},
		{`{"op":"s_within","args":[{"property":"place"},{"coordinates":[[[0,0],[1,0],[1,1],[0,0]]],"type":"Polygon"}]}`, "S_WITHIN(place, POLYGON((0 0, 1 0, 1 1, 0 0)))"},
		{`{"op":"s_within","args":[{"property":"place"},{"bbox":[160.6,-55.95,-170,-25.89]}]}`, "S_WITHIN(place, BBOX(160.6, -55.95, -170, -25.89))"},
		{`{"op":"=","args":[{"function":{"name":"Length","args":[{"property":"name"}]}},2.0]}`, "length(name) = 2.0"},
		{`{"op":"a_contains","args":[{"property":"tags"},["a",1,true]]}`, "A_CONTAINS(tags, ('a', 1, TRUE))"},
		{`{"op":"between","args":[{"op":"-","args":[{"property":"n"},1]},1e2,{"op":"div","args":[9,2]}]}`, "n - 1 BETWEEN 100.0 AND 9 div 2"},
		{` true `, "TRUE"},
	} {
		e, err := ParseJSON([]byte(c.json))
		if err != nil || Text(e) != c.text {
			t.Errorf("%s: %s, %v", c.json, Text(e), err)
		}
	}
}

func TestFaults(t *testing.T) {
	nested := strings.Repeat("(", 300) + "ok" + strings.Repeat(")", 300)
	for _, c := range []struct {
		filter string
		faults string // code@offset, …
	}{
		{"", "cql2-expected-operand@0"},
		{"n =", "cql2-expected-operand@3"},
		{"n = 1 n", "cql2-expected-end@6"},
		{"n = 1 = 2", "cql2-expected-end@6"},
		{"n ! 1", "cql2-character@2"},
		{"name = 'x", "cql2-unclosed@7"},
		{"name = \"x", "cql2-unclosed@7"},
		{"name = 'a\x00'", "cql2-character@9"},
		{"name = '\xff'", "cql2-encoding@0"},
		{"n = 1e", "cql2-number@4"},
		{"n = 1e999", "cql2-number@4"},
		{"n = 12ab", "cql2-number@4"},
		{"n NOT 1", "cql2-expected@6"},
		{"n IS 1", "cql2-expected@5"},
		{"n BETWEEN 1 OR 2", "cql2-expected@12"},
		{"n IN 1", "cql2-expected@5"},
		{"n IN ()", "cql2-expected@2"},
		{"date = DATE('2022-02-30')", "cql2-date@12"},
		{"date = DATE(2022)", "cql2-expected-text@12"},
		{"at = TIMESTAMP('2022-02-03')", "cql2-timestamp@15"},
		{"at = TIMESTAMP('2022-02-03T23:59:60Z')", "cql2-timestamp@15"},
		{"at = TIMESTAMP('2022-02-03T10:00:00')", "cql2-timestamp@15"},
		{"at = 'soon'", "cql2-instant@5"},
		{"T_AFTER(at, INTERVAL('x','..'))", "cql2-instant@21"},
		{"T_AFTER(at, INTERVAL('2022-02-03','2022-02-02'))", "cql2-interval-backwards@12"},
		{"T_AFTER(at, INTERVAL('2022-02-03'))", "cql2-expected@33"},
		{"S_INTERSECTS(place, BBOX(1,2,3))", "cql2-bbox@20"},
		{"S_INTERSECTS(place, BBOX(1,9,3,2))", "cql2-bbox@20"},
		{"S_INTERSECTS(place, BBOX(1,2,3,n))", "cql2-expected-number@31"},
		{"S_INTERSECTS(place, POINT(16 107))", "geometry-range@26"},
		{"S_INTERSECTS(place, POINT EMPTY)", "geometry-empty@20"},
		{"S_INTERSECTS(place)", "cql2-arity@0"},
		{"nmae = 'x' AND y = 1 AND zzzzzzzz = 2", "cql2-unknown-property@0 cql2-unknown-property@15 cql2-no-such-property@25"},
		{"lenght(name) = 1", "cql2-unknown-function@0"},
		{"frobnicate(name) = 1", "cql2-no-such-function@0"},
		{"now() > at", "cql2-no-such-function@0"},
		{"n = 'x' AND name > 1 AND place = place", "cql2-incomparable@4 cql2-incomparable@19 cql2-incomparable@33"},
		{"name", "cql2-not-predicate@0"},
		{"n + 1", "cql2-not-predicate@2"},
		{"n AND ok", "cql2-kind@0"},
		{"NOT n", "cql2-kind@4"},
		{"name + 1 = 2", "cql2-kind@0"},
		{"n LIKE 'x'", "cql2-kind@0"},
		{"name LIKE gone", "cql2-pattern@10"},
		{`name LIKE 'x\'`, "cql2-pattern@10"},
		{"name LIKE '" + strings.Repeat("x", 1001) + "'", "cql2-pattern-long@10"},
		{"CASEI(n) = 'x'", "cql2-kind@6"},
		{"S_INTERSECTS(name, place)", "cql2-kind@13"},
		{"T_AFTER(n, at)", "cql2-kind@8"},
		{"A_CONTAINS(name, ('x'))", "cql2-kind@11"},
		{"A_CONTAINS(tags, (n))", "cql2-array-item@18"},
		{"tags = ('a')", "cql2-incomparable@8"},
		{"year(name) = 1", "cql2-kind@5"},
		{"round(x, 2) = 1", "cql2-arity@0"},
		{"previous(n + 1) = 1", "cql2-previous@0"},
		{"coalesce(n, name) = 1", "cql2-incomparable@12"},
		{nested, "cql2-too-deep"},
		{"n = 1" + strings.Repeat("+1", 300), "cql2-too-deep"},
		{strings.Repeat("NOT ", 300) + "ok", "cql2-too-deep"},
		{"n = " + strings.Repeat("-", 300) + "n", "cql2-too-deep"},
		{"n = 2" + strings.Repeat("^2", 300), "cql2-too-deep"},
		{strings.Repeat(" ", MaxText+1), "too long"},
	} {
		parsed, err := ParseText(c.filter)
		if err == nil {
			_, err = Bind(parsed, schema)
		}
		compareFaults(t, c.filter, c.faults, err)
	}
}

func compareFaults(t *testing.T, filter, want string, err error) {
	t.Helper()
	if len(filter) > 60 {
		filter = filter[:60]
	}
	if err == nil {
		t.Errorf("%s was accepted", filter)
		return
	}
	p := problem.As(err)
	if p.Kind == problem.TooLarge && want == "too long" {
		return
	}
	var got []string
	for _, v := range p.Violations {
		got = append(got, v.Code+"@"+fmtInt(v.Position.Offset))
		for _, lang := range []string{"vi", "en"} {
			if s := problem.Text(lang, v.Code, v.Args); s == v.Code || strings.Contains(s, "{") {
				t.Errorf("%s has no complete words in %s: %s", v.Code, lang, s)
			}
		}
	}
	if s := strings.Join(got, " "); s != want && !(strings.HasPrefix(s, want+"@") && len(got) == 1) || !errors.Is(err, problem.New(problem.Invalid, "cql2-invalid")) {
		t.Errorf("%s: %s (%v), want %s", filter, s, p.Kind, want)
	}
}

func fmtInt(i int64) string { return string(appendLit(nil, &Lit{Value: value.OfInt(i)})) }

func TestJSONFaults(t *testing.T) {
	for _, c := range []struct{ json, faults string }{
		{``, "cql2-json@0"},
		{`{`, "cql2-json"},
		{`null`, "cql2-json-null"},
		{`true false`, "cql2-json"},
		{`{"op":"=","op":"=","args":[1,1]}`, "cql2-json"},
		{`{"op":5,"args":[]}`, "cql2-expected-text"},
		{`{"op":"=","args":5}`, "cql2-expected"},
		{`{"op":"="}`, "cql2-arity@0"},
		{`{"op":"=","args":[{"property":"n"},null]}`, "cql2-json-null@35"},
		{`{"op":"=","args":[{"property":"n"},{}]}`, "cql2-json-object@35"},
		{`{"op":"=","args":[{"property":1},2]}`, "cql2-expected-text"},
		{`{"op":"=","args":[{"property":"date"},{"date":"x"}]}`, "cql2-date@38"},
		{`{"op":"=","args":[{"property":"name"},"\u0000"]}`, "cql2-character"},
		{`{"op":"t_after","args":[{"property":"at"},{"interval":["2022-01-01"]}]}`, "cql2-expected"},
		{`{"op":"s_within","args":[{"property":"place"},{"bbox":[1,2,3]}]}`, "cql2-bbox"},
		{`{"op":"s_within","args":[{"property":"place"},{"bbox":[1,2,3,"4"]}]}`, "cql2-expected-number"},
		{`{"op":"s_within","args":[{"property":"place"},{"type":"Point","coordinates":[16,107]}]}`, "geometry-range@76"},
		{`{"op":"s_within","args":[{"property":"place"},{"type":"Point"}]}`, "cql2-json-object"},
		{strings.Repeat(`{"op":"not","args":[`, 300) + "true" + strings.Repeat(`]}`, 300), "cql2-too-deep"},
		{`[` + strings.Repeat("1,", 120000) + `1]`, "cql2-too-many"},
		{strings.Repeat(" ", MaxJSON+1), "too long"},
	} {
		parsed, err := ParseJSON([]byte(c.json))
		if err == nil {
			_, err = Bind(parsed, schema)
		}
		compareFaults(t, c.json, c.faults, err)
	}
}

// Names of the standard's examples, and words that must be quoted.
func TestNames(t *testing.T) {
	for text, name := range map[string]string{
		"layer:ids": "layer:ids", "landsat:wrs_row.a": "landsat:wrs_row.a", "_x1": "_x1", "mực_nước": "mực_nước", "ชื่อ": "ชื่อ", "point": "point", "date": "date",
		`"in"`: "in", `"mực nước"`: "mực nước", `"a""b"`: `a"b`, `""`: "", `"Null"`: "Null", `"1a"`: "1a",
	} {
		e, err := ParseText(text)
		p, ok := e.(*Prop)
		if err != nil || !ok || p.Name != name || Text(e) != text {
			t.Errorf("%s: %v %s %v", text, e, Text(e), err)
		}
	}
	for _, text := range []string{"in", "null", "a b", "×", "-"} {
		if _, err := ParseText(text); err == nil {
			t.Errorf("%s was accepted as a name", text)
		}
	}
}

func TestFunctionsTable(t *testing.T) {
	for _, f := range Functions() {
		if got, ok := lookup(f.Name); !ok || got.Name != f.Name || len(f.Args) == 0 {
			t.Errorf("%s is not in order", f.Name)
		}
	}
}

func FuzzParseText(f *testing.F) {
	for _, s := range []string{"n=1 and not ok or name like 'a\\%'", "S_INTERSECTS(place,BBOX(150,-90,-150,90))", "t_after(interval('..','2022-04-16T10:13:19Z'),interval(at,date))", "-x^2*3-4 div (5-6)>=.5e-3", "a_contains(tags,('a',1,[true]))", "casei(name) in (casei('a'),'b') is not null", `"in" between DATE('2022-01-01') and x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseText(s)
		if err != nil {
			return
		}
		text := Text(e)
		again, err := ParseText(text)
		if err != nil && len(text) <= MaxText || err == nil && Text(again) != text {
			t.Fatalf("%q was written as %q: %v", s, text, err)
		}
		fuzzRest(t, e)
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"op":"and","args":[true,{"op":"isNull","args":[{"property":"name"}]}]}`, `{"op":"t_after","args":[{"interval":["..","2022-01-01"]},{"timestamp":"2022-01-01T00:00:00Z"}]}`, `{"op":"s_within","args":[{"bbox":[1,2,3,4]},{"type":"Point","coordinates":[1,2]}]}`, `{"op":"like","args":[{"casei":"x"},"%"]}`, `[1,2.5,"x",{"date":"2022-01-01"}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseJSON(b)
		if err != nil {
			return
		}
		doc := JSON(e)
		again, err := ParseJSON(doc)
		if err != nil && len(doc) <= MaxJSON || err == nil && string(JSON(again)) != string(doc) {
			t.Fatalf("%q was written as %q: %v", b, doc, err)
		}
		fuzzRest(t, e)
	})
}

// fuzzRest binds, evaluates and writes what was parsed.
func fuzzRest(t *testing.T, e Expr) {
	Eval(e, sample, nil)
	bound, err := Bind(e, schema)
	if err != nil {
		return
	}
	if k := Eval(bound, sample, sample).Kind(); k != value.Bool && k != value.Null {
		t.Fatalf("%s gives %s", Text(bound), k)
	}
	if _, err := Bind(bound, schema); err != nil {
		t.Fatalf("%s does not bind again: %v", Text(bound), err)
	}
}

func BenchmarkMatches(b *testing.B) {
	parsed, _ := ParseText("n BETWEEN 1 AND 9 AND name LIKE 'S%' AND S_INTERSECTS(place, BBOX(107,16,108,17)) AND at > '2022-01-01'")
	bound, err := Bind(parsed, schema)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !Matches(bound, sample) {
			b.Fatal("no match")
		}
	}
}
