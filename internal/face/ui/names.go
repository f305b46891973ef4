package ui

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// nameCache holds the names of agencies, areas and sectors, which every page
// shows. They are read again after a while; they change a few times a year.
type nameCache struct {
	mu sync.Mutex
	at time.Time
	n  *names
}

// names maps codes to words.
type names struct {
	agencies, areas map[string]dataset.Words
	sectors         []sector
	children        []option // areas of today to choose from, by name
}

type sector struct {
	Code  string
	Title dataset.Words
	Order int64
}

// option is one choice of a list.
type option struct{ Value, Label string }

const namesFor = 30 * time.Second

// namesNow returns the names. They are open data, read as the public; what is
// missing shows its code.
func (u *UI) namesNow(ctx context.Context) *names {
	u.names.mu.Lock()
	defer u.names.mu.Unlock()
	now := u.Now()
	if u.names.n != nil && now.Sub(u.names.at) < namesFor && now.Sub(u.names.at) >= 0 {
		return u.names.n
	}
	n := &names{agencies: map[string]dataset.Words{}, areas: map[string]dataset.Words{}}
	u.each(ctx, repo.SystemAgency, []string{"code", "name", "nameEn"}, func(r row) {
		n.agencies[r.text("code")] = dataset.Words{"vi": r.text("name"), "en": r.text("nameEn")}
	})
	u.each(ctx, repo.SystemArea, []string{"code", "name", "kind"}, func(r row) {
		n.areas[r.text("code")] = dataset.Words{"vi": r.text("name")}
		if k := r.text("kind"); k != "former" && k != "city" {
			n.children = append(n.children, option{r.text("code"), r.text("name")})
		}
	})
	u.each(ctx, repo.SystemSector, nil, func(r row) {
		order, _ := r.value("order").Number()
		n.sectors = append(n.sectors, sector{r.text("code"), dataset.Words{"vi": r.text("title"), "en": r.text("titleEn")}, int64(order)})
	})
	slices.SortFunc(n.sectors, func(a, b sector) int {
		if a.Order != b.Order {
			return int(a.Order - b.Order)
		}
		return strings.Compare(a.Code, b.Code)
	})
	slices.SortFunc(n.children, func(a, b option) int {
		return strings.Compare(sortName(a.Label), sortName(b.Label))
	})
	u.names.n, u.names.at = n, now
	return n
}

// sortName orders areas by their own name, not by "Phường" or "Xã".
func sortName(s string) string {
	for _, p := range []string{"Phường ", "Xã "} {
		s = strings.TrimPrefix(s, p)
	}
	return value.Fold(s) + s
}

// mostNames bounds what is held: a country has some ten thousand areas.
const mostNames = 20_000

func (u *UI) each(ctx context.Context, name string, fields []string, fn func(row)) {
	_, err := u.Repo.Read(ctx, repo.Public(), repo.Query{Dataset: name, Fields: fields, Limit: mostNames}, func(r repo.Record) error {
		fn(row{r.Entry.Table, r.Values})
		return nil
	})
	if err != nil && ctx.Err() == nil {
		u.Log.Warn("names not readable", "dataset", name, "err", err)
	}
}

// row reads values by field name.
type row struct {
	t *dataset.Table
	v []value.Value
}

func (r row) value(name string) value.Value {
	if i, _, _, ok := r.t.Property(name); ok && i < len(r.v) {
		return r.v[i]
	}
	return value.Value{}
}

func (r row) text(name string) string {
	if v := r.value(name); v.Kind() == value.Text {
		return v.Text()
	}
	return ""
}

func (r row) int(name string) int64 {
	f, _ := r.value(name).Number()
	return int64(f)
}

func (r row) time(name string) time.Time {
	if v := r.value(name); v.Kind() == value.Time {
		return v.Instant()
	}
	return time.Time{}
}

// Agency is the name of an agency, else its code.
func (v *view) Agency(code string) string {
	return or(v.u.namesNow(v.r.Context()).agencies[code].In(v.lang), code)
}

// Area is the name of an area, else its code.
func (v *view) Area(code string) string {
	return or(v.u.namesNow(v.r.Context()).areas[code].In(v.lang), code)
}

// Sector is the title of a sector, else its code.
func (v *view) Sector(code string) string {
	for _, s := range v.u.namesNow(v.r.Context()).sectors {
		if s.Code == code {
			return or(s.Title.In(v.lang), code)
		}
	}
	return code
}

func or(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
