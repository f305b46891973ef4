package repo

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Names of the system datasets: Huong's own state, kept as records like any
// other, so that it has history, live updates and both stores for nothing.
const (
	SystemDataset    = "dataset"
	SystemArea       = "area"
	SystemAgency     = "agency"
	SystemSector     = "sector"
	SystemToken      = "token"
	SystemQuarantine = "quarantine"
	SystemImport     = "import"
	SystemGrant      = "grant"
	SystemPurpose    = "purpose"
	SystemAccess     = "access"
	SystemAccount    = "account"
	SystemCapacity   = "capacity"
	SystemRight      = "rights-request"
	SystemErasure    = "erasure"
	SystemRelease    = "release"
	SystemDefinition = "definition"
)

//go:embed system/*.yaml
var systemFiles embed.FS

// catalog is one immutable state of all declarations.
type catalog struct {
	version int64 // Head.Catalog that it was read at
	entries map[string]*Entry
	names   []string // city datasets first, then system ones, each by name

	policy   *grant.Policy // as of version
	grants   int           // width of the layout that its grants were read by
	purposes map[string]Purpose

	definitions definitions
}

// systemDeclarations are the built-in declarations, in a fixed order with the
// dataset of datasets first. They are parsed once, as every repository that is
// opened and every change of the catalog asks for them; nobody may change them.
var systemDeclarations = sync.OnceValues(func() ([]*dataset.Dataset, error) {
	files, err := systemFiles.ReadDir("system")
	if err != nil {
		return nil, err
	}
	var ds []*dataset.Dataset
	for _, f := range files {
		b, err := systemFiles.ReadFile("system/" + f.Name())
		if err != nil {
			return nil, err
		}
		d, err := dataset.Parse(f.Name(), b)
		if err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	slices.SortFunc(ds, func(a, b *dataset.Dataset) int {
		if (a.Name == SystemDataset) != (b.Name == SystemDataset) {
			if a.Name == SystemDataset {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return ds, nil
})

// bootstrap makes the catalog readable: it declares the system datasets on an
// empty database and brings them up to this binary's declarations on an old one.
func (r *Repository) bootstrap(ctx context.Context) error {
	system, err := systemDeclarations()
	if err != nil {
		return err
	}
	for range 5 { // another process may be doing the same
		h, err := r.driver.Head(ctx)
		if err != nil {
			return err
		}
		if h.Catalog == 0 {
			err = r.genesis(ctx, system)
		} else {
			if _, err = r.refresh(ctx); err != nil {
				return err
			}
			var plan Plan
			if plan, err = r.plan(ctx, system); err != nil {
				return err
			}
			if plan.Refused() {
				return fmt.Errorf("repo: this binary's system datasets do not fit the database: %+v", plan.Steps)
			}
			_, err = r.apply(ctx, "huong", "system datasets of this version", plan)
		}
		if err == store.ErrCatalogMoved {
			continue
		}
		if err != nil {
			return err
		}
		_, err = r.refresh(ctx)
		return err
	}
	return problem.New(problem.Unavailable, "busy")
}

func (r *Repository) genesis(ctx context.Context, system []*dataset.Dataset) error {
	var plan Plan
	for _, d := range system {
		t, err := dataset.Layout(d, nil)
		if err != nil {
			return err
		}
		plan.Steps = append(plan.Steps, Step{Dataset: d.Name, Action: "create", declared: d, layout: t})
	}
	r.catalog.Store(&catalog{entries: map[string]*Entry{}, policy: grant.NewPolicy(nil)})
	_, err := r.apply(ctx, "huong", "a new city", plan)
	return err
}

// refresh reads the catalog again where it has moved.
func (r *Repository) refresh(ctx context.Context) (*catalog, error) {
	r.reload.Lock()
	defer r.reload.Unlock()
	h, err := r.driver.Head(ctx)
	if err != nil {
		return nil, err
	}
	if c := r.catalog.Load(); c != nil && c.version == h.Catalog && len(c.entries) > 0 {
		return c, nil
	}
	system, err := systemDeclarations()
	if err != nil {
		return nil, err
	}
	// The layout of the dataset of datasets is read with the one built in: a
	// driver reads columns by name, so an older order does no harm.
	bootstrap, err := dataset.Layout(system[0], nil)
	if err != nil {
		return nil, err
	}
	c := &catalog{version: h.Catalog, entries: map[string]*Entry{}}
	old := r.catalog.Load()
	err = r.driver.Read(ctx, store.Query{Table: bootstrap}, func(row store.Row) error {
		e, err := entryOf(bootstrap, row, old)
		if err != nil {
			return err
		}
		if e != nil {
			c.entries[e.Dataset.Name] = e
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, d := range system {
		if e := c.entries[d.Name]; e != nil {
			e.System = true
		}
	}
	for name := range c.entries {
		c.names = append(c.names, name)
	}
	slices.SortFunc(c.names, func(a, b string) int {
		if sa, sb := c.entries[a].System, c.entries[b].System; sa != sb {
			if sb {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	if err := r.withPolicy(ctx, c, old); err != nil {
		return nil, err
	}
	if err := r.withDefinitions(ctx, c, old); err != nil {
		return nil, err
	}
	r.catalog.Store(c)
	return c, nil
}

// entryOf builds the entry that a record of the dataset of datasets declares;
// nil when the dataset was removed.
func entryOf(t *dataset.Table, row store.Row, old *catalog) (*Entry, error) {
	f := fieldsOf(t, row.Values)
	if f.boolean("removed") {
		return nil, nil
	}
	name := f.text("name")
	if old != nil {
		if e := old.entries[name]; e != nil && e.Version == row.Version {
			copied := *e
			return &copied, nil
		}
	}
	d, err := dataset.FromJSON([]byte(f.text("declaration")))
	if err != nil {
		return nil, fmt.Errorf("repo: declaration of %s at %d: %w", name, row.Version, err)
	}
	previous, err := decodeColumns(d, f.text("columns"))
	if err != nil {
		return nil, err
	}
	table, err := dataset.Layout(d, previous)
	if err != nil {
		return nil, fmt.Errorf("repo: layout of %s at %d: %w", name, row.Version, err)
	}
	schema, err := record.Compile(d, table)
	if err != nil {
		return nil, fmt.Errorf("repo: schema of %s at %d: %w", name, row.Version, err)
	}
	return &Entry{Dataset: d, Table: table, Schema: schema, Version: row.Version}, nil
}

// encodeColumns writes a layout's columns in ordinal order: name:type, with a
// leading "-" for a dropped one.
func encodeColumns(t *dataset.Table) string {
	list := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		list[i] = c.Name + ":" + string(c.Type)
		if c.Dropped {
			list[i] = "-" + list[i]
		}
	}
	b, _ := json.Marshal(list)
	return string(b)
}

// decodeColumns rebuilds what Layout needs of the layout in force.
func decodeColumns(d *dataset.Dataset, text string) (*dataset.Table, error) {
	if text == "" {
		return nil, nil
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("repo: columns of %s: %w", d.Name, err)
	}
	t := &dataset.Table{Name: d.Name, Kind: d.Kind}
	for _, s := range list {
		s, dropped := strings.CutPrefix(s, "-")
		column, typ, ok := strings.Cut(s, ":")
		if !ok {
			return nil, fmt.Errorf("repo: column %q of %s", s, d.Name)
		}
		t.Columns = append(t.Columns, dataset.Column{
			Name: column, Type: dataset.Type(typ), Kind: dataset.Type(typ).Kind(),
			Derived: strings.HasPrefix(column, "_"), Dropped: dropped,
		})
	}
	for _, k := range d.Schema.PrimaryKey {
		i, _, _, _ := t.Property(k)
		t.Key = append(t.Key, i)
	}
	return t, nil
}

// Entries lists the datasets of which p may see something, the city's own
// before the system's.
func (r *Repository) Entries(p Principal) []*Entry {
	c := r.catalog.Load()
	var list []*Entry
	for _, name := range c.names {
		e := c.entries[name]
		if may, err := r.mayRead(p, c, e); err == nil && may {
			list = append(list, e)
		}
	}
	return list
}

// Entry returns one dataset. What does not exist and what p may see nothing of
// look the same: NotFound for a known principal, Unauthenticated for the public.
// Invalid when p names a purpose that is not on the list.
func (r *Repository) Entry(p Principal, name string) (*Entry, error) {
	c := r.catalog.Load()
	if e := c.entries[name]; e != nil {
		may, err := r.mayRead(p, c, e)
		switch {
		case err != nil:
			return nil, err
		case may:
			return e, nil
		}
	}
	return nil, hidden(p, name)
}

func hidden(p Principal, name string) error {
	if p.Name == "" && !p.Admin {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	return problem.New(problem.NotFound, "dataset-unknown", "dataset", name)
}

// MayWrite tells whether p may write some record of a dataset.
func (r *Repository) MayWrite(p Principal, name string) bool {
	c := r.catalog.Load()
	e := c.entries[name]
	if e == nil {
		return false
	}
	d, err := r.decide(context.Background(), p, c, e, grant.Write)
	return err == nil && d.Allowed
}

// mayRead tells whether p may see a cell, or a number about many, of a dataset;
// one that only needs a purpose to be seen counts.
func (r *Repository) mayRead(p Principal, c *catalog, e *Entry) (bool, error) {
	for _, action := range [...]grant.Action{grant.Read, grant.Aggregate} {
		d, err := r.decide(context.Background(), p, c, e, action)
		if err != nil {
			return false, err
		}
		if d.Allowed || len(d.NeedsPurpose()) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// scoped tells that records of a system dataset belong to the dataset they
// name: who may write that one may see and write what concerns it.
func scoped(name string) bool { return name == SystemQuarantine || name == SystemImport }

// fields reads a row by name.
type fields struct {
	table *dataset.Table
	row   []value.Value
}

func fieldsOf(t *dataset.Table, row []value.Value) fields { return fields{t, row} }

func (f fields) value(name string) value.Value {
	if i, _, _, ok := f.table.Property(name); ok {
		return f.row[i]
	}
	return value.Value{}
}

func (f fields) text(name string) string {
	if v := f.value(name); v.Kind() == value.Text {
		return v.Text()
	}
	return ""
}

func (f fields) boolean(name string) bool {
	return f.value(name).Kind() == value.Bool && f.value(name).Bool()
}

func (f fields) set(name string, v value.Value) {
	if i, _, _, ok := f.table.Property(name); ok {
		f.row[i] = v
	}
}

// committed keeps caches true after a commit of this process.
func (r *Repository) committed(item *store.Item, _ commit.Receipt) {
	last := ""
	for i := range item.Request.Changes {
		name := item.Request.Changes[i].Dataset
		if name == last {
			continue
		}
		last = name
		switch name {
		case SystemArea:
			r.areas.drop()
		case SystemToken:
			r.tokens.drop()
		}
		r.places.forget(name)
	}
}
