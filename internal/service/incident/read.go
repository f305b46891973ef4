package incident

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Query selects incidents. The zero Query selects all that p may see, those that
// began last first.
type Query struct {
	Over       *bool
	Severities []string
	Kind       string
	Area       string // code; the city's own means all
	Agency     string // leads or takes part
	Assignee   string
	Overdue    bool // the running deadline has passed
	Limit      int  // 0 = 100
	Cursor     string
	Count      bool
}

// List returns a page of the incidents that p may see, and how many there are in
// all where that is asked for.
func (d *Desk) List(ctx context.Context, p repo.Principal, q Query) (list []Incident, page repo.Page, err error) {
	if p.Name == "" {
		return nil, page, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	var filter []cql2.Expr
	if q.Over != nil {
		filter = append(filter, compare("=", "over", value.OfBool(*q.Over)))
	}
	if len(q.Severities) > 0 {
		filter = append(filter, oneOf("severity", q.Severities))
	}
	for name, want := range map[string]string{"kind": q.Kind, "assignee": q.Assignee} {
		if want != "" {
			filter = append(filter, oneOf(name, []string{want}))
		}
	}
	if q.Agency != "" {
		filter = append(filter, &cql2.Call{Op: "or", Args: []cql2.Expr{oneOf("agency", []string{q.Agency}),
			&cql2.Call{Op: "a_contains", Args: []cql2.Expr{prop("agencies"), &cql2.List{Items: []cql2.Expr{lit(q.Agency)}}}}}})
	}
	if q.Overdue {
		filter = append(filter, compare("<=", "dueAt", value.OfInstant(d.repo.Now())))
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	rq := repo.Query{Dataset: repo.SystemIncident, Filter: cql2.And(filter...), Area: q.Area, Limit: q.Limit, Cursor: q.Cursor, Count: q.Count,
		Sort: []repo.Sort{{Field: "over"}, {Field: "detectedAt", Desc: true}}}
	page, err = d.repo.Read(ctx, p, rq, func(rec repo.Record) error {
		list = append(list, d.of(rec))
		return nil
	})
	if problem.KindOf(err) == problem.NotFound { // p sees nothing of the dataset at all
		return nil, repo.Page{}, problem.New(problem.Denied, "incident-staff")
	}
	return list, page, err
}

// Get returns an incident that p may see; NotFound otherwise.
func (d *Desk) Get(ctx context.Context, p repo.Principal, id string) (Incident, error) {
	if p.Name == "" {
		return Incident{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	rec, err := d.repo.Get(ctx, p, repo.SystemIncident, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return Incident{}, unknown()
		}
		return Incident{}, err
	}
	return d.of(rec), nil
}

func unknown() error { return problem.New(problem.NotFound, "incident-unknown") }

// Whole is an incident with everything that follows from its timeline.
type Whole struct {
	Incident
	Entries   []Entry
	Running   []workflow.Running
	Workflow  *workflow.Workflow
	Playbook  *workflow.Playbook // nil = none
	Checklist []Line
	may       []*workflow.Transition
	handles   bool
	case_     *workflow.Case
}

// May lists the steps that the reader may take now, in the declared order.
func (w *Whole) May() []*workflow.Transition { return w.may }

// MayWrite tells whether the reader may add to the timeline.
func (w *Whole) MayWrite() bool { return w.handles }

// Paused is the name of the pause that stops the clocks, "" when they run.
func (w *Whole) Paused() string { return w.case_.Paused }

// Line is a line of the checklist with where it stands.
type Line struct {
	workflow.PlaybookStep
	Done    bool
	By      string
	At      Entry // the tick
	Due     Due
	MayTick bool
}

// Read returns an incident that p may see with its timeline, whole: who sees the
// incident sees what happened in it.
func (d *Desk) Read(ctx context.Context, p repo.Principal, id string) (*Whole, error) {
	x, err := d.Get(ctx, p, id)
	if err != nil {
		return nil, err
	}
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	w := &Whole{Incident: x, Workflow: r.workflow, Playbook: d.Playbook(x.Playbook), handles: duty(p)}
	if w.Entries, err = d.timeline(ctx, id); err != nil {
		return nil, err
	}
	if w.case_, err = d.fold(r.workflow, w.Entries); err != nil {
		return nil, err
	}
	if w.Running, err = r.workflow.Running(w.case_, d.clock); err != nil {
		return nil, err
	}
	w.may = r.workflow.Allowed(w.case_, actor(p, &x), d.now())
	w.Checklist = checklist(w.Playbook, w.case_, w.Entries)
	for i := range w.Checklist {
		w.Checklist[i].MayTick = mayTick(p, &x, &w.Checklist[i].PlaybookStep)
	}
	return w, nil
}

// timeline reads the entries of an incident in their order.
func (d *Desk) timeline(ctx context.Context, id string) (list []Entry, err error) {
	q := repo.Query{Dataset: repo.SystemIncidentEntry, Filter: oneOf("incident", []string{id}), Sort: []repo.Sort{{Field: "number"}}}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		list = append(list, entryOf(look{rec.Entry, rec.Values, d.repo.Zone()}))
		return nil
	})
	return list, err
}

func (d *Desk) fold(w *workflow.Workflow, entries []Entry) (*workflow.Case, error) {
	var history []workflow.Event
	for i := range entries {
		if e, ok := entries[i].event(d.repo.Zone()); ok {
			history = append(history, e)
		}
	}
	return w.Fold(history)
}

func prop(name string) cql2.Expr { return &cql2.Prop{Name: name, Column: -1} }

func lit(s string) cql2.Expr { return &cql2.Lit{Value: value.OfText(s)} }

func compare(op, field string, v value.Value) cql2.Expr {
	return &cql2.Call{Op: op, Args: []cql2.Expr{prop(field), &cql2.Lit{Value: v}}}
}

func oneOf(field string, texts []string) cql2.Expr {
	list := &cql2.List{}
	for _, t := range slices.Compact(texts) {
		list.Items = append(list.Items, lit(t))
	}
	if len(list.Items) == 1 {
		return &cql2.Call{Op: "=", Args: []cql2.Expr{prop(field), list.Items[0]}}
	}
	return &cql2.Call{Op: "in", Args: []cql2.Expr{prop(field), list}}
}
