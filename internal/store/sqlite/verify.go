package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"hash/maphash"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

const (
	buckets  = 1 << 12 // of keys per dataset, in the pass that narrows a disagreement down
	maxNamed = 50_000  // keys held at once in the pass that names them
)

// Verify implements store.Driver. The first pass reads every table once and the
// log once and compares digests per dataset. Where they differ, a second pass
// compares per bucket of keys, and a third names the keys of the buckets that
// differ, as many buckets at a time as memory allows.
func (d *Driver) Verify(ctx context.Context, tables []*dataset.Table, progress func(done, total int64), fn func(store.Fault) error) (store.VerifyReport, error) {
	v := &verifying{d: d, ctx: ctx, seed: maphash.MakeSeed(), progress: progress, fn: fn, by: map[string]*audit{}}
	for _, t := range tables {
		p, err := d.plans.of(t)
		if err != nil {
			return v.report, err
		}
		v.by[t.Name] = &audit{p: p}
	}
	return v.report, v.run()
}

// verifying is one Verify under way.
type verifying struct {
	d        *Driver
	ctx      context.Context
	seed     maphash.Seed
	progress func(done, total int64)
	fn       func(store.Fault) error
	by       map[string]*audit
	report   store.VerifyReport
	scratch  []byte
	done     int64
	total    int64
}

// audit is what is known of one dataset. Digests get what the tables hold and
// lose what the log leads to.
type audit struct {
	p       *plan
	upto    int64 // head that the tables were read at
	live    store.Digest
	history store.Digest
	fold    func(key string, h [32]byte, n int64, history bool)
}

func (v *verifying) fault(f store.Fault) error {
	v.report.Faults++
	return v.fn(f)
}

func (v *verifying) run() error {
	var head headRow
	err := v.d.reading(v.ctx, func(c *conn) (err error) {
		if head, err = readHead(c); err != nil {
			return err
		}
		v.total = head.Seq
		for _, a := range v.by {
			n := []driver.Value{nil}
			if _, err := c.first("SELECT (SELECT count(*) FROM "+a.p.table+")+(SELECT count(*) FROM "+a.p.history+")", nil, n); err != nil {
				return err
			}
			rows, _ := n[0].(int64)
			v.total += rows
		}
		return nil
	})
	if err != nil {
		return err
	}
	names := make([]string, 0, len(v.by))
	for n, a := range v.by {
		names = append(names, n)
		a.fold = func(_ string, h [32]byte, n int64, history bool) {
			if history {
				a.history.Add(h, n)
			} else {
				a.live.Add(h, n)
			}
		}
	}
	slices.Sort(names)
	for _, n := range names {
		if err := v.tables(v.by[n], true); err != nil {
			return err
		}
	}
	if err := v.chain(); err != nil {
		return err
	}
	for _, n := range names {
		if a := v.by[n]; !a.live.Empty() || !a.history.Empty() {
			if err := v.locate(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// tables folds every row of a dataset in, live and history in one snapshot,
// since a change moves a row from one to the other.
func (v *verifying) tables(a *audit, count bool) error {
	t := a.p.t
	return v.d.reading(v.ctx, func(c *conn) error {
		if err := c.begin(); err != nil {
			return err
		}
		h, err := readHead(c)
		if err != nil {
			return err
		}
		if a.upto = h.Seq; !h.sound { // then the log itself says where it ends
			one := []driver.Value{nil}
			if _, err := c.first("SELECT max(seq) FROM _log", nil, one); err != nil {
				return err
			}
			a.upto, _ = one[0].(int64)
		}
		dest := make([]driver.Value, 2+t.Width())
		row := make([]value.Value, t.Width())
		for _, from := range []struct{ until, table string }{{"0", a.p.table}, {"_until", a.p.history}} {
			history := from.until != "0"
			err := c.each(v.ctx, "SELECT _version,"+from.until+","+a.p.colList+" FROM "+from.table, nil, dest, func() error {
				version, _ := dest[0].(int64)
				until, _ := dest[1].(int64)
				for i := range row {
					row[i] = scan(t.Columns[i].Kind, dest[2+i])
				}
				v.put(a, row, version, until, 1, history)
				if count {
					if history {
						v.report.Versions++
					} else {
						v.report.Rows++
					}
					v.step()
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if !count || a.p.box == "" {
			return nil
		}
		return v.boxes(c, a)
	})
}

// boxes compares the R*Tree with the rows: as many entries as places, each on
// a row that is there.
func (v *verifying) boxes(c *conn, a *audit) error {
	place := []int{a.p.t.Geometry}
	if a.p.t.Geometry < 0 {
		place = []int{a.p.t.X, a.p.t.Y}
	}
	var has []string
	for _, col := range place {
		has = append(has, a.p.cols[col]+" IS NOT NULL")
	}
	n := make([]driver.Value, 2)
	_, err := c.first("SELECT (SELECT count(*) FROM "+a.p.table+" WHERE "+strings.Join(has, " AND ")+"),"+
		"(SELECT count(*) FROM "+a.p.box+" AS b JOIN "+a.p.table+" ON _id=b.id)", nil, n)
	if err != nil {
		return err
	}
	rows, _ := n[0].(int64)
	places, _ := n[1].(int64)
	if places != rows {
		return v.fault(store.Fault{Where: "table", Dataset: a.p.t.Name, Seq: a.upto,
			What: "the spatial index has " + itoa(places) + " places of " + itoa(rows)})
	}
	return nil
}

func (v *verifying) put(a *audit, row []value.Value, version, until, n int64, history bool) {
	var h [32]byte
	h, v.scratch = store.RowHash(v.scratch, row, version, until)
	key := ""
	if a.p != nil {
		buf := v.scratch[:0]
		for _, k := range a.p.t.Key {
			buf = value.Append(buf, row[k])
		}
		v.scratch = buf
		key = string(buf)
	}
	a.fold(key, h, n, history)
}

// replay takes an entry's changes away from the digests.
func (v *verifying) replay(e *commit.Entry) {
	for i := range e.Changes {
		c := &e.Changes[i]
		a := v.by[c.Dataset]
		if a == nil || e.Seq > a.upto {
			continue
		}
		if c.After != nil {
			v.put(a, c.After, e.Seq, 0, -1, false)
		}
		if c.Before != nil {
			v.put(a, c.Before, c.Prior, 0, 1, false)
			v.put(a, c.Before, c.Prior, e.Seq, -1, true)
		}
	}
}

// log reads the whole log up to the datasets' heads, page by page.
func (v *verifying) log(each func(l *logReader, body []byte, bad error) error) error {
	upto := int64(0)
	for _, a := range v.by {
		upto = max(upto, a.upto)
	}
	l, err := newLogReader(func(ds string) *dataset.Table {
		if a := v.by[ds]; a != nil {
			return a.p.t
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer l.unpack.Close()
	for after, n := int64(0), logPage; n == logPage; {
		n = 0
		err := v.d.reading(v.ctx, func(c *conn) error {
			if err := c.begin(); err != nil {
				return err
			}
			if err := l.learn(c); err != nil {
				return err
			}
			if upto == 0 {
				h, err := readHead(c)
				if err != nil {
					return err
				}
				upto = h.Seq
			}
			args := []driver.Value{after, upto, int64(logPage)}
			return c.each(v.ctx, "SELECT "+l.columns()+" FROM _log WHERE seq>? AND seq<=? ORDER BY seq LIMIT ?", args, l.dest, func() error {
				n++
				bad := l.header()
				after = l.e.Seq
				var body []byte
				if bad == nil {
					body, bad = l.body()
				}
				if bad == nil {
					l.e.Changes, bad = l.payload.Read(body, l.tables)
				}
				return each(l, body, bad)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// chain checks the log by itself, its tree and the head, and replays it.
func (v *verifying) chain() error {
	var failed error
	tell := func(f store.Fault) {
		if failed == nil {
			failed = v.fault(f)
		}
	}
	audit := store.NewLogAudit(tell)
	t := &treeReader{d: v.d, ctx: v.ctx}
	err := v.log(func(l *logReader, body []byte, bad error) error {
		e := &l.e
		v.report.Entries++
		v.report.Changes += int64(e.Count)
		v.step()
		audit.Entry(e, l.seal, body, bad == nil, t.next)
		v.replay(e)
		if failed == nil {
			failed = t.err
		}
		return failed
	})
	if err != nil {
		return err
	}
	return v.d.reading(v.ctx, func(c *conn) error {
		if err := c.begin(); err != nil {
			return err
		}
		h, err := readHead(c)
		if err != nil {
			return err
		}
		// What was committed meanwhile is not judged, only passed.
		for n := audit.Size(); n < h.Seq && v.behind(c, n+1); n = audit.Size() {
			audit.Pass(t.next)
		}
		one := []driver.Value{nil, nil}
		if _, err := c.first("SELECT (SELECT max(seq) FROM _log),(SELECT at FROM _log WHERE seq=?)", []driver.Value{h.Seq}, one); err != nil {
			return err
		}
		last, _ := one[0].(int64)
		at, _ := one[1].(int64)
		audit.Head(h.Head, h.edge, h.sound, last, at)
		if _, err := c.first("SELECT max(first),(SELECT length(hashes)/32 FROM _tree ORDER BY first DESC LIMIT 1) FROM _tree", nil, one); err != nil {
			return err
		}
		first, _ := one[0].(int64)
		n, _ := one[1].(int64)
		if first+n > proof.Stored(audit.Size()) {
			tell(store.Fault{Where: "tree", Seq: h.Seq, What: "there are hashes beyond the last commit"})
		}
		if failed == nil {
			failed = t.err
		}
		return failed
	})
}

// behind tells whether there is an entry seq.
func (v *verifying) behind(c *conn, seq int64) bool {
	found, err := c.first("SELECT 1 FROM _log WHERE seq=?", []driver.Value{seq}, make([]driver.Value, 1))
	return found && err == nil
}

// locate finds the keys in which a dataset's tables and its log disagree.
func (v *verifying) locate(a *audit) error {
	all := v.by
	v.by = map[string]*audit{a.p.t.Name: a}
	defer func() { v.by = all }()
	replay := func() error {
		if err := v.tables(a, false); err != nil {
			return err
		}
		return v.log(func(l *logReader, _ []byte, _ error) error {
			v.replay(&l.e)
			return nil
		})
	}
	bucket := func(key string) int { return int(maphash.String(v.seed, key) % buckets) }
	var live, history [buckets]store.Digest
	var sizes [buckets]int64
	a.fold = func(key string, h [32]byte, n int64, old bool) {
		b := bucket(key)
		if n > 0 {
			sizes[b]++
		}
		if old {
			history[b].Add(h, n)
		} else {
			live[b].Add(h, n)
		}
	}
	if err := replay(); err != nil {
		return err
	}
	for next := 0; next < buckets; {
		wanted := map[int]bool{}
		held := int64(0)
		for ; next < buckets && (held == 0 || held+sizes[next] <= maxNamed); next++ {
			if !live[next].Empty() || !history[next].Empty() {
				wanted[next] = true
				held += sizes[next]
			}
		}
		if len(wanted) == 0 {
			continue
		}
		keys := map[string]*[2]store.Digest{}
		a.fold = func(key string, h [32]byte, n int64, old bool) {
			if !wanted[bucket(key)] {
				return
			}
			d := keys[key]
			if d == nil {
				d = new([2]store.Digest)
				keys[key] = d
			}
			if old {
				d[1].Add(h, n)
			} else {
				d[0].Add(h, n)
			}
		}
		if err := replay(); err != nil {
			return err
		}
		names := make([]string, 0, len(keys))
		for k := range keys {
			names = append(names, k)
		}
		slices.Sort(names)
		for _, k := range names {
			for i, where := range []string{"table", "history"} {
				if keys[k][i].Empty() {
					continue
				}
				what := "the record is not what the log says"
				switch n := keys[k][i].Rows; {
				case n > 0:
					what = itoa(n) + " rows more than the log says"
				case n < 0:
					what = itoa(-n) + " rows fewer than the log says"
				}
				if err := v.fault(store.Fault{Where: where, Dataset: a.p.t.Name, Key: hex.EncodeToString([]byte(k)), Seq: a.upto, What: what}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// step counts one row or entry done.
func (v *verifying) step() {
	v.done++
	if v.progress != nil && v.done%10_000 == 0 {
		v.progress(v.done, max(v.total, v.done))
	}
}
