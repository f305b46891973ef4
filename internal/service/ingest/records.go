package ingest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Outcome is the fate of one row of a body.
type Outcome struct {
	Row        int64  // 0-based index in the body
	Result     string // created, updated, unchanged, quarantined
	Version    int64  // of the record, when it was created or updated
	Violations []problem.Violation
}

// Records takes rows that already use the dataset's field names: a JSON array,
// one JSON object or NDJSON (application/json, application/x-ndjson), or CSV
// with a header (text/csv). While one batch commits the next is decoded; memory
// is bounded whatever the size of the body. Rejected rows go to quarantine. The
// header says for all commits where they come from and why; its actor is p.
// outcome, which may be nil, gets every row once, in the order of the body;
// its error ends the load.
//
// A body whose syntax is lost ends with an Invalid error; what came before is
// committed and accounted for.
func Records(ctx context.Context, r *repo.Repository, p repo.Principal, name string, header commit.Header, contentType string, body io.Reader, outcome func(Outcome) error) (Summary, error) {
	sum := Summary{Dataset: name, State: "failed", Started: r.Now()}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = strings.TrimSpace(contentType)
	}
	l, err := newLoader(r, p, name, header, &sum)
	if err != nil {
		return sum, err
	}
	switch media {
	case "text/csv", "text/tab-separated-values":
		err = l.cells(ctx, media, body, outcome)
	default:
		err = l.stream(ctx, body, outcome)
	}
	sum.Finished = r.Now()
	switch {
	case err == nil:
		sum.State = "done"
	case ctx.Err() != nil:
		sum.State = "cancelled"
	}
	return sum, err
}

// decoded is a batch on its way from the decoder to the committer.
type decoded struct {
	batch  *record.Batch
	rows   []int64 // index in the body of each row of batch
	faults []record.Fault
	first  int64
	count  int64 // rows read, good and bad
	err    error // the last one, io.EOF included
}

// stream loads JSON.
func (l *loader) stream(ctx context.Context, body io.Reader, outcome func(Outcome) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	free, full := make(chan *decoded, 3), make(chan *decoded, 3)
	for range 3 {
		free <- &decoded{batch: record.NewBatch(l.entry.Schema)}
	}
	go func() {
		defer close(full)
		reader := record.NewJSONReader(body, l.entry.Schema, record.Limits{})
		for next := int64(0); ; {
			var d *decoded
			select {
			case d = <-free:
			case <-ctx.Done():
				return
			}
			d.batch.Reset()
			d.first = next
			d.faults, d.err = reader.Next(d.batch, chunkRows)
			d.number()
			next += d.count
			full <- d
			if d.err != nil {
				return
			}
		}
	}()
	for d := range full {
		b := d.load()
		if err := l.deliver(ctx, b, d, outcome); err != nil {
			return err
		}
		if d.err == io.EOF {
			return nil
		}
		if d.err != nil {
			return d.err
		}
		free <- d
	}
	return ctx.Err()
}

// number gives every good row its index in the body: the bad ones say theirs.
func (d *decoded) number() {
	d.count = int64(d.batch.Len() + len(d.faults))
	bad := make(map[int64]bool, len(d.faults))
	for _, f := range d.faults {
		if len(f.Violations) > 0 {
			bad[int64(f.Violations[0].Row)] = true
		}
	}
	d.rows = d.rows[:0]
	for i := d.first; len(d.rows) < d.batch.Len(); i++ {
		if !bad[i] {
			d.rows = append(d.rows, i)
		}
	}
}

func (d *decoded) load() *batch {
	b := &batch{rows: make([][]value.Value, d.batch.Len())}
	for i := range b.rows {
		b.rows[i] = d.batch.Row(i)
	}
	for _, f := range d.faults {
		b.rejects = append(b.rejects, rejected{at: f.Position, raw: bodyRow(f.Raw), faults: f.Violations})
	}
	return b
}

// bodyRow keeps a row as it came when it is an object, else as "#row".
func bodyRow(raw []byte) string {
	v := jsontext.Value(raw)
	if v.IsValid() && v.Kind() == '{' {
		return string(raw)
	}
	m := mapped{raw: cutRaw(raw)}
	return m.rawJSON()
}

// deliver commits one decoded batch and tells the outcomes in the order of the
// body, also those of the rows that were settled before a failure.
func (l *loader) deliver(ctx context.Context, b *batch, d *decoded, outcome func(Outcome) error) error {
	schema := l.entry.Schema
	b.describe = func(i int) rejected {
		return rejected{at: d.batch.Position(i), raw: string(schema.AppendJSON(nil, d.batch.Row(i), l.given()))}
	}
	outs := newOutcomes(b, d.first, d.count, outcome, func(i int) int64 { return d.rows[i] })
	err := l.load(ctx, b)
	if err == nil && outs != nil {
		for i := range d.faults {
			f := &d.faults[i]
			if len(f.Violations) > 0 {
				outs.refuse(int64(f.Violations[0].Row), f.Violations)
			}
		}
	}
	return outs.tell(err)
}

// outcomes gathers the fates of the rows of one batch by their place in the
// body; nil when nobody asks.
type outcomes struct {
	first int64
	rows  []Outcome
	fn    func(Outcome) error
}

func newOutcomes(b *batch, first, count int64, fn func(Outcome) error, row func(int) int64) *outcomes {
	if fn == nil {
		return nil
	}
	o := &outcomes{first: first, rows: make([]Outcome, count), fn: fn}
	b.settled = func(i int, r commit.Result, version int64, faults []problem.Violation) error {
		if faults != nil {
			o.refuse(row(i), faults)
			return nil
		}
		o.rows[row(i)-first] = Outcome{Row: row(i), Result: r.String(), Version: version}
		return nil
	}
	return o
}

func (o *outcomes) refuse(row int64, vs []problem.Violation) {
	if i := row - o.first; i >= 0 && i < int64(len(o.rows)) {
		o.rows[i] = Outcome{Row: row, Result: "quarantined", Violations: vs}
	}
}

func (o *outcomes) tell(err error) error {
	if o == nil {
		return err
	}
	for i := range o.rows {
		if o.rows[i].Result == "" {
			continue
		}
		if worse := o.fn(o.rows[i]); worse != nil {
			return worse
		}
	}
	return err
}

// given lists the columns that a client may fill.
func (l *loader) given() []int {
	var columns []int
	for i, c := range l.entry.Table.Columns {
		if !c.Derived && !c.Dropped {
			columns = append(columns, i)
		}
	}
	return columns
}

// cells loads delimited text whose header names fields.
func (l *loader) cells(ctx context.Context, media string, body io.Reader, outcome func(Outcome) error) error {
	mp, err := compile(l.entry.Dataset, l.entry.Table, l.entry.Schema, nil)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(body, sampleSize)
	src := &Source{limits: DefaultLimits(), count: &counter{}}
	head, err := peek(in)
	if err != nil {
		return err
	}
	if len(head) == 0 {
		return nil
	}
	out, _, transcoded, err := decode(in, head, "utf-8")
	if err != nil {
		return err
	}
	d := dialect{delimiter: ',', newline: '\n', transcoded: transcoded}
	if media == "text/tab-separated-values" {
		d.delimiter = '\t'
	}
	if src.current, err = newCSV(out, d, 1, nil, src.limits); err != nil {
		return src.locate(err)
	}
	b, err := mp.bind(src.Columns(), false)
	if err != nil {
		return err
	}
	if err := l.headerFits(b, src.Position(1)); err != nil {
		return err
	}
	return l.pump(ctx, src, mp, b, outcome)
}

// headerFits refuses a header with unknown names or without what every record
// needs: in a body they are mistakes, not a layout of someone else's.
func (l *loader) headerFits(b *binding, at problem.Position) error {
	var vs []problem.Violation
	for _, name := range b.unused {
		vs = append(vs, problem.Violate("intake-map-field", name, "nearest", l.entry.Schema.Nearest(name)).At(at))
	}
	if len(b.absent) > 0 {
		e := problem.As(missingColumns(b, at))
		e.Violations = append(e.Violations, vs...)
		return e
	}
	return problem.InvalidWith("intake-header", vs, "line", 1)
}

// pump reads, maps and commits rows of cells, reading ahead of the commits.
func (l *loader) pump(ctx context.Context, src *Source, mp *mapper, b *binding, outcome func(Outcome) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type part struct {
		rows []mapped
		err  error
	}
	parts := make(chan part, 2)
	go func() {
		defer close(parts)
		width := l.entry.Table.Width()
		for {
			var p part
			size := 0
			var slab []value.Value
			newRow := func() []value.Value {
				if len(slab) < width {
					slab = make([]value.Value, 64*width)
				}
				row := slab[:width:width]
				slab = slab[width:]
				return row
			}
			for len(p.rows) < chunkRows && size < chunkBytes && p.err == nil {
				var row Row
				if p.err = src.Next(&row); p.err == nil {
					for i := range row.Cells {
						size += len(row.Cells[i].Text)
					}
					mp.apply(b, &row, src.Position(0), newRow, func(m mapped) { p.rows = append(p.rows, m) })
				}
			}
			select {
			case parts <- p:
			case <-ctx.Done():
				return
			}
			if p.err != nil {
				return
			}
		}
	}()
	next := int64(0)
	for p := range parts {
		if err := l.deliverMapped(ctx, p.rows, next, outcome); err != nil {
			return err
		}
		next += int64(len(p.rows))
		if errors.Is(p.err, io.EOF) {
			return nil
		}
		if p.err != nil {
			return p.err
		}
	}
	return ctx.Err()
}

func (l *loader) deliverMapped(ctx context.Context, rows []mapped, first int64, outcome func(Outcome) error) error {
	bt := &batch{}
	var good []int
	for i := range rows {
		if len(rows[i].faults) > 0 {
			bt.rejects = append(bt.rejects, rejected{at: rows[i].at, raw: rows[i].rawJSON(), faults: rows[i].faults})
			continue
		}
		good = append(good, i)
		bt.rows = append(bt.rows, rows[i].row)
	}
	bt.describe = func(i int) rejected { return rejected{at: rows[good[i]].at, raw: rows[good[i]].rawJSON()} }
	outs := newOutcomes(bt, first, int64(len(rows)), outcome, func(i int) int64 { return first + int64(good[i]) })
	err := l.load(ctx, bt)
	for i := range rows {
		if err == nil && outs != nil && len(rows[i].faults) > 0 {
			outs.refuse(first+int64(i), rows[i].faults)
		}
	}
	return outs.tell(err)
}

// ContentTypes lists the media types that Records reads.
func ContentTypes() []string {
	return []string{"application/json", "application/x-ndjson", "application/ndjson", "text/csv", "text/tab-separated-values"}
}
