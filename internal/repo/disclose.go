package repo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"sync"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// The published rule on what is recorded (docs/trust.md): a reading that shows
// personal data of at most so many persons leaves one record for each of them;
// a larger one, or one without end, leaves one record with its count.
const recordedPersons = 100

// heldRows is the largest page that is held back until its access is recorded.
const heldRows = 1000

// Subjects of access records that are no person's.
const (
	subjectOfMany = "many"     // a reading about more than recordedPersons
	subjectOfData = "dataset:" // and the name: a dataset that does not say whom its records are about
)

// disclosure is one reading that shows personal data. What it notes is
// committed before anything leaves.
type disclosure struct {
	r       *Repository
	p       Principal
	c       *catalog
	e       *Entry
	person  int // column of the personal number, or -1
	persons map[string]*disclosed
	many    bool
	rows    int64
	whole   disclosed // what was shown of anybody
	weight
	looked  disclosed  // what the asker's own conditions and orders look at, of every row
	records *disclosed // the access records themselves are read: what of them, by what; nil for any other dataset
}

type disclosed struct {
	record string // digest of the record's key; of the last one where there are several
	cells  []int
	by     []string
	rows   int64
}

// disclosure is nil when p's reading is not recorded. Reading the access records
// is recorded as well, once for each look and under the dataset's name: whom they
// are about stands in them by digests that the reader cannot open. What was
// recorded of such looks is read without a further record, or who follows the log
// would make it grow by following.
func (r *Repository) disclosure(p Principal, c *catalog, e *Entry, d *grant.Decision) *disclosure {
	access := e.Dataset.Name == SystemAccess
	if p.internal || !d.Personal() && !access {
		return nil
	}
	x := &disclosure{r: r, p: p, c: c, e: e, persons: map[string]*disclosed{}}
	if access {
		x.records = &disclosed{cells: d.Visible(), by: slices.Sorted(slices.Values(given(d)))}
	}
	x.person = personOf(e)
	return x
}

// looks takes down that conditions or orders look at columns: a row that is
// selected, and one that is not, tells of a personal cell without showing it.
func (x *disclosure) looks(d *grant.Decision, used []int) {
	if len(used) > 0 {
		x.looked = disclosed{cells: d.PersonalOf(used), by: d.PersonalBy(used)}
	}
}

// note takes down what is shown of a row. number is the personal number as it
// stands in the row, which may itself be hidden from the reader.
func (x *disclosure) note(number string, key []value.Value, s *grant.Shown) {
	const looks = subjectOfData + SystemAccess
	if x.records != nil {
		if s.Visible && key[0].Kind() == value.Text && key[0].Text() != looks {
			x.rows++
			x.persons[looks] = &disclosed{cells: x.records.cells, by: x.records.by, rows: x.rows}
		}
		return
	}
	if !s.Personal && len(x.looked.cells) == 0 {
		return
	}
	x.rows++
	of := subjectOfData + x.e.Dataset.Name
	if number != "" {
		of = x.r.keys.subjectOf(number)
	}
	x.whole.add(s, &x.looked)
	if x.many {
		return
	}
	known := x.persons[of]
	if known == nil {
		if len(x.persons) == recordedPersons {
			x.many = true
			clear(x.persons)
			return
		}
		known = &disclosed{}
		x.persons[of] = known
	}
	known.rows++
	known.record = x.r.keys.recordOf(key)
	known.add(s, &x.looked)
}

func (o *disclosed) add(s *grant.Shown, looked *disclosed) {
	o.cells = union(union(o.cells, s.PersonalCells()), looked.cells)
	o.by = union(union(o.by, s.PersonalBy()), looked.by)
}

func union[T int | string](list, more []T) []T {
	for _, m := range more {
		if i, found := slices.BinarySearch(list, m); !found {
			list = slices.Insert(list, i, m)
		}
	}
	return list
}

// numberOf is the personal number that a row holds, "" when there is none.
func (x *disclosure) numberOf(row []value.Value) string { return numberIn(row, x.person) }

func numberIn(row []value.Value, person int) string {
	if person >= 0 && person < len(row) && row[person].Kind() == value.Text {
		return row[person].Text()
	}
	return ""
}

// commit makes the record of what was noted durable. With ErrCatalogMoved the
// decision is out of date: nothing may leave, the reading begins anew.
func (x *disclosure) commit(ctx context.Context) error {
	switch {
	case x == nil, x.rows == 0 && len(x.looked.cells) == 0:
		return nil
	case x.rows == 0: // that nothing was found tells something too
		x.persons[subjectOfData+x.e.Dataset.Name] = &disclosed{cells: x.looked.cells, by: x.looked.by}
	case x.many:
		x.persons = map[string]*disclosed{subjectOfMany: {cells: x.whole.cells, by: x.whole.by, rows: x.rows}}
	}
	err := x.r.record(ctx, x.c, x.drafts(), x.weigh(x.rows, x.many))
	x.rows, x.many, x.whole = 0, false, disclosed{}
	clear(x.persons)
	return err
}

// mass records a reading of the wanted columns (nil = all) whose rows are not
// known beforehand; count is how many there were when it began. None is recorded
// too, for there may be some by the time that they are read. bulk of them are
// personal records that are read one by one; 0 = none is.
func (x *disclosure) mass(ctx context.Context, d *grant.Decision, want []int, count, bulk int64) error {
	if x == nil {
		return nil
	}
	o := &disclosed{rows: count, cells: d.PersonalOf(want), by: d.PersonalBy(want)}
	of := subjectOfMany
	if x.records != nil {
		o.cells, o.by, of = x.records.cells, x.records.by, subjectOfData+SystemAccess
	}
	if len(o.cells) == 0 {
		return nil
	}
	x.persons = map[string]*disclosed{of: o}
	return x.r.record(ctx, x.c, x.drafts(), x.weigh(bulk, bulk > recordedPersons))
}

// draft is an access record without its place among those of its subject.
type draft struct {
	subject string
	row     []value.Value
}

func (x *disclosure) drafts() []draft {
	access := x.c.entries[SystemAccess]
	at := x.r.now()
	var list []draft
	for subject, o := range x.persons {
		row := make([]value.Value, access.Table.Width())
		f := fieldsOf(access.Table, row)
		var names []string
		for _, c := range o.cells {
			names = append(names, x.e.Table.Columns[c].Name)
		}
		f.set("subject", value.OfText(subject))
		f.set("at", value.OfInstant(at))
		f.set("reader", textOrNull(x.p.Name))
		f.set("agency", textOrNull(x.p.Agency))
		f.set("capacity", textOrNull(x.p.Capacity))
		f.set("dataset", value.OfText(x.e.Dataset.Name))
		f.set("record", textOrNull(o.record))
		f.set("fields", listOf(names))
		f.set("by", listOf(o.by))
		f.set("purpose", textOrNull(x.p.Purpose))
		f.set("basis", textOrNull(x.c.basisOf(x.p.Purpose, o.by)))
		f.set("case", textOrNull(x.p.Case))
		f.set("count", value.OfInt(o.rows))
		if u := x.c.purposes[x.p.Purpose]; u.Hides(x.p.Agency) && x.p.HiddenUntil > 0 {
			f.set("hiddenUntil", value.OfTime(x.p.HiddenUntil))
			f.set("hiddenBasis", textOrNull(cmp.Or(u.HideBasis, u.Basis)))
		}
		list = append(list, draft{subject, row})
	}
	slices.SortFunc(list, func(a, b draft) int {
		if a.subject < b.subject {
			return -1
		}
		return 1
	})
	return list
}

// basisOf is the law that a reading rests on: that of the grant, else that of
// the purpose.
func (c *catalog) basisOf(purpose string, by []string) string {
	for _, id := range by {
		if g, ok := c.policy.Grant(id); ok && g.Basis != "" {
			return g.Basis
		}
	}
	return c.purposes[purpose].Basis
}

// ledger keeps the end of each subject's chain of access records: their number
// rises by one and each names the digest of the one before, so that the person
// can see that none is missing.
type ledger struct {
	turn [64]sync.Mutex // one reading at a time about one subject
	mu   sync.Mutex
	ends map[string]chainEnd // bounded: emptied when full
}

type chainEnd struct {
	number int64
	digest string
}

const ledgerEnds = 50_000

// lock takes the turns of subjects in one order.
func (l *ledger) lock(drafts []draft) (unlock func()) {
	var turns []int
	for _, d := range drafts {
		h := sha256.Sum256([]byte(d.subject))
		turns = union(turns, []int{int(h[0]) % len(l.turn)})
	}
	for _, i := range turns {
		l.turn[i].Lock()
	}
	return func() {
		for _, i := range turns {
			l.turn[i].Unlock()
		}
	}
}

func (l *ledger) get(subject string) (chainEnd, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.ends[subject]
	return e, ok
}

func (l *ledger) put(subject string, e chainEnd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends == nil || len(l.ends) >= ledgerEnds {
		l.ends = map[string]chainEnd{}
	}
	l.ends[subject] = e
}

func (l *ledger) forget(drafts []draft) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range drafts {
		delete(l.ends, d.subject)
	}
}

// record commits access records, in one commit, once weigh allows it; what that
// changes is committed with them. A nil weigh allows everything.
func (r *Repository) record(ctx context.Context, c *catalog, drafts []draft, weigh weighing) error {
	if len(drafts) == 0 {
		return nil
	}
	unlock := r.ledger.lock(drafts)
	defer unlock()
	access := c.entries[SystemAccess]
	for range attempts {
		req := &commit.Request{Header: commit.Header{Actor: "huong", Source: "access", Reason: "personal data read"}}
		ends := make([]chainEnd, len(drafts))
		var counted weighed
		if weigh != nil {
			var err error
			if counted, err = weigh(ctx); err != nil {
				return err
			}
		}
		for i, d := range drafts {
			end, err := r.chainEnd(ctx, access, d.subject)
			if err != nil {
				return err
			}
			row := slices.Clone(d.row)
			f := fieldsOf(access.Table, row)
			f.set("number", value.OfInt(end.number+1))
			f.set("previous", textOrNull(end.digest))
			f.set("release", textOrNull(counted.release))
			if counted.bulk > 0 {
				f.set("bulk", value.OfInt(counted.bulk))
			}
			ends[i] = chainEnd{end.number + 1, accessDigest(row)}
			req.Changes = append(req.Changes, commit.Change{Dataset: SystemAccess, Op: commit.Put, Row: row, Expect: commit.Absent})
		}
		item := store.Item{Request: req, Layouts: map[string]*dataset.Table{SystemAccess: access.Table}, At: r.now().UnixMicro()}
		if counted.use != nil {
			req.Changes = append(req.Changes, *counted.use)
			item.Layouts[SystemRelease] = c.entries[SystemRelease].Table
		}
		// A reader who goes away must not leave the ledger behind the log.
		_, err := r.queue.submit(context.WithoutCancel(ctx), item, c.version)
		switch {
		case err == nil:
			for i, d := range drafts {
				r.ledger.put(d.subject, ends[i])
			}
			return nil
		case problem.KindOf(err) == problem.Stale, problem.KindOf(err) == problem.Conflict:
			r.ledger.forget(drafts) // another process recorded about the same person
		default:
			r.ledger.forget(drafts)
			return err
		}
	}
	return busy()
}

func (r *Repository) chainEnd(ctx context.Context, access *Entry, subject string) (chainEnd, error) {
	if e, ok := r.ledger.get(subject); ok {
		return e, nil
	}
	var e chainEnd
	q := accessOf(access, subject)
	q.Limit = 1
	err := r.driver.Read(ctx, q, func(row store.Row) error {
		e = chainEnd{fieldsOf(access.Table, row.Values).value("number").Int(), accessDigest(row.Values)}
		return nil
	})
	return e, err
}

// accessOf asks for the access records of one subject, the newest first.
func accessOf(access *Entry, subject string) store.Query {
	t := access.Table
	s, _, _, _ := t.Property("subject")
	n, _, _, _ := t.Property("number")
	return store.Query{
		Table: t, Sort: []store.Order{{Column: n, Desc: true}},
		Filter: &cql2.Call{Op: "=", Args: []cql2.Expr{columnOf(t, s), &cql2.Lit{Value: value.OfText(subject)}}},
	}
}

// accessDigest is what the next record of the same subject names: SHA-256 of
// its canonical bytes without the empty columns at the end, so that a column
// added later does not change it.
func accessDigest(row []value.Value) string {
	for len(row) > 0 && row[len(row)-1].IsNull() {
		row = row[:len(row)-1]
	}
	sum := sha256.Sum256(value.AppendRow(nil, row))
	return hex.EncodeToString(sum[:])
}

// retrying runs a reading again while the policy moves under its record.
func (r *Repository) retrying(ctx context.Context, fn func(c *catalog) error) error {
	for range attempts {
		err := fn(r.catalog.Load())
		if !errors.Is(err, store.ErrCatalogMoved) {
			return err
		}
		if _, err := r.refresh(ctx); err != nil {
			return err
		}
	}
	return busy()
}
