package request_test

import (
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
