package open311

import (
	"encoding/csv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Columns of the bulk form: those of the proposed GeoReport bulk specification
// (open311.org/GeoReport/bulk), then ours, which make that what was exported can
// be imported again without guessing from names.
var bulkColumns = []string{"service_request_id", "requested_datetime", "updated_datetime", "closed_date", "status_description", "status_notes", "source",
	"service_name", "service_subtype", "description", "agency_responsible", "address", "lat", "long",
	"service_code", "agency_code", "outcome", "expected_datetime", "published"}

// mostCell bounds the names in a cell, in characters.
const mostCell = 500

// export streams requests as CSV, oldest first: all that fit, without the limits
// of the list.
func (f *Face) export(c *call) error {
	c.only("service_code", "start_date", "end_date", "status")
	from, until, chosen := c.instant("start_date"), c.instant("end_date"), c.filter()
	if !from.IsZero() && !until.IsZero() && until.Before(from) {
		c.vs = append(c.vs, problem.Violate("georeport-order", "end_date"))
	}
	if err := c.faults(); err != nil {
		return err
	}
	v, err := f.look(c.who)
	if err != nil {
		return err
	}
	conditions, err := f.selected(c, v, chosen)
	if err != nil {
		return err
	}
	n, err := f.names(c)
	if err != nil {
		return err
	}
	if same, err := f.fresh(c); err != nil || same {
		return err
	}
	q := v.public(append(conditions, since(from, until)...)...)
	q.Sort[0].Desc = false
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="requests.csv"`)
	out := csv.NewWriter(c.w)
	out.UseCRLF = true
	if err := out.Write(bulkColumns); err != nil {
		return err
	}
	row := make([]string, 0, len(bulkColumns))
	begun := false
	_, err = f.Repo.Read(c.ctx(), c.who, q, func(r repo.Record) error {
		begun = true
		x := v.report(r)
		row = f.cells(row[:0], c, &x, n)
		return out.Write(row)
	})
	if err != nil && begun { // what has left cannot be taken back: the answer is cut off
		return problem.Wrap(err, problem.Internal, "internal")
	}
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func (f *Face) cells(row []string, c *call, x *report, n *names) []string {
	lat, lon := "", ""
	if x.placed {
		lat, lon = strconv.FormatFloat(x.lat, 'f', -1, 64), strconv.FormatFloat(x.lon, 'f', -1, 64)
	}
	words := func(s string) string { return guarded(plain(s)) }
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(f.Repo.Zone()).Format("2006-01-02T15:04:05.999999-07:00")
	}
	return append(row, words(x.code), at(x.opened), at(x.changed()), at(x.done), words(x.state), words(x.notes(c.lang)), words(x.channel),
		words(n.service(x.category).Name), "", words(x.words), words(n.agency(x.agency)), words(x.address), lat, lon,
		words(x.category), words(x.agency), words(x.outcome), at(x.due), strconv.FormatBool(x.published))
}

// guarded keeps a spreadsheet from taking text for a formula: an apostrophe goes
// before what it would calculate, and before text that looks as if one had.
func guarded(s string) string {
	if rest := strings.TrimLeft(s, "'"); rest != "" && strings.IndexByte("=+-@\t\r", rest[0]) >= 0 {
		return "'" + s
	}
	return s
}

// unguarded is what guarded was given.
func unguarded(s string) string {
	if rest := strings.TrimLeft(s, "'"); len(rest) < len(s) && rest != "" && strings.IndexByte("=+-@\t\r", rest[0]) >= 0 {
		return s[1:]
	}
	return s
}

// past reads rows of a bulk file.
type past struct {
	face     *Face
	at       map[string]int // column of a name
	agencies map[string]string
	services []Service
	byName   map[string]string
	vocabulary
}

func (f *Face) reader(c *call, header []string, place func(int) (int, int)) (*past, error) {
	p := &past{face: f, at: map[string]int{}, agencies: map[string]string{}, byName: map[string]string{}}
	var vs []problem.Violation
	for i, name := range header {
		line, column := place(i)
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\uFEFF")))
		if name == "closed_datetime" { // as the specification's examples call it
			name = "closed_date"
		}
		fault := ""
		if _, twice := p.at[name]; twice {
			fault = "georeport-csv-repeated"
		} else if !slices.Contains(bulkColumns, name) {
			fault = "georeport-csv-column"
		}
		if fault != "" {
			vs = append(vs, problem.Violate(fault, "", "column", shown(name)).At(problem.Position{Line: line, Column: column}))
		}
		p.at[name] = i
	}
	for _, name := range []string{"service_request_id", "requested_datetime", "status_description"} {
		if _, ok := p.at[name]; !ok {
			vs = append(vs, problem.Violate("georeport-csv-columns", "", "column", name))
		}
	}
	_, byCode := p.at["service_code"]
	if _, byName := p.at["service_name"]; !byCode && !byName {
		vs = append(vs, problem.Violate("georeport-csv-columns", "", "column", "service_code"))
	}
	if len(vs) > 0 {
		return nil, problem.InvalidWith("georeport-refused", vs)
	}
	var err error
	for _, lang := range []string{"en", "vi"} {
		if p.services, err = f.Desk.Services(c.ctx(), lang); err != nil {
			return nil, err
		}
		for _, s := range p.services {
			p.byName[s.Name] = s.Code
		}
		n, err := f.names(&call{r: c.r, lang: lang})
		if err != nil {
			return nil, err
		}
		for code, name := range n.agencies {
			p.agencies[name] = code
		}
		for code := range n.agencies {
			p.agencies[code] = code
		}
	}
	e, err := f.Repo.Entry(c.who, Dataset)
	if err == nil {
		p.vocabulary = vocabularyOf(e.Dataset)
	}
	return p, err
}

// row reads one row, with all its faults. place tells line and column of a cell.
func (p *past) row(cells []string, place func(int) (int, int)) (x Past, vs []problem.Violation) {
	line, _ := place(0)
	x.Line = line
	wrong := func(name, code string, kv ...any) {
		at := problem.Position{Line: line}
		if i, ok := p.at[name]; ok && i < len(cells) {
			at.Line, at.Column = place(i)
		}
		vs = append(vs, problem.Violate(code, name, kv...).At(at))
	}
	if len(cells) != len(p.at) {
		wrong("", "georeport-csv-width")
		return x, vs
	}
	cell := func(name string, most int) string {
		i, ok := p.at[name]
		if !ok {
			return ""
		}
		s := unguarded(cells[i])
		if plain(s) != s {
			wrong(name, "georeport-text")
			return ""
		}
		if len([]rune(s)) > most {
			wrong(name, "georeport-long", "limit", most)
		}
		return s
	}
	at := func(name string) time.Time {
		s := cell(name, 40)
		if s == "" {
			return time.Time{}
		}
		t, ok := parseInstant(s)
		if !ok {
			wrong(name, "georeport-datetime")
		}
		return t
	}
	x.ID = cell("service_request_id", 40)
	if x.ID == "" {
		wrong("service_request_id", "parameter-required")
	}
	x.Requested, x.Updated, x.Closed, x.Expected = at("requested_datetime"), at("updated_datetime"), at("closed_date"), at("expected_datetime")
	if cells[p.at["requested_datetime"]] == "" {
		wrong("requested_datetime", "parameter-required")
	}
	x.Channel, x.Description, x.Address = cell("source", 40), cell("description", mostDescription), cell("address", mostAddress)
	p.state(&x, cell("status_description", 40), wrong)
	p.kind(&x, cell("service_code", 100), cell("service_name", mostCell), wrong)
	switch strings.ToLower(cell("published", 10)) { // nothing is public that does not say so
	case "true":
		x.Published = true
	case "", "false":
	default:
		wrong("published", "parameter-boolean")
	}
	x.Outcome = cell("outcome", 40)
	x.Answer = cell("status_notes", mostDescription)
	if _, ok := p.outcomes[x.Outcome]; !ok && x.Outcome != "" {
		wrong("outcome", "georeport-choice", "allowed", strings.Join(slices.Sorted(maps.Keys(p.outcomes)), ", "))
	}
	for _, lang := range []string{"vi", "en"} {
		if said := p.said(x.Outcome, lang); said != "" && strings.HasPrefix(x.Answer, said) {
			x.Answer = strings.TrimPrefix(strings.TrimPrefix(x.Answer, said), " ")
			break
		}
	}
	agency, column := cell("agency_code", 60), "agency_code"
	if agency == "" {
		agency, column = cell("agency_responsible", mostCell), "agency_responsible"
	}
	if x.Agency = p.agencies[agency]; agency != "" && x.Agency == "" {
		wrong(column, "georeport-csv-agency")
	}
	x.Latitude, x.Longitude = p.degrees(cell("lat", 40), "lat", 90, wrong), p.degrees(cell("long", 40), "long", 180, wrong)
	if (x.Latitude == nil) != (x.Longitude == nil) {
		wrong("lat", "georeport-pair")
	}
	return x, vs
}

type wrong func(name, code string, kv ...any)

func (p *past) state(x *Past, s string, wrong wrong) {
	s = strings.ToLower(s)
	if s == "" {
		wrong("status_description", "parameter-required")
		return
	}
	x.State = s
	closed := s == "closed" || slices.Contains(p.closed, s)
	if closed == x.Closed.IsZero() || closed && x.Closed.Before(x.Requested) {
		wrong("closed_date", "georeport-csv-closed")
	}
}

func (p *past) kind(x *Past, code, name string, wrong wrong) {
	if code == "" {
		x.Service = p.byName[name]
		if x.Service == "" {
			wrong("service_name", "georeport-service")
		}
		return
	}
	for _, s := range p.services {
		if s.Code == code {
			x.Service = code
			return
		}
	}
	wrong("service_code", "georeport-service")
}

func (p *past) degrees(s, name string, most float64, wrong wrong) *float64 {
	if s == "" {
		return nil
	}
	d, err := strconv.ParseFloat(s, 64)
	if err != nil || !(d >= -most && d <= most) {
		wrong(name, "georeport-coordinate", "min", -most, "max", most)
	}
	return &d
}
