package repo

import (
	"context"
	"errors"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Log streams commits that touch datasets p may read. Changes and counts of
// other datasets are left out, columns that p may not see are Null. With
// Changes the entries carry what changed. Entries are valid during the call.
//
// Where the policy moves between reading and recording, the error is Unavailable
// with nothing lost: what was told so far was recorded, read on after it.
func (r *Repository) Log(ctx context.Context, p Principal, q LogQuery, fn func(*commit.Entry) error) error {
	err := r.logs(ctx, r.catalog.Load(), p, q, fn)
	if errors.Is(err, store.ErrCatalogMoved) {
		if _, err := r.refresh(ctx); err != nil {
			return err
		}
		return busy()
	}
	return err
}

func (r *Repository) logs(ctx context.Context, c *catalog, p Principal, q LogQuery, fn func(*commit.Entry) error) error {
	lr := store.LogRange{After: q.After, Limit: q.Limit, Desc: q.Desc, Datasets: q.Datasets}
	for _, name := range q.Datasets {
		if _, err := r.Entry(p, name); err != nil {
			return err
		}
	}
	if len(q.Datasets) == 0 && !p.Admin {
		for _, e := range r.Entries(p) {
			lr.Datasets = append(lr.Datasets, e.Dataset.Name)
		}
		if len(lr.Datasets) == 0 {
			return problem.New(problem.Unauthenticated, "unauthenticated")
		}
	}
	reading := &logReading{r: r, ctx: ctx, c: c, p: p, only: q.Datasets, fn: fn, readers: map[string]*changeReader{}, bare: !q.Changes}
	if q.Changes {
		lr.Tables = c.tables
	} else if err := reading.partly(&lr); err != nil {
		return err
	}
	if q.Live && q.Changes && !q.Desc {
		if list, ok := r.tail.since(ctx, r, c, q.After); ok {
			return reading.of(list, lr)
		}
	}
	return r.driver.Log(ctx, lr, reading.tell)
}

// logOf is Log of commits that are in memory.
func (l *logReading) of(list []*commit.Entry, lr store.LogRange) error {
	n := 0
	for _, e := range list {
		if len(lr.Datasets) > 0 && !slices.ContainsFunc(lr.Datasets, func(name string) bool { return e.Counts[name] > 0 }) {
			continue
		}
		if n++; lr.Limit > 0 && n > lr.Limit {
			return nil
		}
		if err := l.tell(lend(e)); err != nil {
			return err
		}
	}
	return nil
}

// logReading narrows entries to what one principal may see.
type logReading struct {
	r       *Repository
	ctx     context.Context
	c       *catalog
	p       Principal
	only    []string
	fn      func(*commit.Entry) error
	readers map[string]*changeReader // by dataset; nil = not to be seen
	bare    bool                     // the changes themselves are not asked for
}

// partly has the changes read of datasets of which the declaration makes some rows
// public: without them their commits could not be counted for who sees those alone.
func (l *logReading) partly(lr *store.LogRange) error {
	tables := map[string]*dataset.Table{}
	for name, e := range l.c.entries {
		if e.Dataset.PublicRows == "" {
			continue
		}
		cr, err := l.reader(name)
		if err != nil {
			return err
		}
		if cr != nil && cr.some {
			tables[name] = e.Table
		}
	}
	if len(tables) > 0 {
		lr.Tables = func(name string) *dataset.Table { return tables[name] }
	}
	return nil
}

// changeReader shows changes of one dataset.
type changeReader struct {
	e     *Entry
	d     grant.Decision
	show  *grant.Revealer
	told  *disclosure
	whole bool
	some  bool // the rows that the declaration makes public, and no others: only what is seen is counted
}

func (l *logReading) reader(name string) (*changeReader, error) {
	if cr, known := l.readers[name]; known {
		return cr, nil
	}
	l.readers[name] = nil
	e := l.c.entries[name]
	if e == nil || len(l.only) > 0 && !slices.Contains(l.only, name) {
		return nil, nil
	}
	d, err := l.r.decide(l.ctx, l.p, l.c, e, grant.Read)
	if err != nil || !d.Allowed {
		return nil, err
	}
	cr := &changeReader{e: e, d: d, whole: d.Whole(), told: l.r.disclosure(l.p, l.c, e, &d)}
	cr.some = e.Dataset.PublicRows != "" && cr.told == nil && d.Rows(nil) != nil
	cr.show = cr.d.Revealer(l.r.keys.pseudonym, nil)
	l.readers[name] = cr
	return cr, nil
}

// tell hands an entry on, cut down to what may be seen, once the reading of
// personal data in it is recorded. Nothing is told of one that has nothing left.
func (l *logReading) tell(entry *commit.Entry) error {
	for name, n := range entry.Counts {
		cr, err := l.reader(name)
		if err != nil {
			return err
		}
		if cr == nil {
			delete(entry.Counts, name)
			entry.Count -= n
		}
	}
	if len(entry.Counts) == 0 && !(l.p.Admin && len(l.only) == 0) {
		return nil
	}
	for name, n := range entry.Counts {
		if cr := l.readers[name]; cr != nil && cr.some { // counted anew
			entry.Counts[name], entry.Count = 0, entry.Count-n
		}
	}
	var told []*disclosure
	changes := entry.Changes[:0]
	for i := range entry.Changes {
		ch := entry.Changes[i]
		cr, err := l.reader(ch.Dataset)
		if err != nil {
			return err
		}
		if cr == nil {
			continue
		}
		if cr.told == nil && cr.whole {
			changes = append(changes, ch)
			continue
		}
		was, is := cr.reveal(ch.Before), cr.reveal(ch.After)
		seen := was || is
		if seen {
			// What comes into sight is created to its reader, and what leaves it deleted.
			if !was {
				ch.Before, ch.Prior = nil, 0
			}
			if !is {
				ch.After = nil
			}
			changes = append(changes, ch)
		}
		switch {
		case cr.some && seen:
			entry.Counts[ch.Dataset]++
			entry.Count++
		case !cr.some && !seen:
			entry.Counts[ch.Dataset]--
			entry.Count--
		}
		if cr.told != nil && cr.told.rows > 0 && !slices.Contains(told, cr.told) {
			told = append(told, cr.told)
		}
	}
	for name, n := range entry.Counts {
		if n <= 0 {
			delete(entry.Counts, name)
		}
	}
	if entry.Changes = changes; l.bare {
		entry.Changes = nil
	}
	for _, t := range told {
		if err := t.commit(l.ctx); err != nil {
			return err
		}
		if t.so.release == "" {
			t.so = trail{} // who follows the log reads on and on; commits about many add up by themselves
		}
	}
	if len(entry.Counts) == 0 && !(l.p.Admin && len(l.only) == 0) {
		return nil
	}
	return l.fn(entry)
}

func (cr *changeReader) reveal(row []value.Value) (seen bool) {
	if row == nil {
		return false
	}
	if cr.told == nil {
		return cr.show.Reveal(row).Visible
	}
	number, key := cr.told.numberOf(row), cr.e.Table.KeyOf(nil, row)
	s := cr.show.Reveal(row)
	cr.told.note(number, key, s)
	return s.Visible
}

// Difference streams the records of a dataset that differ between two states,
// by key: the state after commit from, and the state after commit to.
func (r *Repository) Difference(ctx context.Context, p Principal, name string, from, to int64, fn func(Difference) error) error {
	return r.retrying(ctx, func(c *catalog) error { return r.difference(ctx, c, p, name, from, to, fn) })
}

func (r *Repository) difference(ctx context.Context, c *catalog, p Principal, name string, from, to int64, fn func(Difference) error) error {
	e, d, err := r.allowed(ctx, c, p, name, grant.Read)
	if err != nil {
		return err
	}
	head := r.head.current().Seq
	if from <= 0 || to <= 0 || from > head || to > head {
		return problem.New(problem.Invalid, "seq-range", "head", head)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if told := r.disclosure(p, c, e, &d); told != nil {
		n, err := r.driver.Count(ctx, store.Query{Table: e.Table, AsOf: to, Filter: d.Rows(nil)})
		if err == nil {
			err = told.mass(ctx, &d, nil, max(n, 1), n) // records that are gone by then count too
		}
		if err != nil {
			return err
		}
	}
	whole, show := d.Whole(), d.Revealer(r.keys.pseudonym, nil)
	read := func(asOf int64) *states {
		q := store.Query{Table: e.Table, AsOf: asOf, Filter: d.Rows(nil)}
		if !whole {
			q.Columns = union(d.Columns(nil), e.Table.Key)
		}
		return newStates(ctx, r.driver, q)
	}
	a, b := read(from), read(to)
	defer a.close()
	defer b.close()
	for {
		ra, rb := a.peek(), b.peek()
		var d Difference
		switch c := compareKeys(e.Table, ra, rb); {
		case ra == nil && rb == nil:
			if a.err != nil {
				return a.err
			}
			return b.err
		case c < 0:
			d = Difference{Result: commit.Deleted, Before: ra.Values}
			a.next()
		case c > 0:
			d = Difference{Result: commit.Created, After: rb.Values}
			b.next()
		default:
			a.next()
			b.next()
			if slices.Equal(ra.Values, rb.Values) {
				continue
			}
			d = Difference{Result: commit.Updated, Before: ra.Values, After: rb.Values}
		}
		if !whole {
			show.Reveal(d.Before)
			show.Reveal(d.After)
			if d.Result == commit.Updated && slices.Equal(d.Before, d.After) {
				continue // what differs may not be seen
			}
		}
		if err := fn(d); err != nil {
			return err
		}
	}
}
