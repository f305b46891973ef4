package ui

import (
	"maps"
	"slices"
	"strings"

	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/service/request"
)

// shownEntry leaves out what only the workflow itself needs to know.
func shownEntry(e request.Entry) bool {
	return e.Kind != workflow.Set || e.Name != "routed" && e.Name != "asker"
}

// deskLine is the timeline as it is shown, the newest first.
func deskLine(list []request.Entry) []request.Entry {
	out := slices.DeleteFunc(slices.Clone(list), func(e request.Entry) bool { return !shownEntry(e) })
	slices.Reverse(out)
	return out
}

// reqEntryTitle says in words what an entry of a report's timeline is.
func (v *view) reqEntryTitle(w *workflow.Workflow, e request.Entry) string {
	f := e.Facts
	switch e.Kind {
	case workflow.Move:
		title := e.Name
		if t, ok := w.Transition(e.Name); ok {
			title = t.Title.In(v.lang)
		}
		outcome := ""
		if e.Outcome != "" {
			outcome = strings.ToLower(v.reqOutcome(e.Outcome))
		}
		return joined(": ", title, joined(", ", v.Agency(f["agency"]), f["assignee"], outcome, f["parent"], v.dayFact(f["plannedAt"]), f["recipient"]))
	case workflow.Set:
		switch e.Name {
		case request.DoClassify:
			var what []string
			for _, name := range []string{"category", "urgency", "track", "area", "address", "place"} {
				if s := f[name]; s != "" {
					what = append(what, v.T("desk.fact."+name)+" "+v.factText(name, s))
				}
			}
			return joined(": ", v.T("desk.did.classify"), strings.Join(what, ", "))
		case request.DoReroute:
			return joined(": ", v.T("desk.did.reroute"), v.Agency(f["agency"]))
		case "level":
			return v.T("desk.did.level", "to", v.reqLevel(e.Level))
		}
		return joined(": ", v.T("desk.did.set"), v.Agency(f["agency"]))
	case workflow.Fire:
		switch f["kind"] {
		case workflow.Remind:
			return v.T("inc.did.remind", "deadline", v.reqDeadline(f["deadline"]), "n", f["percent"])
		case workflow.Escalate:
			if e.Level != "" {
				return v.T("inc.did.escalate", "deadline", v.reqDeadline(f["deadline"]), "to", v.reqLevel(e.Level))
			}
			return v.T("inc.did.escalate-none", "deadline", v.reqDeadline(f["deadline"]))
		}
		return v.T("inc.did.missed", "deadline", v.reqDeadline(f["deadline"]))
	case request.Comment:
		if slices.Contains([]string{"question", "reply", "reason"}, e.Name) {
			return v.T("desk.said." + e.Name)
		}
		return v.T("desk.said.comment")
	case request.Photo:
		if e.Name == "after" {
			return v.T("desk.did.after")
		}
		return v.T("desk.did.photo")
	case request.Rating:
		return v.T("desk.did.rate", "n", f["rating"])
	case request.Publish:
		if f["published"] == "false" {
			return v.T("desk.did.hide")
		}
		return v.T("desk.did.publish")
	case request.Linked:
		switch e.Name {
		case "split", "split-from":
			return v.T("desk.did."+e.Name, "code", e.Ref)
		}
		return v.T("desk.did.merge", "code", e.Ref)
	case workflow.Open:
		return v.T("desk.did.open")
	case workflow.Halt:
		return v.T("desk.did.pause")
	case workflow.Resume:
		return v.T("desk.did.resume")
	}
	return v.T("desk.did.note")
}

func (v *view) factText(name, s string) string {
	switch name {
	case "category":
		return v.categoryTitle(s)
	case "urgency":
		return v.T("desk.urgency." + s)
	case "area":
		return v.Area(s)
	case "track":
		if c, err := v.u.Requests.Catalogue(); err == nil {
			if t, ok := c.Track(s); ok {
				return t.Title.In(v.lang)
			}
		}
	case "place":
		return ""
	}
	return s
}

// dayFact writes a day of a fact as people do.
func (v *view) dayFact(day string) string {
	if y, rest, ok := strings.Cut(day, "-"); ok {
		if m, d, ok := strings.Cut(rest, "-"); ok {
			return d + "/" + m + "/" + y
		}
	}
	return day
}

// reqBy says who wrote an entry; of who reported, no more than that.
func (v *view) reqBy(e request.Entry) string {
	switch {
	case e.By == "huong" || e.By == "" && e.Kind == workflow.Fire:
		return v.T("inc.by.system")
	case e.By == "" && e.ByAgency == "":
		return v.T("desk.by.reporter")
	}
	return joined(" · ", e.By, v.Agency(e.ByAgency))
}

// reqText is what stands below the title of an entry.
func (v *view) reqText(e request.Entry) string {
	if e.Kind == workflow.Fire || e.Kind == request.Photo {
		return ""
	}
	return e.TextIn(v.lang)
}

// answersIn are the answers to a category's questions that an entry holds.
func (v *view) answersIn(d *deskOneData) (list []option) {
	if d.Category == nil {
		return nil
	}
	facts := map[string]string{}
	for _, e := range d.Timeline {
		if e.Name == "answers" || e.Kind == workflow.Open {
			maps.Copy(facts, e.Facts)
		}
	}
	for _, q := range d.Category.Questions {
		text := facts[q.Code]
		if text == "" {
			continue
		}
		var said []string
		for part := range strings.SplitSeq(text, ",") {
			for _, c := range q.Values {
				if c.Code == part {
					part = c.Title.In(v.lang)
				}
			}
			said = append(said, part)
		}
		list = append(list, option{q.Title.In(v.lang), strings.Join(said, ", ")})
	}
	return list
}

// why says by which rule, or by whom, the report came to its agency.
func (v *view) why(w *request.Whole) string {
	for _, e := range slices.Backward(w.Timeline) {
		if e.Facts["agency"] == "" {
			continue
		}
		if e.Kind == workflow.Move {
			if e.Facts["rule"] != "" || w.Rule == "" {
				return v.T("desk.why.person", "who", v.reqBy(e))
			}
			continue
		}
		return e.TextIn(v.lang)
	}
	return ""
}

// holes fill the templates of answers.
func (v *view) holes(w *request.Whole, lang string) map[string]string {
	n := v.u.namesNow(v.r.Context())
	values := map[string]string{"code": w.Code, "address": or(w.Address, n.areas[w.Area].In(lang)), "agency": or(n.agencies[w.Agency].In(lang), w.Agency)}
	if c, err := v.u.Requests.Catalogue(); err == nil {
		if x, ok := c.Category(w.Request.Category); ok {
			values["category"] = strings.ToLower(x.Title.In(lang))
		}
		if t, ok := c.Track(w.Track); ok {
			values["law"], values["pointer"] = t.Law, t.Pointer.In(lang)
		}
	}
	return values
}

// stepFields are the fields of a step's form: those of the step, and those that
// any of its outcomes asks for.
func stepFields(w *workflow.Workflow, t *workflow.Transition) []string {
	list := slices.Clone(t.Require)
	for _, name := range t.Outcomes {
		for _, o := range w.Outcomes {
			if o.Name == name {
				list = append(list, o.Require...)
			}
		}
	}
	list = append(list, t.Optional...)
	var once []string
	for _, f := range list {
		if !slices.Contains(once, f) {
			once = append(once, f)
		}
	}
	return once
}

// bare tells that a step needs no more than a press.
func bare(t *workflow.Transition) bool { return len(t.Require) == 0 && len(t.Outcomes) == 0 }

// mayAnswer tells that a step can come to an outcome.
func mayAnswer(t *workflow.Transition, outcome string) bool {
	return slices.Contains(t.Outcomes, outcome)
}

// kept is what was sent with a form that was refused, else another text.
func (d *deskOneData) kept(do, field, other string) string {
	if d.Do == do && d.Filled != nil && d.Filled.Has(field) {
		return d.Filled.Get(field)
	}
	return other
}

// lost are the texts of a step that is no longer offered, so that they are not lost.
func (d *deskOneData) lost(v *view) (list []option) {
	if d.Fault == nil || slices.Contains(d.May, d.Do) || slices.ContainsFunc(d.Steps, func(t *workflow.Transition) bool { return t.Name == d.Do }) {
		return nil
	}
	for _, name := range []string{"answer", "question", "reply", "note", "text", "reason"} {
		if s := d.Filled.Get(name); s != "" {
			list = append(list, option{v.T("desk.field." + name), s})
		}
	}
	return list
}

// can tells whether the reader may do something beside the steps.
func (d *deskOneData) can(do string) bool { return slices.Contains(d.May, do) }

// outcomeOf tells whether an outcome of a step is the chosen one: as it was sent,
// as the template has it, else the first.
func (d *deskOneData) outcomeOf(t *workflow.Transition, i int) bool {
	first := t.Outcomes[0]
	if d.Template != nil && len(d.Template.Outcomes) > 0 && mayAnswer(t, d.Template.Outcomes[0]) {
		first = d.Template.Outcomes[0]
	}
	return t.Outcomes[i] == d.kept(t.Name, "outcome", first)
}

// templatesOf are the texts that an answer of a step may begin from.
func (d *deskOneData) templatesOf(t *workflow.Transition) (list []*catalogue.Template) {
	for _, x := range d.Catalogue.TemplatesFor(d.Request.Category, "") {
		if len(x.Outcomes) > 0 && mayAnswer(t, x.Outcomes[0]) {
			list = append(list, x)
		}
	}
	return list
}

func (d *deskOneData) templateFor(v *view, t *workflow.Transition, field string) string {
	if field != "answer" || d.Template == nil || len(d.Template.Outcomes) == 0 || !mayAnswer(t, d.Template.Outcomes[0]) {
		return ""
	}
	return d.Template.Fill("vi", v.holes(d.Whole, "vi"))
}

// agencyFor is the agency that a step begins from.
func (d *deskOneData) agencyFor(t *workflow.Transition) string {
	if t.Name == "assign" {
		return d.Agency
	}
	return ""
}

func (d *deskOneData) assigneeFor(v *view, t *workflow.Transition) string {
	if t.Name == "appoint" {
		return or(d.Assignee, v.p.Name)
	}
	return ""
}

// officersFor are who a report can be given to: the officers of its agency, and who
// was chosen before.
func (d *deskOneData) officersFor(v *view, t *workflow.Transition) []string {
	list := slices.Clone(d.Officers)
	if kept := d.kept(t.Name, "assignee", d.assigneeFor(v, t)); kept != "" && !slices.Contains(list, kept) {
		list = append(list, kept)
	}
	return list
}

// likeliest is the report that this one may be merged into.
func (d *deskOneData) likeliest() string {
	if len(d.Alike) > 0 {
		return d.Alike[0].Code
	}
	return ""
}

func (d *deskOneData) rowsOf(field string) string {
	if field == "answer" {
		return "5"
	}
	return "2"
}

// shows tells whether a photo is to be public: as it was sent, else as it is.
func (d *deskOneData) shows(id string) bool {
	if d.Do == request.DoPublish {
		return slices.Contains(d.Filled["photos"], id)
	}
	return slices.Contains(d.Request.Photos, id)
}

// photoAlt says what a photo is of.
func (v *view) photoAlt(p deskPhoto) string {
	what := v.T("desk.photo.before")
	if p.After {
		what = v.T("desk.photo.after")
	}
	if p.Black {
		what = joined(", ", what, v.T("desk.photo.black"))
	}
	if p.Covered {
		what = joined(", ", what, v.T("desk.photo.original"))
	}
	return joined(" · ", what, v.Clock(p.At))
}

// deskMap shows where the report is among the city's wards.
func (v *view) deskMap(w *request.Whole) cityMap {
	m := v.plainMap(nil)
	m.Label = joined(", ", v.T("desk.place"), w.Address, v.Area(w.Area))
	for i := range m.Areas {
		m.Areas[i].Class = "r1"
		if m.Areas[i].Code == w.Area {
			m.Areas[i].Class = "r3"
		}
	}
	if w.Longitude != nil && w.Latitude != nil {
		v.dot(&m, *w.Longitude, *w.Latitude, 12)
	}
	return m
}

// over tells that the report has ended.
func (d *deskOneData) over() bool {
	s, _ := d.Workflow.State(d.Status)
	return s.Final
}

// above are the levels that the report can be raised to.
func (d *deskOneData) above() []string {
	if d.over() {
		return nil
	}
	return d.Workflow.Levels[d.Workflow.Rank(d.Level)+1:]
}
