package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/dataset"

	"huong.city/huong/internal/face/web"
)

// themeAttrs tells the page's look and where its stream is.
func (v *view) themeAttrs() templ.Attributes {
	a := templ.Attributes{"data-stream": "/live", "data-now": strconv.FormatInt(v.now.UnixMilli(), 10)}
	if v.theme != "" {
		a["data-theme"] = v.theme
	}
	return a
}

func (v *view) heading() string {
	if v.title == "" {
		return "Hương"
	}
	return v.title + " – Hương"
}

func (v *view) other() string {
	if v.lang == "vi" {
		return "en"
	}
	return "vi"
}

func (v *view) otherTheme() string {
	if v.theme == "dark" {
		return "light"
	}
	return "dark"
}

func (v *view) current(key string) templ.Attributes {
	if v.nav == key {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

// ageWords are the words that the script tells ages with.
func (v *view) ageWords() map[string]string {
	hole := func(key string) string { return v.T(key, "n", "{n}") }
	return map[string]string{"now": v.T("age.now"), "s": hole("age.s"), "m": hole("age.m"), "h": hole("age.h"), "d": hole("age.d"), "y": hole("age.y")}
}

func (d *datasetView) tabAttr(tab string) templ.Attributes {
	if d.tab == tab {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

func onAttr(on bool) templ.Attributes {
	if on {
		return templ.Attributes{"aria-current": "true"}
	}
	return nil
}

func sortAttr(c column) templ.Attributes {
	if c.Sorted != "" {
		return templ.Attributes{"aria-sort": c.Sorted}
	}
	return nil
}

func arrow(sorted string) string {
	switch sorted {
	case "ascending":
		return " ↑"
	case "descending":
		return " ↓"
	}
	return ""
}

func unitSuffix(unit string) string {
	if unit == "" {
		return ""
	}
	return " · " + unit
}

// clipped keeps a cell short; longer gives the whole text as its title.
func clipped(s string) string {
	if r := []rune(s); len(r) > 160 {
		return string(r[:159]) + "…"
	}
	return s
}

func longer(s string) string {
	if len(s) <= 40 {
		return ""
	}
	if r := []rune(s); len(r) > 1000 {
		return string(r[:999]) + "…"
	}
	return s
}

func filterRows(s string) string {
	return strconv.Itoa(min(6, 1+strings.Count(s, "\n")+len(s)/110))
}

func keyName(k string) string {
	return map[string]string{"j k": "move", "Enter": "open", "/": "filter", "n p": "page", "?": "help"}[k]
}

func joined(sep string, parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, sep)
}

func isoMicros(us int64) string { return ISO(time.UnixMicro(us)) }

func orNone(v *view, s string) string { return or(s, v.T("value.none")) }

func errorGlyph(kind string) string {
	switch kind {
	case "unauthenticated", "denied":
		return "lock"
	case "not-found":
		return "search"
	}
	return "fault"
}

func violationText(x web.Violation) string {
	if x.Field != "" {
		return x.Field + ": " + x.Message
	}
	return x.Message
}

// island carries to the map's script where it gets what it draws.
func (m *mapTab) island() templ.Attributes {
	if m.Island == nil {
		return nil
	}
	a := templ.Attributes{"data-map": "", "data-areas": "/areas.json"}
	for k, val := range m.Island {
		a["data-"+k] = val
	}
	return a
}

// areaOptions are the areas of today.
func (v *view) areaOptions() []option { return v.u.namesNow(v.r.Context()).children }

// example is a filter that fits the dataset, shown while the box is empty.
func (l *listing) example() string {
	for _, f := range l.measures() {
		return f.Name + " > 0"
	}
	for _, f := range l.fields() {
		for _, c := range f.Categories {
			if s, ok := c.Value.(string); ok {
				return f.Name + " = '" + s + "'"
			}
		}
	}
	for _, f := range l.fields() {
		if f.Type == "string" {
			return f.Name + " LIKE 'A%'"
		}
	}
	return ""
}

// fragmentAttr marks a part of a page that follows the log.
func fragmentAttr(live bool, of string) templ.Attributes {
	if !live {
		return nil
	}
	return templ.Attributes{"data-live-fragment": of}
}

// runsAttr makes the list of runs ask for itself while one is at work.
func runsAttr(runs []replayView) templ.Attributes {
	for _, r := range runs {
		if r.Working {
			return templ.Attributes{"hx-get": "/quarantine?fragment=runs", "hx-trigger": "every 1s", "hx-swap": "outerHTML"}
		}
	}
	return nil
}

func cellID(i int) string { return "cell-" + strconv.Itoa(i) }

func describedAttr(fault string) templ.Attributes {
	if fault == "" {
		return nil
	}
	return templ.Attributes{"aria-describedby": "token-fault"}
}

func or2(c, other dataset.Classification) dataset.Classification {
	if c != "" {
		return c
	}
	return other
}

// invalidAttr marks a control whose value is refused.
func invalidAttr(bad bool) templ.Attributes {
	if !bad {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true"}
}

// confirmAttr makes a button ask before what cannot be undone.
func confirmAttr(question string) templ.Attributes {
	if question == "" {
		return nil
	}
	return templ.Attributes{"data-confirm": question}
}
