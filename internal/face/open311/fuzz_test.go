package open311_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"huong.city/huong/internal/face/open311"
)

// direct sends a request into the mux without a network.
func (s *town) direct(t testing.TB, method, target, media, body string) (int, string, string) {
	req := httptest.NewRequest(method, "/", strings.NewReader(body))
	u, err := url.Parse(open311.Root + target)
	if err != nil {
		return 0, "", ""
	}
	req.URL, req.RequestURI = u, open311.Root+target
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		s.mux.ServeHTTP(w, req)
	}()
	return w.Code, w.Header().Get("Content-Type"), w.Body.String()
}

// FuzzQuery: no address is answered with a fault of ours, and every answer in XML
// or JSON can be read as such.
func FuzzQuery(f *testing.F) {
	s := start(f)
	s.seed()
	for _, seed := range []string{"requests.json?status=open&service_code=road", "requests.xml?start_date=2026-01-01T00:00:00Z&end_date=9998-12-31T23:59:59Z", "requests.json?page=9999999999999999999&page_size=-1",
		"requests.json?service_request_id=%00,%ff,PA-1", "requests/PA-1.json?extensions=true", "requests/%00.json", "requests/..%2f.xml", "tokens/UEEtMQ-AAAA.xml", "services/road.xml?locale=en_GB",
		"servicerequestupdates.xml?service_request_id=,,,", "requests.csv?start_date=0001-01-01T00:00:00Z", "requests.json?api_key=huong_x", "requests.json?%zz=1", "requests.json?locale=vi&locale=en", "discovery.xml?jurisdiction_id=%c3%28",
		"requests.json?start_date=0001-01-01T00:00:00%2B14:00", "requests.json?end_date=0001-01-01T00:00:00Z", "requests.xml?service_code=%E1%BA%BD", "services/.xml", "requests.json;a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		status, media, body := s.direct(t, "GET", "/"+target, "", "")
		if status >= 500 {
			t.Fatalf("%d for %q: %s", status, target, body)
		}
		if body == "" {
			return
		}
		switch {
		case strings.HasPrefix(media, "text/xml"):
			parsed(t, body)
		case strings.HasPrefix(media, "application/json"):
			decoded(t, body)
		}
	})
}

// FuzzForm: no form is answered with a fault of ours.
func FuzzForm(f *testing.F) {
	s := start(f)
	key := "api_key=" + s.writer + "&"
	for _, seed := range []struct{ media, body string }{{form, "service_code=light&address_string=X"}, {form, "service_code=road&lat=1e309&long=0x1p4&attribute[size]=small&attribute[]=1&attribute[size=2"},
		{form, "description=%00&email=a@b@c&phone=++++++&media_url=http://[::1"}, {form, "lat=+1&long=-0&service_code=light&key=a"}, {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"service_code\"\r\n\r\nlight\r\n--b--"},
		{"multipart/form-data", "x"}, {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"\xff\x00.jpg\"\r\n\r\nx\r\n--b--"}, {"text/csv", "a"}, {form, "%"}} {
		f.Add(seed.media, seed.body)
	}
	f.Fuzz(func(t *testing.T, media, body string) {
		if len(body) > 1<<16 {
			return
		}
		if strings.HasPrefix(media, "application/x-www-form-urlencoded") {
			body = key + body
		}
		for _, format := range []string{"xml", "json"} {
			if status, _, answer := s.direct(t, "POST", "/requests."+format+"?"+key, media, body); status >= 500 {
				t.Fatalf("%d for %s %q: %s", status, media, body, answer)
			}
		}
	})
}

// FuzzBulk: no file is answered with a fault of ours.
func FuzzBulk(f *testing.F) {
	s := start(f)
	f.Add("service_request_id,requested_datetime,status_description,service_code\nA,2026-01-01T00:00:00Z,received,light\n")
	f.Add("\uFEFFservice_request_id,requested_datetime,closed_date,status_description,service_name,lat,long\nA,9998-12-31T23:59:59Z,0001-01-01T00:00:00Z,closed,Chiếu sáng,-0,1e-320\n")
	f.Add("\"\r\n\",,\n'=")
	f.Add("service_request_id,requested_datetime,status_description,service_code,description,outcome,status_notes\nB,2026-01-01T00:00:00Z,received,light,\"'=\",fixed,Fixed. x\n")
	f.Fuzz(func(t *testing.T, file string) {
		if len(file) > 1<<16 {
			return
		}
		if status, _, answer := s.direct(t, "POST", "/requests.csv?api_key="+s.writer, "text/csv", file); status >= 500 {
			t.Fatalf("%d for %q: %s", status, file, answer)
		}
	})
}
