package indicator

import (
	"context"
	"slices"
	"strings"
	"sync"

	"huong.city/huong/internal/repo"
)

// Area is one ward or commune of today.
type Area struct {
	Code, Name, NameEn string
	Population         int64
}

// areas remembers the city's wards with their populations.
type areas struct {
	mu    sync.Mutex
	known *wards
}

type wards struct {
	city       Area
	list       []Area // by code
	population map[string]int64
}

func (a *areas) forget() {
	a.mu.Lock()
	a.known = nil
	a.mu.Unlock()
}

// of reads the areas, once until they change.
func (a *areas) of(ctx context.Context, r *repo.Repository) (*wards, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known != nil {
		return a.known, nil
	}
	w := &wards{population: map[string]int64{}}
	q := repo.Query{Dataset: repo.SystemArea, Fields: []string{"code", "name", "nameEn", "kind", "population"}}
	_, err := r.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		t := rec.Entry.Table
		text := func(name string) string {
			i, _, _, _ := t.Property(name)
			return strings.Clone(rec.Values[i].Text())
		}
		i, _, _, _ := t.Property("population")
		area := Area{Code: text("code"), Name: text("name"), NameEn: text("nameEn"), Population: rec.Values[i].Int()}
		switch text("kind") {
		case "city":
			w.city = area
			w.population[""] = area.Population
		case "former":
		default:
			w.list = append(w.list, area)
			w.population[area.Code] = area.Population
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(w.list, func(x, y Area) int { return strings.Compare(x.Code, y.Code) })
	a.known = w
	return w, nil
}

// find gives the code under which an area's figures are kept: "" for the city.
func (w *wards) find(code string) (string, bool) {
	if code == "" || code == w.city.Code {
		return "", true
	}
	_, ok := w.population[code]
	return code, ok
}
