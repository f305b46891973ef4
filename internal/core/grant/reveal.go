package grant

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
)

// Revealer applies a decision about Read to rows. It is for one goroutine.
type Revealer struct {
	d      *Decision
	pseudo *pseudonyms
	want   columns
	match  []bool  // by branch
	fixed  bool    // match is the same for every row
	by     []int32 // branches that matter, by column: those of column c are by[from[c]:from[c+1]]
	from   []int32
	shown  Shown
}

// Shown tells what Reveal let be seen of a row. It is valid until the next call.
type Shown struct {
	Visible  bool // some branch matches the row; otherwise every cell was hidden
	Personal bool // a personal or restricted cell is shown, clear or masked

	d        *Decision
	used     []bool // by branch: it is what shows a cell
	personal []bool // by branch: it is what shows a personal cell
	cells    columns
}

// Revealer prepares to show the wanted columns (nil = all). key is the secret of
// pseudonyms: who has it can try values out.
func (d *Decision) Revealer(key []byte, want []int) *Revealer {
	n, width := len(d.branches), d.f.t.Width()
	r := &Revealer{d: d, pseudo: newPseudonyms(key), match: make([]bool, n), fixed: true, from: make([]int32, width+1)}
	r.want = d.visible.clone()
	if want != nil {
		clear(r.want)
		for _, c := range want {
			if d.visible.has(c) {
				r.want.add(c)
			}
		}
	}
	for i := range d.branches {
		r.match[i] = d.branches[i].rows == nil
		r.fixed = r.fixed && r.match[i]
	}
	for c := range width {
		if r.want.has(c) {
			for i := range d.branches {
				if d.branches[i].clear.has(c) || d.branches[i].masked.has(c) {
					r.by = append(r.by, int32(i))
				}
			}
		}
		r.from[c+1] = int32(len(r.by))
	}
	r.shown = Shown{d: d, used: make([]bool, n), personal: make([]bool, n), cells: newColumns(width)}
	return r
}

// Reveal hides and masks the cells of a row in place, and hides all that were
// not wanted. Null cells count as shown: that there is no value says something
// too. The row holds the columns that Decision.Columns names.
func (r *Revealer) Reveal(row []value.Value) *Shown {
	s := &r.shown
	s.Visible, s.Personal = false, false
	clear(s.used)
	clear(s.personal)
	clear(s.cells)
	for i := range r.match {
		if !r.fixed {
			r.match[i] = cql2.Matches(r.d.branches[i].rows, row) // before any cell is changed
		}
		s.Visible = s.Visible || r.match[i]
	}
	for c := range row {
		by := r.shows(c)
		if by < 0 {
			row[c] = value.Value{}
			continue
		}
		b := &r.d.branches[by]
		if !b.clear.has(c) {
			row[c] = r.mask(b, c, row[c])
		}
		s.used[by] = true
		s.cells.add(c)
		if r.d.f.personal.has(c) {
			s.Personal, s.personal[by] = true, true
		}
	}
	return s
}

// shows finds the branch that shows a column of the row: the first that shows it
// clear, else the first that shows it masked; -1 when none does.
func (r *Revealer) shows(c int) int {
	if c+1 >= len(r.from) {
		return -1
	}
	masked := -1
	for _, i := range r.by[r.from[c]:r.from[c+1]] {
		switch {
		case !r.match[i]:
		case r.d.branches[i].clear.has(c):
			return int(i)
		case masked < 0:
			masked = int(i)
		}
	}
	return masked
}

// By names the rules and grants that show something of the row.
func (s *Shown) By() []string { return s.ids(s.used) }

// PersonalBy names the rules and grants that show personal cells of the row.
func (s *Shown) PersonalBy() []string { return s.ids(s.personal) }

func (s *Shown) ids(of []bool) []string {
	var ids []string
	for i, yes := range of {
		if yes {
			ids = append(ids, s.d.branches[i].id)
		}
	}
	return ids
}

// Cells lists the columns of the row that are shown.
func (s *Shown) Cells() []int { return s.cells.list() }

// PersonalCells lists the personal and restricted columns that are shown.
func (s *Shown) PersonalCells() []int {
	var list []int
	for _, c := range s.cells.list() {
		if s.d.f.personal.has(c) {
			list = append(list, c)
		}
	}
	return list
}
