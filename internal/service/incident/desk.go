// Package incident handles what happens in the city: incidents from their
// detection to the report on them, by the workflow and the playbooks that the
// city declares; the city's stage; the log of a shift and its hand-over. An
// incident is its timeline: where it stands is the fold of that, and each write
// is one commit with the record, the entries and whom it tells. Who may take a
// step is checked here by who asks, upon what the repository shows them; it is
// then written as Huong's own work.
package incident

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Definitions of the city that the desk works by.
const (
	WorkflowKind = "workflow"
	PlaybookKind = "playbook"
	workflowName = "incident"
	stagesName   = "stages"
)

// Kinds of incidents; the declaration of the dataset has their names.
func Kinds() []string {
	return []string{"flood", "storm", "landslide", "accident", "fire", "disease", "air", "power", "water", "data", "other"}
}

// Severities, the worst first.
func Severities() []string { return []string{"high", "medium", "low"} }

// File is what the desk must know of a file that is put to an incident.
type File struct {
	ID, Dataset, Key string // the record that it belongs to
	Name, Media      string
	Size             int64
	Width, Height    int
}

// Files tells about files; service/attachment does.
type Files interface {
	Describe(ctx context.Context, id string) (File, error)
}

// Config is what a Desk needs. Repo and Random are required.
type Config struct {
	Repo   *repo.Repository
	Random io.Reader      // for the numbers of records
	Log    *slog.Logger   // discards when nil
	Clock  workflow.Clock // of working time; every hour counts when empty
	Files  Files          // no files when nil
	// Extremes tells the worst that was measured of what alerts are about, between
	// two times, as p may see it; none when nil.
	Extremes func(ctx context.Context, p repo.Principal, alerts []string, from, until time.Time) ([]Extreme, error)
}

// Desk handles incidents. It is safe for concurrent use.
type Desk struct {
	repo  *repo.Repository
	log   *slog.Logger
	clock workflow.Clock
	files Files
	worst func(ctx context.Context, p repo.Principal, alerts []string, from, until time.Time) ([]Extreme, error)

	turn   sync.Mutex // random need not be safe for concurrent use
	random io.Reader

	compiled sync.Mutex
	version  int64
	rules    *rules
}

// rules are the city's definitions of one moment, compiled.
type rules struct {
	workflow  *workflow.Workflow
	playbooks []*workflow.Playbook
	stages    []workflow.Stage
}

// New makes a desk.
func New(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{repo: c.Repo, log: c.Log, clock: c.Clock, files: c.Files, worst: c.Extremes, random: c.Random, version: -1}
}

// CheckWorkflow and CheckPlaybook read definitions as the desk will.
func CheckWorkflow(file string, text []byte, _ func(string) *dataset.Dataset) error {
	_, err := workflow.Parse(file, text, grant.Roles())
	return err
}

// CheckPlaybook tells everything that is wrong with a playbook.
func CheckPlaybook(file string, text []byte, _ func(string) *dataset.Dataset) error {
	_, err := workflow.ParsePlaybook(file, text, grant.Roles(), Kinds())
	return err
}

// rulesNow compiles the definitions again where they have changed. Unavailable
// while the city declares no workflow of incidents.
func (d *Desk) rulesNow() (*rules, error) {
	d.compiled.Lock()
	defer d.compiled.Unlock()
	if v := d.repo.DefinitionsVersion(); v != d.version || d.rules == nil {
		set := &rules{}
		for _, def := range d.repo.Definitions(WorkflowKind) {
			if def.Name != workflowName {
				continue
			}
			w, err := workflow.Parse(def.Name+".yaml", []byte(def.Text), grant.Roles())
			if err != nil {
				return nil, err
			}
			set.workflow = w
		}
		for _, def := range d.repo.Definitions(PlaybookKind) {
			p, err := workflow.ParsePlaybook(def.Name+".yaml", []byte(def.Text), grant.Roles(), Kinds())
			if err != nil {
				return nil, err
			}
			if def.Name == stagesName {
				set.stages = p.Stages
			} else {
				set.playbooks = append(set.playbooks, p)
			}
		}
		d.rules, d.version = set, v
	}
	if d.rules.workflow == nil {
		return nil, problem.New(problem.Unavailable, "incident-no-workflow")
	}
	return d.rules, nil
}

// Workflow is the workflow in force.
func (d *Desk) Workflow() (*workflow.Workflow, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	return r.workflow, nil
}

// Playbook returns the playbook of a name, nil when there is none.
func (d *Desk) Playbook(name string) *workflow.Playbook {
	r, err := d.rulesNow()
	if err != nil || name == "" {
		return nil
	}
	for _, p := range r.playbooks {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// playbookFor chooses the playbook of a kind of incident, "" when there is none.
func (r *rules) playbookFor(kind string, facts map[string]string) *workflow.Playbook {
	for _, p := range r.playbooks {
		if slices.Contains(p.Kinds, kind) && p.When.Holds(facts) {
			return p
		}
	}
	return nil
}

// duty are the roles that handle incidents.
func duty(p repo.Principal) bool {
	return p.Admin || p.Name != "" && p.Agency != "" && (p.Is(grant.OperatorRole) || p.Is(grant.Officer) || p.Is(grant.Leader))
}

// Handles tells whether p is among those who may open an incident.
func Handles(p repo.Principal) bool { return duty(p) }

func wholeCity(p repo.Principal) bool {
	return slices.Contains(p.Areas, "*") || slices.Contains(p.Areas, grant.WholeCity)
}

// actor is how p stands to an incident.
func actor(p repo.Principal, x *Incident) workflow.Actor {
	a := workflow.Actor{Name: p.Name, Roles: p.Roles, System: p.Admin}
	if !duty(p) {
		return a
	}
	add := func(relation string, is bool) {
		if is {
			a.Relations = append(a.Relations, relation)
		}
	}
	party := p.Agency == x.Agency || slices.Contains(x.Agencies, p.Agency)
	here := wholeCity(p) || slices.Contains(p.Areas, x.Area)
	add(workflow.Staff, true)
	add(workflow.Owner, p.Agency == x.Agency)
	add(workflow.Party, party)
	add(workflow.InArea, here)
	add(workflow.Assignee, x.Assignee != "" && x.Assignee == p.Name)
	add(workflow.Level, x.Level == "city" && wholeCity(p) || x.Level != "city" && (party || here))
	return a
}

// now is the city's time, in its zone.
func (d *Desk) now() time.Time { return d.repo.Now().In(d.repo.Zone()) }

// commitAs writes changes in the name of who asked, after they were checked.
func (d *Desk) commitAs(ctx context.Context, p repo.Principal, reason, key string, changes []commit.Change) (commit.Receipt, error) {
	return d.repo.Commit(ctx, repo.Internal(), &commit.Request{
		Header: commit.Header{Actor: p.Name, Source: "incident", Reason: reason, Key: key}, Changes: changes})
}
