package open311

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Dataset holds the reports.
const Dataset = "service-request"

// columns are the fields of a report that answers are made of. One that the
// city does not declare, or that the asker may not see, is told as empty.
var columns = []string{"code", "category", "status", "title", "description", "publicText", "published", "channel", "track", "urgency",
	"openedAt", "dueAt", "closedAt", "answeredAt", "plannedAt", "updatedAt", "location", "address", "agency", "level", "outcome", "answer",
	"rating", "reopened", "parent", "followers", "photos", "afterPhotos"}

// view is how one asker sees reports.
type view struct {
	who    repo.Principal
	zone   *time.Location
	fields []string
	all    bool // sees what is not public too: the asker may read reports as they were written
	vocabulary
}

// follows are the fields by which whoever has the id of a report that is not public
// follows it.
var follows = []string{"code", "category", "status", "agency", "openedAt", "dueAt", "closedAt", "answeredAt", "updatedAt", "published"}

// vocabulary is what the city's declaration of the dataset says of its codes.
type vocabulary struct {
	closed   []string // states that GeoReport calls closed: open311.status.closed
	outcomes map[string]dataset.Words
}

func vocabularyOf(d *dataset.Dataset) vocabulary {
	w := vocabulary{outcomes: map[string]dataset.Words{}}
	if m, ok := d.Outside["open311"].(map[string]any); ok {
		if status, ok := m["status"].(map[string]any); ok {
			list, _ := status["closed"].([]any)
			for _, s := range list {
				if s, ok := s.(string); ok {
					w.closed = append(w.closed, s)
				}
			}
		}
	}
	for _, f := range d.Schema.Fields {
		if f.Name != "outcome" {
			continue
		}
		for _, c := range f.Categories {
			if code, ok := c.Value.(string); ok {
				w.outcomes[code] = c.Label
			}
		}
	}
	return w
}

// said is the sentence that tells an outcome; empty for none.
func (w *vocabulary) said(outcome, lang string) string {
	words := w.outcomes[outcome]
	if words == nil {
		return ""
	}
	text := words["vi"]
	if lang == "en" && words["en"] != "" {
		text = words["en"]
	}
	return text + "."
}

// look finds out what the asker may see.
func (f *Face) look(p repo.Principal) (*view, error) {
	e, err := f.Repo.Entry(p, Dataset)
	if err != nil {
		return nil, err
	}
	v := &view{who: p, zone: f.Repo.Zone(), vocabulary: vocabularyOf(e.Dataset)}
	seen := map[string]bool{}
	for _, i := range f.Repo.Visible(p, e) {
		seen[e.Table.Columns[i].Name] = true
	}
	for _, name := range columns {
		if seen[name] {
			v.fields = append(v.fields, name)
		}
	}
	v.all = seen["description"]
	return v, nil
}

// public asks for reports that fit all conditions and are public, newest first;
// for all of them where the asker sees more.
func (v *view) public(conditions ...cql2.Expr) repo.Query {
	if !v.all {
		conditions = append(conditions, compare("=", "published", value.OfBool(true)))
	}
	return v.query(conditions...)
}

func (v *view) query(conditions ...cql2.Expr) repo.Query {
	return repo.Query{Dataset: Dataset, Fields: v.fields, Filter: cql2.And(conditions...), Sort: []repo.Sort{{Field: "openedAt", Desc: true}, {Field: "code"}}}
}

func compare(op, field string, v value.Value) cql2.Expr {
	return &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: v}}}
}

func within(field string, texts []string) cql2.Expr {
	list := &cql2.List{}
	for _, t := range texts {
		list.Items = append(list.Items, &cql2.Lit{Value: value.OfText(t)})
	}
	return &cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, list}}
}

// since asks for reports made from one time until another; both ends count, no
// bound where one is zero.
func since(from, until time.Time) (conditions []cql2.Expr) {
	if !from.IsZero() {
		conditions = append(conditions, compare(">=", "openedAt", value.OfInstant(from)))
	}
	if !until.IsZero() {
		conditions = append(conditions, compare("<=", "openedAt", value.OfInstant(until)))
	}
	return conditions
}

// filter is what the parameters service_code and status ask for.
type filter struct {
	codes        []string
	open, closed bool
}

func (c *call) filter() (x filter) {
	x.codes = c.items("service_code")
	for _, s := range c.items("status") {
		switch strings.ToLower(s) {
		case "open":
			x.open = true
		case "closed":
			x.closed = true
		default:
			c.vs = append(c.vs, problem.Violate("parameter-choice", "status", "allowed", "open, closed"))
		}
	}
	return x
}

// selected makes the conditions of a filter. A service that there never was is
// not found.
func (f *Face) selected(c *call, v *view, x filter) (conditions []cql2.Expr, err error) {
	for _, code := range x.codes {
		if _, err := f.service(c, code, false); err != nil {
			return nil, err
		}
	}
	if len(x.codes) > 0 {
		conditions = append(conditions, within("category", x.codes))
	}
	if x.open != x.closed {
		is := within("status", v.closed)
		if x.open {
			is = &cql2.Call{Op: "not", Args: []cql2.Expr{is}}
		}
		conditions = append(conditions, is)
	}
	return conditions, nil
}

// report is one record, as the asker sees it.
type report struct {
	code, category, state, title, words, channel, address, agency string
	outcome, answer, parent, track, urgency, level                string
	opened, due, done, updated, planned, answered                 time.Time
	lon, lat                                                      float64
	placed, closed, published, concealed                          bool
	rating, reopened, followers                                   int64
	rated                                                         bool
	photos, afterPhotos                                           []string
	said                                                          [2]string // the outcome, vi and en
}

func (v *view) report(r repo.Record) report {
	t := r.Entry.Table
	cell := func(name string) value.Value {
		i, _, _, ok := t.Property(name)
		if !ok {
			return value.Value{}
		}
		return r.Values[i]
	}
	words := func(name string) string {
		if c := cell(name); c.Kind() == value.Text {
			return strings.Clone(c.Text())
		}
		return ""
	}
	at := func(name string) time.Time {
		if c := cell(name); c.Kind() == value.Time {
			return c.Instant()
		}
		return time.Time{}
	}
	count := func(name string) int64 {
		if c := cell(name); c.Kind() == value.Int {
			return c.Int()
		}
		return 0
	}
	day := func(name string) time.Time {
		if c := cell(name); c.Kind() == value.Date {
			y, m, d := c.CalendarDay().Date()
			return time.Date(y, m, d, 0, 0, 0, 0, v.zone)
		}
		return time.Time{}
	}
	x := report{
		code: words("code"), category: words("category"), state: words("status"), title: words("title"), words: words("publicText"),
		channel: words("channel"), address: words("address"), agency: words("agency"), outcome: words("outcome"), answer: words("answer"),
		parent: words("parent"), track: words("track"), urgency: words("urgency"), level: words("level"),
		opened: at("openedAt"), due: at("dueAt"), updated: at("updatedAt"), planned: day("plannedAt"), answered: at("answeredAt"),
		rating: count("rating"), reopened: count("reopened"), followers: count("followers"), rated: !cell("rating").IsNull(),
		photos: texts(cell("photos")), afterPhotos: texts(cell("afterPhotos")),
	}
	x.published = cell("published").Kind() == value.Bool && cell("published").Bool()
	if x.words == "" && v.all {
		x.words = words("description")
	}
	if x.words == "" {
		x.words = x.title
	}
	if place := cell("location"); place.Kind() == value.Geometry {
		x.lon, x.lat, x.placed = geom.PointOf(place.WKB())
	}
	if x.closed = slices.Contains(v.closed, x.state); x.closed {
		for _, t := range []time.Time{at("closedAt"), x.answered, x.updated} {
			if x.done = t; !t.IsZero() {
				break
			}
		}
	}
	x.said = [2]string{v.said(x.outcome, "vi"), v.said(x.outcome, "en")}
	if !x.published && (!v.all || cell("description").IsNull()) { // of some records only, maybe
		x.conceal()
	}
	return x
}

// conceal leaves of a report that is not public what its sender follows it by:
// how far it is and who has it, but no words of anybody and no place.
func (x *report) conceal() {
	x.concealed = true
	x.words, x.title, x.answer, x.address, x.parent = "", "", "", "", ""
	x.placed, x.lon, x.lat = false, 0, 0
	x.photos, x.afterPhotos = nil, nil
}

// texts reads a cell that holds a list of texts; anything else is none.
func texts(v value.Value) (list []string) {
	if s := v.Text(); s != "" {
		if err := json.Unmarshal([]byte(s), &list); err != nil {
			return nil
		}
	}
	return list
}

// changed is when the report last changed: when it was closed, once it is.
func (x *report) changed() time.Time {
	switch {
	case x.closed && !x.done.IsZero():
		return x.done
	case !x.updated.IsZero():
		return x.updated
	}
	return x.opened
}

func (x *report) status() string {
	if x.closed {
		return "closed"
	}
	return "open"
}

// notes say why the report is where it is: its outcome and the public answer.
func (x *report) notes(lang string) string {
	var parts []string
	if said := (phrase{x.said[0], x.said[1]}).in(lang); said != "" {
		parts = append(parts, said)
	}
	if x.answer != "" {
		parts = append(parts, x.answer)
	}
	return strings.Join(parts, " ")
}

// names are what codes are called, for one answer.
type names struct {
	services map[string]*Service
	agencies map[string]string
}

func (f *Face) names(c *call) (*names, error) {
	n := &names{services: map[string]*Service{}, agencies: map[string]string{}}
	all, err := f.Desk.Services(c.ctx(), c.lang)
	if err != nil {
		return nil, err
	}
	for i := range all {
		n.services[all[i].Code] = &all[i]
	}
	_, err = f.Repo.Read(c.ctx(), repo.Public(), repo.Query{Dataset: repo.SystemAgency, Fields: []string{"code", "name", "nameEn"}}, func(r repo.Record) error {
		text := func(name string) string {
			if i, _, _, ok := r.Entry.Table.Property(name); ok {
				return strings.Clone(r.Values[i].Text())
			}
			return ""
		}
		name := text("name")
		if en := text("nameEn"); c.lang == "en" && en != "" {
			name = en
		}
		n.agencies[text("code")] = name
		return nil
	})
	return n, err
}

// agency is the name of an agency; its code where it has none.
func (n *names) agency(code string) string {
	if name := n.agencies[code]; name != "" {
		return name
	}
	return code
}

func (n *names) service(code string) Service {
	if s := n.services[code]; s != nil {
		return *s
	}
	return Service{Code: code, Name: code}
}
