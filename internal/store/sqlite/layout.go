package sqlite

import (
	"regexp"
	"strings"
	"sync"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// plan is a layout put into SQL: quoted names and the statements that do not
// depend on a query. It is immutable.
type plan struct {
	t        *dataset.Table
	table    string   // quoted
	history  string   // quoted
	box      string   // quoted name of the R*Tree, empty when there is none
	key      string   // name of the key's index
	others   []index  // all other indexes
	cols     []string // quoted column names by ordinal
	colList  string   // all of cols, comma-separated
	keyWhere string   // "k1"=? AND "k2"=?
	indexed  []bool   // columns that stand in any index
	insert   string   // _id, _version, columns
	lookup   string   // _id, _version, columns of a key
	get      string   // _version, columns of a key
	archive  string   // copies the live row into history; arguments until, _id
	remove   string   // by _id
	insBox   string
	delBox   string
}

var datasetName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// quote makes an SQL identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// tableName is the table of a dataset; ok is false for names that would clash
// with system tables, history, index or R*Tree tables, or SQLite's own.
func tableName(dataset string) (name string, ok bool) {
	if !datasetName.MatchString(dataset) || strings.HasPrefix(dataset, "sqlite-") || len(dataset) > 120 {
		return "", false
	}
	return strings.ReplaceAll(dataset, "-", "_"), true
}

// columnNames gives every column its name in the table. SQLite's names do not
// tell case apart and a dropped column keeps its name, so a column whose name
// is taken by an earlier one gets its ordinal behind it.
func columnNames(t *dataset.Table) []string {
	taken := map[string]bool{"_id": true, "_version": true, "_until": true}
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		n := c.Name
		for taken[asciiLower(n)] {
			n += "_" + itoa(int64(i))
		}
		taken[asciiLower(n)] = true
		names[i] = n
	}
	return names
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// newPlan works a layout out.
func newPlan(t *dataset.Table) (*plan, error) {
	name, ok := tableName(t.Name)
	if !ok {
		return nil, problem.New(problem.Invalid, "dataset-name-unfit", "dataset", t.Name)
	}
	p := &plan{t: t, table: quote(name), history: quote(name + "__history"), key: name + "__key", indexed: make([]bool, t.Width())}
	for _, n := range columnNames(t) {
		p.cols = append(p.cols, quote(n))
	}
	p.colList = strings.Join(p.cols, ",")
	var where []string
	for _, k := range t.Key {
		where = append(where, p.cols[k]+"=?")
	}
	p.keyWhere = strings.Join(where, " AND ")
	p.others = p.indexes()
	for _, ix := range p.others {
		for _, c := range ix.columns {
			p.indexed[c] = true
		}
	}
	for _, k := range t.Key {
		p.indexed[k] = true
	}
	p.insert = "INSERT INTO " + p.table + "(_id,_version," + p.colList + ") VALUES (?,?" + strings.Repeat(",?", t.Width()) + ")"
	p.lookup = "SELECT _id,_version," + p.colList + " FROM " + p.table + " WHERE " + p.keyWhere
	p.get = "SELECT _version," + p.colList + " FROM " + p.table + " WHERE " + p.keyWhere
	p.archive = "INSERT INTO " + p.history + "(_version,_until," + p.colList + ") SELECT _version,?," + p.colList + " FROM " + p.table + " WHERE _id=?"
	p.remove = "DELETE FROM " + p.table + " WHERE _id=?"
	if spatial(t) {
		p.box = quote(name + "__box")
		p.insBox = "INSERT INTO " + p.box + " VALUES (?,?,?,?,?)"
		p.delBox = "DELETE FROM " + p.box + " WHERE id=?"
	}
	return p, nil
}

// spatial tells whether rows have a place to index.
func spatial(t *dataset.Table) bool { return t.Geometry >= 0 || t.X >= 0 && t.Y >= 0 }

// index is one secondary index of a table.
type index struct {
	name    string
	unique  bool
	columns []int
}

// indexes lists the secondary indexes that the layout asks for, the key's own
// left out. A plain index is followed by the key's columns; one that another
// index begins with is left out.
func (p *plan) indexes() []index {
	name, _ := tableName(p.t.Name)
	var all []index
	seen := map[string]bool{}
	add := func(unique bool, cols []int) {
		if len(cols) == 0 {
			return
		}
		ix := index{name: name + "__ix", unique: unique}
		if unique {
			ix.name = name + "__uq"
		}
		in := map[int]bool{}
		for _, c := range cols {
			if !in[c] && p.t.Columns[c].Kind != value.Geometry {
				in[c] = true
				ix.columns = append(ix.columns, c)
				ix.name += "_" + itoa(int64(c))
			}
		}
		if len(ix.columns) == 0 || seen[ix.name] {
			return
		}
		seen[ix.name] = true
		if !unique {
			for _, k := range p.t.Key {
				if !in[k] {
					ix.columns = append(ix.columns, k)
				}
			}
			if begins(p.t.Key, ix.columns) && len(ix.columns) == len(p.t.Key) {
				return // the key's index serves
			}
		}
		all = append(all, ix)
	}
	for _, u := range p.t.Unique {
		add(true, u)
	}
	for _, i := range p.t.Indexes {
		add(false, i)
	}
	var kept []index
	for i, a := range all {
		covered := false
		for j, b := range all {
			covered = covered || i != j && !a.unique && !b.unique && len(b.columns) > len(a.columns) && begins(b.columns, a.columns)
		}
		if !covered {
			kept = append(kept, a)
		}
	}
	return kept
}

// begins tells whether list starts with prefix.
func begins(list, prefix []int) bool {
	if len(prefix) > len(list) {
		return false
	}
	for i := range prefix {
		if list[i] != prefix[i] {
			return false
		}
	}
	return true
}

// served tells whether an index, the key's included, begins with column c.
func (p *plan) served(c int) bool {
	if p.t.Key[0] == c {
		return true
	}
	for _, ix := range p.others {
		if ix.columns[0] == c {
			return true
		}
	}
	return false
}

func sqlType(k value.Kind) string {
	switch k {
	case value.Bool, value.Int, value.Time:
		return "INTEGER"
	case value.Float:
		return "REAL"
	case value.Geometry:
		return "BLOB"
	}
	return "TEXT"
}

// planCache keeps the plans of layouts in use, by identity: layouts are
// immutable.
type planCache struct {
	mu    sync.RWMutex
	plans map[*dataset.Table]*plan
}

const maxPlans = 4096

func (pc *planCache) of(t *dataset.Table) (*plan, error) {
	pc.mu.RLock()
	p := pc.plans[t]
	pc.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := newPlan(t)
	if err != nil {
		return nil, err
	}
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if pc.plans == nil || len(pc.plans) >= maxPlans {
		pc.plans = map[*dataset.Table]*plan{}
	}
	pc.plans[t] = p
	return p, nil
}
