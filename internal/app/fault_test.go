package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/export"
	"huong.city/huong/internal/store"
)

// breaking is a database in which the writing of access records fails.
type breaking struct {
	store.Driver
	fault atomic.Pointer[fault]
}

// fault is one way to fail. It decides by the how-manieth writing of access
// records it is.
type fault struct {
	name   string
	append func(n int64, write func() ([]store.Outcome, error)) ([]store.Outcome, error)
	served bool // the answer comes all the same, once the record is written
	n      atomic.Int64
}

func (d *breaking) Append(ctx context.Context, catalog int64, batch []store.Item) ([]store.Outcome, error) {
	write := func() ([]store.Outcome, error) { return d.Driver.Append(ctx, catalog, batch) }
	f := d.fault.Load()
	of := func(item store.Item) bool { return item.Request.Header.Source == "access" }
	if f == nil || !slices.ContainsFunc(batch, of) {
		return write()
	}
	return f.append(f.n.Add(1), write)
}

// faults to be had at the moment when a reading is recorded.
func faults() []*fault {
	full := fmt.Errorf("append: %w", syscall.ENOSPC)
	return []*fault{
		{name: "disk full", append: func(int64, func() ([]store.Outcome, error)) ([]store.Outcome, error) { return nil, full }},
		{name: "database closed", append: func(int64, func() ([]store.Outcome, error)) ([]store.Outcome, error) {
			return nil, errors.New("sql: database is closed")
		}},
		{name: "acknowledgement lost", append: func(_ int64, write func() ([]store.Outcome, error)) ([]store.Outcome, error) {
			if _, err := write(); err != nil {
				return nil, err
			}
			return nil, errors.New("connection reset by peer")
		}},
		{name: "catalog moved for ever", append: func(int64, func() ([]store.Outcome, error)) ([]store.Outcome, error) {
			return nil, store.ErrCatalogMoved
		}},
		{name: "catalog moved once", served: true, append: func(n int64, write func() ([]store.Outcome, error)) ([]store.Outcome, error) {
			if n == 1 {
				return nil, store.ErrCatalogMoved
			}
			return write()
		}},
		{name: "full from the second on", append: func(n int64, write func() ([]store.Outcome, error)) ([]store.Outcome, error) {
			if n == 1 {
				return write()
			}
			return nil, full
		}},
		{name: "the program fails", append: func(int64, func() ([]store.Outcome, error)) ([]store.Outcome, error) {
			return make([]store.Outcome, 1), errors.New("half an answer")
		}},
	}
}

// TestNoValueWithoutRecord reads personal data in every way while the writing of
// access records fails in every way. Each answer that carries a value has its
// record, which names the case of this one request, after a new start.
func TestNoValueWithoutRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db := &breaking{}
	people := map[string]repo.Principal{"steward": staff("ours", grant.Steward, "*"), "self": citizen("A", 2), "machine": machine(classes, classes)}
	s := newSeededOn(t, people, dir, func(d store.Driver) store.Driver {
		db.Driver = d
		return db
	})
	forms := canaries()
	var paths []string
	for _, d := range []string{"open", "personal"} {
		base, seq := "/api/v1/datasets/"+d, fmt.Sprint(s.seq[d])
		paths = append(paths, base+"/records", base+"/records?limit=1", base+"/records?limit=5000", base+"/records?asOf="+seq, base+"/records/A", base+"/records/A/history",
			base+"/difference?from=1", base+"/aggregate?by=named", base+"/changes?cursor=start", "/api/v1/commits/"+seq, "/datasets/"+d, "/datasets/"+d+"/records/A",
			"/datasets/"+d+"/changes", "/log/"+seq, "/quarantine/"+s.held[d], "/api/v1/me/data/"+d)
		for _, f := range export.Formats() {
			paths = append(paths, base+"/export?format="+f)
		}
	}
	carried, own, refused, n := map[string]string{}, 0, 0, 0
	carry := func(number, what, path string) {
		if strings.HasPrefix(path, "/api/v1/me/") { // one's own data has no case; such readings are counted
			own++
			return
		}
		carried[number] = what + ", " + path
	}
	for _, as := range []string{"steward", "self", "machine"} {
		for _, path := range paths {
			n++
			if len(sighting(t, whole(s.ask(as, "GET", path, "", "Huong-Case", fmt.Sprint("plain-", n))), forms)) == 0 {
				continue // nothing that could leak
			}
			carry(fmt.Sprint("plain-", n), "without a fault", path)
			for _, f := range faults() {
				n++
				number := fmt.Sprint("case-", n)
				f.n.Store(0)
				db.fault.Store(f)
				w := s.ask(as, "GET", path, "", "Huong-Case", number)
				db.fault.Store(nil)
				found := sighting(t, whole(w), forms)
				switch {
				case len(found) > 0:
					carry(number, f.name, path)
				case w.Code < 400 && w.Body.Len() > 0 && !f.served && f.n.Load() == 0:
					t.Errorf("%s, GET %s as %s: nothing was recorded and nothing refused: the test shows nothing", f.name, path, as)
				default:
					refused++
				}
				if f.served && len(found) == 0 {
					// a stream begins anew by its reader; everything else by itself
					if w.Code < 400 && len(w.Body.Bytes()) > 0 {
						t.Errorf("%s, GET %s as %s: not tried again: %d %.200s", f.name, path, as, w.Code, w.Body)
					}
				}
			}
		}
	}
	if err := s.repo.Close(context.Background()); err != nil {
		t.Fatal(err)
	}

	r, err := Where{Data: dir, Zone: zone}.Open(t.Context(), quiet()) // as after a new start
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	recorded, ownRecords := map[string]bool{}, 0
	_, err = r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: repo.SystemAccess}, func(rec repo.Record) error {
		i, _, _, _ := rec.Entry.Table.Property("case")
		if rec.Values[i].IsNull() {
			ownRecords++
			return nil
		}
		recorded[string([]byte(rec.Values[i].Text()))] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for number, what := range carried {
		if !recorded[number] {
			t.Errorf("a value left without a record: %s", what)
		}
	}
	if own == 0 || ownRecords < own {
		t.Errorf("%d readings of one's own data left %d records", own, ownRecords)
	}
	if len(carried) < 50 || refused < 200 {
		t.Errorf("%d answers carried values, %d were refused: too few to show anything", len(carried), refused)
	}
	t.Logf("%d answers carried values, each recorded; %d were refused", len(carried), refused)
}
