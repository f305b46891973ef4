// Package smallcell says which counts of a table must be left out so that no small
// one is told: neither by itself, nor as the difference between a total that is
// known and the counts beside it.
package smallcell

import (
	"cmp"
	"slices"
)

// Cell is a count above 0 of a table of two ways. Counts of 0 are told: whoever
// does not find a cell knows that it is 0.
type Cell struct {
	Row, Column string
	Count       int64
	Hidden      bool // it is left out for another reason, and so is not told here either
}

// Hide tells of each cell whether it is to be left out. Known are supposed to be
// the totals of rows and columns and of the whole, save totals below least, which
// are told together alone, with the next smallest where they are below it even so.
// Then:
//
//   - a cell below least is left out;
//   - what is left out of a row or column adds up to least or more, if there is
//     that much in it;
//   - no cell below least follows from the totals. Known totals are the sums at the
//     vertices of a graph whose edges are the cells left out, between its row and
//     its column; the one edge that follows from them is a bridge (the sums leave
//     the circles of the graph free, and a bridge is on none).
//
// The smallest cells are taken in addition. The answer depends on the cells alone,
// not on their order. (Cox 1980 on complementary suppression; Gusfield 1988 on the
// graph.) It is no promise against who knows some of the reports, and does not look
// at how narrowly a count is bounded by others.
func Hide(cells []Cell, least int64) []bool {
	t := table{cells: cells, hidden: make([]bool, len(cells)), least: least}
	t.sorted = make([]int, len(cells))
	for i, c := range cells {
		t.sorted[i] = i
		t.hidden[i] = c.Hidden || c.Count < least
	}
	slices.SortFunc(t.sorted, func(i, j int) int {
		a, b := cells[i], cells[j]
		return cmp.Or(cmp.Compare(a.Count, b.Count), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
	})
	t.rows = t.ends(func(c Cell) string { return c.Row }, 0)
	t.columns = t.ends(func(c Cell) string { return c.Column }, 1+slices.Max(append(t.rows, 0)))
	for t.fill() || t.untie() {
	}
	return t.hidden
}

type table struct {
	cells         []Cell
	hidden        []bool
	sorted        []int // the smallest first
	rows, columns []int // vertex of each cell's row and column
	least         int64
}

// ends numbers the rows, or columns, from first on; those whose total is told with
// others alone have one number.
func (t *table) ends(name func(Cell) string, first int) []int {
	totals := map[string]int64{}
	for _, c := range t.cells {
		totals[name(c)] += c.Count
	}
	names := make([]string, 0, len(totals))
	for n := range totals {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(totals[a], totals[b]), cmp.Compare(a, b)) })
	number := map[string]int{}
	var together int64
	next := first
	for _, n := range names {
		if totals[n] < t.least || together > 0 && together < t.least {
			together += totals[n]
			number[n] = first
			next = first + 1
			continue
		}
		number[n] = next
		next++
	}
	of := make([]int, len(t.cells))
	for i, c := range t.cells {
		of[i] = number[name(c)]
	}
	return of
}

// fill hides the smallest cell of the first line that hides too little.
func (t *table) fill() bool {
	sums := map[int]int64{}
	for i, c := range t.cells {
		if t.hidden[i] {
			sums[t.rows[i]] += c.Count
			sums[t.columns[i]] += c.Count
		}
	}
	for _, i := range t.sorted {
		for _, end := range [2]int{t.rows[i], t.columns[i]} {
			if s := sums[end]; !t.hidden[i] && s > 0 && s < t.least {
				t.hidden[i] = true
				return true
			}
		}
	}
	return false
}

// untie takes a cell in addition where a small one follows from the totals.
func (t *table) untie() bool {
	bridges := t.bridges()
	for _, i := range t.sorted {
		if !t.hidden[i] || !bridges[i] || t.cells[i].Count >= t.least || t.cells[i].Count == 0 {
			continue
		}
		// Between the two sides that the bridge joins, for that makes a circle; else
		// at one of its ends, which comes nearer to one.
		side := t.side(i)
		for _, want := range [3]func(j int) bool{
			func(j int) bool {
				return side[t.rows[j]] != side[t.columns[j]] && (side[t.rows[j]] == 1 || side[t.columns[j]] == 1) && (side[t.rows[j]] == 2 || side[t.columns[j]] == 2)
			},
			func(j int) bool { return t.rows[j] == t.rows[i] || t.columns[j] == t.columns[i] },
			func(int) bool { return true },
		} {
			for _, j := range t.sorted {
				if !t.hidden[j] && want(j) {
					t.hidden[j] = true
					return true
				}
			}
		}
		return false // everything is left out
	}
	return false
}

// joined gives the hidden cells at each vertex.
func (t *table) joined() map[int][]int {
	at := map[int][]int{}
	for i := range t.cells {
		if t.hidden[i] {
			at[t.rows[i]] = append(at[t.rows[i]], i)
			at[t.columns[i]] = append(at[t.columns[i]], i)
		}
	}
	return at
}

func (t *table) other(i, end int) int {
	if t.rows[i] == end {
		return t.columns[i]
	}
	return t.rows[i]
}

// side tells what is reached from the row of a bridge, 1, and from its column, 2,
// without it.
func (t *table) side(bridge int) map[int]int {
	at, side := t.joined(), map[int]int{}
	for n, from := range [2]int{t.rows[bridge], t.columns[bridge]} {
		side[from] = n + 1
		for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
			for _, i := range at[queue[0]] {
				if to := t.other(i, queue[0]); i != bridge && side[to] == 0 {
					side[to] = n + 1
					queue = append(queue, to)
				}
			}
		}
	}
	return side
}

// bridges finds the hidden cells that are on no circle of hidden cells (Tarjan 1974).
func (t *table) bridges() []bool {
	at, order, low := t.joined(), map[int]int{}, map[int]int{}
	out := make([]bool, len(t.cells))
	var visit func(end, by int)
	visit = func(end, by int) {
		order[end] = len(order) + 1
		low[end] = order[end]
		for _, i := range at[end] {
			if i == by {
				continue
			}
			to := t.other(i, end)
			if order[to] > 0 {
				low[end] = min(low[end], order[to])
				continue
			}
			visit(to, i)
			low[end] = min(low[end], low[to])
			out[i] = low[to] > order[end]
		}
	}
	for i := range t.cells {
		if end := t.rows[i]; t.hidden[i] && order[end] == 0 {
			visit(end, -1)
		}
	}
	return out
}
