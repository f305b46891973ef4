package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Job is one import: files of one layout into one dataset.
type Job struct {
	Dataset  string
	Files    []File
	Mapping  *dataset.Mapping // nil: columns are named as the fields
	Source   string           // as the log shows it; "file:NAME" of each file when empty
	Reason   string
	Limits   Limits // zero members take the defaults
	Progress func(Progress)
}

// Bounds of one commit. A commit of more rows writes each page of an index
// fewer times; a larger one than this would keep others waiting.
const (
	chunkRows  = 10_000
	chunkBytes = 4 << 20
	taskRows   = 256
	taskBytes  = 1 << 20
)

// Run imports the files of a job, one after the other, and accounts for every
// row. A bad row goes to quarantine; a file that cannot be read to its end is
// told in its FileSummary, and the others still are. Run writes an import
// record when it begins and when it ends, also when ctx ends it: what was
// committed until then stays, and the state is cancelled.
//
// The error is the first fault that stopped a file or the whole run: Invalid
// for an input or a mapping that does not fit, Denied and NotFound as the
// repository says. The summary is right in every case.
func Run(ctx context.Context, r *repo.Repository, p repo.Principal, job Job) (Summary, error) {
	sum := Summary{Dataset: job.Dataset, State: "failed", Started: r.Now()}
	source := job.Source
	if source == "" && len(job.Files) > 0 {
		source = "file:" + job.Files[0].Name
	}
	l, err := newLoader(r, p, job.Dataset, commit.Header{Source: source, Reason: job.Reason}, &sum)
	if err != nil {
		return sum, err
	}
	mp, err := compile(l.entry.Dataset, l.entry.Table, l.entry.Schema, job.Mapping)
	if err != nil {
		return sum, err
	}
	if l.entry.Dataset.Place != nil {
		mp.inArea = func(lon, lat float64) bool {
			_, ok, err := r.AreaAt(context.WithoutCancel(ctx), lon, lat)
			return ok && err == nil
		}
	}
	job.Limits = job.Limits.withDefaults()
	sum.ID = importID(job.Dataset, source, sum.Started, p.Name)
	l.importID = sum.ID
	if err := noteImport(ctx, l, &sum, source, "running"); err != nil {
		return sum, err
	}
	run := &run{ctx: ctx, job: &job, mapper: mp, loader: l, sum: &sum}
	var first error
	for _, f := range job.Files {
		if job.Source == "" {
			l.header.Source = "file:" + f.Name
		}
		fs, err := run.once(f)
		fs.Fault = err
		sum.Files = append(sum.Files, fs)
		if err != nil && first == nil {
			first = err
		}
		if err != nil && fatal(ctx, err) {
			break
		}
	}
	sum.State = "done"
	switch {
	case ctx.Err() != nil:
		sum.State, first = "cancelled", ctx.Err()
	case first != nil:
		sum.State = "failed"
	}
	sum.Finished = r.Now()
	if err := noteImport(context.WithoutCancel(ctx), l, &sum, source, sum.State); err != nil && first == nil {
		first = err
	}
	return sum, first
}

// fatal tells that going on with another file would not help.
func fatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || problem.KindOf(err) != problem.Invalid && problem.KindOf(err) != problem.TooLarge && problem.KindOf(err) != problem.NotFound
}

func importID(dataset, source string, at time.Time, actor string) string {
	h := sha256.Sum256([]byte(strings.Join([]string{dataset, source, strconv.FormatInt(at.UnixNano(), 10), actor}, "\x00")))
	return at.UTC().Format("20060102T150405") + "-" + hex.EncodeToString(h[:6])
}

// noteImport writes the import record.
func noteImport(ctx context.Context, l *loader, s *Summary, source, state string) error {
	e, err := l.repo.Entry(l.principal, repo.SystemImport)
	if err != nil {
		return err
	}
	fields := map[string]any{"id": s.ID, "dataset": s.Dataset, "source": source, "startedAt": s.Started, "state": state, "actor": l.principal.Name}
	if state != "running" {
		fields["finishedAt"], fields["seconds"] = s.Finished, s.Finished.Sub(s.Started).Seconds()
		fields["read"], fields["accepted"], fields["updated"] = s.Read, s.Accepted, s.Updated
		fields["unchanged"], fields["quarantined"], fields["skipped"] = s.Unchanged, s.Quarantined, s.Skipped
		fields["flags"], fields["rules"] = counts(s.Flags), counts(s.Rules)
		digests := map[string]string{}
		for _, f := range s.Files {
			digests[f.Name] = f.Digest
		}
		fields["digests"] = digests
	}
	row, err := rowOf(e, nil, fields)
	if err != nil {
		return err
	}
	_, err = l.submit(ctx, &commit.Request{Header: commit.Header{Actor: l.principal.Name, Source: source, Reason: "import " + state},
		Changes: []commit.Change{{Dataset: repo.SystemImport, Op: commit.Put, Row: row}}})
	return err
}

func counts(m map[string]int64) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// run is one Run at work.
type run struct {
	ctx    context.Context
	job    *Job
	mapper *mapper
	loader *loader
	sum    *Summary
	rows   int64
	told   time.Time
}

// task is a run of rows on its way: read, mapped by a worker, collected in order.
type task struct {
	binding *binding
	rows    []Row
	at      problem.Position
	out     []mapped
	done    chan struct{}
	err     error // reading ended with this
}

// once imports one file after a look at whether it was imported before.
func (r *run) once(f File) (FileSummary, error) {
	digest, err := digestOf(r.ctx, f)
	if err != nil {
		return FileSummary{Name: f.Name}, err
	}
	if r.loader.told, err = toldBefore(r.ctx, r.loader, digest, r.loader.header.Source); err != nil {
		return FileSummary{Name: f.Name}, err
	}
	fs, err := r.file(f)
	fs.Digest = digest
	return fs, err
}

// file imports one file. Reading, mapping on two goroutines, collecting and
// committing overlap; order is kept, queues are short, so memory stays flat.
func (r *run) file(f File) (FileSummary, error) {
	fs := FileSummary{Name: f.Name}
	src, err := Open(f, r.job.Mapping, r.job.Limits)
	if err != nil {
		return fs, err
	}
	defer src.Close()
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	work, order, commits := make(chan *task, 4), make(chan *task, 6), make(chan *batch)
	warnings := make(chan []problem.Violation, 1)
	go func() {
		defer close(work)
		defer close(order)
		warnings <- r.read(ctx, src, work, order)
	}()
	for range 2 {
		go func() {
			for t := range work {
				r.mapRows(t)
				close(t.done)
			}
		}()
	}
	committed := make(chan error, 1)
	go func() {
		var first error
		for b := range commits {
			if first == nil {
				if first = r.loader.load(ctx, b); first != nil {
					stop()
				}
			}
		}
		committed <- first
	}()
	readErr := r.collect(ctx, f, src, order, commits, &fs)
	close(commits)
	err = <-committed
	stop()
	for range order { // let the reader go
	}
	fs.Warnings = <-warnings
	fs.Format = src.Format()
	if err == nil || errors.Is(err, context.Canceled) && r.ctx.Err() == nil {
		err = readErr
	}
	return fs, err
}

// read reads every table of the source into tasks.
func (r *run) read(ctx context.Context, src *Source, work, order chan<- *task) (warnings []problem.Violation) {
	send := func(t *task) bool {
		select {
		case order <- t:
		case <-ctx.Done():
			return false
		}
		if t.err != nil {
			return true
		}
		select {
		case work <- t:
		case <-ctx.Done():
			close(t.done)
			return false
		}
		return true
	}
	for {
		err := src.NextTable()
		if err == io.EOF {
			return warnings
		}
		var b *binding
		if err == nil {
			b, err = r.table(ctx, src, send)
		}
		if b != nil {
			warnings = append(warnings, drift(b, src.Position(0))...)
		}
		if line := src.Footer(); line > 0 {
			warnings = append(warnings, problem.Violate("intake-footer", "").At(src.Position(line)))
		}
		if err != nil && !send(&task{err: err, done: make(chan struct{})}) {
			return warnings
		}
		if ctx.Err() != nil {
			return warnings
		}
	}
}

// table reads one table.
func (r *run) table(ctx context.Context, src *Source, send func(*task) bool) (*binding, error) {
	growing := src.Format() != "csv" && src.Format() != "tsv" && src.Format() != "xlsx"
	bind := func() (*binding, error) {
		names := src.Columns()
		b, err := r.mapper.bind(names[:len(names):len(names)], growing)
		if err == nil && len(b.absent) > 0 {
			err = missingColumns(b, src.Position(0))
		}
		return b, err
	}
	var b *binding
	var err error
	if !growing {
		if b, err = bind(); err != nil {
			return nil, err
		}
	}
	for ctx.Err() == nil {
		t := &task{rows: make([]Row, 0, taskRows), at: src.Position(0), done: make(chan struct{})}
		var end error
		for size := 0; len(t.rows) < taskRows && size < taskBytes && end == nil; {
			var row Row
			if end = src.Next(&row); end == nil {
				t.rows = append(t.rows, row)
				for i := range row.Cells {
					size += len(row.Cells[i].Text) + 8
				}
			}
		}
		if len(t.rows) > 0 {
			if b == nil || b.width != len(src.Columns()) {
				if b, err = bind(); err != nil {
					return nil, err
				}
			}
			t.binding = b
			if !send(t) {
				return b, nil
			}
		}
		if end == io.EOF {
			return b, nil
		}
		if end != nil {
			return b, end
		}
	}
	return b, nil
}

// missingColumns refuses a table that lacks what every record needs.
func missingColumns(b *binding, at problem.Position) error {
	var vs []problem.Violation
	for _, a := range b.absent {
		field, column, _ := strings.Cut(a, " (")
		vs = append(vs, problem.Violate("intake-column-missing", field, "expected", strings.TrimSuffix(column, ")")).At(at))
	}
	return problem.InvalidWith("intake-columns-missing", vs, "expected", strings.Join(b.absent, "; "), "found", strings.Join(b.names[:b.width], ", "))
}

// drift tells, once a table, which columns nothing uses and which were sought
// in vain.
func drift(b *binding, at problem.Position) []problem.Violation {
	var vs []problem.Violation
	for _, name := range b.unused {
		vs = append(vs, problem.Violate("intake-column-unknown", name).At(at))
	}
	for _, name := range b.drifted {
		vs = append(vs, problem.Violate("intake-column-drift", name).At(at))
	}
	return vs
}

func (r *run) mapRows(t *task) {
	width := r.mapper.table.Width()
	var slab []value.Value
	newRow := func() []value.Value {
		if len(slab) < width {
			slab = make([]value.Value, 64*width)
		}
		row := slab[:width:width]
		slab = slab[width:]
		return row
	}
	t.out = make([]mapped, 0, len(t.rows))
	for i := range t.rows {
		r.mapper.apply(t.binding, &t.rows[i], t.at, newRow, func(m mapped) { t.out = append(t.out, m) })
	}
}

// collect takes mapped rows in order and cuts them into batches.
func (r *run) collect(ctx context.Context, f File, src *Source, order <-chan *task, commits chan<- *batch, fs *FileSummary) error {
	c := &collector{run: r, ctx: ctx, commits: commits}
	var first error
	for t := range order {
		if t.err != nil {
			if first == nil {
				first = t.err
			}
			continue
		}
		<-t.done
		if ctx.Err() != nil {
			return first
		}
		fs.Rows += int64(len(t.rows))
		for i := range t.out {
			c.add(&t.out[i])
		}
		r.rows += int64(len(t.rows))
		r.tell(f, src, false)
	}
	c.flush()
	r.tell(f, src, true)
	return first
}

// collector builds batches.
type collector struct {
	run     *run
	ctx     context.Context
	commits chan<- *batch
	rows    []*mapped
	bad     []rejected
	skipped map[string]int64 // by reason
	size    int
}

func (c *collector) add(m *mapped) {
	switch {
	case m.skipped != "":
		if c.skipped == nil {
			c.skipped = map[string]int64{}
		}
		c.skipped[m.skipped]++
	case len(m.faults) > 0:
		raw := m.rawJSON()
		c.bad = append(c.bad, rejected{at: m.at, raw: raw, faults: m.faults})
		c.size += len(raw)
	default:
		c.rows = append(c.rows, m)
		for i := range m.cells {
			c.size += len(m.cells[i].Text)
		}
	}
	if len(c.rows)+len(c.bad) >= chunkRows || c.size >= chunkBytes {
		c.flush()
	}
}

// flush hands the batch over; the rows count as read when they are settled.
func (c *collector) flush() {
	if len(c.rows)+len(c.bad)+len(c.skipped) == 0 {
		return
	}
	rows, sum := c.rows, c.run.sum
	b := &batch{rejects: c.bad, rows: make([][]value.Value, len(rows)), skipped: c.skipped}
	for i := range rows {
		b.rows[i] = rows[i].row
	}
	b.describe = func(i int) rejected { return rejected{at: rows[i].at, raw: rows[i].rawJSON()} }
	b.settled = func(i int, _ commit.Result, _ int64, faults []problem.Violation) error {
		if faults == nil {
			sum.flag(rows[i].flags)
		}
		return nil
	}
	c.rows, c.bad, c.skipped, c.size = make([]*mapped, 0, len(rows)), nil, nil, 0
	select {
	case c.commits <- b:
	case <-c.ctx.Done():
	}
}

// tell reports progress, at most four times a second.
func (r *run) tell(f File, src *Source, last bool) {
	if r.job.Progress == nil {
		return
	}
	now := r.loader.repo.Now()
	if !last && now.Sub(r.told) < 250*time.Millisecond {
		return
	}
	r.told = now
	p := Progress{File: f.Name, Rows: r.rows, Bytes: src.BytesRead(), Total: f.Size}
	if s := now.Sub(r.sum.Started).Seconds(); s > 0 {
		p.Rate = float64(r.rows) / s
		if p.Total > p.Bytes && p.Bytes > 0 {
			p.Left = time.Duration(s * float64(p.Total-p.Bytes) / float64(p.Bytes) * float64(time.Second))
		}
	}
	r.job.Progress(p)
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, m := range []struct{ have, def *int }{{&l.Cell, &d.Cell}, {&l.Row, &d.Row}, {&l.Columns, &d.Columns}, {&l.Depth, &d.Depth}} {
		if *m.have <= 0 {
			*m.have = *m.def
		}
	}
	for _, m := range []struct{ have, def *int64 }{{&l.Ratio, &d.Ratio}, {&l.Floor, &d.Floor}, {&l.Unpacked, &d.Unpacked}, {&l.Spool, &d.Spool}} {
		if *m.have <= 0 {
			*m.have = *m.def
		}
	}
	return l
}
