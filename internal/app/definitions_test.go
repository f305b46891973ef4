package app

import (
	"testing"
	"time"

	"huong.city/huong/internal/repo"
)

// Working time is that of the city's calendar; beyond its last day every hour
// counts, so that cases go on when nobody has told the next year yet.
func TestWorkingTimeGoesOnBeyondTheCalendar(t *testing.T) {
	r := openCity(t)
	clock := workingTime(r)
	hue := time.FixedZone("ICT", 7*3600)
	friday := time.Date(2026, 11, 20, 16, 30, 0, 0, hue)
	for _, c := range []struct {
		name string
		from time.Time
		want time.Time
	}{
		{"over a weekend", friday, time.Date(2026, 11, 23, 8, 30, 0, 0, hue)},
		{"years that nobody told of", friday.AddDate(9, 0, 0), friday.AddDate(9, 0, 0).Add(2 * time.Hour)},
	} {
		got, err := clock.Add(c.from, 2*time.Hour)
		if err != nil || !got.Equal(c.want) {
			t.Errorf("%s: two hours after %v is %v, want %v (%v)", c.name, c.from, got, c.want, err)
		}
		passed, err := clock.Between(c.from, c.want)
		if err != nil || passed != 2*time.Hour {
			t.Errorf("%s: %v passed (%v)", c.name, passed, err)
		}
	}
}

// openCity opens a repository in which the city of this repository is applied.
func openCity(t *testing.T) *repo.Repository {
	t.Helper()
	r, err := Where{Data: t.TempDir(), Zone: zone}.Open(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(t.Context()) })
	city, err := LoadCity("../../city/hue")
	if err != nil {
		t.Fatal(err)
	}
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
	return r
}
