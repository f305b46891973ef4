package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// recordData is one record with its life.
type recordData struct {
	*datasetView
	Key      string
	Label    string
	Version  int64
	AsOf     int64
	Fields   []recordField
	Flags    []string
	Area     option
	Map      cityMap
	Links    []link
	Life     []lifeEntry
	LifeMore bool
	Deleted  bool
	Raw      string
	MayWrite bool
	Edit     []editField
	Faults   []string
	Editing  bool
	Saved    bool
	Reason   string
	Conflict []fieldChange // theirs → mine

	Reach      *repo.Reach // what an erasure takes; nil where the reader may not erase
	EraseFault *web.Document
}

type recordField struct {
	Name, Title, Unit, Text, Note, Href string
	JSON                                bool
	Figure                              bool // written in the face for figures
}

type lifeEntry struct {
	Line    logLine
	Result  commit.Result
	Changes []fieldChange
	Current bool
	AsOf    string
}

type editField struct {
	Name, Title, Hint, Value string
	Kind                     string // text, number, select, area, fixed
	Options                  []option
	Required                 bool
	Faults                   []string
}

const (
	mostLife = 40
	mostBig  = 4000 // characters of one value on the page
)

func (u *UI) record(v *view) error {
	r, rec, err := v.openRecord()
	if err != nil {
		return err
	}
	if rec != nil && r.MayWrite {
		r.Edit = r.editFields(rec.Values, nil, nil)
	}
	r.Saved = v.is("saved", "1")
	r.Editing = v.is("edit", "1")
	return v.show(200, recordPage(r))
}

// openRecord gathers a record; rec is nil for one that is deleted.
func (v *view) openRecord() (*recordData, *repo.Record, error) {
	d, err := v.dataset("")
	if err != nil {
		return nil, nil, err
	}
	r := &recordData{datasetView: d, Key: v.r.PathValue("key"), MayWrite: v.u.Repo.MayWrite(v.p, d.d.Name) && !d.e.System}
	key, err := record.ParseKey(d.e.Schema, r.Key)
	if err != nil {
		return nil, nil, problem.New(problem.NotFound, "record-unknown", "dataset", d.d.Name)
	}
	if s := v.r.URL.Query().Get("asOf"); s != "" {
		if r.AsOf, err = v.asOf(s); err != nil {
			return nil, nil, err
		}
		r.MayWrite = false
	}
	rec, err := v.u.Repo.Get(v.r.Context(), v.p, d.d.Name, key, r.AsOf)
	var got *repo.Record
	switch {
	case err == nil:
		got = &rec
		r.Version = rec.Version
		r.fill(rec.Values)
	case problem.KindOf(err) == problem.NotFound:
		r.Deleted, r.MayWrite = true, false
	default:
		return nil, nil, err
	}
	if err := r.life(key); err != nil {
		return nil, nil, err
	}
	if r.AsOf == 0 && !d.e.System && v.u.Repo.MayErase(v.p, d.e) {
		switch reach, err := v.u.Repo.Reach(v.r.Context(), v.p, d.d.Name, key); {
		case err == nil:
			r.Reach = &reach
		case problem.KindOf(err) != problem.NotFound:
			return nil, nil, err
		}
	}
	if r.Label == "" && len(d.e.Table.Key) > 1 {
		r.Label = d.keyLabel(keyed(d.e.Table, key))
	}
	r.Label = or(r.Label, r.Key)
	v.title = r.Label + " · " + d.d.Title.In(v.lang)
	r.Raw = "/api/v1" + recordPath(d.d.Name, r.Key)
	return r, got, nil
}

// keyed is a row that holds a key and nothing else.
func keyed(t *dataset.Table, key []value.Value) []value.Value {
	row := make([]value.Value, t.Width())
	for i, k := range t.Key {
		row[k] = key[i]
	}
	return row
}

// fill writes the fields, the place and the references of a state.
func (r *recordData) fill(values []value.Value) {
	title := titleField(r.e)
	for _, f := range r.fields() {
		i, _, _, _ := r.e.Table.Property(f.Name)
		x := values[i]
		out := recordField{Name: f.Name, Title: fieldTitle(r.view, f), Unit: r.Unit(f.Unit), Note: f.Description.In(r.lang), JSON: f.Type.HoldsJSON(), Figure: x.Kind() != value.Text && len(f.Categories) == 0}
		out.Text = r.Cell(f, x)
		if n := []rune(out.Text); len(n) > mostBig {
			out.Text = string(n[:mostBig]) + "…"
		}
		if f.Name == title && x.Kind() == value.Text {
			r.Label = x.Text()
		}
		for _, fk := range r.d.Schema.ForeignKeys {
			if fk.Fields[0] == f.Name {
				if href, text := r.reference(fk, values); href != "" {
					out.Href = href
					r.Links = append(r.Links, link{text, href})
					if len(fk.Fields) == 1 && text != out.Text {
						out.Text += " · " + text
					}
				}
			}
		}
		r.Fields = append(r.Fields, out)
	}
	seen := r.u.Repo.Visible(r.p, r.e)
	t := r.e.Table
	if t.Flags >= 0 && slices.Contains(seen, t.Flags) && values[t.Flags].Kind() == value.Text {
		for _, name := range listOfTexts(values[t.Flags].Text()) {
			r.Flags = append(r.Flags, r.ruleWords(r.d.Name, name))
		}
	}
	if t.Area >= 0 && values[t.Area].Kind() == value.Text {
		code := values[t.Area].Text()
		r.Area = option{code, r.view.Area(code)}
	}
	if t.X >= 0 {
		x, okX := values[t.X].Number()
		y, okY := values[t.Y].Number()
		if okX && okY || r.Area.Value != "" {
			r.Map = r.plainMap(nil)
			for i := range r.Map.Areas {
				if r.Map.Areas[i].Code == r.Area.Value {
					r.Map.Areas[i].Class = "here"
				}
			}
			r.Map.Label = or(r.Area.Label, r.T("map.label"))
			if okX && okY {
				r.dot(&r.Map, x, y, 14)
				r.Map.Note = r.place(geom.Point(x, y))
			}
		}
	}
}

// life reads the record's history with what changed from state to state.
func (r *recordData) life(key []value.Value) error {
	var versions []store.Version
	_, err := r.u.Repo.History(r.r.Context(), r.p, r.d.Name, key, func(s store.Version) error {
		if len(versions) > mostLife {
			return errEnough
		}
		s.Values = slices.Clone(s.Values)
		for i, x := range s.Values { // texts are valid during the call only
			if x.Kind() == value.Text {
				s.Values[i] = value.OfText(strings.Clone(x.Text()))
			}
		}
		versions = append(versions, s)
		return nil
	})
	if err != nil && err != errEnough {
		return err
	}
	if len(versions) > mostLife {
		versions, r.LifeMore = versions[:mostLife], true
	}
	for i, s := range versions {
		e := lifeEntry{Current: i == 0, AsOf: strconv.FormatInt(s.Seq, 10), Line: logLine{Seq: s.Seq}}
		var before []value.Value
		if i+1 < len(versions) {
			before = versions[i+1].Values
		}
		switch {
		case s.Values == nil:
			e.Result = commit.Deleted
		case before == nil && !(i+1 == len(versions) && r.LifeMore):
			e.Result = commit.Created
		default:
			e.Result = commit.Updated
			e.Changes = r.differences(before, s.Values)
		}
		err := r.u.Repo.Log(r.r.Context(), r.p, repo.LogQuery{After: s.Seq - 1, Limit: 1}, func(c *commit.Entry) error {
			if c.Seq == s.Seq {
				e.Line = r.logLine(c)
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Life = append(r.Life, e)
	}
	return nil
}

// editFields makes the form: the values of a state, or what the reader wrote.
func (r *recordData) editFields(values []value.Value, given url.Values, faults map[string][]string) []editField {
	var list []editField
	for _, f := range r.fields() {
		i, _, _, _ := r.e.Table.Property(f.Name)
		e := editField{Name: f.Name, Title: fieldTitle(r.view, f), Kind: "text", Required: f.Constraints.Required, Faults: faults[f.Name]}
		e.Hint = r.Unit(f.Unit)
		if f.Type != dataset.String { // that a text is asked for goes without saying
			e.Hint = joined(" · ", r.T("type."+string(f.Type)), e.Hint)
		}
		if !values[i].IsNull() {
			e.Value = string(r.e.Schema.AppendCell(nil, i, values[i]))
		}
		if values[i].Kind() == value.Time && (f.Format == "" || f.Format == "default") {
			// In the city's zone, as the page shows it, and with the zone told.
			e.Value = values[i].Instant().In(r.zone).Format("2006-01-02T15:04:05.999999Z07:00")
		}
		long := f.Constraints.MaxLength != nil && *f.Constraints.MaxLength >= 1000
		switch {
		case slices.Contains(r.d.Schema.PrimaryKey, f.Name):
			e.Kind = "fixed"
		case len(f.Categories) > 0:
			e.Kind = "select"
			for _, c := range f.Categories {
				val := scalar(c.Value)
				e.Options = append(e.Options, option{val, or(c.Label.In(r.lang), val)})
			}
		case len(f.Constraints.Enum) > 0:
			e.Kind = "select"
			for _, c := range f.Constraints.Enum {
				e.Options = append(e.Options, option{scalar(c), scalar(c)})
			}
		case f.Type == dataset.Boolean:
			e.Kind = "select"
			e.Options = []option{{"true", r.T("yes")}, {"false", r.T("no")}}
		case f.Type.HoldsJSON() || f.Type == dataset.GeoJSON || long || len(e.Value) > 80:
			e.Kind = "area"
		}
		if given != nil && e.Kind != "fixed" {
			e.Value = given.Get("f." + f.Name)
		}
		list = append(list, e)
	}
	return list
}

// erase takes the record away for good and leads to the receipt of that.
func (v *view) erase(r *recordData) error {
	key, err := record.ParseKey(r.e.Schema, r.Key)
	if err != nil {
		return err
	}
	if v.field("sure") != "1" {
		err = problem.InvalidWith("erase-invalid", []problem.Violation{problem.Violate("erase-sure", "sure")})
	} else {
		var done commit.Receipt
		done, err = v.u.Repo.Erase(v.r.Context(), v.p, repo.Erasing{Dataset: r.d.Name, Key: key, Basis: v.field("basis"), Reason: v.field("reason")})
		if err == nil {
			return v.seeOther(receiptPath(done.Seq))
		}
	}
	if problem.KindOf(err) == problem.Denied {
		return err
	}
	return v.again(err, func(status int, fault *web.Document) error {
		r.EraseFault = fault
		return v.show(status, recordPage(r))
	})
}

// saveRecord writes the reader's changes, expecting the version that the form
// was made from. A newer version is shown beside the reader's own.
func (u *UI) saveRecord(v *view) error {
	if err := v.r.ParseForm(); err != nil {
		return web400(err)
	}
	r, rec, err := v.openRecord()
	if err != nil {
		return err
	}
	if v.r.PostForm.Get("action") == "erase" {
		return v.erase(r)
	}
	if !u.Repo.MayWrite(v.p, r.d.Name) || r.e.System {
		return problem.New(problem.Denied, "denied", "action", "write", "dataset", r.d.Name)
	}
	form := v.r.PostForm
	version, err := strconv.ParseInt(form.Get("version"), 10, 64)
	if err != nil || version <= 0 {
		return problem.New(problem.Invalid, "request-malformed")
	}
	r.Reason = form.Get("reason")
	change := commit.Change{Dataset: r.d.Name, Op: commit.Patch, Row: make([]value.Value, r.e.Table.Width()), Mask: make([]bool, r.e.Table.Width()), Expect: version}
	key, err := record.ParseKey(r.e.Schema, r.Key)
	if err != nil {
		return err
	}
	for i, k := range r.e.Table.Key {
		change.Row[k] = key[i]
	}
	faults := map[string][]string{}
	if form.Get("action") == "delete" {
		change.Op, change.Mask = commit.Delete, nil
	} else {
		for _, f := range r.fields() {
			i, _, _, _ := r.e.Table.Property(f.Name)
			vals, ok := form["f."+f.Name]
			if !ok || slices.Contains(r.d.Schema.PrimaryKey, f.Name) {
				continue
			}
			x, bad := r.e.Schema.ParseCell(i, strings.ReplaceAll(vals[0], "\r\n", "\n"))
			if bad != nil {
				faults[f.Name] = append(faults[f.Name], problem.Text(v.lang, bad.Code, bad.Args))
				continue
			}
			change.Row[i], change.Mask[i] = x, true
		}
	}
	if len(faults) == 0 {
		_, err = u.Repo.Commit(v.r.Context(), v.p, &commit.Request{
			Header:  commit.Header{Actor: v.p.Name, Source: "web", Reason: strings.TrimSpace(r.Reason)},
			Changes: []commit.Change{change},
		})
		if err == nil {
			return v.seeOther(recordPath(r.d.Name, r.Key) + "?saved=1")
		}
	} else {
		err = problem.New(problem.Invalid, "record-invalid")
	}
	return r.refuse(rec, change, form, faults, err)
}

// refuse shows the form again with what stands against saving it.
func (r *recordData) refuse(rec *repo.Record, change commit.Change, form url.Values, faults map[string][]string, err error) error {
	e := problem.As(err)
	status := http.StatusUnprocessableEntity
	switch e.Kind {
	case problem.Stale:
		status = http.StatusPreconditionFailed
	case problem.Conflict:
		status = http.StatusConflict
	case problem.Invalid:
	default:
		return err
	}
	for _, x := range e.Violations {
		text := problem.Text(r.lang, x.Code, x.Args)
		if _, ok := r.d.Field(x.Field); ok {
			faults[x.Field] = append(faults[x.Field], text)
		} else {
			r.Faults = append(r.Faults, text)
		}
	}
	if len(e.Violations) == 0 && len(faults) == 0 && e.Kind != problem.Stale {
		r.Faults = append(r.Faults, e.In(r.lang))
	}
	r.Editing = true
	if rec != nil {
		r.MayWrite = true
		if e.Kind == problem.Stale && change.Op == commit.Patch {
			mine := slices.Clone(rec.Values)
			for i, set := range change.Mask {
				if set {
					mine[i] = change.Row[i]
				}
			}
			r.Conflict = r.differences(rec.Values, mine)
		}
		r.Edit = r.editFields(rec.Values, form, faults)
	}
	if e.Kind == problem.Stale {
		r.Faults = append(r.Faults, r.T("conflict.lead"))
	}
	return r.view.show(status, recordPage(r))
}
