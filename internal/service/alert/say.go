package alert

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// describe fills a transition's words from the row that it came of.
func (g *Engine) describe(ctx context.Context, t *transition, w *watcher, row []value.Value) error {
	t.area, t.agency = grant.WholeCity, t.rule.Owner
	if t.agency == "" {
		t.agency = w.entry.Dataset.Owner
	}
	if !w.Table.Discreet() {
		t.key = record.FormatKey(w.Table, w.Table.KeyOf(nil, row))
	}
	if c := w.Table.Area; c >= 0 && row[c].Kind() == value.Text {
		t.area = strings.Clone(row[c].Text())
	}
	if w.Table.X >= 0 && w.Table.Y >= 0 && !guarded(w.entry.Dataset) {
		t.x, _ = row[w.Table.X].Number()
		t.y, _ = row[w.Table.Y].Number()
	}
	words := map[string][2]string{}
	for name, ref := range w.Words {
		if ref.Dataset == "" {
			words[name] = said(w.entry.Dataset, w.Table.Columns[ref.Via].Name, row[ref.Via])
			continue
		}
		v, err := g.refer(ctx, ref, row)
		if err != nil {
			return err
		}
		e, err := g.Repo.Entry(repo.Internal(), ref.Dataset)
		if err != nil {
			words[name] = said(nil, ref.Field, v)
			continue
		}
		words[name] = said(e.Dataset, ref.Field, v)
	}
	return g.speak(ctx, t, words)
}

// said is what a cell says to people, in Vietnamese and English: the label of a
// code, a number as it is written there, and that nothing is known.
func said(d *dataset.Dataset, field string, v value.Value) [2]string {
	if v.IsNull() {
		return [2]string{"chưa rõ", "unknown"}
	}
	if d != nil {
		if f, ok := d.Field(field); ok {
			for _, c := range f.Categories {
				if fmt.Sprint(c.Value) == plain(v) && c.Label["vi"] != "" {
					return [2]string{c.Label.In("vi"), c.Label.In("en")}
				}
			}
		}
	}
	if f, ok := v.Number(); ok {
		return [2]string{figure(f, "vi"), figure(f, "en")}
	}
	return [2]string{plain(v), plain(v)}
}

// guarded tells that where a record is is personal: an alert then tells the area
// alone.
func guarded(d *dataset.Dataset) bool {
	if d.Place == nil {
		return true
	}
	for _, name := range [...]string{d.Place.Field, d.Place.Longitude, d.Place.Latitude, d.Place.From} {
		if f, ok := d.Field(name); ok && f.Classification != "" && f.Classification.Rank() >= dataset.Personal.Rank() {
			return true
		}
	}
	return d.Classification.Rank() >= dataset.Personal.Rank()
}

func plain(v value.Value) string {
	if f, ok := v.Number(); ok {
		return figure(f, "vi")
	}
	if v.Kind() == value.Text {
		return strings.Clone(v.Text())
	}
	return ""
}

// speak fills the texts of a rule for one subject.
func (g *Engine) speak(ctx context.Context, t *transition, words map[string][2]string) error {
	area, err := g.areaName(ctx, t.area)
	if err != nil {
		return err
	}
	fill := func(text, lang string) string {
		i := 0
		if lang == "en" {
			i = 1
		}
		return core.Fill(text, func(name string) string {
			switch name {
			case "subject":
				return t.subject
			case "value":
				return figure(t.value, lang)
			case "threshold":
				return figure(t.limit, lang)
			case "unit":
				return t.rule.Unit
			case "area":
				return area[i]
			case "severity":
				return severityWord(t.To, lang)
			}
			return words[name][i]
		})
	}
	t.titleVi, t.titleEn = cut(fill(t.rule.Title["vi"], "vi"), 300), cut(fill(t.rule.Title["en"], "en"), 300)
	t.bodyVi, t.bodyEn = cut(fill(t.rule.Advice["vi"], "vi"), 2000), cut(fill(t.rule.Advice["en"], "en"), 2000)
	return nil
}

func severityWord(s core.Severity, lang string) string {
	if lang == "vi" {
		return [...]string{"", "thấp", "trung bình", "cao"}[s]
	}
	return s.String()
}

// figure writes a number with no more digits than a decision needs.
func figure(f float64, lang string) string {
	digits := 2
	if math.Abs(f) >= 100 {
		digits = 0
	}
	s := strconv.FormatFloat(f, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if lang == "vi" {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// lookUp describes a transition that came of time alone, by the last record of
// its subject.
func (g *Engine) lookUp(ctx context.Context, t *transition) error {
	t.area, t.agency = grant.WholeCity, t.rule.Owner
	if t.rule.Kind == core.Indicator {
		t.area = t.subject
		return g.speak(ctx, t, nil)
	}
	e, err := g.Repo.Entry(repo.Internal(), t.rule.Dataset)
	if err != nil {
		return g.speak(ctx, t, nil)
	}
	for _, w := range g.rules.of(e, g.Log) {
		if w.Rule != t.rule {
			continue
		}
		row, err := g.lastOf(ctx, w, t.subject)
		if err != nil || row == nil {
			return errors.Join(err, g.speak(ctx, t, nil))
		}
		return g.describe(ctx, t, w, row)
	}
	return g.speak(ctx, t, nil)
}

// lastOf reads the newest record of a subject.
func (g *Engine) lastOf(ctx context.Context, w *watcher, subject string) (row []value.Value, err error) {
	filter, ok := subjectFilter(w, subject)
	if !ok {
		return nil, nil
	}
	q := repo.Query{Dataset: w.entry.Dataset.Name, Filter: filter, Limit: 1}
	if w.Time >= 0 {
		q.Sort = []repo.Sort{{Field: w.Table.Columns[w.Time].Name, Desc: true}}
	}
	_, err = g.Repo.Read(ctx, repo.Internal(), q, func(r repo.Record) error {
		row = append([]value.Value(nil), r.Values...)
		for i, v := range row {
			if v.Kind() == value.Text {
				row[i] = value.OfText(strings.Clone(v.Text()))
			}
		}
		return nil
	})
	return row, err
}

// limitsOf finds the thresholds of a row's subject; NaN is none.
func (g *Engine) limitsOf(ctx context.Context, w *watcher, row []value.Value) (l [4]float64, err error) {
	for s := core.Low; s <= core.High; s++ {
		l[s] = w.At[s]
		if w.Refs[s] == nil {
			continue
		}
		v, err := g.refer(ctx, w.Refs[s], row)
		if err != nil {
			return l, err
		}
		f, ok := v.Number()
		if l[s] = f; !ok {
			l[s] = math.NaN()
		}
	}
	return l, nil
}

// mostRefs bounds the records of others that are remembered.
const mostRefs = 20_000

// refer reads a field of the record that a row names. Such records are
// remembered until one of their dataset changes.
func (g *Engine) refer(ctx context.Context, ref *core.Reference, row []value.Value) (value.Value, error) {
	key := row[ref.Via]
	if key.IsNull() {
		return value.Value{}, nil
	}
	known := g.refs[ref.Dataset]
	if known == nil || len(known) > mostRefs {
		known = map[string][]value.Value{}
		g.refs[ref.Dataset] = known
	}
	text := plain(key)
	values, ok := known[text]
	if !ok {
		rec, err := g.Repo.Get(ctx, repo.Internal(), ref.Dataset, []value.Value{key}, 0)
		if err != nil && problem.KindOf(err) != problem.NotFound {
			return value.Value{}, err
		}
		values = rec.Values
		known[strings.Clone(text)] = values
	}
	e, err := g.Repo.Entry(repo.Internal(), ref.Dataset)
	if err != nil || values == nil {
		return value.Value{}, nil
	}
	if c, _, _, ok := e.Table.Property(ref.Field); ok && c < len(values) {
		return values[c], nil
	}
	return value.Value{}, nil
}

// areaName is an area in both languages.
func (g *Engine) areaName(ctx context.Context, code string) ([2]string, error) {
	if n, ok := g.names[code]; ok {
		return n, nil
	}
	n := [2]string{code, code}
	rec, err := g.Repo.Get(ctx, repo.Internal(), repo.SystemArea, []value.Value{value.OfText(code)}, 0)
	switch {
	case err == nil:
		c := cells{rec.Entry, rec.Values}
		n = [2]string{c.str("name"), c.str("nameEn")}
		if n[1] == "" {
			n[1] = n[0]
		}
	case problem.KindOf(err) != problem.NotFound:
		return n, err
	}
	g.names[code] = n
	return n, nil
}
