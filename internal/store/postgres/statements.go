package postgres

import (
	"fmt"
	"slices"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// statements are the SQL texts of Append for one table. Rows come as one array
// per column, so that a statement serves any number of rows.
type statements struct {
	find    string // rows of the given keys, with their place in the list of keys
	insert  string
	update  string // empty when every column is part of the key
	remove  string
	archive string
	load    string   // insert of many, by COPY
	shelve  string   // archive of many, by COPY
	tally   []string // per watched column set: how many rows hold the given values
}

func newStatements(n names, l *layout) statements {
	t := l.Table
	every := all(t)
	live := n.live(t.Name)
	var s statements

	s.find = "SELECT k.o,t." + versionColumn + "," + strings.Join(wireColumns(t, every, "t."), ",") +
		" FROM " + unnest(t, t.Key, 1, "") + " WITH ORDINALITY AS k(" + aliases(len(t.Key)) + ",o) JOIN " + live + " t ON " + match(t, t.Key)

	names := "(" + versionColumn + "," + strings.Join(columns(t, every, ""), ",") + ")"
	s.insert = "INSERT INTO " + live + names + " SELECT k.v," + strings.Join(received(t, every), ",") +
		" FROM " + unnest(t, every, 1, "bigint") + " AS k(v," + aliases(t.Width()) + ")"

	var sets []string
	for i := range t.Columns {
		if !slices.Contains(t.Key, i) {
			sets = append(sets, column(t, i)+"="+fromWire(&t.Columns[i], fmt.Sprintf("k.c%d", i)))
		}
	}
	s.update = "UPDATE " + live + " t SET " + strings.Join(append([]string{versionColumn + "=k.v"}, sets...), ",") +
		" FROM " + unnest(t, every, 1, "bigint") + " AS k(v," + aliases(t.Width()) + ") WHERE " + matchAt(t, t.Key, t.Key)

	s.remove = "DELETE FROM " + live + " t USING " + unnest(t, t.Key, 1, "") + " AS k(" + aliases(len(t.Key)) + ") WHERE " + match(t, t.Key)

	s.archive = "INSERT INTO " + n.history(t.Name) + "(" + versionColumn + "," + untilColumn + "," + strings.Join(columns(t, every, ""), ",") +
		") SELECT k.v,k.u," + strings.Join(received(t, every), ",") +
		" FROM " + unnest(t, every, 1, "bigint", "bigint") + " AS k(v,u," + aliases(t.Width()) + ")"

	s.load = "COPY " + live + names + " FROM STDIN BINARY"
	s.shelve = "COPY " + n.history(t.Name) + "(" + versionColumn + "," + untilColumn + names[len(versionColumn)+1:] + " FROM STDIN BINARY"

	for _, set := range l.watched {
		// The limit keeps a count of very many from being very slow.
		s.tally = append(s.tally, fmt.Sprintf("SELECT k.o,(SELECT count(*) FROM (SELECT FROM %s t WHERE %s LIMIT $%d) x) FROM %s WITH ORDINALITY AS k(%s,o)",
			live, match(t, set), len(set)+1, unnest(t, set, 1, ""), aliases(len(set))))
	}
	return s
}

// unnest makes the call that turns arrays into rows: extra arrays first, then
// one for each column of set. Parameters count from first.
func unnest(t *dataset.Table, set []int, first int, extra ...string) string {
	var parts []string
	for _, e := range extra {
		if e != "" {
			parts = append(parts, fmt.Sprintf("$%d::%s[]", first+len(parts), e))
		}
	}
	for _, c := range set {
		_, _, name := wireTypes(t.Columns[c].Kind)
		parts = append(parts, fmt.Sprintf("$%d::%s[]", first+len(parts), name))
	}
	return "unnest(" + strings.Join(parts, ",") + ")"
}

func aliases(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("c%d", i)
	}
	return strings.Join(parts, ",")
}

func wireColumns(t *dataset.Table, set []int, prefix string) []string {
	parts := make([]string, len(set))
	for i, c := range set {
		parts[i] = toWire(&t.Columns[c], prefix+column(t, c))
	}
	return parts
}

// received converts the unnested k.c0… of all columns into the columns' types.
func received(t *dataset.Table, set []int) []string {
	parts := make([]string, len(set))
	for i, c := range set {
		parts[i] = fromWire(&t.Columns[c], fmt.Sprintf("k.c%d", i))
	}
	return parts
}

// match compares the columns of set with k.c0, k.c1 … in turn.
func match(t *dataset.Table, set []int) string {
	at := make([]int, len(set))
	for i := range at {
		at[i] = i
	}
	return matchAt(t, set, at)
}

// matchAt compares the columns of set with k.c<at>.
func matchAt(t *dataset.Table, set, at []int) string {
	parts := make([]string, len(set))
	for i, c := range set {
		col := &t.Columns[c]
		right := fmt.Sprintf("k.c%d", at[i])
		if col.Kind == value.Text {
			right += ` COLLATE "C"`
		}
		parts[i] = toWire(col, "t."+column(t, c)) + "=" + right
	}
	return strings.Join(parts, " AND ")
}

// arrays encodes the columns of set of many rows, one array each.
func arrays(t *dataset.Table, set []int, rows [][]value.Value) [][]byte {
	params := make([][]byte, len(set))
	for i, c := range set {
		params[i] = array(t.Columns[c].Kind, len(rows), func(r int) value.Value { return cell(rows[r], c) })
	}
	return params
}

// cell is a row's value at an ordinal; a row that an older layout made is shorter.
func cell(row []value.Value, c int) value.Value {
	if c < len(row) {
		return row[c]
	}
	return value.Value{}
}
