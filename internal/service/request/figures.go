package request

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// FiguresName is the follower's name, for huong rebuild.
const FiguresName = "request-figures"

// keyAt is the key of the state under which stands how far it reaches.
const keyAt = "at"

// Figures are the sums over all requests by month, category, ward and agency: a
// follower of the log that adds what a record says now and takes away what it said
// before, so that they always equal a recount. Times are kept in steps of 5 %.
type Figures struct {
	zone *time.Location

	mu    sync.RWMutex
	cells map[cell]*sums
	dirty map[cell]bool
	at    int64            // commit up to which all are counted
	turns map[string]int64 // changes of each month since it was loaded
}

// NewFigures makes the follower; zone is that of the city's months.
func NewFigures(zone *time.Location) *Figures {
	return &Figures{zone: zone, cells: map[cell]*sums{}, dirty: map[cell]bool{}, turns: map[string]int64{}}
}

// cell is what requests have in common.
type cell struct{ Month, Category, Area, Agency string }

func (c cell) key() string {
	return strings.Join([]string{c.Month, c.Category, c.Area, c.Agency}, "\x1f")
}

func cellOf(key string) (c cell, ok bool) {
	p := strings.Split(key, "\x1f")
	if len(p) != 4 {
		return c, false
	}
	return cell{p[0], p[1], p[2], p[3]}, true
}

// sums are what is kept of a cell.
type sums struct {
	Count     int64            `json:"n"`
	Open      int64            `json:"o,omitempty"` // nobody has answered
	Answered  int64            `json:"a,omitempty"`
	Dated     int64            `json:"d,omitempty"` // answered, and there was a date
	OnTime    int64            `json:"t,omitempty"`
	Reopened  int64            `json:"r,omitempty"` // at least once
	Rated     int64            `json:"q,omitempty"`
	Ratings   int64            `json:"s,omitempty"` // their sum
	Satisfied int64            `json:"g,omitempty"` // 4 or 5
	Outcomes  map[string]int64 `json:"c,omitempty"`
	Times     histogram        `json:"h,omitempty"` // to the answer

	joined []int64 // times by step, of sums that were made of others
}

// histogram counts times by step, in order; a map of each cell would take most of the
// memory, and of the time that a question takes.
type histogram []bin

type bin struct {
	step int32
	n    int64
}

func (h *histogram) add(step int, by int64) {
	at, known := slices.BinarySearchFunc(*h, int32(step), func(b bin, step int32) int { return cmp.Compare(b.step, step) })
	switch {
	case !known:
		*h = slices.Insert(*h, at, bin{int32(step), by})
	case (*h)[at].n+by == 0:
		*h = slices.Delete(*h, at, at+1)
	default:
		(*h)[at].n += by
	}
}

// MarshalJSON writes an object of counts by step.
func (h histogram) MarshalJSON() ([]byte, error) {
	m := make(map[int32]int64, len(h))
	for _, b := range h {
		m[b.step] = b.n
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads it.
func (h *histogram) UnmarshalJSON(b []byte) error {
	var m map[int32]int64
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*h = nil
	for step, n := range m {
		h.add(int(step), n)
	}
	return nil
}

// step is the place of a time among steps of 5 %, from one minute on; and middle is
// the time that stands for it.
func stepOf(d time.Duration) int {
	if d <= time.Minute {
		return 0
	}
	return int(math.Log(d.Minutes())/math.Log(1.05)) + 1
}

func middle(step int) time.Duration {
	if step == 0 {
		return time.Minute
	}
	return time.Duration(math.Pow(1.05, float64(step)-0.5) * float64(time.Minute))
}

// add counts a request, or takes it away.
func (s *sums) add(x *Request, by int64) {
	s.Count += by
	if x.Reopened > 0 {
		s.Reopened += by
	}
	if x.Rating > 0 {
		s.Rated += by
		s.Ratings += by * x.Rating
		if x.Rating >= 4 {
			s.Satisfied += by
		}
	}
	if x.Outcome != "" {
		if s.Outcomes == nil {
			s.Outcomes = map[string]int64{}
		}
		if s.Outcomes[x.Outcome] += by; s.Outcomes[x.Outcome] == 0 {
			delete(s.Outcomes, x.Outcome)
		}
	}
	if slices.Contains(waiting(), x.Status) {
		s.Open += by
	}
	if x.AnsweredAt.IsZero() {
		return
	}
	s.Answered += by
	if in, known := x.OnTime(); known {
		s.Dated += by
		if in {
			s.OnTime += by
		}
	}
	s.Times.add(stepOf(x.AnsweredAt.Sub(x.OpenedAt)), by)
}

func (s *sums) join(o *sums) {
	s.Count, s.Open, s.Answered, s.Dated, s.OnTime = s.Count+o.Count, s.Open+o.Open, s.Answered+o.Answered, s.Dated+o.Dated, s.OnTime+o.OnTime
	s.Reopened, s.Rated, s.Ratings, s.Satisfied = s.Reopened+o.Reopened, s.Rated+o.Rated, s.Ratings+o.Ratings, s.Satisfied+o.Satisfied
	if s.Outcomes == nil {
		s.Outcomes = map[string]int64{}
	}
	for k, n := range o.Outcomes {
		s.Outcomes[k] += n
	}
	for _, b := range o.Times {
		if more := int(b.step) + 1 - len(s.joined); more > 0 {
			s.joined = append(s.joined, make([]int64, more)...)
		}
		s.joined[b.step] += b.n
	}
}

// quantile is the time within which a part of the answers of joined sums came; zero
// without any.
func (s *sums) quantile(q float64) time.Duration {
	var all int64
	for _, n := range s.joined {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank := int64(math.Ceil(q * float64(all)))
	for step, n := range s.joined {
		if rank -= n; rank <= 0 {
			return middle(step)
		}
	}
	return middle(len(s.joined) - 1)
}

// Name implements repo.Follower.
func (f *Figures) Name() string { return FiguresName }

// Load implements repo.Follower.
func (f *Figures) Load(state map[string][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cells, f.dirty = make(map[cell]*sums, len(state)), map[cell]bool{}
	f.at = 0
	for key, b := range state {
		c, ok := cellOf(key)
		if !ok {
			if key == keyAt {
				f.at, _ = strconv.ParseInt(string(b), 10, 64)
			}
			continue
		}
		f.turns[c.Month]++
		s := &sums{}
		if err := json.Unmarshal(b, s); err != nil {
			return err
		}
		f.cells[c] = s
	}
	return nil
}

// Apply implements repo.Follower.
func (f *Figures) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = e.Seq
	entry := catalog(Dataset)
	if e.Counts[Dataset] == 0 || entry == nil {
		return nil
	}
	for i := range e.Changes {
		if ch := &e.Changes[i]; ch.Dataset == Dataset {
			f.count(entry, ch.Before, -1)
			f.count(entry, ch.After, +1)
		}
	}
	return nil
}

func (f *Figures) count(e *repo.Entry, row []value.Value, by int64) {
	if row == nil {
		return
	}
	x := countedOf(look{e, row, f.zone})
	if x.OpenedAt.IsZero() {
		return // erased
	}
	c := cell{x.OpenedAt.Format("2006-01"), x.Category, x.Area, x.Agency}
	s := f.cells[c]
	if s == nil {
		s = &sums{}
		f.cells[c] = s
	}
	s.add(&x, by)
	f.dirty[c] = true
	f.turns[c.Month]++
}

// countedOf reads what figures count of a record.
func countedOf(l look) Request {
	x := Request{Category: l.text("category"), Agency: l.text("agency"), Status: l.text("status"), Outcome: l.text("outcome"), OpenedAt: l.at("openedAt"),
		DueAt: l.at("dueAt"), AnsweredAt: l.at("answeredAt"), ClosedAt: l.at("closedAt"), Rating: l.count("rating"), Reopened: l.count("reopened"), Area: l.area()}
	return x
}

// Save implements repo.Follower.
func (f *Figures) Save() ([]store.StatePut, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []store.StatePut{{Key: keyAt, Value: strconv.AppendInt(nil, f.at, 10)}}
	for c := range f.dirty {
		p := store.StatePut{Key: c.key()}
		if s := f.cells[c]; s.Count != 0 {
			b, err := json.Marshal(s)
			if err != nil {
				return nil, err
			}
			p.Value = b
		} else {
			delete(f.cells, c)
		}
		list = append(list, p)
	}
	clear(f.dirty)
	return list, nil
}

// FigureQuery asks for figures. The zero one asks for one row over everything.
type FigureQuery struct {
	By                     []string // of month, category, area, agency
	From, Until            string   // months, yyyy-mm, both included; "" = unbounded
	Category, Area, Agency string
}

// Figure is a row of figures. Shares are of 1; nil where nothing is known, or where
// fewer than SmallCell stand behind it and the public asks.
type Figure struct {
	Month, Category, Area, Agency string
	Count, Open, Answered         int64
	OnTime                        *float64 // of those answered that had a date
	Median, P90                   time.Duration
	Reopened                      *float64 // of those answered
	Outcomes                      map[string]int64
	Rated                         int64
	Coverage                      *float64 // rated, of those answered
	Rating                        *float64 // their mean
	Satisfied                     *float64 // 4 or 5, of those rated
}

// SmallCell is how many requests the public is told of at least.
const SmallCell = 5

// Ask answers a query. For staff it is exact; of what the public asks, rows with
// fewer than SmallCell are left out, with the next smallest where what was left out
// could be worked out from a total; left tells how many requests they hold, and
// nothing of fewer than SmallCell.
func (f *Figures) Ask(_ context.Context, p repo.Principal, q FigureQuery) (rows []Figure, left int64, err error) {
	var vs []problem.Violation
	for _, by := range q.By {
		if !slices.Contains([]string{"month", "category", "area", "agency"}, by) {
			vs = append(vs, problem.Violate("request-word", "by", "allowed", "month, category, area, agency"))
		}
	}
	if err := problem.InvalidWith("request-invalid", vs); err != nil {
		return nil, 0, err
	}
	groups := map[cell]*sums{}
	f.mu.RLock()
	for c, s := range f.cells {
		if s.Count == 0 || q.From != "" && c.Month < q.From || q.Until != "" && c.Month > q.Until || q.Category != "" && c.Category != q.Category ||
			q.Area != "" && q.Area != wholeCityCode && c.Area != q.Area || q.Agency != "" && c.Agency != q.Agency {
			continue
		}
		var g cell
		for _, by := range q.By {
			switch by {
			case "month":
				g.Month = c.Month
			case "category":
				g.Category = c.Category
			case "area":
				g.Area = c.Area
			case "agency":
				g.Agency = c.Agency
			}
		}
		into := groups[g]
		if into == nil {
			into = &sums{}
			groups[g] = into
		}
		into.join(s)
	}
	f.mu.RUnlock()
	public := !duty(p)
	if public {
		left = suppress(groups)
	}
	for c, s := range groups {
		rows = append(rows, figureOf(c, s, public))
	}
	slices.SortFunc(rows, func(a, b Figure) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Area, b.Area), cmp.Compare(a.Agency, b.Agency))
	})
	return rows, left, nil
}

// suppress takes small groups out, and more until what is missing is not small.
func suppress(groups map[cell]*sums) (left int64) {
	for c, s := range groups {
		if s.Count < SmallCell {
			left += s.Count
			delete(groups, c)
		}
	}
	for left > 0 && left < SmallCell && len(groups) > 0 {
		var least cell
		first := true
		for c, s := range groups {
			if first || s.Count < groups[least].Count || s.Count == groups[least].Count && c.key() < least.key() {
				least, first = c, false
			}
		}
		left += groups[least].Count
		delete(groups, least)
	}
	if left < SmallCell {
		return 0 // all there is
	}
	return left
}

func figureOf(c cell, s *sums, public bool) Figure {
	share := func(part, of int64) *float64 {
		if of == 0 || public && of < SmallCell {
			return nil
		}
		v := float64(part) / float64(of)
		return &v
	}
	x := Figure{Month: c.Month, Category: c.Category, Area: c.Area, Agency: c.Agency, Count: s.Count, Open: s.Open, Answered: s.Answered,
		OnTime: share(s.OnTime, s.Dated), Reopened: share(s.Reopened, s.Answered), Rated: s.Rated, Coverage: share(s.Rated, s.Answered),
		Rating: share(s.Ratings, s.Rated), Satisfied: share(s.Satisfied, s.Rated), Outcomes: map[string]int64{}}
	if !public || s.Answered >= SmallCell {
		x.Median, x.P90 = s.quantile(0.5), s.quantile(0.9)
	}
	for k, n := range s.Outcomes {
		if public && n < SmallCell {
			k = "few" // of outcomes that are too rare to be told apart
		}
		x.Outcomes[k] += n
	}
	return x
}
