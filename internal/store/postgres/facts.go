package postgres

import (
	"huong.city/huong/internal/core/value"
)

// facts are what a batch needs to know of the database and what its items have
// made of it so far. Whatever is asked for and not known is noted, fetched in
// one go, and the batch is worked out again.
type facts struct {
	cat     *catalog
	tables  map[string]*tableFacts
	order   []*tableFacts
	missing bool // something that was asked for is not known yet
	// hoped names the datasets whose records are taken not to exist without
	// asking: writing them tells when that is wrong.
	hoped map[string]bool
}

type tableFacts struct {
	*layout
	hoped   bool
	records map[string]*record
	order   []*record     // in the order they were first asked for
	fetched int           // how many of order are known
	spare   []record      // of the block at hand
	keys    []value.Value // of the block at hand
	tallies []tallies     // beside layout.watched
	past    []past        // versions that ended
}

// record is one key: what the database holds and what it holds after the items
// worked out so far.
type record struct {
	key     []value.Value
	stored  []value.Value // nil when there is none
	version int64
	now     []value.Value
	nowAt   int64 // version of now
	known   bool
}

// past is a version that an item of the batch ended.
type past struct {
	row            []value.Value
	version, until int64
}

// tallies counts rows by their values in one column set.
type tallies struct {
	by      map[string]*tally
	order   []*tally
	fetched int
}

type tally struct {
	values []value.Value
	stored int64 // rows of the database
	known  bool
	wanted bool
	delta  int64 // by earlier items of the batch
	local  int64 // by the item at hand
	takers int64 // rows of the item at hand that newly have the values
	told   bool  // the first taker of the item at hand was let pass
}

func newFacts(c *catalog) *facts { return &facts{cat: c, tables: map[string]*tableFacts{}} }

func (f *facts) table(dataset string) *tableFacts {
	if t := f.tables[dataset]; t != nil {
		return t
	}
	l := f.cat.tables[dataset]
	if l == nil {
		return nil
	}
	t := &tableFacts{layout: l, hoped: f.hoped[dataset], records: map[string]*record{}, tallies: make([]tallies, len(l.watched))}
	for i := range t.tallies {
		t.tallies[i].by = map[string]*tally{}
	}
	f.tables[dataset] = t
	f.order = append(f.order, t)
	return t
}

// record returns the record that a row's key names.
func (f *facts) record(t *tableFacts, row []value.Value, buf []byte) (*record, []byte) {
	buf = buf[:0]
	for _, k := range t.Key {
		buf = value.Append(buf, row[k])
	}
	r := t.records[string(buf)]
	if r == nil {
		r = t.newRecord(row)
		t.records[string(buf)] = r
		t.order = append(t.order, r)
	}
	switch {
	case t.hoped:
		r.known = true
	case !r.known:
		f.missing = true
	}
	return r, buf
}

// newRecord makes a record with the key of a row. Records are made in blocks:
// there is one for each change of a bulk load.
func (t *tableFacts) newRecord(row []value.Value) *record {
	if len(t.spare) == 0 {
		n := min(max(16, len(t.order)), 4096)
		t.spare, t.keys = make([]record, n), make([]value.Value, 0, n*len(t.Key))
	}
	r := &t.spare[0]
	t.spare = t.spare[1:]
	from := len(t.keys)
	t.keys = t.KeyOf(t.keys, row)
	r.key = t.keys[from:len(t.keys):len(t.keys)]
	return r
}

// tally returns the count of rows that hold the row's values in watched set s,
// or nil when one of them is null: a null refers to nothing and equals nothing.
func (t *tableFacts) tally(s int, row []value.Value) *tally {
	if row == nil {
		return nil
	}
	set := t.watched[s]
	var space [4]value.Value
	values := space[:0]
	for _, c := range set {
		v := cell(row, c)
		if v.IsNull() {
			return nil
		}
		values = append(values, v)
	}
	return t.tallyOf(s, values)
}

func (t *tableFacts) tallyOf(s int, values []value.Value) *tally {
	var space [64]byte
	buf := space[:0]
	for _, v := range values {
		buf = value.Append(buf, v)
	}
	c := t.tallies[s].by[string(buf)]
	if c == nil {
		c = &tally{values: append([]value.Value(nil), values...)}
		t.tallies[s].by[string(buf)] = c
	}
	return c
}

// want makes sure that a count is known, now or after the next fetch.
func (f *facts) want(t *tableFacts, s int, c *tally) {
	if c.known {
		return
	}
	f.missing = true
	if !c.wanted {
		c.wanted = true
		t.tallies[s].order = append(t.tallies[s].order, c)
	}
}

func (c *tally) total() int64 { return c.stored + c.delta + c.local }

// fetch queues the queries for everything that is wanted.
func (f *facts) fetch(p *pipe) {
	for _, t := range f.order {
		if records := t.order[t.fetched:]; len(records) > 0 && !t.hoped {
			t.fetchRecords(p, records)
			t.fetched = len(t.order)
		}
		for s := range t.tallies {
			set := &t.tallies[s]
			if wanted := set.order[set.fetched:]; len(wanted) > 0 {
				t.fetchTallies(p, s, wanted)
				set.fetched = len(set.order)
			}
		}
	}
}

// chunk bounds how many rows one statement carries.
const chunk = 10_000

func (t *tableFacts) fetchRecords(p *pipe, records []*record) {
	for len(records) > 0 {
		part := records[:min(chunk, len(records))]
		records = records[len(part):]
		params := make([][]byte, len(t.Key))
		for i, k := range t.Key {
			params[i] = array(t.Columns[k].Kind, len(part), func(r int) value.Value { return part[r].key[i] })
		}
		for _, r := range part {
			r.known = true
		}
		width := t.Width()
		kinds := make([]value.Kind, width)
		for i := range kinds {
			kinds[i] = t.Columns[i].Kind
		}
		reader := newRowReader(width, all(t.Table), kinds)
		p.exec(t.sql.find, params, func(raw [][]byte) error {
			o, err := int8Of(raw[0])
			if err != nil || o < 1 || o > int64(len(part)) {
				return errWire
			}
			version, err := int8Of(raw[1])
			if err != nil {
				return err
			}
			row, err := reader.read(raw[2:])
			if err != nil {
				return err
			}
			r := part[o-1]
			r.stored, r.version = append([]value.Value(nil), row...), version
			return nil
		})
	}
}

func (t *tableFacts) fetchTallies(p *pipe, s int, wanted []*tally) {
	set := t.watched[s]
	// A count needs to be right only as far as the batch could lower it.
	limit := int64(len(t.order)) + 2
	for len(wanted) > 0 {
		part := wanted[:min(chunk, len(wanted))]
		wanted = wanted[len(part):]
		params := make([][]byte, len(set)+1)
		for i, c := range set {
			params[i] = array(t.Columns[c].Kind, len(part), func(r int) value.Value { return part[r].values[i] })
		}
		params[len(set)] = one(value.OfInt(limit))
		for _, c := range part {
			c.known = true
		}
		p.exec(t.sql.tally[s], params, func(raw [][]byte) error {
			o, err := int8Of(raw[0])
			if err != nil || o < 1 || o > int64(len(part)) {
				return errWire
			}
			part[o-1].stored, err = int8Of(raw[1])
			return err
		})
	}
}

// reset takes back what the items of the batch have made, before it is worked
// out again with more facts.
func (f *facts) reset() {
	f.missing = false
	for _, t := range f.order {
		for _, r := range t.order {
			r.now, r.nowAt = r.stored, r.version
		}
		for s := range t.tallies {
			for _, c := range t.tallies[s].by {
				c.delta, c.local, c.takers, c.told = 0, 0, 0, false
			}
		}
		t.past = t.past[:0]
	}
}
