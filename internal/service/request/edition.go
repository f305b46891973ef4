package request

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/smallcell"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Months is the dataset in which the city publishes what became of reports, month by
// month.
const Months = "request-month"

// UnknownArea stands in it for reports whose ward nobody knows.
const UnknownArea = "unknown"

// outcomeColumns are the columns of outcomes that the dataset tells of.
func outcomeColumns() map[string]string {
	return map[string]string{"fixed": "fixed", "planned": "planned", "no-budget": "noBudget", "not-ours": "notOurs", "cannot-verify": "cannotVerify", "refused": "refused"}
}

// Edition keeps the dataset of months: for each month that is over, ward and category
// a row of what the figures hold, corrected when they change. Rows with fewer than
// SmallCell reports say no more than that there are some; so do others where a total
// of the ward or of the category would give such a row away (core/smallcell). Ratings
// and outcomes are counted in the same way for themselves. The month that runs is not
// told: each report in it could be watched as it comes.
type Edition struct {
	repo    *repo.Repository
	figures *Figures
	log     *slog.Logger

	turn sync.Mutex
	done map[string]int64 // turn of each month that is written
	want int64            // what the figures must have counted before the next is written
}

// NewEdition makes an edition of figures, which another must follow. log may be nil.
func NewEdition(r *repo.Repository, f *Figures, log *slog.Logger) *Edition {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Edition{repo: r, figures: f, log: log, done: map[string]int64{}, want: -1}
}

// Run refreshes at each tick, until ctx ends.
func (e *Edition) Run(ctx context.Context, ticks <-chan time.Time) {
	for {
		if err := e.Refresh(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("the months of reports were not written", "err", err)
		}
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
	}
}

// Refresh writes the months that changed. It does nothing for a city without the
// dataset, and while the figures have not counted what there was at the refresh
// before; what they have not counted now is written by a next one.
func (e *Edition) Refresh(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	entry, err := e.repo.Entry(repo.Internal(), Months)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return nil
		}
		return err
	}
	head, err := e.repo.Head(ctx)
	if err != nil {
		return err
	}
	if e.want < 0 {
		e.want = head.Seq
	}
	turns, ok := e.figures.since(e.want)
	if !ok {
		return nil
	}
	running := e.repo.Now().In(e.repo.Zone()).Format("2006-01")
	for _, month := range slices.Sorted(maps.Keys(turns)) {
		if month >= running || e.done[month] == turns[month] {
			continue
		}
		cells, ok := e.figures.month(month, e.want)
		if !ok {
			return nil
		}
		if err := e.write(ctx, entry, month, cells); err != nil {
			return err
		}
		e.done[month] = turns[month]
	}
	e.want = head.Seq
	return nil
}

// since tells the turns of months, false while not all is counted up to a commit.
func (f *Figures) since(seq int64) (map[string]int64, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return maps.Clone(f.turns), f.at >= seq
}

// month sums a month by ward and category; false while not all is counted.
func (f *Figures) month(month string, seq int64) (map[cell]*sums, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	cells := map[cell]*sums{}
	for c, s := range f.cells {
		if c.Month != month || s.Count == 0 {
			continue
		}
		at := cell{Category: c.Category, Area: c.Area}
		if at.Area == "" {
			at.Area = UnknownArea
		}
		if cells[at] == nil {
			cells[at] = &sums{}
		}
		cells[at].join(s)
	}
	return cells, f.at >= seq
}

// monthRow is a row by the names of columns; what is not told is not in it.
type monthRow map[string]value.Value

// rowsOf makes the rows of a month.
func rowsOf(month string, cells map[cell]*sums) []monthRow {
	first, _ := time.Parse("2006-01", month)
	list := slices.SortedFunc(maps.Keys(cells), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.Category, b.Category))
	})
	hide := func(count func(*sums) int64, also []bool) []bool {
		var ask []smallcell.Cell
		var of []int
		for i, c := range list {
			if n := count(cells[c]); n > 0 {
				ask = append(ask, smallcell.Cell{Row: c.Area, Column: c.Category, Count: n, Hidden: also != nil && also[i]})
				of = append(of, i)
			}
		}
		hidden := make([]bool, len(list))
		for n, h := range smallcell.Hide(ask, SmallCell) {
			hidden[of[n]] = h
		}
		return hidden
	}
	hidden := hide(func(s *sums) int64 { return s.Count }, nil)
	unrated := hide(func(s *sums) int64 { return s.Rated }, hidden)
	outcomes := hideOutcomes(list, cells, hidden, hide)

	rows := make([]monthRow, len(list))
	for i, c := range list {
		s := cells[c]
		row := monthRow{"month": value.OfDate(first.Unix() / (24 * 60 * 60)), "area": value.OfText(c.Area), "category": value.OfText(c.Category), "hidden": value.OfBool(hidden[i])}
		rows[i] = row
		if hidden[i] {
			continue
		}
		for name, n := range map[string]int64{"received": s.Count, "answered": s.Answered, "dated": s.Dated, "onTime": s.OnTime, "reopened": s.Reopened} {
			row[name] = value.OfInt(n)
		}
		if s.Answered >= SmallCell {
			row["medianHours"], row["p90Hours"] = hours(s.quantile(0.5)), hours(s.quantile(0.9))
		}
		for code, name := range outcomeColumns() {
			if !outcomes[code][i] {
				row[name] = value.OfInt(s.Outcomes[code])
			}
		}
		if !unrated[i] {
			row["ratings"] = value.OfInt(s.Rated)
			if s.Rated > 0 {
				row["ratingMean"] = value.OfFloat(float64(s.Ratings*100/s.Rated) / 100)
			}
		}
	}
	return rows
}

// hours writes a time in hours with two digits.
func hours(d time.Duration) value.Value {
	return value.OfFloat(float64(d.Round(36*time.Second)/(36*time.Second)) / 100)
}

// hideOutcomes tells which counts of outcomes are left out: the small ones, those that
// would give one away among the wards or among the categories, and in each row more
// than one, if any, of SmallCell or more together.
func hideOutcomes(list []cell, cells map[cell]*sums, rows []bool, hide func(func(*sums) int64, []bool) []bool) map[string][]bool {
	codes := slices.Sorted(maps.Keys(outcomeColumns()))
	hidden := map[string][]bool{}
	for _, code := range codes {
		hidden[code] = slices.Clone(rows)
	}
	for again := true; again; {
		again = false
		for _, code := range codes {
			now := hide(func(s *sums) int64 { return s.Outcomes[code] }, hidden[code])
			for i := range now {
				now[i] = now[i] || rows[i]
			}
			again = again || !slices.Equal(now, hidden[code])
			hidden[code] = now
		}
		for i, c := range list {
			if rows[i] {
				continue
			}
			var out, many int64
			least := ""
			for _, code := range codes {
				n := cells[c].Outcomes[code]
				switch {
				case n == 0:
				case hidden[code][i]:
					out, many = out+n, many+1
				case least == "" || n < cells[c].Outcomes[least]:
					least = code
				}
			}
			if least != "" && many > 0 && (many == 1 || out < SmallCell) {
				hidden[least][i], again = true, true
			}
		}
	}
	return hidden
}

// write makes the stored rows of a month what they are to be.
func (e *Edition) write(ctx context.Context, entry *repo.Entry, month string, cells map[cell]*sums) error {
	rows := rowsOf(month, cells)
	first, err := time.Parse("2006-01", month)
	if err != nil {
		return nil // a time that is none: nobody asks for its month
	}
	own := map[int]bool{}
	for _, f := range entry.Dataset.Schema.Fields {
		if i, _, _, ok := entry.Table.Property(f.Name); ok {
			own[i] = true
		}
	}
	keyOf := func(row []value.Value) string { return string(value.AppendRow(nil, entry.Table.KeyOf(nil, row))) }
	stored := map[string][]value.Value{}
	_, err = e.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: Months, Filter: compare("=", "month", value.OfDate(first.Unix()/(24*60*60)))}, func(rec repo.Record) error {
		row := make([]value.Value, len(rec.Values))
		for i, v := range rec.Values {
			if !own[i] {
				continue
			}
			if row[i] = v; v.Kind() == value.Text {
				row[i] = value.OfText(string([]byte(v.Text())))
			}
		}
		stored[keyOf(row)] = row
		return nil
	})
	if err != nil {
		return err
	}
	var changes []commit.Change
	for _, r := range rows {
		c := cellsOf(entry)
		for name, v := range r {
			c.set(name, v)
		}
		k := keyOf(c.row)
		if !slices.Equal(stored[k], c.row) {
			changes = append(changes, commit.Change{Dataset: Months, Op: commit.Put, Row: c.row})
		}
		delete(stored, k)
	}
	for _, k := range slices.Sorted(maps.Keys(stored)) {
		changes = append(changes, commit.Change{Dataset: Months, Op: commit.Delete, Row: stored[k]})
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = e.repo.Commit(ctx, repo.Internal(), &commit.Request{Header: commit.Header{Actor: repo.Internal().Name, Source: "request", Reason: "Phản ánh tháng " + first.Format("01/2006")}, Changes: changes})
	return err
}
