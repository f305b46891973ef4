package pattern

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

var (
	hue   = time.FixedZone("+07", 7*3600)
	today = time.Date(2025, 10, 27, 15, 0, 0, 0, hue)
)

// entry is the city's dataset of reports, without a city.
func entry(t testing.TB) *repo.Entry {
	t.Helper()
	b, err := os.ReadFile("../../../city/hue/datasets/service-request.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Parse("service-request.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	table, err := dataset.Layout(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := record.Compile(d, table)
	if err != nil {
		t.Fatal(err)
	}
	return &repo.Entry{Dataset: d, Table: table, Schema: schema}
}

type report struct {
	code, category, status, area string
	lon, lat                     float64 // none when 0
	at                           time.Time
}

func (r *report) row(e *repo.Entry) []value.Value {
	if r == nil {
		return nil
	}
	row := make([]value.Value, e.Table.Width())
	for name, v := range map[string]value.Value{"code": value.OfText(r.code), "category": value.OfText(r.category), "status": value.OfText(r.status),
		"area": value.OfText(r.area), "openedAt": value.OfInstant(r.at)} {
		i, _, _, _ := e.Table.Property(name)
		row[i] = v
	}
	if r.lon != 0 {
		i, _, _, _ := e.Table.Property("location")
		row[i] = value.OfGeometry(geom.Point(r.lon, r.lat))
	}
	return row
}

func config(now func() time.Time) Config {
	return Config{Zone: hue, Now: now,
		Group: func(category string) (string, bool) {
			return map[string]string{"road": "street", "lighting": "street"}[category], category == "conduct"
		},
		Area: func(_ context.Context, lon, lat float64) (string, bool) {
			if lon < 107.6 {
				return "west", true
			}
			return "east", true
		}}
}

func (f *Follower) take(e *repo.Entry, before, after *report) error {
	c := &commit.Entry{Counts: map[string]int{Dataset: 1}}
	c.Changes = []commit.Applied{{Dataset: Dataset, Before: before.row(e), After: after.row(e)}}
	return f.Apply(c, func(string) *repo.Entry { return e })
}

func fresh() func() time.Time { return func() time.Time { return today } }

// What is kept of random histories equals the reports that are left, also after a
// restart; and answers do not depend on the way there.
func TestPatternsEqualARecount(t *testing.T) {
	e := entry(t)
	rapid.Check(t, func(t *rapid.T) {
		f := New(config(fresh()))
		now := map[string]*report{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			code := fmt.Sprint("c", rapid.IntRange(0, 12).Draw(t, "code"))
			var after *report
			if rapid.IntRange(0, 5).Draw(t, "gone") > 0 {
				after = &report{code: code, category: rapid.SampledFrom([]string{"road", "lighting", "rubbish", "conduct"}).Draw(t, "category"),
					status: rapid.SampledFrom([]string{"received", "closed", "merged", "refused"}).Draw(t, "status"), area: rapid.SampledFrom([]string{"", "east", "west"}).Draw(t, "area"),
					at: today.Add(-time.Duration(rapid.IntRange(0, 20_000).Draw(t, "hours")) * time.Hour)}
				if rapid.Bool().Draw(t, "placed") {
					after.lon, after.lat = 107.55+0.1*rapid.Float64Range(0, 1).Draw(t, "lon"), 16.46
				}
			}
			if err := f.take(e, now[code], after); err != nil {
				t.Fatal(err)
			}
			now[code] = after
		}
		straight := New(config(fresh()))
		want := 0
		for _, r := range now {
			if r != nil && r.status != "merged" && r.status != "refused" {
				want++
			}
			if err := straight.take(e, nil, r); err != nil {
				t.Fatal(err)
			}
		}
		puts, err := f.Save()
		if err != nil {
			t.Fatal(err)
		}
		state := map[string][]byte{}
		for _, p := range puts {
			if p.Value != nil {
				state[p.Key] = p.Value
			}
		}
		loaded := New(config(fresh()))
		if err := loaded.Load(state); err != nil {
			t.Fatal(err)
		}
		if f.Len() != want || straight.Len() != want || loaded.Len() != want {
			t.Fatalf("%d, %d and %d kept of %d", f.Len(), straight.Len(), loaded.Len(), want)
		}
		ask := Ask{Period: rapid.SampledFrom([]string{"30d", "365d", "2024"}).Draw(t, "period"), Group: rapid.SampledFrom([]string{"", "street"}).Draw(t, "group"), Area: rapid.SampledFrom([]string{"", "east"}).Draw(t, "area")}
		var answers []*Answer
		for _, x := range []*Follower{f, straight, loaded} {
			a, err := x.Ask(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, a)
		}
		for _, a := range answers[1:] {
			if !reflect.DeepEqual(a, answers[0]) {
				t.Fatalf("%+v\nis not\n%+v", a, answers[0])
			}
		}
		inPeriod := 0
		for _, r := range now {
			if r == nil || r.status == "merged" || r.status == "refused" || ask.Group == "street" && r.category != "road" && r.category != "lighting" || ask.Area != "" && r.area != ask.Area {
				continue
			}
			if !r.at.Before(answers[0].From) && r.at.Before(answers[0].Until) {
				inPeriod++
			}
		}
		if a := answers[0]; a.Reports != inPeriod || sum(a.Hour.Counts) != inPeriod || sum(a.Weekday.Counts) != inPeriod {
			t.Fatalf("%d reports, %d by hour, %d by weekday; counted %d", a.Reports, sum(a.Hour.Counts), sum(a.Weekday.Counts), inPeriod)
		}
	})
}

func sum(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

// A hot spot, a place that comes back and a busy hour are found where they were
// planted; the default point is set aside, and what is private has no place.
func TestPlantedPatterns(t *testing.T) {
	e := entry(t)
	f := New(config(fresh()))
	random := rand.New(rand.NewPCG(5, 6))
	n := 0
	add := func(category string, lon, lat float64, at time.Time) {
		n++
		if err := f.take(e, nil, &report{code: fmt.Sprint(n), category: category, status: "closed", area: "east", lon: lon, lat: lat, at: at}); err != nil {
			t.Fatal(err)
		}
	}
	day := func(back int) time.Time { return time.Date(2025, 10, 27-back, 0, 0, 0, 0, hue) }
	for i := range 1500 { // anywhere, and in the morning more often
		hour := random.IntN(24)
		if random.IntN(2) == 0 {
			hour = 8
		}
		add("rubbish", 107.55+0.1*random.Float64(), 16.42+0.1*random.Float64(), day(i%80).Add(time.Duration(hour)*time.Hour))
	}
	for i := range 60 { // a hot spot of street lights
		add("lighting", 107.62+0.001*random.Float64(), 16.46+0.001*random.Float64(), day(i%80))
	}
	for range 300 { // a default point
		add("rubbish", 107.58, 16.44, day(random.IntN(80)))
	}
	for i := range 6 { // a pothole that comes back
		add("road", 107.57, 16.50, day(2+50*i))
	}
	for range 40 {
		add("conduct", 107.56, 16.43, day(random.IntN(80)))
	}
	a, err := f.Ask(t.Context(), Ask{})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Spots) == 0 {
		t.Fatal("no hot spot")
	}
	s := a.Spots[0]
	if math.Hypot(s.Longitude-107.6205, s.Latitude-16.4605) > 0.003 || s.Area != "east" || s.Reports < 60 || s.Times < 5 || !slices.Contains(s.Categories, "lighting") {
		t.Errorf("the hot spot: %+v", s)
	}
	for _, s := range a.Spots {
		if math.Hypot(s.Longitude-107.58, s.Latitude-16.44) < 0.002 || math.Hypot(s.Longitude-107.56, s.Latitude-16.43) < 0.0005 {
			t.Errorf("a hot spot at the default point, or of what is private: %+v", s)
		}
	}
	if len(a.Defaults) != 1 || a.Defaults[0].Events != 300 || a.AtDefaults != 300 || a.Placeless != 40 {
		t.Errorf("set aside %+v, %d, %d placeless", a.Defaults, a.AtDefaults, a.Placeless)
	}
	if len(a.Places) == 0 || a.Places[0].Category != "road" || a.Places[0].Times != 6 || a.Places[0].Between != 50*24*time.Hour || a.Places[0].Area != "west" {
		t.Errorf("places %+v", a.Places)
	}
	if a.Hour.P > 0.001 || a.Hour.Index[8] < 3 || a.Weekday.P < 0.001 {
		t.Errorf("hours %+v, weekdays %+v", a.Hour, a.Weekday)
	}
	street, err := f.Ask(t.Context(), Ask{Period: "90d", Group: "street"})
	if err != nil || len(street.Spots) == 0 || street.Reports != 62 || !slices.Equal(street.Spots[0].Categories, []string{"lighting"}) {
		t.Errorf("of streets: %+v %v", street, err)
	}
	if west, err := f.Ask(t.Context(), Ask{Area: "west"}); err != nil || west.Reports != 0 || len(west.Spots) > 0 {
		t.Errorf("of another ward: %+v %v", west, err)
	}
	for _, p := range []string{"7d", "1d", "3000", "abcd", "20 5"} {
		if _, err := f.Ask(t.Context(), Ask{Period: p}); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// An answer is shown again while nothing changed, or for some minutes; it says how
// much changed since; it is drawn anew after that, and by a refresh before that.
func TestFreshness(t *testing.T) {
	e := entry(t)
	now := today
	f := New(config(func() time.Time { return now }))
	n := 0
	add := func() {
		n++
		if err := f.take(e, nil, &report{code: fmt.Sprint(n), category: "road", status: "closed", at: now}); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(want int, behind int64, age time.Duration) {
		t.Helper()
		a, err := f.Ask(t.Context(), Ask{Period: "30d"})
		if err != nil || a.Reports != want || a.Behind != behind || now.Sub(a.Drawn) != age {
			t.Errorf("%d reports, %d behind, drawn %s ago, %v; want %d, %d, %s", a.Reports, a.Behind, now.Sub(a.Drawn), err, want, behind, age)
		}
	}
	add()
	ask(1, 0, 0)
	now = now.Add(time.Hour)
	ask(1, 0, time.Hour) // nothing changed
	f.Refresh(t.Context())
	ask(1, 0, time.Hour)
	add()
	ask(2, 0, 0)
	add()
	now = now.Add(3 * time.Minute)
	f.Refresh(t.Context())
	ask(2, 1, 3*time.Minute)
	now = now.Add(time.Minute)
	f.Refresh(t.Context())
	ask(3, 0, 0)
	now = now.AddDate(0, 0, 1) // the period moved on
	ask(3, 0, 0)
	now = now.AddDate(0, 0, 30)
	ask(0, 0, 0)
}

// BenchmarkFiveMillion draws the answers of five million reports of five years.
func BenchmarkFiveMillion(b *testing.B) {
	const many = 5_000_000
	f := New(config(fresh()))
	for i := range 40 {
		f.numberOf(fmt.Sprint("ward", i))
	}
	for i := range 37 {
		f.numberOf(fmt.Sprint("kind", i))
	}
	random := rand.New(rand.NewPCG(7, 8))
	last := dayOf(today)
	for i := range many {
		day := last - int32(i%1826)
		x := event{kind: uint16(41 + random.IntN(37)), ward: uint16(1 + random.IntN(40)), hour: uint8(random.IntN(24))}
		x.x, x.y = int32((107.5+0.3*random.Float64())/unit), int32((16.3+0.3*random.Float64())/unit)
		if i%20 == 0 {
			x.x, x.y = int32(107.6/unit), int32(16.4/unit)
		}
		f.days[day] = append(f.days[day], x)
	}
	for _, a := range []Ask{{Period: "365d"}, {Period: "90d"}, {Period: "365d", Area: "ward3"}} {
		b.Run(fmt.Sprint(a), func(b *testing.B) {
			for b.Loop() {
				if _, err := f.draw(b.Context(), a, today); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
