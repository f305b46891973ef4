package sharing

import (
	"context"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Action is one step of the workflow.
type Action string

const (
	Ask      Action = "request"  // by staff of an agency
	Question Action = "question" // the owner asks something back
	Answer   Action = "answer"   // by the agency that asked
	Approve  Action = "approve"  // by the owner, of what was asked or of less
	Refuse   Action = "refuse"   // by the owner, with reason and citation (Decree 194/2025, Article 16)
	Withdraw Action = "withdraw" // by the agency that asked or holds it: it is no longer needed
	Revoke   Action = "revoke"   // by the owner, with reason; it holds on the next request
	Expire   Action = "expire"   // by Huong, once the end has passed
)

// follow is the whole workflow: which state a step leads to from a state.
var follow = map[Action]map[grant.State]grant.State{
	Ask:      {"": grant.Requested},
	Question: {grant.Requested: grant.Question},
	Answer:   {grant.Question: grant.Requested},
	Approve:  {grant.Requested: grant.InForceState, grant.Question: grant.InForceState},
	Refuse:   {grant.Requested: grant.Refused, grant.Question: grant.Refused},
	Withdraw: {grant.Requested: grant.Ended, grant.Question: grant.Ended, grant.InForceState: grant.Ended},
	Revoke:   {grant.InForceState: grant.Revoked},
	Expire:   {grant.InForceState: grant.Ended},
}

// Terms are what is asked for, or what an owner approves of it.
type Terms struct {
	Fields, Tags []string
	Rows         string
	OwnAreas     bool
	OwnAgency    string
	Purposes     []string
	Masks        []grant.Mask
	MinimumCell  int
	From, Until  int64 // µs since 1970
	Role         string
	Account      string
}

// Request is what an agency asks for; the agency is that of who asks.
type Request struct {
	Terms
	Dataset string
	Action  grant.Action
	Basis   string // legal citation
	Need    string // why, in words
}

// longest is how long a grant may be asked for: the owner shall look at each
// again.
const longest = 5 * 366 * 24 * time.Hour

// Request records what p's agency asks of the owner of a dataset. Everything
// that is wrong with it is told at once, by the field of the record. Denied for
// who acts for no agency.
func (d *Desk) Request(ctx context.Context, p repo.Principal, r Request) (Grant, error) {
	if p.Name == "" {
		return Grant{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if !Staff(p) {
		return Grant{}, problem.New(problem.Denied, "share-staff")
	}
	e, err := d.repo.Entry(repo.Internal(), r.Dataset)
	if err != nil || e.System {
		return Grant{}, problem.InvalidWith("share-invalid", []problem.Violation{problem.Violate("dataset-unknown", "dataset", "dataset", short(r.Dataset))})
	}
	id, err := d.number()
	if err != nil {
		return Grant{}, err
	}
	now := d.repo.Now()
	g := Grant{Owner: e.Dataset.Owner, Need: strings.TrimSpace(r.Need), Grant: grant.Grant{
		ID: id, Dataset: r.Dataset, Agency: p.Agency, Action: r.Action, Basis: strings.TrimSpace(r.Basis),
		State: grant.Requested, AskedBy: p.Name, AskedAt: now.UnixMicro(),
	}}
	r.Terms.onto(&g.Grant)
	if g.From == 0 {
		g.From = now.UnixMicro()
	}
	vs := grant.Check(&g.Grant, e.Dataset, e.Table)
	vs = append(vs, d.lawful(&g, e, now)...)
	if err := problem.InvalidWith("share-invalid", vs); err != nil {
		return Grant{}, err
	}
	return g, d.write(ctx, p.Name, reasonOf(Ask, g.Need), &g, commit.Absent)
}

func (t Terms) onto(g *grant.Grant) {
	g.Fields, g.Tags, g.Rows, g.OwnAreas, g.OwnAgency = t.Fields, t.Tags, strings.TrimSpace(t.Rows), t.OwnAreas, t.OwnAgency
	g.Purposes, g.Masks, g.MinimumCell, g.From, g.Until = t.Purposes, t.Masks, t.MinimumCell, t.From, t.Until
	g.Role, g.Account = t.Role, t.Account
}

// lawful checks what a grant alone cannot tell: that purposes exist and are
// named for personal data, that it ends, that it is said why.
func (d *Desk) lawful(g *Grant, e *repo.Entry, now time.Time) (vs []problem.Violation) {
	fail := func(code, field string, kv ...any) { vs = append(vs, problem.Violate(code, field, kv...)) }
	known := d.repo.Purposes()
	for _, code := range g.Purposes {
		if u, ok := known[code]; !ok || u.Ended {
			fail("purpose-unknown", "purposes")
		}
	}
	if len(g.Purposes) == 0 && personal(&g.Grant, e) {
		fail("share-purpose", "purposes")
	}
	if g.Need == "" {
		fail("grant-missing", "need")
	}
	switch {
	case g.Until == 0:
		fail("grant-missing", "until")
	case g.Until <= now.UnixMicro():
		fail("share-past", "until")
	case g.Until > now.Add(longest).UnixMicro():
		fail("share-long", "until", "years", 5)
	}
	return vs
}

// Step is a step by a person on a grant that exists.
type Step struct {
	Action   Action
	Version  int64  // of the record that the person looked at
	Text     string // the question, the answer, or the reason
	Citation string // the law that a refusal rests on
	Terms    *Terms // Approve: what is granted, when it is less than was asked
}

// Step takes one step. Stale when the grant is no longer at the version that it
// was decided upon, Conflict when its state does not allow the step, Denied for
// who may not take it: owner's steps are for the owner's stewards, and never for
// who asked; answers are for the agency that asked.
func (d *Desk) Step(ctx context.Context, p repo.Principal, id string, s Step) (Grant, error) {
	g, err := d.Get(ctx, p, id, 0)
	if err != nil {
		return Grant{}, err
	}
	if err := d.may(p, &g, s.Action); err != nil {
		return Grant{}, err
	}
	if s.Version != g.Version {
		return Grant{}, problem.New(problem.Stale, "share-stale", "id", g.ID)
	}
	now := d.repo.Now()
	next, ok := follow[s.Action][g.StateAt(now)]
	if !ok {
		return Grant{}, problem.New(problem.Conflict, "share-step", "id", g.ID, "step", s.Action, "state", g.StateAt(now))
	}
	asked := g
	s.Text, s.Citation = strings.TrimSpace(s.Text), strings.TrimSpace(s.Citation)
	var vs []problem.Violation
	need := func(field, text string) {
		if text == "" {
			vs = append(vs, problem.Violate("grant-missing", field))
		}
	}
	switch s.Action {
	case Question:
		need("question", s.Text)
		g.Question, g.Answer = s.Text, ""
	case Answer:
		need("answer", s.Text)
		g.Answer = s.Text
	case Refuse:
		need("reason", s.Text)
		need("citation", s.Citation)
	case Revoke:
		need("reason", s.Text)
	case Approve:
		e, err := d.repo.Entry(repo.Internal(), g.Dataset)
		if err != nil {
			return Grant{}, err
		}
		if s.Terms != nil {
			vs = append(vs, narrow(&g.Grant, *s.Terms, e)...)
		}
		if len(vs) == 0 {
			g.State = next
			vs = append(grant.Check(&g.Grant, e.Dataset, e.Table), d.lawful(&g, e, now)...)
		}
	}
	if err := problem.InvalidWith("share-invalid", vs); err != nil {
		return Grant{}, err
	}
	g.State = next
	switch s.Action {
	case Approve, Refuse, Revoke, Withdraw:
		g.DecidedBy, g.DecidedAt, g.Reason, g.Citation = p.Name, now.UnixMicro(), s.Text, s.Citation
	}
	return g, d.write(ctx, p.Name, reasonOf(s.Action, s.Text), &g, asked.Version)
}

// Preview computes what a grant that is asked for would show, with an owner's
// terms where they give less. It is for who may approve it; what they see of
// persons is recorded. Errors are those of an approval.
func (d *Desk) Preview(ctx context.Context, p repo.Principal, id string, terms *Terms) (repo.Preview, error) {
	g, err := d.Get(ctx, p, id, 0)
	if err != nil {
		return repo.Preview{}, err
	}
	if err := d.may(p, &g, Approve); err != nil {
		return repo.Preview{}, err
	}
	if _, ok := follow[Approve][g.StateAt(d.repo.Now())]; !ok {
		return repo.Preview{}, problem.New(problem.Conflict, "share-step", "id", g.ID, "step", Approve, "state", g.StateAt(d.repo.Now()))
	}
	e, err := d.repo.Entry(repo.Internal(), g.Dataset)
	if err != nil {
		return repo.Preview{}, err
	}
	var vs []problem.Violation
	if terms != nil {
		vs = narrow(&g.Grant, *terms, e)
	}
	if len(vs) == 0 {
		vs = grant.Check(&g.Grant, e.Dataset, e.Table)
	}
	if err := problem.InvalidWith("share-invalid", vs); err != nil {
		return repo.Preview{}, err
	}
	return d.repo.Preview(ctx, p, &g.Grant)
}

// May lists the steps that p may take on a grant now, in their order.
func (d *Desk) May(p repo.Principal, g *Grant) []Action {
	var list []Action
	for _, a := range []Action{Question, Answer, Approve, Refuse, Revoke, Withdraw} {
		if _, ok := follow[a][g.StateAt(d.repo.Now())]; ok && d.may(p, g, a) == nil {
			list = append(list, a)
		}
	}
	return list
}

func (d *Desk) may(p repo.Principal, g *Grant, a Action) error {
	switch a {
	case Question, Approve, Refuse, Revoke:
		switch {
		case !Decides(p, g.Owner):
			return problem.New(problem.Denied, "share-owner", "owner", g.Owner)
		case a != Revoke && (p.Name == g.AskedBy || p.Name == g.Account):
			return problem.New(problem.Denied, "share-two-persons")
		}
		return nil
	case Answer, Withdraw:
		if !p.Admin && (!Staff(p) || p.Agency != g.Agency) {
			return problem.New(problem.Denied, "share-grantee", "agency", g.Agency)
		}
		return nil
	}
	return problem.New(problem.Invalid, "share-action", "step", short(string(a)))
}

// reasonOf is what the log says about a step.
func reasonOf(a Action, text string) string {
	if text == "" {
		return string(a)
	}
	return string(a) + ": " + text
}

// narrow puts an owner's terms in place of those asked for, and tells where they
// give more. Rows are joined: what is granted lies in what was asked for.
func narrow(g *grant.Grant, t Terms, e *repo.Entry) (vs []problem.Violation) {
	asked := *g
	more := func(field string) { vs = append(vs, problem.Violate("share-wider", field)) }
	t.onto(g)
	switch {
	case asked.Rows == "" || g.Rows == asked.Rows:
	case g.Rows == "":
		g.Rows = asked.Rows
	default:
		g.Rows = "(" + asked.Rows + ") AND (" + g.Rows + ")"
	}
	g.OwnAreas = g.OwnAreas || asked.OwnAreas
	for _, part := range []struct {
		field       string
		asked, have *string
	}{{"ownAgency", &asked.OwnAgency, &g.OwnAgency}, {"role", &asked.Role, &g.Role}, {"account", &asked.Account, &g.Account}} {
		switch {
		case *part.have == "":
			*part.have = *part.asked
		case *part.asked != "" && *part.have != *part.asked:
			more(part.field)
		}
	}
	if g.From == 0 {
		g.From = asked.From
	}
	if g.Until == 0 {
		g.Until = asked.Until
	}
	if g.From < asked.From {
		more("from")
	}
	if asked.Until != 0 && g.Until > asked.Until {
		more("until")
	}
	if len(asked.Purposes) > 0 {
		if len(g.Purposes) == 0 {
			g.Purposes = asked.Purposes
		}
		for _, code := range g.Purposes {
			if !slices.Contains(asked.Purposes, code) {
				more("purposes")
				break
			}
		}
	}
	if g.MinimumCell == 0 {
		g.MinimumCell = asked.MinimumCell
	}
	if g.MinimumCell < asked.MinimumCell {
		more("minimumCell")
	}
	if len(g.Fields) == 0 && len(g.Tags) == 0 {
		g.Fields, g.Tags = asked.Fields, asked.Tags
	}
	if len(g.Masks) == 0 {
		g.Masks = masksOf(asked.Masks, g, e)
	}
	clear, masked := shows(g, e)
	askedClear, askedMasked := shows(&asked, e)
	for _, name := range clear {
		if !slices.Contains(askedClear, name) {
			more("fields")
			return vs
		}
	}
	for _, name := range masked {
		if !slices.Contains(askedClear, name) && !slices.Contains(askedMasked, name) {
			more("fields")
			return vs
		}
	}
	return vs
}

// masksOf are those masks that still have something to mask.
func masksOf(asked []grant.Mask, g *grant.Grant, e *repo.Entry) (masks []grant.Mask) {
	names, _ := shows(g, e)
	for _, m := range asked {
		if slices.ContainsFunc(names, func(name string) bool {
			f, ok := e.Dataset.Field(name)
			return name == m.Field || ok && slices.Contains(f.Tags, m.Tag)
		}) {
			masks = append(masks, m)
		}
	}
	return masks
}

// shows lists the columns that a grant would show once it is in force, as the
// one compiler of grants says.
func shows(g *grant.Grant, e *repo.Entry) (clear, masked []string) {
	would := *g
	would.State, would.From, would.Until, would.Rows, would.OwnAreas, would.OwnAgency = grant.InForceState, 0, 0, "", false, ""
	r := grant.Request{Action: g.Action, Purpose: "any", Dataset: e.Dataset, Table: e.Table, At: 1,
		Subject: grant.Subject{Agency: g.Agency, Account: g.Account, Roles: []string{g.Role}}}
	would.Purposes = nil
	decision := grant.NewPolicy([]*grant.Grant{&would}).Decide(r)
	for _, x := range decision.Explain().Gives {
		if x.ID != g.ID {
			continue
		}
		clear = x.Clear
		for _, m := range x.Masked {
			masked = append(masked, m.Field)
		}
	}
	return clear, masked
}

// personal tells whether a grant shows personal or restricted fields.
func personal(g *grant.Grant, e *repo.Entry) bool {
	clear, masked := shows(g, e)
	for _, name := range slices.Concat(clear, masked) {
		rank := e.Dataset.Classification.Rank()
		if f, ok := e.Dataset.Field(name); ok {
			rank = max(rank, f.Classification.Rank())
		}
		if rank >= 2 {
			return true
		}
	}
	return false
}
