package demo

import (
	"fmt"
	"math"
	"time"
)

// Service requests and incidents have a life. Everything about the n-th of a
// day is a function of day and n; its state depends on the moment one looks, so
// that a feed need only tell what changed since it looked last.

var requestKinds = []struct {
	category, agency string
	weight, wet      float64
	days             float64 // deadline in days
	titles           []string
}{
	{"rubbish", "hepco", 20, 0, 3, []string{"Rác ùn ứ chưa thu gom", "Đổ rác không đúng nơi", "Thùng rác hỏng"}},
	{"road", "sxd", 14, 1, 10, []string{"Ổ gà trên mặt đường", "Vỉa hè sụt lún", "Nắp cống vỡ"}},
	{"lighting", "sxd", 9, 0, 5, []string{"Đèn đường không sáng", "Cột đèn nghiêng"}},
	{"tree", "sxd", 7, 6, 4, []string{"Cây xanh gãy cành", "Cây che khuất biển báo", "Cây đổ chắn lối đi"}},
	{"drainage", "sxd", 8, 14, 5, []string{"Ngập sâu sau mưa", "Cống tắc, nước thải tràn", "Hố ga bốc mùi"}},
	{"water-supply", "huewaco", 5, 2, 2, []string{"Mất nước sinh hoạt", "Nước đục", "Vỡ ống cấp nước"}},
	{"parking", "cath", 9, -1, 3, []string{"Đỗ xe chắn lối ra vào", "Đỗ xe dưới biển cấm"}},
	{"encroachment", "cath", 8, -1, 5, []string{"Lấn chiếm vỉa hè bán hàng", "Đặt biển quảng cáo trên vỉa hè"}},
	{"noise", "cath", 8, 0, 3, []string{"Hát karaoke quá giờ", "Tiếng ồn công trình ban đêm"}},
	{"construction", "sxd", 4, 0, 15, []string{"Xây dựng không che chắn", "Xây nhà không phép"}},
	{"food-safety", "syt", 3, 0, 7, []string{"Quán ăn không bảo đảm vệ sinh"}},
	{"procedure", "ttpvhcc", 4, 0, 5, []string{"Hồ sơ quá hạn trả kết quả", "Hướng dẫn thủ tục chưa rõ"}},
	{"other", "hueioc", 3, 1, 7, []string{"Kiến nghị khác"}},
}

// of returns the moment of the n-th of count cases of a day, by how awake the
// city is.
func (c *city) of(day time.Time, name string, n int64) time.Time {
	best := 0.0
	at := day
	for k := range int64(3) { // the most awake of three tries
		t := day.Add(time.Duration(c.noise(name, day.Unix(), n, k) * 24 * float64(time.Hour)))
		if a := awake(t.In(c.zone)); a > best {
			best, at = a, t
		}
	}
	return at.Truncate(time.Second)
}

func (c *city) requestsOn(day time.Time) int64 {
	wet := math.Min(4, c.rainRate("city", 1, day.Add(9*time.Hour))/6)
	return int64(c.poisson((48*weekday(day.In(c.zone))+14)*(1+0.5*wet+2.5*flooded(day.Add(12*time.Hour))), "requests", day.Unix()))
}

// request fills the n-th report of a day as it stands at now; false when it is
// not there yet.
func (c *city) request(s *sheet, day time.Time, n int64, now time.Time) bool {
	opened := c.of(day, "request", n)
	if s.lasts(now, opened); opened.After(now) {
		return false
	}
	d := day.Unix()
	wet := math.Min(4, c.rainRate("city", 1, opened)/4) + 3*flooded(opened)
	total := 0.0
	for _, k := range requestKinds {
		total += math.Max(0.5, k.weight+k.wet*wet)
	}
	x := c.noise("kind", d, n) * total
	kind := requestKinds[len(requestKinds)-1]
	for _, k := range requestKinds {
		if x -= math.Max(0.5, k.weight+k.wet*wet); x <= 0 {
			kind = k
			break
		}
	}
	w := c.pick(c.wards, "request", d, n)
	if c.noise("surge", d, n) < 0.7*flooded(opened) { // those in the water report it
		if at, ok := c.inWater(opened, d, n); ok {
			w, kind = at, requestKinds[floodKind(c.noise("flood", d, n))]
		}
	}
	lon, lat := c.near(w, "request", d*1000+n)
	due := opened.Add(time.Duration(kind.days * 24 * float64(time.Hour)))
	took := time.Duration(kind.days * 24 * float64(time.Hour) * math.Exp(0.75*c.bell("took", d, n)-0.65) * (1 + flooded(opened)))
	assigned := opened.Add(time.Duration((0.2 + 3*c.noise("assign", d, n)) * float64(time.Hour)))
	closed := opened.Add(took)
	s.lasts(now, opened, assigned, opened.Add(took/3), closed, closed.Add(3*time.Hour))
	channel := []string{"app", "app", "app", "web", "phone", "counter", "camera"}[int(c.noise("channel", d, n)*7)]
	text := fmt.Sprintf("%s, gần số %d đường %s.", kind.titles[0], 1+n, roads[int(c.noise("road", d, n)*float64(len(roads)))])
	s.clear().text("code", fmt.Sprintf("PA-%s-%04d", day.In(c.zone).Format("20060102"), n)).text("category", kind.category).
		text("title", kind.titles[int(c.noise("title", d, n)*float64(len(kind.titles)))]).
		text("description", text).
		text("channel", channel).at("openedAt", opened).at("dueAt", due).
		text("address", fmt.Sprintf("%d %s, %s", 1+int(c.noise("number", d, n)*300), roads[int(c.noise("road", d, n)*float64(len(roads)))], w.name)).
		text("track", track(kind.category)).text("urgency", "normal")
	if c.noise("located", d, n) > 0.03 {
		s.point("location", lon, lat)
	}
	if c.noise("ward", d, n) < 0.4 {
		s.text("agency", "ubnd-"+w.code)
	} else {
		s.text("agency", kind.agency)
	}
	changed := opened
	switch {
	case c.noise("reject", d, n) < 0.04 && now.After(assigned):
		changed = assigned
		s.text("status", "refused").text("outcome", "cannot-verify").text("answer", "Không đủ thông tin để xác minh nội dung phản ánh.").at("closedAt", changed)
	case now.After(closed):
		changed = closed
		s.text("status", "answered").text("outcome", "fixed").text("answer", "Đơn vị đã kiểm tra và khắc phục xong. Cảm ơn phản ánh của ông/bà.").at("answeredAt", closed)
		if over := closed.Add(14 * 24 * time.Hour); now.After(over) { // nobody disputed it
			changed = over
			s.text("status", "closed").at("closedAt", over)
		}
		if c.noise("rated", d, n) < 0.4 && now.After(closed.Add(3*time.Hour)) {
			s.int("rating", math.Max(1, math.Min(5, 4.4-1.2*boolean(closed.After(due))+0.8*c.bell("rating", d, n)))).at("ratedAt", closed.Add(3*time.Hour))
		}
	case now.After(opened.Add(took / 3)):
		changed = opened.Add(took / 3)
		s.text("status", "in-progress")
	case now.After(assigned):
		changed = assigned
		s.text("status", "assigned")
	default:
		s.text("status", "received")
	}
	s.at("updatedAt", changed.Truncate(time.Second)).flag("published", changed.After(opened))
	if changed.After(opened) { // read by the desk before the public reads it
		s.text("publicText", text)
	}
	return true
}

// track is the rule by which reports of a category are handled.
func track(category string) string {
	if category == "procedure" {
		return "procedure"
	}
	return "on-site"
}

// floodKind chooses what is reported from where it is flooded: mostly the water,
// then trees, roads and no water from the tap.
func floodKind(x float64) int {
	switch {
	case x < 0.7:
		return 4
	case x < 0.8:
		return 3
	case x < 0.9:
		return 1
	}
	return 5
}

// inWater chooses a ward by its flooded houses; false when there are none.
func (c *city) inWater(t time.Time, d, n int64) (ward, bool) {
	houses, all := make([]float64, len(c.wards)), 0.0
	for i, w := range c.wards {
		houses[i], _ = c.floodHouses(w, t)
		all += houses[i]
	}
	x := c.noise("in-water", d, n) * all
	for i, w := range c.wards {
		if x -= houses[i]; x <= 0 && houses[i] > 0 {
			return w, true
		}
	}
	return ward{}, false
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var incidentKinds = []struct {
	category string
	weight   float64
	severity float64
}{
	{"theft", 8, 1}, {"traffic-accident", 6, 2}, {"disorder", 4, 1}, {"assault", 2, 2}, {"fraud", 3, 2}, {"drugs", 2, 3}, {"robbery", 0.6, 3}, {"fire", 0.8, 2}, {"other", 2, 1},
}

func (c *city) incidentsOn(day time.Time) int64 {
	return int64(c.poisson(19*(1-0.4*flooded(day.Add(12*time.Hour))), "incidents", day.Unix()))
}

// incident fills the n-th incident of a day as it stands at now.
func (c *city) incident(s *sheet, day time.Time, n int64, now time.Time) bool {
	d := day.Unix()
	occurred := c.of(day, "incident", n)
	reported := occurred.Add(time.Duration(c.noise("reported", d, n) * c.noise("reported2", d, n) * 20 * float64(time.Hour))).Truncate(time.Second)
	if s.lasts(now, reported); reported.After(now) {
		return false
	}
	total := 0.0
	for _, k := range incidentKinds {
		total += k.weight
	}
	x := c.noise("incident", d, n) * total
	kind := incidentKinds[0]
	for _, k := range incidentKinds {
		if x -= k.weight; x <= 0 {
			kind = k
			break
		}
	}
	w := c.pick(c.wards, "incident", d, n)
	lon, lat := c.near(w, "incident", d*100+n)
	road := roads[int(c.noise("iroad", d, n)*float64(len(roads)))]
	s.clear().text("code", fmt.Sprintf("VV-%s-%03d", day.In(c.zone).Format("20060102"), n)).text("category", kind.category).
		int("severity", math.Min(4, kind.severity+math.Floor(1.3*c.noise("severity", d, n)))).
		at("occurredAt", occurred).at("reportedAt", reported).point("location", lon, lat).
		text("address", fmt.Sprintf("%s, %s", road, w.name)).text("summary", "Vụ việc xảy ra trên đường "+road+".").
		text("reporter", c.person("witness", d+n)).text("reporterPhone", fmt.Sprintf("0901%06d", (d/86400*89+n)%1_000_000)).
		text("unit", "cath")
	pace := 0.5 + 2*c.noise("pace", d, n)
	taken := reported.Add(time.Duration(pace * 4 * float64(time.Hour)))
	done := reported.Add(time.Duration(pace * 20 * 24 * float64(time.Hour)))
	s.lasts(now, reported, taken, done)
	switch {
	case now.After(done):
		if kind.severity >= 2 && c.noise("prosecuted", d, n) < 0.35 {
			s.text("status", "prosecuted")
		} else {
			s.text("status", "closed")
		}
	case now.After(taken):
		s.text("status", "investigating")
	default:
		s.text("status", "received")
	}
	return true
}
