package indicator

import (
	"cmp"
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

func itoa(i int64) string { return strconv.FormatInt(i, 10) }

// change is what rows add to one cell.
type change struct {
	cell
	values map[string]int64 // of an ordered measure
}

// changes is what rows add to one group of the base grain.
type changes struct {
	total change
	by    []map[string]*change
}

type spot struct {
	roll   *roll
	area   string
	bucket indicator.Bucket
}

// heap gathers what rows add before it is brought to the groups: rows of one
// commit mostly lie in few of them.
type heap struct {
	spots map[spot]*changes
	areas map[string]string // own copies of codes
	last  spot
	found *changes
}

func newHeap() *heap { return &heap{spots: map[spot]*changes{}, areas: map[string]string{}} }

// row adds a row to a rollup, or takes it away (n = -1).
func (h *heap) row(r *roll, row []value.Value, n int64) {
	c, ok := r.take(row)
	if !ok {
		return
	}
	at := spot{r, c.area, c.bucket}
	if at != h.last || h.found == nil {
		if at.area != "" {
			own, known := h.areas[at.area]
			if !known {
				own = strings.Clone(at.area)
				h.areas[own] = own
			}
			at.area = own
		}
		found := h.spots[at]
		if found == nil {
			found = &changes{by: make([]map[string]*change, len(r.bound.By))}
			h.spots[at] = found
		}
		h.last, h.found = at, found
	}
	h.found.total.row(r, &c, n)
	for i, column := range r.bound.By {
		v := categoryOf(row[column])
		d := h.found.by[i][v]
		if d == nil {
			if h.found.by[i] == nil {
				h.found.by[i] = map[string]*change{}
			}
			d = &change{}
			h.found.by[i][strings.Clone(v)] = d
		}
		d.row(r, &c, n)
	}
}

func (d *change) row(r *roll, c *counts, n int64) {
	d.n += n
	d.seen = max(d.seen, c.seen)
	if !c.known {
		return
	}
	d.known += n
	if !r.Spec.Part.Measure.Ordered() {
		r.addValue(&d.sum, c, n)
		return
	}
	if d.values == nil {
		d.values = map[string]int64{}
	}
	v := r.ordered(c)
	if d.values[v] += n; d.values[v] == 0 {
		delete(d.values, v)
	}
}

func (d *change) merge(o *change) {
	d.add(&o.cell)
	if len(o.values) > 0 && d.values == nil {
		d.values = make(map[string]int64, len(o.values))
	}
	for v, n := range o.values {
		if d.values[v] += n; d.values[v] == 0 {
			delete(d.values, v)
		}
	}
}

func (d *change) nothing() bool { return d.none() && len(d.values) == 0 }

func (d *changes) merge(o *changes) {
	d.total.merge(&o.total)
	for i, cells := range o.by {
		if d.by[i] == nil && len(cells) > 0 {
			d.by[i] = map[string]*change{}
		}
		for v, c := range cells {
			own := d.by[i][v]
			if own == nil {
				own = &change{}
				d.by[i][v] = own
			}
			own.merge(c)
		}
	}
}

func (d *changes) nothing() bool {
	for _, cells := range d.by {
		for _, c := range cells {
			if !c.nothing() {
				return false
			}
		}
	}
	return d.total.nothing()
}

// widen gives the changes of every group of every grain and of the whole city.
func (h *heap) widen() map[place]*widened {
	city := map[spot]*changes{}
	for at, d := range h.spots {
		if at.area == "" || d.nothing() {
			continue
		}
		to := spot{at.roll, "", at.bucket}
		own := city[to]
		if own == nil {
			own = &changes{by: make([]map[string]*change, len(d.by))}
			city[to] = own
		}
		own.merge(d)
	}
	for at, d := range city {
		if own := h.spots[at]; own != nil {
			own.merge(d)
		} else {
			h.spots[at] = d
		}
	}
	all := map[place]*widened{}
	for at, d := range h.spots {
		if d.nothing() {
			continue
		}
		grains := at.roll.Spec.Grains
		for _, g := range grains {
			p := place{line{at.roll.ID, at.area, g}, at.roll.base().Widen(at.bucket, g)}
			w := all[p]
			if w == nil {
				w = &widened{roll: at.roll, changes: changes{by: make([]map[string]*change, len(d.by))}}
				all[p] = w
			}
			w.merge(d)
		}
	}
	return all
}

type widened struct {
	roll *roll
	changes
}

// cells is what the follower has read and changed; its own, by one goroutine.
type cells struct {
	read   func(ctx context.Context, from, until string, limit int, fn func(key string, val []byte) error) error
	groups map[place]*group
	sets   map[string]*multiset

	dirty     map[place]*roll     // groups changed since the last save
	dirtySets map[string]struct{} // multisets changed since then
	gone      []string            // keys to delete
}

// Bounds of what is held: groups and multisets that are not changed are forgotten
// beyond it, and what is changed is saved.
const (
	mostGroups  = 60_000
	mostSets    = 4_000
	mostUnsaved = 30_000
)

func (c *cells) reset() {
	c.groups, c.sets = map[place]*group{}, map[string]*multiset{}
	c.dirty, c.dirtySets, c.gone = map[place]*roll{}, map[string]struct{}{}, nil
}

// forget drops what is held of a rollup.
func (c *cells) forget(id string) {
	maps.DeleteFunc(c.groups, func(p place, _ *group) bool { return p.roll == id })
	maps.DeleteFunc(c.dirty, func(p place, _ *roll) bool { return p.roll == id })
	prefix := setKeys + id + "/"
	maps.DeleteFunc(c.sets, func(key string, _ *multiset) bool { return strings.HasPrefix(key, prefix) })
	maps.DeleteFunc(c.dirtySets, func(key string, _ struct{}) bool { return strings.HasPrefix(key, prefix) })
}

// full tells that what is changed should be saved before more is.
func (c *cells) full() bool {
	return len(c.dirty) > mostUnsaved || len(c.dirtySets) > mostSets || len(c.gone) >= dropPart
}

// trim forgets what is not changed, where there is much.
func (c *cells) trim() {
	if len(c.groups) > mostGroups {
		maps.DeleteFunc(c.groups, func(p place, _ *group) bool { return c.dirty[p] == nil })
	}
	if len(c.sets) > mostSets {
		maps.DeleteFunc(c.sets, func(prefix string, _ *multiset) bool { _, is := c.dirtySets[prefix]; return !is })
	}
}

// apply brings gathered rows to the groups and tells which changed.
func (c *cells) apply(ctx context.Context, h *heap) ([]place, error) {
	all := h.widen()
	places := slices.SortedFunc(maps.Keys(all), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.roll, b.roll), cmp.Compare(a.area, b.area), cmp.Compare(a.grain, b.grain), cmp.Compare(b.bucket, a.bucket))
	})
	if err := c.fetch(ctx, places, all); err != nil {
		return nil, err
	}
	for _, p := range places {
		w, g := all[p], c.groups[p]
		m := w.roll.Spec.Part.Measure
		if err := c.change(ctx, &g.total, &w.total, m, p.sets()+"0//"); err != nil {
			return nil, err
		}
		for i, cats := range w.by {
			for v, d := range cats {
				own := g.category(i, v)
				if err := c.change(ctx, own, d, m, p.sets()+strconv.Itoa(i+1)+"/"+hex.EncodeToString([]byte(v))+"/"); err != nil {
					return nil, err
				}
				if own.none() {
					delete(g.by[i], v)
				}
			}
		}
		if g.total.none() {
			g.total = cell{}
		}
		c.dirty[p] = w.roll
	}
	return places, nil
}

func (c *cells) change(ctx context.Context, own *cell, d *change, m indicator.Measure, prefix string) error {
	own.add(&d.cell)
	if !m.Ordered() || len(d.values) == 0 {
		return nil
	}
	set := c.sets[prefix]
	if set == nil {
		var err error
		set, err = openMultiset(prefix, func(key string) (val []byte, err error) {
			err = c.read(ctx, key, key+"\x00", 1, func(_ string, b []byte) error {
				val = append([]byte{}, b...)
				return nil
			})
			return val, err
		})
		if err != nil {
			return err
		}
		c.sets[prefix] = set
	}
	c.dirtySets[prefix] = struct{}{}
	for v, n := range d.values {
		if err := set.add(v, n); err != nil {
			return err
		}
	}
	var err error
	own.told, err = set.figure(m)
	return err
}

// nearby is how many keys more than wanted one read may bring.
const nearby = 4

// fetch reads the groups that are not held. places come in the order of their
// keys; those of one line that lie near each other come with one read.
func (c *cells) fetch(ctx context.Context, places []place, all map[place]*widened) error {
	for i := 0; i < len(places); {
		if c.groups[places[i]] != nil {
			i++
			continue
		}
		first := places[i]
		n := 1
		for i+n < len(places) && places[i+n].line == first.line {
			n++
		}
		run := places[i : i+n]
		m, fields := all[first].roll.Spec.Part.Measure, len(all[first].roll.Spec.By)
		prefix := first.prefix()
		limit := nearby*n + 1
		read, until := 0, run[n-1].bucket // the last that the read reached
		err := c.read(ctx, first.key(), run[n-1].key()+"\x00", limit, func(key string, val []byte) error {
			b, err := bucketOf(key[len(prefix):])
			if err != nil {
				return err
			}
			if read++; read == limit {
				until = b
			}
			p := place{first.line, b}
			if c.groups[p] == nil {
				c.groups[p], err = decodeGroup(val, m, fields)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range run {
			if p.bucket < until {
				break
			}
			if c.groups[p] == nil {
				c.groups[p] = newGroup(fields)
			}
			i++
		}
	}
	return nil
}

// puts says what must be kept of the groups changed since the last save.
func (c *cells) puts() []store.StatePut {
	var list []store.StatePut
	put := func(key string, val []byte) { list = append(list, store.StatePut{Key: key, Value: val}) }
	for p, r := range c.dirty {
		m := r.Spec.Part.Measure
		b := c.groups[p].encode(m)
		put(p.key(), b)
		if p.area != "" {
			if b != nil {
				b = c.groups[p].total.append(nil, m)
			}
			put(p.ranking(), b)
		}
	}
	for prefix := range c.dirtySets {
		c.sets[prefix].puts(put)
	}
	for _, key := range c.gone {
		put(key, nil)
	}
	clear(c.dirty)
	clear(c.dirtySets)
	c.gone = nil
	return list
}
