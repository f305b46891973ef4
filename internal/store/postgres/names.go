package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// names are the schemas that a driver works in.
type names struct {
	meta string // Huong's own tables and functions, quoted
	city string // the datasets, quoted
}

// maxIdentifier is what PostgreSQL keeps of an identifier, in bytes.
const maxIdentifier = 63

// quote makes an SQL identifier.
func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// tableName is the bare name of a dataset's table. suffix tells its companions
// (history, partitions, indexes) apart.
func tableName(dataset, suffix string) string {
	n := strings.ReplaceAll(dataset, "-", "_")
	if over := len(n) + len(suffix) - maxIdentifier; over > 0 {
		n = n[:len(n)-over]
	}
	return n + suffix
}

// checkName refuses a dataset whose table would share its name with another's:
// the longest suffix must fit, and a double dash is how history is told apart.
func checkName(name string) error {
	if name == "" || len(name) > maxIdentifier-12 || strings.Contains(name, "--") || strings.ContainsAny(name, "_\x00") {
		return problem.New(problem.Invalid, "dataset-name-unfit", "dataset", name)
	}
	return nil
}

func (n names) live(dataset string) string { return n.city + "." + quote(tableName(dataset, "")) }
func (n names) history(dataset string) string {
	return n.city + "." + quote(tableName(dataset, "__history"))
}

// Columns that every table has beside its declared ones.
const (
	versionColumn = "_version" // seq of the commit that wrote the row
	untilColumn   = "_until"   // history: seq of the commit that ended it
)

// columnName is the physical name of a column: the declared name wherever
// PostgreSQL allows it. A dropped column keeps its name, so that readers who
// still hold the older layout go on; a later column of that name gives way.
func columnName(t *dataset.Table, i int) string {
	name := t.Columns[i].Name
	switch name {
	case "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", versionColumn, untilColumn:
		return name + "_"
	}
	if len(name) > maxIdentifier {
		return fmt.Sprintf("_long_%d_%s", i, strings.ToValidUTF8(name[:40], ""))
	}
	for j := range i {
		if t.Columns[j].Name == name {
			return fmt.Sprintf("%s__%d", strings.ToValidUTF8(name[:min(len(name), 50)], ""), i)
		}
	}
	return name
}

func column(t *dataset.Table, i int) string { return quote(columnName(t, i)) }

// columns lists quoted physical names, each after prefix.
func columns(t *dataset.Table, ordinals []int, prefix string) []string {
	list := make([]string, len(ordinals))
	for i, o := range ordinals {
		list[i] = prefix + column(t, o)
	}
	return list
}

// all returns the ordinals of every column of t.
func all(t *dataset.Table) []int {
	list := make([]int, t.Width())
	for i := range list {
		list[i] = i
	}
	return list
}

// sqlType is how a column lies in its table.
func sqlType(c *dataset.Column) string {
	switch c.Kind {
	case value.Bool:
		return "boolean"
	case value.Int:
		return "bigint"
	case value.Float:
		return "double precision"
	case value.Date:
		return "date"
	case value.Time:
		return "timestamptz"
	case value.Geometry:
		return "geometry(Geometry,4326)"
	}
	// JSON texts too: they are canonical already, and must come back as they were.
	return `text COLLATE "C"`
}

// wireTypes give the types in which values of a kind travel: alone and in arrays.
func wireTypes(k value.Kind) (one, array uint32, name string) {
	switch k {
	case value.Bool:
		return pgtype.BoolOID, pgtype.BoolArrayOID, "boolean"
	case value.Int:
		return pgtype.Int8OID, pgtype.Int8ArrayOID, "bigint"
	case value.Float:
		return pgtype.Float8OID, pgtype.Float8ArrayOID, "double precision"
	case value.Date:
		return pgtype.DateOID, pgtype.DateArrayOID, "date"
	case value.Time:
		return pgtype.TimestamptzOID, pgtype.TimestamptzArrayOID, "timestamptz"
	case value.Geometry:
		return pgtype.ByteaOID, pgtype.ByteaArrayOID, "bytea"
	}
	return pgtype.TextOID, pgtype.TextArrayOID, "text"
}

// fromWire turns an expression of a wire type into one of the column's type.
func fromWire(c *dataset.Column, sql string) string {
	switch c.Kind {
	case value.Geometry:
		return "ST_GeomFromWKB(" + sql + ",4326)"
	case value.Text:
		return sql + ` COLLATE "C"`
	}
	return sql
}

// toWire turns a column into an expression of its wire type, which also orders
// and compares as value.Compare does.
func toWire(c *dataset.Column, sql string) string {
	if c.Kind == value.Geometry {
		return "ST_AsBinary(" + sql + ",'NDR')"
	}
	return sql
}
