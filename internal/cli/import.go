package cli

import (
	"fmt"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

// importCommand brings files into a dataset.
type importCommand struct {
	where
	Dataset string   `arg:"" help:"Name of the dataset."`
	Files   []string `arg:"" help:"CSV, TSV, XLSX, JSON, NDJSON or GeoJSON, also as .gz or in a .zip." name:"file" type:"existingfile"`
	Map     string   `help:"How the files' columns become fields; without it columns are named as fields." placeholder:"MAP.yaml" type:"existingfile"`
	Source  string   `help:"Use the mapping of a source that the dataset declares." placeholder:"NAME"`
	Reason  string   `help:"Why, for the log."`
}

// Run implements the command. Refused rows are in quarantine; they do not make
// the command fail.
func (c *importCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	job := ingest.Job{Dataset: c.Dataset, Reason: c.Reason}
	for _, f := range c.Files {
		job.Files = append(job.Files, ingest.PathFile(f))
	}
	switch {
	case c.Map != "":
		if job.Mapping, err = mapping(c.Map); err != nil {
			return err
		}
	case c.Source != "":
		if job.Mapping, err = declaredSource(r, c.Dataset, c.Source); err != nil {
			return err
		}
	}
	bar := s.progress("import")
	job.Progress = func(p ingest.Progress) {
		bar.show(p.Bytes, p.Total, fmt.Sprintf("%s: %d rows, %.0f rows/s", p.File, p.Rows, p.Rate))
	}
	sum, err := ingest.Run(s.ctx, r, repo.Operator(), job)
	bar.end()
	if !sum.Finished.IsZero() { // it began
		s.summary(sum)
	}
	return err
}

func declaredSource(r *repo.Repository, name, source string) (*dataset.Mapping, error) {
	e, err := r.Entry(repo.Operator(), name)
	if err != nil {
		return nil, err
	}
	for i := range e.Dataset.Sources {
		if e.Dataset.Sources[i].Name == source {
			return &e.Dataset.Sources[i].Mapping, nil
		}
	}
	return nil, problem.New(problem.NotFound, "not-found", "what", source)
}

// summary tells what became of every row; its last line is for machines.
func (s *session) summary(sum ingest.Summary) {
	for _, f := range sum.Files {
		fmt.Fprintf(s.out, "%s: %s, %d rows\n", f.Name, f.Format, f.Rows)
		for _, w := range f.Warnings {
			fmt.Fprintf(s.out, "  note: %s\n", w.In(s.lang))
		}
		if f.Fault != nil {
			fmt.Fprintf(s.out, "  not read to its end: %s\n", problem.As(f.Fault).In(s.lang))
		}
	}
	for _, rule := range sortedKeys(sum.Rules) {
		fmt.Fprintf(s.out, "  quarantined for %s: %d\n", rule, sum.Rules[rule])
	}
	for _, reason := range sortedKeys(sum.Skips) {
		fmt.Fprintf(s.out, "  skipped for %s: %d\n", reason, sum.Skips[reason])
	}
	for _, flag := range sortedKeys(sum.Flags) {
		fmt.Fprintf(s.out, "  flagged %s: %d\n", flag, sum.Flags[flag])
	}
	fmt.Fprintf(s.out, "read=%d skipped=%d updated=%d seconds=%.1f\n", sum.Read, sum.Skipped, sum.Updated, sum.Finished.Sub(sum.Started).Seconds())
	fmt.Fprintf(s.out, "accepted=%d unchanged=%d quarantined=%d\n", sum.Accepted, sum.Unchanged, sum.Quarantined)
}

// quarantineCommand works on refused rows.
type quarantineCommand struct {
	List    quarantineListCommand    `cmd:"" help:"List refused rows with their reasons."`
	Replay  quarantineReplayCommand  `cmd:"" help:"Try refused rows again."`
	Correct quarantineCorrectCommand `cmd:"" help:"Change cells of a refused row and try it again."`
	Dismiss quarantineDismissCommand `cmd:"" help:"Set a refused row aside, with a note."`
}

type quarantineListCommand struct {
	where
	Dataset string `help:"Of one dataset." placeholder:"DATASET"`
	Filter  string `help:"CQL2 text over the quarantine dataset." placeholder:"CQL2"`
	Limit   int    `short:"n" help:"At most so many." default:"50"`
}

// Run implements the command.
func (c *quarantineListCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	filter, err := quarantineFilter(c.Dataset, c.Filter)
	if err != nil {
		return err
	}
	page, err := r.Read(s.ctx, repo.Operator(), repo.Query{Dataset: repo.SystemQuarantine, Filter: filter, Limit: c.Limit, Count: true}, func(rec repo.Record) error {
		reason := "reasonEn"
		if s.lang == "vi" {
			reason = "reason"
		}
		_, err := fmt.Fprintf(s.out, "%s  %-9s %s  %s:%s:%s  %s\n", cell(rec, "id"), cell(rec, "state"), cell(rec, "dataset"),
			cell(rec, "file"), cell(rec, "line"), cell(rec, "column"), cell(rec, reason))
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "matched=%d\n", page.Matched)
	return nil
}

func quarantineFilter(dataset, text string) (cql2.Expr, error) {
	var own, given cql2.Expr
	var err error
	if text != "" {
		if given, err = cql2.ParseText(text); err != nil {
			return nil, err
		}
	}
	if dataset != "" {
		own = &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: "dataset", Column: -1}, &cql2.Lit{Value: value.OfText(dataset)}}}
	}
	return cql2.And(own, given), nil
}

type quarantineReplayCommand struct {
	where
	Dataset string   `arg:"" help:"Dataset that the rows were for."`
	IDs     []string `arg:"" optional:"" help:"Rows; all of the dataset without them." name:"id"`
	Filter  string   `help:"CQL2 text over the quarantine dataset." placeholder:"CQL2"`
	Map     string   `help:"Mapping to use instead of the one that the rows came with." placeholder:"MAP.yaml" type:"existingfile"`
}

// Run implements the command.
func (c *quarantineReplayCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	sel := ingest.Selection{Dataset: c.Dataset, IDs: c.IDs}
	if c.Filter != "" {
		if sel.Filter, err = cql2.ParseText(c.Filter); err != nil {
			return err
		}
	}
	if c.Map != "" {
		if sel.Mapping, err = mapping(c.Map); err != nil {
			return err
		}
	}
	done, err := ingest.Replay(s.ctx, r, repo.Operator(), sel)
	return s.replayed(done, err)
}

type quarantineCorrectCommand struct {
	where
	ID    string            `arg:"" help:"Row to correct."`
	Cells map[string]string `arg:"" help:"COLUMN=VALUE for each cell to change." name:"cell"`
	Map   string            `help:"Mapping to use instead of the one that the row came with." placeholder:"MAP.yaml" type:"existingfile"`
}

// Run implements the command.
func (c *quarantineCorrectCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	var m *dataset.Mapping
	if c.Map != "" {
		if m, err = mapping(c.Map); err != nil {
			return err
		}
	}
	done, err := ingest.Correct(s.ctx, r, repo.Operator(), c.ID, c.Cells, m)
	return s.replayed(done, err)
}

// replayed tells what became of the rows, also of those tried before a fault.
func (s *session) replayed(done ingest.Replayed, err error) error {
	if err == nil || done != (ingest.Replayed{}) {
		fmt.Fprintf(s.out, "replayed=%d open=%d\n", done.Replayed, done.Open)
	}
	return err
}

type quarantineDismissCommand struct {
	where
	ID   string `arg:"" help:"Row to set aside."`
	Note string `arg:"" help:"Why."`
}

// Run implements the command.
func (c *quarantineDismissCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	return ingest.Dismiss(s.ctx, r, repo.Operator(), c.ID, c.Note)
}
