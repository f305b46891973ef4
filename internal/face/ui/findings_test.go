package ui_test

import (
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/service/quality"
)

func TestRecordsAtOddsWithTheOneBeforeAreShown(t *testing.T) {
	c := newCity(t)
	const page = "/datasets/air-quality/quality"
	c.put(t, "air-station", "new", []map[string]string{{"code": "kim-long-2", "name": "Kim Long", "location": "107.56,16.46"}})
	var rows []map[string]string
	for hour, pm := range []string{"21.5", "22.0", "262.25", "23.5"} {
		rows = append(rows, map[string]string{"station": "kim-long-2", "observedAt": time.Date(2031, 10, 1, hour, 0, 0, 0, time.UTC).Format(time.RFC3339), "pm25": pm})
	}
	seq := c.put(t, "air-quality", "new", rows)
	_, before := c.get(t, page, "", "Accept-Language", "vi")
	if !strings.Contains(before, "Đang đọc lại cả bộ dữ liệu") {
		t.Error("findings that are not derived yet are shown as all")
	}
	c.repo.Follow(quality.NewFindings(c.repo))
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for at := int64(0); at < seq; <-tick.C {
		var err error
		if at, err = c.repo.FollowerSaved(t.Context(), quality.Name); err != nil {
			t.Fatal(err)
		}
	}
	for lang, words := range map[string][]string{
		"vi": {"Trái với bản ghi trước", "không quá 150", "262,25", "22"},
		"en": {"At odds with the record before", "at most 150", "262.25", "22"},
	} {
		_, body := c.get(t, page, "", "Accept-Language", lang)
		for _, w := range append(words, `href="#findings"`, "/api/v1/datasets/air-quality/quality", "kim-long-2,2031-10-01T02:00:00Z", "kim-long-2,2031-10-01T03:00:00Z") {
			if !strings.Contains(body, w) {
				t.Errorf("the page in %s lacks %s", lang, w)
			}
		}
		if strings.Contains(body, "kim-long-2,2031-10-01T01:00:00Z") {
			t.Error("a record that breaks nothing is shown")
		}
	}
	if _, body := c.get(t, "/datasets/service-request/quality", ""); strings.Contains(body, "findings") {
		t.Error("a dataset without such rules has findings")
	}
}
