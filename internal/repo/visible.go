package repo

// Visible lists the columns of an entry that p may see, in ordinal order,
// dropped ones left out: what a face describes and writes.
func (r *Repository) Visible(p Principal, e *Entry) []int {
	mask := visible(p, e)
	columns := make([]int, 0, len(e.Table.Columns))
	for i := range e.Table.Columns {
		if !e.Table.Columns[i].Dropped && (mask == nil || mask[i]) {
			columns = append(columns, i)
		}
	}
	return columns
}
