package indicator_test

import (
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

const inner = `
name: inner
title: {vi: Nội bộ, en: Inner}
kind: register
classification: internal
owner: ours
schema:
  primaryKey: id
  fields:
    - {name: id, type: integer, title: {vi: Mã, en: Id}}
    - {name: ward, type: string, title: {vi: Phường, en: Ward}}
    - {name: at, type: datetime, title: {vi: Lúc, en: At}}
    - {name: n, type: integer, title: {vi: Số, en: Number}}
    - {name: kind, type: string, title: {vi: Loại, en: Kind}, categories: [a, b]}
place: {areaCode: ward}
time: at
`

const innerIndicators = fileHead + `  - {name: open-count, title: {vi: Mở, en: Open}, dataset: reading, measure: count, grains: [day], good: none, empty: zero}
  - {name: inner-sum, title: {vi: Kín, en: Inner}, dataset: inner, measure: sum, of: n, by: kind, grains: [day, hour], good: none}
  - {name: inner-median, title: {vi: Giữa, en: Middle}, dataset: inner, measure: median, of: n, grains: [day], good: none}
`

// TestRights asks as the public, as staff and as a token: open figures are told to
// all, internal ones to those who may read the records, and to whoever may count
// only some of them the measure of those, said to be partial.
func TestRights(t *testing.T) {
	r := onSQLite(t, t.TempDir(), clock)
	defer r.Close(t.Context())
	declare(t, r, stations, readings, inner)
	send(t, r, areaRows(t, r)...)
	var list []commit.Change
	for i := range int64(40) {
		list = append(list, change(t, r, "inner", commit.Put, map[string]value.Value{"id": value.OfInt(i), "ward": value.OfText(wardCodes[1+i%3]),
			"at": value.OfInstant(noon.Add(-time.Duration(i) * time.Minute)), "n": value.OfInt(i), "kind": value.OfText("a")}))
	}
	send(t, r, list...)
	load(t, r, 0, 30)
	define(t, r, "test", innerIndicators)
	s := indicator.New(r)
	r.Follow(s)
	settle(t, r, s)
	names := func(p repo.Principal) (all []string) {
		for _, d := range s.List(p) {
			all = append(all, d.Name)
		}
		return all
	}
	if got := names(repo.Public()); len(got) != 1 || got[0] != "open-count" {
		t.Errorf("the public is shown %v", got)
	}
	for _, name := range []string{"inner-sum", "inner-median", "absent"} {
		if _, err := s.Value(t.Context(), repo.Public(), indicator.Ask{Name: name}); problem.KindOf(err) != problem.NotFound {
			t.Errorf("the public asks for %s: %v, want as if it were not there", name, err)
		}
	}
	staff := repo.Principal{Name: "o", Agency: "ours", Roles: []string{grant.Officer}, Areas: []string{"*"}}
	if got := names(staff); len(got) != 3 {
		t.Errorf("staff of the owner is shown %v", got)
	}
	v, err := s.Value(t.Context(), staff, indicator.Ask{Name: "inner-sum", At: noon})
	if err != nil || v.Value != 780 || v.Partial {
		t.Errorf("%+v, %v; want 780, of all records", v, err)
	}
	if _, err := s.ByCategory(t.Context(), staff, indicator.Ask{Name: "inner-sum", At: noon, By: "kind"}); err != nil {
		t.Error(err)
	}
	// Of a ward: the measure of the ward's records, whatever is asked for.
	ward := repo.Principal{Name: "w", Agency: "ours", Roles: []string{grant.Officer}, Areas: []string{"w1"}}
	v, err = s.Value(t.Context(), ward, indicator.Ask{Name: "inner-sum", At: noon})
	if err != nil || v.Value != 273 || !v.Partial {
		t.Errorf("of a ward %+v, %v; want 273, said to be partial", v, err)
	}
	if v, err = s.Value(t.Context(), ward, indicator.Ask{Name: "inner-sum", At: noon, Area: "w2"}); err != nil || v.Known {
		t.Errorf("of another ward %+v, %v; want nothing", v, err)
	}
	wards, err := s.ByArea(t.Context(), ward, indicator.Ask{Name: "inner-sum", At: noon})
	if err != nil || len(wards) != 3 || wards[0].Area != "w1" || wards[0].Value != 273 || wards[1].Known || wards[2].Known {
		t.Errorf("wards %+v, %v", wards, err)
	}
	series, err := s.Series(t.Context(), ward, indicator.SeriesAsk{Ask: indicator.Ask{Name: "inner-sum", Grain: "hour"}, Last: 3})
	if err != nil || !series.Partial || len(series.Points) != 3 || series.Points[1].Value != 210 || series.Points[2].Value != 63 {
		t.Errorf("series %+v, %v", series, err)
	}
	kinds, err := s.ByCategory(t.Context(), ward, indicator.Ask{Name: "inner-sum", At: noon, By: "kind"})
	if err != nil || len(kinds) != 2 || kinds[0].Figure.Value != 273 || kinds[1].Figure.Known {
		t.Errorf("categories %+v, %v", kinds, err)
	}
	if _, err := s.Value(t.Context(), ward, indicator.Ask{Name: "inner-median", At: noon}); problem.KindOf(err) != problem.Denied {
		t.Errorf("a median of some: %v, want denied", err)
	}
	token := repo.Principal{Name: "token:1", Read: []string{"reading"}}
	if _, err := s.Value(t.Context(), token, indicator.Ask{Name: "inner-sum"}); problem.KindOf(err) != problem.Denied {
		t.Errorf("a token of another dataset: %v, want denied", err)
	}
	// What a figure is made of is what its link shows.
	behind, err := s.Records(t.Context(), staff, indicator.Ask{Name: "inner-sum", At: noon, By: "kind", Category: "a", Area: "w1"})
	if err != nil || behind.Dataset != "inner" || behind.Area != "w1" || behind.Filter != "kind = 'a'" || behind.Until.Sub(behind.From) != 24*time.Hour {
		t.Errorf("records behind: %+v, %v", behind, err)
	}
	for _, a := range []indicator.Ask{{Name: "inner-sum", Area: "nowhere"}, {Name: "inner-sum", Grain: "month"}, {Name: "inner-sum", By: "n"}} {
		if _, err := s.Value(t.Context(), staff, a); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%+v: %v, want invalid", a, err)
		}
	}
}
