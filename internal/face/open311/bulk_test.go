package open311_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/face/open311"
)

const bulkHeader = "service_request_id,requested_datetime,updated_datetime,closed_date,status_description,status_notes,source,service_name,service_subtype,description,agency_responsible,address,lat,long,service_code,agency_code,outcome,expected_datetime,published"

type imported struct {
	Read, Accepted, Unchanged, Rejected int
	Rejections                          []struct {
		Line, Column             int
		Field, Code, Description string
	}
}

func (s *town) bring(file string) (int, imported, string) {
	s.t.Helper()
	status, _, body := s.do("POST", "/requests.csv", "text/csv", file, map[string]string{"Authorization": "Bearer " + s.writer})
	var got imported
	if status == 200 {
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			s.t.Fatalf("%v in %s", err, body)
		}
	}
	return status, got, body
}

// awkward are texts that spreadsheets, CSV and XML take offence at.
var awkward = []string{"=1+1", "+84 905", "-5", "@sum", "'=1", "''@x", "'quoted'", "\tTab", "một, hai", "\"ba\"", "dòng\nhai", "<b>&", " đệm ", "'", "ệ̃"}

// TestRoundTrip: what one town exports another imports, and exports as the same
// bytes; brought again, nothing changes.
func TestRoundTrip(t *testing.T) {
	a := start(t)
	a.seed()
	var rows []map[string]any
	for i, text := range awkward {
		rows = append(rows, map[string]any{"code": fmt.Sprintf("A-%02d", i), "category": "light", "status": "closed", "title": text, "publicText": text, "published": true, "openedAt": now.Add(time.Duration(i) * time.Second),
			"closedAt": now.Add(time.Hour + 123456*time.Microsecond), "updatedAt": now.Add(2 * time.Hour), "outcome": []string{"fixed", "planned"}[i%2], "answer": text, "address": text, "location": [2]float64{-71.0589, 42.3601}, "channel": "phone"})
	}
	a.put("service-request", rows...)
	_, h, first := a.get("/requests.csv")
	if !strings.HasPrefix(first, bulkHeader+"\r\n") || h.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
		t.Errorf("%v %q", h, first[:200])
	}
	table, err := csv.NewReader(strings.NewReader(first)).ReadAll()
	if err != nil || len(table) != len(awkward)+5 {
		t.Fatalf("%d rows: %v", len(table), err)
	}
	for _, row := range table {
		for i, cell := range row {
			if name := table[0][i]; name != "lat" && name != "long" && cell != "" && strings.Contains("=+-@\t\r", cell[:1]) {
				t.Errorf("%s is a formula: %q", name, cell)
			}
		}
	}
	// PA-3 has an agency that is not in the register: no import takes it.
	first = strings.ReplaceAll(first, "unknown-agency", "cau-duong")
	b := start(t)
	status, got, body := b.bring(first)
	if status != 200 || got.Read != len(awkward)+4 || got.Accepted != got.Read {
		t.Fatalf("%d %s", status, body)
	}
	_, _, second := b.get("/requests.csv")
	// the name of the agency follows from its code
	if first = strings.ReplaceAll(first, ",cau-duong,,,,old,", ",Đội Cầu đường <số 1>,,,,old,"); second != first {
		t.Errorf("exported again\n%s\nwant\n%s", second, first)
	}
	if status, got, body = b.bring(second); status != 200 || got.Unchanged != got.Read {
		t.Errorf("brought again: %d %s", status, body)
	}
	// What does not say that it is public is not.
	hidden := strings.ReplaceAll(second, ",true\r\n", ",\r\n")
	c := start(t)
	if _, got, body := c.bring(hidden); got.Accepted != got.Read {
		t.Errorf("%s", body)
	}
	if _, _, none := c.get("/requests.csv"); strings.Count(none, "\r\n") != 1 {
		t.Errorf("what did not say that it is public became so: %s", none)
	}
	// Another file of the same: in English, with a mark, names in place of codes.
	_, _, english := b.get("/requests.csv?locale=en&service_code=road")
	english = "\uFEFF" + strings.ReplaceAll(strings.ReplaceAll(english, ",road,cau-duong,", ",,,"), "closed_date", "Closed_Datetime")
	if status, got, body = b.bring(english); status != 200 || got.Unchanged != got.Read || got.Read != 2 {
		t.Errorf("by names: %d %s", status, body)
	}
}

func TestBulkSelection(t *testing.T) {
	s := start(t)
	s.seed()
	for query, want := range map[string]string{"": "PA-5 PA-1 PA-2 PA-3", "?status=open": "PA-1", "?service_code=road,light&status=closed": "PA-5 PA-2", "?start_date=2026-01-01T00:00:00Z": "PA-1 PA-2 PA-3", "?end_date=2026-01-01T00:00:00Z": "PA-5", "?start_date=2025-01-01T00:00:00Z&end_date=2026-12-31T00:00:00Z": "PA-5 PA-1 PA-2 PA-3"} {
		_, _, body := s.get("/requests.csv" + query)
		table, err := csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range table[1:] {
			got = append(got, row[0])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
}

// TestBadRows: each fault is told with its line and column, the other rows are taken.
func TestBadRows(t *testing.T) {
	s := start(t)
	header := "service_request_id,requested_datetime,closed_date,status_description,service_code,description,lat,long,agency_responsible\n"
	good := "G-1,2026-01-02T03:04:05Z,2026-01-03T00:00:00Z,closed,light,\"hai\ndòng\",16.4,107.5,Roads & Bridges\n"
	status, got, body := s.bring(header + good +
		"B-1,2026-01-02,,received,none,x,91,107.5,Nobody\n" + // line 4
		"B-2,2026-01-02T03:04:05Z,,closed,light,x,16.4,,\n" +
		"B-3,2026-01-02T03:04:05Z,,received\n" +
		",2026-01-02T03:04:05Z,,received,light,x,,,\n" +
		"G-1,2026-01-02T03:04:05Z,2026-01-03T00:00:00Z,closed,light,again,,,\n" +
		"B-4,2026-01-02T03:04:05Z,,nowhere,light,x,,,\n" +
		"B-5,,2026-01-01T00:00:00Z,closed,light,\"a\x01b\",,,\n" +
		"G-2,2026-01-02T03:04:05Z,,in-progress,light,x,,,\n")
	if status != 200 || got.Read != 9 || got.Accepted != 2 || got.Rejected != 7 {
		t.Fatalf("%d %s", status, body)
	}
	var told []string
	for _, r := range got.Rejections {
		told = append(told, fmt.Sprintf("%d:%d %s %s", r.Line, r.Column, r.Field, r.Code))
		if r.Description == "" || r.Description == r.Code {
			t.Errorf("%s says nothing", r.Code)
		}
	}
	slices.Sort(told)
	golden(t, "rejections.txt", strings.Join(told, "\n")+"\n")
	if len(s.desk.kept) != 7 {
		t.Errorf("%d rows are kept", len(s.desk.kept))
	}
	for _, x := range s.desk.kept {
		if x.Line < 4 || len(x.Faults) == 0 || len(x.Names) != 9 || len(x.Cells) == 0 || x.ID == "B-1" && x.Cells[5] != "x" {
			t.Errorf("kept %+v", x)
		}
	}
	for name, file := range map[string]string{
		"no header":       "",
		"missing columns": "service_request_id,description\n",
		"unknown column":  strings.Replace(header, "description", "words", 1) + good,
		"twice":           strings.Replace(header, "description", "lat", 1) + good,
		"broken":          header + good + "\"open",
		"broken header":   "\"a",
	} {
		status, _, body := s.bring(file)
		if status != 400 || len(codes(t, "json", body)) == 0 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if _, _, body := s.bring(header + good + "\"open"); !strings.Contains(body, "4:") || !strings.Contains(body, " 1 ") {
		t.Errorf("where the file broke is not told: %s", body)
	}
	if status, _, body := s.bring(header + good + "\"" + strings.Repeat("x", 3<<20)); status != 400 || !strings.Contains(body, "1 MiB") {
		t.Errorf("a row without end: %d %.200s", status, body)
	}
	for token, want := range map[string]int{"": 403, s.reader: 403} {
		header := map[string]string{}
		if token != "" {
			header["Authorization"] = "Bearer " + token
		}
		if status, _, body := s.do("POST", "/requests.csv", "text/csv", "x", header); status != want || len(codes(t, "json", body)) != 1 {
			t.Errorf("%d %s", status, body)
		}
	}
	if status, _, _ := s.do("POST", "/requests.csv", "application/json", "x", map[string]string{"Authorization": "Bearer " + s.writer}); status != 400 {
		t.Errorf("JSON as CSV: %d", status)
	}
}

// counter counts what is written, and looks at the heap now and then.
type counter struct {
	header http.Header
	bytes  int
	peak   uint64
	looked int
}

func (c *counter) Header() http.Header { return c.header }
func (c *counter) WriteHeader(int)     {}
func (c *counter) Write(b []byte) (int, error) {
	if c.bytes += len(b); c.bytes > c.looked+1<<20 {
		c.looked = c.bytes
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.peak = max(c.peak, m.HeapAlloc)
	}
	return len(b), nil
}

// TestStream exports many requests in memory that does not grow with them.
func TestStream(t *testing.T) {
	s := start(t)
	peak := func() (uint64, int) {
		c := &counter{header: http.Header{}}
		s.mux.ServeHTTP(c, httptest.NewRequest("GET", open311.Root+"/requests.csv", nil))
		return c.peak, c.bytes
	}
	words := strings.Repeat("Ổ gà trước chợ. ", 20)
	fill := func(from, until int) {
		var rows []map[string]any
		for i := from; i < until; i++ {
			rows = append(rows, map[string]any{"code": fmt.Sprintf("S-%06d", i), "category": "light", "status": "closed", "publicText": words, "published": true, "openedAt": now.Add(-time.Duration(i) * time.Minute), "closedAt": now})
		}
		s.put("service-request", rows...)
	}
	fill(0, 5000)
	small, bytes := peak()
	fill(5000, 30_000)
	large, more := peak()
	if more < 5*bytes || small == 0 {
		t.Fatalf("%d and %d bytes", bytes, more)
	}
	if large > small+4<<20 {
		t.Errorf("%d KiB for 5,000, %d KiB for 30,000", small>>10, large>>10)
	}
	t.Logf("heap %d KiB with 5,000 requests, %d KiB with 30,000 (%d MB of CSV)", small>>10, large>>10, more>>20)
}

// TestImportStream imports a body that is made while it is read.
func TestImportStream(t *testing.T) {
	s := start(t)
	r, w := io.Pipe()
	go func() {
		fmt.Fprintln(w, "service_request_id,requested_datetime,status_description,service_code,description")
		for i := range 1201 {
			fmt.Fprintf(w, "I-%d,2026-01-02T03:04:05Z,received,light,x\n", i)
		}
		w.Close()
	}()
	req := httptest.NewRequest("POST", open311.Root+"/requests.csv", r)
	req.Header.Set("Content-Type", "text/csv; charset=utf-8")
	req.Header.Set("Authorization", "Bearer "+s.writer)
	answer := httptest.NewRecorder()
	s.mux.ServeHTTP(answer, req)
	var got imported
	if err := json.NewDecoder(bytes.NewReader(answer.Body.Bytes())).Decode(&got); err != nil || got.Accepted != 1201 {
		t.Errorf("%v: %s", err, answer.Body)
	}
}
