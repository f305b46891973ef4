package app

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// Of Boston's file, so many are sent and so many brought in: all of it takes minutes
// under the race detector, and HUONG_FULL=1 takes it all the same.
const (
	bostonSent, bostonRows           = 10_000, 58_251
	bostonSentInPart, bostonInPart   = 250, 2_000
	bostonDefaultLon, bostonDefaultY = -71.0587, 42.3594
)

// bostonRow is a request of Boston's on the wards of Huế. A place is moved by an
// affine map: the smallest box around all places of the file is laid onto the box
// around the centres of the wards, longitude to longitude and latitude to latitude.
// The default point of the geocoder is no place.
type bostonRow struct {
	id, category, text     string
	opened, target, closed time.Time
	flag                   string // ONTIME, OVERDUE or none
	lon, lat               float64
	placed                 bool
}

// bostonKinds are the categories of Huế for Boston's reasons; the others are other.
var bostonKinds = map[string]string{
	"Sanitation": "rubbish", "Recycling": "rubbish", "Street Cleaning": "rubbish", "Highway Maintenance": "road", "Bridge Maintenance": "road", "Sidewalk Cover / Manhole": "manhole",
	"Street Lights": "lighting", "Signs & Signals": "signal", "Traffic Management & Engineering": "signal", "Trees": "tree", "Graffiti": "advertising",
	"Housing": "construction", "Building": "construction", "Enforcement & Abandoned Vehicles": "parking", "Abandoned Bicycle": "parking", "Parking Complaints": "parking", "Valet": "parking",
	"Environmental Services": "mosquito", "Park Maintenance & Safety": "park", "Cemetery": "park", "Health": "food-safety", "Weights and Measures": "consumer",
	"Code Enforcement": "encroachment", "Catchbasin": "drainage", "Fire Hydrant": "water-supply", "Water Issues": "water-supply", "Administrative & General Requests": "procedure",
}

func readBoston(t *testing.T, r *repo.Repository) (rows []bostonRow) {
	t.Helper()
	shared := os.Getenv("HUONG_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	f, err := os.Open(filepath.Join(shared, "data/citizen-reports/boston_311_2011_h2.csv.gz"))
	if err != nil {
		t.Skip("NO REAL DATA: neither HUONG_SHARED nor ../shared beside the project holds it; nothing was tested")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	boston, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	type corners struct{ west, south, east, north float64 }
	from := corners{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	onto := from
	wide := func(b *corners, lon, lat float64) {
		b.west, b.south, b.east, b.north = min(b.west, lon), min(b.south, lat), max(b.east, lon), max(b.north, lat)
	}
	for _, cells := range table[1:] {
		get := func(name string) string { return strings.TrimSpace(strings.ToValidUTF8(cells[column[name]], "")) }
		moment := func(name string) (at time.Time) {
			at, _ = time.ParseInLocation(time.DateTime, get(name), boston)
			return at
		}
		x := bostonRow{id: get("case_enquiry_id"), category: bostonKinds[get("reason")], text: get("type"), flag: get("ontime"),
			opened: moment("open_dt"), target: moment("target_dt"), closed: moment("closed_dt")}
		if x.category == "" {
			x.category = "other"
		}
		var e1, e2 error
		x.lon, e1 = strconv.ParseFloat(get("longitude"), 64)
		x.lat, e2 = strconv.ParseFloat(get("latitude"), 64)
		if x.placed = e1 == nil && e2 == nil && x.lon != 0 && (x.lon != bostonDefaultLon || x.lat != bostonDefaultY); x.placed {
			wide(&from, x.lon, x.lat)
		}
		rows = append(rows, x)
	}
	_, err = r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: repo.SystemArea}, func(rec repo.Record) error {
		kind, _, _, _ := rec.Entry.Table.Property("kind")
		at, _, _, _ := rec.Entry.Table.Property("location")
		if k := rec.Values[kind].Text(); k == "phuong" || k == "xa" {
			if lon, lat, ok := geom.PointOf(rec.Values[at].WKB()); ok {
				wide(&onto, lon, lat)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		x := &rows[i]
		x.lon = onto.west + (x.lon-from.west)/(from.east-from.west)*(onto.east-onto.west)
		x.lat = onto.south + (x.lat-from.south)/(from.north-from.south)*(onto.north-onto.south)
	}
	return rows
}

// inPart tells how much of a long file is taken.
func inPart(t *testing.T, part, whole int) int {
	if !racing || os.Getenv("HUONG_FULL") != "" {
		return whole
	}
	t.Logf("PART ONLY: %d under the race detector instead of %d; HUONG_FULL=1 takes all", part, whole)
	return part
}

// column reads one text of all records of a dataset.
func (s *geoTown) column(dataset, name string) map[string]int {
	s.t.Helper()
	all := map[string]int{}
	_, err := s.repo.Read(s.t.Context(), repo.Internal(), repo.Query{Dataset: dataset}, func(rec repo.Record) error {
		i, _, _, _ := rec.Entry.Table.Property(name)
		if v := rec.Values[i]; v.Kind() == value.Text {
			all[strings.Clone(v.Text())]++
		} else {
			all[""]++
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// Boston's requests reach the desk by GeoReport as forms, in their order and several
// at once: each is there once, in a ward, with an agency and a term.
func TestBostonIsSentThroughGeoReport(t *testing.T) {
	s := geoCity(t)
	rows := readBoston(t, s.repo)[:inPart(t, bostonSentInPart, bostonSent)]
	c, err := s.desk.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	codes := make([]string, len(rows))
	var next, unplaced atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(rows); i = int(next.Add(1)) - 1 {
				x := &rows[i]
				form := url.Values{"service_code": {x.category}, "description": {x.text + " · " + x.id}, "key": {"boston-" + x.id}}
				if x.placed {
					form.Set("lat", fmt.Sprintf("%.6f", x.lat))
					form.Set("long", fmt.Sprintf("%.6f", x.lon))
				} else {
					form.Set("address_string", "Boston "+x.id)
					unplaced.Add(1)
				}
				k, _ := c.Category(x.category)
				for _, q := range k.Questions {
					for _, v := range q.Values {
						if q.Required && v.Stop == nil {
							form.Set("attribute["+q.Code+"]", v.Code)
							break
						}
					}
				}
				for range 1 + i%50/49 { // now and then the same comes again
					status, body := s.do("POST", "/requests.json", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
					if status >= 300 {
						t.Errorf("%s: %d %s", x.id, status, body)
						return
					}
					code := s.list(body)[0]["service_request_id"].(string)
					if codes[i] != "" && codes[i] != code {
						t.Errorf("%s is %s and %s", x.id, codes[i], code)
					}
					codes[i] = code
				}
			}
		})
	}
	wait.Wait()
	took := time.Since(began)
	one := map[string]bool{}
	for _, code := range codes {
		one[code] = true
	}
	stored := s.column(request.Dataset, "code")
	if len(stored) != len(rows) || len(one) != len(rows) {
		t.Errorf("%d sent, %d receipts, %d stored", len(rows), len(one), len(stored))
	}
	wards, agencies := s.column(request.Dataset, "area"), s.column(request.Dataset, "agency")
	if agencies[""] > 0 || wards[""] < int(unplaced.Load()) || len(wards) < 20 {
		t.Errorf("%d wards, %d without one, %d without an agency", len(wards), wards[""], agencies[""])
	}
	t.Logf("%d requests by POST in %.0f s (%.0f a second), %d wards, %d agencies, %d outside every ward or without a place", len(rows), took.Seconds(), float64(len(rows))/took.Seconds(), len(wards)-1, len(agencies), wards[""])
	if status, _ := s.do("GET", "/requests/"+codes[0]+".json", "", nil); status != 200 && status != 404 {
		t.Errorf("the first: %d", status)
	}
}

// Boston's whole half-year comes in as history, once: who reads it back finds every
// request as the file has it, and in time or late as the file says.
func TestBostonIsBroughtInAsHistory(t *testing.T) {
	s := geoCity(t)
	rows := readBoston(t, s.repo)
	if len(rows) != bostonRows {
		t.Fatalf("%d rows", len(rows))
	}
	rows = rows[:inPart(t, bostonInPart, bostonRows)]
	list := make([]request.Past, len(rows))
	open := 0
	for i := range rows {
		x := &rows[i]
		p := request.Past{Submission: request.Submission{ExternalID: x.id, Category: x.category, Text: x.text, At: x.opened}, Published: true,
			DueAt: x.target, AnsweredAt: x.closed, ClosedAt: x.closed, Status: "closed", Outcome: "fixed"}
		if x.placed {
			p.Longitude, p.Latitude = &x.lon, &x.lat
		}
		if x.closed.IsZero() {
			p.Status, p.Outcome = "in-progress", ""
			open++
		}
		list[i] = p
	}
	began := time.Now()
	done, err := s.desk.Import(t.Context(), repo.Internal(), list)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	for i := range done {
		if done[i].Err != nil || done[i].Unchanged {
			t.Fatalf("%s: %+v", rows[i].id, done[i])
		}
	}
	byID := map[string]int{}
	for i := range rows {
		byID[rows[i].id] = i
	}
	read, closed, judged, same, inTime := 0, 0, 0, 0, 0
	cursor := ""
	for {
		some, page, err := s.desk.List(t.Context(), repo.Internal(), request.Query{Limit: 5000, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for j := range some {
			x := &some[j]
			row := &rows[byID[x.ExternalID]]
			read++
			if !x.OpenedAt.Equal(row.opened) || !x.ClosedAt.Equal(row.closed) || !row.target.IsZero() && !x.DueAt.Equal(row.target) {
				t.Fatalf("%s: %+v of %+v", x.Code, x, row)
			}
			if x.Status == "closed" {
				closed++
			}
			if row.target.IsZero() || row.closed.IsZero() {
				continue
			}
			in, known := x.OnTime()
			if judged++; known && in == (row.flag == "ONTIME") { // the 157 without a word were all late
				same++
			}
			if in {
				inTime++
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if read != len(rows) || closed != len(rows)-open || same != judged {
		t.Errorf("%d read back of %d, %d closed and %d open of them, %d of %d in time as the file says", read, len(rows), closed, open, same, judged)
	}
	if len(rows) == bostonRows && judged != 43_821 {
		t.Errorf("%d have a target and a closing", judged)
	}
	again, err := s.desk.Import(t.Context(), repo.Internal(), list[:min(len(list), 2000)])
	for i := range again {
		if !again[i].Unchanged || again[i].Code != done[i].Code {
			t.Fatalf("again: %+v", again[i])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests as history in %.0f s (%.0f a second), %d closed, %d open, %d of %d in time or late as the file says, %d in time", read, took.Seconds(), float64(read)/took.Seconds(), closed, open, same, judged, inTime)
}
