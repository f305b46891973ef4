package request

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Kinds of what is erased when its term is over.
const (
	WholeRequests = "request"  // with timelines, photos, who sent and followed them
	Identities    = "identity" // who sent and followed them alone
)

// identityRule is how deletions name the term of who reported.
const identityRule = "identity"

// Expired is what a rule erases.
type Expired struct {
	Rule, Kind, Basis string
	Before            time.Time // what was over before it
	Count             int64     // requests
}

// expiredBatch is how many requests one commit of an erasure takes.
const expiredBatch = 50

// disposal is an erasure that is under way. It is noted before it begins, outside
// of the log, with the keys alone: whoever finds it goes on with it.
type disposal struct {
	ID, Rule, Kind, Basis string
	Before, At            time.Time
	Versions              map[string]int64    // of the records that it was decided upon, by code
	Keys                  map[string][]string // of what goes with them, by dataset
	Numbers               map[string][]int64  // entries of a timeline, by code
	Files                 []string
	Guests                []string // whom letters go to no more
}

// keeping are the rules in force, the identities last.
func (r *rules) keeping() []catalogue.Retention {
	u := &r.catalogue.Upkeep
	list := slices.Clone(u.Retention)
	if !u.Identity.Zero() {
		x := catalogue.Retention{Code: identityRule, After: u.Identity}
		if x.Basis = catalogue.DefaultUpkeep().Retention[0].Basis; len(list) > 0 {
			x.Basis = list[0].Basis
		}
		list = append(list, x)
	}
	return list
}

// Expired tells what the city's rules would erase now, and erases nothing.
func (d *Desk) Expired(ctx context.Context) ([]Expired, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	var list []Expired
	for _, rule := range r.keeping() {
		x := Expired{Rule: rule.Code, Kind: kindOf(&rule), Basis: rule.Basis, Before: rule.After.Before(d.now())}
		err := d.over(ctx, &rule, x.Before, 0, func(Request) { x.Count++ })
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, nil
}

func kindOf(rule *catalogue.Retention) string {
	if len(rule.States) == 0 {
		return Identities
	}
	return WholeRequests
}

// over reads the requests that a rule takes, at most so many (0 = all).
func (d *Desk) over(ctx context.Context, rule *catalogue.Retention, before time.Time, most int, fn func(Request)) error {
	old := compare("<", "closedAt", value.OfInstant(before))
	if len(rule.States) > 0 {
		q := repo.Query{Dataset: Dataset, Filter: cql2.And(old, oneOf("status", rule.States)), Sort: []repo.Sort{{Field: "closedAt"}, {Field: "code"}}, Limit: most}
		_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			fn(d.of(rec))
			return nil
		})
		return err
	}
	// Of identities only those that are still there, which are few: found from the
	// reporters that are old enough, for nothing is over before it began.
	n, cursor := 0, ""
	for most == 0 || n < most {
		var codes []string
		page, err := d.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: Reporters, Fields: []string{"code"}, Cursor: cursor, Limit: 1000,
			Filter: compare("<", "openedAt", value.OfInstant(before)), Sort: []repo.Sort{{Field: "openedAt"}}}, func(rec repo.Record) error {
			codes = append(codes, codeIn(rec))
			return nil
		})
		if err != nil {
			return err
		}
		if len(codes) > 0 {
			q := repo.Query{Dataset: Dataset, Filter: cql2.And(oneOf("code", codes), old, oneOf("status", final())), Sort: []repo.Sort{{Field: "code"}}}
			_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
				if n++; most == 0 || n <= most {
					fn(d.of(rec))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
	return nil
}

// final are the states in which nothing more is done.
func final() []string { return []string{stateClosed, stateMerged, stateRefused, "withdrawn"} }

const disposalKey = "disposal"

// Expire erases what the city's rules keep no longer, and tells what it erased. It
// may be cut short at any point and done by several servers: each request is erased
// and counted once, in the dataset request-deletion.
func (d *Desk) Expire(ctx context.Context) (done []Expired, err error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	kept := d.repo.Private("request-upkeep")
	raw, err := kept.Get(ctx, disposalKey)
	if err != nil {
		return nil, err
	}
	if raw != nil { // cut short
		x, err := d.dispose(ctx, kept, raw)
		if x.Count > 0 {
			done = append(done, x)
		}
		if err != nil {
			return done, err
		}
	}
	for _, rule := range r.keeping() {
		sum := Expired{Rule: rule.Code, Kind: kindOf(&rule), Basis: rule.Basis, Before: rule.After.Before(d.now())}
		for ctx.Err() == nil {
			var list []Request
			if err := d.over(ctx, &rule, sum.Before, expiredBatch, func(x Request) { list = append(list, x) }); err != nil {
				return done, err
			}
			if len(list) == 0 {
				break
			}
			raw, err := d.disposalOf(ctx, &sum, list)
			if err != nil {
				return done, err
			}
			if err := kept.Swap(ctx, disposalKey, nil, raw); err != nil {
				if errors.Is(err, store.ErrStateMoved) {
					err = nil // another server is at it
				}
				return done, err
			}
			x, err := d.dispose(ctx, kept, raw)
			sum.Count += x.Count
			if err != nil {
				return done, err
			}
			if x.Count == 0 {
				break // somebody is at work on them; the next run looks again
			}
		}
		if sum.Count > 0 {
			done = append(done, sum)
		}
	}
	return done, ctx.Err()
}

// disposalOf gathers all that goes with some requests.
func (d *Desk) disposalOf(ctx context.Context, of *Expired, list []Request) ([]byte, error) {
	b, err := d.draw(12)
	if err != nil {
		return nil, err
	}
	x := disposal{ID: hex.EncodeToString(b), Rule: of.Rule, Kind: of.Kind, Basis: of.Basis, Before: of.Before, At: d.now(),
		Versions: map[string]int64{}, Keys: map[string][]string{}, Numbers: map[string][]int64{}}
	var codes []string
	for i := range list {
		codes = append(codes, list[i].Code)
		x.Versions[list[i].Code] = list[i].Version
	}
	find := func(dataset, key, field string, more ...cql2.Expr) error {
		filter := cql2.And(append(more, oneOf(field, codes))...)
		_, err := d.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: dataset, Fields: []string{key}, Filter: filter}, func(rec repo.Record) error {
			x.Keys[dataset] = append(x.Keys[dataset], look{rec.Entry, rec.Values, d.repo.Zone()}.text(key))
			return nil
		})
		return err
	}
	for _, f := range [][3]string{{Reporters, "code", "code"}, {Followers, "id", "request"}, {Strikes, "request", "request"}} {
		if err := find(f[0], f[1], f[2]); err != nil {
			return nil, err
		}
	}
	about := []cql2.Expr{oneOf("aboutDataset", []string{Dataset})}
	if of.Kind == Identities { // staff keep what they were told
		about = append(about, &cql2.Call{Op: "like", Args: []cql2.Expr{prop("link"), &cql2.Lit{Value: value.OfText("/street/%")}}})
	}
	if err := find(repo.SystemNotification, "id", "aboutKey", about...); err != nil {
		return nil, err
	}
	x.Guests = x.Keys[Followers]
	if of.Kind == WholeRequests {
		_, err := d.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: Entries, Fields: []string{"request", "number", "kind", "ref", "facts"}, Filter: oneOf("request", codes)}, func(rec repo.Record) error {
			l := look{rec.Entry, rec.Values, d.repo.Zone()}
			e := entryOf(l)
			code := l.text("request")
			x.Numbers[code] = append(x.Numbers[code], e.Number)
			if e.Kind == Photo && e.Ref != "" && !slices.Contains(x.Files, e.Ref) {
				x.Files = append(x.Files, e.Ref)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return json.Marshal(&x)
}

// dispose carries an erasure out: one commit takes the records out of the present
// and counts them, then history, log and files follow, then the note of it goes.
func (d *Desk) dispose(ctx context.Context, kept repo.Private, raw []byte) (Expired, error) {
	var x disposal
	if err := json.Unmarshal(raw, &x); err != nil {
		return Expired{}, err
	}
	done := Expired{Rule: x.Rule, Kind: x.Kind, Basis: x.Basis, Before: x.Before, Count: int64(len(x.Versions))}
	counted, err := d.exists(ctx, repo.SystemRequestDeletion, x.ID)
	if err != nil {
		return Expired{}, err
	}
	if !counted {
		changes, err := d.removals(&x)
		if err != nil {
			return Expired{}, err
		}
		_, err = d.commitBy(ctx, clockActor.Name, "retention", "request-retention/"+x.ID, changes)
		if retry(err) { // something happened to one of them since: it is looked at anew
			return Expired{}, kept.Swap(ctx, disposalKey, raw, nil)
		}
		if err != nil {
			return Expired{}, err
		}
	} else {
		done.Count = 0 // told already
	}
	var list []repo.Erasing
	erase := func(dataset string, key ...value.Value) {
		list = append(list, repo.Erasing{Dataset: dataset, Key: key, Basis: x.Basis, Reason: "retention: " + x.Rule})
	}
	for dataset, keys := range x.Keys {
		for _, key := range keys {
			erase(dataset, value.OfText(key))
		}
	}
	if x.Kind == WholeRequests {
		for code := range x.Versions {
			for _, n := range x.Numbers[code] {
				erase(Entries, value.OfText(code), value.OfInt(n))
			}
			erase(Dataset, value.OfText(code))
		}
	}
	if d.guests != nil {
		for _, id := range x.Guests {
			if err := d.guests.Forget(ctx, guestAccount(id)); err != nil {
				return done, err
			}
		}
	}
	if err := d.repo.EraseAll(ctx, repo.Internal(), list); err != nil {
		return done, err
	}
	if d.files != nil && len(x.Files) > 0 {
		if err := d.files.Erase(ctx, x.Files...); err != nil {
			return done, err
		}
	}
	err = kept.Swap(ctx, disposalKey, raw, nil)
	if errors.Is(err, store.ErrStateMoved) {
		err = nil // another server went on with it, too
	}
	return done, err
}

// removals are the changes by which records leave the present, with their count.
func (d *Desk) removals(x *disposal) ([]commit.Change, error) {
	var list []commit.Change
	remove := func(dataset string, expect int64, key ...value.Value) error {
		e, err := d.repo.Entry(repo.Internal(), dataset)
		if err != nil {
			return err
		}
		row := make([]value.Value, e.Table.Width())
		for i, k := range e.Table.Key {
			row[k] = key[i]
		}
		list = append(list, commit.Change{Dataset: dataset, Op: commit.Delete, Row: row, Expect: expect})
		return nil
	}
	for dataset, keys := range x.Keys {
		for _, key := range keys {
			if err := remove(dataset, commit.Present, value.OfText(key)); err != nil {
				return nil, err
			}
		}
	}
	if x.Kind == WholeRequests {
		for code, version := range x.Versions {
			for _, n := range x.Numbers[code] {
				if err := remove(Entries, commit.Present, value.OfText(code), value.OfInt(n)); err != nil {
					return nil, err
				}
			}
			if err := remove(Dataset, version, value.OfText(code)); err != nil {
				return nil, err
			}
		}
	}
	e, err := d.repo.Entry(repo.Internal(), repo.SystemRequestDeletion)
	if err != nil {
		return nil, err
	}
	c := cellsOf(e)
	for name, text := range map[string]string{"id": x.ID, "kind": x.Kind, "rule": x.Rule, "basis": x.Basis} {
		c.text(name, text)
	}
	c.at("at", x.At)
	c.at("before", x.Before)
	c.set("count", value.OfInt(int64(len(x.Versions))))
	return append(list, commit.Change{Dataset: repo.SystemRequestDeletion, Op: commit.Put, Row: c.row, Expect: commit.Absent}), nil
}

// Erased lists the latest deletions, for whoever asks: the log of them is open.
func (d *Desk) Erased(ctx context.Context, p repo.Principal, most int) (list []Expired, at []time.Time, err error) {
	_, err = d.repo.Read(ctx, p, repo.Query{Dataset: repo.SystemRequestDeletion, Sort: []repo.Sort{{Field: "at", Desc: true}}, Limit: most}, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		list = append(list, Expired{Rule: l.text("rule"), Kind: l.text("kind"), Basis: l.text("basis"), Before: l.at("before"), Count: l.count("count")})
		at = append(at, l.at("at"))
		return nil
	})
	if problem.KindOf(err) == problem.NotFound && err != nil {
		err = nil
	}
	return list, at, err
}
