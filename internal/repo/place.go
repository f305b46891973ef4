package repo

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// areaCache is the tree of areas in memory: an index for point in polygon, and
// for every code, current or former, the current area it stands for.
type areaCache struct {
	mu      sync.Mutex
	changed bool
	state   *areaState
}

type areaState struct {
	index   *geom.AreaIndex
	current map[string]string // any known code → current code
	kind    map[string]string
}

func (c *areaCache) drop() {
	c.mu.Lock()
	c.changed = true
	c.mu.Unlock()
}

// areaTree returns the current areas, reading them again after a change.
func (r *Repository) areaTree(ctx context.Context) (*areaState, error) {
	r.areas.mu.Lock()
	defer r.areas.mu.Unlock()
	if !r.areas.changed && r.areas.state != nil {
		return r.areas.state, nil
	}
	e := r.catalog.Load().entries[SystemArea]
	if e == nil {
		return &areaState{index: geom.NewAreaIndex(nil)}, nil
	}
	s := &areaState{current: map[string]string{}, kind: map[string]string{}}
	successor := map[string]string{}
	var shapes []geom.Area
	err := r.driver.Read(ctx, store.Query{Table: e.Table}, func(row store.Row) error {
		f := fieldsOf(e.Table, row.Values)
		code, kind := f.text("code"), f.text("kind")
		s.kind[code] = kind
		if next := f.text("successor"); next != "" {
			successor[code] = next
		}
		if b := f.value("boundary"); b.Kind() == value.Geometry && kind != "city" && kind != "former" {
			shapes = append(shapes, geom.Area{Code: code, Geometry: b.WKB()})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for code := range s.kind {
		now := code
		for range 8 { // chains of mergers are short; a circle ends here
			next, ok := successor[now]
			if !ok {
				break
			}
			now = next
		}
		s.current[code] = now
	}
	s.index = geom.NewAreaIndex(shapes)
	r.areas.state, r.areas.changed = s, false
	return s, nil
}

// AreaAt returns the code of the current area that contains a point.
func (r *Repository) AreaAt(ctx context.Context, lon, lat float64) (code string, ok bool, err error) {
	s, err := r.areaTree(ctx)
	if err != nil {
		return "", false, err
	}
	code, ok = s.index.Find(lon, lat)
	return code, ok, nil
}

// CurrentArea returns the area that a code, current or former, stands for today.
func (r *Repository) CurrentArea(ctx context.Context, code string) (current string, ok bool, err error) {
	s, err := r.areaTree(ctx)
	if err != nil {
		return "", false, err
	}
	current, ok = s.current[code]
	return current, ok, nil
}

type place struct{ x, y, area value.Value }

// placeCache remembers the places of records that others take theirs from:
// stations, hospitals. It is emptied when such a dataset changes.
type placeCache struct {
	mu        sync.RWMutex
	byDataset map[string]map[string]place
}

func (c *placeCache) drop() {
	c.mu.Lock()
	clear(c.byDataset)
	c.mu.Unlock()
}

func (c *placeCache) forget(dataset string) {
	c.mu.RLock()
	_, known := c.byDataset[dataset]
	c.mu.RUnlock()
	if known {
		c.mu.Lock()
		delete(c.byDataset, dataset)
		c.mu.Unlock()
	}
}

// placesOf reads the places of all records of a dataset by their key's
// canonical bytes.
func (r *Repository) placesOf(ctx context.Context, e *Entry) (map[string]place, error) {
	name := e.Dataset.Name
	r.places.mu.RLock()
	known := r.places.byDataset[name]
	r.places.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	t := e.Table
	if t.X < 0 && t.Area < 0 {
		return map[string]place{}, nil
	}
	m := map[string]place{}
	columns := slices.Clone(t.Key)
	for _, i := range []int{t.X, t.Y, t.Area} {
		if i >= 0 {
			columns = append(columns, i)
		}
	}
	err := r.driver.Read(ctx, store.Query{Table: t, Columns: columns}, func(row store.Row) error {
		m[string(value.AppendRow(nil, t.KeyOf(nil, row.Values)))] = placeIn(t, row.Values)
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.places.mu.Lock()
	r.places.byDataset[name] = m
	r.places.mu.Unlock()
	return m, nil
}

func placeIn(t *dataset.Table, row []value.Value) place {
	at := func(i int) value.Value {
		if i < 0 {
			return value.Value{}
		}
		return row[i]
	}
	p := place{at(t.X), at(t.Y), at(t.Area)}
	// The text may share a driver's buffer: keep a copy of our own.
	if p.area.Kind() == value.Text {
		p.area = value.OfText(string(append([]byte(nil), p.area.Text()...)))
	}
	return p
}

// enricher fills the derived columns of one dataset's rows.
type enricher struct {
	entry  *Entry
	areas  *areaState
	from   map[string]place
	column struct{ from, x, y, field, area int }
	buf    []byte
}

func (r *Repository) enricherOf(ctx context.Context, e *Entry) (enricher, error) {
	n := enricher{entry: e}
	n.column.from, n.column.x, n.column.y, n.column.field, n.column.area = -1, -1, -1, -1, -1
	p := e.Dataset.Place
	if p == nil {
		return n, nil
	}
	var err error
	if n.areas, err = r.areaTree(ctx); err != nil {
		return n, err
	}
	ordinal := func(name string) int {
		i, _, _, ok := e.Table.Property(name)
		if !ok {
			return -1
		}
		return i
	}
	n.column.x, n.column.y = ordinal(p.Longitude), ordinal(p.Latitude)
	n.column.field, n.column.area = ordinal(p.Field), ordinal(p.AreaCode)
	if p.From != "" {
		n.column.from = ordinal(p.From)
		for _, fk := range e.Dataset.Schema.ForeignKeys {
			if len(fk.Fields) == 1 && fk.Fields[0] == p.From {
				if target := r.catalog.Load().entries[fk.Reference.Resource]; target != nil {
					n.from, err = r.placesOf(ctx, target)
				}
			}
		}
	}
	return n, err
}

// fill sets _x, _y, _area and _flags of a row that passed its checks. Flags
// that the row brings along (from a mapping) are kept beside the warnings.
func (n *enricher) fill(row []value.Value) {
	t := n.entry.Table
	if n.entry.Dataset.Place != nil {
		p := n.locate(row)
		for _, c := range []struct {
			at int
			v  value.Value
		}{{t.X, p.x}, {t.Y, p.y}, {t.Area, p.area}} {
			if c.at >= 0 {
				row[c.at] = c.v
			}
		}
	}
	if t.Flags >= 0 {
		var flags []string
		if given := row[t.Flags]; given.Kind() == value.Text {
			json.Unmarshal([]byte(given.Text()), &flags)
		}
		// Warnings are derived anew from the row: only names that are no rule of
		// the dataset are carried over.
		flags = slices.DeleteFunc(flags, func(f string) bool {
			return slices.ContainsFunc(n.entry.Dataset.Quality, func(q dataset.Rule) bool { return q.Name == f })
		})
		flags = n.entry.Schema.Warnings(row, flags)
		row[t.Flags] = value.Value{}
		if len(flags) > 0 {
			slices.Sort(flags)
			b, _ := json.Marshal(slices.Compact(flags))
			row[t.Flags] = value.OfText(string(b))
		}
	}
}

func (n *enricher) locate(row []value.Value) place {
	var p place
	at := func(i int) value.Value {
		if i < 0 {
			return value.Value{}
		}
		return row[i]
	}
	if n.column.from >= 0 {
		n.buf = value.AppendRow(n.buf[:0], row[n.column.from:n.column.from+1])
		return n.from[string(n.buf)]
	}
	x, okX := at(n.column.x).Number()
	y, okY := at(n.column.y).Number()
	located := okX && okY && x >= -180 && x <= 180 && y >= -90 && y <= 90
	if g := at(n.column.field); g.Kind() == value.Geometry {
		x, y, located = geom.PointOn(g.WKB())
	}
	if located {
		p.x, p.y = value.OfFloat(x), value.OfFloat(y)
		if code, ok := n.areas.index.Find(x, y); ok {
			p.area = value.OfText(code)
		}
	}
	if code := at(n.column.area); code.Kind() == value.Text {
		if now, ok := n.areas.current[code.Text()]; ok {
			p.area = value.OfText(now)
		}
	}
	return p
}

// Reassign gives every located record of every dataset the area, and the
// coordinates where they come from another record, that today's areas say. It
// is what new boundaries ask for. It commits by thousands of records, so that
// others write meanwhile, and can be repeated after it was stopped. progress
// gets rows looked at and changed after each page.
func (r *Repository) Reassign(ctx context.Context, p Principal, reason string, progress func(dataset string, seen, changed int64)) error {
	if !p.Admin {
		return problem.New(problem.Denied, "denied", "action", "write", "dataset", SystemArea)
	}
	var own, dependent []*Entry
	for _, e := range r.Entries(p) {
		switch {
		case e.Dataset.Place == nil:
		case e.Dataset.Place.From != "":
			dependent = append(dependent, e)
		default:
			own = append(own, e)
		}
	}
	for _, e := range append(own, dependent...) {
		if err := r.reassign(ctx, p, e, reason, progress); err != nil {
			return err
		}
	}
	return nil
}

// reassignPage is how many records are read, and committed at most, at a time.
const reassignPage = 2000

// reassign goes through a dataset by pages of keys, so that no read outlasts the
// commit that follows from it.
func (r *Repository) reassign(ctx context.Context, p Principal, e *Entry, reason string, progress func(string, int64, int64)) error {
	var seen, changed int64
	var after []value.Value
	for {
		n, moved, last, err := r.reassignAfter(ctx, p, e, reason, after)
		if err != nil {
			return err
		}
		seen, changed, after = seen+n, changed+moved, last
		if progress != nil && (n > 0 || seen == 0) {
			progress(e.Table.Name, seen, changed)
		}
		if n < reassignPage {
			return nil
		}
	}
}

// reassignAfter commits one page. When someone changed one of its records
// between reading and writing, the page is made again as it is now.
func (r *Repository) reassignAfter(ctx context.Context, p Principal, e *Entry, reason string, after []value.Value) (seen, changed int64, last []value.Value, err error) {
	for range attempts {
		n, err := r.enricherOf(ctx, e)
		if err != nil {
			return 0, 0, nil, err
		}
		t := e.Table
		seen, last = 0, nil
		req := &commit.Request{Header: commit.Header{Actor: p.Name, Source: "areas", Reason: reason}}
		err = r.driver.Read(ctx, store.Query{Table: t, After: after, Limit: reassignPage}, func(row store.Row) error {
			if seen++; seen == reassignPage {
				last = t.KeyOf(nil, cloneRow(row.Values))
			}
			if n.locate(row.Values) != placeIn(t, row.Values) {
				req.Changes = append(req.Changes, commit.Change{
					Dataset: t.Name, Op: commit.Put, Row: cloneRow(row.Values), Expect: row.Version,
				})
			}
			return nil
		})
		if err == nil && len(req.Changes) > 0 {
			_, err = r.Commit(ctx, p, req)
		}
		if problem.KindOf(err) != problem.Stale {
			return seen, int64(len(req.Changes)), last, err
		}
	}
	return 0, 0, nil, busy()
}

// cloneRow copies a row whose texts lie in a driver's buffer.
func cloneRow(row []value.Value) []value.Value {
	b := value.AppendRow(nil, row)
	own, _, err := value.ReadRow(nil, b, len(row))
	if err != nil {
		panic("repo: a row just written cannot be read: " + err.Error())
	}
	return own
}
