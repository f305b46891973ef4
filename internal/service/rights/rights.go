// Package rights takes what persons ask of the data about them (to be given it,
// to have it corrected, deleted or its use restricted) to the agency that owns
// the dataset, with the clocks of the law: 2 working days to answer; 10 days to
// provide or correct, 15 to restrict, 20 to delete; one extension of at most 15
// days (Personal Data Protection Law 91/2025/QH15, Article 4; Decree
// 356/2025/NĐ-CP, Article 5). Terms count from the day after the request and end
// on a working day (Civil Code 91/2015/QH13, Articles 147 and 148).
package rights

import (
	"context"
	"encoding/hex"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Kinds of requests.
const (
	Access      = "access"
	Correction  = "correction"
	Deletion    = "deletion"
	Restriction = "restriction"
)

// Kinds lists them.
func Kinds() []string { return []string{Access, Correction, Deletion, Restriction} }

// States of a request.
const (
	Received  = "received"
	Accepted  = "accepted"
	Refused   = "refused"
	Done      = "done"
	Withdrawn = "withdrawn"
)

// States lists them.
func States() []string { return []string{Received, Accepted, Refused, Done, Withdrawn} }

// The terms of the law: to answer in working days, to complete in days by kind,
// and the longest extension.
const (
	answerDays    = 2
	extensionDays = 15
)

// completeDays is how many days a request of a kind may take; 0 = no such kind.
func completeDays(kind string) int {
	switch kind {
	case Access, Correction:
		return 10
	case Restriction:
		return 15
	case Deletion:
		return 20
	}
	return 0
}

// Desk takes requests and their answers. It is safe for concurrent use.
type Desk struct {
	repo   *repo.Repository
	random io.Reader
	turn   sync.Mutex // random need not be safe for concurrent use
}

// New makes a desk; random gives the numbers of requests.
func New(r *repo.Repository, random io.Reader) *Desk { return &Desk{repo: r, random: random} }

// Request is one request as its record stands.
type Request struct {
	ID, Kind, Subject, Account string
	Dataset, Owner, Record     string
	Text, State                string
	AskedAt                    time.Time
	AnswerBy, CompleteBy       time.Time // the first moment that is too late
	AnsweredAt, DoneAt         time.Time // zero = not yet
	HandledBy                  string
	Answer, Citation           string
	Extended                   bool
	Version                    int64
}

// Overdue tells whether the clock that runs has run out.
func (r *Request) Overdue(at time.Time) bool {
	switch r.State {
	case Received:
		return !at.Before(r.AnswerBy)
	case Accepted:
		return !at.Before(r.CompleteBy)
	}
	return false
}

// Due is when the clock that runs ends; zero when none runs.
func (r *Request) Due() time.Time {
	switch r.State {
	case Received:
		return r.AnswerBy
	case Accepted:
		return r.CompleteBy
	}
	return time.Time{}
}

// Asked is what a person asks.
type Asked struct {
	Kind    string
	Dataset string
	Record  string // key of one record about the person, "" = all of the dataset's
	Text    string
}

var personNumber = regexp.MustCompile(`(^|\D)\d{12}(\D|$)`)

// Ask records a request of the person that p is. All faults are told at once.
// Denied for who is not a person known well enough.
func (d *Desk) Ask(ctx context.Context, p repo.Principal, a Asked) (Request, error) {
	subject, err := d.repo.SubjectOf(p)
	if err != nil {
		return Request{}, err
	}
	a.Text = strings.TrimSpace(a.Text)
	var vs []problem.Violation
	fail := func(code, field string, kv ...any) { vs = append(vs, problem.Violate(code, field, kv...)) }
	if completeDays(a.Kind) == 0 {
		fail("right-kind", "kind", "allowed", strings.Join(Kinds(), ", "))
	}
	switch {
	case a.Text == "":
		fail("grant-missing", "text")
	case personNumber.MatchString(a.Text):
		fail("right-number-text", "text")
	}
	e, err := d.repo.Entry(repo.Internal(), a.Dataset)
	switch {
	case err != nil || e.Dataset.Person == "":
		fail("dataset-unknown", "dataset", "dataset", short(a.Dataset))
	case a.Record != "":
		own, err := d.own(ctx, p, e, a.Record)
		if err != nil {
			return Request{}, err
		}
		if !own {
			fail("record-unknown", "record", "dataset", a.Dataset)
		}
	}
	if err := problem.InvalidWith("right-invalid", vs); err != nil {
		return Request{}, err
	}
	id, err := d.number()
	if err != nil {
		return Request{}, err
	}
	now, zone := d.repo.Now(), d.repo.Zone()
	answer, err := calendar.WorkingDaysAfter(calendar.Of(now, zone), answerDays)
	if err != nil {
		return Request{}, err
	}
	complete, err := calendar.DueAfter(calendar.Of(now, zone), completeDays(a.Kind))
	if err != nil {
		return Request{}, err
	}
	r := Request{ID: id, Kind: a.Kind, Subject: subject, Account: p.Name, Dataset: a.Dataset, Owner: e.Dataset.Owner, Record: a.Record, Text: a.Text,
		State: Received, AskedAt: now, AnswerBy: answer.End(zone), CompleteBy: complete.End(zone)}
	return r, d.write(ctx, p.Name, "request: "+a.Kind, &r, commit.Absent)
}

// own tells whether a key is that of a record about the person.
func (d *Desk) own(ctx context.Context, p repo.Principal, e *repo.Entry, key string) (found bool, err error) {
	want, err := record.ParseKey(e.Schema, key)
	if err != nil {
		return false, nil
	}
	cursor := ""
	for {
		page, err := d.repo.HeldRecords(ctx, p, e.Dataset.Name, 500, cursor, func(r repo.Record) error {
			found = found || slices.Equal(e.Table.KeyOf(nil, r.Values), want)
			return nil
		})
		if found || err != nil || page.Next == "" {
			return found, err
		}
		cursor = page.Next
	}
}

// Handles tells whether p handles the requests that an agency must answer.
func Handles(p repo.Principal, owner string) bool {
	return p.Admin || p.Name != "" && owner != "" && p.Agency == owner && p.Is(grant.Steward)
}

// Mine lists the requests of the person that p is, newest first.
func (d *Desk) Mine(ctx context.Context, p repo.Principal) ([]Request, error) {
	subject, err := d.repo.SubjectOf(p)
	if err != nil {
		return nil, err
	}
	return d.list(ctx, is("subject", subject), true)
}

// Waiting lists the requests that p handles, what is due first before the
// others; all = those that are closed too. Denied for who handles none.
func (d *Desk) Waiting(ctx context.Context, p repo.Principal, all bool) ([]Request, error) {
	switch {
	case p.Name == "":
		return nil, problem.New(problem.Unauthenticated, "unauthenticated")
	case !Handles(p, p.Agency):
		return nil, problem.New(problem.Denied, "right-owner", "owner", p.Agency)
	}
	var filter []cql2.Expr
	if !p.Admin {
		filter = append(filter, is("owner", p.Agency))
	}
	if !all {
		filter = append(filter, &cql2.Call{Op: "or", Args: []cql2.Expr{is("state", Received), is("state", Accepted)}})
	}
	list, err := d.list(ctx, cql2.And(filter...), false)
	slices.SortStableFunc(list, func(a, b Request) int {
		x, y := a.Due(), b.Due()
		if x.IsZero() != y.IsZero() {
			if x.IsZero() {
				return 1
			}
			return -1
		}
		return x.Compare(y)
	})
	return list, err
}

// Get returns a request that p asked or handles; NotFound otherwise.
func (d *Desk) Get(ctx context.Context, p repo.Principal, id string) (Request, error) {
	if p.Name == "" {
		return Request{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	rec, err := d.repo.Get(ctx, repo.Internal(), repo.SystemRight, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return Request{}, problem.New(problem.NotFound, "right-unknown", "id", short(id))
		}
		return Request{}, err
	}
	r := of(rec)
	if subject, err := d.repo.SubjectOf(p); err == nil && subject == r.Subject || Handles(p, r.Owner) {
		return r, nil
	}
	return Request{}, problem.New(problem.NotFound, "right-unknown", "id", short(id))
}

// The steps on a request.
const (
	Accept   = "accept"
	Refuse   = "refuse" // with reason and citation
	Complete = "done"   // with what was done
	Erase    = "erase"  // of a deletion: the record goes for good, in history and log too
	Extend   = "extend" // once, with the reason
	Withdraw = "withdraw"
)

var follow = map[string]map[string]string{
	Accept:   {Received: Accepted},
	Refuse:   {Received: Refused, Accepted: Refused},
	Complete: {Received: Done, Accepted: Done},
	Erase:    {Received: Done, Accepted: Done},
	Extend:   {Accepted: Accepted},
	Withdraw: {Received: Withdrawn, Accepted: Withdrawn},
}

// Step is one step on a request.
type Step struct {
	Action   string
	Version  int64 // of the record that was looked at
	Text     string
	Citation string
}

// May lists the steps that p may take now, in their order.
func (d *Desk) May(p repo.Principal, r *Request) []string {
	var list []string
	for _, a := range []string{Accept, Erase, Complete, Extend, Refuse, Withdraw} {
		_, ok := follow[a][r.State]
		if ok && (a != Extend || !r.Extended) && (a != Erase || r.erasable()) && d.may(p, r, a) == nil {
			list = append(list, a)
		}
	}
	return list
}

func (d *Desk) may(p repo.Principal, r *Request, action string) error {
	if action == Withdraw {
		if subject, err := d.repo.SubjectOf(p); err != nil || subject != r.Subject {
			return problem.New(problem.Denied, "self-citizen")
		}
		return nil
	}
	if !Handles(p, r.Owner) {
		return problem.New(problem.Denied, "right-owner", "owner", r.Owner)
	}
	return nil
}

// erasable tells whether the request names the one record that is to go.
func (r *Request) erasable() bool { return r.Kind == Deletion && r.Record != "" }

// Step takes a step: the owner's steward answers, the person withdraws. Stale
// when the request has changed since it was looked at, Conflict when the step
// does not follow.
//
// Erase erases the record that a deletion names, by the steward's own right, and
// then closes the request. A fault between the two leaves it open; the step can
// be taken again. A deletion that names no record is done by the steward on the
// pages of the records, and Complete says that it was.
func (d *Desk) Step(ctx context.Context, p repo.Principal, id string, s Step) (Request, error) {
	r, err := d.Get(ctx, p, id)
	if err != nil {
		return Request{}, err
	}
	if err := d.may(p, &r, s.Action); err != nil {
		return Request{}, err
	}
	if s.Version != r.Version {
		return Request{}, problem.New(problem.Stale, "right-stale", "id", r.ID)
	}
	next, ok := follow[s.Action][r.State]
	if !ok {
		return Request{}, problem.New(problem.Conflict, "right-step", "id", r.ID, "step", short(s.Action), "state", r.State)
	}
	if s.Action == Erase && !r.erasable() {
		return Request{}, problem.New(problem.Conflict, "right-step", "id", r.ID, "step", s.Action, "state", r.State)
	}
	if s.Action == Extend && r.Extended {
		return Request{}, problem.New(problem.Conflict, "right-extended")
	}
	s.Text, s.Citation = strings.TrimSpace(s.Text), strings.TrimSpace(s.Citation)
	var vs []problem.Violation
	if s.Text == "" && s.Action != Accept && s.Action != Withdraw {
		vs = append(vs, problem.Violate("grant-missing", "text"))
	}
	if s.Citation == "" && (s.Action == Refuse || s.Action == Erase) {
		vs = append(vs, problem.Violate("grant-missing", "citation"))
	}
	if personNumber.MatchString(s.Text) {
		vs = append(vs, problem.Violate("right-number-text", "text"))
	}
	if err := problem.InvalidWith("right-invalid", vs); err != nil {
		return Request{}, err
	}
	if s.Action == Erase {
		if err := d.erase(ctx, p, &r, s.Citation); err != nil {
			return Request{}, err
		}
	}
	now, zone, expect := d.repo.Now(), d.repo.Zone(), r.Version
	r.State = next
	if s.Action != Withdraw {
		r.HandledBy = p.Name
		if r.AnsweredAt.IsZero() {
			r.AnsweredAt = now
		}
		if s.Text != "" {
			r.Answer = s.Text
		}
	}
	switch s.Action {
	case Refuse:
		r.Citation = s.Citation
	case Complete:
		r.DoneAt = now
	case Erase:
		r.DoneAt, r.Citation = now, s.Citation
	case Extend:
		last := calendar.Of(r.CompleteBy.Add(-time.Nanosecond), zone)
		due, err := calendar.DueAfter(last, extensionDays)
		if err != nil {
			return Request{}, err
		}
		r.Extended, r.CompleteBy = true, due.End(zone)
	}
	return r, d.write(ctx, p.Name, s.Action, &r, expect)
}

// erase erases the record; that it is gone already is no fault.
func (d *Desk) erase(ctx context.Context, p repo.Principal, r *Request, basis string) error {
	e, err := d.repo.Entry(repo.Internal(), r.Dataset)
	if err != nil {
		return err
	}
	key, err := record.ParseKey(e.Schema, r.Record)
	if err != nil {
		return err
	}
	_, err = d.repo.Erase(ctx, p, repo.Erasing{Dataset: r.Dataset, Key: key, Basis: basis})
	if err != nil && problem.KindOf(err) == problem.NotFound {
		return nil
	}
	return err
}

func (d *Desk) list(ctx context.Context, filter cql2.Expr, desc bool) (list []Request, err error) {
	q := repo.Query{Dataset: repo.SystemRight, Filter: filter, Sort: []repo.Sort{{Field: "askedAt", Desc: desc}}}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		list = append(list, of(rec))
		return nil
	})
	return list, err
}

func is(field, text string) cql2.Expr {
	return &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: value.OfText(text)}}}
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// number makes the number of a new request: "r" and 60 random bits.
func (d *Desk) number() (string, error) {
	var b [8]byte
	d.turn.Lock()
	defer d.turn.Unlock()
	if _, err := io.ReadFull(d.random, b[:]); err != nil {
		return "", err
	}
	return "r" + hex.EncodeToString(b[:])[:15], nil
}
