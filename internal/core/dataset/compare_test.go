package dataset

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

func TestLayout(t *testing.T) {
	d := parsed(t, level)
	first, err := Layout(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"station", "observedAt", "level", "state", "seal", "_area", "_x", "_y", "_flags"}
	if got := first.PropertyNames(); !slices.Equal(got, want) {
		t.Fatalf("columns %v", got)
	}
	if !slices.Equal(first.Key, []int{0, 1}) || first.Time != 1 || first.Area != 5 || first.X != 6 || first.Y != 7 || first.Flags != 8 || first.Geometry != -1 {
		t.Errorf("%+v", first)
	}
	if !reflect.DeepEqual(first.Unique, [][]int{{4}}) {
		t.Errorf("unique %v", first.Unique)
	}
	// The foreign key's column begins the key already.
	if !reflect.DeepEqual(first.Indexes, [][]int{{5, 1}, {1}}) {
		t.Errorf("indexes %v", first.Indexes)
	}
	if !first.Columns[4].Personal || first.Columns[2].Personal {
		t.Error("personal columns")
	}

	changed := parsed(t, strings.NewReplacer(
		"    - {name: state, type: string, categories: [low, {value: high, label: {vi: Cao}}]}\n", "    - {name: depth, type: number}\n",
		", field: state", "").Replace(level))
	second, err := Layout(changed, first)
	if err != nil {
		t.Fatal(err)
	}
	if !second.Columns[3].Dropped || second.Columns[9].Name != "depth" || second.Width() != 10 || second.Flags != 8 {
		t.Errorf("%+v", second.Columns)
	}
	if _, _, _, ok := second.Property("state"); ok {
		t.Error("a dropped column is still a property")
	}
	third, err := Layout(d, second)
	if err != nil {
		t.Fatal(err)
	}
	if third.Columns[3].Dropped || !third.Columns[9].Dropped || third.Width() != 10 {
		t.Errorf("a field that returns takes its column up again: %+v", third.Columns)
	}
	// Columns alone are enough to go on from.
	bare, err := Layout(d, &Table{Columns: second.Columns})
	if err != nil || !reflect.DeepEqual(bare, third) {
		t.Errorf("%v\n%+v\n%+v", err, bare, third)
	}

	for name, c := range map[string]struct{ from, to, code string }{
		"kind": {"kind: series", "kind: register", "layout-kind"},
		"key":  {"primaryKey: [station, observedAt]", "primaryKey: [observedAt, station]", "layout-key"},
		"held": {"{name: seal, type: string,", "{name: seal, type: integer,", "layout-held"},
	} {
		if _, err := Layout(parsed(t, strings.Replace(level, c.from, c.to, 1)), first); problem.As(err).Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Layout(&Dataset{Name: "x", Schema: Schema{PrimaryKey: []string{"none"}}}, nil); problem.As(err).Code != "layout-impossible" {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	old := parsed(t, level)
	row := func(lev float64, station, state string) []value.Value {
		r := make([]value.Value, 9)
		r[0], r[1], r[2], r[3] = value.OfText(station), value.OfTime(0), value.OfFloat(lev), value.OfText(state)
		if state == "" {
			r[3] = value.Value{}
		}
		return r
	}
	good, other := row(2, "a", "low"), row(12, "abcdefgh", "high")
	empty := row(2, "a", "")
	table, _ := Layout(old, nil)
	for _, c := range []struct {
		from, to  string
		code      string
		narrowing bool
		breaks    [][]value.Value
		spares    [][]value.Value
	}{
		{"River water level", "Water level", "change-title", false, nil, nil},
		{"maximum: 20", "maximum: 30", "change-constraint-wider", false, nil, nil},
		{"maximum: 20", "maximum: 10", "change-constraint-tighter", true, [][]value.Value{other}, [][]value.Value{good}},
		{"minimum: -5", "exclusiveMinimum: 2", "change-constraint-tighter", true, [][]value.Value{good}, [][]value.Value{other}},
		{", constraints: {minimum: -5, maximum: 20}", "", "change-constraint-wider", false, nil, nil},
		{"maxLength: 8", "maxLength: 7", "change-constraint-tighter", true, [][]value.Value{other}, [][]value.Value{good}},
		{"maxLength: 8", "maxLength: 9", "change-constraint-wider", false, nil, nil},
		{"maxLength: 8", "maxLength: 8, minLength: 2", "change-constraint-tighter", true, [][]value.Value{good}, [][]value.Value{other}},
		{"[low, {value: high, label: {vi: Cao}}]", "[low]", "change-values-fewer", true, [][]value.Value{other}, [][]value.Value{good, empty}},
		{"[low, {value: high, label: {vi: Cao}}]", "[low, mid, {value: high, label: {vi: Cao}}]", "change-values-more", false, nil, nil},
		{"{name: state, type: string,", "{name: state, type: string, constraints: {required: true},", "change-required", true, [][]value.Value{empty}, [][]value.Value{good}},
		{"level < 50", "level < 10", "change-rule", true, [][]value.Value{other}, [][]value.Value{good}},
		{`"abs(level - previous(level)) <= 1.5", severity: warning`, `"level < 10", severity: error`, "change-rule", true, [][]value.Value{other}, [][]value.Value{good}},
		{"severity: error", "severity: warning", "change-rule-about", false, nil, nil},
		{"kind: series", "kind: register", "change-kind", true, nil, nil},
		{"primaryKey: [station, observedAt]", "primaryKey: [observedAt, station]", "change-key", true, nil, nil},
		{"    - {name: observedAt,", "    - {name: new, type: string}\n    - {name: observedAt,", "change-field-added", false, nil, nil},
		{"    - {name: observedAt,", "    - {name: new, type: string, constraints: {required: true}}\n    - {name: observedAt,", "change-field-required", true, nil, nil},
		{"{name: seal, type: string,", "{name: stamp, type: string,", "change-field-removed", true, nil, [][]value.Value{good}},
		{"type: number, unit: m", "type: number, unit: cm", "change-unit", true, [][]value.Value{good}, nil},
		{"classification: open", "classification: internal", "change-classification", false, nil, nil},
		{"  foreignKeys:", "  uniqueKeys: [[level]]\n  foreignKeys:", "change-unique-key", true, [][]value.Value{good}, nil},
	} {
		now := parsed(t, strings.Replace(level, c.from, c.to, 1))
		i := slices.IndexFunc(Compare(old, now), func(ch Change) bool { return ch.code == c.code })
		if i < 0 {
			t.Errorf("%s → %s: %s is not among %v", c.from, c.to, c.code, Compare(old, now))
			continue
		}
		ch := Compare(old, now)[i]
		if ch.Narrowing != c.narrowing || ch.What == "" || ch.What == c.code || ch.In("en") == c.code {
			t.Errorf("%s → %s: %+v", c.from, c.to, ch)
		}
		if len(c.breaks)+len(c.spares) == 0 {
			if ch.Breaks != nil {
				t.Errorf("%s → %s: unexpected condition %s", c.from, c.to, cql2.Text(ch.Breaks))
			}
			continue
		}
		bound, err := cql2.Bind(ch.Breaks, table)
		if err != nil {
			t.Fatalf("%s → %s: %v", c.from, c.to, err)
		}
		for _, r := range c.breaks {
			if !cql2.Matches(bound, r) {
				t.Errorf("%s → %s: %s spares %v", c.from, c.to, cql2.Text(ch.Breaks), r)
			}
		}
		for _, r := range c.spares {
			if cql2.Matches(bound, r) {
				t.Errorf("%s → %s: %s selects %v", c.from, c.to, cql2.Text(ch.Breaks), r)
			}
		}
	}
	if changes := Compare(old, old); len(changes) != 0 {
		t.Errorf("no difference gives %v", changes)
	}
}
