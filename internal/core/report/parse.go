package report

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
)

// mostBlocks bounds what one report computes.
const mostBlocks = 80

var (
	nameForm   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	ownerForm  = regexp.MustCompile(`^[a-z0-9]+(-([a-z0-9]+|\{area\}))*$`)
	clockForm  = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	symbolForm = regexp.MustCompile(`^\p{Lu}[\p{Lu}0-9]*(-[\p{Lu}0-9]+)*$`)
	holeForm   = regexp.MustCompile(`\{([^{}]*)\}`)
)

// Hole is a place in a text that is filled when the report is computed.
type Hole struct {
	What string // of HoleNames
	Name string // of an indicator, after figure: or change:
}

// HoleNames lists what a text can have holes for.
func HoleNames() []string {
	return []string{"area", "agency", "period", "from", "until", "stage", "alerts", "incidents", "figure:NAME", "change:NAME"}
}

// Holes lists the holes of a text.
func Holes(text string) (list []Hole) {
	for _, m := range holeForm.FindAllStringSubmatch(text, -1) {
		what, name, _ := strings.Cut(m[1], ":")
		list = append(list, Hole{what, name})
	}
	return list
}

// Fill writes a text with its holes filled.
func Fill(text string, with func(Hole) string) string {
	return holeForm.ReplaceAllStringFunc(text, func(s string) string {
		what, name, _ := strings.Cut(s[1:len(s)-1], ":")
		return with(Hole{what, name})
	})
}

func (h Hole) known() bool {
	switch h.What {
	case "figure", "change":
		return nameForm.MatchString(h.Name)
	}
	return h.Name == "" && slices.Contains(HoleNames()[:8], h.What)
}

// Check reads a report and tells everything that is wrong with it.
func Check(file string, text []byte, _ func(name string) *dataset.Dataset) error {
	_, err := Parse(file, text)
	return err
}

// Parse reads a report. Everything that is wrong with it is told at once, each
// fault at its line and column: an Invalid error of the code report-invalid.
func Parse(file string, text []byte) (*Report, error) {
	r := &reader{doc: declare.ReadYAML(file, text), asks: map[string]bool{}}
	var out Report
	if r.doc.Root != nil {
		out = r.report()
	}
	return &out, r.doc.Err("report-invalid")
}

type reader struct {
	doc    *declare.Document
	blocks int
	asks   map[string]bool
}

func (r *reader) report() Report {
	m := r.doc.Map(r.doc.Root, "")
	m.Need("title", "owner", "period", "form", "sections")
	out := Report{Title: m.Titles("title"), Owner: m.Matching("owner", ownerForm, "report-name"), Officer: m.Text("officer")}
	out.Wards = m.Word("for", "city", "wards") == "wards"
	if strings.Contains(out.Owner, "{area}") && !out.Wards {
		r.doc.Fault(m.N.Get("owner"), "owner", "report-owner")
	}
	out.Period = Period(m.Word("period", string(Day), string(Week), string(Month), string(OnCall)))
	if out.Period == OnCall {
		out.Hours = 24
		if n := m.Count("hours", 1, 24*31); n != nil {
			out.Hours = *n
		}
	} else {
		m.Need("at")
		if at := m.Matching("at", clockForm, "report-clock"); clockForm.MatchString(at) {
			t, _ := time.Parse("15:04", at)
			out.At = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
		}
	}
	out.Form = r.form(m)
	m.List("sections", func(n *declare.Node, path string) {
		s := r.doc.Map(n, path)
		s.Need("title", "blocks")
		part := Section{Title: s.Titles("title")}
		s.List("blocks", func(n *declare.Node, path string) { part.Blocks = append(part.Blocks, r.block(n, path, &out)) })
		s.Done()
		out.Parts = append(out.Parts, part)
	})
	m.Done()
	if r.blocks > mostBlocks {
		r.doc.Fault(r.doc.Root, "sections", "report-many-blocks", "limit", mostBlocks)
	}
	return out
}

func (r *reader) form(m *declare.Map) Form {
	n := m.Take("form")
	f := r.doc.Map(n, "form")
	f.Need("symbol", "signer", "recipients")
	out := Form{Parent: f.Titles("parent"), Agency: f.Titles("agency"), Symbol: f.Matching("symbol", symbolForm, "report-symbol"), Place: f.Titles("place"),
		Authority: f.Titles("authority"), Signer: f.Titles("signer")}
	f.List("recipients", func(n *declare.Node, path string) {
		w := r.doc.AsWords(n, path)
		for _, lang := range [...]string{"vi", "en"} {
			if w != nil && w[lang] == "" {
				r.doc.Fault(n, path+"."+lang, "declaration-missing", "key", lang)
			}
		}
		out.Recipients = append(out.Recipients, w)
	})
	f.Done()
	return out
}

func (r *reader) block(n *declare.Node, path string, of *Report) Block {
	r.blocks++
	m := r.doc.Map(n, path)
	m.Need("kind")
	b := Block{Kind: m.Word("kind", Text, Figures, Table, Series, Ranking, Events, Ask), Title: m.Titles("title"), Line: n.Line}
	switch b.Kind {
	case "":
		return b
	case Text:
		m.Need("text")
		b.Text = m.Titles("text")
		r.holes(m, b.Text)
	case Figures, Table:
		m.Need("indicators")
		b.Indicators = r.names(m, "indicators", map[string]int{Figures: 40, Table: 6}[b.Kind])
	case Series:
		m.Need("indicators")
		b.Indicators = r.names(m, "indicators", 4)
		b.Grain = m.Word("grain", "hour", "day", "week", "month")
	case Ranking:
		m.Need("indicator")
		b.Indicators = r.names(m, "indicator", 1)
		r.limit(m, &b)
	case Events:
		m.Need("of")
		b.Of = m.Word("of", EventKinds()...)
		if b.Of == "alerts" || b.Of == "incidents" {
			b.Severity = r.words(m, "severity", []string{"high", "medium", "low"})
		}
		r.limit(m, &b)
	case Ask:
		m.Need("name", "title")
		b.Name = m.Matching("name", nameForm, "report-name")
		if r.asks[b.Name] {
			r.doc.Fault(m.N.Get("name"), m.Join("name"), "report-twice")
		}
		r.asks[b.Name] = true
		b.Text, b.Required = m.Titles("hint"), m.Bool("required")
		if list := r.names(m, "prefill", 1); len(list) > 0 {
			b.Prefill = list[0]
		}
	}
	if of.Wards && (b.Kind == Table || b.Kind == Ranking) {
		r.doc.Fault(n, path, "report-by-ward")
	}
	m.Done()
	return b
}

func (r *reader) limit(m *declare.Map, b *Block) {
	b.Limit = 50
	if n := m.Count("limit", 1, 500); n != nil {
		b.Limit = *n
	}
}

// holes checks that every hole of a text can be filled.
func (r *reader) holes(m *declare.Map, text Words) {
	for _, lang := range [...]string{"vi", "en"} {
		for _, h := range Holes(text[lang]) {
			if h.known() {
				continue
			}
			word := h.What
			if h.Name != "" {
				word += ":" + h.Name
			}
			n := m.N.Get("text").Walk(lang)
			r.doc.Unknown("report-hole", m.Join("text")+"."+lang, word, HoleNames(), n.Line, n.Col)
		}
	}
}

func (r *reader) items(m *declare.Map, key string) []*declare.Node {
	n := m.Take(key)
	switch {
	case n == nil:
		return nil
	case n.Shape == declare.ListNode:
		return n.Items
	}
	return []*declare.Node{n}
}

func (r *reader) words(m *declare.Map, key string, allowed []string) (list []string) {
	for _, n := range r.items(m, key) {
		if w := r.doc.AsWord(n, m.Join(key), allowed...); w != "" {
			list = append(list, w)
		}
	}
	return list
}

func (r *reader) names(m *declare.Map, key string, most int) (list []string) {
	items := r.items(m, key)
	if len(items) > most {
		r.doc.Fault(m.N.Get(key), m.Join(key), "report-many-indicators", "limit", most)
	}
	for _, n := range items {
		s := r.doc.AsText(n, m.Join(key))
		if s != "" && !nameForm.MatchString(s) {
			r.doc.Add(problem.Violate("report-name", m.Join(key), "found", declare.Excerpt(s)), n.Line, n.Col)
			continue
		}
		list = append(list, s)
	}
	return list
}
