package ui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// homeData is the city at a glance.
type homeData struct {
	Sentence, Because string
	Late, Silent      int
	Head              int64
	Commits           []logLine
	Map               cityMap
	MapChoices        []link
	Sectors           []sectorCard
	Alive             []datasetCard
}

type link struct{ Label, Href string }

type sectorCard struct {
	Key, Title string
	Count      int
	Cards      []datasetCard
}

// datasetCard is one dataset as the overview and the catalog show it.
type datasetCard struct {
	Name, Title string
	Entry       *repo.Entry
	Act         DatasetActivity
	Fresh       freshness
	Latest      latestValue
	Spark       string
	Of          string // the subject of the latest figure, if any, and whose data it is
	Whence      string // source, time and state of the figure in one sentence
}

func (v *view) card(e *repo.Entry, a DatasetActivity) datasetCard {
	return datasetCard{
		Name: e.Dataset.Name, Title: e.Dataset.Title.In(v.lang), Entry: e, Act: a,
		Fresh: freshnessOf(e.Dataset, a, v.now), Spark: sparkline(a.Hours),
	}
}

// perSector bounds what one sector shows on the first page; the rest is one
// link away.
const perSector = 2

func (u *UI) home(v *view) error {
	ctx := v.r.Context()
	v.nav, v.class, v.title = "home", "home", v.T("nav.home")
	h := homeData{}
	head, err := u.Repo.Head(ctx)
	if err != nil {
		return err
	}
	h.Head = head.Seq
	if h.Commits, err = v.logLines(repo.LogQuery{Limit: 8, Desc: true}); err != nil {
		return err
	}
	if v.fragment("feed") {
		return v.part(homeFeed(v, h))
	}
	pulses := u.pulses()
	var records int64
	var cards []datasetCard
	for _, e := range u.Repo.Entries(v.p) {
		if e.System {
			continue
		}
		c := v.card(e, pulses[e.Dataset.Name])
		records += c.Act.Total
		switch c.Fresh.State {
		case "late":
			h.Late++
		case "silent":
			h.Silent++
		}
		cards = append(cards, c)
	}
	h.Alive = slices.Clone(cards)
	slices.SortStableFunc(h.Alive, func(a, b datasetCard) int { return urgency(b) - urgency(a) })
	if len(h.Alive) > 24 {
		h.Alive = h.Alive[:24]
	}
	h.Sectors = v.sectors(cards)
	h.Sentence = v.T("home.sentence.calm")
	if n := h.Late + h.Silent; n > 0 {
		h.Sentence = v.T("home.sentence.late", "n", v.N(int64(n)))
		if n == 1 {
			h.Sentence = v.T("home.sentence.late.one", "n", v.N(1))
		}
	}
	if len(cards) == 0 {
		h.Sentence = v.T("home.sentence.empty")
	}
	h.Because = v.T("home.because", "datasets", v.N(int64(len(cards))), "records", v.N(records))
	v.homeMap(&h, cards)
	return v.show(200, homePage(v, h))
}

// urgency puts what needs a look first, then what moves.
func urgency(c datasetCard) int {
	switch c.Fresh.State {
	case "silent":
		return 3
	case "late":
		return 2
	case "fresh":
		return 1
	}
	return 0
}

// sectors groups datasets by sector in the declared order; a dataset of an
// unknown sector gets one of its own.
func (v *view) sectors(cards []datasetCard) []sectorCard {
	var list []sectorCard
	at := map[string]int{}
	for _, s := range v.u.namesNow(v.r.Context()).sectors {
		at[s.Code] = len(list)
		list = append(list, sectorCard{Key: s.Code, Title: or(s.Title.In(v.lang), s.Code)})
	}
	for _, c := range cards {
		key := c.Entry.Dataset.Sector
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			list = append(list, sectorCard{Key: key, Title: or(key, v.T("sector.none"))})
		}
		list[i].Count++
		list[i].Cards = append(list[i].Cards, c)
	}
	for i := range list {
		cs := list[i].Cards
		// What moves stands first: series by rate, then registers by size.
		slices.SortStableFunc(cs, func(a, b datasetCard) int {
			if x := urgency(b) - urgency(a); x != 0 {
				return x
			}
			switch d := b.Act.PerHour - a.Act.PerHour; {
			case d > 0:
				return 1
			case d < 0:
				return -1
			}
			return int(min(1, max(-1, b.Act.Total-a.Act.Total)))
		})
		if len(cs) > perSector {
			cs = cs[:perSector]
		}
		for j := range cs {
			c := &cs[j]
			c.Latest = v.latest(c.Entry)
			owner := v.Agency(c.Entry.Dataset.Owner)
			c.Of = joined(" · ", c.Latest.Of, owner)
			c.Whence = v.T("home.whence", "owner", or(owner, "–"), "time", v.Time(c.Fresh.Last))
			if c.Fresh.State != "" {
				c.Whence += ", " + v.T("fresh."+c.Fresh.State)
			}
		}
		list[i].Cards = cs
	}
	return list
}

// homeMap colours the areas by one placed dataset: rain where there is any,
// else the records of the last day, else all records.
func (v *view) homeMap(h *homeData, cards []datasetCard) {
	h.Map = v.plainMap(func(code string) string { return "" })
	asked := v.r.URL.Query().Get("map")
	var chosen *datasetCard
	for i := range cards {
		c := &cards[i]
		t := c.Entry.Table
		if t.Area < 0 || c.Act.Total == 0 && v.u.Activity != nil {
			continue
		}
		h.MapChoices = append(h.MapChoices, link{c.Title, v.with("map", c.Name)})
		better := chosen == nil || mapRank(c) > mapRank(chosen)
		if c.Name == asked || chosen == nil || chosen.Name != asked && better {
			chosen = c
		}
	}
	if len(h.MapChoices) > 30 {
		h.MapChoices = h.MapChoices[:30]
	}
	h.Map.Title = v.T("home.map")
	if chosen == nil || len(h.Map.Areas) == 0 {
		return
	}
	e := chosen.Entry
	f := headline(e)
	a := repo.Aggregation{By: []repo.By{{Field: dataset.AreaColumn}}, Measures: []repo.Measure{{Func: "count"}}}
	a.Dataset = e.Dataset.Name
	unit, note := v.T("records.unit"), v.T("home.map.all")
	recent := e.Table.Time >= 0 && v.now.Sub(chosen.Act.Last) < 24*time.Hour
	if recent {
		a.From = value.OfInstant(v.now.Add(-24 * time.Hour))
		note = v.T("home.map.day")
		if f != nil {
			a.Measures = []repo.Measure{{Func: "mean", Field: f.Name}}
			unit, note = v.Unit(f.Unit), v.T("home.map.mean", "field", fieldTitle(v, f))
			if s := subjectColumn(e); f.Measure == "count" && s != "" {
				// What adds up is shown by station, lest an area with two stations counts twice.
				a.Measures = []repo.Measure{{Func: "sum", Field: f.Name}, {Func: "distinct", Field: s}}
				note = v.T("home.map.sum", "field", fieldTitle(v, f))
			}
		}
	}
	figures := map[string]float64{}
	err := v.u.Repo.Aggregate(v.r.Context(), v.p, a, func(g []value.Value) error {
		if n, ok := g[1].Number(); ok && g[0].Kind() == value.Text {
			if len(g) > 2 {
				n /= max(1, float64(g[2].Int()))
			}
			figures[g[0].Text()] = n
		}
		return nil
	})
	if err != nil {
		return
	}
	h.Map.Title, h.Map.Note, h.Map.Label = chosen.Title, note, chosen.Title+", "+note
	for i := range h.Map.Areas {
		h.Map.Areas[i].Href = to(datasetPath(chosen.Name, ""), "area", h.Map.Areas[i].Code)
	}
	v.colour(&h.Map, figures, unit)
}

// subjectColumn is the key column of a series that names its subject.
func subjectColumn(e *repo.Entry) string {
	for _, k := range e.Table.Key {
		if k != e.Table.Time {
			return e.Table.Columns[k].Name
		}
	}
	return ""
}

func mapRank(c *datasetCard) int {
	r := 0
	if f := headline(c.Entry); f != nil && f.Unit == "mm" {
		r += 4
	}
	if c.Entry.Dataset.Kind == dataset.Series {
		r += 2
	}
	if c.Act.PerHour > 0 {
		r++
	}
	return r
}

// logLine is one commit in a list.
type logLine struct {
	Seq, At         int64
	What, Clock, By string
	Actor, Source   string
	Reason          string
	Sets            []setCount
	Count           int
}

type setCount struct {
	Name, Title string
	N           int
}

// logLines reads commits newest first (or from a place on).
func (v *view) logLines(q repo.LogQuery) ([]logLine, error) {
	var lines []logLine
	err := v.u.Repo.Log(v.r.Context(), v.p, q, func(e *commit.Entry) error {
		lines = append(lines, v.logLine(e))
		return nil
	})
	return lines, err
}

func (v *view) logLine(e *commit.Entry) logLine {
	l := logLine{Seq: e.Seq, At: e.At, Clock: v.Clock(time.UnixMicro(e.At)), Actor: e.Actor, Source: e.Source, Reason: e.Reason, Count: e.Count}
	for name, n := range e.Counts {
		l.Sets = append(l.Sets, setCount{name, v.datasetTitle(name), n})
	}
	slices.SortFunc(l.Sets, func(a, b setCount) int {
		if a.N != b.N {
			return b.N - a.N
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(l.Sets) > 0 {
		key := "log.what"
		if l.Sets[0].N == 1 {
			key = "log.what.one"
		}
		l.What = v.T(key, "n", v.N(int64(l.Sets[0].N)), "dataset", l.Sets[0].Title)
		if more := len(l.Sets) - 1; more > 0 {
			l.What += " " + v.T("log.more", "n", v.N(int64(more)))
		}
	} else {
		l.What = v.T("log.nothing")
	}
	by := []string{"#" + v.N(e.Seq)}
	for _, s := range []string{e.Actor, or(e.Reason, e.Source)} {
		if s != "" {
			by = append(by, s)
		}
	}
	l.By = strings.Join(by, " · ")
	return l
}

func (v *view) datasetTitle(name string) string {
	if e, err := v.u.Repo.Entry(v.p, name); err == nil {
		return or(e.Dataset.Title.In(v.lang), name)
	}
	return name
}

func logPath(seq int64) string { return "/log/" + strconv.FormatInt(seq, 10) }

// atAttr carries an instant to the script that counts its age.
func atAttr(t time.Time) templ.Attributes {
	if t.IsZero() {
		return nil
	}
	return templ.Attributes{"data-at": strconv.FormatInt(t.UnixMilli(), 10)}
}
