package demo

import (
	"context"
	"fmt"
	"math"
	"strings"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// ward is a unit of the city with what the generator needs of it.
type ward struct {
	code, name string
	lon, lat   float64
	people     float64
	km2        float64
}

// site is a station, a counter, a car park or a hospital.
type site struct {
	code, name string
	lon, lat   float64
	size       float64 // capacity, beds, lanes: whatever the dataset's size is
	relief     float64 // how much more rain than the plain gets
}

// wards reads the current units, largest population first in code order.
func wards(ctx context.Context, r *repo.Repository) ([]ward, error) {
	var list []ward
	_, err := r.Read(ctx, repo.Internal(), repo.Query{Dataset: repo.SystemArea}, func(rec repo.Record) error {
		get := func(name string) value.Value {
			i, _, _, _ := rec.Entry.Table.Property(name)
			return rec.Values[i]
		}
		if k := get("kind").Text(); k != "phuong" && k != "xa" {
			return nil
		}
		lon, lat, ok := geom.PointOf(get("location").WKB())
		if !ok {
			return fmt.Errorf("demo: area %s has no location", get("code").Text())
		}
		people, _ := get("population").Number()
		km2, _ := get("areaKm2").Number()
		list = append(list, ward{strings.Clone(get("code").Text()), strings.Clone(get("name").Text()), lon, lat, people, km2})
		return nil
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("demo: the city has no wards")
	}
	return list, err
}

// near is a repeatable place in a ward, well inside it.
func (m model) near(w ward, name string, n int64) (lon, lat float64) {
	reach := 0.25 * math.Sqrt(math.Min(w.km2, 60)) / 111
	return w.lon + reach*m.bell("lon:"+name, n)*0.6, w.lat + reach*m.bell("lat:"+name, n)*0.6
}

// pick chooses a ward by population, with a share of where the city is dense.
func (m model) pick(list []ward, name string, parts ...int64) ward {
	total := 0.0
	weigh := func(w ward) float64 { return w.people * math.Min(3, math.Sqrt(w.people/w.km2/300)+0.2) }
	for _, w := range list {
		total += weigh(w)
	}
	x := m.noise(name, parts...) * total
	for _, w := range list {
		if x -= weigh(w); x <= 0 {
			return w
		}
	}
	return list[len(list)-1]
}

var gauges = []struct {
	code, name, river string
	lon, lat          float64
	alarms            [3]float64
}{
	{"duong-hoa", "Dương Hòa", "Sông Tả Trạch", 107.610, 16.330, [3]float64{14, 17, 20}},
	{"binh-dien", "Bình Điền", "Sông Hữu Trạch", 107.500, 16.350, [3]float64{10, 12.5, 15}},
	{"thuong-nhat", "Thượng Nhật", "Sông Tả Trạch", 107.690, 16.120, [3]float64{58, 59.5, 61}},
	{"phong-binh", "Phong Bình", "Sông Ô Lâu", 107.350, 16.640, [3]float64{1.2, 2.0, 2.8}},
	{"truoi", "Truồi", "Sông Truồi", 107.770, 16.310, [3]float64{1.5, 2.3, 3.2}},
	{"thuan-an", "Thuận An", "Cửa biển Thuận An", 107.640, 16.560, [3]float64{0.6, 0.9, 1.3}},
}

var roads = []string{
	"Lê Lợi", "Hùng Vương", "Trần Hưng Đạo", "Nguyễn Huệ", "Bà Triệu", "Đống Đa", "Phạm Văn Đồng", "Nguyễn Tất Thành",
	"Lê Duẩn", "An Dương Vương", "Tố Hữu", "Điện Biên Phủ", "Mai Thúc Loan", "Đinh Tiên Hoàng", "Chi Lăng", "Bạch Đằng",
	"Bùi Thị Xuân", "Ngự Bình", "Hà Nội", "Võ Nguyên Giáp",
}

// sites reads the sites that a register holds.
func sites(ctx context.Context, r *repo.Repository, dataset, size string) ([]site, error) {
	var list []site
	_, err := r.Read(ctx, repo.Internal(), repo.Query{Dataset: dataset}, func(rec repo.Record) error {
		get := func(name string) value.Value {
			i, _, _, ok := rec.Entry.Table.Property(name)
			if !ok {
				return value.Value{}
			}
			return rec.Values[i]
		}
		name := get("name").Text()
		if name == "" {
			name = get("road").Text()
		}
		lon, lat, _ := geom.PointOf(get("location").WKB())
		n, _ := get(size).Number()
		relief := 1 + math.Max(0, (16.45-lat)*3) + math.Max(0, (107.5-lon)*0.8)
		list = append(list, site{strings.Clone(get("code").Text()), strings.Clone(name), lon, lat, n, relief})
		return nil
	})
	return list, err
}
