package account

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Kinds of accounts.
const (
	Staff   = "staff"
	Citizen = "citizen"
	Machine = "machine"
)

// Account is a record of the dataset account.
type Account struct {
	ID, Name, Kind, Email string
	Person                string // personal number of a citizen
	Issuer, Subject       string // at an identity provider
	Assurance             int
	Created               time.Time
	Disabled              bool
}

// Capacity is a record of the dataset capacity: as what an account acts.
type Capacity struct {
	ID, Account, Agency string
	Roles, Areas        []string
	From, Until         time.Time // zero Until: no end
	DelegatedBy         string    // account whose capacity it derives from
	Source              string    // that capacity
	Reason              string
	Ended               bool
}

func accountOf(rec repo.Record) Account {
	f := fields{rec.Entry, rec.Values}
	assurance, _ := f.value("assurance").Number()
	return Account{
		ID: f.text("id"), Name: f.text("name"), Kind: f.text("kind"), Email: f.text("email"), Person: f.text("person"),
		Issuer: f.text("issuer"), Subject: f.text("subject"), Assurance: int(assurance), Created: f.time("createdAt"), Disabled: f.boolean("disabled"),
	}
}

func (acc *Account) row(e *repo.Entry) []value.Value {
	f := fields{e, make([]value.Value, e.Table.Width())}
	f.set("id", acc.ID)
	f.set("name", acc.Name)
	f.set("kind", acc.Kind)
	f.set("email", acc.Email)
	f.set("person", acc.Person)
	f.set("issuer", acc.Issuer)
	f.set("subject", acc.Subject)
	f.put("assurance", value.OfInt(int64(acc.Assurance)))
	f.put("createdAt", value.OfInstant(acc.Created))
	f.put("disabled", value.OfBool(acc.Disabled))
	return f.row
}

func capacityOf(rec repo.Record) Capacity {
	f := fields{rec.Entry, rec.Values}
	return Capacity{
		ID: f.text("id"), Account: f.text("account"), Agency: f.text("agency"), Roles: f.list("roles"), Areas: f.list("areas"),
		From: f.time("from"), Until: f.time("until"), DelegatedBy: f.text("delegatedBy"), Source: f.text("source"),
		Reason: f.text("reason"), Ended: f.boolean("ended"),
	}
}

func (c *Capacity) row(e *repo.Entry) []value.Value {
	f := fields{e, make([]value.Value, e.Table.Width())}
	f.set("id", c.ID)
	f.set("account", c.Account)
	f.set("agency", c.Agency)
	f.setList("roles", c.Roles)
	f.setList("areas", c.Areas)
	f.put("from", value.OfInstant(c.From))
	if !c.Until.IsZero() {
		f.put("until", value.OfInstant(c.Until))
	}
	f.set("delegatedBy", c.DelegatedBy)
	f.set("source", c.Source)
	f.set("reason", c.Reason)
	f.put("ended", value.OfBool(c.Ended))
	return f.row
}

// fields reads and fills a row by the names of its fields.
type fields struct {
	entry *repo.Entry
	row   []value.Value
}

func (f fields) value(name string) value.Value {
	if i, _, _, ok := f.entry.Table.Property(name); ok {
		return f.row[i]
	}
	return value.Value{}
}

// text copies, since a row lasts no longer than its callback.
func (f fields) text(name string) string {
	if v := f.value(name); v.Kind() == value.Text {
		return string(append([]byte(nil), v.Text()...))
	}
	return ""
}

func (f fields) list(name string) (items []string) {
	json.Unmarshal([]byte(f.text(name)), &items)
	return items
}

func (f fields) time(name string) time.Time {
	if v := f.value(name); v.Kind() == value.Time {
		return v.Instant()
	}
	return time.Time{}
}

func (f fields) boolean(name string) bool {
	v := f.value(name)
	return v.Kind() == value.Bool && v.Bool()
}

func (f fields) put(name string, v value.Value) {
	if i, _, _, ok := f.entry.Table.Property(name); ok {
		f.row[i] = v
	}
}

func (f fields) set(name, text string) {
	if text != "" {
		f.put(name, value.OfText(text))
	}
}

func (f fields) setList(name string, items []string) {
	if len(items) > 0 {
		f.set(name, string(encoded(items)))
	}
}

// is is the condition that a field has a text.
func is(field, text string) cql2.Expr {
	return &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: value.OfText(text)}}}
}

// write commits records on behalf of p, whose right to it the caller has checked.
func (a *Accounts) write(ctx context.Context, p repo.Principal, reason string, changes ...commit.Change) error {
	_, err := a.repo.Commit(ctx, repo.Internal(), &commit.Request{
		Header:  commit.Header{Actor: p.Name, Source: "account", Reason: reason},
		Changes: changes,
	})
	return err
}

func (a *Accounts) entry(name string) (*repo.Entry, error) {
	return a.repo.Entry(repo.Internal(), name)
}

// person is an account with everything that its capacities rest on.
type person struct {
	Account
	own     []Capacity
	sources map[string]Capacity // capacities that delegated ones derive from
	off     map[string]bool     // accounts of those that are disabled
}

// maxKnown bounds how many accounts are remembered.
const maxKnown = 10_000

// cache remembers accounts as long as the policy stays the same.
type cache struct {
	mu      sync.Mutex
	version int64
	byID    map[string]*person
}

func (c *cache) find(version int64, id string) *person {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version || len(c.byID) >= maxKnown {
		c.version, c.byID = version, nil
	}
	return c.byID[id]
}

func (c *cache) keep(version int64, who *person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version {
		return
	}
	if c.byID == nil {
		c.byID = map[string]*person{}
	}
	c.byID[who.ID] = who
}

// person returns an account, or nil when there is none. It is shared: nobody
// changes it.
func (a *Accounts) person(ctx context.Context, id string) (*person, error) {
	version := a.repo.PolicyVersion()
	if who := a.known.find(version, id); who != nil {
		return who, nil
	}
	rec, err := a.record(ctx, repo.SystemAccount, id)
	if rec == nil || err != nil {
		return nil, err
	}
	who := &person{Account: accountOf(*rec), sources: map[string]Capacity{}, off: map[string]bool{}}
	if who.own, err = a.capacities(ctx, is("account", id)); err != nil {
		return nil, err
	}
	for _, c := range who.own {
		if c.Source == "" {
			continue
		}
		if rec, err = a.record(ctx, repo.SystemCapacity, c.Source); err != nil {
			return nil, err
		}
		if rec != nil {
			who.sources[c.Source] = capacityOf(*rec)
		}
		if rec, err = a.record(ctx, repo.SystemAccount, c.DelegatedBy); err != nil {
			return nil, err
		}
		who.off[c.DelegatedBy] = rec == nil || accountOf(*rec).Disabled
	}
	a.known.keep(version, who)
	return who, nil
}

// record returns a record by its key, nil when there is none.
func (a *Accounts) record(ctx context.Context, dataset, key string) (*repo.Record, error) {
	rec, err := a.repo.Get(ctx, repo.Internal(), dataset, []value.Value{value.OfText(key)}, 0)
	if problem.KindOf(err) == problem.NotFound {
		return nil, nil
	}
	return &rec, err
}

func (a *Accounts) capacities(ctx context.Context, where cql2.Expr) (list []Capacity, err error) {
	_, err = a.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: repo.SystemCapacity, Filter: where}, func(rec repo.Record) error {
		list = append(list, capacityOf(rec))
		return nil
	})
	return list, err
}

// acting lists what the account may act as at a time, by id.
func (who *person) acting(at time.Time) []Capacity {
	var list []Capacity
	if who.Disabled {
		return nil
	}
	for _, c := range who.own {
		if !c.holds(at) {
			continue
		}
		if c.Source != "" {
			source, known := who.sources[c.Source]
			if !known || source.Account != c.DelegatedBy || source.Source != "" || !source.holds(at) || who.off[c.DelegatedBy] {
				continue
			}
			if c = c.within(source); len(c.Roles) == 0 {
				continue
			}
		}
		list = append(list, c)
	}
	return list
}

func (c *Capacity) holds(at time.Time) bool {
	return !c.Ended && !at.Before(c.From) && (c.Until.IsZero() || at.Before(c.Until))
}

// within is c as far as its source goes at this moment: what the delegator has
// lost is lost to the delegate as well.
func (c Capacity) within(source Capacity) Capacity {
	c.Agency = source.Agency
	c.Roles = slices.DeleteFunc(slices.Clone(c.Roles), func(role string) bool { return !slices.Contains(source.Roles, role) })
	if !slices.Contains(source.Areas, WholeCity) {
		if slices.Contains(c.Areas, WholeCity) {
			c.Areas = source.Areas
		}
		c.Areas = slices.DeleteFunc(slices.Clone(c.Areas), func(area string) bool { return !slices.Contains(source.Areas, area) })
	}
	if !source.Until.IsZero() && (c.Until.IsZero() || c.Until.After(source.Until)) {
		c.Until = source.Until
	}
	return c
}

// WholeCity stands for all areas.
const WholeCity = "*"
