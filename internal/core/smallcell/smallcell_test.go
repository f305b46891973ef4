package smallcell

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// together numbers the lines of one way; those whose totals are not told apart are 0.
func together(cells []Cell, name func(Cell) string, least int64) map[string]int {
	totals := map[string]int64{}
	var names []string
	for _, c := range cells {
		if totals[name(c)] == 0 {
			names = append(names, name(c))
		}
		totals[name(c)] += c.Count
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return int(totals[a] - totals[b]) })
	groups, sum := map[string]int{}, int64(0)
	for n, s := range names {
		if totals[s] < least || sum > 0 && sum < least {
			sum += totals[s]
		} else {
			groups[s] = n + 1
		}
	}
	return groups
}

func byRow(c Cell) string    { return c.Row }
func byColumn(c Cell) string { return c.Column }

// follows tells which hidden cells follow from the known totals, by elimination over
// fractions, without any graph: the judge of Hide.
func follows(cells []Cell, hidden []bool, least int64) []bool {
	var unknown []int
	for i := range cells {
		if hidden[i] {
			unknown = append(unknown, i)
		}
	}
	var equations [][]*big.Rat
	for _, name := range []func(Cell) string{byRow, byColumn} {
		groups := together(cells, name, least)
		rows := map[int][]*big.Rat{}
		for at, i := range unknown {
			g := groups[name(cells[i])]
			if rows[g] == nil {
				for range unknown {
					rows[g] = append(rows[g], new(big.Rat))
				}
			}
			rows[g][at].SetInt64(1)
		}
		for _, r := range rows {
			equations = append(equations, r)
		}
	}
	rank := 0
	for at := range unknown {
		pivot := slices.IndexFunc(equations[rank:], func(r []*big.Rat) bool { return r[at].Sign() != 0 })
		if pivot < 0 {
			continue
		}
		equations[rank], equations[rank+pivot] = equations[rank+pivot], equations[rank]
		by := new(big.Rat).Inv(equations[rank][at])
		for _, x := range equations[rank] {
			x.Mul(x, by)
		}
		for n, r := range equations {
			if n == rank || r[at].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Set(r[at])
			for k := range r {
				r[k].Sub(r[k], new(big.Rat).Mul(f, equations[rank][k]))
			}
		}
		if rank++; rank == len(equations) {
			break
		}
	}
	out := make([]bool, len(cells))
	for _, r := range equations[:rank] { // reduced: a row with one unknown tells it
		only := -1
		for k, x := range r {
			if x.Sign() != 0 {
				if only >= 0 {
					only = -2
					break
				}
				only = k
			}
		}
		if only >= 0 {
			out[unknown[only]] = true
		}
	}
	return out
}

// No small cell is told, nor follows from totals, and no line hides too little.
func TestHide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const least = 5
		rows, columns := rapid.IntRange(1, 7).Draw(t, "rows"), rapid.IntRange(1, 7).Draw(t, "columns")
		most := rapid.SampledFrom([]int64{6, 15, 60}).Draw(t, "most")
		var cells []Cell
		for r := range rows {
			for c := range columns {
				if n := rapid.Int64Range(-most/2, most).Draw(t, "n"); n > 0 {
					cells = append(cells, Cell{Row: fmt.Sprint("r", r), Column: fmt.Sprint("c", c), Count: n, Hidden: rapid.IntRange(0, 19).Draw(t, "x") == 0})
				}
			}
		}
		hidden := Hide(cells, least)
		told := follows(cells, hidden, least)
		sums, totals := map[string]int64{}, map[string]int64{}
		for i, c := range cells {
			if (c.Hidden || c.Count < least) && !hidden[i] {
				t.Fatalf("%+v is told", c)
			}
			if c.Count < least && told[i] && slices.Contains(hidden, false) {
				t.Fatalf("%+v follows from the totals: %+v %v", c, cells, hidden)
			}
			for _, line := range []string{c.Row, c.Column} {
				totals[line] += c.Count
				if hidden[i] {
					sums[line] += c.Count
				}
			}
		}
		rowsTold, columnsTold := together(cells, byRow, least), together(cells, byColumn, least)
		for line, s := range sums {
			if s < least && totals[line] >= least && rowsTold[line]+columnsTold[line] > 0 {
				t.Fatalf("%s hides %d of %d: %+v %v", line, s, totals[line], cells, hidden)
			}
		}
		// The order of the cells does not matter.
		order := rapid.Permutation(indices(len(cells))).Draw(t, "order")
		mixed := make([]Cell, len(cells))
		for at, i := range order {
			mixed[at] = cells[i]
		}
		again := Hide(mixed, least)
		for at, i := range order {
			if again[at] != hidden[i] {
				t.Fatalf("%+v depends on the order", cells[i])
			}
		}
	})
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// Two circles joined by one cell: each line hides two, and yet that cell follows
// from the totals. A rule by lines alone would tell it.
func TestBridge(t *testing.T) {
	var cells []Cell
	add := func(row, column string, n int64) { cells = append(cells, Cell{Row: row, Column: column, Count: n}) }
	for _, x := range [][2]string{{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", "2"}, {"c", "3"}, {"c", "4"}, {"d", "3"}, {"d", "4"}, {"b", "3"}} {
		add(x[0], x[1], 4)
	}
	for _, x := range [][2]string{{"a", "3"}, {"a", "4"}, {"b", "4"}, {"c", "1"}, {"d", "2"}} {
		add(x[0], x[1], 40)
	}
	hidden := Hide(cells, 5)
	if slices.Contains(follows(cells, hidden, 5), true) {
		t.Errorf("hidden: %v", hidden)
	}
	n := 0
	for _, h := range hidden {
		if h {
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d cells are hidden, ten would do", n)
	}
}
