package ui_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// linksOf are the addresses that anchors of a page lead to, as written.
func linksOf(body, pattern string) (list []string) {
	want := regexp.MustCompile(pattern)
	for _, a := range regexp.MustCompile(`<a [^>]*?href="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		if href := html.UnescapeString(a[1]); want.MatchString(href) {
			list = append(list, href)
		}
	}
	return list
}

// From a figure on the first page it takes three actions to a single record: the
// figure's own page, the records behind it, one of them. Each is an address.
func TestThreeActionsFromAFigureToARecord(t *testing.T) {
	t.Parallel()
	x := newCentre(t)
	_, first := x.leader.get("/")
	figures := linksOf(first, `^/indicators/[a-z0-9-]+`)
	if len(figures) < 10 {
		t.Fatalf("%d figures on the first page", len(figures))
	}
	reached := map[string]string{}
	for _, figure := range figures {
		status, page := x.leader.get(figure)
		records := linksOf(page, `^/datasets/[a-z-]+\?`)
		if status != http.StatusOK || len(records) == 0 {
			t.Errorf("%s: %d, and %d ways to the records behind it", figure, status, len(records))
			continue
		}
		status, list := x.leader.get(records[0])
		if status != http.StatusOK {
			t.Errorf("%s from %s: %d", records[0], figure, status)
			continue
		}
		one := linksOf(list, `^/datasets/[a-z-]+/records/.`)
		if len(one) == 0 {
			continue // nothing was recorded in this period
		}
		status, record := x.leader.get(one[0])
		if status != http.StatusOK || !strings.Contains(record, "<h1>") {
			t.Errorf("%s: %d", one[0], status)
			continue
		}
		reached[figure] = one[0]
	}
	t.Logf("%d of %d figures: %v", len(reached), len(figures), reached)
	if len(reached) < 5 {
		t.Errorf("from %d figures of %d a record is reached", len(reached), len(figures))
	}
	// And by places: a ward of the map, a figure of its board, the records there.
	wards := linksOf(first, `^/boards/ward\?.*area=\d+`)
	if len(wards) == 0 {
		t.Fatal("no ward leads on")
	}
	_, board := x.leader.get(wards[0])
	area := regexp.MustCompile(`area=\d+`).FindString(wards[0])
	for _, figure := range linksOf(board, `^/indicators/requests-open`) {
		_, page := x.leader.get(figure)
		for _, records := range linksOf(page, `^/datasets/service-request\?`) {
			if !strings.Contains(records, area) {
				t.Errorf("the ward is lost on the way: %s", records)
			}
		}
	}
}

// Who asks for an indicator that is not declared is told so in words, also who has
// no account.
func TestAnUnknownIndicatorIsTold(t *testing.T) {
	t.Parallel()
	x := newCentre(t)
	for lang, words := range map[string]string{"vi": "Không tìm thấy", "en": "not found"} {
		status, body := x.get(t, "/indicators/no-such", "", "Accept-Language", lang)
		if status != http.StatusNotFound || !strings.Contains(body, "<main") || !strings.Contains(strings.ToLower(body), strings.ToLower(words)) {
			t.Errorf("%s: %d %.600s", lang, status, body)
		}
	}
}
