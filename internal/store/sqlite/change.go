package sqlite

import (
	"database/sql/driver"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// applying is one item being applied.
type applying struct {
	*tx
	it         *store.Item
	seq        int64
	results    []commit.Result
	violations []problem.Violation
	children   []linkCheck
	parents    []linkCheck
	later      []int // changes that met a unique value another change may yet give up
	old        []value.Value
	merged     []value.Value
	dataset    string // of the last change
	p          *plan
	expectOld  bool // the last put met an existing row
}

// linkCheck is a reference to check when all changes are applied: for a child,
// that parent values exist; for a parent, that none refers to values it gave up.
type linkCheck struct {
	row    int
	child  *plan
	ref    *dataset.Reference
	values []value.Value
}

func (a *applying) violate(row int, code, field string, kv ...any) {
	if len(a.violations) < maxViolations {
		v := problem.Violate(code, field, kv...)
		v.Row = row
		a.violations = append(a.violations, v)
	}
}

// run applies all changes and then looks at references. Changes refused for a
// unique value are tried again when the others are done, as long as that helps.
func (a *applying) run() error {
	for i := range a.it.Request.Changes {
		if err := a.change(i, false); err != nil {
			return err
		}
	}
	for last := 0; len(a.later) > 0; {
		again := a.later
		a.later = nil
		final := len(again) == last
		last = len(again)
		for _, i := range again {
			if err := a.change(i, final); err != nil {
				return err
			}
		}
	}
	if err := a.checkLinks(); err != nil {
		return err
	}
	slices.SortStableFunc(a.violations, func(x, y problem.Violation) int { return x.Row - y.Row })
	return store.Refuse(a.violations)
}

// change applies one change. final makes a taken unique value a violation.
func (a *applying) change(i int, final bool) error {
	c := &a.it.Request.Changes[i]
	if a.p == nil || a.dataset != c.Dataset {
		p, err := a.planOf(a.it.Layouts[c.Dataset])
		if err != nil {
			return err
		}
		if p == nil {
			a.violate(i, store.LayoutUnknown, "", "dataset", c.Dataset)
			return nil
		}
		a.dataset, a.p, a.expectOld = c.Dataset, p, false
	}
	if c.Op == commit.Put && (c.Expect == commit.Absent || c.Expect == commit.AnyVersion && !a.expectOld) {
		err := a.insertRow(i, c.Row)
		if err == nil {
			return nil
		}
		if !isConstraint(err) {
			return err
		}
	}
	id, version, err := a.find(c)
	if err != nil {
		return err
	}
	a.expectOld = id > 0
	if !a.expected(i, c, id > 0, version) {
		return nil
	}
	if id == 0 {
		switch c.Op {
		case commit.Delete:
			return nil
		case commit.Patch:
			a.violate(i, store.RecordAbsent, a.p.t.Columns[a.p.t.Key[0]].Name)
			return nil
		}
		err := a.insertRow(i, c.Row)
		if isConstraint(err) {
			return a.taken(i, c.Row, 0, final, err)
		}
		return err
	}
	switch c.Op {
	case commit.Delete:
		return a.deleteRow(i, id, version)
	case commit.Patch:
		a.merged = append(a.merged[:0], a.old...)
		for k, set := range c.Mask {
			if set {
				a.merged[k] = c.Row[k]
			}
		}
		for _, k := range a.p.t.Key {
			a.merged[k] = c.Row[k]
		}
		return a.updateRow(i, id, version, a.merged, final)
	}
	return a.updateRow(i, id, version, c.Row, final)
}

// find reads the record that a change is about into a.old; id is 0 when there is none.
func (a *applying) find(c *commit.Change) (id, version int64, err error) {
	p := a.p
	a.args = a.args[:0]
	for _, k := range p.t.Key {
		a.args = append(a.args, bind(c.Row[k]))
	}
	width := p.t.Width()
	if cap(a.row) < width+2 {
		a.row = make([]driver.Value, width+2)
	}
	row := a.row[:width+2]
	found, err := a.c.first(p.lookup, a.args, row)
	if !found || err != nil {
		return 0, 0, err
	}
	a.old = a.old[:0]
	for k := range width {
		a.old = append(a.old, scan(p.t.Columns[k].Kind, row[k+2]))
	}
	id, _ = row[0].(int64)
	version, _ = row[1].(int64)
	return id, version, nil
}

// expected checks the change's expectation about the current version.
func (a *applying) expected(i int, c *commit.Change, exists bool, version int64) bool {
	key := a.p.t.Columns[a.p.t.Key[0]].Name
	switch {
	case c.Expect == commit.AnyVersion:
	case c.Expect == commit.Absent:
		if exists {
			a.violate(i, store.KeyExists, key)
			return false
		}
	case !exists:
		a.violate(i, store.VersionAbsent, key)
		return false
	case c.Expect != commit.Present && c.Expect != version:
		a.violate(i, store.VersionStale, key, "current", version, "expected", c.Expect)
		return false
	}
	return true
}

// insertRow inserts a new record; a constraint error means that its key or a
// unique value is there already, and nothing was written.
func (a *applying) insertRow(i int, row []value.Value) error {
	p := a.p
	id, known := a.next[p]
	if !known {
		one := []driver.Value{nil}
		if _, err := a.c.first("SELECT max(_id) FROM "+p.table, nil, one); err != nil {
			return err
		}
		id, _ = one[0].(int64)
		id++
		a.next[p] = id
	}
	a.args = append(a.args[:0], id, a.seq)
	for _, v := range row {
		a.args = append(a.args, bind(v))
	}
	if err := a.c.exec(p.insert, a.args...); err != nil {
		return err
	}
	a.next[p] = id + 1
	a.place(p, id, row)
	a.results[i] = commit.Created
	a.payload.Add(p.t.Name, 0, nil, row)
	a.link(i, nil, row)
	return nil
}

// updateRow replaces a record's columns, keeping the old version as history.
func (a *applying) updateRow(i int, id, version int64, row []value.Value, final bool) error {
	p := a.p
	changed := false
	for k := range row {
		if row[k] != a.old[k] {
			changed = true
			break
		}
	}
	if !changed {
		a.results[i] = commit.Unchanged
		return nil
	}
	// Indexed columns stand in the statement only when they change, so that
	// SQLite leaves the other indexes alone.
	var b strings.Builder
	b.WriteString("UPDATE " + p.table + " SET _version=?")
	a.args = append(a.args[:0], a.seq)
	for k := range row {
		if row[k] != a.old[k] || !p.indexed[k] {
			b.WriteString("," + p.cols[k] + "=?")
			a.args = append(a.args, bind(row[k]))
		}
	}
	b.WriteString(" WHERE _id=?")
	a.args = append(a.args, id)
	update := a.args
	if err := a.c.exec(p.archive, a.seq, id); err != nil {
		return err
	}
	if err := a.c.exec(b.String(), update...); err != nil {
		if !isConstraint(err) {
			return err
		}
		if e := a.c.exec("DELETE FROM "+p.history+" WHERE "+p.keyWhere+" AND _version=?", append(a.key(p, row), version)...); e != nil {
			return e
		}
		return a.taken(i, row, id, final, err)
	}
	if err := a.replace(p, id, a.old, row); err != nil {
		return err
	}
	a.results[i] = commit.Updated
	a.payload.Add(p.t.Name, version, a.old, row)
	a.link(i, a.old, row)
	return nil
}

// deleteRow removes a record, keeping its last version as history.
func (a *applying) deleteRow(i int, id, version int64) error {
	p := a.p
	if err := a.c.exec(p.archive, a.seq, id); err != nil {
		return err
	}
	if err := a.c.exec(p.remove, id); err != nil {
		return err
	}
	if err := a.replace(p, id, a.old, nil); err != nil {
		return err
	}
	a.results[i] = commit.Deleted
	a.payload.Add(p.t.Name, version, a.old, nil)
	a.link(i, a.old, nil)
	return nil
}

func (a *applying) key(p *plan, row []value.Value) []driver.Value {
	args := make([]driver.Value, 0, len(p.t.Key)+1)
	for _, k := range p.t.Key {
		args = append(args, bind(row[k]))
	}
	return args
}

// taken finds which unique keys of row belong to another record than id. The
// first time the change is only put off.
func (a *applying) taken(i int, row []value.Value, id int64, final bool, cause error) error {
	if !final {
		a.later = append(a.later, i)
		return nil
	}
	p := a.p
	found := false
	for _, ix := range p.indexes() {
		if !ix.unique {
			continue
		}
		var where []string
		var args []driver.Value
		null := false
		for _, c := range ix.columns {
			null = null || row[c].IsNull()
			where = append(where, p.cols[c]+"=?")
			args = append(args, bind(row[c]))
		}
		if null {
			continue
		}
		hit, err := a.c.first("SELECT 1 FROM "+p.table+" WHERE "+strings.Join(where, " AND ")+" AND _id<>?", append(args, id), make([]driver.Value, 1))
		if err != nil {
			return err
		}
		if hit {
			found = true
			names := make([]string, len(ix.columns))
			for k, c := range ix.columns {
				names[k] = p.t.Columns[c].Name
			}
			a.violate(i, store.UniqueTaken, strings.Join(names, ", "))
		}
	}
	if !found {
		return cause
	}
	return nil
}
