package request

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/declare"
)

var (
	codeForm   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	agencyForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	wardForm   = regexp.MustCompile(`^[a-z0-9-]*\{area\}[a-z0-9-]*$`)
	hoursForm  = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$`)
	holeForm   = regexp.MustCompile(`\{([^{}]*)\}`)
)

// Parse reads a declaration. Everything that is wrong within the file is told at
// its line and column, in one Invalid error requests-invalid. What lies outside
// of it, agencies and areas, is Check's.
func Parse(file string, text []byte) (*Catalogue, error) {
	doc := declare.ReadYAML(file, text)
	if doc.Root == nil {
		return nil, doc.Err("requests-invalid")
	}
	r := &reader{doc: doc, c: &Catalogue{file: file}}
	r.read(doc.Map(doc.Root, ""))
	if err := doc.Err("requests-invalid"); err != nil {
		return nil, err
	}
	return r.c, nil
}

type reader struct {
	doc *declare.Document
	c   *Catalogue

	zones, tracks, groups, categories, rules, outcomes, templates []string
}

func (r *reader) read(m *declare.Map) {
	c := r.c
	m.Need("title", "desk", "tracks", "groups", "rules")
	m.Need("name")
	c.Name = m.Matching("name", codeForm, "declaration-code-word")
	c.Title = m.Titles("title")
	c.Owner = m.Text("owner")
	c.Desk = m.Matching("desk", agencyForm, "declaration-code-word")
	c.WardAgency = m.Matching("wardAgency", wardForm, "requests-ward-agency")
	m.List("zones", func(n *declare.Node, path string) {
		z := r.doc.Map(n, path)
		z.Need("code", "title", "areas")
		c.Zones = append(c.Zones, Zone{Code: r.code(z, &r.zones), Title: z.Titles("title"), Areas: z.Literals("areas"), place: at(n)})
		z.Done()
	})
	m.List("tracks", func(n *declare.Node, path string) {
		t := r.doc.Map(n, path)
		t.Need("code", "title", "law")
		x := Track{Code: r.code(t, &r.tracks), Title: t.Titles("title"), Law: t.Text("law"), Accepts: true, Pointer: t.Titles("pointer"), place: at(n)}
		if b := t.OptionalBool("accepts"); b != nil {
			x.Accepts = *b
		}
		if !x.Accepts && x.Pointer == nil {
			r.doc.Fault(n, path, "declaration-missing", "key", "pointer")
		}
		c.Tracks = append(c.Tracks, x)
		t.Done()
	})
	m.List("groups", func(n *declare.Node, path string) {
		g := r.doc.Map(n, path)
		g.Need("code", "title", "categories")
		group := Group{Code: r.code(g, &r.groups), Title: g.Titles("title"), place: at(n)}
		c.Groups = append(c.Groups, group)
		g.List("categories", func(n *declare.Node, path string) { r.category(n, path, group.Code) })
		g.Done()
	})
	m.List("rules", r.rule)
	m.List("outcomes", func(n *declare.Node, path string) {
		o := r.doc.Map(n, path)
		o.Need("code", "text")
		c.Outcomes = append(c.Outcomes, Outcome{Code: r.code(o, &r.outcomes), Text: o.Titles("text"), place: at(n)})
		o.Done()
	})
	m.List("templates", r.template)
	r.upkeep(m)
	m.Done()
}

func (r *reader) category(n *declare.Node, path, group string) {
	m := r.doc.Map(n, path)
	m.Need("code", "title", "description")
	x := Category{Code: r.code(m, &r.categories), Group: group, Title: m.Titles("title"), Description: m.Titles("description"), Keywords: m.Texts("keywords"),
		Notice: m.Titles("notice"), Physical: m.Bool("physical"), Placeless: m.Bool("placeless"), Private: m.Bool("private"),
		Publication: m.Word("publication", Before, After, Never), Urgency: m.Word("urgency", Normal, Urgent), Track: m.Word("track", r.tracks...),
		Class: m.Matching("class", codeForm, "declaration-code-word"), Active: true, place: at(n)}
	if b := m.OptionalBool("active"); b != nil {
		x.Active = *b
	}
	if x.Publication == "" {
		x.Publication = Before
	}
	if x.Urgency == "" {
		x.Urgency = Normal
	}
	if x.Track == "" && len(r.tracks) > 0 {
		x.Track = r.tracks[0]
	}
	if x.Private && x.Publication != Never {
		r.doc.Fault(n, path, "requests-private-published", "category", x.Code)
	}
	for _, k := range x.Keywords {
		if strings.Contains(k, ",") { // Open311 lists keywords with commas between
			r.doc.Fault(m.N.Get("keywords"), m.Join("keywords"), "requests-keyword", "found", declare.Excerpt(k))
		}
	}
	var codes []string
	m.List("questions", func(n *declare.Node, path string) {
		q := r.doc.Map(n, path)
		q.Need("code", "datatype", "title")
		y := Question{Code: r.code(q, &codes), Datatype: q.Word("datatype", datatypes()...), Required: q.Bool("required"), Title: q.Titles("title"), Hint: q.Titles("hint"), place: at(n)}
		var values []string
		q.List("values", func(n *declare.Node, path string) {
			v := r.doc.Map(n, path)
			v.Need("code", "title")
			y.Values = append(y.Values, Choice{Code: r.code(v, &values), Title: v.Titles("title"), Stop: v.Titles("stop"), place: at(n)})
			v.Done()
		})
		if list := y.Datatype == SingleList || y.Datatype == MultiList; y.Datatype != "" && list != (len(y.Values) > 0) {
			r.doc.Fault(n, path, "requests-question-values", "datatype", y.Datatype)
		}
		x.Questions = append(x.Questions, y)
		q.Done()
	})
	r.c.Categories = append(r.c.Categories, x)
	m.Done()
}

func (r *reader) rule(n *declare.Node, path string) {
	m := r.doc.Map(n, path)
	m.Need("code", "title")
	x := Rule{Code: r.code(m, &r.rules), Title: m.Titles("title"), Agency: m.Matching("agency", agencyForm, "declaration-code-word"), Ward: m.Bool("ward"), place: at(n)}
	if when := m.Take("when"); when != nil {
		w := r.doc.Map(when, m.Join("when"))
		x.Categories, x.Groups, x.Zones = r.words(w, "categories", r.categories), r.words(w, "groups", r.groups), r.words(w, "zones", r.zones)
		x.Areas = w.Literals("areas")
		if hours := w.Matching("hours", hoursForm, "requests-hours"); hoursForm.MatchString(hours) {
			p := hoursForm.FindStringSubmatch(hours)
			x.From, x.Until = minutes(p[1], p[2]), minutes(p[3], p[4])
			if x.From == x.Until {
				r.doc.Fault(when.Get("hours"), w.Join("hours"), "requests-hours", "found", hours)
			}
		}
		w.Done()
	}
	switch {
	case x.Ward == (x.Agency != ""):
		r.doc.Fault(n, path, "requests-rule-agency", "rule", x.Code)
	case x.Ward && r.c.WardAgency == "":
		r.doc.Fault(n, path, "requests-rule-ward", "rule", x.Code)
	}
	r.c.Rules = append(r.c.Rules, x)
	m.Done()
}

func (r *reader) template(n *declare.Node, path string) {
	m := r.doc.Map(n, path)
	m.Need("code", "title", "text")
	x := Template{Code: r.code(m, &r.templates), Title: m.Titles("title"), Text: m.Titles("text"), Outcomes: r.words(m, "outcomes", r.outcomes),
		Categories: r.words(m, "categories", slices.Concat(r.categories, r.groups)), place: at(n)}
	for _, lang := range []string{"vi", "en"} {
		for _, hole := range holeForm.FindAllStringSubmatch(x.Text[lang], -1) {
			if !slices.Contains(Holes(), hole[1]) {
				v := m.N.Get("text")
				r.doc.Unknown("declaration-word", m.Join("text")+"."+lang, hole[1], Holes(), v.Line, v.Col)
			}
		}
	}
	r.c.Templates = append(r.c.Templates, x)
	m.Done()
}

// code takes the code of a thing, which no other of its kind has.
func (r *reader) code(m *declare.Map, before *[]string) string {
	code := m.Matching("code", codeForm, "declaration-code-word")
	if code != "" && slices.Contains(*before, code) {
		r.doc.Fault(m.N.Get("code"), m.Join("code"), "requests-twice", "code", declare.Excerpt(code))
	}
	*before = append(*before, code)
	return code
}

// words takes a list of declared codes, or one.
func (r *reader) words(m *declare.Map, key string, known []string) (list []string) {
	v := m.Take(key)
	if v == nil {
		return nil
	}
	items := []*declare.Node{v}
	if v.Shape == declare.ListNode {
		items = v.Items
	}
	for _, it := range items {
		if s := r.doc.AsWord(it, m.Join(key), known...); s != "" {
			list = append(list, s)
		}
	}
	return list
}

func at(n *declare.Node) place { return place{n.Line, n.Col} }

func minutes(hour, minute string) int {
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	return h*60 + m
}
