package ui_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb/encoding/mvt"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	bundle "huong.city/huong/web"
)

// alerts puts some alerts on the map: one with a place of its own, the others
// known by their ward alone.
func (c *city) alerts(t testing.TB) {
	t.Helper()
	var rows []map[string]string
	for i, a := range []struct{ severity, title, en, area, lon, lat string }{
		{"high", "Mực nước Kim Long vượt báo động 2", "Kim Long above level 2", "19753", "107.5623", "16.4552"},
		{"medium", "Ngập đường Bà Triệu", "Bà Triệu street flooded", "19753", "", ""},
		{"low", "Bãi đỗ gần đầy", "Car park nearly full", "19789", "", ""},
		{"high", "Đã hết từ hôm kia", "Over since the day before yesterday", "19753", "", ""},
	} {
		r := map[string]string{
			"id": fmt.Sprintf("cb-%d", i+1), "cause": "flood", "group": fmt.Sprint("g", i), "rule": "r", "severity": a.severity, "state": "raised", "titleVi": a.title, "titleEn": a.en,
			"area": a.area, "longitude": a.lon, "latitude": a.lat, "agency": "dkttv", "level": "city", "raisedAt": c.now.Add(-time.Duration(i+1) * time.Hour).Format(time.RFC3339), "changedAt": c.now.Format(time.RFC3339),
		}
		if i == 3 {
			r["state"], r["raisedAt"], r["clearedAt"] = "cleared", c.now.Add(-72*time.Hour).Format(time.RFC3339), c.now.Add(-48*time.Hour).Format(time.RFC3339)
		}
		for k, s := range r {
			if s == "" {
				delete(r, k)
			}
		}
		rows = append(rows, r)
	}
	c.put(t, "alert", "cảnh báo", rows)
}

// many puts so many reports on the map that they come as tiles.
func (c *city) many(t testing.TB, n int) {
	t.Helper()
	var rows []map[string]string
	for i := range n {
		rows = append(rows, map[string]string{
			"code": fmt.Sprintf("NN-%06d", i), "category": "road", "status": "received", "title": fmt.Sprintf("Ổ gà %d", i), "description": "x", "channel": "app", "published": "true",
			"openedAt": c.now.Add(-time.Duration(i) * time.Second).Format(time.RFC3339), "location": fmt.Sprintf("%.5f,%.5f", 107.3+0.6*float64(i%173)/173, 16.2+0.4*float64(i%211)/211),
		})
	}
	for len(rows) > 0 {
		k := min(len(rows), 2500)
		c.put(t, "service-request", "nhiều phản ánh", rows[:k])
		rows = rows[k:]
	}
}

type places struct {
	Tiles    bool
	Total    int
	Features []struct {
		Geometry   struct{ Coordinates [2]float64 }
		Properties struct {
			N, S       int
			K, T, H, A string
		}
	}
}

func (c *city) places(t testing.TB, path, token string) places {
	t.Helper()
	status, body := c.get(t, path, token)
	var p places
	if err := json.Unmarshal([]byte(body), &p); status != 200 || err != nil {
		t.Fatalf("%s: %d %v %.300s", path, status, err, body)
	}
	return p
}

func TestTheMapShowsLayersUnderRights(t *testing.T) {
	c := newCity(t)
	c.alerts(t)
	token := func(read ...string) string {
		s, err := c.repo.CreateToken(t.Context(), repo.Operator(), "đọc", read, nil, "", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	alerts := c.places(t, "/map/places/alert", token("alert"))
	if alerts.Total != 3 || alerts.Tiles {
		t.Fatalf("%+v", alerts)
	}
	for _, f := range alerts.Features {
		own := f.Properties.K == "cb-1"
		if own != (f.Properties.A == "") || own && f.Geometry.Coordinates != [2]float64{107.5623, 16.4552} || f.Properties.H != "/alerts/"+f.Properties.K {
			t.Errorf("%+v", f)
		}
		if want := map[string]int{"cb-1": 3, "cb-2": 2, "cb-3": 1}[f.Properties.K]; f.Properties.S != want {
			t.Errorf("%s has severity %d, want %d", f.Properties.K, f.Properties.S, want)
		}
	}
	if p := c.places(t, "/map/places/alert?severity=medium&lang=en", token("alert")); p.Total != 2 || !strings.Contains(p.Features[0].Properties.T+p.Features[1].Properties.T, "Kim Long above") {
		t.Errorf("%+v", p)
	}
	if p := c.places(t, "/map/places/alert?within=7d", token("alert")); p.Total != 4 {
		t.Errorf("an alert of this week is missing: %+v", p)
	}
	if p := c.places(t, "/map/places/alert?area=19789", token("alert")); p.Total != 1 {
		t.Errorf("%+v", p)
	}
	if status, _ := c.get(t, "/map/places/alert", ""); status != http.StatusUnauthorized {
		t.Errorf("the public sees alerts: %d", status)
	}
	if status, _ := c.get(t, "/tiles/alert/0/0/0.mvt", ""); status != http.StatusUnauthorized {
		t.Errorf("the public sees tiles of alerts: %d", status)
	}
	if status, _ := c.get(t, "/map/places/alert", token("rain-reading")); status != http.StatusNotFound {
		t.Errorf("a token sees alerts that it is not for: %d", status)
	}
	// A series is one mark per subject.
	if p := c.places(t, "/map/places/rain-reading", ""); p.Total != 12 || p.Features[0].Properties.H == "" {
		t.Errorf("%+v", p)
	}
	_, page := c.get(t, "/map?layer=rain-reading&by=none", "")
	if strings.Contains(page, `value="alert"`) || !strings.Contains(page, `value="rain-reading" checked`) {
		t.Error("the public is offered alerts, or the choice is lost")
	}
}

// A place that a grant masks is nobody's to see by the map: neither in GeoJSON,
// nor in a tile, nor in the list, nor in the drawing. The ward is shown in its
// stead; and what a reader may see stays out of others' answers.
func TestNobodySeesAPlaceThatAGrantMasks(t *testing.T) {
	c := newCity(t)
	c.put(t, "public-order-incident", "vụ việc", []map[string]string{{
		"code": "VV-1", "category": "theft", "severity": "4", "occurredAt": c.now.Add(-time.Hour).Format(time.RFC3339), "reportedAt": c.now.Format(time.RFC3339),
		"status": "received", "location": "107.58765,16.46543", "summary": "x",
	}})
	c.put(t, "purpose", "danh mục", []map[string]string{{"code": "study", "name": "Nghiên cứu", "nameEn": "Study", "basis": "Luật 91/2025/QH15"}})
	c.put(t, "grant", "cấp quyền", []map[string]string{{
		"id": "g-1", "dataset": "public-order-incident", "agency": "syt", "action": "read", "fields": "code,category,severity,occurredAt,status,location",
		"masks": `[{"field":"location","how":"area"}]`, "purposes": "study", "basis": "Luật", "from": "2020-01-01T00:00:00Z", "state": "in-force",
	}})
	c.staff(t, "binh.officer", account.Capacity{Agency: "syt", Roles: []string{grant.Officer}})
	masked := c.reader(t)
	masked.signIn("binh.officer")
	if status, _, body := masked.do("POST", "/profile/task", url.Values{"purpose": {"study"}}); status != 200 {
		t.Fatalf("no purpose: %d %.300s", status, body)
	}
	paths := []string{
		"/map/places/public-order-incident", "/map?layer=public-order-incident&by=none",
		"/map?layer=public-order-incident&by=none&sel=public-order-incident%2FVV-1", "/tiles/public-order-incident/16/0/0.mvt",
	}
	// The keeper of the data looks first: nothing of that may be handed on.
	if _, body := c.get(t, paths[0], c.token); !strings.Contains(body, "107.587650") {
		t.Fatalf("whoever may see the place does not: %s", body)
	}
	for _, path := range paths {
		status, _, body := masked.do("GET", path, nil)
		if strings.Contains(body, "107.5876") || strings.Contains(body, "16.4654") {
			t.Errorf("%s shows the place", path)
		}
		if !strings.Contains(path, "tiles") && (status != 200 || !strings.Contains(body, "VV-1")) {
			t.Errorf("%s: %d, the record itself is missing: %.500s", path, status, body)
		}
	}
	_, _, body := masked.do("GET", paths[0], nil)
	var at places
	if err := json.Unmarshal([]byte(body), &at); err != nil || at.Total != 1 || at.Features[0].Properties.A == "" || at.Features[0].Properties.S != 3 {
		t.Errorf("%v %+v", err, at)
	}
	// The grant ends: the marks in memory end with it.
	c.put(t, "grant", "thu hồi", []map[string]string{{
		"id": "g-1", "dataset": "public-order-incident", "agency": "syt", "action": "read", "basis": "Luật", "from": "2020-01-01T00:00:00Z", "state": "revoked",
	}})
	if status, _, body := masked.do("GET", paths[0], nil); status == 200 || strings.Contains(body, "VV-1") {
		t.Errorf("after the grant: %d %.300s", status, body)
	}
}

func tileOf(t *testing.T, c *city, path, etag string) (*http.Response, mvt.Layers) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, c.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		return res, nil
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := mvt.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return res, layers
}

func TestManyPlacesComeAsTiles(t *testing.T) {
	c := newCity(t)
	c.many(t, 6000)
	if p := c.places(t, "/map/places/service-request?within=30d", ""); !p.Tiles || p.Total != 6260 || len(p.Features) != 0 {
		t.Fatalf("%d places, tiles: %v", p.Total, p.Tiles)
	}
	res, layers := tileOf(t, c, "/tiles/service-request/0/0/0.mvt?within=30d", "")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/vnd.mapbox-vector-tile" {
		t.Fatal(res.StatusCode, res.Header)
	}
	n := 0.0
	for _, f := range layers[0].Features {
		n += f.Properties["n"].(float64)
	}
	if n != 6260 {
		t.Errorf("the world has %v places", n)
	}
	tag := res.Header.Get("ETag")
	if again, _ := tileOf(t, c, "/tiles/service-request/0/0/0.mvt?within=30d", tag); again.StatusCode != http.StatusNotModified {
		t.Errorf("an unchanged tile: %d", again.StatusCode)
	}
	if other, _ := tileOf(t, c, "/tiles/service-request/0/0/0.mvt?within=30d&severity=high", tag); other.StatusCode != http.StatusNoContent {
		t.Errorf("a choice that nothing fits: %d", other.StatusCode)
	}
	for _, bad := range []string{"/tiles/service-request/1/2/0.mvt", "/tiles/service-request/99/0/0.mvt", "/tiles/service-request/0/0/0", "/tiles/service-request/a/0/0.mvt", "/tiles/sector/0/0/0.mvt"} {
		if status, _ := c.get(t, bad, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d", bad, status)
		}
	}
}

// A past hour shows what was on record then.
func TestTheMapOfAPastHour(t *testing.T) {
	c := newCity(t)
	at := url.QueryEscape(c.now.Add(-3 * time.Hour).In(c.repo.Zone()).Format("2006-01-02T15:04"))
	// The registers of this city were written a moment ago: three hours ago there
	// was nothing on record. Readings count by when they were made.
	if p := c.places(t, "/map/places/service-request?at="+at, ""); p.Total != 0 {
		t.Errorf("%d reports before any was on record", p.Total)
	}
	if p := c.places(t, "/map/places/rain-reading?within=1h&at="+at, ""); p.Total != 11 {
		t.Errorf("%d stations three hours ago, one of the twelve was silent", p.Total)
	}
	_, page := c.get(t, "/map?layer=service-request&by=none&at="+at, "")
	if !strings.Contains(page, "chưa được ghi vào hệ thống vào lúc này") {
		t.Error("the page does not say why the layer is empty")
	}
	if !strings.Contains(page, `value="`+c.now.Add(-3*time.Hour).In(c.repo.Zone()).Format("2006-01-02T15:04")+`"`) {
		t.Error("the time of the address is not in the form")
	}
}

func TestTheListIsOfTheView(t *testing.T) {
	c := newCity(t)
	c.alerts(t)
	_, body := c.get(t, "/map?fragment=map-list&layer=alert&layer=service-request&by=none&bbox=107.5622,16.4551,107.5624,16.4553", c.token)
	if strings.Contains(body, "<html") || strings.Count(body, "twinrow") != 1 || !strings.Contains(body, "cb-1") || !strings.Contains(body, `data-count="1"`) {
		t.Error(body)
	}
	_, all := c.get(t, "/map?fragment=map-list&layer=alert&layer=service-request&by=none", c.token)
	first := strings.Index(all, `data-id="alert/cb-1"`)
	if n := strings.Count(all, "twinrow"); n != 200 || first < 0 || first > strings.Index(all, `data-id="alert/cb-2"`) || strings.Index(all, `data-id="alert/cb-2"`) > strings.Index(all, "service-request/") {
		t.Errorf("%d lines, or the worst are not first", n)
	}
	_, chosen := c.get(t, "/map?fragment=map-chosen&layer=alert&by=none&sel=alert%2Fcb-1", c.token)
	if !strings.Contains(chosen, "Kim Long vượt báo động 2") || !strings.Contains(chosen, `href="/alerts/cb-1"`) || !strings.Contains(chosen, "Cao") {
		t.Error(chosen)
	}
}

func TestTheBasemapIsServedByRanges(t *testing.T) {
	c := newCity(t)
	if status, _ := c.get(t, "/basemap.pmtiles", ""); status != http.StatusNotFound {
		t.Error("there is a basemap without a file", status)
	}
	c.basemap = filepath.Join(t.TempDir(), "hue.pmtiles")
	if err := os.WriteFile(c.basemap, []byte("PMTiles, not really, but long enough"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.serveWith(t, nil)
	r, _ := http.NewRequest(http.MethodGet, c.url+"/basemap.pmtiles", nil)
	r.Header.Set("Range", "bytes=0-6")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusPartialContent || string(b) != "PMTiles" || !strings.HasPrefix(res.Header.Get("Content-Range"), "bytes 0-6/") || res.Header.Get("ETag") == "" {
		t.Errorf("%d %q %v", res.StatusCode, b, res.Header)
	}
	if _, page := c.get(t, "/map", ""); !strings.Contains(page, "openstreetmap.org/copyright") {
		t.Error("the map with streets does not say whose they are")
	}
}

// All script of a page with a map stays below this, packed, in bytes.
const mostMapScript = 520 << 10

func TestTheMapIsLight(t *testing.T) {
	files := bundle.Files()
	b, err := fs.ReadFile(files, "manifest.json")
	if err != nil {
		t.Skip("SKIPPED: the browser side is not bundled")
	}
	var names map[string]string
	if err := json.Unmarshal(b, &names); err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, name := range []string{"app.js", "map.js", "mapworker.js"} {
		z, err := fs.ReadFile(files, names[name]+".gz")
		if err != nil {
			t.Fatal(err)
		}
		all += len(z)
	}
	if t.Logf("%d bytes", all); all > mostMapScript {
		t.Errorf("%d bytes of script, at most %d", all, mostMapScript)
	}
}
