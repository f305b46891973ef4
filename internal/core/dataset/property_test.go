package dataset

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Whatever a dataset becomes, a row in the log stays readable: columns keep
// their ordinal, name and kind, none goes away, and those in use are exactly
// the declared ones.
func TestLayoutKeepsOrdinals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table *Table
		for step := range rapid.IntRange(1, 6).Draw(t, "steps") {
			d := &Dataset{Name: "d", Kind: Register, Schema: Schema{PrimaryKey: []string{"f0"}}}
			for i := range 8 {
				if i == 0 || rapid.Bool().Draw(t, fmt.Sprintf("field %d.%d", step, i)) {
					d.Schema.Fields = append(d.Schema.Fields, Field{Name: fmt.Sprintf("f%d", i), Type: typeWord(i)})
				}
			}
			if rapid.Bool().Draw(t, "placed") {
				d.Place = &Place{AreaCode: "f0"}
			}
			next, err := Layout(d, table)
			if err != nil {
				t.Fatal(err)
			}
			if table != nil {
				for i, c := range table.Columns {
					if n := next.Columns[i]; n.Name != c.Name || n.Kind != c.Kind {
						t.Fatalf("column %d was %v and is %v", i, c, n)
					}
				}
			}
			want := []string{FlagColumn}
			for _, f := range d.Schema.Fields {
				want = append(want, f.Name)
			}
			if d.Place != nil {
				want = append(want, AreaColumn, XColumn, YColumn)
			}
			got := next.PropertyNames()
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%v in use, %v declared", got, want)
			}
			table = next
		}
	})
}

func typeWord(i int) Type { return [...]Type{String, Number, Integer, Boolean}[i%4] }

// A record that was good and that no change's condition selects is good under
// the new declaration too; a change that does not narrow breaks none.
func TestCompareIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, now := drawn(t, "old"), drawn(t, "new")
		table, err := Layout(old, nil)
		if err != nil {
			t.Fatal(err)
		}
		changes := Compare(old, now)
		row := make([]value.Value, table.Width())
		row[0] = value.OfText("k")
		if n := rapid.IntRange(-1, 12).Draw(t, "n"); n >= 0 {
			row[1] = value.OfInt(int64(n))
		}
		if s := rapid.SampledFrom([]string{"", "a", "bb", "ccc", "đđ"}).Draw(t, "s"); s != "" {
			row[2] = value.OfText(s)
		}
		if !good(old, row) || good(now, row) {
			return
		}
		for _, c := range changes {
			if !c.Narrowing {
				continue
			}
			if c.Breaks == nil {
				return
			}
			e, err := cql2.Bind(c.Breaks, table)
			if err != nil {
				t.Fatal(err)
			}
			if cql2.Matches(e, row) {
				return
			}
		}
		t.Fatalf("%v breaks under %+v, which nothing of %+v says", row, now.Schema.Fields, changes)
	})
}

func drawn(t *rapid.T, name string) *Dataset {
	bound := func(what string) any {
		if v := rapid.IntRange(-1, 10).Draw(t, name+what); v >= 0 {
			return int64(v)
		}
		return nil
	}
	length := func(what string) *int {
		if v := rapid.IntRange(-1, 3).Draw(t, name+what); v >= 0 {
			return &v
		}
		return nil
	}
	n := Field{Name: "n", Type: Integer}
	n.Constraints.Required = rapid.Bool().Draw(t, name+"required")
	n.Constraints.Minimum, n.Constraints.Maximum = bound("minimum"), bound("maximum")
	n.Constraints.ExclusiveMinimum, n.Constraints.ExclusiveMaximum = bound("above"), bound("below")
	for i := range 13 {
		if rapid.IntRange(0, 3).Draw(t, name+"enum") == 0 {
			n.Constraints.Enum = append(n.Constraints.Enum, int64(i))
		}
	}
	s := Field{Name: "s", Type: String}
	s.Constraints.MinLength, s.Constraints.MaxLength = length("least"), length("most")
	for _, c := range []string{"a", "bb", "ccc"} {
		if rapid.Bool().Draw(t, name+c) {
			s.Categories = append(s.Categories, Category{Value: c})
		}
	}
	return &Dataset{Name: "d", Kind: Register, Schema: Schema{PrimaryKey: []string{"key"}, Fields: []Field{{Name: "key", Type: String}, n, s}}}
}

// good is what the constraints of drawn say, written down once more.
func good(d *Dataset, row []value.Value) bool {
	n, s := d.Schema.Fields[1], d.Schema.Fields[2]
	if row[1].IsNull() {
		if n.Constraints.Required {
			return false
		}
	} else {
		v := row[1].Int()
		for _, b := range []struct {
			bound any
			ok    func(b int64) bool
		}{
			{n.Constraints.Minimum, func(b int64) bool { return v >= b }},
			{n.Constraints.Maximum, func(b int64) bool { return v <= b }},
			{n.Constraints.ExclusiveMinimum, func(b int64) bool { return v > b }},
			{n.Constraints.ExclusiveMaximum, func(b int64) bool { return v < b }},
		} {
			if b.bound != nil && !b.ok(b.bound.(int64)) {
				return false
			}
		}
		if n.Constraints.Enum != nil && !slices.Contains(n.Constraints.Enum, any(v)) {
			return false
		}
	}
	if row[2].IsNull() {
		return true
	}
	text := row[2].Text()
	count := len([]rune(text))
	if c := s.Constraints; c.MinLength != nil && count < *c.MinLength || c.MaxLength != nil && count > *c.MaxLength {
		return false
	}
	return len(s.Categories) == 0 || slices.ContainsFunc(s.Categories, func(c Category) bool { return c.Value == text })
}

// Every code that this package writes has its words.
func TestCodesHaveWords(t *testing.T) {
	codes := problem.Codes()
	form := regexp.MustCompile(`^(declaration|mapping|layout|link|change)-[a-z-]+$`)
	files, _ := filepath.Glob("*.go")
	seen := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil && form.MatchString(s) {
					seen++
					if !slices.Contains(codes, s) {
						t.Errorf("%s: %s has no words", file, s)
					}
				}
			}
			return true
		})
	}
	if seen < 80 {
		t.Errorf("only %d codes found", seen)
	}
}

func TestDurations(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
		ok   bool
	}{
		{"P1Y", "P12M", 0, true}, {"P1D", "PT24H", 0, true}, {"P1M", "P30D", 0, false}, {"-P1D", "P1D", -1, true},
		{"P1Y2M", "P1Y1M30D", 0, false}, {"PT0.5S", "PT1S", -1, true}, {"P2M1D", "P1M", 1, true},
	} {
		got, ok := Duration.CompareLiterals(value.OfText(c.a), value.OfText(c.b))
		if got != c.want || ok != c.ok {
			t.Errorf("%s ? %s: %d %v", c.a, c.b, got, ok)
		}
	}
	for _, s := range []string{"", "P", "PT", "P1", "1D", "P1DT", "P1H", "PT1D", "P-1D"} {
		if _, ok := parseDuration(s); ok {
			t.Errorf("%q is no duration", s)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{`[a-z]+`, "abc", true}, {`[a-z]+`, "abc1", false}, {`a|bc`, "bc", true}, {`a|bc`, "ac", false},
		{`\i\c*`, "x-1", true}, {`[\i_]+`, "é_", true}, {`^[0-9]{2}$`, "12", true}, {`[a-]+(-[b]+)?`, "a-b", true},
	} {
		re, err := CompilePattern(c.pattern)
		if err != nil || re.MatchString(c.text) != c.want {
			t.Errorf("%s %s: %v", c.pattern, c.text, err)
		}
	}
	for _, p := range []string{`[a-z-[aeiou]]`, `(`, `a{2,1}`, `\q`} {
		if _, err := CompilePattern(p); err == nil {
			t.Errorf("%s compiles", p)
		}
	}
}
