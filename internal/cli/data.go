package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/export"
)

// exportCommand writes a selection of a dataset.
type exportCommand struct {
	where
	Dataset    string `arg:"" help:"Name of the dataset."`
	Format     string `help:"csv, tsv, json, ndjson, geojson, xlsx or parquet." enum:"csv,tsv,json,ndjson,geojson,xlsx,parquet" default:"csv"`
	Filter     string `help:"CQL2 text." placeholder:"CQL2"`
	AsOf       int64  `help:"As it was after this commit." placeholder:"SEQ"`
	Out        string `short:"o" help:"File to write; standard output without it." placeholder:"FILE"`
	Descriptor bool   `help:"Write the dataset's Data Package resource descriptor (JSON) instead of its records."`
	Contract   bool   `help:"Write the dataset's ODCS data contract (YAML) instead of its records."`
}

// Run implements the command.
func (c *exportCommand) Run(s *session) (err error) {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	e, err := r.Entry(repo.Operator(), c.Dataset)
	if err != nil {
		return err
	}
	q := repo.Query{Dataset: c.Dataset, AsOf: c.AsOf}
	if c.Filter != "" {
		if q.Filter, err = cql2.ParseText(c.Filter); err != nil {
			return err
		}
	}
	if err := reached(s, r, c.AsOf); err != nil {
		return err
	}
	out := s.out
	if c.Out != "" {
		f := &lateFile{name: c.Out}
		defer func() { err = f.end(err) }()
		out = f
	}
	buffered := bufio.NewWriterSize(out, 64<<10)
	switch {
	case c.Descriptor:
		_, err = buffered.Write(e.Dataset.Descriptor())
	case c.Contract:
		_, err = buffered.Write(e.Dataset.Contract())
	default:
		err = export.Write(s.ctx, r, repo.Operator(), q, c.Format, buffered)
	}
	if err != nil {
		return err
	}
	return buffered.Flush()
}

// reached refuses commits that have not been made yet.
func reached(s *session, r *repo.Repository, seqs ...int64) error {
	head, err := r.Head(s.ctx)
	for _, seq := range seqs {
		if err == nil && (seq < 0 || seq > head.Seq) {
			err = problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("asof-range", "", "head", head.Seq)})
		}
	}
	return err
}

// lateFile is created at its first byte, so that a command that fails before
// leaves what stood there alone.
type lateFile struct {
	name string
	f    *os.File
}

func (l *lateFile) open() (err error) {
	if l.f, err = os.Create(l.name); err != nil {
		return problem.Wrap(err, problem.Invalid, "file-unwritable", "file", l.name)
	}
	return nil
}

// Write implements io.Writer.
func (l *lateFile) Write(b []byte) (int, error) {
	if l.f == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	return l.f.Write(b)
}

// end closes the file, and makes an empty one where nothing went wrong.
func (l *lateFile) end(err error) error {
	if err == nil && l.f == nil {
		err = l.open()
	}
	if l.f != nil {
		if closing := l.f.Close(); err == nil {
			err = closing
		}
	}
	return err
}

// logCommand shows commits.
type logCommand struct {
	where
	Follow  bool     `short:"f" help:"Stay and show what comes."`
	After   int64    `help:"Only commits after this one." placeholder:"SEQ"`
	Last    int      `short:"n" help:"The last N commits." default:"20"`
	Dataset []string `help:"Only commits that touch these." placeholder:"DATASET"`
	Changes bool     `help:"With the keys that changed."`
}

// Run implements the command.
func (c *logCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	after := c.After
	q := repo.LogQuery{Datasets: c.Dataset, Changes: c.Changes}
	if c.After == 0 {
		var newest []string
		back := q
		back.Desc, back.Limit = true, c.Last
		err := r.Log(s.ctx, repo.Operator(), back, func(e *commit.Entry) error {
			newest = append(newest, s.logLine(r, e))
			after = max(after, e.Seq)
			return nil
		})
		if err != nil {
			return err
		}
		for i := len(newest) - 1; i >= 0; i-- {
			fmt.Fprint(s.out, newest[i])
		}
		if after == 0 {
			after = r.Position().Seq
		}
	}
	for first := true; first || c.Follow; first = false {
		if !first {
			if _, err := r.Wait(s.ctx, after); err != nil {
				return nil // asked to stop
			}
		}
		if c.After == 0 && first {
			continue
		}
		q.After = after
		err := r.Log(s.ctx, repo.Operator(), q, func(e *commit.Entry) error {
			after = e.Seq
			_, err := io.WriteString(s.out, s.logLine(r, e))
			return err
		})
		if err != nil {
			return err
		}
		after = max(after, r.Position().Seq)
	}
	return nil
}

func (s *session) logLine(r *repo.Repository, e *commit.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%8d  %s  %-14s %-18s %6d  ", e.Seq, time.UnixMicro(e.At).In(r.Zone()).Format("2006-01-02 15:04:05"), e.Actor, e.Source, e.Count)
	for _, name := range sortedKeys(e.Counts) {
		fmt.Fprintf(&b, "%s=%d ", name, e.Counts[name])
	}
	b.WriteString(e.Reason + "\n")
	for i := range e.Changes {
		a := &e.Changes[i]
		row := a.After
		if row == nil {
			row = a.Before
		}
		if entry, err := r.Entry(repo.Operator(), a.Dataset); err == nil {
			fmt.Fprintf(&b, "          %-9s %s %s\n", a.Result(), a.Dataset, keyText(entry, row))
		}
	}
	return b.String()
}

// diffCommand compares two states.
type diffCommand struct {
	where
	Dataset string `arg:"" help:"Name of the dataset."`
	From    int64  `arg:"" help:"Commit after which the first state stood."`
	To      int64  `arg:"" help:"Commit after which the second state stood."`
}

// Run implements the command.
func (c *diffCommand) Run(s *session) error {
	r, err := s.open(c.where)
	if err != nil {
		return err
	}
	defer r.Close(s.ctx)
	e, err := r.Entry(repo.Operator(), c.Dataset)
	if err != nil {
		return err
	}
	if err := reached(s, r, c.From, c.To); err != nil {
		return err
	}
	return r.Difference(s.ctx, repo.Operator(), c.Dataset, c.From, c.To, func(d repo.Difference) error {
		row := d.After
		if row == nil {
			row = d.Before
		}
		fmt.Fprintf(s.out, "%-8s %s", d.Result, keyText(e, row))
		if d.Before != nil && d.After != nil {
			for i, col := range e.Table.Columns {
				if d.Before[i] != d.After[i] {
					fmt.Fprintf(s.out, "  %s: %s → %s", col.Name, e.Schema.AppendCell(nil, i, d.Before[i]), e.Schema.AppendCell(nil, i, d.After[i]))
				}
			}
		}
		_, err := fmt.Fprintln(s.out)
		return err
	})
}

// deadline adds a duration like 90d or 12h to now; empty means no end.
func deadline(now time.Time, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return now.AddDate(0, 0, n), nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, problem.New(problem.Invalid, "duration-unknown", "text", text)
}

// mapping reads a mapping file.
func mapping(file string) (*dataset.Mapping, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", file)
	}
	return dataset.ParseMapping(file, b)
}
