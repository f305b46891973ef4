// Package sharing is the workflow of grants: an agency asks, the owner asks
// back, approves (perhaps less than was asked), refuses or revokes; a grant ends
// by its date. Every step is a commit with its actor and reason, and where a
// grant stands is the fold of those steps. Whether a step is allowed is checked
// here, by who asks; it is then written as Huong's own work, for nobody writes
// the dataset of grants by a right of their own.
package sharing

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Desk is where grants are asked for and decided. It is safe for concurrent use.
type Desk struct {
	repo   *repo.Repository
	random io.Reader
	turn   sync.Mutex // random need not be safe for concurrent use
	watch  *Watch
}

// New makes a desk; random gives the numbers of grants. The watch tells when
// grants were last used; nil = nothing is known of it.
func New(r *repo.Repository, random io.Reader, w *Watch) *Desk {
	return &Desk{repo: r, random: random, watch: w}
}

// Grant is a grant as its record stands, with what the workflow keeps beside
// the right itself.
type Grant struct {
	grant.Grant
	Version  int64  // of the record: what a step is decided upon
	Owner    string // agency that decides, as the dataset declares now; "" = nobody but the operator
	Need     string
	Question string
	Answer   string
}

// State is where the grant stands at a time: one whose end has passed gives
// nothing, though the step that says so may come a little later.
func (g *Grant) StateAt(at time.Time) grant.State {
	if g.State == grant.InForceState && g.Until != 0 && g.Until <= at.UnixMicro() {
		return grant.Ended
	}
	return g.State
}

// staff are the roles that act for an agency.
var staff = [...]string{grant.Steward, grant.Engineer, grant.OperatorRole, grant.Officer, grant.Leader}

// Staff tells whether p acts for an agency, so that they may ask in its name.
func Staff(p repo.Principal) bool {
	return p.Name != "" && p.Agency != "" && slices.ContainsFunc(staff[:], p.Is)
}

// Decides tells whether p decides on grants of a dataset of an owner: a steward
// of that agency, or the operator on the data itself.
func Decides(p repo.Principal, owner string) bool {
	return p.Admin || p.Name != "" && owner != "" && p.Agency == owner && p.Is(grant.Steward)
}

// sees tells whether p is shown a grant: the staff of its owner and of its
// grantee, auditors, and the account that it is for.
func (d *Desk) sees(p repo.Principal, g *Grant) bool {
	switch {
	case p.Admin || p.Is(grant.Auditor):
		return true
	case Staff(p):
		return p.Agency == g.Owner || p.Agency == g.Agency
	}
	return p.Name != "" && p.Name == g.Account
}

// Get returns a grant that p may see, as of a commit when asOf is positive.
// NotFound otherwise.
func (d *Desk) Get(ctx context.Context, p repo.Principal, id string, asOf int64) (Grant, error) {
	if p.Name == "" {
		return Grant{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	rec, err := d.repo.Get(ctx, repo.Internal(), repo.SystemGrant, []value.Value{value.OfText(id)}, asOf)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return Grant{}, unknown(id)
		}
		return Grant{}, err
	}
	g := d.of(rec)
	if !d.sees(p, &g) {
		return Grant{}, unknown(id)
	}
	return g, nil
}

func unknown(id string) error { return problem.New(problem.NotFound, "share-unknown", "id", short(id)) }

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (d *Desk) of(rec repo.Record) Grant {
	g := Grant{Grant: *repo.GrantOf(rec.Entry, rec.Values), Version: rec.Version}
	text := func(name string) string {
		if i, _, _, ok := rec.Entry.Table.Property(name); ok && rec.Values[i].Kind() == value.Text {
			return strings.Clone(rec.Values[i].Text())
		}
		return ""
	}
	g.Need, g.Question, g.Answer = text("need"), text("question"), text("answer")
	g.Owner = d.ownerOf(g.Dataset)
	return g
}

// ownerOf is the agency that owns a dataset, "" when there is none.
func (d *Desk) ownerOf(name string) string {
	if e, err := d.repo.Entry(repo.Internal(), name); err == nil {
		return e.Dataset.Owner
	}
	return ""
}

// Entry is the dataset that a grant is about, for who is shown the grant.
func (d *Desk) Entry(g *Grant) (*repo.Entry, error) { return d.repo.Entry(repo.Internal(), g.Dataset) }

// TitleOf is the title of a dataset that a grant is about.
func (d *Desk) TitleOf(name, lang string) string {
	if e, err := d.repo.Entry(repo.Internal(), name); err == nil {
		return e.Dataset.Title.In(lang)
	}
	return name
}

// TimeOf is when a commit was made.
func (d *Desk) TimeOf(ctx context.Context, seq int64) (at time.Time, err error) {
	err = d.repo.Log(ctx, repo.Internal(), repo.LogQuery{After: seq - 1, Limit: 1}, func(e *commit.Entry) error {
		at = time.UnixMicro(e.At)
		return nil
	})
	return at, err
}

// Query selects grants. The zero Query selects all that p may see.
type Query struct {
	Dataset string
	States  []grant.State // as recorded; none = every one
	Of      string        // "owner": on p's datasets; "mine": held or asked for by p's agency; "" = both
	Until   time.Time     // only those that end before; the zero time = all
	AsOf    int64         // commit; 0 = now
	Limit   int           // 0 = all
	Cursor  string
}

// List streams the grants that p may see, by dataset and number, and returns
// the cursor of the next page. Unauthenticated for the public; who may see none
// gets none.
func (d *Desk) List(ctx context.Context, p repo.Principal, q Query) (list []Grant, next string, err error) {
	if p.Name == "" {
		return nil, "", problem.New(problem.Unauthenticated, "unauthenticated")
	}
	who := d.scope(p, q.Of)
	filter := []cql2.Expr{who}
	if !p.Admin && !p.Is(grant.Auditor) && who == nil {
		return nil, "", nil
	}
	if q.Dataset != "" {
		filter = append(filter, oneOf("dataset", q.Dataset))
	}
	if len(q.States) > 0 {
		var names []string
		for _, s := range q.States {
			names = append(names, string(s))
		}
		filter = append(filter, oneOf("state", names...))
	}
	if !q.Until.IsZero() {
		filter = append(filter, &cql2.Call{Op: "<", Args: []cql2.Expr{
			&cql2.Prop{Name: "until", Column: -1}, &cql2.Lit{Value: value.OfInstant(q.Until)}}})
	}
	rq := repo.Query{Dataset: repo.SystemGrant, Filter: cql2.And(filter...), AsOf: q.AsOf, Limit: q.Limit, Cursor: q.Cursor,
		Sort: []repo.Sort{{Field: "dataset"}}}
	page, err := d.repo.Read(ctx, repo.Internal(), rq, func(rec repo.Record) error {
		list = append(list, d.of(rec))
		return nil
	})
	return list, page.Next, err
}

// scope is the condition on whose grants p is shown; nil = no condition for who
// sees all, and nothing to see for anybody else.
func (d *Desk) scope(p repo.Principal, of string) cql2.Expr {
	all := p.Admin || p.Is(grant.Auditor)
	if all && of == "" {
		return nil
	}
	var either []cql2.Expr
	if Staff(p) {
		var owned []string
		for _, e := range d.repo.Entries(repo.Internal()) {
			if e.Dataset.Owner == p.Agency {
				owned = append(owned, e.Dataset.Name)
			}
		}
		if of != "mine" && len(owned) > 0 {
			either = append(either, oneOf("dataset", owned...))
		}
		if of != "owner" {
			either = append(either, oneOf("agency", p.Agency))
		}
	}
	if of != "owner" {
		either = append(either, oneOf("account", p.Name))
	}
	switch len(either) {
	case 0:
		return &cql2.Lit{Value: value.OfBool(false)}
	case 1:
		return either[0]
	}
	return &cql2.Call{Op: "or", Args: either}
}

func oneOf(field string, texts ...string) cql2.Expr {
	list := &cql2.List{}
	for _, t := range texts {
		list.Items = append(list.Items, &cql2.Lit{Value: value.OfText(t)})
	}
	return &cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, list}}
}

// number makes the number of a new grant: "g" and 60 random bits.
func (d *Desk) number() (string, error) {
	var b [8]byte
	d.turn.Lock()
	defer d.turn.Unlock()
	if _, err := io.ReadFull(d.random, b[:]); err != nil {
		return "", err
	}
	return "g" + hex.EncodeToString(b[:])[:15], nil
}

// write commits a grant's record as it shall stand, where it still stands at
// the version that was decided upon.
func (d *Desk) write(ctx context.Context, actor, reason string, g *Grant, expect int64) error {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemGrant)
	if err != nil {
		return err
	}
	receipt, err := d.repo.Commit(ctx, repo.Internal(), &commit.Request{
		Header:  commit.Header{Actor: actor, Source: "sharing", Reason: reason},
		Changes: []commit.Change{{Dataset: repo.SystemGrant, Op: commit.Put, Row: rowOf(e, g), Expect: expect}},
	})
	if err == nil {
		g.Version = receipt.Seq
	}
	return err
}

// rowOf writes a grant's record; it is what repo.GrantOf reads.
func rowOf(e *repo.Entry, g *Grant) []value.Value {
	row := make([]value.Value, e.Table.Width())
	set := func(name string, v value.Value) {
		if i, _, _, ok := e.Table.Property(name); ok {
			row[i] = v
		}
	}
	text := func(name, s string) {
		if s != "" {
			set(name, value.OfText(s))
		}
	}
	list := func(name string, items []string) {
		if len(items) > 0 {
			b, _ := json.Marshal(items)
			set(name, value.OfText(string(b)))
		}
	}
	at := func(name string, micros int64) {
		if micros != 0 {
			set(name, value.OfTime(micros))
		}
	}
	for name, s := range map[string]string{
		"id": g.ID, "dataset": g.Dataset, "agency": g.Agency, "role": g.Role, "account": g.Account, "action": string(g.Action),
		"rows": g.Rows, "ownAgency": g.OwnAgency, "basis": g.Basis, "state": string(g.State), "askedBy": g.AskedBy, "need": g.Need,
		"decidedBy": g.DecidedBy, "question": g.Question, "answer": g.Answer, "reason": g.Reason, "citation": g.Citation,
	} {
		text(name, s)
	}
	list("fields", g.Fields)
	list("tags", g.Tags)
	list("purposes", g.Purposes)
	at("from", g.From)
	at("until", g.Until)
	at("askedAt", g.AskedAt)
	at("decidedAt", g.DecidedAt)
	if g.OwnAreas {
		set("ownAreas", value.OfBool(true))
	}
	if g.MinimumCell > 0 {
		set("minimumCell", value.OfInt(int64(g.MinimumCell)))
	}
	if len(g.Masks) > 0 {
		type mask struct {
			Field string `json:"field,omitempty"`
			Tag   string `json:"tag,omitempty"`
			How   string `json:"how"`
		}
		var masks []mask
		for _, m := range g.Masks {
			masks = append(masks, mask{m.Field, m.Tag, string(m.How)})
		}
		b, _ := json.Marshal(masks)
		set("masks", value.OfText(string(b)))
	}
	return row
}
