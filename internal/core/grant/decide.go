package grant

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// Request asks for a decision about one dataset.
type Request struct {
	Subject Subject
	Action  Action
	Purpose string // code of the purpose chosen for the task; "" = none
	Dataset *dataset.Dataset
	Table   *dataset.Table // its layout, to which conditions are bound
	At      int64
	Keeps   []string // datasets that the subject writes the whole of; "*" = all
}

// Decision says what a request may see or change. It is a union: a cell is
// visible when one branch (a rule or a grant) that covers its column matches its
// row. It is immutable and safe for concurrent use.
type Decision struct {
	Allowed bool // something may be seen or changed, of some row

	req      Request
	policy   *Policy
	f        *frame
	branches []branch
	clear    columns // shown clear by some branch
	visible  columns // shown clear or masked by some branch
	withheld columns // would be visible if a purpose, or the right one, were named
	areas    cql2.Expr
}

// branch is what one rule or grant gives.
type branch struct {
	id     string
	clear  columns
	masked columns
	how    []How     // by column, for those masked
	rows   cql2.Expr // bound; nil = all rows
	office bool      // a rule that needs no purpose
	grant  *Grant    // nil for a rule
}

// minimum is the fewest records of a group; 0 = single records may be told.
func (b *branch) minimum() int {
	if b.grant == nil || b.grant.Action != Aggregate {
		return 0
	}
	return max(b.grant.MinimumCell, SmallestCell)
}

// Decide compiles what rules and grants give to a request. Grants that no longer
// fit the declaration give nothing. A personal or restricted column is shown only
// if a purpose is named, save by rules of office (see NeedsPurpose); the caller
// has checked that the purpose exists.
func (p *Policy) Decide(r Request) Decision {
	d := Decision{req: r, policy: p, f: p.frame(r.Dataset, r.Table)}
	width := r.Table.Width()
	all := make(columns, 3*((width+63)/64))
	n := len(all) / 3
	d.clear, d.visible, d.withheld = all[:n:n], all[n:2*n:2*n], all[2*n:]
	held := p.held(r.Dataset.Name, &r.Subject)
	d.branches = make([]branch, 0, len(held)+2)
	d.rules()
	d.duty()
	d.incidents()
	d.reports()
	d.requests()
	for _, c := range held {
		d.grant(c)
	}
	d.withheld.removeAll(d.visible)
	d.Allowed = len(d.branches) > 0
	return d
}

// Only narrows a decision to what one rule or grant gives.
func (d *Decision) Only(id string) Decision {
	n := *d
	n.clear, n.visible, n.branches = newColumns(d.f.t.Width()), newColumns(d.f.t.Width()), nil
	for _, b := range d.branches {
		if b.id == id {
			n.clear.addAll(b.clear)
			n.visible.addAll(b.clear)
			n.visible.addAll(b.masked)
			n.branches = append(n.branches, b)
		}
	}
	n.Allowed = len(n.branches) > 0
	return n
}

// serves tells whether a grant of an action helps to do another: who may read a
// record may also count it.
func (a Action) serves(asked Action) bool {
	return a == asked || a == Read && asked == Aggregate
}

func (d *Decision) grant(c *compiled) {
	if !c.Action.serves(d.req.Action) || !c.InForce(d.req.At) {
		return
	}
	s := c.on(d.f)
	if s.broken {
		return
	}
	b := branch{id: c.ID, clear: s.clear, masked: s.masked, how: s.how, rows: s.rows, grant: c.Grant}
	var areas, agency cql2.Expr
	if c.OwnAreas {
		var ok bool
		if areas, ok = d.inAreas(); !ok {
			return
		}
	}
	if s.agency >= 0 {
		if d.req.Subject.Agency == "" {
			return
		}
		agency = d.f.equal(s.agency, d.req.Subject.Agency)
	}
	b.rows = join("and", s.rows, areas, agency)
	d.give(b, c)
}

// give takes a branch up, without what the lack of a purpose withholds.
func (d *Decision) give(b branch, c *compiled) {
	if d.req.Action != Read {
		b.masked, b.how = nil, nil
	}
	switch {
	case c != nil && !c.forPurpose(d.req.Purpose):
		d.withheld.addAll(b.clear)
		d.withheld.addAll(b.masked)
		return
	case d.req.Purpose == "" && !b.office && d.req.Action != Write && (d.f.personal.meets(b.clear) || d.f.personal.meets(b.masked)):
		b.clear, b.masked = d.split(b.clear), d.split(b.masked)
	}
	if b.clear.empty() && b.masked.empty() {
		return
	}
	d.clear.addAll(b.clear)
	d.visible.addAll(b.clear)
	d.visible.addAll(b.masked)
	d.branches = append(d.branches, b)
}

// split notes what needs a purpose and returns the rest.
func (d *Decision) split(s columns) columns {
	rest := s.clone()
	rest.removeAll(d.f.personal)
	for i := range s {
		d.withheld[i] |= s[i] & d.f.personal[i]
	}
	return rest
}

// inAreas is the condition that a row lies in the subject's areas; nil = all
// rows. ok is false when no row can.
func (d *Decision) inAreas() (rows cql2.Expr, ok bool) {
	s := &d.req.Subject
	switch {
	case d.f.t.Area < 0 || len(s.Areas) == 0:
		return nil, false
	case contains(s.Areas, "*"):
		return nil, true
	case d.areas == nil:
		d.areas = d.f.equal(d.f.t.Area, s.Areas...)
	}
	return d.areas, true
}

// MayUse tells whether a filter, order, group or measure may use a column: some
// branch shows it clear. Rows then keeps to the rows in which it is.
func (d *Decision) MayUse(column int) bool { return d.clear.has(column) }

// Told tells whether what is computed of these columns over all records may be told:
// each is clear in every record, or is open and the declaration alone keeps some
// records from the public. Such figures are of many; the records stay hidden.
func (d *Decision) Told(columns []int) bool {
	for _, c := range columns {
		if !d.clear.has(c) {
			return false
		}
	}
	if d.Rows(columns) == nil {
		return true
	}
	open := d.f.upTo[dataset.Open.Rank()]
	for _, c := range columns {
		if !open.has(c) {
			return false
		}
	}
	return d.f.public != nil && d.req.Action != Write
}

// Whole tells whether one branch shows or lets change every column of every
// row, so that there is nothing to hide and nothing to compare.
func (d *Decision) Whole() bool {
	for i := range d.branches {
		if b := &d.branches[i]; b.rows == nil && b.minimum() == 0 && b.clear.holds(d.f.all()) {
			return true
		}
	}
	return false
}

// Personal tells whether a personal or restricted cell may be shown, of some row.
func (d *Decision) Personal() bool { return d.visible.meets(d.f.personal) }

// PersonalOf lists the personal and restricted columns among those wanted (nil =
// all) that may be shown, of some row.
func (d *Decision) PersonalOf(want []int) []int {
	var list []int
	for _, c := range d.visible.list() {
		if d.f.personal.has(c) && (want == nil || contained(want, c)) {
			list = append(list, c)
		}
	}
	return list
}

// PersonalBy names the rules and grants that may show one of those.
func (d *Decision) PersonalBy(want []int) []string {
	var ids []string
	columns := d.PersonalOf(want)
	for i := range d.branches {
		b := &d.branches[i]
		for _, c := range columns {
			if b.clear.has(c) || b.masked.has(c) {
				ids = append(ids, b.id)
				break
			}
		}
	}
	return ids
}

// PersonalRows is the condition on rows of which a personal or restricted cell of
// the wanted columns (nil = all) may be shown; nil = all rows.
func (d *Decision) PersonalRows(want []int) cql2.Expr {
	columns := d.PersonalOf(want)
	return d.anyOf(func(b *branch) bool {
		for _, c := range columns {
			if b.clear.has(c) || b.masked.has(c) {
				return true
			}
		}
		return false
	})
}

// NeedsPurpose lists the columns that are hidden only because no purpose, or not
// the right one, was named.
func (d *Decision) NeedsPurpose() []int { return d.withheld.list() }

// Visible lists the columns of which some cell may be shown, clear or masked.
func (d *Decision) Visible() []int { return d.visible.list() }

// Columns lists what must be read to show the wanted columns (nil = all): those
// of them that are visible, and what the conditions of branches look at, without
// which Reveal would judge wrongly.
func (d *Decision) Columns(want []int) []int {
	s := d.visible.clone()
	if want != nil {
		clear(s)
		for _, c := range want {
			if d.visible.has(c) {
				s.add(c)
			}
		}
	}
	for i := range d.branches {
		if d.branches[i].rows == nil {
			continue
		}
		for _, c := range cql2.Columns(d.branches[i].rows) {
			s.add(c)
		}
	}
	return s.list()
}

// Rows is the condition, bound to the table, on rows in a request that uses
// columns (filters, sorts, groups or measures by them): at least one branch
// matches and every used column is clear. nil = all rows, a literal false =
// none. A request must name all columns it uses. The condition may hold the
// personal number of who asks: it goes into no log.
func (d *Decision) Rows(used []int) cql2.Expr {
	if len(used) == 0 {
		return d.anyOf(func(*branch) bool { return true })
	}
	conditions := make([]cql2.Expr, 0, len(used))
	for i, c := range used {
		if contained(used[:i], c) || d.sameBranches(used[:i], c) {
			continue
		}
		e := d.anyOf(func(b *branch) bool { return b.clear.has(c) })
		if l, ok := e.(*cql2.Lit); ok {
			return l
		}
		conditions = append(conditions, e)
	}
	return join("and", conditions...)
}

func contained(list []int, c int) bool {
	for _, l := range list {
		if l == c {
			return true
		}
	}
	return false
}

// sameBranches tells whether the branches that show c clear are those of a column
// before it, whose condition then serves both.
func (d *Decision) sameBranches(before []int, c int) bool {
next:
	for _, o := range before {
		for i := range d.branches {
			if d.branches[i].clear.has(o) != d.branches[i].clear.has(c) {
				continue next
			}
		}
		return true
	}
	return false
}

// join is what cql2.And is, for and and or; it keeps the list it is given.
func join(op string, conditions ...cql2.Expr) cql2.Expr {
	n := 0
	for _, e := range conditions {
		if e != nil {
			conditions[n] = e
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return conditions[0]
	}
	return &cql2.Call{Op: op, Args: conditions[:n]}
}

// anyOf joins the conditions of some branches by or.
func (d *Decision) anyOf(of func(*branch) bool) cql2.Expr {
	rows := make([]cql2.Expr, 0, len(d.branches))
	for i := range d.branches {
		if b := &d.branches[i]; of(b) {
			if b.rows == nil {
				return nil
			}
			rows = append(rows, b.rows)
		}
	}
	if len(rows) == 0 {
		return &cql2.Lit{Value: value.OfBool(false)}
	}
	return join("or", rows...)
}

// MinimumCell is the fewest records that a group must have to be told in an
// aggregate that uses columns; 0 = any. It is more than 0 as soon as a used
// column is known of some rows by an aggregate grant alone. Of such columns no
// smallest and largest value may be told either: they are one record's.
func (d *Decision) MinimumCell(used []int) int {
	if len(used) == 0 {
		return d.minimumOf(func(*branch) bool { return true })
	}
	least := 0
	for _, c := range used {
		least = max(least, d.minimumOf(func(b *branch) bool { return b.clear.has(c) }))
	}
	return least
}

func (d *Decision) minimumOf(of func(*branch) bool) int {
	least := 0
	for i := range d.branches {
		b := &d.branches[i]
		if !of(b) {
			continue
		}
		if b.minimum() == 0 && b.rows == nil {
			return 0
		}
		least = max(least, b.minimum())
	}
	return least
}
