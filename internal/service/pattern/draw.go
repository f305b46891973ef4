package pattern

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/hotspot"
	"huong.city/huong/internal/core/problem"
)

// MostAge is how old an answer may be at most, while the follower keeps up.
const MostAge = 5 * time.Minute

const (
	redrawnAfter = 4 * time.Minute  // by Run, so that few readers wait
	askedWithin  = 24 * time.Hour   // for how long Run keeps an answer fresh that somebody asked for
	sharedFor    = 30 * time.Second // the places of one drawing serve the next
	mostKept     = 400              // answers

	// Least is how many reports stand behind a place that is told, at least.
	Least = 5

	mostSpots, mostPlaces, mostDefaults, mostKinds = 30, 50, 10, 3
	repeatDays                                     = 365 // in which places come back
	cellMetres                                     = 250
)

// Periods that may be asked for beside a year.
func Periods() []string { return []string{"30d", "90d", "365d"} }

// Ask says which reports are looked at.
type Ask struct {
	Period string // one of Periods, or a year; "" is 90d
	Group  string // of categories; "" all
	Area   string // code of a ward; "" the whole city
}

// Answer is what was found.
type Answer struct {
	From, Until time.Time // the period: until is not in it
	Drawn       time.Time
	Behind      int64 // reports that changed since
	Reports     int   // of the period
	Placeless   int   // of these without a place, or private
	AtDefaults  int   // of these on default points
	Defaults    []hotspot.Point
	Cells       int // of the study area
	Spots       []Spot
	Places      []Place
	PlacesFrom  time.Time
	Hour        hotspot.Cycle
	Weekday     hotspot.Cycle
	Month       hotspot.Cycle // of all years that are known
	MonthsFrom  time.Time
}

// Spot is where more was reported than chance explains.
type Spot struct {
	Longitude, Latitude float64 // the mean of its reports
	Area                string  // ward of that point
	Reports             int
	Times               float64 // as many as cells of the study area hold on average
	Z                   float64 // Gi*, the highest of its cells
	Hectares            float64
	Categories          []string // the most frequent ones, first
	First, Last         time.Time
}

// Place is where reports of one category came back after it had been quiet.
type Place struct {
	Longitude, Latitude float64
	Area, Category      string
	Reports             int
	Times               int // it came
	Between             time.Duration
	First, Last         time.Time
}

type drawing struct {
	answer  *Answer
	changes int64
	day     int32
	asked   time.Time
}

// Ask answers from what is drawn already, where it is no older than MostAge or nothing
// changed; else it draws. Invalid request-word for a period that is none.
func (f *Follower) Ask(ctx context.Context, a Ask) (*Answer, error) {
	if a.Period == "" {
		a.Period = "90d"
	}
	if _, _, ok := f.period(a.Period); !ok {
		return nil, problem.InvalidWith("request-invalid", []problem.Violation{problem.Violate("request-word", "period", "allowed", strings.Join(Periods(), ", ")+", yyyy")})
	}
	if got := f.kept(a, MostAge); got != nil {
		return got, nil
	}
	if !f.knows(a) { // nothing is drawn and kept for words that anybody makes up
		from, until, _ := f.period(a.Period)
		out := &Answer{From: f.date(from), Until: f.date(until), PlacesFrom: f.date(min(from, until-repeatDays)), Drawn: f.c.Now()}
		out.Hour, out.Weekday, out.Month = newRounds(24).judge(), newRounds(7).judge(), newRounds(12).judge()
		f.mu.RLock()
		defer f.mu.RUnlock()
		if begin := f.begin(); begin <= dayOf(out.Drawn.In(f.c.Zone)) {
			out.MonthsFrom = f.date(begin)
		}
		return out, nil
	}
	f.turn.Lock()
	defer f.turn.Unlock()
	if got := f.kept(a, MostAge); got != nil { // drawn by who came before
		return got, nil
	}
	return f.draw(ctx, a, f.c.Now())
}

// knows tells whether any report can be of the ward and the group asked for.
func (f *Follower) knows(a Ask) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c := f.choose(a)
	return a == (Ask{Period: a.Period}) || slices.Contains(c.kinds, true)
}

// kept is an answer that is drawn already.
func (f *Follower) kept(a Ask, age time.Duration) *Answer {
	now := f.c.Now()
	f.mu.RLock()
	changes := f.changes
	f.mu.RUnlock()
	f.cache.Lock()
	defer f.cache.Unlock()
	d := f.drawn[a]
	if d == nil || d.day != dayOf(now.In(f.c.Zone)) || d.changes != changes && now.Sub(d.answer.Drawn) > age {
		return nil
	}
	d.asked = now
	got := *d.answer
	got.Behind = changes - d.changes
	return &got
}

// Run keeps answers fresh, at each tick: those of the whole city, and those that
// somebody asked for within a day.
func (f *Follower) Run(ctx context.Context, ticks <-chan time.Time) {
	for {
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
		f.Refresh(ctx)
	}
}

// Refresh draws again what is nearly too old.
func (f *Follower) Refresh(ctx context.Context) {
	now := f.c.Now()
	var asks []Ask
	for _, p := range Periods() {
		asks = append(asks, Ask{Period: p})
	}
	f.cache.Lock()
	for a, d := range f.drawn {
		switch {
		case now.Sub(d.asked) > askedWithin:
			delete(f.drawn, a)
		case !slices.Contains(asks, a):
			asks = append(asks, a)
		}
	}
	f.cache.Unlock()
	for _, a := range asks {
		if ctx.Err() != nil {
			return
		}
		f.mu.RLock()
		changes := f.changes
		f.mu.RUnlock()
		f.cache.Lock()
		d := f.drawn[a]
		fresh := d != nil && d.day == dayOf(now.In(f.c.Zone)) && (d.changes == changes || f.c.Now().Sub(d.answer.Drawn) < redrawnAfter)
		asked := now.Add(-askedWithin / 2)
		if d != nil {
			asked = d.asked
		}
		f.cache.Unlock()
		if fresh {
			continue
		}
		f.turn.Lock()
		f.draw(ctx, a, asked)
		f.turn.Unlock()
	}
}

// shared are the places of the last drawing: periods that end today have the same.
type shared struct {
	of          Ask
	from, until int32
	at          time.Time
	list        []Place
}

// places are where reports of one category came back.
func (f *Follower) places(ctx context.Context, got found) (list []Place) {
	for kind, events := range got.byKind {
		for _, p := range hotspot.Places(events, hotspot.RepeatDefaults()) {
			if p.Events >= Least {
				list = append(list, Place{Longitude: p.Longitude, Latitude: p.Latitude, Category: got.names[kind], Reports: p.Events, Times: p.Occurrences,
					Between: p.Between, First: p.First.In(f.c.Zone), Last: p.Last.In(f.c.Zone)})
			}
		}
	}
	slices.SortFunc(list, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(b.Reports, a.Reports), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Latitude, b.Latitude), cmp.Compare(a.Longitude, b.Longitude))
	})
	list = slices.Clip(list[:min(len(list), mostPlaces)])
	for i := range list {
		list[i].Area, _ = f.c.Area(ctx, list[i].Longitude, list[i].Latitude)
	}
	return list
}

// period is from its first day up to the day after its last.
func (f *Follower) period(p string) (from, until int32, ok bool) {
	now := f.c.Now().In(f.c.Zone)
	tomorrow := dayOf(now) + 1
	if days, isDays := strings.CutSuffix(p, "d"); isDays && slices.Contains(Periods(), p) {
		n, _ := strconv.Atoi(days)
		return tomorrow - int32(n), tomorrow, true
	}
	year, err := strconv.Atoi(p)
	if err != nil || len(p) != 4 || year < 1990 || year > now.Year() {
		return 0, 0, false
	}
	return dayOf(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)), min(tomorrow, dayOf(time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC))), true
}

// choice tells which events an ask is about.
type choice struct {
	kinds, private []bool // by number
	all            bool   // every ward
	ward           uint16
}

func (f *Follower) choose(a Ask) choice {
	c := choice{kinds: make([]bool, len(f.names)), private: make([]bool, len(f.names)), all: a.Area == ""}
	for i, name := range f.names {
		group, private := f.c.Group(name)
		c.kinds[i], c.private[i] = a.Group == "" || group == a.Group, private
	}
	var known bool
	if c.ward, known = f.number[a.Area]; !known {
		c.kinds = make([]bool, len(f.names))
	}
	return c
}

func (c *choice) has(x event) bool { return c.kinds[x.kind] && (c.all || c.ward == x.ward) }

// found are the events of an ask, copied.
type found struct {
	events  []hotspot.Event // with a place, of the period
	kinds   []uint16        // of events
	byKind  map[uint16][]hotspot.Event
	settled map[[2]int32]bool
	names   []string
}

// lattice is the coarse one by which the study area is told, of about half a
// kilometre.
func lattice(lon, lat float64) [2]int32 {
	return [2]int32{int32(math.Floor(lon / 0.005)), int32(math.Floor(lat / 0.005))}
}

// draw finds what there is; the turn is held.
func (f *Follower) draw(ctx context.Context, a Ask, asked time.Time) (*Answer, error) {
	from, until, _ := f.period(a.Period)
	out := &Answer{From: f.date(from), Until: f.date(until), Drawn: f.c.Now()}
	placesFrom := min(from, until-repeatDays)
	out.PlacesFrom = f.date(placesFrom)
	got, changes := f.read(a, from, until, placesFrom, out)

	o := hotspot.Defaults()
	o.Metres = cellMetres
	o.Inside = func(lon, lat float64) bool {
		if !got.settled[lattice(lon, lat)] {
			return false
		}
		if a.Area == "" {
			return true
		}
		area, ok := f.c.Area(ctx, lon, lat)
		return ok && area == a.Area
	}
	res, err := hotspot.Find(got.events, o)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out.Cells, out.Defaults = len(res.Cells), res.Defaults[:min(len(res.Defaults), mostDefaults)]
	for _, d := range res.Defaults {
		out.AtDefaults += d.Events
	}
	f.spots(ctx, out, res, got)
	window := Ask{Group: a.Group, Area: a.Area}
	if f.shared == nil || f.shared.of != window || f.shared.from != placesFrom || f.shared.until != until || out.Drawn.Sub(f.shared.at) > sharedFor {
		f.shared = &shared{of: window, from: placesFrom, until: until, at: out.Drawn, list: f.places(ctx, got)}
	}
	out.Places = f.shared.list
	f.cache.Lock()
	defer f.cache.Unlock()
	if len(f.drawn) >= mostKept {
		var oldest Ask
		first := true
		for k, d := range f.drawn {
			if first || d.asked.Before(f.drawn[oldest].asked) {
				oldest, first = k, false
			}
		}
		delete(f.drawn, oldest)
	}
	f.drawn[a] = &drawing{answer: out, changes: changes, day: dayOf(out.Drawn.In(f.c.Zone)), asked: asked}
	answer := *out
	return &answer, nil
}

// begin is the day of the first report, the last of all days where there is none;
// mu is held.
func (f *Follower) begin() int32 {
	begin := int32(math.MaxInt32)
	for day, list := range f.days {
		if len(list) > 0 {
			begin = min(begin, day)
		}
	}
	return begin
}

// read copies what an ask is about, and counts it by time.
func (f *Follower) read(a Ask, from, until, placesFrom int32, out *Answer) (found, int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	c := f.choose(a)
	got := found{byKind: map[uint16][]hotspot.Event{}, settled: map[[2]int32]bool{}, names: f.names}
	begin := f.begin()
	today := dayOf(f.c.Now().In(f.c.Zone))
	occupied := map[[2]int32]bool{}
	hours, weekdays, months := newRounds(24), newRounds(7), newRounds(12)
	for day := begin; day <= today; day++ {
		list := f.days[day]
		if len(list) == 0 {
			continue
		}
		start := f.date(day)
		monday := day - int32((int(start.Weekday())+6)%7)
		january := dayOf(time.Date(start.Year(), 1, 1, 0, 0, 0, 0, time.UTC))
		after := dayOf(time.Date(start.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC))
		firstOfMonth := begin - int32(f.date(begin).Day()-1)
		within := day >= from && day < until
		for _, x := range list {
			near := day >= placesFrom && day < until && x.x != nowhere && !c.private[x.kind]
			if near && (c.all || c.ward == x.ward) {
				occupied[lattice(float64(x.x)*unit, float64(x.y)*unit)] = true
			}
			if !c.has(x) {
				continue
			}
			months.add(january, int(start.Month())-1, january >= firstOfMonth && after <= today)
			if within {
				out.Reports++
				hours.add(day, int(x.hour), day < today)
				weekdays.add(monday, int(day-monday), monday >= from && monday+7 <= min(until, today))
				if !near {
					out.Placeless++
				}
			}
			if near {
				e := hotspot.Event{Longitude: float64(x.x) * unit, Latitude: float64(x.y) * unit, At: start.Add(time.Duration(x.hour) * time.Hour)}
				got.byKind[x.kind] = append(got.byKind[x.kind], e)
				if within {
					got.events, got.kinds = append(got.events, e), append(got.kinds, x.kind)
				}
			}
		}
	}
	for at := range occupied {
		for dx := int32(-1); dx <= 1; dx++ {
			for dy := int32(-1); dy <= 1; dy++ {
				got.settled[[2]int32{at[0] + dx, at[1] + dy}] = true
			}
		}
	}
	out.Hour, out.Weekday, out.Month = hours.judge(), weekdays.judge(), months.judge()
	if begin <= today {
		out.MonthsFrom = f.date(begin)
	}
	return got, f.changes
}

// rounds count events by the parts of days, weeks or years.
type rounds struct {
	counts []int
	whole  map[int32][]int
}

func newRounds(parts int) *rounds { return &rounds{make([]int, parts), map[int32][]int{}} }

func (r *rounds) add(round int32, part int, whole bool) {
	r.counts[part]++
	if !whole {
		return
	}
	if r.whole[round] == nil {
		r.whole[round] = make([]int, len(r.counts))
	}
	r.whole[round][part]++
}

func (r *rounds) judge() hotspot.Cycle {
	var begins []int32
	for b := range r.whole {
		begins = append(begins, b)
	}
	slices.Sort(begins)
	var list [][]int
	for _, b := range begins {
		list = append(list, r.whole[b])
	}
	return hotspot.Judge(r.counts, list)
}

// spots tells of the hot spots with enough reports.
func (f *Follower) spots(ctx context.Context, out *Answer, res *hotspot.Result, got found) {
	type middle struct {
		lon, lat float64
		spot     int
	}
	near := map[[2]int32][]middle{}
	for _, s := range res.Spots {
		if s.Events < Least || len(out.Spots) == mostSpots {
			continue
		}
		area, _ := f.c.Area(ctx, s.Longitude, s.Latitude)
		n := float64(len(s.Cells))
		out.Spots = append(out.Spots, Spot{Longitude: s.Longitude, Latitude: s.Latitude, Area: area, Reports: s.Events, Z: s.Z,
			Times: float64(s.Events) / (n * float64(res.Used) / float64(len(res.Cells))), Hectares: n * cellMetres * cellMetres * math.Sqrt(3) / 2 / 1e4,
			First: s.First.In(f.c.Zone), Last: s.Last.In(f.c.Zone)})
		for _, c := range s.Cells {
			at := lattice(c.Longitude, c.Latitude)
			near[at] = append(near[at], middle{c.Longitude, c.Latitude, len(out.Spots) - 1})
		}
	}
	counts := make([]map[uint16]int, len(out.Spots))
	for i := range counts {
		counts[i] = map[uint16]int{}
	}
	for i, e := range got.events {
		at := lattice(e.Longitude, e.Latitude)
		shrink := math.Cos(e.Latitude * math.Pi / 180)
		best, spot := cellMetres/math.Sqrt(3), -1 // no point of a cell is farther from its middle
		for dx := int32(-1); dx <= 1; dx++ {
			for dy := int32(-1); dy <= 1; dy++ {
				for _, m := range near[[2]int32{at[0] + dx, at[1] + dy}] {
					if d := math.Hypot((e.Longitude-m.lon)*shrink, e.Latitude-m.lat) * 111_195; d < best {
						best, spot = d, m.spot
					}
				}
			}
		}
		if spot >= 0 {
			counts[spot][got.kinds[i]]++
		}
	}
	for i, byKind := range counts {
		var kinds []uint16
		for k := range byKind {
			kinds = append(kinds, k)
		}
		slices.SortFunc(kinds, func(a, b uint16) int {
			return cmp.Or(cmp.Compare(byKind[b], byKind[a]), cmp.Compare(got.names[a], got.names[b]))
		})
		for _, k := range kinds[:min(len(kinds), mostKinds)] {
			out.Spots[i].Categories = append(out.Spots[i].Categories, got.names[k])
		}
	}
}
