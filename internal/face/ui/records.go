package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// listing is a reader's choice of records, as the address holds it, and the
// page that it gives.
type listing struct {
	*datasetView
	Filter  string
	Area    string
	From    string // yyyy-mm-dd
	Until   string // yyyy-mm-dd, inclusive
	AsOf    string
	Fields  []string // asked for; nil = the usual ones
	Sort    string   // [-]field
	Size    int
	Faults  []located // of the filter and the other choices
	Chips   []chip
	Columns []column
	Rows    []tableRow
	Paging  paging
	Matched int64
	seq     int64
	expr    cql2.Expr
}

// located is a fault with the place that it points at.
type located struct{ Text, Pointer string }

type column struct {
	Name, Title, Type, Unit string
	Href, Sorted            string // link that sorts by it; ascending, descending or ""
	Numeric, Moment         bool
}

type tableRow struct {
	Href, Key string
	Cells     []string
}

// paging leads through pages of a list.
type paging struct{ Range, First, Prev, Next string }

const (
	usualSize    = 100
	mostSize     = 500
	usualColumns = 14
	mostTrail    = 12 // pages that can be gone back one by one
)

// listing reads the reader's choice; what cannot be read is told in Faults.
func (d *datasetView) listing() *listing {
	q := d.r.URL.Query()
	l := &listing{datasetView: d, Filter: strings.TrimSpace(q.Get("filter")), Area: q.Get("area"), From: q.Get("from"), Until: q.Get("until"), AsOf: q.Get("asOf"), Sort: q.Get("sort"), Size: usualSize}
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		l.Size = min(n, mostSize)
	}
	for _, f := range q["fields"] {
		for name := range strings.SplitSeq(f, ",") {
			if name != "" {
				l.Fields = append(l.Fields, name)
			}
		}
	}
	if l.Filter != "" {
		expr, err := cql2.ParseText(l.Filter)
		if err != nil {
			l.fault(err)
		} else {
			l.expr = expr
		}
	}
	return l
}

// query turns the choice into a query of the repository.
func (l *listing) query() repo.Query {
	q := repo.Query{Dataset: l.d.Name, Filter: l.expr, Area: l.Area}
	day := func(s, param string, add int) value.Value {
		if s == "" {
			return value.Value{}
		}
		t, err := time.ParseInLocation("2006-01-02", s, l.zone)
		if err != nil {
			l.Faults = append(l.Faults, located{Text: l.T("fault.day", "param", l.T("filter."+param))})
			return value.Value{}
		}
		t = t.AddDate(0, 0, add)
		if l.e.Table.Time >= 0 && l.e.Table.Columns[l.e.Table.Time].Kind == value.Date {
			return value.OfDate(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400)
		}
		return value.OfInstant(t)
	}
	q.From, q.Until = day(l.From, "from", 0), day(l.Until, "until", 1)
	if l.AsOf != "" {
		seq, err := l.asOf(l.AsOf)
		if err != nil {
			l.fault(err)
		}
		q.AsOf, l.seq = seq, seq
	}
	if name := strings.TrimPrefix(l.Sort, "-"); name != "" {
		q.Sort = []repo.Sort{{Field: name, Desc: strings.HasPrefix(l.Sort, "-")}}
	} else if l.d.Kind == dataset.Series && l.d.Time != "" {
		q.Sort = []repo.Sort{{Field: l.d.Time, Desc: true}}
	}
	return q
}

// asOf reads a commit number or a time in the city's zone.
func (v *view) asOf(s string) (int64, error) {
	if n, err := strconv.ParseInt(strings.TrimPrefix(s, "#"), 10, 64); err == nil && n > 0 {
		return n, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, v.zone); err == nil {
			seq, err := v.u.Repo.SeqAt(v.r.Context(), t)
			if err == nil && seq == 0 {
				seq = 1 // before the first commit there is nothing, and as of commit 1 nothing of the city either
			}
			return seq, err
		}
	}
	return 0, problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("as-of-unreadable", "asOf")})
}

// fault keeps an error for showing beside the choices.
func (l *listing) fault(err error) {
	e := problem.As(err)
	if e.Kind == problem.Internal {
		l.Faults = append(l.Faults, located{Text: l.T("fault.internal")})
		return
	}
	if len(e.Violations) == 0 {
		l.Faults = append(l.Faults, located{Text: e.In(l.lang)})
	}
	for _, x := range e.Violations {
		f := located{Text: problem.Text(l.lang, x.Code, x.Args)}
		if x.Field != "" {
			f.Text = x.Field + ": " + f.Text
		}
		if l.Filter != "" && (x.Position.Offset > 0 || x.Position.Column > 0 || x.Field == "" || x.Field == "filter") {
			f.Pointer = pointer(l.Filter, int(x.Position.Offset))
		}
		l.Faults = append(l.Faults, f)
	}
}

// pointer shows the line of a text around a byte offset with a mark under it.
func pointer(s string, at int) string {
	at = max(0, min(at, len(s)))
	for at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
		at--
	}
	start := strings.LastIndexByte(s[:at], '\n') + 1
	end := len(s)
	if i := strings.IndexByte(s[at:], '\n'); i >= 0 {
		end = at + i
	}
	before := []rune(s[start:at])
	const most = 48
	lead := ""
	if len(before) > most {
		before, lead = before[len(before)-most:], "…"
	}
	after := []rune(s[at:end])
	if len(after) > most {
		after = append(after[:most], '…')
	}
	return lead + string(before) + string(after) + "\n" + strings.Repeat(" ", utf8.RuneCountInString(lead)+len(before)) + "▲"
}

func (u *UI) records(v *view) error {
	d, err := v.dataset("")
	if err != nil {
		return err
	}
	l := d.listing()
	q := l.query()
	l.Columns = l.columns(q.Sort)
	for _, c := range l.Columns {
		q.Fields = append(q.Fields, c.Name)
	}
	params := v.r.URL.Query()
	q.Cursor, q.Limit, q.Count = params.Get("cursor"), l.Size, true
	status := http.StatusOK
	if len(l.Faults) == 0 {
		page, err := u.Repo.Read(v.r.Context(), v.p, q, func(r repo.Record) error {
			l.Rows = append(l.Rows, l.row(r))
			return nil
		})
		switch problem.KindOf(err) {
		case problem.Invalid:
			l.fault(err)
		default:
			if err != nil {
				return err
			}
		}
		l.Matched = page.Matched
		l.page(page.Next, params)
	}
	if len(l.Faults) > 0 {
		status, l.Rows = http.StatusBadRequest, nil
	}
	l.chips()
	return d.showTab(status, recordsTab(l))
}

// columns are those asked for, or the usual ones: key first, without shapes and
// documents, then the area.
func (l *listing) columns(sort []repo.Sort) []column {
	var list []column
	add := func(name string) {
		i, kind, _, ok := l.e.Table.Property(name)
		if !ok || slices.ContainsFunc(list, func(c column) bool { return c.Name == name }) {
			return
		}
		c := column{Name: name, Title: l.columnTitle(name), Numeric: kind == value.Int || kind == value.Float, Moment: kind == value.Time || kind == value.Date}
		c.Type = l.T("type." + string(l.e.Table.Columns[i].Type))
		if f, ok := l.d.Field(name); ok && f.Unit != "" {
			c.Unit = l.Unit(f.Unit)
		}
		if kind != value.Geometry {
			c.Href = l.with("sort", name)
			for _, s := range sort {
				if s.Field == name && s.Desc {
					c.Sorted, c.Href = "descending", l.with("sort", "")
					if l.Sort == "" { // the usual order: the first click turns it round
						c.Href = l.with("sort", name)
					}
				} else if s.Field == name {
					c.Sorted, c.Href = "ascending", l.with("sort", "-"+name)
				}
			}
		}
		list = append(list, c)
	}
	for _, k := range l.d.Schema.PrimaryKey {
		add(k)
	}
	seen := l.choices()
	for _, f := range l.Fields {
		if slices.Contains(seen, f) {
			add(f)
		}
	}
	if l.Fields != nil {
		return list
	}
	for _, f := range l.fields() {
		if len(list) >= usualColumns {
			break
		}
		if f.Type != dataset.GeoJSON && f.Type != dataset.Object && !isCoordinate(l.d, f.Name) {
			add(f.Name)
		}
	}
	if l.e.Table.Area >= 0 {
		add(dataset.AreaColumn)
	}
	return list
}

// choices lists every column that may be chosen.
func (l *listing) choices() []string {
	var names []string
	for _, f := range l.fields() {
		names = append(names, f.Name)
	}
	for i := range l.e.Table.Columns {
		if c := &l.e.Table.Columns[i]; c.Derived && !c.Dropped {
			names = append(names, c.Name)
		}
	}
	return names
}

// chosen tells whether a column is shown.
func (l *listing) chosen(name string) bool {
	return slices.ContainsFunc(l.Columns, func(c column) bool { return c.Name == name })
}

func (l *listing) row(r repo.Record) tableRow {
	t := r.Entry.Table
	key := record.FormatKey(t, t.KeyOf(nil, r.Values))
	out := tableRow{Key: key, Href: recordPath(l.d.Name, key)}
	if l.AsOf != "" {
		out.Href += "?asOf=" + strconv.FormatInt(l.seq, 10)
	}
	for _, c := range l.Columns {
		i, _, _, _ := t.Property(c.Name)
		out.Cells = append(out.Cells, l.cell(c.Name, r.Values[i]))
	}
	return out
}

// cell writes one value of a column.
func (d *datasetView) cell(name string, x value.Value) string {
	if name == dataset.AreaColumn && x.Kind() == value.Text {
		return d.Area(x.Text())
	}
	f, _ := d.d.Field(name)
	return d.Cell(f, x)
}

// page fills the paging: exact range, first, previous, next.
func (l *listing) page(next string, params url.Values) {
	start, _ := strconv.ParseInt(params.Get("start"), 10, 64)
	cursor := params.Get("cursor")
	if start < 1 || cursor == "" {
		start = 1
	}
	n := int64(len(l.Rows))
	switch {
	case n == 0:
		l.Paging.Range = l.T("page.none")
	default:
		l.Paging.Range = l.T("page.range", "from", l.N(start), "to", l.N(start+n-1), "of", l.N(max(l.Matched, start+n-1)))
	}
	var trail []string
	if t := params.Get("trail"); t != "" {
		trail = strings.Split(t, " ")
	}
	at := func(cursor string, start int64, trail []string) string {
		return l.with("cursor", cursor, "start", strconv.FormatInt(start, 10), "trail", strings.Join(trail, " "))
	}
	if next != "" {
		after := trail
		if cursor != "" {
			after = append(slices.Clone(trail), cursor)
		}
		if len(after) > mostTrail {
			after = after[len(after)-mostTrail:]
		}
		l.Paging.Next = at(next, start+n, after)
	}
	if cursor == "" {
		return
	}
	l.Paging.First = l.with()
	back := max(1, start-int64(l.Size))
	switch {
	case len(trail) > 0:
		l.Paging.Prev = at(trail[len(trail)-1], back, trail[:len(trail)-1])
	case back == 1:
		l.Paging.Prev = l.with()
	}
}

// chips are the conditions in force, each with the address without it.
func (l *listing) chips() {
	parts := conjuncts(l.expr)
	for i, p := range parts {
		rest := append(slices.Clone(parts[:i]), parts[i+1:]...)
		text := ""
		if e := cql2.And(rest...); e != nil {
			text = cql2.Text(e)
		}
		l.Chips = append(l.Chips, chip{cql2.Text(p), l.with("filter", text)})
	}
	if l.Area != "" {
		l.Chips = append(l.Chips, chip{l.datasetView.Area(l.Area), l.with("area", "")})
	}
	for _, x := range []struct{ param, val string }{{"from", l.From}, {"until", l.Until}} {
		if t, err := time.Parse("2006-01-02", x.val); err == nil {
			l.Chips = append(l.Chips, chip{l.T("filter."+x.param) + " " + t.Format("02/01/2006"), l.with(x.param, "")})
		}
	}
	if l.AsOf != "" && l.seq > 0 {
		l.Chips = append(l.Chips, chip{l.T("filter.asof-chip", "seq", l.N(l.seq)), l.with("asOf", "")})
	}
}

// conjuncts takes a condition apart where all parts must hold.
func conjuncts(e cql2.Expr) []cql2.Expr {
	if e == nil {
		return nil
	}
	if c, ok := e.(*cql2.Call); ok && c.Op == "and" {
		return c.Args
	}
	return []cql2.Expr{e}
}

func and(es ...cql2.Expr) cql2.Expr { return cql2.And(es...) }

func textLit(s string) cql2.Expr { return &cql2.Lit{Value: value.OfText(s)} }

// exports are the forms in which the reader's choice can be taken away.
func (l *listing) exports() []link {
	formats := []string{"csv", "xlsx", "parquet", "json", "ndjson"}
	if l.e.Table.X >= 0 {
		formats = append(formats, "geojson")
	}
	var list []link
	for _, f := range formats {
		list = append(list, link{l.T("format." + f), l.api("export", "format", f)})
	}
	return list
}

// api is the address of the same choice in the API.
func (l *listing) api(op string, kv ...string) string {
	span := ""
	if l.From != "" || l.Until != "" {
		bound := func(s, clock string) string {
			if s == "" {
				return ".."
			}
			if l.e.Table.Time >= 0 && l.e.Table.Columns[l.e.Table.Time].Kind == value.Date {
				return s
			}
			t, err := time.ParseInLocation("2006-01-02T15:04:05.999999", s+clock, l.zone)
			if err != nil {
				return ".."
			}
			return t.Format("2006-01-02T15:04:05.999999Z07:00")
		}
		span = bound(l.From, "T00:00:00") + "/" + bound(l.Until, "T23:59:59.999999")
	}
	asOf := ""
	if l.seq > 0 {
		asOf = strconv.FormatInt(l.seq, 10)
	}
	return to("/api/v1"+datasetPath(l.d.Name, op), append(kv, "filter", l.Filter, "area", l.Area, "datetime", span, "asOf", asOf, "sort", l.Sort, "fields", strings.Join(l.Fields, ","))...)
}
