package request_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"huong.city/huong/internal/service/request"
)

// What is offered before sending is near, of the group, recent, and public.
func TestSimilarReports(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	lon, lat := 107.60, 16.465
	at := func(category string, east float64, text string) string {
		x := lon + east
		return h.send(citizen, request.Submission{Category: category, Text: text, Longitude: &x, Latitude: &lat}).Code
	}
	same := at("road", 0.0001, "Ổ gà giữa đường")
	hidden := at("road", 0.0001, "Ổ gà giữa đường, chưa công khai")
	far := at("road", 0.01, "Ổ gà giữa đường")
	for _, code := range []string{same, far} {
		h.act(duty, code, request.DoPublish, "title", "Ổ gà", "text", "Ổ gà giữa đường")
	}
	offers := func(category string) (codes []string) {
		list, err := h.Similar(t.Context(), request.Matter{Category: category, Longitude: lon, Latitude: lat, Text: "ổ gà giữa đường"})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if x.Description != "" || x.Metres > 300 || x.Chance <= 0 || x.Chance >= 1 {
				t.Errorf("an offer says %+v", x)
			}
			codes = append(codes, x.Code)
		}
		return codes
	}
	if got := offers("road"); !slices.Equal(got, []string{same}) {
		t.Errorf("offered %v, not %s (hidden %s, far %s)", got, same, hidden, far)
	}
	for _, category := range []string{"rubbish", "no-such"} {
		if got := offers(category); len(got) > 0 {
			t.Errorf("%s: %v", category, got)
		}
	}
	h.clock.forward(121 * 24 * time.Hour)
	if got := offers("road"); len(got) > 0 {
		t.Errorf("after four months: %v", got)
	}
}

// In a crowd what lies closest is weighed, not what came last within the distance.
func TestTheClosestOfACrowdAreWeighed(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	const lon, lat = 107.60, 16.465
	var list []request.Past
	add := func(category, text string, metres float64, turn int, ago time.Duration) {
		p := past(fmt.Sprint("c", len(list)), start.Add(-ago), 0)
		angle := float64(turn) * 0.1
		x, y := lon+metres*math.Cos(angle)/106_500, lat+metres*math.Sin(angle)/111_000
		p.Category, p.Text, p.Longitude, p.Latitude = category, text, &x, &y
		list = append(list, p)
	}
	const day = 24 * time.Hour
	add("road", "Hố sâu giữa ngã ba", 20, 0, 110*day)
	for i := range 250 {
		add("lighting", "Đèn tắt", 50, i, 100*day)
	}
	for i := range 600 {
		add("lighting", "Đèn tắt", 150+float64(i%100), i, day)
	}
	done, err := h.Import(t.Context(), duty, list)
	if err != nil || done[0].Err != nil {
		t.Fatal(err, done[0].Err)
	}
	got, err := h.Similar(t.Context(), request.Matter{Category: "road", Longitude: lon, Latitude: lat, Text: "hố sâu giữa ngã ba"})
	if err != nil || len(got) == 0 || got[0].Code != done[0].Code {
		t.Errorf("offered %d, not first what lies at hand: %v", len(got), err)
	}
}
