package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// shownRefusals bounds how many breaking records a plan names.
const shownRefusals = 10

// Plan tells what applying declarations would do, without doing it. A change
// that narrows is refused when records would break, and names them.
func (r *Repository) Plan(ctx context.Context, p Principal, ds []*dataset.Dataset) (Plan, error) {
	if !p.Admin && !p.Is(grant.Administrator) {
		return Plan{}, problem.New(problem.Denied, "denied", "action", "write", "dataset", SystemDataset)
	}
	if _, err := r.refresh(ctx); err != nil {
		return Plan{}, err
	}
	return r.plan(ctx, ds)
}

func (r *Repository) plan(ctx context.Context, ds []*dataset.Dataset) (Plan, error) {
	var plan Plan
	c := r.catalog.Load()
	var violations []problem.Violation
	declared := map[string]*dataset.Dataset{}
	for _, d := range ds {
		if declared[d.Name] != nil {
			violations = append(violations, problem.Violate("dataset-twice", "", "dataset", d.Name))
		}
		declared[d.Name] = d
	}
	for _, d := range ds {
		violations = append(violations, referenceFaults(d, declared, c)...)
	}
	if len(violations) > 0 {
		return plan, problem.InvalidWith("declarations-invalid", violations, "count", len(violations))
	}
	for _, d := range ds {
		step, err := r.planOne(ctx, c.entries[d.Name], d)
		if err != nil {
			return plan, err
		}
		plan.Steps = append(plan.Steps, step)
	}
	return plan, nil
}

// referenceFaults finds foreign keys to datasets that are not there or whose
// key is another.
func referenceFaults(d *dataset.Dataset, declared map[string]*dataset.Dataset, c *catalog) []problem.Violation {
	var vs []problem.Violation
	for _, fk := range d.Schema.ForeignKeys {
		target := d
		if name := fk.Reference.Resource; name != "" && name != d.Name {
			if target = declared[name]; target == nil {
				if e := c.entries[name]; e != nil {
					target = e.Dataset
				}
			}
			if target == nil {
				vs = append(vs, problem.Violate("reference-unknown", d.Name, "dataset", name))
				continue
			}
		}
		for _, f := range fk.Reference.Fields {
			if _, ok := target.Field(f); !ok {
				vs = append(vs, problem.Violate("reference-field-unknown", d.Name, "dataset", target.Name, "field", f))
			}
		}
	}
	return vs
}

func (r *Repository) planOne(ctx context.Context, e *Entry, d *dataset.Dataset) (Step, error) {
	step := Step{Dataset: d.Name, declared: d}
	if e == nil {
		t, err := dataset.Layout(d, nil)
		if err != nil {
			return step, err
		}
		step.Action, step.layout = "create", t
		return step, nil
	}
	if bytes.Equal(e.Dataset.JSON(), d.JSON()) {
		step.Action = "none"
		return step, nil
	}
	step.Action = "change"
	for _, ch := range dataset.Compare(e.Dataset, d) {
		step.Notes = append(step.Notes, ch)
		if !ch.Narrowing {
			continue
		}
		refusal, err := r.breaks(ctx, e, ch)
		if err != nil {
			return step, err
		}
		if refusal.Count > 0 {
			step.Action = "refuse"
			step.Refusals = append(step.Refusals, refusal)
		}
	}
	if step.Action == "refuse" {
		return step, nil
	}
	t, err := dataset.Layout(d, e.Table)
	if problem.KindOf(err) == problem.Conflict {
		// what is stored could not be read any more: refused whatever is stored
		refusal, err := r.breaks(ctx, e, dataset.Change{What: problem.As(err).In("vi")})
		step.Action, step.Refusals = "refuse", append(step.Refusals, refusal)
		return step, err
	}
	if err != nil {
		return step, err
	}
	step.layout = t
	return step, nil
}

// breaks counts and names the records that a narrowing change would break; all
// records where the change gives no condition.
func (r *Repository) breaks(ctx context.Context, e *Entry, ch dataset.Change) (Refusal, error) {
	refusal := Refusal{Change: ch}
	filter, err := bind(ch.Breaks, e.Table)
	if err != nil {
		return refusal, err
	}
	q := store.Query{Table: e.Table, Filter: filter, Limit: shownRefusals, Columns: e.Table.Key}
	if refusal.Count, err = r.driver.Count(ctx, q); err != nil {
		return refusal, err
	}
	err = r.driver.Read(ctx, q, func(row store.Row) error {
		refusal.Records = append(refusal.Records, record.FormatKey(e.Table, e.Table.KeyOf(nil, row.Values)))
		return nil
	})
	return refusal, err
}

// Apply carries a plan out in one commit. A refused plan changes nothing.
func (r *Repository) Apply(ctx context.Context, p Principal, plan Plan) (commit.Receipt, error) {
	if !p.Admin && !p.Is(grant.Administrator) {
		return commit.Receipt{}, problem.New(problem.Denied, "denied", "action", "write", "dataset", SystemDataset)
	}
	if plan.Refused() {
		var vs []problem.Violation
		for _, s := range plan.Steps {
			for _, f := range s.Refusals {
				vs = append(vs, problem.Violate("narrowing-breaks", s.Dataset, "change", f.Change.In("en"), "count", f.Count))
			}
		}
		e := problem.New(problem.Conflict, "plan-refused")
		e.Violations = vs
		return commit.Receipt{}, e
	}
	receipt, err := r.apply(ctx, p.Name, "declarations applied", plan)
	if errors.Is(err, store.ErrCatalogMoved) {
		return receipt, problem.New(problem.Conflict, "plan-outdated")
	}
	return receipt, err
}

func (r *Repository) apply(ctx context.Context, actor, reason string, plan Plan) (commit.Receipt, error) {
	c := r.catalog.Load()
	meta := r.datasetTable(c, plan)
	if meta == nil {
		return commit.Receipt{}, fmt.Errorf("repo: no dataset of datasets")
	}
	at := r.now().UnixMicro()
	req := &commit.Request{Header: commit.Header{Actor: actor, Source: "declaration", Reason: reason}}
	item := store.Item{Request: req, Layouts: map[string]*dataset.Table{SystemDataset: meta}, At: at}
	for _, s := range plan.Steps {
		if s.Action != "create" && s.Action != "change" {
			continue
		}
		row := make([]value.Value, meta.Width())
		f := fieldsOf(meta, row)
		d := s.declared
		f.set("name", value.OfText(d.Name))
		f.set("title", value.OfText(d.Title.In("vi")))
		f.set("kind", value.OfText(string(d.Kind)))
		f.set("sector", textOrNull(d.Sector))
		f.set("owner", textOrNull(d.Owner))
		f.set("classification", value.OfText(string(d.Classification)))
		f.set("declaration", value.OfText(string(d.JSON())))
		f.set("columns", value.OfText(encodeColumns(s.layout)))
		f.set("declaredAt", value.OfTime(at))
		f.set("removed", value.OfBool(false))
		req.Changes = append(req.Changes, commit.Change{Dataset: SystemDataset, Op: commit.Put, Row: row})
		item.Tables = append(item.Tables, s.layout)
	}
	if len(req.Changes) == 0 {
		return commit.Receipt{Seq: r.head.current().Seq, Empty: true}, nil
	}
	receipt, err := r.queue.submit(ctx, item, c.version)
	if err != nil {
		return receipt, err
	}
	_, err = r.refresh(ctx)
	return receipt, err
}

// datasetTable is the layout of the dataset of datasets: the plan's own when it
// declares it, else the catalog's.
func (r *Repository) datasetTable(c *catalog, plan Plan) *dataset.Table {
	for _, s := range plan.Steps {
		if s.Dataset == SystemDataset && s.layout != nil {
			return s.layout
		}
	}
	if e := c.entries[SystemDataset]; e != nil {
		return e.Table
	}
	return nil
}

func textOrNull(s string) value.Value {
	if s == "" {
		return value.Value{}
	}
	return value.OfText(s)
}
