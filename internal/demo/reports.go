package demo

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// kindOfReport is something that people report, with what they write of it and
// what is answered.
type kindOfReport struct {
	category    string
	weight, wet float64
	days        float64 // that an agency is used to take
	told        [][2]string
	done        []string          // answers when it was put right
	answers     map[string]string // to the questions that must be answered
	picture     picture
}

var reportKinds = []kindOfReport{
	{"rubbish", 20, 0, 3, [][2]string{
		{"Rác ùn ứ chưa thu gom", "Rác sinh hoạt chất thành đống ở đầu kiệt từ ba hôm nay, bốc mùi, chưa thấy xe đến lấy."},
		{"Thùng rác công cộng hỏng", "Thùng rác vỡ nắp, rác tràn ra vỉa hè mỗi khi có gió."},
		{"Bàn ghế cũ bỏ trên vỉa hè", "Có người bỏ một bộ bàn ghế cũ chắn lối đi bộ, trẻ em đi học phải xuống lòng đường."},
	}, []string{"Đội vệ sinh đã thu gom hết rác và phun khử mùi; lịch lấy rác của kiệt được tăng lên mỗi ngày một lần.", "Đã thay thùng mới và dọn sạch chung quanh."}, map[string]string{"what": "household"}, heap},
	{"road", 14, 1, 9, [][2]string{
		{"Ổ gà sâu giữa đường", "Ổ gà rộng gần một mét, trời mưa đọng nước không thấy, tối qua có người ngã xe."},
		{"Vỉa hè sụt lún", "Gạch vỉa hè sụt xuống thành hố, người già đi bộ rất nguy hiểm."},
		{"Mặt đường bong tróc sau khi đào", "Đường vừa đào đặt ống xong, lấp tạm bằng đá dăm, xe chạy đá văng vào nhà."},
	}, []string{"Đã vá ổ gà bằng bê tông nhựa nóng và sơn lại vạch.", "Đơn vị thi công đã hoàn trả mặt đường, đã nghiệm thu."}, nil, hole},
	{"lighting", 9, 0, 5, [][2]string{
		{"Đèn đường không sáng", "Bốn trụ đèn liền nhau tắt từ tuần trước, buổi tối rất tối và khó đi."},
		{"Trụ đèn nghiêng", "Trụ đèn bị xe tông nghiêng hẳn ra đường, dây còn treo lủng lẳng."},
	}, []string{"Đã thay bóng và sửa tủ điều khiển; tuyến đèn sáng lại từ tối qua.", "Đã dựng lại trụ và nối dây ngầm."}, nil, lamp},
	{"tree", 7, 6, 2.5, [][2]string{
		{"Cành cây gãy treo trên dây điện", "Cành phượng gãy còn vắt trên dây, gió mạnh là rơi xuống đường."},
		{"Cây che khuất biển báo", "Tán cây trùm kín biển báo giao nhau, người lạ đường không thấy."},
	}, []string{"Tổ cây xanh đã cắt và dọn cành trong ngày.", "Đã tỉa tán, biển báo nhìn rõ từ 50 m."}, map[string]string{"danger": "no", "blocks": "partly"}, branch},
	{"drainage", 8, 14, 5, [][2]string{
		{"Ngập sâu sau mưa", "Mưa khoảng nửa giờ là nước ngập quá bánh xe, mất hai ba tiếng mới rút."},
		{"Cống tắc, nước thải tràn", "Miệng cống bị đất đá bít kín, nước bẩn tràn vào sân mấy nhà dân."},
		{"Hố ga bốc mùi", "Hố ga trước nhà bốc mùi nồng nặc, nhất là buổi trưa."},
	}, []string{"Đã nạo vét hai hố ga và thông đoạn cống 40 m; nước đã rút.", "Đã lắp van ngăn mùi và nạo vét hố ga."}, nil, pond},
	{"water-supply", 5, 2, 2, [][2]string{
		{"Mất nước sinh hoạt", "Cả kiệt mất nước từ chiều qua, chưa thấy thông báo."},
		{"Nước đục, có mùi", "Nước máy sáng nay vàng đục, để lắng có cặn."},
	}, []string{"Đã sửa xong điểm vỡ ống, nước có lại từ 17 giờ.", "Đã súc xả đường ống; mẫu nước lấy tại vòi đạt quy chuẩn."}, map[string]string{"what": "none"}, pond},
	{"parking", 9, -1, 3, [][2]string{
		{"Ô tô đỗ chắn lối ra vào", "Xe con thường xuyên đỗ trước cổng kiệt từ sáng đến tối, xe cứu hỏa không vào được."},
		{"Đỗ xe dưới biển cấm", "Dãy xe đỗ ngay dưới biển cấm dừng giờ tan trường, kẹt cả đoạn đường."},
	}, []string{"Tổ tuần tra đã nhắc nhở và lập biên bản ba trường hợp; sẽ kiểm tra thường xuyên vào giờ tan trường."}, nil, none},
	{"encroachment", 8, -1, 5, [][2]string{
		{"Lấn chiếm vỉa hè bán hàng", "Quán bày bàn ghế kín vỉa hè, người đi bộ phải xuống lòng đường."},
		{"Biển quảng cáo chắn lối đi", "Cửa hàng đặt biển quay ngay giữa lối đi bộ."},
	}, []string{"Phường đã vận động chủ quán thu dọn, vỉa hè đã thông; có ký cam kết.", "Biển đã được dời vào trong."}, nil, tables},
	{"noise", 8, 0, 3, [][2]string{
		{"Hát karaoke quá giờ", "Loa kẹo kéo hát đến hơn 23 giờ mấy đêm liền, nhà có trẻ nhỏ không ngủ được."},
		{"Công trình đóng cọc ban đêm", "Công trình bên cạnh đóng cọc từ 22 giờ, rung cả nhà."},
	}, []string{"Đã tới nơi lập biên bản nhắc nhở; chủ hộ cam kết dừng trước 22 giờ."}, map[string]string{"source": "karaoke"}, none},
	{"construction", 4, 0, 9, [][2]string{
		{"Xây dựng không che chắn", "Nhà đang xây ba tầng không có lưới che, vữa rơi xuống sân trường bên cạnh."},
		{"Nghi xây nhà không phép", "Căn nhà dựng rất nhanh trên đất vườn, không thấy treo biển giấy phép."},
	}, []string{"Đã kiểm tra, yêu cầu che chắn ngay; chủ đầu tư đã lắp lưới."}, nil, none},
	{"food-safety", 3, 0, 6, [][2]string{
		{"Quán ăn không bảo đảm vệ sinh", "Quán rửa chén ngay cạnh cống hở, thức ăn không đậy."},
	}, []string{"Đoàn kiểm tra đã lập biên bản, quán tạm dừng ba ngày để khắc phục."}, map[string]string{"ill": "no"}, none},
	{"procedure", 4, 0, 5, [][2]string{
		{"Hồ sơ quá hạn trả kết quả", "Hồ sơ đăng ký biến động đất đai đã quá hẹn mười ngày, hỏi chưa ai trả lời rõ."},
		{"Hướng dẫn thủ tục chưa rõ", "Mỗi lần đến lại được yêu cầu thêm một giấy tờ khác."},
	}, []string{"Trung tâm đã rà soát hồ sơ, xin lỗi và hẹn trả kết quả trong tuần này.", "Đã gửi hướng dẫn đầy đủ một lần và giao người theo dõi hồ sơ."}, nil, none},
	{"other", 3, 1, 7, [][2]string{
		{"Đề nghị thêm ghế đá ở bến xe buýt", "Bến chờ không có chỗ ngồi, người lớn tuổi đứng rất lâu."},
	}, []string{"Cảm ơn góp ý; đề nghị đã được đưa vào kế hoạch chỉnh trang quý tới."}, nil, none},
}

// flood indexes of what is reported from where the water stands.
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

// What becomes of a report.
const (
	toFixed    = "fixed"
	toPlan     = "planned"
	toNoBudget = "no-budget"
	toNotFound = "cannot-verify"
	toRefuse   = "refused"
	toMerge    = "merged"
	toAsk      = "ask" // the reporter is asked first, then it is put right
)

// tale is everything about the n-th report of a day, from its first word to its
// end: a function of seed, day and n.
type tale struct {
	day  time.Time
	n    int64
	kind *kindOfReport

	title, text, address, channel string
	name, phone                   string // of who reports; empty for many
	located, personal, pictured   bool
	lon, lat                      float64
	ward                          ward

	opened, verified, assigned, begun, ended time.Time
	end                                      string
	rating                                   int64
	rated                                    time.Time
	planned                                  time.Time // the day promised
	twin                                     int64     // of the same day, that it repeats; 0 = none
}

// What the demo hands to the desk bears the name of its tale: those of the past,
// whose senders nobody knows any more, and those that were sent.
const (
	ofThePast = "demo/"
	sentNow   = "demo/sent/"
)

func (t *tale) id(how string) string {
	return fmt.Sprintf("%s%s/%04d", how, t.day.Format(time.DateOnly), t.n)
}

// key is what a device would draw.
func (t *tale) key(seed uint64) string { return fmt.Sprintf("%s/%016x", t.id(sentNow), seed) }

// tellID finds the report that an id names, and whether it was sent.
func (c *city) tellID(id string) (t tale, sent, ok bool) {
	rest, ours := strings.CutPrefix(id, ofThePast)
	rest, sent = strings.CutPrefix(rest, strings.TrimPrefix(sentNow, ofThePast))
	var y, m, d, n int
	if k, err := fmt.Sscanf(rest, "%d-%d-%d/%d", &y, &m, &d, &n); !ours || k != 4 || err != nil {
		return tale{}, false, false
	}
	return c.tale(time.Date(y, time.Month(m), d, 0, 0, 0, 0, c.zone), int64(n)), sent, true
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

// tale tells the n-th report of a day.
func (c *city) tale(day time.Time, n int64) tale {
	d := day.Unix()
	t := tale{day: day, n: n, opened: c.of(day, "request", n)}
	told := n // whose words and place it has
	if n > 1 && c.noise("twin", d, n) < 0.035 && c.noise("twin", d, n-1) >= 0.035 {
		first := c.of(day, "request", n-1)
		if t.opened = first.Add(time.Duration((0.2 + 5*c.noise("after", d, n)) * float64(time.Hour))).Truncate(time.Second); c.located(d, n-1) {
			t.twin, told = n-1, n-1
		}
	}
	first := c.of(day, "request", told)
	wet := math.Min(4, c.rainRate("city", 1, first)/4) + 3*flooded(first)
	total := 0.0
	for i := range reportKinds {
		total += math.Max(0.5, reportKinds[i].weight+reportKinds[i].wet*wet)
	}
	x := c.noise("kind", d, told) * total
	t.kind = &reportKinds[len(reportKinds)-1]
	for i := range reportKinds {
		if x -= math.Max(0.5, reportKinds[i].weight+reportKinds[i].wet*wet); x <= 0 {
			t.kind = &reportKinds[i]
			break
		}
	}
	t.ward = c.pick(c.wards, "request", d, told)
	if c.noise("surge", d, told) < 0.7*flooded(first) { // those in the water report it
		if at, ok := c.inWater(first, d, told); ok {
			t.ward, t.kind = at, &reportKinds[floodKind(c.noise("flood", d, told))]
		}
	}
	t.located = c.located(d, told)
	t.lon, t.lat = c.near(t.ward, "request", d*1000+told)
	for range 6 { // as far from its middle as no other's is nearer
		if c.nearest(t.lon, t.lat) == t.ward.code {
			break
		}
		t.lon, t.lat = (t.lon+t.ward.lon)/2, (t.lat+t.ward.lat)/2
	}
	if t.twin > 0 { // the next one stands a few steps further on
		t.lon += 0.0002 * (c.noise("aside", d, n) - 0.5)
		t.lat += 0.0002 * (c.noise("along", d, n) - 0.5)
	}
	road := roads[int(c.noise("road", d, told)*float64(len(roads)))]
	which := t.kind.told[int(c.noise("title", d, told)*float64(len(t.kind.told)))]
	t.title, t.text = which[0], which[1]
	t.address = fmt.Sprintf("%d %s, %s", 1+int(c.noise("number", d, told)*300), road, t.ward.name)
	if t.twin > 0 {
		t.text = "Tôi cũng xin phản ánh việc này. " + t.text
	}
	t.channel = []string{"app", "app", "app", "web", "phone", "zalo", "counter"}[int(c.noise("channel", d, n)*7)]
	if c.noise("known", d, n) < 0.6 {
		t.name, t.phone = c.person("reporter", d+n), fmt.Sprintf("0905%06d", (d/86400*97+n*31)%1_000_000)
	}
	if t.personal = c.noise("personal", d, n) < 0.03; t.personal {
		t.text += fmt.Sprintf(" Xin gọi anh %s, số 0914%06d.", lastWord(c.person("reporter", d+n)), (d/86400*61+n*7)%1_000_000)
	}
	t.pictured = t.kind.picture != none && c.noise("pictured", d, n) < 0.45
	c.fate(&t)
	return t
}

func lastWord(name string) string { return name[strings.LastIndexByte(name, ' ')+1:] }

// nearest is the ward whose middle is nearest to a place.
func (c *city) nearest(lon, lat float64) (code string) {
	best := math.Inf(1)
	for i := range c.wards {
		if d := math.Hypot((c.wards[i].lon-lon)*math.Cos(lat*math.Pi/180), c.wards[i].lat-lat); d < best {
			best, code = d, c.wards[i].code
		}
	}
	return code
}

func (c *city) located(d, n int64) bool { return c.noise("located", d, n) > 0.03 }

// fate tells what becomes of a report.
func (c *city) fate(t *tale) {
	d, n := t.day.Unix(), t.n
	hours := func(name string, from, spread float64) time.Duration {
		return time.Duration((from + spread*c.noise(name, d, n)) * float64(time.Hour))
	}
	flood := flooded(t.opened)
	t.verified = t.opened.Add(hours("verify", 0.1, 2.4*(1+flood)))
	t.assigned = t.verified.Add(hours("assign", 0.05, 0.6))
	took := time.Duration(t.kind.days * 24 * float64(time.Hour) * math.Exp(0.75*c.bell("took", d, n)-0.6) * (1 + flood))
	t.begun = t.assigned.Add(took / 4)
	t.ended = t.assigned.Add(took)
	t.end = toFixed
	switch x := c.noise("end", d, n); {
	case t.twin > 0:
		t.end, t.ended = toMerge, t.verified
	case x < 0.05:
		t.end, t.ended = toRefuse, t.verified.Add(hours("refuse", 0.2, 3))
	case x < 0.11:
		t.end = toNotFound
	case x < 0.14:
		t.end = toNoBudget
	case x < 0.20:
		t.end = toPlan
		t.planned = t.ended.AddDate(0, 0, 5+int(25*c.noise("planned", d, n)))
	case x < 0.24:
		t.end = toAsk
	}
	round := func(at *time.Time) { *at = at.Truncate(time.Second) }
	for _, at := range []*time.Time{&t.verified, &t.assigned, &t.begun, &t.ended} {
		round(at)
	}
	if c.noise("rated", d, n) < 0.4 && t.end != toMerge {
		over := boolean(t.ended.Sub(t.opened) > 9*24*time.Hour) + boolean(t.end != toFixed && t.end != toAsk)
		t.rating = int64(math.Max(1, math.Min(5, 4.7-1.1*over+0.8*c.bell("rating", d, n))))
		t.rated = t.ended.Add(hours("rating", 0.5, 30)).Truncate(time.Second)
	}
}

// answer is what the city says in the end.
func (c *city) answer(t *tale) (outcome, text string) {
	switch t.end {
	case toRefuse:
		return "cannot-verify", "Nội dung chưa đủ thông tin để xác minh: không rõ vị trí và thời gian. Xin gửi lại kèm ảnh hoặc địa chỉ cụ thể."
	case toNotFound:
		return "cannot-verify", "Đã kiểm tra tại " + t.address + " nhưng không thấy việc nêu trong phản ánh. Nếu việc còn xảy ra, xin gửi thêm ảnh và thời gian cụ thể."
	case toNoBudget:
		return "no-budget", "Phản ánh là đúng. Hiện chưa bố trí được kinh phí; việc được ghi vào danh mục đề nghị của năm tới."
	case toPlan:
		return "planned", "Đã khảo sát. Việc sẽ được làm trước ngày " + t.planned.In(c.zone).Format("02/01/2006") + "; đến ngày đó phản ánh tự mở lại để kiểm tra."
	}
	return "fixed", t.kind.done[int(c.noise("done", t.day.Unix(), t.n)*float64(len(t.kind.done)))]
}
