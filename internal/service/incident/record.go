package incident

import (
	"encoding/json"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Incident is an incident as its record stands, as far as the reader may see it.
type Incident struct {
	ID, Title, TitleEn  string
	Kind, Severity      string
	State, Outcome      string
	Over                bool
	Level               string
	Agency              string   // that leads
	Agencies            []string // that take part
	Assignee            string
	Area, Place         string
	Location            string // WKB of a point; "" = none
	Summary             string
	Caller, CallerPhone string // shown for a purpose only
	Source, Cause       string
	Playbook            string
	DetectedAt          time.Time
	AcknowledgedAt      time.Time
	ResolvedAt          time.Time
	ClosedAt            time.Time
	Deadline            string // the one that runs
	DueAt               time.Time
	NextAt              time.Time
	Missed              int64
	Alerts              int64
	Entries             int64
	OpenedBy            string
	UpdatedAt           time.Time
	Version             int64 // of the record: what a step is decided upon
}

// Overdue tells whether the deadline that runs has passed.
func (x *Incident) Overdue(at time.Time) bool { return !x.DueAt.IsZero() && !at.Before(x.DueAt) }

// TitleIn is the title for a language.
func (x *Incident) TitleIn(lang string) string {
	if lang == "en" && x.TitleEn != "" {
		return x.TitleEn
	}
	return x.Title
}

// Kinds of entries beside those of the workflow's events.
const (
	Note     = "note"
	Decision = "decision"
	Measure  = "measure"
	AlertOf  = "alert"
	FileOf   = "file"
	Check    = "check"
)

// Entry is one line of an incident's timeline.
type Entry struct {
	Number       int64
	At           time.Time
	By, ByAgency string
	Kind         string // of a workflow's event, or one of those above
	Name         string // of the step, the firing, the checklist's line, the measure, the file
	Text, TextEn string
	Level        string
	Outcome      string
	Facts        map[string]string
	Ref          string // of the alert or the file
	Amount       *float64
	Unit         string
}

// TextIn is the text for a language.
func (e *Entry) TextIn(lang string) string {
	if lang == "en" && e.TextEn != "" {
		return e.TextEn
	}
	return e.Text
}

// event is what the workflow makes of an entry; false for one that is not its.
func (e *Entry) event(zone *time.Location) (workflow.Event, bool) {
	switch e.Kind {
	case workflow.Open, workflow.Move, workflow.Set, workflow.Halt, workflow.Resume, workflow.Fire:
	default:
		return workflow.Event{}, false
	}
	out := workflow.Event{Kind: e.Kind, Name: e.Name, At: e.At.In(zone), Actor: e.By, Level: e.Level, Outcome: e.Outcome}
	if e.Kind == workflow.Open || e.Kind == workflow.Set {
		out.Facts = e.Facts
	}
	return out, true
}

// cells writes a row by the names of fields.
type cells struct {
	e   *repo.Entry
	row []value.Value
}

func cellsOf(e *repo.Entry) cells { return cells{e, make([]value.Value, e.Table.Width())} }

func (c cells) set(name string, v value.Value) {
	if i, _, _, ok := c.e.Table.Property(name); ok {
		c.row[i] = v
	}
}

func (c cells) text(name, s string) {
	if s != "" {
		c.set(name, value.OfText(s))
	}
}

func (c cells) list(name string, items []string) {
	if len(items) > 0 {
		b, _ := json.Marshal(items)
		c.set(name, value.OfText(string(b)))
	}
}

func (c cells) at(name string, t time.Time) {
	if !t.IsZero() {
		c.set(name, value.OfTime(t.UnixMicro()))
	}
}

func (c cells) count(name string, n int64) { c.set(name, value.OfInt(n)) }

// look reads a row by the names of fields. What it returns shares nothing with
// the row.
type look struct {
	e    *repo.Entry
	row  []value.Value
	zone *time.Location
}

func (l look) value(name string) value.Value {
	if i, _, _, ok := l.e.Table.Property(name); ok && i < len(l.row) {
		return l.row[i]
	}
	return value.Value{}
}

func (l look) text(name string) string {
	if v := l.value(name); v.Kind() == value.Text {
		return strings.Clone(v.Text())
	}
	return ""
}

func (l look) list(name string) (items []string) {
	json.Unmarshal([]byte(l.text(name)), &items)
	return items
}

func (l look) at(name string) time.Time {
	if v := l.value(name); v.Kind() == value.Time {
		return v.Instant().In(l.zone)
	}
	return time.Time{}
}

func (l look) count(name string) int64 {
	if v := l.value(name); v.Kind() == value.Int {
		return v.Int()
	}
	return 0
}

func (l look) truth(name string) bool {
	v := l.value(name)
	return v.Kind() == value.Bool && v.Bool()
}

func (d *Desk) of(rec repo.Record) Incident {
	l := look{rec.Entry, rec.Values, d.repo.Zone()}
	x := Incident{Over: l.truth("over"), Agencies: l.list("agencies"), Missed: l.count("missed"), Alerts: l.count("alerts"),
		Entries: l.count("entries"), Version: rec.Version}
	for name, into := range x.texts() {
		*into = l.text(name)
	}
	for name, into := range x.times() {
		*into = l.at(name)
	}
	if v := l.value("location"); v.Kind() == value.Geometry {
		x.Location = strings.Clone(v.WKB())
	}
	return x
}

// texts are the fields of the record that hold a text, and where it is kept.
func (x *Incident) texts() map[string]*string {
	return map[string]*string{
		"id": &x.ID, "title": &x.Title, "titleEn": &x.TitleEn, "kind": &x.Kind, "severity": &x.Severity, "state": &x.State, "outcome": &x.Outcome,
		"level": &x.Level, "agency": &x.Agency, "assignee": &x.Assignee, "area": &x.Area, "place": &x.Place, "summary": &x.Summary,
		"caller": &x.Caller, "callerPhone": &x.CallerPhone, "source": &x.Source, "cause": &x.Cause, "playbook": &x.Playbook,
		"deadline": &x.Deadline, "openedBy": &x.OpenedBy,
	}
}

func (x *Incident) times() map[string]*time.Time {
	return map[string]*time.Time{
		"detectedAt": &x.DetectedAt, "acknowledgedAt": &x.AcknowledgedAt, "resolvedAt": &x.ResolvedAt, "closedAt": &x.ClosedAt,
		"dueAt": &x.DueAt, "nextAt": &x.NextAt, "updatedAt": &x.UpdatedAt,
	}
}

// put is the change that writes the record as it shall stand.
func (d *Desk) put(x *Incident) (commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemIncident)
	if err != nil {
		return commit.Change{}, err
	}
	c := cellsOf(e)
	for name, from := range x.texts() {
		c.text(name, *from)
	}
	for name, from := range x.times() {
		c.at(name, *from)
	}
	c.list("agencies", x.Agencies)
	c.set("over", value.OfBool(x.Over))
	c.count("missed", x.Missed)
	c.count("alerts", x.Alerts)
	c.count("entries", x.Entries)
	if x.Location != "" {
		c.set("location", value.OfGeometry(x.Location))
	}
	expect := x.Version
	if expect == 0 {
		expect = commit.Absent
	}
	return commit.Change{Dataset: repo.SystemIncident, Op: commit.Put, Row: c.row, Expect: expect}, nil
}

// putEntry is the change that appends an entry to the timeline.
func (d *Desk) putEntry(x *Incident, n *Entry) (commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemIncidentEntry)
	if err != nil {
		return commit.Change{}, err
	}
	c := cellsOf(e)
	for name, s := range map[string]string{"incident": x.ID, "by": n.By, "byAgency": n.ByAgency, "kind": n.Kind, "name": n.Name, "text": n.Text, "textEn": n.TextEn,
		"level": n.Level, "outcome": n.Outcome, "ref": n.Ref, "unit": n.Unit, "agency": x.Agency, "area": x.Area} {
		c.text(name, s)
	}
	c.count("number", n.Number)
	c.at("at", n.At)
	c.list("agencies", x.Agencies)
	if n.Amount != nil {
		c.set("amount", value.OfFloat(*n.Amount))
	}
	if len(n.Facts) > 0 {
		b, _ := json.Marshal(n.Facts) // keys in order
		c.text("facts", string(b))
	}
	return commit.Change{Dataset: repo.SystemIncidentEntry, Op: commit.Put, Row: c.row, Expect: commit.Absent}, nil
}

func entryOf(l look) Entry {
	n := Entry{Number: l.count("number"), At: l.at("at")}
	for name, into := range map[string]*string{"by": &n.By, "byAgency": &n.ByAgency, "kind": &n.Kind, "name": &n.Name, "text": &n.Text, "textEn": &n.TextEn,
		"level": &n.Level, "outcome": &n.Outcome, "ref": &n.Ref, "unit": &n.Unit} {
		*into = l.text(name)
	}
	json.Unmarshal([]byte(l.text("facts")), &n.Facts)
	if v := l.value("amount"); v.Kind() == value.Float {
		f := v.Float()
		n.Amount = &f
	}
	return n
}

// point is the WKB of a place, "" for none.
func point(lon, lat *float64) string {
	if lon == nil || lat == nil {
		return ""
	}
	return geom.Point(*lon, *lat)
}
