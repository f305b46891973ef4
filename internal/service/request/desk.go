// Package request is the desk of citizens' reports: it takes them in, once each
// and with a receipt; sends them to whom the city's rules say; lets staff and the
// reporter take the steps of the city's workflow; merges, splits, publishes; keeps
// deadlines; and tells what came of it all. A request is its timeline: where it
// stands is the fold of that, and each write is one commit with the record, the
// entries and whom it tells. Who reported is kept in a dataset of its own, which
// those who handle the request do not see.
package request

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Datasets of the desk.
const (
	Dataset   = "service-request"
	Entries   = "request-entry"
	Reporters = "request-reporter"
	Followers = "request-follow"
	Strikes   = "request-strike"
)

// wholeCityCode stands for all wards.
const wholeCityCode = grant.WholeCity

// workflowName is the workflow of the city that the desk works by.
const workflowName = "service-request"

// States of the workflow that mean something to the record.
const (
	stateReceived = "received"
	stateAnswered = "answered"
	statePlanned  = "planned"
	stateRefused  = "refused"
	stateReopened = "reopened"
	stateWaiting  = "waiting-reporter"
	stateMerged   = "merged"
	stateClosed   = "closed"
)

// File is what the desk must know of a file that is put to a request.
type File struct {
	ID, Dataset, Key string // the record that it belongs to
	Name, Media      string
	Size             int64
	Width, Height    int
}

// Files tells about files, and gives those that came ahead of their request to it;
// service/attachment does.
type Files interface {
	Describe(ctx context.Context, id string) (File, error)
	Adopt(ctx context.Context, id, ahead, key string) error
	// Erase destroys files; those that are gone are passed over.
	Erase(ctx context.Context, ids ...string) error
}

// Limits bound what one reporter sends in a day of the city; a request beyond them
// is refused with the code request-too-many. 0 takes what the city declares.
type Limits struct {
	PerAccount int
	PerDevice  int
}

// Config is what a Desk needs. Repo and Random are required.
type Config struct {
	Repo   *repo.Repository
	Random io.Reader      // for codes
	Log    *slog.Logger   // discards when nil
	Clock  workflow.Clock // of working time; every hour counts when empty
	Files  Files          // no photos when nil
	Limits Limits
	Guests Guests // letters to who has no account; none when nil
	// Personal names what in a text may be about a person: phone, id-number and so
	// on. A text in which it finds something is not published by itself. Nothing is
	// looked for when nil.
	Personal func(text string) []string
	// Suggest names the likeliest category of a text, "" where it is unsure; none
	// when nil. It decides nothing.
	Suggest func(text string) string
	// Habits tells how much more often (log-odds) requests of a category turn out to
	// be of the same matter as another; see core/nearby. None when nil.
	Habits func() map[string]float64
	Queues *Queues // by which numbers are told; they are counted anew each time when nil
	Sought int     // how many requests one search with words looks through; 4,000 when 0
}

// Desk handles requests. It is safe for concurrent use.
type Desk struct {
	repo     *repo.Repository
	log      *slog.Logger
	clock    workflow.Clock
	files    Files
	limits   Limits
	guests   Guests
	areas    areaRates
	sought   int
	personal func(string) []string
	suggest  func(string) string
	habits   func() map[string]float64
	queues   *Queues

	turn   sync.Mutex // random need not be safe for concurrent use
	random io.Reader

	compiled sync.Mutex
	version  int64
	rules    *rules
	fitting  int64 // version of the declaration of the dataset that was found to fit
}

// New makes a desk.
func New(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Sought == 0 {
		c.Sought = 4_000
	}
	return &Desk{sought: c.Sought, repo: c.Repo, log: c.Log, clock: c.Clock, files: c.Files, limits: c.Limits, guests: c.Guests, personal: c.Personal, suggest: c.Suggest, habits: c.Habits, queues: c.Queues, random: c.Random, version: -1}
}

// required are the columns that the city's dataset must have. What else it has is
// the city's own.
func required() []string {
	return []string{"code", "category", "status", "title", "description", "publicText", "published", "channel", "track", "urgency", "openedAt", "dueAt",
		"closedAt", "updatedAt", "location", "address", "agency", "level", "assignee", "outcome", "plannedAt", "answer", "answeredAt", "rating", "ratedAt",
		"reopened", "parent", "followers", "anonymous", "photos", "afterPhotos", "needsPlace", "deadline", "nextAt", "missed", "entries", "suggested",
		"externalId", "ruleId"}
}

// fits checks that the dataset of the city has what the desk writes: Unavailable
// request-columns, with one violation per column that is missing, otherwise.
func (d *Desk) fits() error {
	e, err := d.repo.Entry(repo.Internal(), Dataset)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return problem.New(problem.Unavailable, "request-no-dataset")
	}
	if err != nil {
		return err
	}
	d.compiled.Lock()
	defer d.compiled.Unlock()
	if d.fitting == e.Version && e.Version != 0 {
		return nil
	}
	var vs []problem.Violation
	for _, name := range required() {
		if _, _, _, ok := e.Table.Property(name); !ok {
			vs = append(vs, problem.Violate("request-column", name))
		}
	}
	if len(vs) > 0 {
		p := problem.New(problem.Unavailable, "request-columns")
		p.Violations = vs
		return p
	}
	d.fitting = e.Version
	return nil
}

// duty are the roles that handle requests.
func duty(p repo.Principal) bool {
	return p.Admin || p.Name != "" && p.Agency != "" && (p.Is(grant.OperatorRole) || p.Is(grant.Officer) || p.Is(grant.Leader))
}

// Handles tells whether p is among those who work on requests.
func Handles(p repo.Principal) bool { return duty(p) }

// AtDesk tells whether p takes requests in for others and publishes them: the
// operators and officers of the agency that keeps the reporters.
func (d *Desk) AtDesk(p repo.Principal) bool {
	return p.Admin || duty(p) && p.Agency == d.deskAgency() && (p.Is(grant.OperatorRole) || p.Is(grant.Officer) || p.Is(grant.Leader))
}

func wholeCity(p repo.Principal) bool {
	return slices.Contains(p.Areas, "*") || slices.Contains(p.Areas, grant.WholeCity)
}

// actor is how p stands to a request, as the city's workflow takes relations: the
// owner is the agency that handles it, and the desk and those who lead the whole
// city stand in its area.
func (d *Desk) actor(p repo.Principal, x *Request) workflow.Actor {
	a := workflow.Actor{Name: p.Name, Roles: p.Roles, System: p.Admin}
	if !duty(p) {
		return a
	}
	add := func(relation string, is bool) {
		if is {
			a.Relations = append(a.Relations, relation)
		}
	}
	here := d.AtDesk(p) || p.Is(grant.Leader) && wholeCity(p)
	own := p.Agency == x.Agency
	add(workflow.Staff, true)
	add(workflow.Owner, own)
	add(workflow.Party, own)
	add(workflow.InArea, here)
	add(workflow.Assignee, x.Assignee != "" && x.Assignee == p.Name)
	add(workflow.Level, here || own && x.Level == d.lowest())
	return a
}

// reporterActor is who reported, as the workflow sees them.
func reporterActor() workflow.Actor {
	return workflow.Actor{Name: Reporter, Roles: []string{grant.Citizen}, Relations: []string{workflow.Requester}}
}

// now is the city's time, in its zone.
func (d *Desk) now() time.Time { return d.repo.Now().In(d.repo.Zone()) }

// commitBy writes changes in the name of who asked, after they were checked. The
// log names staff, and of others no more than that they are the public.
func (d *Desk) commitBy(ctx context.Context, by, reason, key string, changes []commit.Change) (commit.Receipt, error) {
	return d.repo.Commit(ctx, repo.Internal(), &commit.Request{
		Header: commit.Header{Actor: by, Source: "request", Reason: reason, Key: key}, Changes: changes})
}

// nameOf is how the timeline and the log name who acts: staff by their account,
// everybody else as the reporter.
func nameOf(p repo.Principal) string {
	if duty(p) {
		return p.Name
	}
	return Reporter
}

func (d *Desk) draw(n int) ([]byte, error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	b := make([]byte, n)
	_, err := io.ReadFull(d.random, b)
	return b, err
}

// retry tells that a commit may be made again upon what others wrote meanwhile.
func retry(err error) bool {
	return problem.KindOf(err) == problem.Stale || problem.KindOf(err) == problem.Conflict
}

// attempts bounds how often.
const attempts = 8
