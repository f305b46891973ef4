package request_test

import (
	"slices"
	"testing"

	"huong.city/huong/internal/core/problem"
)

// A person is appointed from those who may handle requests for the agency now.
func TestTheOfficersOfAnAgency(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	const long, soon = "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
	for id, c := range map[string]map[string]any{
		"1": {"account": "ha", "agency": "ubnd-19789", "roles": []string{"officer"}, "from": long},
		"2": {"account": "ha", "agency": "ubnd-19789", "roles": []string{"leader"}, "from": long},
		"3": {"account": "dan", "agency": "ubnd-19789", "roles": []string{"operator"}, "from": long, "until": soon},
		"4": {"account": "van", "agency": "hueioc", "roles": []string{"officer"}, "from": long},
		"5": {"account": "lam", "agency": "ubnd-19789", "roles": []string{"officer"}, "from": soon},
		"6": {"account": "minh", "agency": "ubnd-19789", "roles": []string{"steward"}, "from": long},
		"7": {"account": "em", "agency": "ubnd-19789", "roles": []string{"officer"}, "from": long, "ended": true},
		"8": {"account": "lam", "agency": "ubnd-19789", "roles": []string{"officer"}, "from": "2024-01-01T00:00:00Z", "until": long},
	} {
		c["id"] = id
		h.put("capacity", c)
	}
	for _, c := range []struct {
		agency string
		want   []string
	}{{"ubnd-19789", []string{"dan", "ha"}}, {"hueioc", []string{"van"}}, {"ubnd-19753", nil}, {"", nil}} {
		if got, err := h.Officers(t.Context(), duty, c.agency); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v %v, want %v", c.agency, got, err, c.want)
		}
	}
	_, err := h.Officers(t.Context(), citizen, "hueioc")
	wantCode(t, err, problem.Denied, "request-staff")
}
