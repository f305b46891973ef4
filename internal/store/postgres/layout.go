package postgres

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// catalog is what the driver knows of the tables at one version of the catalog.
type catalog struct {
	version int64
	tables  map[string]*layout
	refs    map[string][]incoming // by the dataset referred to
}

// incoming is a reference seen from the dataset it points to.
type incoming struct {
	child *layout
	dataset.Reference
	fields []int // ordinals of Fields in the table referred to
}

// layout is a table with what follows from it.
type layout struct {
	*dataset.Table
	watched [][]int    // column sets whose values are counted: unique keys first, then both ends of references
	out     []outgoing // beside References
	sql     statements
}

// outgoing is where a reference of a table leads.
type outgoing struct {
	fields  []int // ordinals in the table referred to; nil when there is none such
	watched int   // which of its watched sets these are
}

func newCatalog(version int64, tables map[string]*dataset.Table, n names) *catalog {
	c := &catalog{version: version, tables: make(map[string]*layout, len(tables)), refs: map[string][]incoming{}}
	for name, t := range tables {
		c.tables[name] = &layout{Table: t, watched: slices.Clone(t.Unique)}
	}
	watch := func(l *layout, set []int) {
		if !slices.ContainsFunc(l.watched, func(s []int) bool { return slices.Equal(s, set) }) {
			l.watched = append(l.watched, set)
		}
	}
	for _, l := range c.tables {
		for _, r := range l.References {
			parent := c.tables[r.Table]
			if parent == nil {
				continue // declared before its parent: nothing can refer to it yet
			}
			fields := ordinalsOf(parent.Table, r.Fields)
			if fields == nil || len(fields) != len(r.Columns) {
				continue
			}
			watch(parent, fields)
			watch(l, r.Columns)
			c.refs[r.Table] = append(c.refs[r.Table], incoming{child: l, Reference: r, fields: fields})
		}
	}
	for _, l := range c.tables {
		l.out = make([]outgoing, len(l.References))
		for i, r := range l.References {
			if parent := c.tables[r.Table]; parent != nil {
				fields := ordinalsOf(parent.Table, r.Fields)
				if w := watchedAs(parent, fields); w >= 0 {
					l.out[i] = outgoing{fields, w}
				}
			}
		}
		l.sql = newStatements(n, l)
	}
	return c
}

func ordinalsOf(t *dataset.Table, fields []string) []int {
	var list []int
	for _, f := range fields {
		i, _, _, ok := t.Property(f)
		if !ok {
			return nil
		}
		list = append(list, i)
	}
	return list
}

func encodeLayout(t *dataset.Table) (string, error) {
	b, err := json.Marshal(t)
	return string(b), err
}

func decodeLayout(text string) (*dataset.Table, error) {
	t := new(dataset.Table)
	return t, json.Unmarshal([]byte(text), t)
}

// partitioned tells whether the live table is split by month.
func partitioned(t *dataset.Table) bool {
	return t.Kind == dataset.Series && t.Time >= 0 && slices.Contains(t.Key, t.Time) &&
		(t.Columns[t.Time].Kind == value.Time || t.Columns[t.Time].Kind == value.Date)
}

// createSQL makes the statements that bring a table from one layout to the
// next; old is nil for a new table.
func createSQL(n names, old, t *dataset.Table) []string {
	live, history := n.live(t.Name), n.history(t.Name)
	key := strings.Join(columns(t, t.Key, ""), ",")
	var sql []string
	if old == nil {
		defs := make([]string, t.Width())
		for i := range t.Columns {
			defs[i] = column(t, i) + " " + sqlType(&t.Columns[i])
			if slices.Contains(t.Key, i) {
				defs[i] += " NOT NULL"
			}
		}
		body := strings.Join(defs, ",")
		split := ""
		if partitioned(t) {
			split = " PARTITION BY RANGE (" + column(t, t.Time) + ")"
		}
		sql = append(sql,
			"CREATE TABLE "+live+" ("+versionColumn+" bigint NOT NULL,"+body+",CONSTRAINT "+quote(tableName(t.Name, "__key"))+" PRIMARY KEY ("+key+"))"+split,
			"CREATE TABLE "+history+" ("+versionColumn+" bigint NOT NULL,"+untilColumn+" bigint NOT NULL,"+body+",CONSTRAINT "+quote(tableName(t.Name, "__hkey"))+" PRIMARY KEY ("+key+","+versionColumn+"))",
			"CREATE INDEX "+quote(tableName(t.Name, "__until"))+" ON "+history+" ("+untilColumn+")")
	} else {
		for i := old.Width(); i < t.Width(); i++ {
			for _, table := range []string{live, history} {
				sql = append(sql, "ALTER TABLE "+table+" ADD COLUMN "+column(t, i)+" "+sqlType(&t.Columns[i]))
			}
		}
		if !slices.Equal(old.Key, t.Key) {
			sql = append(sql,
				"ALTER TABLE "+live+" DROP CONSTRAINT "+quote(tableName(t.Name, "__key"))+", ADD CONSTRAINT "+quote(tableName(t.Name, "__key"))+" PRIMARY KEY ("+key+")",
				"ALTER TABLE "+history+" DROP CONSTRAINT "+quote(tableName(t.Name, "__hkey"))+", ADD CONSTRAINT "+quote(tableName(t.Name, "__hkey"))+" PRIMARY KEY ("+key+","+versionColumn+")")
		}
	}
	before := map[string]index{}
	if old != nil {
		before = indexes(old)
	}
	after := indexes(t)
	for _, name := range sortedKeys(before) {
		if b, stays := after[name]; !stays || b != before[name] {
			sql = append(sql, before[name].drop(n, t, name))
		}
	}
	for _, name := range sortedKeys(after) {
		if b, was := before[name]; !was || b != after[name] {
			sql = append(sql, after[name].create(n, t, name))
		}
	}
	return sql
}

// index is one access path beside the key.
type index struct {
	constraint bool // a unique key, checked when the transaction ends
	method     string
	columns    string
}

func (x index) create(n names, t *dataset.Table, name string) string {
	if x.constraint {
		return "ALTER TABLE " + n.live(t.Name) + " ADD CONSTRAINT " + quote(name) + " UNIQUE (" + x.columns + ") DEFERRABLE INITIALLY DEFERRED"
	}
	return "CREATE INDEX " + quote(name) + " ON " + n.live(t.Name) + " USING " + x.method + " (" + x.columns + ")"
}

func (x index) drop(n names, t *dataset.Table, name string) string {
	if x.constraint {
		return "ALTER TABLE " + n.live(t.Name) + " DROP CONSTRAINT " + quote(name)
	}
	return "DROP INDEX " + n.city + "." + quote(name)
}

// indexes lists the access paths of a table by name. A unique key that does not
// include the time of a partitioned table is an ordinary index: there it is only
// Append's own check that holds it.
func indexes(t *dataset.Table) map[string]index {
	all := map[string]index{}
	indexable := func(set []int) bool {
		return len(set) > 0 && !slices.ContainsFunc(set, func(c int) bool {
			return t.Columns[c].Kind == value.Geometry
		})
	}
	add := func(set []int, unique bool) {
		if !indexable(set) || slices.Equal(set, t.Key[:min(len(set), len(t.Key))]) && !unique {
			return
		}
		unique = unique && (!partitioned(t) || slices.Contains(set, t.Time))
		list := strings.Join(columns(t, set, ""), ",")
		h := fnv.New32a()
		fmt.Fprint(h, list, unique)
		all[tableName(t.Name, fmt.Sprintf("__i%08x", h.Sum32()))] = index{unique, "btree", list}
	}
	for _, u := range t.Unique {
		add(u, true)
	}
	for _, x := range t.Indexes {
		add(x, false)
	}
	for i := range t.Columns {
		if t.Columns[i].Kind == value.Geometry && !t.Columns[i].Dropped {
			all[tableName(t.Name, fmt.Sprintf("__g%d", i))] = index{false, "gist", column(t, i)}
		}
	}
	if t.X >= 0 && t.Y >= 0 && t.Geometry < 0 {
		add([]int{t.Y, t.X}, false)
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Partitions are by month within these years, with one more before and one
// after them, so that a clock gone wild cannot make thousands.
const firstYear, lastYear = 1990, 2089

// partition returns the name and bounds of the partition that holds v; bounds
// are of the type of the time column.
func partition(t *dataset.Table, v value.Value) (name, from, to string) {
	at := v.Instant()
	if v.Kind() == value.Date {
		at = v.CalendarDay()
	}
	bound := func(t time.Time) string { return "'" + t.Format("2006-01-02") + "'" }
	switch y := at.Year(); {
	case y < firstYear:
		return tableName(t.Name, "__p_before"), "MINVALUE", bound(time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC))
	case y > lastYear:
		return tableName(t.Name, "__p_after"), bound(time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)), "MAXVALUE"
	}
	start := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return tableName(t.Name, start.Format("__p200601")), bound(start), bound(start.AddDate(0, 1, 0))
}

// partitionOf is partition for the end of a partition's name.
func partitionOf(t *dataset.Table, suffix string) (name, from, to string, ok bool) {
	day := time.Date(firstYear-1, 1, 1, 0, 0, 0, 0, time.UTC)
	switch suffix {
	case "__p_before":
	case "__p_after":
		day = time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	default:
		var err error
		if day, err = time.Parse("__p200601", suffix); err != nil {
			return "", "", "", false
		}
	}
	name, from, to = partition(t, value.OfInstant(day))
	return name, from, to, strings.HasSuffix(name, suffix)
}

// partitionSQL makes a partition without locking out readers of the others: it
// is created alone and then attached.
func partitionSQL(n names, t *dataset.Table, name, from, to string) []string {
	live, part := n.live(t.Name), n.city+"."+quote(name)
	return []string{
		"CREATE TABLE " + part + " (LIKE " + live + " INCLUDING DEFAULTS)",
		"ALTER TABLE " + live + " ATTACH PARTITION " + part + " FOR VALUES FROM (" + from + ") TO (" + to + ")",
	}
}
