package ui

import (
	"strings"

	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/repo"
)

// fieldTitle is what a field of a dataset is called.
func (v *view) fieldTitle(name, field string) string {
	e, err := v.u.Repo.Entry(repo.Internal(), name)
	if err != nil {
		return field
	}
	f, ok := e.Dataset.Field(field)
	if !ok || f.Title.In(v.lang) == "" {
		return field
	}
	return f.Title.In(v.lang)
}

// formula says in words what a part measures.
func (v *view) formula(p *core.Part) string {
	s := v.T("indicators.measure." + string(p.Measure))
	if p.Of != "" {
		s += ": " + v.fieldTitle(p.Dataset, p.Of)
	}
	if p.Plus != "" {
		s += " + " + v.fieldTitle(p.Dataset, p.Plus)
	}
	if p.Since != "" {
		s += " − " + v.fieldTitle(p.Dataset, p.Since)
	}
	if p.Filter != "" {
		s += " [" + strings.TrimSpace(p.Filter) + "]"
	}
	return s
}

// bucketText says of when a figure is.
func (v *view) bucketText(d *indicatorData) string {
	r := &d.Reading
	if r.Grain == core.Total {
		return v.T("indicators.of.total")
	}
	at := r.Start.In(v.zone)
	when := at.Format("02/01/2006")
	switch r.Grain {
	case core.Hour:
		when = at.Format("15:04 02/01/2006")
	case core.Month:
		when = at.Format("01/2006")
	}
	s := v.T("indicators.of."+r.Grain.String(), "at", when)
	if !r.Complete {
		s += ", " + v.T("indicators.running")
	}
	return s
}

// definitionFacts are what a definition says, by name.
func (v *view) definitionFacts(d *core.Definition) [][2]string {
	formula := v.formula(&d.Parts[0])
	if d.Ratio() {
		formula += " ÷ " + v.formula(&d.Parts[1])
		if d.Times != 1 {
			formula += " × " + v.D(d.Times, 6)
		}
	}
	if d.Per > 0 {
		formula += " · " + v.T("indicators.per", "n", v.N(int64(d.Per)))
	}
	if d.Over > 1 {
		formula += " · " + v.T("indicators.over", "n", v.N(int64(d.Over)))
	}
	if d.Parts[0].Past {
		formula += " · " + v.T("indicators.past")
	}
	grains := make([]string, len(d.Grains))
	for i, g := range d.Grains {
		grains[i] = v.T("indicators.grain." + g.String())
	}
	list := [][2]string{
		{v.T("indicators.formula"), formula},
		{v.T("indicators.grains"), strings.Join(grains, ", ")},
		{v.T("indicators.good"), v.T("indicators.good." + string(d.Good))},
		{v.T("indicators.owner"), v.Agency(d.Owner)},
	}
	if d.Lag > 0 {
		list = append(list, [2]string{v.T("indicators.lag"), v.Span(d.Lag)})
	}
	if s := d.Source.In(v.lang); s != "" {
		list = append(list, [2]string{v.T("indicators.source"), s})
	}
	return list
}

// wordsIndicators is what stands on the pages of indicators.
var wordsIndicators = map[string]word{
	"nav.indicators":            {"Chỉ số", "Indicators"},
	"indicators.title":          {"Chỉ số", "Indicators"},
	"indicators.lead":           {"{n} chỉ số của thành phố, theo lĩnh vực. Mỗi con số dẫn tới các bản ghi phía sau nó.", "{n} indicators of the city, by sector. Every figure leads to the records behind it."},
	"indicators.city":           {"Toàn thành phố", "The whole city"},
	"indicators.empty":          {"Chưa có chỉ số nào", "No indicators yet"},
	"indicators.empty.note":     {"Chỉ số được khai báo trong tệp và hiện ra khi quyền cho phép.", "Indicators are declared in files and appear where your rights cover them."},
	"indicators.one":            {"Chỉ số", "Indicator"},
	"indicators.now":            {"Giá trị", "Figure"},
	"indicators.unit":           {"Đơn vị", "Unit"},
	"indicators.change":         {"So với tuần trước", "On the week before"},
	"indicators.target":         {"Chỉ tiêu", "Target"},
	"indicators.course":         {"Diễn biến", "Course"},
	"indicators.state":          {"Trạng thái", "State"},
	"indicators.unknown":        {"chưa có", "unknown"},
	"indicators.partial":        {"chỉ tính các bản ghi được phép", "of the records you may count"},
	"indicators.building":       {"đang tính, {n}", "being computed, {n}"},
	"indicators.newest":         {"số liệu mới nhất {at}", "newest data {at}"},
	"indicators.reached":        {"đạt", "reached"},
	"indicators.missed":         {"chưa đạt", "not reached"},
	"indicators.records":        {"Xem các bản ghi phía sau", "See the records behind it"},
	"indicators.series":         {"Diễn biến theo thời gian", "Course over time"},
	"indicators.wards":          {"Các phường, xã", "Wards and communes"},
	"indicators.categories":     {"Theo danh mục", "By category"},
	"indicators.none":           {"không ghi", "not said"},
	"indicators.definition":     {"Cách tính", "How it is computed"},
	"indicators.thresholds":     {"Ngưỡng", "Thresholds"},
	"indicators.table":          {"Bảng số liệu", "Table of figures"},
	"indicators.running":        {"chưa hết kỳ", "not over yet"},
	"indicators.per":            {"trên {n} dân", "per {n} inhabitants"},
	"indicators.over":           {"cộng {n} kỳ liền nhau", "over {n} consecutive buckets"},
	"indicators.past":           {"tính mọi bản ghi đến hết kỳ", "of all records up to the end"},
	"indicators.formula":        {"Công thức", "Formula"},
	"indicators.grains":         {"Độ chia thời gian", "Buckets of time"},
	"indicators.good":           {"Chiều tốt", "Good is"},
	"indicators.good.up":        {"càng cao càng tốt", "higher"},
	"indicators.good.down":      {"càng thấp càng tốt", "lower"},
	"indicators.good.none":      {"không có chiều tốt", "neither"},
	"indicators.owner":          {"Cơ quan phụ trách", "Answered for by"},
	"indicators.lag":            {"Độ trễ chấp nhận", "Accepted delay"},
	"indicators.source":         {"Nguồn quy định", "Official source"},
	"indicators.of.hour":        {"giờ từ {at}", "hour from {at}"},
	"indicators.of.day":         {"ngày {at}", "day {at}"},
	"indicators.of.week":        {"tuần từ {at}", "week from {at}"},
	"indicators.of.month":       {"tháng {at}", "month {at}"},
	"indicators.of.total":       {"hiện có", "as of now"},
	"indicators.grain.hour":     {"Giờ", "Hour"},
	"indicators.grain.day":      {"Ngày", "Day"},
	"indicators.grain.week":     {"Tuần", "Week"},
	"indicators.grain.month":    {"Tháng", "Month"},
	"indicators.grain.total":    {"Không chia", "Total"},
	"indicators.compared":       {"So sánh", "Compared"},
	"indicators.upto":           {"cùng khoảng thời gian, đến {t}", "over the same stretch, up to {t}"},
	"indicators.than.yesterday": {"Hôm qua", "Yesterday"},
	"indicators.than.week":      {"Tuần trước", "Last week"},
	"indicators.than.year":      {"Năm trước", "Last year"},

	"indicators.compare.none":      {"Không so sánh", "No comparison"},
	"indicators.compare.yesterday": {"So với hôm qua", "With yesterday"},
	"indicators.compare.week":      {"So với tuần trước", "With last week"},
	"indicators.compare.year":      {"So với năm trước", "With last year"},

	"indicators.quality.live":      {"đúng hạn", "live"},
	"indicators.quality.estimated": {"tạm tính", "provisional"},
	"indicators.quality.late":      {"số liệu trễ", "data late"},
	"indicators.quality.missing":   {"thiếu số liệu", "no data"},
	"indicators.quality.building":  {"đang tính", "being computed"},

	"indicators.measure.count":    {"số bản ghi", "number of records"},
	"indicators.measure.sum":      {"tổng", "sum"},
	"indicators.measure.mean":     {"trung bình", "mean"},
	"indicators.measure.min":      {"nhỏ nhất", "least"},
	"indicators.measure.max":      {"lớn nhất", "greatest"},
	"indicators.measure.median":   {"trung vị", "median"},
	"indicators.measure.p90":      {"phân vị 90", "90th percentile"},
	"indicators.measure.distinct": {"số giá trị khác nhau", "different values"},
}
