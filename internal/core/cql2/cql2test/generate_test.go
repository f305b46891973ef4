package cql2test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

type schema []column

func (s schema) Property(name string) (int, value.Kind, bool, bool) {
	for _, c := range s {
		if c.name == name {
			return c.column, c.kind, c.list, true
		}
	}
	return -1, value.Null, false, false
}

func (s schema) PropertyNames() (names []string) {
	for _, c := range s {
		names = append(names, c.name)
	}
	return names
}

var sample = schema{
	{"code", 0, value.Text, false}, {"tên gọi", 1, value.Text, false}, {"count", 2, value.Int, false}, {"level", 3, value.Float, false},
	{"open", 4, value.Bool, false}, {"date", 5, value.Date, false}, {"at", 6, value.Time, false}, {"until", 7, value.Time, false},
	{"place", 8, value.Geometry, false}, {"tags", 9, value.Text, true}, {`odd"name`, 10, value.Int, false}, {"in", 11, value.Text, false},
}

var sameTree = cmp.Options{
	cmp.Comparer(func(a, b value.Value) bool { return a == b }),
	cmpopts.IgnoreFields(cql2.Lit{}, "At"), cmpopts.IgnoreFields(cql2.Prop{}, "At"), cmpopts.IgnoreFields(cql2.Call{}, "At"),
	cmpopts.IgnoreFields(cql2.List{}, "At"), cmpopts.IgnoreFields(cql2.Interval{}, "At"), cmpopts.EquateEmpty(),
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Expr(sample).Draw(t, "expr")
		text := cql2.Text(e)
		parsed, err := cql2.ParseText(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if bound, err := cql2.Bind(parsed, sample); err != nil || !cmp.Equal(e, bound, sameTree) {
			t.Fatalf("%s: %v\n%s", text, err, cmp.Diff(e, bound, sameTree))
		}
		doc := cql2.JSON(e)
		if parsed, err = cql2.ParseJSON(doc); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if bound, err := cql2.Bind(parsed, sample); err != nil || !cmp.Equal(e, bound, sameTree) {
			t.Fatalf("%s: %v\n%s", doc, err, cmp.Diff(e, bound, sameTree))
		}
	})
}

// TestLogic holds Eval to the laws of three-valued logic and to the definitions
// that one operator has by others.
func TestLogic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, f := Expr(sample).Draw(t, "e"), Expr(sample).Draw(t, "f")
		rows := Rows(sample, 12, 5, 0).Draw(t, "rows")
		op := func(op string, args ...cql2.Expr) cql2.Expr { return &cql2.Call{Op: op, Args: args} }
		for _, row := range rows {
			if row[0].IsNull() {
				t.Fatal("a required column is Null")
			}
			eval := func(e cql2.Expr) value.Value { return cql2.Eval(e, row, nil) }
			if k := eval(e).Kind(); k != value.Bool && k != value.Null {
				t.Fatalf("%s gives %s", cql2.Text(e), k)
			}
			for _, law := range [][2]cql2.Expr{
				{op("not", op("and", e, f)), op("or", op("not", e), op("not", f))},
				{op("not", op("or", e, f)), op("and", op("not", e), op("not", f))},
				{op("not", op("not", e)), e},
				{op("and", e, f), op("and", f, e)},
			} {
				if a, b := eval(law[0]), eval(law[1]); a != b {
					t.Fatalf("%s: %v but %s: %v", cql2.Text(law[0]), a, cql2.Text(law[1]), b)
				}
			}
			if c, ok := e.(*cql2.Call); ok && c.Op == "between" {
				by := op("and", op(">=", c.Args[0], c.Args[1]), op("<=", c.Args[0], c.Args[2]))
				if a, b := eval(e), eval(by); a != b {
					t.Fatalf("%s: %v but %s: %v", cql2.Text(e), a, cql2.Text(by), b)
				}
			}
		}
	})
}

// TestVariety makes sure that the generator reaches every operator and both answers.
func TestVariety(t *testing.T) {
	seen := map[string]int{}
	answers := map[value.Value]int{}
	rapid.Check(t, func(t *rapid.T) {
		e := Expr(sample).Draw(t, "e")
		count(e, seen)
		for _, row := range Rows(sample, 12, 4).Draw(t, "rows") {
			answers[cql2.Eval(e, row, nil)]++
			for _, c := range []int{8} {
				if v := row[c]; !v.IsNull() && geom.Valid(v.WKB()) != nil {
					t.Fatal("an invalid geometry was drawn")
				}
			}
		}
	})
	t.Logf("%d operators, %d true, %d false, %d unknown", len(seen), answers[value.OfBool(true)], answers[value.OfBool(false)], answers[value.Value{}])
	if len(answers) != 3 || len(seen) < 25 {
		t.Errorf("too little variety: %v %v", answers, seen)
	}
}

func count(e cql2.Expr, seen map[string]int) {
	if c, ok := e.(*cql2.Call); ok {
		seen[c.Op]++
		for _, a := range c.Args {
			count(a, seen)
		}
	}
}
