package nearby_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/nearby"
)

var noon = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)

func lamp(id uint32, east float64, ago time.Duration) nearby.Report {
	return nearby.Report{ID: id, Longitude: 107.5847 + east/106_700, Latitude: 16.4637, Type: "street-light", Group: "lighting", Opened: noon.Add(-ago)}
}

func ids(offers []nearby.Offer) []uint32 {
	out := []uint32{}
	for _, o := range offers {
		out = append(out, o.ID)
	}
	return out
}

func TestTheNearestNewestOpenOfTheTypeComesFirst(t *testing.T) {
	x := nearby.New(nearby.Defaults())
	x.SetHabits(map[string]float64{"street-light": 0.5})
	closed := lamp(3, 5, 20*24*time.Hour)
	closed.Closed = noon.Add(-15 * 24 * time.Hour)
	flood := lamp(4, 1, time.Hour)
	flood.Type, flood.Group = "flooding", "water"
	later := lamp(5, 0, -time.Hour)
	for _, r := range []nearby.Report{lamp(1, 120, 24*time.Hour), lamp(2, 5, 24*time.Hour), closed, flood, later, lamp(6, 900, time.Hour), lamp(7, 5, 200*24*time.Hour)} {
		if !x.Put(r) {
			t.Fatalf("%d was not taken", r.ID)
		}
	}
	got := x.Near(lamp(99, 0, 0))
	// Not another group's, not a later one, none 900 m off, none of 200 days ago.
	if want := []uint32{2, 1, 3}; !slices.Equal(ids(got), want) && !slices.Equal(ids(got), []uint32{2, 3, 1}) {
		t.Fatalf("offered %v, want 2 first of %v", ids(got), want)
	}
	first := got[0]
	if math.Abs(first.Metres-5) > 0.1 || math.Abs(first.Days-1) > 1e-6 || !first.Open || !first.SameType || first.Likeness != -1 {
		t.Errorf("the first says %+v", first)
	}
	if c := first.Chance(); c <= 0 || c >= 1 {
		t.Errorf("chance %v", c)
	}
	for _, o := range got {
		if o.ID == 3 && o.Open {
			t.Error("a closed report is called open")
		}
	}
	// While no habits are known, it takes more to be offered.
	x.SetHabits(nil)
	if got := ids(x.Near(lamp(99, 0, 0))); !slices.Equal(got, []uint32{2, 1}) {
		t.Errorf("without habits: %v", got)
	}
	// A replacement moves, a removal removes.
	x.Put(lamp(2, 2000, 24*time.Hour))
	x.Remove(3)
	if got := ids(x.Near(lamp(99, 0, 0))); !slices.Equal(got, []uint32{1}) {
		t.Errorf("after moving 2 and removing 3: %v", got)
	}
	if x.Len() != 6 || x.Remove(3) {
		t.Errorf("%d held, and 3 could be removed twice", x.Len())
	}
}

func TestWhatHasNoPlaceIsNotHeld(t *testing.T) {
	x := nearby.New(nearby.Defaults())
	bad := lamp(1, 0, 0)
	bad.Latitude = math.NaN()
	if x.Put(bad) || x.Put(nearby.Report{ID: 2, Longitude: 107, Latitude: 16}) || x.Near(bad) != nil || x.Len() != 0 {
		t.Error("a report without place or time was taken")
	}
	x.Put(lamp(1, 0, 0))
	if x.Put(bad); x.Len() != 0 {
		t.Error("a report that lost its place is still held")
	}
}

func TestADefaultPointIsNoPlace(t *testing.T) {
	x := nearby.New(nearby.Defaults())
	words := []string{"đèn", "đường", "tắt", "cây", "đổ", "nước", "ngập", "rác", "hẻm", "chợ", "cầu", "trường", "sáng", "tối", "mưa", "gió", "hỏng", "vỡ", "cột", "dây"}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		s := ""
		for range 12 {
			s += words[random.IntN(len(words))] + " "
		}
		return s
	}
	for i := range uint32(500) {
		r := lamp(i, 0, time.Duration(i)*time.Hour)
		r.Text = text()
		x.Put(r)
	}
	told := lamp(1000, 0, 3*time.Hour)
	told.Text = "Cột đèn trước số 12 Lê Lợi bị xe tông gãy, dây điện rơi xuống vỉa hè rất nguy hiểm"
	x.Put(told)
	if got := x.Near(lamp(9999, 0, 0)); len(got) != 0 {
		t.Errorf("on the default point, without text: offered %v", ids(got))
	}
	if got := x.Near(lamp(9999, 30, 0)); len(got) != 0 {
		t.Errorf("beside the default point: offered %v", ids(got))
	}
	same := lamp(9999, 0, 0)
	same.Text = "cot den truoc so 12 le loi bi xe tong gay, day dien roi xuong via he, nguy hiem"
	got := x.Near(same)
	if len(got) != 1 || got[0].ID != 1000 || got[0].Metres != nearby.Defaults().Metres {
		t.Errorf("on the default point, with an alike text: offered %+v", got)
	}
	// A handful on one point is no default point.
	y := nearby.New(nearby.Defaults())
	for i := range uint32(8) {
		y.Put(lamp(i, 0, time.Duration(i)*time.Hour))
	}
	if got := ids(y.Near(lamp(9999, 0, 0))); !slices.Equal(got, []uint32{0, 1, 2, 3, 4}) {
		t.Errorf("at most five, the newest of equals first: %v", got)
	}
}

func TestTextDecidesBetweenNeighbours(t *testing.T) {
	x := nearby.New(nearby.Defaults())
	a, b := lamp(1, 10, time.Hour), lamp(2, 10, time.Hour)
	a.Text, b.Text = "Đèn đường trước cổng trường Quốc Học không sáng từ tối qua", "Hố ga mất nắp giữa ngã tư Hùng Vương, xe máy dễ sụp bánh"
	x.Put(a)
	x.Put(b)
	for _, ask := range []struct {
		text string
		want uint32
	}{
		{"den duong truoc cong truong Quoc Hoc khong sang", 1},
		{"nắp hố ga ở ngã tư Hùng Vương bị mất, xe máy dễ sụp bánh", 2},
	} {
		r := lamp(9, 0, 0)
		r.Text = ask.text
		if got := x.Near(r); len(got) == 0 || got[0].ID != ask.want || len(got) == 2 && got[0].Score-got[1].Score < 0.5 {
			t.Errorf("%q: %+v", ask.text, got)
		}
	}
}

func TestHabits(t *testing.T) {
	h := nearby.Habits(map[string]nearby.Seen{"light": {1000, 100}, "bulky": {10_000, 20}, "new": {1, 1}})
	if h["light"] <= 1 || h["bulky"] >= -1 || h["new"] <= 0 || h["new"] >= h["light"]+1 {
		t.Errorf("habits %v", h)
	}
	if nearby.Habits(nil) != nil || nearby.Habits(map[string]nearby.Seen{"a": {5, 0}}) != nil {
		t.Error("habits of nothing")
	}
}

// TestAgainstABruteForceJudge puts, replaces and removes reports at random and
// compares every answer with one computed from a plain list.
func TestAgainstABruteForceJudge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := nearby.Defaults()
		o.Crowd = 3
		x := nearby.New(o)
		habits := map[string]float64{"a": 1.5, "b": -0.5}
		x.SetHabits(habits)
		held := map[uint32]nearby.Report{}
		report := rapid.Custom(func(t *rapid.T) nearby.Report {
			r := nearby.Report{
				ID:        rapid.Uint32Range(0, 40).Draw(t, "id") * 0x01000193,
				Longitude: 107.58 + float64(rapid.IntRange(-8, 8).Draw(t, "x"))*0.0004, Latitude: 16.46 + float64(rapid.IntRange(-8, 8).Draw(t, "y"))*0.0004,
				Type: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "type"), Group: "g",
				Opened: noon.Add(-time.Duration(rapid.IntRange(0, 150*24).Draw(t, "ago")) * time.Hour),
			}
			if r.Type == "c" {
				r.Group = "h"
			}
			if rapid.Bool().Draw(t, "closed") {
				r.Closed = r.Opened.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "took")) * time.Hour)
			}
			return r
		})
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			r := report.Draw(t, "report")
			if rapid.IntRange(0, 4).Draw(t, "remove") == 0 {
				_, had := held[r.ID]
				if x.Remove(r.ID) != had {
					t.Fatalf("removing %d: it was there: %v", r.ID, had)
				}
				delete(held, r.ID)
			} else {
				x.Put(r)
				held[r.ID] = r
			}
		}
		if x.Len() != len(held) {
			t.Fatalf("%d held, want %d", x.Len(), len(held))
		}
		ask := report.Draw(t, "ask")
		got, want := x.Near(ask), judge(o, habits, held, ask)
		if len(got) != len(want) {
			t.Fatalf("offered %+v, want %+v", got, want)
		}
		for i := range got {
			if got[i].ID != want[i].ID && math.Abs(got[i].Score-want[i].Score) > 1e-6 || math.Abs(got[i].Score-want[i].Score) > 1e-3 {
				t.Fatalf("offer %d is %+v, want %+v", i, got[i], want[i])
			}
		}
	})
}

func judge(o nearby.Options, habits map[string]float64, held map[uint32]nearby.Report, ask nearby.Report) (out []nearby.Offer) {
	crowd := map[[2]float64]int{}
	var able []nearby.Report
	for _, r := range held {
		if ago := ask.Opened.Sub(r.Opened).Hours() / 24; ago >= 0 && ago <= o.Days && r.ID != ask.ID {
			able = append(able, r)
			crowd[[2]float64{r.Longitude, r.Latitude}]++
		}
	}
	for _, r := range able {
		rad := math.Pi / 180
		a := math.Pow(math.Sin((ask.Latitude-r.Latitude)*rad/2), 2) + math.Cos(ask.Latitude*rad)*math.Cos(r.Latitude*rad)*math.Pow(math.Sin((ask.Longitude-r.Longitude)*rad/2), 2)
		d := nearby.Offer{ID: r.ID, Metres: 2 * 6371008.8 * math.Asin(math.Sqrt(a)), Days: ask.Opened.Sub(r.Opened).Hours() / 24}
		if r.Group != ask.Group || d.Metres > o.Metres || crowd[[2]float64{r.Longitude, r.Latitude}] > o.Crowd || crowd[[2]float64{ask.Longitude, ask.Latitude}] > o.Crowd {
			continue
		}
		w := o.Weights
		d.Score = w.Base + w.Distance*math.Log(1+d.Metres/10) + w.Age*math.Log(1+d.Days) + w.Habit*habits[ask.Type]
		if r.Closed.IsZero() || r.Closed.After(ask.Opened) {
			d.Score += w.Open
		} else {
			d.Score += w.Closed * math.Log(1+ask.Opened.Sub(r.Closed).Hours()/24)
		}
		if r.Type == ask.Type {
			d.Score += w.SameType
		}
		if d.Score >= o.Least {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b nearby.Offer) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Days, b.Days), cmp.Compare(b.ID, a.ID))
	})
	return out[:min(len(out), o.Offers)]
}
