package grant

import (
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// MayWrite tells whether a decision about Write allows one change of a record:
// before is nil when it is created, after when it is deleted. Both rows are whole,
// derived columns filled. Every cell that changes must be covered by a branch
// that matches the record before and after, so that nobody can move a record
// into or out of their reach; of a deleted record every cell that has a value
// changes. Derived columns follow from the others and are not looked at.
//
// The error is Denied: write-denied when no branch matches the record,
// write-fields-denied with the names of the fields that may not change.
func (d *Decision) MayWrite(before, after []value.Value) error {
	may := newColumns(d.f.t.Width())
	matched := false
	for i := range d.branches {
		b := &d.branches[i]
		if (before == nil || cql2.Matches(b.rows, before)) && (after == nil || cql2.Matches(b.rows, after)) {
			matched = true
			may.addAll(b.clear)
		}
	}
	if !matched {
		return problem.New(problem.Denied, "write-denied", "dataset", d.req.Dataset.Name)
	}
	var denied []string
	for c := range d.f.t.Columns {
		if column := &d.f.t.Columns[c]; !column.Derived && at(before, c) != at(after, c) && !may.has(c) {
			denied = append(denied, column.Name)
		}
	}
	if len(denied) > 0 {
		return problem.New(problem.Denied, "write-fields-denied", "dataset", d.req.Dataset.Name, "fields", strings.Join(denied, ", "))
	}
	return nil
}

func at(row []value.Value, c int) value.Value {
	if c < len(row) {
		return row[c]
	}
	return value.Value{}
}
