package grant_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/grant/granttest"
	"huong.city/huong/internal/core/value"
)

var (
	cases = flag.Int("grant.cases", 100_000/slower, "random cells to compare with cedar-go (or HUONG_GRANT_CASES)")
	seed  = flag.Uint64("grant.seed", 3, "seed of the random cells")
)

// Decisions about cells, conditions on rows and writes agree with an engine that
// was written by others and knows neither CQL2 nor our compiler. A case is one
// cell: (principal, grants, purpose, action, record, column).
func TestCedarAgrees(t *testing.T) {
	n := *cases
	if s := os.Getenv("HUONG_GRANT_CASES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	all, err := granttest.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := granttest.Rules()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(*seed, 0))
	c := &comparison{t: t}
	for c.cells < n && !t.Failed() {
		c.world = granttest.NewWorld(random.IntN, all)
		for _, g := range c.world.Grants {
			if vs := grant.Check(g, c.world.Dataset, c.world.Table); len(vs) > 0 {
				t.Fatalf("%+v: %v", g, vs)
			}
		}
		if c.oracle, err = granttest.NewOracle(rules, c.world); err != nil {
			t.Fatal(err)
		}
		policy := grant.NewPolicy(c.world.Grants)
		for range 4 {
			c.request = c.world.Request(random.IntN)
			c.oracle.Ask(c.request)
			c.decision = policy.Decide(c.request)
			for range 2 {
				c.row = c.world.Row(random.IntN)
				c.compare(random)
			}
		}
	}
	t.Logf("%d cells: %d clear, %d masked, %d hidden; %d row conditions, %d writes", c.cells, c.clear, c.masked, c.hidden, c.rows, c.writes)
	for name, n := range map[string]int{"clear": c.clear, "masked": c.masked, "hidden": c.hidden, "rows": c.rows, "writes": c.writes, "allowed writes": c.allowed, "rows shown": c.selected} {
		if n < c.cells/500 && c.cells > 50_000 {
			t.Errorf("only %d %s among %d cells: the worlds say too little", n, name, c.cells)
		}
	}
}

type comparison struct {
	t        *testing.T
	world    *granttest.World
	oracle   *granttest.Oracle
	request  grant.Request
	decision grant.Decision
	row      []value.Value

	cells, clear, masked, hidden, rows, selected, writes, allowed int
}

func (c *comparison) ask(column int, clear bool) []string {
	ids, err := c.oracle.Cell(column, clear)
	if err != nil {
		c.t.Fatal(err)
	}
	return ids
}

func (c *comparison) fail(form string, args ...any) {
	c.t.Errorf(form, args...)
	for _, g := range c.world.Grants {
		c.t.Logf("%+v\n%s", *g, c.world.Policy(g))
	}
	c.t.Fatalf("dataset %s %s place %+v; %+v; row %v", c.world.Dataset.Name, c.world.Dataset.Classification, c.world.Dataset.Place, c.request.Subject, c.row)
}

func (c *comparison) compare(random *rand.Rand) {
	c.oracle.See(c.row)
	width := len(c.row)
	clear, seen := make([]bool, width), make([]bool, width)
	visible := false
	for i := range c.row {
		clear[i] = len(c.ask(i, true)) > 0
		seen[i] = clear[i] || c.request.Action == grant.Read && len(c.ask(i, false)) > 0
		visible = visible || seen[i]
	}
	c.cells += width
	c.compareCells(clear, seen, visible)
	for range 4 {
		var used []int
		want := visible
		for range random.IntN(4) {
			column := random.IntN(width)
			used = append(used, column)
			want = want && clear[column]
		}
		c.rows++
		if got := cql2.Matches(c.decision.Rows(used), c.row); got != want {
			c.fail("rows that use %v: %t, cedar says %t", used, got, want)
		} else if got {
			c.selected++
		}
	}
	if c.request.Action == grant.Write {
		c.compareWrites(random)
	}
}

func (c *comparison) compareCells(clear, seen []bool, visible bool) {
	row := slices.Clone(c.row)
	shown := c.decision.Revealer([]byte("key"), nil).Reveal(row)
	if shown.Visible != visible {
		c.fail("row visible: %t, cedar says %t", shown.Visible, visible)
	}
	personal := false
	for i, v := range row {
		column := c.world.Table.Columns[i]
		shows := slices.Contains(shown.Cells(), i)
		isMasked := shows && !clear[i]
		switch {
		case shows != seen[i], clear[i] && v != c.row[i], !seen[i] && !v.IsNull(), isMasked && v == c.row[i] && c.reveals(v):
			c.fail("%s of %s (%s, for %q): shown %t as %v, cedar says seen %t clear %t", column.Name, c.request.Dataset.Name,
				c.request.Action, c.request.Purpose, shows, v, seen[i], clear[i])
		}
		switch {
		case clear[i]:
			c.clear++
		case seen[i]:
			c.masked++
		default:
			c.hidden++
		}
		rank := c.world.Dataset.Classification.Rank()
		if f, ok := c.world.Dataset.Field(column.Name); ok {
			rank = max(rank, f.Classification.Rank())
			personal = personal || shows && rank >= dataset.Personal.Rank()
		}
	}
	if personal && !shown.Personal {
		c.fail("personal cells are shown and not told")
	}
}

// reveals tells whether a value that stayed as it was must have been masked: a
// mask changes neither Null nor the empty text nor a new year.
func (c *comparison) reveals(v value.Value) bool {
	return !v.IsNull() && v != value.OfText("") && (v.Kind() != value.Date || v.CalendarDay().YearDay() != 1)
}

// compareWrites changes one cell after the other: allowed when one and the same
// rule or grant covers the cell before and after.
func (c *comparison) compareWrites(random *rand.Rand) {
	for i := range c.row {
		column := c.world.Table.Columns[i]
		after := slices.Clone(c.row)
		after[i] = c.world.Cell(random.IntN, i)
		if column.Derived || column.Dropped || after[i] == c.row[i] {
			continue
		}
		c.oracle.See(c.row)
		before := c.ask(i, true)
		c.oracle.See(after)
		want := slices.ContainsFunc(c.ask(i, true), func(id string) bool { return slices.Contains(before, id) })
		got := c.decision.MayWrite(c.row, after) == nil
		if got != want {
			c.fail("change %s: %t, cedar says %t", column.Name, got, want)
		}
		c.writes++
		if got {
			c.allowed++
		}
	}
	c.oracle.See(c.row)
}
