package indicator_test

import (
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// realRows bounds how many rows of each series are taken: enough for every ward
// and every grain, few enough for every run of the tests; fewer under the race
// detector, as slower says.
const realRows = 12_000

// TestRealSeries measures real series, moved onto the wards of Huế, and compares
// every cell of every area, grain and category with a recount: air of Beijing,
// traffic of an American motorway, car parks of Birmingham, crime of Houston,
// requests of Boston. One in seven rows is corrected afterwards and one in eleven
// deleted.
//
// A place is moved by an affine map: the smallest box around all places of its
// series is laid onto the box around the centres of the wards, longitude to
// longitude and latitude to latitude, and the ward whose centre is nearest takes
// it. What has no place of its own goes to the wards in turn.
func TestRealSeries(t *testing.T) {
	folder := sharedFolder(t)
	centres := wardCentres(t)
	for _, x := range []struct {
		name, files string
		read        func(get func(string) string) (realRow, bool)
	}{
		{"beijing-air", "environment/beijing_air_*.csv.gz", func(get func(string) string) (r realRow, ok bool) {
			r.at, ok = when("2006-1-2-15", get("year")+"-"+get("month")+"-"+get("day")+"-"+get("hour"), 8)
			r.subject, r.kind, r.x, r.n = get("station"), get("wd"), get("PM2.5"), get("PM10")
			return r, ok
		}},
		{"i94-traffic", "mobility/i94_traffic_hourly.csv.gz", func(get func(string) string) (r realRow, ok bool) {
			r.at, ok = when(time.DateTime, get("date_time"), -6)
			r.subject, r.kind, r.x, r.n = "I-94", get("weather_main"), get("temp"), get("traffic_volume")
			return r, ok
		}},
		{"birmingham-parking", "mobility/birmingham_parking.csv.gz", func(get func(string) string) (r realRow, ok bool) {
			r.at, ok = when(time.DateTime, get("LastUpdated"), 0)
			r.subject, r.kind, r.x, r.n = get("SystemCodeNumber"), "", get("Capacity"), get("Occupancy")
			return r, ok
		}},
		{"houston-crime", "public-order/houston_crime_2010.csv.gz", func(get func(string) string) (r realRow, ok bool) {
			r.at, ok = when(time.RFC3339, get("time"), 0)
			r.kind, r.n, r.lon, r.lat = get("offense"), get("number"), get("lon"), get("lat")
			return r, ok
		}},
		{"boston-requests", "citizen-reports/boston_311_2011_h2.csv.gz", func(get func(string) string) (r realRow, ok bool) {
			r.at, ok = when(time.DateTime, get("open_dt"), -4)
			if done, closed := when(time.DateTime, get("closed_dt"), -4); closed {
				r.done = &done
			}
			r.kind, r.lon, r.lat = get("case_status"), get("longitude"), get("latitude")
			return r, ok
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			files, _ := filepath.Glob(filepath.Join(folder, x.files))
			if len(files) == 0 {
				t.Skipf("NO REAL DATA: %s is not there; nothing was tested", x.files)
			}
			if slower() > 1 {
				t.Logf("PART ONLY: %d rows under the race detector instead of %d; HUONG_FULL=1 takes all", realRows/slower(), realRows)
			}
			var rows []realRow
			for _, f := range files {
				rows = append(rows, readReal(t, f, realRows/slower()/len(files), x.read)...)
			}
			move(rows, centres)
			realSeries(t, rows, centres)
		})
	}
}

// realRow is one row of any of the series.
type realRow struct {
	at                  time.Time
	done                *time.Time
	subject, kind, x, n string
	lon, lat            string
	ward                string
}

func when(layout, s string, hours int) (time.Time, bool) {
	t, err := time.ParseInLocation(layout, s, time.FixedZone("", hours*3600))
	return t, err == nil
}

// sharedFolder finds the real data, which is no part of the project.
func sharedFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("HUONG_SHARED")
	if folder == "" {
		folder = "../../../../shared"
	}
	folder = filepath.Join(folder, "data")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("NO REAL DATA: neither HUONG_SHARED nor ../shared beside the project holds it; nothing was tested")
	}
	return folder
}

type centre struct {
	code     string
	lon, lat float64
}

// wardCentres reads the wards of the declared city.
func wardCentres(t *testing.T) (list []centre) {
	t.Helper()
	f, err := os.Open("../../../city/hue/areas.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all[1:] {
		if r[3] != "phuong" && r[3] != "xa" {
			continue
		}
		lon, lat, _ := strings.Cut(r[5], ",")
		c := centre{code: r[0]}
		c.lon, _ = strconv.ParseFloat(lon, 64)
		c.lat, _ = strconv.ParseFloat(lat, 64)
		list = append(list, c)
	}
	if len(list) != 40 {
		t.Fatalf("%d wards, want 40", len(list))
	}
	return list
}

func readReal(t *testing.T, path string, most int, read func(func(string) string) (realRow, bool)) (rows []realRow) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	c := csv.NewReader(z)
	c.FieldsPerRecord = -1
	head, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	for len(rows) < most {
		row, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		r, ok := read(func(name string) string {
			if i := slices.Index(head, name); i >= 0 && i < len(row) && row[i] != "NA" {
				return strings.ToValidUTF8(row[i], "")
			}
			return ""
		})
		if ok {
			rows = append(rows, r)
		}
	}
	return rows
}

// move gives every row a ward.
func move(rows []realRow, centres []centre) {
	type box struct{ west, south, east, north float64 }
	wide := func(b *box, lon, lat float64) {
		b.west, b.south, b.east, b.north = min(b.west, lon), min(b.south, lat), max(b.east, lon), max(b.north, lat)
	}
	none := box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	from, to := none, none
	for _, c := range centres {
		wide(&to, c.lon, c.lat)
	}
	at := func(r *realRow) (lon, lat float64, ok bool) {
		lon, e1 := strconv.ParseFloat(r.lon, 64)
		lat, e2 := strconv.ParseFloat(r.lat, 64)
		return lon, lat, e1 == nil && e2 == nil && lon != 0
	}
	for i := range rows {
		if lon, lat, ok := at(&rows[i]); ok {
			wide(&from, lon, lat)
		}
	}
	turn := map[string]int{}
	for i := range rows {
		r := &rows[i]
		lon, lat, ok := at(r)
		if !ok {
			if _, known := turn[r.subject]; !known {
				turn[r.subject] = len(turn)
			}
			k := turn[r.subject]
			if r.subject == "" || len(turn) == 1 {
				k = i
			}
			r.ward = centres[k%len(centres)].code
			continue
		}
		x := to.west + (lon-from.west)/max(from.east-from.west, 1e-9)*(to.east-to.west)
		y := to.south + (lat-from.south)/max(from.north-from.south, 1e-9)*(to.north-to.south)
		best := math.Inf(1)
		for _, c := range centres {
			if d := (c.lon-x)*(c.lon-x) + (c.lat-y)*(c.lat-y); d < best {
				best, r.ward = d, c.code
			}
		}
	}
}

const realSet = `
name: real
title: {vi: Số liệu thật, en: Real series}
kind: register
classification: open
schema:
  primaryKey: id
  fields:
    - {name: id, type: integer, title: {vi: Mã, en: Id}}
    - {name: ward, type: string, title: {vi: Phường, en: Ward}}
    - {name: at, type: datetime, title: {vi: Lúc, en: At}}
    - {name: done, type: datetime, title: {vi: Xong, en: Done}}
    - {name: kind, type: string, title: {vi: Loại, en: Kind}, constraints: {enum: [KINDS]}}
    - {name: n, type: integer, title: {vi: Số, en: Number}}
    - {name: x, type: number, title: {vi: Lượng, en: Amount}}
place: {areaCode: ward}
time: at
`

const realIndicators = `title: {vi: Thử, en: Test}
sector: environment
owner: snnmt
indicators:
  - {name: count, title: {vi: Đếm, en: Count}, dataset: real, measure: count, by: [kind], grains: [hour, day, week, month], good: none, empty: zero}
  - {name: sum, title: {vi: Tổng, en: Sum}, dataset: real, measure: sum, of: n, grains: [day, month], good: none}
  - {name: mean, title: {vi: Trung bình, en: Mean}, dataset: real, measure: mean, of: x, grains: [hour, day, week, month], good: none}
  - {name: high, title: {vi: Lớn nhất, en: Greatest}, dataset: real, measure: max, of: x, grains: [hour, month], good: none}
  - {name: low, title: {vi: Nhỏ nhất, en: Least}, dataset: real, measure: min, of: n, grains: [day], good: none}
  - {name: middle, title: {vi: Trung vị, en: Median}, dataset: real, measure: median, of: x, by: [kind], grains: [day, month], good: none}
  - {name: most, title: {vi: Phân vị, en: P90}, dataset: real, measure: p90, of: n, grains: [week], good: none}
  - {name: kinds, title: {vi: Loại, en: Kinds}, dataset: real, measure: distinct, of: kind, grains: [day, month], good: none}
  - {name: took, title: {vi: Thời gian, en: Time}, dataset: real, measure: median, of: done, since: at, in: hour, grains: [week, month], good: none}
  - {name: share, title: {vi: Tỷ lệ, en: Share}, dataset: real, ratio: {of: {measure: count, filter: n > 50}, to: {measure: count, filter: n IS NOT NULL}, times: 100}, grains: [day, month], good: none}
`

// realSeries commits rows, corrects and deletes some, and compares all cells.
func realSeries(t *testing.T, rows []realRow, centres []centre) {
	last, kinds := rows[0].at, []string{}
	for _, r := range rows {
		if r.at.After(last) {
			last = r.at
		}
		if r.kind != "" && !slices.Contains(kinds, strconv.Quote(r.kind)) {
			kinds = append(kinds, strconv.Quote(r.kind))
		}
	}
	if len(kinds) == 0 {
		kinds = []string{`"none"`}
	}
	now := func() time.Time { return last }
	r := onSQLite(t, t.TempDir(), now)
	defer r.Close(t.Context())
	declare(t, r, strings.Replace(realSet, "KINDS", strings.Join(kinds, ", "), 1))
	areas := []commit.Change{change(t, r, repo.SystemArea, commit.Put, map[string]value.Value{"code": value.OfText("46"), "name": value.OfText("Huế"), "kind": value.OfText("city")})}
	codes := []string{""}
	for _, c := range centres {
		codes = append(codes, c.code)
		areas = append(areas, change(t, r, repo.SystemArea, commit.Put, map[string]value.Value{"code": value.OfText(c.code), "name": value.OfText(c.code), "kind": value.OfText("phuong")}))
	}
	send(t, r, areas...)
	s := indicator.New(r)
	r.Follow(s)
	define(t, r, "real", realIndicators)
	fields := func(i int, row *realRow) map[string]value.Value {
		m := map[string]value.Value{"id": value.OfInt(int64(i)), "ward": value.OfText(row.ward), "at": value.OfInstant(row.at)}
		if row.done != nil {
			m["done"] = value.OfInstant(*row.done)
		}
		if row.kind != "" {
			m["kind"] = value.OfText(row.kind)
		}
		if n, err := strconv.ParseFloat(row.n, 64); err == nil {
			m["n"] = value.OfInt(int64(n))
		}
		if x, err := strconv.ParseFloat(row.x, 64); err == nil {
			m["x"] = value.OfFloat(x)
		}
		return m
	}
	held := make([]map[string]value.Value, len(rows))
	var batch []commit.Change
	flush := func(most int) {
		if len(batch) >= most && len(batch) > 0 {
			send(t, r, batch...)
			batch = nil
		}
	}
	for i := range rows {
		held[i] = fields(i, &rows[i])
		batch = append(batch, change(t, r, "real", commit.Put, held[i]))
		flush(1000)
	}
	flush(1)
	for i := range rows {
		switch {
		case i%11 == 0:
			batch = append(batch, change(t, r, "real", commit.Delete, map[string]value.Value{"id": value.OfInt(int64(i))}))
			held[i] = nil
		case i%7 == 0: // comes late, of another ward, with another figure
			rows[i].at, rows[i].ward, rows[i].x = rows[i].at.Add(-26*time.Hour), centres[i%len(centres)].code, "17.25"
			held[i] = fields(i, &rows[i])
			batch = append(batch, change(t, r, "real", commit.Put, held[i]))
		}
		flush(500)
	}
	flush(1)
	settle(t, r, s)
	e, err := r.Entry(repo.Internal(), "real")
	if err != nil {
		t.Fatal(err)
	}
	first := last
	var table [][]value.Value
	for _, m := range held {
		if m == nil {
			continue
		}
		row := make([]value.Value, e.Table.Width())
		for f, v := range m {
			i, _, _, _ := e.Table.Property(f)
			row[i] = v
		}
		i, _, _, _ := e.Table.Property(dataset.AreaColumn)
		row[i] = m["ward"]
		table = append(table, row)
		if at := m["at"].Instant(); at.Before(first) {
			first = at
		}
	}
	f, err := core.Parse("real.yaml", []byte(realIndicators))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range f.Definitions {
		from, until := first, last
		if slices.Contains(d.Grains, core.Hour) && until.Sub(from) > 15_000*time.Hour {
			from = until.Add(-15_000 * time.Hour)
		}
		n += compare(t, r, s, d, map[string][][]value.Value{"real": table}, from, until, codes)
	}
	t.Logf("%d rows, %d cells compared", len(table), n)
}
