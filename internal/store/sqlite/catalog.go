package sqlite

import (
	"database/sql/driver"
	"encoding/json"
	"slices"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// catalog is what the writer knows of the stored layouts. It is replaced, not
// changed, and read again whenever the catalog's version is another one.
type catalog struct {
	version int64
	ids     map[string]int64
	plans   map[string]*plan
	held    map[string][]holder // by parent
}

// holder is a child table's reference seen from its parent.
type holder struct {
	child *plan
	ref   dataset.Reference
}

func readCatalog(c *conn, version int64) (*catalog, error) {
	cat := &catalog{version: version, ids: map[string]int64{}, plans: map[string]*plan{}, held: map[string][]holder{}}
	row := make([]driver.Value, 3)
	err := c.each(bg, "SELECT id, name, layout FROM _dataset ORDER BY id", nil, row, func() error {
		t := new(dataset.Table)
		if err := json.Unmarshal([]byte(row[2].(string)), t); err != nil {
			return err
		}
		p, err := newPlan(t)
		if err != nil {
			return err
		}
		name := row[1].(string)
		cat.ids[name], cat.plans[name] = row[0].(int64), p
		return nil
	})
	for _, p := range cat.plans {
		for _, r := range p.t.References {
			cat.held[r.Table] = append(cat.held[r.Table], holder{p, r})
		}
	}
	return cat, err
}

// declare creates or alters the table of a layout in the current transaction.
func declare(c *conn, cat *catalog, t *dataset.Table, seq int64) error {
	p, err := newPlan(t)
	if err != nil {
		return err
	}
	if len(t.Key) == 0 {
		return problem.New(problem.Invalid, "layout-unknown", "dataset", t.Name)
	}
	c.forget() // statements over the old form
	old := cat.plans[t.Name]
	if old == nil {
		err = create(c, p)
	} else {
		err = alter(c, old, p)
	}
	if err != nil {
		return err
	}
	layout, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return c.exec("INSERT INTO _dataset(name,layout,seq) VALUES (?,?,?) ON CONFLICT(name) DO UPDATE SET layout=excluded.layout, seq=excluded.seq",
		t.Name, string(layout), seq)
}

func create(c *conn, p *plan) error {
	var cols strings.Builder
	for i, n := range p.cols {
		cols.WriteString("," + n + " " + sqlType(p.t.Columns[i].Kind))
	}
	for _, s := range []string{
		"CREATE TABLE " + p.table + "(_id INTEGER PRIMARY KEY,_version INTEGER NOT NULL" + cols.String() + ")",
		"CREATE TABLE " + p.history + "(_version INTEGER NOT NULL,_until INTEGER NOT NULL" + cols.String() + ")",
	} {
		if err := c.run(s); err != nil {
			return err
		}
	}
	if err := reindex(c, nil, p); err != nil {
		return err
	}
	if p.box != "" {
		return c.run("CREATE VIRTUAL TABLE " + p.box + " USING rtree(id,west,east,south,north)")
	}
	return nil
}

func alter(c *conn, old, p *plan) error {
	if p.t.Width() < old.t.Width() {
		return problem.InvalidWith("commit-invalid", []problem.Violation{
			problem.Violate(store.LayoutUnfit, "", "got", p.t.Width(), "want", old.t.Width())})
	}
	for i := old.t.Width(); i < p.t.Width(); i++ {
		for _, table := range []string{p.table, p.history} {
			if err := c.run("ALTER TABLE " + table + " ADD COLUMN " + p.cols[i] + " " + sqlType(p.t.Columns[i].Kind)); err != nil {
				return err
			}
		}
	}
	if err := reindex(c, old, p); err != nil {
		return err
	}
	if old.box != "" && (p.box == "" || !samePlace(old.t, p.t)) {
		if err := c.run("DROP TABLE " + old.box); err != nil {
			return err
		}
	}
	if p.box != "" && (old.box == "" || !samePlace(old.t, p.t)) {
		if err := c.run("CREATE VIRTUAL TABLE " + p.box + " USING rtree(id,west,east,south,north)"); err != nil {
			return err
		}
		return fillBoxes(c, p)
	}
	return nil
}

func samePlace(a, b *dataset.Table) bool { return a.Geometry == b.Geometry && a.X == b.X && a.Y == b.Y }

// reindex makes the indexes that p asks for and drops those that only old did.
func reindex(c *conn, old, p *plan) error {
	have := map[string]bool{}
	if old != nil {
		want := p.indexes()
		for _, ix := range old.indexes() {
			have[ix.name] = slices.ContainsFunc(want, func(w index) bool { return w.name == ix.name && slices.Equal(w.columns, ix.columns) })
			if !have[ix.name] {
				if err := c.run("DROP INDEX " + quote(ix.name)); err != nil {
					return err
				}
			}
		}
	}
	name, _ := tableName(p.t.Name)
	key := p.list(p.t.Key)
	if old != nil && !slices.Equal(old.t.Key, p.t.Key) {
		if err := c.run("DROP INDEX " + quote(name+"__key")); err != nil {
			return err
		}
		if err := c.run("DROP INDEX " + quote(name+"__history__key")); err != nil {
			return err
		}
		old = nil
	}
	if old == nil {
		if err := unique(c, p, p.t.Key, "CREATE UNIQUE INDEX "+quote(name+"__key")+" ON "+p.table+"("+key+")"); err != nil {
			return err
		}
		if err := c.run("CREATE INDEX " + quote(name+"__history__key") + " ON " + p.history + "(" + key + ",_version)"); err != nil {
			return err
		}
	}
	for _, ix := range p.indexes() {
		if have[ix.name] {
			continue
		}
		if ix.unique {
			if err := unique(c, p, ix.columns, "CREATE UNIQUE INDEX "+quote(ix.name)+" ON "+p.table+"("+p.list(ix.columns)+")"); err != nil {
				return err
			}
		} else if err := c.run("CREATE INDEX " + quote(ix.name) + " ON " + p.table + "(" + p.list(ix.columns) + ")"); err != nil {
			return err
		}
	}
	return nil
}

// unique makes a unique index; values that are there twice are a violation.
func unique(c *conn, p *plan, cols []int, sql string) error {
	err := c.run(sql)
	if isConstraint(err) {
		return store.Refuse([]problem.Violation{problem.Violate(store.UniqueTaken, p.t.Columns[cols[0]].Name)})
	}
	return err
}

func (p *plan) list(cols []int) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = p.cols[c]
	}
	return strings.Join(names, ",")
}
