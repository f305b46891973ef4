package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/canarytest"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
	"huong.city/huong/internal/store"
)

// classes are those of datasets, the least guarded first. In a seeded city each
// has a dataset of its own, named by it, with fields of its own class and above.
var classes = []string{"open", "internal", "personal", "restricted"}

// Persons whom records are about: A lives in the western ward, B in the eastern
// one, the row about Q is in quarantine. Nobody else has these numbers, names and
// telephones.
var persons = map[string]struct{ number, name, phone, place string }{
	"A": {"046199000101", "Trần Thị Vọng Cảnh", "0905551101", "[107.5,16.45]"},
	"B": {"046199000202", "Lê Văn Túy Vân", "0905552202", "[107.6,16.45]"},
	"Q": {"046199000404", "Phạm Thị Ngự Bình", "0905554404", "[107.5,16.45]"},
}

const west, east = "w", "e"

// A seeded declaration. Its key is a code; in the register of keys it is the
// personal number itself.
const seededDataset = `name: %[1]s
title: {vi: "Bộ %[1]s", en: "Set %[1]s"}
kind: register
owner: ours
license: CC-BY-4.0
classification: %[1]s
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: string, title: {vi: Mã, en: Id}}
    - {name: location, type: geopoint, title: {vi: Nơi, en: Place}}
    - {name: free, type: string, title: {vi: Chung, en: Free}}
    - {name: inner, type: string, title: {vi: Nội bộ, en: Inner}, classification: %[2]s}
    - {name: person, type: string, title: {vi: Số định danh, en: Personal number}, classification: %[3]s, tags: [person-number], constraints: {pattern: "[0-9]{12}"}}
    - {name: named, type: string, title: {vi: Họ tên, en: Name}, classification: %[3]s, tags: [person-name], constraints: {maxLength: 60}}
    - {name: phone, type: string, title: {vi: Điện thoại, en: Phone}, classification: %[3]s, tags: [phone], constraints: {pattern: "0[0-9]{9}"}}
    - {name: closed, type: string, title: {vi: Hạn chế, en: Closed}, classification: restricted}
place: {field: location}
person: person
`

const seededKeys = `name: by-number
title: {vi: Khoá là số định danh, en: Keyed by number}
kind: register
owner: ours
license: CC-BY-4.0
classification: personal
schema:
  primaryKey: [person]
  fields:
    - {name: person, type: string, title: {vi: Số định danh, en: Personal number}, tags: [person-number], constraints: {pattern: "[0-9]{12}"}}
    - {name: named, type: string, title: {vi: Họ tên, en: Name}}
person: person
`

// guarded is the class of each field of a seeded dataset.
func guarded(class, field string) string {
	own := map[string]string{"inner": "internal", "person": "personal", "named": "personal", "phone": "personal", "closed": "restricted"}[field]
	for _, c := range []string{"restricted", "personal", "internal"} {
		if class == c || own == c {
			return c
		}
	}
	return "open"
}

// seeded is a city of one dataset for each class with known values in them, and
// the whole server over it, asked without a network.
type seeded struct {
	t    testing.TB
	repo *repo.Repository
	mux  *web.Mux
	log  *lockedLog

	people map[string]repo.Principal // by what stands for a token
	asked  int
	held   map[string]string // quarantined row by dataset
	seq    map[string]int64  // last commit of the records, by dataset
}

// watch looks for the seeded persons in what every test of the package lets out.
var watch = canarytest.New(seededValues())

func seededValues() map[string]string {
	values := map[string]string{}
	for record, p := range persons {
		for kind, text := range map[string]string{"number": p.number, "name": p.name, "phone": p.phone} {
			values[kind+" of "+record] = text
		}
	}
	return values
}

func TestMain(m *testing.M) {
	os.Exit(watch.End(m.Run(), "answer", "error", "log", "figures"))
}

type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// seededBoard shows all fields of a dataset.
const seededBoard = `title: {vi: Bảng, en: Board}
sections:
  - widgets:
      - {kind: table, dataset: %s, fields: [id, free, inner, person, named, phone, closed]}
`

// seededIndicator counts the records of a dataset, by what is in them.
const seededIndicator = `title: {vi: Chỉ số, en: Indicators}
indicators:
  - name: %[1]s
    title: {vi: Số bản ghi, en: Records}
    unit: {vi: bản ghi, en: records}
    sector: care
    owner: ours
    dataset: %[1]s
    measure: count
    grains: [total]
    good: none
`

// ours is a file of the city of Huế in which the agency ours is the duty desk.
func ours(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../city/hue", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "hueioc", "ours")
}

// seededCity declares the datasets; nothing is in them yet.
func seededCity(t testing.TB) City {
	t.Helper()
	files := map[string]string{
		"datasets/by-number.yaml":       seededKeys,
		"datasets/service-request.yaml": ours(t, "datasets/service-request.yaml"),
		"agencies.csv":                  "code,name,nameEn,kind,parent,area\nours,Sở ta,Ours,department,,c\ntheirs,Sở khác,Theirs,department,,c\n",
		"areas.csv":                     "code,name,kind,location,parent\nc,Thành phố,city,,\nw,Tây,phuong,\"107.5, 16.45\",c\ne,Đông,phuong,\"107.6, 16.45\",c\n",
		"records/purpose.csv":           "code,name,nameEn,basis,needsCase,mayHide,ended\ncare,Chăm sóc,Care,Luật 91/2025/QH15,false,false,false\n",
	}
	for _, c := range classes {
		files["indicators/"+c+".yaml"] = fmt.Sprintf(seededIndicator, c)
		files["dashboards/"+c+".yaml"] = fmt.Sprintf(seededBoard, c)
		files["datasets/"+c+".yaml"] = fmt.Sprintf(seededDataset, c, guarded(c, "inner"), guarded(c, "person"))
	}
	dir := t.TempDir()
	writeAll(t, dir, files)
	city, err := LoadCity(dir)
	if err != nil {
		t.Fatal(err)
	}
	return *city
}

// newSeeded opens a seeded city whose requests are authenticated by the name of
// a principal in people.
func newSeeded(t testing.TB, people map[string]repo.Principal) *seeded {
	t.Helper()
	return newSeededOn(t, people, filepath.Join(t.TempDir(), "data"), func(d store.Driver) store.Driver { return d })
}

// newSeededOn is newSeeded in a folder, over what wrap makes of its driver.
func newSeededOn(t testing.TB, people map[string]repo.Principal, dir string, wrap func(store.Driver) store.Driver) *seeded {
	t.Helper()
	s := &seeded{t: t, log: &lockedLog{}, people: people, held: map[string]string{}, seq: map[string]int64{}}
	log := slog.New(watch.Log(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	d, err := Where{Data: dir, Zone: zone}.Driver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: wrap(d), Now: time.Now, Log: log, Secret: bytes.Repeat([]byte("s"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	s.repo = r
	stopping, stop := context.WithCancel(context.Background())
	t.Cleanup(func() {
		stop()
		r.Close(context.Background())
	})
	city := seededCity(t)
	plan, err := r.Plan(t.Context(), repo.Operator(), city.Datasets)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	if _, err := city.ApplyRecords(t.Context(), r, repo.Operator(), false); err != nil {
		t.Fatal(err)
	}
	s.fill()
	accounts, err := Accounts(r, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.mux, err = faces(r, ServeOptions{Accounts: accounts, Log: log, Version: "test", Now: time.Now, authenticate: func(_ context.Context, token string) (repo.Principal, error) {
		p, ok := s.people[token]
		if !ok {
			return repo.Principal{}, problem.New(problem.Unauthenticated, "unauthenticated")
		}
		return p, nil
	}}, stopping)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mark is the value of a field of a record that no other cell has.
func mark(class, field, record string) string {
	p := persons[record]
	switch field {
	case "person":
		return p.number
	case "named":
		return p.name + " " + class
	case "phone":
		return p.phone
	}
	return "Mark" + strings.ToUpper(class[:1]) + class[1:] + strings.ToUpper(field[:1]) + field[1:] + record
}

// object is a record in JSON.
func object(class, record string) string {
	cells := []string{fmt.Sprintf(`"id":%q,"location":%s`, record, persons[record].place)}
	for _, field := range []string{"free", "inner", "person", "named", "phone", "closed"} {
		cells = append(cells, fmt.Sprintf("%q:%q", field, mark(class, field, record)))
	}
	return "{" + strings.Join(cells, ",") + "}"
}

func (s *seeded) intake(dataset, rows string) ingest.Summary {
	s.t.Helper()
	sum, err := ingest.Records(context.Background(), s.repo, repo.Internal(), dataset, commit.Header{Actor: "huong", Source: "seed"}, "application/x-ndjson", strings.NewReader(rows), nil)
	if err != nil {
		s.t.Fatalf("%s: %v", dataset, err)
	}
	return sum
}

// fill puts both records into each dataset, and one row into quarantine.
func (s *seeded) fill() {
	s.t.Helper()
	for _, c := range classes {
		s.seq[c] = s.intake(c, object(c, "A")+"\n"+object(c, "B")+"\n").Seq
		broken := strings.Replace(object(c, "Q"), `"free":`, `"freely":"x","free":`, 1)
		if sum := s.intake(c, broken+"\n"); sum.Quarantined != 1 {
			s.t.Fatalf("%s: %+v", c, sum)
		}
	}
	var rows strings.Builder
	for _, record := range []string{"A", "B"} {
		fmt.Fprintf(&rows, `{"person":%q,"named":%q}`+"\n", persons[record].number, mark("by-number", "named", record))
	}
	s.seq["by-number"] = s.intake("by-number", rows.String()).Seq
	s.intake(repo.SystemGrant, `{"id":"g-1","dataset":"internal","agency":"theirs","role":"officer","action":"read","fields":["inner"],"purposes":["care"],"basis":"Decree 278","from":"2026-01-01T00:00:00Z","until":"2027-06-30T00:00:00Z","state":"requested","askedBy":"theirs-officer","askedAt":"2026-01-01T00:00:00Z","need":"work"}`+"\n")
	s.intake(repo.SystemRelease, `{"id":"x-1","dataset":"personal","reader":"ours-officer","agency":"ours","purpose":"care","most":5000,"need":"work","state":"requested","askedBy":"ours-officer","askedAt":"2026-01-01T00:00:00Z"}`+"\n")
	s.intake(repo.SystemAccount, `{"id":"someone","name":"Hồ Thị Ai","kind":"staff","createdAt":"2026-01-01T00:00:00Z"}`+"\n")
	s.intake(repo.SystemCapacity, `{"id":"cap-1","account":"someone","agency":"ours","roles":["officer"],"areas":["w"],"from":"2026-01-01T00:00:00Z"}`+"\n")
	s.workflows()
	s.intake(repo.SystemIncident, `{"id":"sc-1","title":"Cây đổ","kind":"other","severity":"low","state":"detected","over":false,"level":"ward","agency":"ours","area":"w","caller":"`+
		persons["A"].name+`","source":"phone","entries":1,"detectedAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"}`+"\n")
	s.intake(repo.SystemIncidentEntry, `{"incident":"sc-1","number":1,"at":"2026-01-01T00:00:00Z","kind":"open","name":"detected","agency":"ours","area":"w"}`+"\n")
	for _, x := range []string{`"code":"PA-260101-2ABCD","published":true,"publicText":"Đã công khai"`, `"code":"PA-260101-2ABCE","published":false,"description":"Chưa công khai"`} {
		s.intake(requestsDataset, "{"+x+`,"category":"other","status":"closed","title":"Khác","openedAt":"2026-01-01T00:00:00Z","closedAt":"2026-01-02T00:00:00Z","updatedAt":"2026-01-02T00:00:00Z","agency":"ours","entries":0}`+"\n")
	}
	s.eachHeld(func(dataset, id string, _ []value.Value) { s.held[dataset] = id })
}

// workflows defines how incidents and reports are handled, as the city of Huế does.
func (s *seeded) workflows() {
	s.t.Helper()
	for _, d := range [][3]string{{"workflow", "incident", "workflows/incident.yaml"}, {"workflow", "service-request", "workflows/service-request.yaml"}, {"requests", "requests", "requests.yaml"}} {
		b, err := json.Marshal(map[string]string{"kind": d[0], "name": d[1], "title": "Sự cố", "text": ours(s.t, d[2])})
		if err != nil {
			s.t.Fatal(err)
		}
		s.intake(repo.SystemDefinition, string(b)+"\n")
	}
}

func (s *seeded) eachHeld(fn func(dataset, id string, row []value.Value)) {
	s.t.Helper()
	_, err := s.repo.Read(context.Background(), repo.Internal(), repo.Query{Dataset: repo.SystemQuarantine}, func(rec repo.Record) error {
		at := func(name string) string {
			i, _, _, _ := rec.Entry.Table.Property(name)
			return rec.Values[i].Text()
		}
		fn(at("dataset"), at("id"), rec.Values)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// ask sends one request as a principal of people; "" is the public. A stream is
// left at its first event.
func (s *seeded) ask(as, method, path, body string, header ...string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	q := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(ctx)
	q.RemoteAddr = fmt.Sprintf("198.18.%d.%d:1000", s.asked>>8&255, s.asked&255) // no address asks often
	s.asked++
	if as != "" {
		q.Header.Set("Authorization", "Bearer "+as)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.serve(&leaving{ResponseRecorder: w, leave: cancel}, q)
	return w
}

// follow reads an event stream until a text comes in it.
func (s *seeded) follow(as, path, until string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	q := httptest.NewRequest("GET", path, nil).WithContext(ctx)
	q.RemoteAddr = fmt.Sprintf("198.18.%d.%d:1000", s.asked>>8&255, s.asked&255) // no address asks often
	s.asked++
	q.Header.Set("Accept", "text/event-stream")
	if as != "" {
		q.Header.Set("Authorization", "Bearer "+as)
	}
	w := httptest.NewRecorder()
	s.serve(&leaving{ResponseRecorder: w, leave: cancel, until: until}, q)
	if !strings.Contains(w.Body.String(), until) {
		s.t.Errorf("the stream %s as %q ended before %s came: %d", path, as, until, w.Code)
	}
	return w
}

// serve survives the abort of a reader who leaves.
func (s *seeded) serve(w http.ResponseWriter, q *http.Request) {
	defer func() {
		if fault := recover(); fault != nil && fault != http.ErrAbortHandler {
			panic(fault)
		}
	}()
	watch.Handler(s.mux, func(r *http.Request) bool { return r.Header.Get("Authorization") != "" }).ServeHTTP(w, q)
}

// leaving is a reader who goes when an event stream has begun, or when what was
// waited for has come.
type leaving struct {
	*httptest.ResponseRecorder
	leave context.CancelFunc
	until string
}

func (l *leaving) Flush() {
	l.ResponseRecorder.Flush()
	if strings.HasPrefix(l.Header().Get("Content-Type"), "text/event-stream") && strings.Contains(l.Body.String(), l.until) {
		l.leave()
	}
}
