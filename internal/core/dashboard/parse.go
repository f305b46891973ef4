package dashboard

import (
	"regexp"
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
)

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// mostWidgets bounds what one page computes.
const mostWidgets = 60

// reference is a name in the file that must exist elsewhere.
type reference struct {
	what string // indicator, dataset, board
	name string
	path string
	node *declare.Node
}

// Known tells what exists besides the file. A nil func leaves its kind unchecked.
type Known struct {
	Indicator func(name string) bool
	// Splits tells the fields by which an indicator is told in parts, and whether
	// its parts add up: a ratio's do not. false when there is no such indicator.
	Splits  func(name string) (by []string, adds, ok bool)
	Dataset func(name string) *dataset.Dataset // nil where there is none
	Board   func(name string) bool
}

// Parse reads a board. Everything that is wrong with it is told at once, each
// fault at its line and column: an Invalid error of the code dashboard-invalid.
func Parse(file string, text []byte) (*Board, error) {
	r := read(file, text)
	return r.board, r.doc.Err("dashboard-invalid")
}

// Check is Parse, and that what the file names exists.
func Check(file string, text []byte, known Known) (*Board, error) {
	r := read(file, text)
	for _, ref := range r.refs {
		missing := false
		switch ref.what {
		case "indicator":
			missing = known.Indicator != nil && !known.Indicator(ref.name)
		case "board":
			missing = known.Board != nil && !known.Board(ref.name)
		case "dataset":
			missing = known.Dataset != nil && known.Dataset(ref.name) == nil
		}
		if missing {
			r.doc.Fault(ref.node, ref.path, "dashboard-no-"+ref.what, "name", declare.Excerpt(ref.name))
		}
	}
	for _, t := range r.tables {
		if known.Dataset != nil {
			r.table(t, known.Dataset(t.widget.Dataset))
		}
	}
	for _, b := range r.bars {
		r.stack(b, known)
	}
	return r.board, r.doc.Err("dashboard-invalid")
}

// stack checks that the parts of bars are known and make a whole.
func (r *reader) stack(b widgetAt, known Known) {
	if known.Splits == nil || len(b.widget.Indicators) == 0 {
		return
	}
	name := b.widget.Indicators[0]
	by, adds, ok := known.Splits(name)
	switch {
	case !ok: // told by its name
	case !adds:
		r.doc.Fault(b.at.N.Get("indicator"), b.at.Join("indicator"), "dashboard-bars", "name", declare.Excerpt(name))
	case b.widget.By != "" && !slices.Contains(by, b.widget.By):
		n := b.at.N.Get("by")
		if len(by) == 0 {
			r.doc.Fault(n, b.at.Join("by"), "dashboard-no-parts", "name", declare.Excerpt(name))
			return
		}
		r.doc.Unknown("dashboard-field", b.at.Join("by"), b.widget.By, by, n.Line, n.Col)
	}
}

// table checks the fields and the filter of a table of records.
func (r *reader) table(t widgetAt, d *dataset.Dataset) {
	if d == nil {
		return
	}
	layout, err := dataset.Layout(d, nil)
	if err != nil {
		return // the dataset is refused itself
	}
	for i, f := range t.widget.Fields {
		if _, _, _, ok := layout.Property(f); !ok {
			n := t.at.N.Get("fields").Walk(i)
			r.doc.Unknown("dashboard-field", t.at.Join("fields"), f, layout.PropertyNames(), n.Line, n.Col)
		}
	}
	if t.widget.Filter == "" {
		return
	}
	e, err := cql2.ParseText(t.widget.Filter)
	if err == nil {
		_, err = cql2.Bind(e, layout)
	}
	if err == nil {
		return
	}
	n := t.at.N.Get("filter")
	for _, v := range problem.As(err).Violations {
		r.doc.Add(v, n.Line, n.Col)
	}
	if len(problem.As(err).Violations) == 0 {
		e := problem.As(err)
		r.doc.Add(problem.Violation{Code: e.Code, Field: t.at.Join("filter"), Args: e.Args}, n.Line, n.Col)
	}
}

// widgetAt is a widget that is checked against what exists, and where it stands.
type widgetAt struct {
	widget Widget
	at     *declare.Map
}

type reader struct {
	doc     *declare.Document
	board   *Board
	widgets int
	refs    []reference
	tables  []widgetAt
	bars    []widgetAt
}

func read(file string, text []byte) *reader {
	r := &reader{doc: declare.ReadYAML(file, text), board: &Board{}}
	if r.doc.Root == nil {
		return r
	}
	b := r.board
	m := r.doc.Map(r.doc.Root, "")
	m.Need("title", "sections")
	b.Title, b.Description, b.Owner = m.Titles("title"), m.Titles("description"), m.Text("owner")
	b.Parameters = r.words(m, "parameters", parameters[:])
	b.Period = m.Word("period", Periods()...)
	if b.Period == "" {
		b.Period = "day"
	}
	b.Fill = m.Bool("fill")
	b.AreaBoard = r.name(m, "areaBoard", "board")
	b.Rotation = r.names(m, "rotation", "board")
	if n := m.Count("seconds", 10, 3600); n != nil {
		b.Seconds = *n
	}
	m.List("sections", func(it *declare.Node, path string) {
		b.Sections = append(b.Sections, r.section(r.doc.Map(it, path), path, true))
	})
	m.Done()
	if r.widgets > mostWidgets {
		r.doc.Fault(r.doc.Root, "sections", "dashboard-many-widgets", "limit", mostWidgets)
	}
	return r
}

func (r *reader) section(m *declare.Map, path string, outer bool) Section {
	s := Section{Title: m.Titles("title"), Link: r.name(m, "link", "board"), Width: 12, Columns: 1}
	if n := m.Count("columns", 1, 6); n != nil {
		s.Columns = *n
	}
	if outer {
		if n := m.Count("width", 1, 12); n != nil {
			s.Width = *n
		}
		m.List("cards", func(it *declare.Node, path string) {
			s.Cards = append(s.Cards, r.section(r.doc.Map(it, path), path, false))
		})
	}
	m.List("widgets", func(it *declare.Node, path string) {
		r.widgets++
		s.Widgets = append(s.Widgets, r.widget(it, path))
	})
	m.Done()
	if m.N != nil && (len(s.Widgets) > 0) == (len(s.Cards) > 0) {
		r.doc.Fault(m.N, path, "dashboard-section")
	}
	return s
}

// needs lists what a kind of widget cannot be without, and takes what else it
// understands besides kind and title.
var needs = map[string][]string{
	"number": {"indicator"}, "series": {"indicators"}, "ranking": {"indicator"}, "bars": {"indicator", "by"}, "heat": {"indicator"},
	"table": {}, "map": {"indicator"}, "status": {"indicators"}, "text": {"text"}, "alerts": {}, "incidents": {}, "alive": {}, "stage": {},
}

var takes = map[string][]string{
	"number": {"indicator", "compare"}, "series": {"indicators", "compare", "days", "notes"}, "ranking": {"indicator", "order", "limit", "columns"},
	"bars": {"indicator", "by", "limit"}, "heat": {"indicator", "days"}, "table": {"indicators", "dataset", "fields", "filter", "limit", "order"},
	"map": {"indicator", "marks"}, "status": {"indicators"}, "text": {"text"}, "alerts": {"severity", "limit"}, "incidents": {"limit"}, "alive": {"limit"}, "stage": {},
}

func (r *reader) widget(n *declare.Node, path string) Widget {
	m := r.doc.Map(n, path)
	m.Need("kind")
	w := Widget{Kind: m.Word("kind", Kinds()...), Title: m.Titles("title"), Line: n.Line}
	if w.Kind == "" {
		return w
	}
	m.Need(needs[w.Kind]...)
	may := func(key string) bool { return slices.Contains(takes[w.Kind], key) }
	if may("indicator") {
		if name := r.name(m, "indicator", "indicator"); name != "" {
			w.Indicators = []string{name}
		}
	}
	if may("indicators") {
		w.Indicators = r.names(m, "indicators", "indicator")
		if w.Kind == "series" && len(w.Indicators) > 4 {
			r.doc.Fault(m.N.Get("indicators"), m.Join("indicators"), "dashboard-many-lines", "limit", 4)
		}
	}
	if may("compare") {
		w.Compare = r.words(m, "compare", Comparisons())
	}
	if may("by") {
		w.By = m.Text("by")
	}
	if may("order") {
		w.Order = m.Word("order", "worst", "best", "high", "low")
	}
	if may("limit") {
		if n := m.Count("limit", 1, 100); n != nil {
			w.Limit = *n
		}
	}
	if may("columns") {
		if n := m.Count("columns", 1, 4); n != nil {
			w.Columns = *n
		}
	}
	if may("days") {
		if n := m.Count("days", 1, 400); n != nil {
			w.Days = *n
		}
	}
	if may("notes") {
		w.Notes = m.Bool("notes")
	}
	if may("marks") {
		w.Marks = m.Bool("marks")
	}
	if may("text") {
		w.Text = m.Titles("text")
	}
	if may("severity") {
		w.Severity = r.words(m, "severity", []string{"high", "medium", "low"})
	}
	if may("dataset") {
		w.Dataset = r.name(m, "dataset", "dataset")
		w.Fields = m.Texts("fields")
		w.Filter = m.Text("filter")
		if (w.Dataset == "") == (len(w.Indicators) == 0) {
			r.doc.Fault(n, path, "dashboard-table")
		}
		if w.Dataset != "" {
			r.tables = append(r.tables, widgetAt{w, m})
		}
	}
	if w.Kind == "bars" {
		r.bars = append(r.bars, widgetAt{w, m})
	}
	m.Done()
	return w
}

// words reads a list of known words.
func (r *reader) words(m *declare.Map, key string, allowed []string) []string {
	n := m.Take(key)
	if n == nil {
		return nil
	}
	items := []*declare.Node{n}
	if n.Shape == declare.ListNode {
		items = n.Items
	}
	var list []string
	for _, it := range items {
		if w := r.doc.AsWord(it, m.Join(key), allowed...); w != "" {
			list = append(list, w)
		}
	}
	return list
}

// name reads the name of something that must exist.
func (r *reader) name(m *declare.Map, key, what string) string {
	s := m.Matching(key, nameForm, "dashboard-name")
	if s != "" && nameForm.MatchString(s) {
		r.refs = append(r.refs, reference{what, s, m.Join(key), m.N.Get(key)})
	}
	return s
}

func (r *reader) names(m *declare.Map, key, what string) []string {
	n := m.Take(key)
	if n == nil {
		return nil
	}
	items := []*declare.Node{n}
	if n.Shape == declare.ListNode {
		items = n.Items
	}
	var list []string
	for _, it := range items {
		s := r.doc.AsText(it, m.Join(key))
		switch {
		case s == "":
		case !nameForm.MatchString(s):
			r.doc.Fault(it, m.Join(key), "dashboard-name", "found", declare.Excerpt(s))
		default:
			list = append(list, s)
			r.refs = append(r.refs, reference{what, s, m.Join(key), it})
		}
	}
	return list
}
