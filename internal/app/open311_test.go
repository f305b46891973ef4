package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/face/open311"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/ingest"
	"huong.city/huong/internal/service/request"
)

// geoTown is GeoReport over the city as it is declared.
type geoTown struct {
	*httptest.Server
	t      *testing.T
	repo   *repo.Repository
	desk   *request.Desk
	files  *attachment.Keeper
	writer string
}

func geoCity(t *testing.T) *geoTown {
	t.Helper()
	s := &geoTown{t: t, repo: openCity(t)}
	s.files = attachment.New(attachment.Config{Repo: s.repo, Random: rand.Reader, Ahead: []string{request.Dataset}})
	s.desk = newRequestDesk(s.repo, quiet(), workflow.Clock{}, s.files)
	face, err := geoReport(t.Context(), s.repo, s.desk, s.files, s.repo.Authenticate)
	if err != nil {
		t.Fatal(err)
	}
	if s.writer, err = s.repo.CreateToken(t.Context(), repo.Operator(), "app", []string{request.Dataset}, []string{request.Dataset}, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	mux, err := web.New(web.Config{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler), Authenticate: s.repo.Authenticate})
	if err != nil {
		t.Fatal(err)
	}
	mux.Mount(face.Routes()...)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *geoTown) do(method, path, media string, body io.Reader) (int, string) {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+open311.Root+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if media != "" {
		q.Header.Set("Content-Type", media)
		q.Header.Set("Authorization", "Bearer "+s.writer)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (s *geoTown) list(body string) (list []map[string]any) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		s.t.Fatalf("%v in %s", err, body)
	}
	return list
}

// Every category that the city offers is a service, with its questions.
func TestGeoReportOffersWhatTheCityDeclares(t *testing.T) {
	s := geoCity(t)
	c, err := s.desk.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	_, body := s.do("GET", "/services.json?locale=en", "", nil)
	offered := s.list(body)
	if len(offered) < 30 || len(offered) > len(c.Categories) {
		t.Errorf("%d services for %d categories", len(offered), len(c.Categories))
	}
	for _, x := range offered {
		code := x["service_code"].(string)
		category, ok := c.Category(code)
		if !ok || x["service_name"] != category.Title["en"] || x["group"] == nil {
			t.Errorf("%v", x)
			continue
		}
		status, body := s.do("GET", "/services/"+code+".json", "", nil)
		if has := strings.Contains(body, `"variable":true`); status != 200 || has != (len(category.Questions) > 0) {
			t.Errorf("%s: %d %s", code, status, body)
		}
	}
	if _, body := s.do("GET", "/services/manhole.json", "", nil); !strings.Contains(body, "114") {
		t.Errorf("who is in danger is not told whom to call: %s", body)
	}
}

// A report by GeoReport, with a photo, reaches the desk once; its faults are named
// as the sender named them.
func TestGeoReportReachesTheDesk(t *testing.T) {
	s := geoCity(t)
	const form = "application/x-www-form-urlencoded"
	status, body := s.do("POST", "/requests.json", form, strings.NewReader("service_code=rubbish&address_string=X&attribute[what]=household"))
	if faults := s.list(body); status != 400 || len(faults) != 1 || !strings.HasPrefix(faults[0]["description"].(string), "description: ") {
		t.Errorf("%d %s", status, body)
	}
	var sent bytes.Buffer
	w := multipart.NewWriter(&sent)
	for _, kv := range [][2]string{{"service_code", "rubbish"}, {"lat", "16.4637"}, {"long", "107.5789"}, {"description", "Rác ba ngày chưa thu gom"}, {"attribute[what]", "household"}, {"key", "1"},
		{"email", "hoa@example.vn"}, {"media_url", "https://example.vn/p.jpg"}, {"locale", "en"}} {
		w.WriteField(kv[0], kv[1])
	}
	part, err := w.CreateFormFile("media", "a.jpg")
	if err == nil {
		err = jpeg.Encode(part, image.NewGray(image.Rect(0, 0, 64, 64)), nil)
	}
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for range 3 {
		status, body := s.do("POST", "/requests.json", w.FormDataContentType(), bytes.NewReader(sent.Bytes()))
		got := s.list(body)
		if status >= 300 || !strings.Contains(got[0]["service_notice"].(string), "answer before") {
			t.Fatalf("%d %s", status, body)
		}
		ids[got[0]["service_request_id"].(string)] = true
	}
	if len(ids) != 1 {
		t.Fatalf("the same key made %v", ids)
	}
	for id := range ids {
		x, err := s.desk.Read(t.Context(), repo.Operator(), id)
		if err != nil {
			t.Fatal(err)
		}
		photos := 0
		for _, e := range x.Timeline {
			if e.Kind == request.Photo {
				photos++
			}
		}
		if x.Channel != "open311" || x.Category != "rubbish" || x.Description != "Rác ba ngày chưa thu gom\n\nhttps://example.vn/p.jpg" || photos != 1 || x.Area == "" {
			t.Errorf("%+v, %d photos", x.Request, photos)
		}
		status, body := s.do("GET", "/requests/"+id+".json?extensions=true", "", nil)
		if got := s.list(body); status != 200 || got[0]["status"] != "open" || strings.Contains(body, "hoa@example.vn") {
			t.Errorf("%d %s", status, body)
		}
	}
}

// What one city exports another takes in and exports as the same: ids, times,
// states, answers and places.
func TestGeoReportRoundTripsBetweenCities(t *testing.T) {
	const file = "service_request_id,requested_datetime,updated_datetime,closed_date,status_description,status_notes,source,service_name,service_subtype,description,agency_responsible,address,lat,long,service_code,agency_code,outcome,expected_datetime,published\r\n" +
		"PA-240809-2ABCD,2024-08-09T11:15:00+07:00,2024-08-15T09:00:00+07:00,2024-08-15T09:00:00+07:00,closed,Đã khắc phục. Đã thu gom.,web,\"Rác thải, vệ sinh\",,'=Rác,,\"12 Lê Lợi, Huế\",16.4637,107.5789,rubbish,hueioc,fixed,2024-08-20T23:59:59+07:00,true\r\n" +
		"PA-240810-2ABCE,2024-08-10T11:15:00+07:00,2024-08-16T09:00:00+07:00,2024-08-16T09:00:00+07:00,answered,Đã sửa,phone,\"Mặt đường, vỉa hè\",,Ổ gà,,,,,road,hueioc,,2024-08-20T23:59:59+07:00,true\r\n" +
		"PA-240811-2ABCF,2024-08-11T11:15:00+07:00,2024-08-12T08:00:00+07:00,,in-progress,,app,\"Mặt đường, vỉa hè\",,Ổ gà khác,,,16.46,107.58,road,hueioc,,2024-08-21T23:59:59+07:00,true\r\n" +
		"HCM-7,2024-08-12T11:15:00+07:00,,,open,,,\"Mặt đường, vỉa hè\",,Từ nơi khác,,,,,road,,,,false\r\n"
	bring := func(s *geoTown, file string) (got struct{ Read, Accepted, Unchanged, Rejected int }) {
		t.Helper()
		status, body := s.do("POST", "/requests.csv", "text/csv", strings.NewReader(file))
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || got.Rejected > 0 {
			t.Fatalf("%d %s", status, body)
		}
		return got
	}
	a := geoCity(t)
	if got := bring(a, file); got.Accepted != 4 {
		t.Fatalf("%+v", got)
	}
	_, first := a.do("GET", "/requests.csv", "", nil)
	for _, want := range []string{
		"PA-240809-2ABCD,2024-08-09T11:15:00+07:00,2024-08-15T09:00:00+07:00,2024-08-15T09:00:00+07:00,closed,Đã khắc phục. Đã thu gom.,web,\"Rác thải, vệ sinh\",,'=Rác,",
		"PA-240810-2ABCE,2024-08-10T11:15:00+07:00,2024-08-16T09:00:00+07:00,2024-08-16T09:00:00+07:00,answered,Đã sửa,phone,\"Mặt đường, vỉa hè\",,Ổ gà,",
		"PA-240811-2ABCF,2024-08-11T11:15:00+07:00,2024-08-12T08:00:00+07:00,,in-progress,"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %s in\n%s", want, first)
		}
	}
	if strings.Contains(first, "Từ nơi khác") {
		t.Error("what was not public has become so")
	}
	if got := bring(a, file); got.Unchanged != 4 {
		t.Errorf("brought again: %+v", got)
	}
	if got := bring(a, first); got.Unchanged != 3 {
		t.Errorf("its own: %+v", got)
	}
	b := geoCity(t)
	bring(b, first)
	_, second := b.do("GET", "/requests.csv", "", nil)
	if first != second {
		t.Errorf("exported again\n%s\nwant\n%s", second, first)
	}
	_, body := b.do("GET", "/requests/PA-240809-2ABCD.json?extensions=true&locale=en", "", nil)
	if got := b.list(body); got[0]["status_notes"] != "Fixed. Đã thu gom." || len(got[0]["notes"].([]any)) == 0 {
		t.Errorf("%s", body)
	}
	_, body = b.do("GET", "/servicerequestupdates.json?"+url.Values{"start_date": {"2024-08-01T00:00:00Z"}, "end_date": {"2024-09-01T00:00:00Z"}}.Encode(), "", nil)
	if got := b.list(body); len(got) == 0 || got[0]["description"] == nil {
		t.Errorf("no updates: %s", body)
	}
	if _, err := geoSecret(context.Background(), b.repo); err != nil {
		t.Error(err)
	}
}

// A row that cannot be taken is kept, whole and with its faults, and settled when the
// file comes again repaired.
func TestBadRowsOfBulkFilesAreKept(t *testing.T) {
	a := geoCity(t)
	bring := func(rows string) (got struct{ Read, Accepted, Unchanged, Rejected int }) {
		t.Helper()
		status, body := a.do("POST", "/requests.csv", "text/csv", strings.NewReader("service_request_id,requested_datetime,closed_date,status_description,service_code,description,lat,long\n"+rows))
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return got
	}
	id := "" // of a row that is kept
	held := func() (list []string) {
		t.Helper()
		_, err := a.repo.Read(t.Context(), repo.Internal(), repo.Query{Dataset: repo.SystemQuarantine}, func(rec repo.Record) error {
			cell := func(name string) string {
				i, _, _, _ := rec.Entry.Table.Property(name)
				return strings.Clone(rec.Values[i].Text())
			}
			line, _, _, _ := rec.Entry.Table.Property("line")
			if cell("state") == "open" {
				id = cell("id")
			}
			list = append(list, fmt.Sprintf("%s %s line %d of %s: %s", cell("ref"), cell("state"), rec.Values[line].Int(), cell("file"), cell("rule")))
			if !strings.Contains(cell("raw"), `"description":"Ổ gà"`) || cell("reason") == "" || cell("violations") == "" {
				t.Errorf("kept as %s because of %s", cell("raw"), cell("reason"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(list)
		return list
	}
	const good, bad, worse = "Q-1,2026-01-02T03:04:05Z,2026-01-03T00:00:00Z,closed,road,Ổ gà,16.46,107.58\n", "Q-2,2026-01-02T03:04:05Z,,received,none,Ổ gà,16.46,107.58\n", "Q-3,2026-01-02T03:04:05Z,,nowhere,road,Ổ gà,,\n"
	for range 2 { // the same file again adds nothing
		if got := bring(good + bad + worse); got.Rejected != 2 || got.Accepted+got.Unchanged != 1 {
			t.Fatalf("%+v", got)
		}
		if got := held(); len(got) != 2 || got[0] != "Q-2 open line 3 of requests.csv: georeport-service" || got[1] != "Q-3 open line 4 of requests.csv: georeport-csv-status" {
			t.Fatalf("%q", got)
		}
	}
	if got := bring(strings.Replace(bad, "none", "road", 1)); got.Accepted != 1 {
		t.Fatalf("%+v", got)
	}
	if got := held(); len(got) != 2 || got[0] != "Q-2 replayed line 3 of requests.csv: georeport-service" || !strings.HasPrefix(got[1], "Q-3 open") {
		t.Fatalf("%q", got)
	}
	// By itself it cannot become a record: it would have no timeline.
	done, err := ingest.Replay(t.Context(), a.repo, repo.Operator(), ingest.Selection{Dataset: request.Dataset})
	if err != nil || done != (ingest.Replayed{Open: 1}) {
		t.Errorf("of all rows: %+v %v", done, err)
	}
	_, err = ingest.Replay(t.Context(), a.repo, repo.Operator(), ingest.Selection{Dataset: request.Dataset, IDs: []string{id}})
	if err == nil || problem.As(err).Code != "intake-elsewhere" {
		t.Errorf("%v", err)
	}
}
