package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// commitPatience bounds the writing half of an Append, which the caller's
// context no longer ends.
const commitPatience = 2 * time.Minute

// retries is how often an Append that met a deadlock is run again.
const retries = 5

// Append makes the batch durable; see store.Driver. The head row is locked
// first, so that commits follow each other; everything else is worked out in
// memory from facts fetched under that lock, and written together.
func (d *Driver) Append(ctx context.Context, version int64, batch []store.Item) ([]store.Outcome, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	careful := false
	hoped := d.hope(batch)
	for attempt := 0; ; attempt++ {
		out, err := d.append(ctx, version, batch, careful, hoped, nil)
		switch {
		case err == nil:
			return out, nil
		case len(hoped) > 0 && (errors.Is(err, errMistaken) || state(err) == "23505"):
			d.disappoint(hoped)
			hoped = nil // ask which records exist
		case again(err) && attempt < retries:
		case unfit(err) && !careful:
			careful = true // find the item that the database cannot hold
		default:
			return nil, translate(ctx, err)
		}
	}
}

// work is one Append under way.
type work struct {
	d      *Driver
	ctx    context.Context // the caller's
	steady context.Context // for all that follows the head lock
	p      *pipe
	cat    *catalog
	facts  *facts
	batch  []store.Item
	out    []store.Outcome
	vs     [][]problem.Violation // what store.Check found, by item

	head     store.Head
	edge     proof.Frontier            // of the tree, as far as entries were sealed
	sound    bool                      // the head row is as it was written
	first    int64                     // place of the first of hashes
	hashes   []proof.Hash              // of the tree, to write
	before   func() error              // done under the head lock, ahead of the items
	payload  *store.Payload            // of the item at hand
	receipts map[string]commit.Receipt // by idempotency key
	keyed    []string                  // keys of batch whose receipts are new
	entries  []entry                   // log entries to write
	made     []string                  // partitions created
	found    bool                      // the head row
	moved    bool                      // the catalog moved in this batch
	wrote    bool
	fresh    map[string]bool // tables that got many records: whether all were new
}

// entry is one row of the log.
type entry struct {
	commit.Entry
	touched touched
	payload []byte // store.Payload, as the codec packs it once it is sealed
	seal    []byte
}

// append runs one transaction. first, when there is one, is done under the head
// lock, ahead of the items.
func (d *Driver) append(ctx context.Context, version int64, batch []store.Item, careful bool, hoped map[string]bool, first func(*work) error) ([]store.Outcome, error) {
	cat, err := d.catalogAt(ctx, version)
	if err != nil {
		return nil, err
	}
	conn, err := d.write.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	w := &work{d: d, ctx: ctx, cat: cat, facts: newFacts(cat), batch: batch, out: make([]store.Outcome, len(batch)), receipts: map[string]commit.Receipt{}, fresh: map[string]bool{}}
	w.facts.hoped = hoped
	var ok bool
	if w.payload, ok = d.payloads.Get().(*store.Payload); !ok {
		w.payload = new(store.Payload)
	}
	defer d.payloads.Put(w.payload)
	w.vs = make([][]problem.Violation, len(batch))
	for i := range batch {
		w.vs[i] = append(store.Check(&batch[i]), checkHeader(&batch[i].Request.Header)...)
	}
	var cancel context.CancelFunc
	w.steady, cancel = context.WithTimeout(context.WithoutCancel(ctx), commitPatience)
	defer cancel()
	w.p = newPipe(ctx, conn.Conn())
	if first != nil {
		w.before = func() error { return first(w) }
	}
	if err := w.run(version, careful); err != nil {
		w.p.rollback(w.steady)
		return nil, err
	}
	d.remember(w)
	return w.out, nil
}

// checkHeader refuses texts that PostgreSQL cannot hold.
func checkHeader(h *commit.Header) []problem.Violation {
	var vs []problem.Violation
	for _, f := range [...]struct{ name, text string }{{"actor", h.Actor}, {"source", h.Source}, {"reason", h.Reason}, {"key", h.Key}} {
		if strings.IndexByte(f.text, 0) >= 0 {
			vs = append(vs, problem.Violate(store.ValueOutOfRange, f.name))
		}
	}
	return vs
}

func (w *work) run(version int64, careful bool) error {
	w.begin()
	first := true
	if w.before != nil {
		if err := w.locked(version); err != nil {
			return err
		}
		if err := w.before(); err != nil {
			return err
		}
		first = false
	}
	if careful || slices.ContainsFunc(w.batch, func(it store.Item) bool { return len(it.Tables) > 0 }) {
		w.facts.hoped = nil // a refusal must name its item
	}
	for at := 0; at < len(w.batch); {
		end := w.segment(at, careful)
		if len(w.batch[at].Tables) > 0 || careful {
			if first {
				if err := w.locked(version); err != nil {
					return err
				}
			}
			if err := w.alone(at); err != nil {
				return err
			}
		} else if err := w.together(at, end, first, version); err != nil {
			return err
		}
		w.facts = newFacts(w.cat) // what was known is no longer what is stored
		first = false
		at = end
	}
	if w.before != nil && w.out[0].Err != nil {
		return w.out[0].Err // what was done before it goes with it
	}
	return w.finish()
}

// segment returns the end of the items from at on that are worked out together:
// one that changes layouts stands alone.
func (w *work) segment(at int, careful bool) int {
	end := at + 1
	if careful || len(w.batch[at].Tables) > 0 {
		return end
	}
	for end < len(w.batch) && len(w.batch[end].Tables) == 0 {
		end++
	}
	return end
}

// begin queues the start of the transaction and the head lock.
func (w *work) begin() {
	w.p.exec("BEGIN", nil, nil)
	w.p.exec("SELECT epoch,seq,at,catalog,peaks FROM "+w.d.n.meta+".head FOR UPDATE", nil, func(raw [][]byte) error {
		w.head.Epoch = string(raw[0])
		for i, p := range []*int64{&w.head.Seq, &w.head.At, &w.head.Catalog} {
			n, err := int8Of(raw[i+1])
			if err != nil {
				return err
			}
			*p = n
		}
		w.edge, w.sound = store.OpenHead(&w.head, raw[4])
		w.found = true
		return nil
	})
	var keys []string
	for i := range w.batch {
		if k := w.batch[i].Request.Key; k != "" && len(w.vs[i]) == 0 {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return
	}
	w.p.exec("SELECT key,empty,seq,at,unchanged,created,updated,deleted FROM "+w.d.n.meta+".receipt WHERE key=ANY($1)", [][]byte{texts(keys)}, func(raw [][]byte) error {
		r := commit.Receipt{Repeat: true, Empty: raw[1][0] != 0}
		for i, p := range []*int64{&r.Seq, &r.At, &r.Counts[0], &r.Counts[1], &r.Counts[2], &r.Counts[3]} {
			n, err := int8Of(raw[i+2])
			if err != nil {
				return err
			}
			*p = n
		}
		w.receipts[string(raw[0])] = r
		return nil
	})
}

// locked waits for the head lock and checks that the catalog stands still.
func (w *work) locked(version int64) error {
	if err := w.p.flush(); err != nil {
		return err
	}
	if !w.found {
		return errors.New("postgres: the head is missing")
	}
	if !w.sound && !w.d.options.WithoutTree {
		return store.ErrHead
	}
	if w.head.Catalog != version {
		return store.ErrCatalogMoved
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	// From here on the caller can no longer stop it.
	w.p.ctx = w.steady
	return nil
}

// together works out the items [at, end) and queues what they write.
func (w *work) together(at, end int, first bool, version int64) error {
	f := w.facts
	hoped := len(f.hoped) > 0 // then there may be nothing to fetch
	if !hoped {
		for i := at; i < end; i++ {
			if len(w.vs[i]) == 0 {
				f.resolve(&w.batch[i]) // notes what must be known
			}
		}
	}
	head := w.head
	for round := 0; ; round++ {
		f.fetch(w.p)
		if first {
			if err := w.locked(version); err != nil {
				return err
			}
			first = false
			head = w.head
		} else if err := w.p.flush(); err != nil {
			return err
		}
		f.reset()
		w.head = head
		w.entries, w.keyed = w.entries[:0], w.keyed[:0]
		fresh := map[string]commit.Receipt{}
		for i := at; i < end; i++ {
			w.out[i] = w.item(i, fresh)
		}
		if !f.missing {
			if hoped && w.refused(at, end) {
				return errMistaken
			}
			for k, r := range fresh {
				r.Repeat, r.Results = true, nil
				w.receipts[k] = r
				w.keyed = append(w.keyed, k)
			}
			return w.store()
		}
	}
}

// item works out one item and, when nothing is missing or wrong, makes its
// effects those of the batch.
func (w *work) item(i int, fresh map[string]commit.Receipt) store.Outcome {
	it, f := &w.batch[i], w.facts
	if len(w.vs[i]) > 0 {
		return store.Outcome{Err: store.Refuse(w.vs[i])}
	}
	key := it.Request.Key
	if key != "" {
		r, known := w.receipts[key]
		if !known {
			r, known = fresh[key]
		}
		if known {
			r.Repeat, r.Results = true, nil
			return store.Outcome{Receipt: r}
		}
	}
	steps, vs := f.resolve(it)
	if len(vs) > 0 {
		return store.Outcome{Err: store.Refuse(vs)}
	}
	if f.missing {
		return store.Outcome{}
	}
	r := commit.Receipt{Results: make([]commit.Result, len(steps))}
	for n := range steps {
		r.Results[n] = steps[n].result
		r.Counts[steps[n].result]++
	}
	r.Empty = int(r.Counts[commit.Unchanged]) == len(steps) && len(it.Tables) == 0
	w.pack(steps)
	if w.payload.Size() > maxPayload {
		f.uncount(steps)
		return store.Outcome{Err: problem.New(problem.TooLarge, "commit-too-large", "limit", "512 MiB")}
	}
	f.keep(steps)
	if !r.Empty {
		w.head.Seq++
		w.head.At = max(w.head.At, it.At)
		w.log(it, steps)
		if len(it.Tables) > 0 {
			w.head.Catalog = w.head.Seq
		}
	}
	r.Seq, r.At = w.head.Seq, w.head.At
	if key != "" {
		fresh[key] = r
	}
	return store.Outcome{Receipt: r}
}

// pack collects what the steps change.
func (w *work) pack(steps []step) {
	w.payload.Reset()
	for i := range steps {
		if s := &steps[i]; s.result != commit.Unchanged {
			w.payload.Add(s.table.Name, s.prior, s.before, s.after)
		}
	}
}

// log makes the log entry of an item that was packed, and moves its records on.
func (w *work) log(it *store.Item, steps []step) {
	e := entry{Entry: commit.Entry{Seq: w.head.Seq, At: w.head.At, Header: it.Request.Header}}
	for i := range steps {
		s := &steps[i]
		if s.result == commit.Unchanged {
			continue
		}
		if s.before != nil {
			s.table.past = append(s.table.past, past{s.before, s.prior, e.Seq})
		}
		s.record.now, s.record.nowAt = s.after, e.Seq
		if s.after == nil {
			s.record.nowAt = 0
		}
	}
	w.payload.Each(e.touched.add)
	e.payload = w.payload.Append(make([]byte, 0, w.payload.Size()+64*len(e.touched.names)))
	w.entries = append(w.entries, e)
}

// alone works out one item behind a savepoint: one that changes layouts, or one
// of a batch in which some item cannot be held by the database.
func (w *work) alone(i int) error {
	it := &w.batch[i]
	if len(w.vs[i]) > 0 {
		w.out[i] = store.Outcome{Err: store.Refuse(w.vs[i])}
		return nil
	}
	before := *w
	before.edge.Peaks = slices.Clone(w.edge.Peaks)
	w.p.once("SAVEPOINT item")
	err := w.p.flush()
	if err != nil {
		return err
	}
	if len(it.Tables) > 0 {
		if r, repeat := w.receipts[it.Request.Key]; !repeat || it.Request.Key == "" {
			err = w.declare(it.Tables)
		} else {
			w.out[i] = store.Outcome{Receipt: r}
			return nil
		}
	}
	if err == nil {
		w.facts = newFacts(w.cat)
		err = w.together(i, i+1, false, 0)
	}
	if err == nil {
		err = w.p.flush()
	}
	switch {
	case err == nil && w.out[i].Err == nil:
		w.facts = newFacts(w.cat)
		w.p.once("RELEASE SAVEPOINT item")
		return nil
	case err != nil && !unfit(err) && problem.KindOf(err) == problem.Internal && state(err) != "23505":
		return err
	}
	outcome := w.out[i].Err
	if err != nil {
		outcome = w.blame(it, err)
	}
	*w = before
	delete(w.receipts, it.Request.Key) // a refused commit leaves its key free
	w.facts = newFacts(w.cat)
	w.out[i] = store.Outcome{Err: outcome}
	w.p.once("ROLLBACK TO SAVEPOINT item")
	return w.p.flush()
}

// blame words a database's refusal of one item.
func (w *work) blame(it *store.Item, err error) error {
	if e, ok := errors.AsType[*problem.Error](err); ok {
		return e
	}
	code := store.ValueOutOfRange
	if state(err) == "23505" {
		code = store.UniqueTaken
	}
	e := store.Refuse([]problem.Violation{problem.Violate(code, "")})
	problem.As(e).Cause = err
	return e
}

// declare creates or alters tables within the transaction.
func (w *work) declare(tables []*dataset.Table) error {
	next := make(map[string]*dataset.Table, len(w.cat.tables)+len(tables))
	for name, l := range w.cat.tables {
		next[name] = l.Table
	}
	// Whoever reads a table for long must not keep every commit waiting.
	w.p.once("SET LOCAL lock_timeout='5s'")
	w.p.once("SET CONSTRAINTS ALL IMMEDIATE")
	for _, t := range tables {
		if err := checkName(t.Name); err != nil {
			return err
		}
		for _, sql := range createSQL(w.d.n, next[t.Name], t) {
			w.p.once(sql)
		}
		text, err := encodeLayout(t)
		if err != nil {
			return err
		}
		w.p.exec("INSERT INTO "+w.d.n.meta+".layout VALUES ($1::text,$2::text) ON CONFLICT (dataset) DO UPDATE SET layout=excluded.layout",
			[][]byte{[]byte(t.Name), []byte(text)}, nil)
		next[t.Name] = t
	}
	w.p.once("SET CONSTRAINTS ALL DEFERRED")
	w.p.once("SET LOCAL lock_timeout=0")
	w.cat = newCatalog(w.head.Seq+1, next, w.d.n)
	w.moved, w.wrote = true, true
	return w.p.flush()
}

// finish queues the new head and commits.
func (w *work) finish() error {
	if !w.wrote {
		w.p.exec("COMMIT", nil, nil)
		return w.p.flush()
	}
	w.p.exec("UPDATE "+w.d.n.meta+".head SET seq=$1,at=$2,catalog=$3,peaks=$4",
		[][]byte{one(value.OfInt(w.head.Seq)), one(value.OfInt(w.head.At)), one(value.OfInt(w.head.Catalog)), store.SealHead(w.head, &w.edge)}, nil)
	w.p.exec("SELECT pg_notify($1::text,$2::text)", [][]byte{[]byte(channel), strconv.AppendInt(nil, w.head.Seq, 10)}, nil)
	w.p.exec("COMMIT", nil, nil)
	return w.p.flush()
}

// catalogAt returns what is known of the tables at a version of the catalog.
func (d *Driver) catalogAt(ctx context.Context, version int64) (*catalog, error) {
	if c := d.catalog.Load(); c != nil && c.version == version {
		return c, nil
	}
	c, err := d.loadCatalog(ctx)
	if err != nil {
		return nil, err
	}
	if c.version != version {
		return nil, store.ErrCatalogMoved
	}
	return c, nil
}

func (d *Driver) loadCatalog(ctx context.Context) (*catalog, error) {
	rows, err := d.read.Query(ctx, "SELECT h.catalog,coalesce(l.dataset,''),coalesce(l.layout,'') FROM "+d.n.meta+".head h LEFT JOIN "+d.n.meta+".layout l ON true")
	if err != nil {
		return nil, err
	}
	tables := map[string]*dataset.Table{}
	var version int64
	var name, text string
	_, err = pgx.ForEachRow(rows, []any{&version, &name, &text}, func() error {
		if name == "" {
			return nil
		}
		t, err := decodeLayout(text)
		tables[name] = t
		return err
	})
	if err != nil {
		return nil, err
	}
	c := newCatalog(version, tables, d.n)
	d.catalog.Store(c)
	return c, nil
}

// remember keeps what a committed Append has learnt.
func (d *Driver) remember(w *work) {
	if w.moved {
		d.catalog.Store(w.cat)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range w.made {
		d.partitions[name] = true
	}
	for name, fresh := range w.fresh {
		switch {
		case !fresh:
			d.fresh[name] = min(d.fresh[name], 0)
		case d.fresh[name] < 1:
			d.fresh[name]++
		}
	}
}
