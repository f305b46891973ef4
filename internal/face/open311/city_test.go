package open311_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/open311"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store/sqlite"
)

const declared = `name: service-request
title: {vi: Phản ánh, en: Service request}
kind: register
classification: open
publicRows: "published = true"
schema:
  primaryKey: code
  fields:
    - {name: code, type: string, constraints: {maxLength: 40}}
    - {name: category, type: string, constraints: {required: true}}
    - {name: status, type: string, constraints: {required: true}}
    - {name: title, type: string}
    - {name: description, type: string, classification: internal}
    - {name: publicText, type: string}
    - {name: published, type: boolean}
    - {name: channel, type: string}
    - {name: track, type: string}
    - {name: urgency, type: string}
    - {name: openedAt, type: datetime, constraints: {required: true}}
    - {name: dueAt, type: datetime}
    - {name: answeredAt, type: datetime}
    - {name: closedAt, type: datetime}
    - {name: updatedAt, type: datetime}
    - {name: plannedAt, type: date}
    - {name: location, type: geopoint}
    - {name: address, type: string}
    - {name: agency, type: string}
    - {name: level, type: string}
    - name: outcome
      type: string
      categories:
        - {value: fixed, label: {vi: Đã khắc phục, en: Fixed}}
        - {value: planned, label: {vi: Đã lên kế hoạch, en: Planned}}
    - {name: answer, type: string}
    - {name: photos, type: list}
    - {name: afterPhotos, type: list}
    - {name: rating, type: integer}
    - {name: reopened, type: integer}
    - {name: followers, type: integer}
    - {name: parent, type: string}
    - {name: sender, type: string, classification: internal}
time: openedAt
place: {field: location}
open311:
  status: {open: [received, in-progress, planned], closed: [answered, closed, refused]}
`

// now is the time of the tests' city.
var now = time.Date(2026, 3, 14, 8, 30, 0, 0, time.UTC)

var hue = time.FixedZone("+07", 7*3600)

var operator = repo.Operator()

// town is a server over a real repository, whose desk is a plain one: it writes
// what it is given.
type town struct {
	*httptest.Server
	t      testing.TB
	repo   *repo.Repository
	desk   *desk
	mux    *web.Mux
	writer string // an api_key that may send
	reader string // one that may not
}

func start(t testing.TB) *town {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: func() time.Time { return now }, Zone: hue})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	ds, err := dataset.Parse("service-request.yaml", []byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{ds})
	if err == nil {
		_, err = r.Apply(t.Context(), repo.Operator(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &town{t: t, repo: r, desk: &desk{t: t, repo: r, links: map[string]string{}, sent: map[string]open311.Submission{}}}
	s.put("agency", map[string]any{"code": "cau-duong", "name": "Đội Cầu đường <số 1>", "nameEn": "Roads & Bridges"})
	for _, to := range []struct {
		token *string
		write []string
	}{{&s.writer, []string{"service-request"}}, {&s.reader, nil}} {
		if *to.token, err = r.CreateToken(t.Context(), repo.Operator(), "app", []string{"service-request"}, to.write, "", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	s.mux, err = web.New(web.Config{Now: time.Now, Random: rand.Reader, Log: slog.New(&faults{t: t}), Authenticate: r.Authenticate})
	if err != nil {
		t.Fatal(err)
	}
	s.mux.Mount(open311.New(open311.Config{Repo: r, Desk: s.desk, Authenticate: r.Authenticate, Jurisdictions: []string{"hue.gov.vn"},
		Photo: func(id string) string { return "/photos/" + id }, Random: rand.Reader, Now: func() time.Time { return now }, Secret: []byte("secret")}).Routes()...)
	s.Server = httptest.NewServer(s.mux)
	t.Cleanup(s.Close)
	return s
}

// faults fails the test when the server logs a fault of its own.
type faults struct {
	slog.Handler
	t testing.TB
}

func (f *faults) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (f *faults) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { f.t.Errorf("%s: %v", r.Message, a); return true })
	return nil
}

// row makes a row of a dataset from values by name.
func row(e *repo.Entry, cells map[string]any) []value.Value {
	row := make([]value.Value, e.Table.Width())
	for name, x := range cells {
		i, _, _, ok := e.Table.Property(name)
		if !ok {
			panic("no column " + name)
		}
		switch x := x.(type) {
		case string:
			row[i] = value.OfText(x)
		case bool:
			row[i] = value.OfBool(x)
		case int:
			row[i] = value.OfInt(int64(x))
		case time.Time:
			if !x.IsZero() {
				row[i] = value.OfInstant(x)
			}
		case [2]float64:
			row[i] = value.OfGeometry(geom.Point(x[0], x[1]))
		default:
			panic(fmt.Sprintf("%T", x))
		}
	}
	return row
}

func (s *town) put(dataset string, rows ...map[string]any) {
	s.t.Helper()
	e, err := s.repo.Entry(repo.Operator(), dataset)
	if err != nil {
		s.t.Fatal(err)
	}
	for chunk := range slices.Chunk(rows, 1000) {
		q := &commit.Request{}
		for _, cells := range chunk {
			q.Changes = append(q.Changes, commit.Change{Dataset: dataset, Op: commit.Put, Row: row(e, cells)})
		}
		if _, err := s.repo.Commit(s.t.Context(), repo.Operator(), q); err != nil {
			s.t.Fatal(err)
		}
	}
}

// seed fills the town with four reports: open, closed, answered with everything,
// and one that is not public.
func (s *town) seed() {
	at := now.Add(-48 * time.Hour)
	s.put("service-request",
		map[string]any{"code": "PA-1", "category": "road", "status": "in-progress", "title": "Ổ gà", "description": "Ổ gà trước nhà tôi, 0905 123 456", "publicText": "Ổ gà \"lớn\" <b>& sâu</b>\ntrước chợ", "published": true,
			"channel": "app", "openedAt": at, "dueAt": at.Add(7 * 24 * time.Hour), "updatedAt": at.Add(time.Hour), "location": [2]float64{107.5789, 16.4637}, "address": "12 Lê Lợi, phường Thuận Hóa", "agency": "cau-duong", "photos": `["p1","p2"]`},
		map[string]any{"code": "PA-2", "category": "light", "status": "closed", "title": "Đèn hỏng", "publicText": "=Đèn hỏng", "published": true, "openedAt": at.Add(time.Hour), "closedAt": at.Add(5 * time.Hour), "updatedAt": at.Add(9 * time.Hour),
			"outcome": "fixed", "answer": "Đã thay bóng.", "rating": 5, "channel": "web"},
		map[string]any{"code": "PA-3", "category": "old", "status": "answered", "title": "Việc cũ", "publicText": "Việc cũ", "published": true, "openedAt": at.Add(2 * time.Hour), "answeredAt": at.Add(3 * time.Hour), "updatedAt": at.Add(4 * time.Hour), "agency": "unknown-agency"},
		map[string]any{"code": "PA-4", "category": "road", "status": "received", "title": "Phản ánh chưa công khai", "description": "canary-words", "published": false, "openedAt": at.Add(3 * time.Hour), "location": [2]float64{107.6, 16.5}, "address": "canary-address", "photos": `["canary-photo"]`, "answer": "canary-answer"},
		map[string]any{"code": "PA-5", "category": "road", "status": "closed", "title": "Năm ngoái", "publicText": "Năm ngoái", "published": true, "openedAt": now.AddDate(-1, 0, 0), "closedAt": now.AddDate(-1, 0, 3)})
	s.desk.entries = []open311.Update{
		{ID: "PA-1/1", Request: "PA-1", At: at, Kind: "open", State: "received", Text: "Đã tiếp nhận"},
		{ID: "PA-1/2", Request: "PA-1", At: at.Add(time.Hour), Kind: "move", State: "in-progress", Text: "Bắt đầu xử lý", MediaURL: "/photos/p2"},
		{ID: "PA-2/1", Request: "PA-2", At: at.Add(5 * time.Hour), Kind: "move", State: "closed", Text: "Đã thay bóng."},
		{ID: "PA-4/1", Request: "PA-4", At: at.Add(3 * time.Hour), Kind: "open", Text: "canary-entry"},
	}
}

// get asks without credentials.
func (s *town) get(path string) (int, http.Header, string) {
	s.t.Helper()
	return s.do("GET", path, "", "", nil)
}

func (s *town) do(method, path, media, body string, header map[string]string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+open311.Root+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

const form = "application/x-www-form-urlencoded; charset=utf-8"

// send posts a form; kv are names and values.
func (s *town) send(format string, kv ...string) (int, http.Header, string) {
	s.t.Helper()
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Add(kv[i], kv[i+1])
	}
	return s.do("POST", "/requests."+format, form, v.Encode(), nil)
}

// desk is the plain desk of the tests.
type desk struct {
	t       testing.TB
	repo    *repo.Repository
	entries []open311.Update
	kept    []open311.Refused

	mu    sync.Mutex
	links map[string]string // request of a key
	sent  map[string]open311.Submission
	media map[string]string // content by name of the last files
	last  repo.Principal
}

func in(lang, vi, en string) string {
	if lang == "en" {
		return en
	}
	return vi
}

func (d *desk) Services(_ context.Context, lang string) ([]open311.Service, error) {
	return []open311.Service{
		{Code: "road", Name: in(lang, "Mặt đường, vỉa hè", "Road and pavement"), Description: in(lang, "Ổ gà, sụt lún", "Potholes"), Group: in(lang, "Hạ tầng", "Works"), Keywords: []string{"ổ gà", "pothole"}, Active: true,
			Notice: in(lang, "Trả lời trong 7 ngày làm việc.", "An answer within 7 working days."),
			Questions: []open311.Question{
				{Code: "danger", Datatype: "string", Description: in(lang, "Nguy hiểm? Gọi 114.", "Danger? Call 114.")},
				{Code: "size", Datatype: "singlevaluelist", Variable: true, Required: true, Description: in(lang, "Ổ gà to cỡ nào?", "How large is it?"), Values: []open311.Option{{Key: "small", Name: in(lang, "Nhỏ", "Small")}, {Key: "large", Name: in(lang, "Lớn", "Large")}}},
				{Code: "users", Datatype: "multivaluelist", Variable: true, Values: []open311.Option{{Key: "foot", Name: "Đi bộ"}, {Key: "bike", Name: "Xe máy"}}},
				{Code: "depth", Datatype: "number", Variable: true, Hint: "cm"},
				{Code: "seen", Datatype: "datetime", Variable: true},
				{Code: "more", Datatype: "text", Variable: true},
			}},
		{Code: "light", Name: in(lang, "Chiếu sáng", "Street lighting"), Active: true},
		{Code: "old", Name: in(lang, "Loại cũ", "An old one")},
	}, nil
}

func (d *desk) Submit(ctx context.Context, p repo.Principal, s open311.Submission) (open311.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, ok := d.links[s.Key]; ok {
		return open311.Receipt{ID: id, Repeated: true}, nil
	}
	if s.Description == "ask the desk" {
		return open311.Receipt{}, problem.InvalidWith("georeport-refused", []problem.Violation{problem.Violate("parameter-required", "description")})
	}
	if s.Description == "too many" {
		e := problem.New(problem.RateLimited, "rate-exceeded")
		e.RetryAfter = 90 * time.Second
		return open311.Receipt{}, e
	}
	id := fmt.Sprintf("PA-26-%d", len(d.links)+1)
	cells := map[string]any{"code": id, "category": s.Service, "status": "received", "title": "Phản ánh", "description": s.Description, "channel": "open311", "published": false, "openedAt": now, "address": s.Address, "sender": s.Name + s.Phone + s.Email}
	if s.Longitude != nil {
		cells["location"] = [2]float64{*s.Longitude, *s.Latitude}
	}
	e, err := d.repo.Entry(repo.Internal(), "service-request")
	if err != nil {
		return open311.Receipt{}, err
	}
	if _, err := d.repo.Commit(ctx, repo.Internal(), &commit.Request{Changes: []commit.Change{{Dataset: "service-request", Op: commit.Put, Row: row(e, cells)}}}); err != nil {
		return open311.Receipt{}, err
	}
	d.links[s.Key], d.sent[id], d.media, d.last = id, s, map[string]string{}, p
	for _, f := range s.Media {
		in, err := f.Open()
		if err != nil {
			return open311.Receipt{}, err
		}
		b, err := io.ReadAll(in)
		in.Close()
		if err != nil {
			return open311.Receipt{}, err
		}
		d.media[f.Name] = string(b)
	}
	return open311.Receipt{ID: id}, nil
}

func (d *desk) Updates(_ context.Context, q open311.UpdateQuery) (list []open311.Update, err error) {
	for _, u := range slices.Backward(d.entries) {
		if (len(q.Requests) == 0 || slices.Contains(q.Requests, u.Request)) && (q.From.IsZero() || !u.At.Before(q.From)) && (q.Until.IsZero() || !u.At.After(q.Until)) && len(list) < q.Limit {
			list = append(list, u)
		}
	}
	return list, nil
}

// Keep remembers the rows.
func (d *desk) Keep(_ context.Context, _ repo.Principal, rows []open311.Refused) error {
	d.kept = append(d.kept, rows...)
	return nil
}

// Import writes the rows; what is there already is unchanged.
func (d *desk) Import(ctx context.Context, p repo.Principal, reports []open311.Past) ([]open311.Outcome, error) {
	outcomes := make([]open311.Outcome, len(reports))
	e, err := d.repo.Entry(p, "service-request")
	if err != nil {
		return nil, err
	}
	for i, x := range reports {
		if !slices.Contains([]string{"received", "in-progress", "planned", "answered", "closed", "refused", "open"}, x.State) {
			outcomes[i].Err = problem.InvalidWith("georeport-refused", []problem.Violation{problem.Violate("georeport-csv-status", "status_description")})
			continue
		}
		cells := map[string]any{"code": x.ID, "category": x.Service, "status": x.State, "title": x.Description, "publicText": x.Description, "published": x.Published, "openedAt": x.Requested, "updatedAt": x.Updated,
			"closedAt": x.Closed, "dueAt": x.Expected, "answer": x.Answer, "channel": x.Channel, "agency": x.Agency, "address": x.Address}
		if x.Outcome != "" {
			cells["outcome"] = x.Outcome
		}
		if x.Longitude != nil {
			cells["location"] = [2]float64{*x.Longitude, *x.Latitude}
		}
		for name, v := range cells {
			if v == "" {
				delete(cells, name)
			}
		}
		rc, err := d.repo.Commit(ctx, p, &commit.Request{Changes: []commit.Change{{Dataset: "service-request", Op: commit.Put, Row: row(e, cells)}}})
		outcomes[i] = open311.Outcome{Err: err, Unchanged: err == nil && rc.Results[0] == commit.Unchanged}
	}
	return outcomes, nil
}
