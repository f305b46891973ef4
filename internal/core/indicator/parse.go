package indicator

import (
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
)

// File is the indicators that one file declares.
type File struct {
	Title       Words
	Definitions []*Definition

	doc   *declare.Document
	nodes map[*Definition]*declare.Node
	parts map[*Part]*declare.Map
}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	lagForm  = regexp.MustCompile(`^([1-9][0-9]{0,4}) ?(min|h|d|w)$`)
)

const maxName = 60

// MaxDecimals is the most digits after the point that a figure is told with.
const MaxDecimals = 6

// Parse reads a file of indicators. Everything that is wrong with it is told at
// once, each fault at its line and column: an Invalid error of the code
// indicators-invalid. What depends on datasets is for Check.
func Parse(file string, text []byte) (*File, error) {
	f := read(file, text)
	return f, f.doc.Err("indicators-invalid")
}

func read(file string, text []byte) *File {
	f := &File{doc: declare.ReadYAML(file, text), nodes: map[*Definition]*declare.Node{}, parts: map[*Part]*declare.Map{}}
	if f.doc.Root == nil {
		return f
	}
	m := f.doc.Map(f.doc.Root, "")
	m.Need("title", "indicators")
	f.Title = m.Titles("title")
	sector := m.Matching("sector", nameForm, "indicator-name")
	owner := m.Text("owner")
	var pending []reference
	m.List("indicators", func(it *declare.Node, path string) {
		d, refs := f.definition(f.doc.Map(it, path), sector, owner)
		if d == nil {
			return
		}
		for _, other := range f.Definitions {
			if d.Name != "" && other.Name == d.Name {
				f.doc.Fault(it, path+".name", "indicator-twice", "name", d.Name)
			}
		}
		f.nodes[d] = it
		f.Definitions = append(f.Definitions, d)
		pending = append(pending, refs...)
	})
	m.Done()
	for _, r := range pending {
		f.resolve(r)
	}
	return f
}

// definition reads one indicator.
func (f *File) definition(m *declare.Map, sector, owner string) (*Definition, []reference) {
	if m.N == nil {
		return nil, nil
	}
	m.Need("name", "title", "grains", "good")
	d := &Definition{
		Name: m.Matching("name", nameForm, "indicator-name"), Title: m.Titles("title"),
		Description: m.Titles("description"), Unit: m.Words("unit"), Source: m.Titles("source"),
		Sector: m.Matching("sector", nameForm, "indicator-name"), Owner: m.Text("owner"), Times: 1,
	}
	if len(d.Name) > maxName {
		f.doc.Fault(m.N.Get("name"), m.Join("name"), "indicator-name", "found", declare.Excerpt(d.Name))
	}
	if d.Sector == "" {
		d.Sector = sector
	}
	if d.Owner == "" {
		d.Owner = owner
	}
	if d.Sector == "" {
		m.Need("sector")
	}
	if d.Owner == "" {
		m.Need("owner")
	}
	refs := f.measures(m, d)
	if per := m.Count("per", 1, 10_000_000); per != nil {
		d.Per = *per
	}
	area := m.OptionalBool("area")
	d.Area = area == nil || *area
	d.By = m.Texts("by")
	if len(d.By) > 4 {
		f.doc.Fault(m.N.Get("by"), m.Join("by"), "indicator-by-many", "limit", 4)
	}
	f.grains(m, d)
	if over := m.Count("over", 2, 366); over != nil {
		d.Over = *over
	}
	for _, p := range d.Parts {
		if p.Past && slices.Contains(d.Grains, Total) {
			f.doc.Fault(m.N, m.Join("past"), "indicator-past")
		}
		if d.Over > 0 && (!p.Measure.Additive() || p.Past || slices.Contains(d.Grains, Total)) {
			f.doc.Fault(m.N.Get("over"), m.Join("over"), "indicator-over")
		}
	}
	f.goals(m, d)
	if lag := m.Text("lag"); lag != "" {
		if d.Lag = duration(lag); d.Lag == 0 {
			f.doc.Fault(m.N.Get("lag"), m.Join("lag"), "indicator-lag", "found", declare.Excerpt(lag))
		}
	}
	d.Zero = m.Word("empty", "zero", "unknown") == "zero"
	d.Running = m.Word("show", "complete", "running") == "running"
	if n := m.Count("decimals", 0, MaxDecimals); n != nil {
		d.Decimals = *n
	}
	m.Done()
	return d, refs
}

// measures reads the one measure, or the two of a ratio.
func (f *File) measures(m *declare.Map, d *Definition) (refs []reference) {
	ratio := m.Take("ratio")
	if ratio == nil {
		m.Need("dataset", "measure")
		p := f.part(m, nil)
		d.Parts = []Part{p}
		f.parts[&d.Parts[0]] = m
		return nil
	}
	r := f.doc.Map(ratio, m.Join("ratio"))
	r.Need("of", "to")
	// What both parts share may stand beside the ratio.
	shared := f.shared(m)
	d.Parts = make([]Part, 2)
	for i, key := range [...]string{"of", "to"} {
		n := r.Take(key)
		switch {
		case n == nil:
		case n.Holds(declare.TextNode):
			refs = append(refs, reference{d, i, n, r.Join(key)})
		default:
			pm := f.doc.Map(n, r.Join(key))
			pm.Need("measure")
			d.Parts[i] = f.part(pm, &shared)
			f.parts[&d.Parts[i]] = pm
			pm.Done()
		}
	}
	if t := r.Float("times"); t != nil {
		d.Times = *t
		if *t == 0 {
			f.doc.Fault(r.N.Get("times"), r.Join("times"), "indicator-times")
		}
	}
	r.Done()
	return refs
}

func (f *File) shared(m *declare.Map) Part {
	return Part{Dataset: m.Text("dataset"), Filter: f.filter(m), Time: m.Text("time"), Past: m.Bool("past")}
}

// part reads a measure; what it does not say it takes from shared.
func (f *File) part(m *declare.Map, shared *Part) Part {
	p := f.shared(m)
	p.Measure = Measure(m.Word("measure", names()...))
	p.Of, p.Plus, p.Since = m.Text("of"), m.Text("plus"), m.Text("since")
	p.In = m.Word("in", "minute", "hour", "day")
	if shared != nil {
		if p.Dataset == "" {
			p.Dataset = shared.Dataset
		}
		if p.Dataset == "" {
			m.Need("dataset")
		}
		if p.Time == "" {
			p.Time = shared.Time
		}
		p.Filter = both(p.Filter, shared.Filter)
		p.Past = p.Past || shared.Past
	}
	switch {
	case p.Measure == Count && (p.Of != "" || p.Since != ""):
		f.doc.Fault(m.N.Get("measure"), m.Join("measure"), "indicator-count-of")
	case p.Measure != Count && p.Measure != "" && p.Of == "":
		m.Need("of")
	case p.Plus != "" && (p.Measure != Sum || p.Since != ""):
		f.doc.Fault(m.N.Get("plus"), m.Join("plus"), "indicator-plus")
	case (p.Since == "") != (p.In == ""):
		f.doc.Fault(m.N, m.Join("since"), "indicator-since-in")
	case p.Since != "" && p.Measure == Distinct:
		f.doc.Fault(m.N.Get("since"), m.Join("since"), "indicator-since-distinct")
	}
	if p.Past && !p.Measure.Additive() {
		f.doc.Fault(m.N, m.Join("past"), "indicator-past")
	}
	return p
}

// both joins two conditions; what does not parse was told where it stands.
func both(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	x, e1 := cql2.ParseText(a)
	y, e2 := cql2.ParseText(b)
	if e1 != nil || e2 != nil {
		return a
	}
	return cql2.Text(cql2.And(x, y))
}

// filter reads a condition, and tells what is wrong with its words.
func (f *File) filter(m *declare.Map) string {
	s := m.Text("filter")
	if s == "" {
		return ""
	}
	e, err := cql2.ParseText(s)
	if err == nil && cql2.UsesPrevious(e) {
		f.doc.Fault(m.N.Get("filter"), m.Join("filter"), "declaration-previous-place")
	}
	f.expression(m, "filter", err)
	return s
}

// expression tells faults of a condition at their characters, where it is
// written in one line without escapes.
func (f *File) expression(m *declare.Map, key string, err error) {
	if err == nil {
		return
	}
	n := m.N.Get(key)
	p := problem.As(err)
	vs := p.Violations
	if len(vs) == 0 {
		vs = []problem.Violation{{Code: p.Code, Args: p.Args}}
	}
	for _, v := range vs {
		line, col := n.Line, n.Col
		if o := int(v.Position.Offset); n.Plain && o <= len(n.Text) {
			col += n.Skip + utf8.RuneCountInString(n.Text[:o])
		}
		f.doc.Add(problem.Violation{Code: v.Code, Field: m.Join(key), Args: v.Args}, line, col)
	}
}

func (f *File) grains(m *declare.Map, d *Definition) {
	seen := map[Grain]bool{}
	for _, name := range m.Texts("grains") {
		g, ok := GrainOf(name)
		if !ok {
			n := m.N.Get("grains")
			f.doc.Unknown("declaration-word", m.Join("grains"), name, grainNames[:], n.Line, n.Col)
			continue
		}
		if !seen[g] {
			d.Grains = append(d.Grains, g)
		}
		seen[g] = true
	}
	if seen[Total] && len(seen) > 1 {
		f.doc.Fault(m.N.Get("grains"), m.Join("grains"), "indicator-total-alone")
	}
	if m.N.Get("grains") != nil && len(d.Grains) == 0 {
		f.doc.Fault(m.N.Get("grains"), m.Join("grains"), "declaration-blank")
	}
}

// goals reads what is good and what is not.
func (f *File) goals(m *declare.Map, d *Definition) {
	d.Good = Direction(m.Word("good", string(Up), string(Down), string(None)))
	d.Target = m.Float("target")
	if d.Target != nil && d.Good == None {
		f.doc.Fault(m.N.Get("target"), m.Join("target"), "indicator-target-good")
	}
	d.PerArea = m.Bool("perArea")
	n := m.Take("thresholds")
	if n == nil {
		return
	}
	t := f.doc.Map(n, m.Join("thresholds"))
	for _, severity := range [...]string{"high", "medium", "low"} {
		if at := t.Float(severity); at != nil {
			d.Thresholds = append(d.Thresholds, Threshold{severity, *at})
		}
	}
	t.Done()
	ordered := slices.IsSortedFunc(d.Thresholds, func(a, b Threshold) int {
		if d.Good == Up && a.At <= b.At || d.Good != Up && a.At >= b.At {
			return -1
		}
		return 1
	})
	if !ordered {
		f.doc.Fault(n, m.Join("thresholds"), "indicator-thresholds")
	}
}

// reference is a part of a ratio that is named, to be found when all are read.
type reference struct {
	d    *Definition
	part int
	n    *declare.Node
	path string
}

func (f *File) resolve(r reference) {
	known := make([]string, 0, len(f.Definitions))
	for _, d := range f.Definitions {
		if d.Name == r.n.Text && d != r.d && len(d.Parts) == 1 {
			r.d.Parts[r.part] = d.Parts[0]
			return
		}
		if d != r.d && len(d.Parts) == 1 {
			known = append(known, d.Name)
		}
	}
	f.doc.Unknown("declaration-word", r.path, r.n.Text, known, r.n.Line, r.n.Col)
}

func names() []string {
	list := make([]string, len(measures))
	for i, m := range measures {
		list[i] = string(m)
	}
	return list
}

// duration reads "90 min", "11 d"; 0 is no duration.
func duration(s string) time.Duration {
	g := lagForm.FindStringSubmatch(s)
	if g == nil {
		return 0
	}
	n, _ := strconv.Atoi(g[1])
	unit := map[string]time.Duration{"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	return time.Duration(n) * unit[g[2]]
}
