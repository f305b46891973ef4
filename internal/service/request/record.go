package request

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Request is a service request as its record stands, as far as the reader may see
// it: what is not theirs to see is empty.
type Request struct {
	Code, Category      string
	Status              string // state of the workflow
	Outcome             string
	Title               string // nothing that a citizen wrote, until it is published
	Description         string // as written; for staff and the reporter
	PublicText          string // what the public reads
	Published           bool
	Channel             string
	Track, Urgency      string
	OpenedAt            time.Time
	DueAt               time.Time // until when it must be answered; stays when it is over
	AnsweredAt          time.Time
	ClosedAt            time.Time
	UpdatedAt           time.Time
	PlannedAt           time.Time // the first moment of the day that was promised
	RatedAt             time.Time
	Longitude, Latitude *float64
	Address, Area       string
	NeedsPlace          bool
	Agency, Level       string
	Assignee            string
	Answer              string
	Rating              int64 // 1 to 5; 0 = none
	Reopened            int64
	Parent              string // code of the request that it was merged into
	Followers           int64
	Anonymous           bool
	Photos, AfterPhotos []string // files that the public may see
	Deadline            string   // the one that runs next
	NextAt              time.Time
	Missed              int64
	Entries             int64
	Suggested           string
	ExternalID          string
	Rule                string // routing rule that sent it where it is
	Version             int64  // of the record: what a step is decided upon
}

// Overdue tells whether the request waits for an answer that was due.
func (x *Request) Overdue(at time.Time) bool {
	return x.AnsweredAt.IsZero() && x.ClosedAt.IsZero() && !x.DueAt.IsZero() && at.After(x.DueAt)
}

// OnTime tells whether an answered or closed request was answered in time; known
// is false for one that had no date, or has no answer yet.
func (x *Request) OnTime() (in, known bool) {
	end := x.AnsweredAt
	if end.IsZero() {
		end = x.ClosedAt
	}
	if end.IsZero() || x.DueAt.IsZero() {
		return false, false
	}
	return !end.After(x.DueAt), true
}

// Who may see an entry of a timeline. Staff who see the request see all of it.
const (
	ToPublic   = "public"
	ToReporter = "reporter"
	ToStaff    = "staff"
)

// Kinds of entries beside those of the workflow's events.
const (
	Note    = "note"    // among staff
	Comment = "comment" // between the city and the reporter
	Photo   = "file"    // Ref is the file
	Rating  = "rate"
	Publish = "publish" // what the public reads was set, or taken back
	Linked  = "merge"   // another request was merged into this one, or split off
)

// Entry is one line of a request's timeline.
type Entry struct {
	Number       int64
	At           time.Time
	By, ByAgency string // of staff; both empty where the reporter wrote it
	Kind         string // of a workflow's event, or one of those above
	Name         string // of a fire event, the ids of the firings with spaces between
	Text, TextEn string
	Level        string
	Outcome      string
	Facts        map[string]string
	Ref          string
	Visibility   string
}

// TextIn is the text for a language.
func (e *Entry) TextIn(lang string) string {
	if lang == "en" && e.TextEn != "" {
		return e.TextEn
	}
	return e.Text
}

// Reporter is how the log names whoever is not staff.
const Reporter = "reporter"

// events appends what the workflow makes of an entry: nothing of one that is not its
// own, and one event for each firing that the entry notes.
func (e *Entry) events(history []workflow.Event, zone *time.Location) []workflow.Event {
	switch e.Kind {
	case workflow.Fire:
		for id := range strings.FieldsSeq(e.Name) {
			history = append(history, workflow.Event{Kind: e.Kind, Name: id, At: e.At.In(zone), Actor: e.By, Level: e.Level})
		}
		return history
	case workflow.Open, workflow.Move, workflow.Set, workflow.Halt, workflow.Resume:
	default:
		return history
	}
	out := workflow.Event{Kind: e.Kind, Name: e.Name, At: e.At.In(zone), Actor: e.By, Level: e.Level, Outcome: e.Outcome}
	if e.Kind == workflow.Open || e.Kind == workflow.Set {
		out.Facts = e.Facts
	}
	return append(history, out)
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

// area is the ward that was told or found when it was sent, else that of the point.
func (l look) area() string {
	if s := l.text("area"); s != "" {
		return s
	}
	if i := l.e.Table.Area; i >= 0 && i < len(l.row) && l.row[i].Kind() == value.Text {
		return strings.Clone(l.row[i].Text())
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

// texts, times, counts, truths and lists are the fields of the record, and where
// each is kept.
func (x *Request) texts() map[string]*string {
	return map[string]*string{
		"code": &x.Code, "category": &x.Category, "status": &x.Status, "outcome": &x.Outcome, "title": &x.Title, "description": &x.Description,
		"publicText": &x.PublicText, "channel": &x.Channel, "track": &x.Track, "urgency": &x.Urgency, "address": &x.Address, "agency": &x.Agency,
		"level": &x.Level, "assignee": &x.Assignee, "answer": &x.Answer, "parent": &x.Parent, "deadline": &x.Deadline, "suggested": &x.Suggested,
		"externalId": &x.ExternalID, "ruleId": &x.Rule,
	}
}

func (x *Request) times() map[string]*time.Time {
	return map[string]*time.Time{
		"openedAt": &x.OpenedAt, "dueAt": &x.DueAt, "answeredAt": &x.AnsweredAt, "closedAt": &x.ClosedAt, "updatedAt": &x.UpdatedAt,
		"ratedAt": &x.RatedAt, "nextAt": &x.NextAt,
	}
}

func (x *Request) counts() map[string]*int64 {
	return map[string]*int64{"rating": &x.Rating, "reopened": &x.Reopened, "followers": &x.Followers, "missed": &x.Missed, "entries": &x.Entries}
}

func (x *Request) truths() map[string]*bool {
	return map[string]*bool{"published": &x.Published, "anonymous": &x.Anonymous, "needsPlace": &x.NeedsPlace}
}

func (x *Request) lists() map[string]*[]string {
	return map[string]*[]string{"photos": &x.Photos, "afterPhotos": &x.AfterPhotos}
}

func (d *Desk) of(rec repo.Record) Request {
	l := look{rec.Entry, rec.Values, d.repo.Zone()}
	x := Request{Version: rec.Version}
	for name, into := range x.texts() {
		*into = l.text(name)
	}
	for name, into := range x.times() {
		*into = l.at(name)
	}
	for name, into := range x.counts() {
		*into = l.count(name)
	}
	for name, into := range x.truths() {
		*into = l.truth(name)
	}
	for name, into := range x.lists() {
		*into = l.list(name)
	}
	if v := l.value("plannedAt"); v.Kind() == value.Date {
		at := time.Unix(v.Days()*24*60*60, 0).UTC()
		x.PlannedAt = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, d.repo.Zone())
	}
	x.Area = l.area()
	if v := l.value("location"); v.Kind() == value.Geometry {
		if lon, lat, ok := geom.PointOf(v.WKB()); ok {
			x.Longitude, x.Latitude = &lon, &lat
		}
	}
	return x
}

// open leaves of a record what its open fields may hold: while nobody has read what
// was written, no address and no answer; of what is private no place either, beside
// the ward. The timeline has them for who handles it.
func (x Request) open(private bool) Request {
	if !x.Published {
		x.Address, x.Answer = "", ""
	}
	if private {
		x.Longitude, x.Latitude = nil, nil
	}
	return x
}

// put is the change that writes the record as it shall stand.
func (d *Desk) put(r *rules, full *Request) (commit.Change, error) {
	c0, ok := r.category(full.Category)
	shown := full.open(ok && c0.Private)
	x := &shown
	e, err := d.repo.Entry(repo.Internal(), Dataset)
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
	for name, from := range x.counts() {
		if name != "rating" || *from > 0 {
			c.set(name, value.OfInt(*from))
		}
	}
	for name, from := range x.truths() {
		c.set(name, value.OfBool(*from))
	}
	for name, from := range x.lists() {
		c.list(name, *from)
	}
	if !x.PlannedAt.IsZero() {
		y, m, day := x.PlannedAt.Date()
		c.set("plannedAt", value.OfDate(time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Unix()/(24*60*60)))
	}
	c.text("area", x.Area)
	if x.Longitude != nil && x.Latitude != nil {
		c.set("location", value.OfGeometry(geom.Point(*x.Longitude, *x.Latitude)))
	}
	expect := x.Version
	if expect == 0 {
		expect = commit.Absent
	}
	return commit.Change{Dataset: Dataset, Op: commit.Put, Row: c.row, Expect: expect}, nil
}

// putEntry is the change that appends an entry to the timeline.
func (d *Desk) putEntry(x *Request, n *Entry) (commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), Entries)
	if err != nil {
		return commit.Change{}, err
	}
	c := cellsOf(e)
	for name, s := range map[string]string{"request": x.Code, "by": n.By, "byAgency": n.ByAgency, "kind": n.Kind, "name": n.Name, "text": n.Text, "textEn": n.TextEn,
		"level": n.Level, "outcome": n.Outcome, "ref": n.Ref, "visibility": n.Visibility, "agency": x.Agency, "area": x.Area} {
		c.text(name, s)
	}
	c.set("number", value.OfInt(n.Number))
	c.at("at", n.At)
	if len(n.Facts) > 0 {
		b, _ := json.Marshal(n.Facts) // keys in order
		c.text("facts", string(b))
	}
	return commit.Change{Dataset: Entries, Op: commit.Put, Row: c.row, Expect: commit.Absent}, nil
}

func entryOf(l look) Entry {
	n := Entry{Number: l.count("number"), At: l.at("at")}
	for name, into := range map[string]*string{"by": &n.By, "byAgency": &n.ByAgency, "kind": &n.Kind, "name": &n.Name, "text": &n.Text, "textEn": &n.TextEn,
		"level": &n.Level, "outcome": &n.Outcome, "ref": &n.Ref, "visibility": &n.Visibility} {
		*into = l.text(name)
	}
	json.Unmarshal([]byte(l.text("facts")), &n.Facts)
	return n
}

// take follows the facts of an entry into the record; what the workflow says of
// the case comes after it.
func (x *Request) take(e *Entry, to string) {
	for name, into := range map[string]*string{"category": &x.Category, "urgency": &x.Urgency, "track": &x.Track, "agency": &x.Agency, "assignee": &x.Assignee,
		"rule": &x.Rule, "parent": &x.Parent, "address": &x.Address, "area": &x.Area} {
		if v, ok := e.Facts[name]; ok {
			*into = v
		}
	}
	if v, ok := e.Facts["plannedAt"]; ok {
		x.PlannedAt, _ = time.ParseInLocation(time.DateOnly, v, e.At.Location())
	}
	if v, ok := e.Facts["photos"]; ok {
		if x.Photos = strings.Fields(v); len(x.Photos) == 0 {
			x.Photos = nil
		}
	}
	if v, ok := e.Facts["place"]; ok {
		x.Longitude, x.Latitude = placeOf(v)
	}
	if v, ok := e.Facts["needsPlace"]; ok {
		x.NeedsPlace = v == "true"
	}
	if v, ok := e.Facts["afterPhotos"]; ok {
		for _, id := range strings.Fields(v) {
			if !slices.Contains(x.AfterPhotos, id) {
				x.AfterPhotos = append(slices.Clone(x.AfterPhotos), id)
			}
		}
	}
	if v := e.Facts["instead"]; v != "" {
		x.AfterPhotos = slices.DeleteFunc(slices.Clone(x.AfterPhotos), func(id string) bool { return id == v })
		if i := slices.Index(x.Photos, v); i >= 0 {
			x.Photos = slices.Clone(x.Photos)
			x.Photos[i] = e.Ref
		}
	}
	switch e.Kind {
	case Rating:
		x.Rating, _ = strconv.ParseInt(e.Facts["rating"], 10, 64)
		x.RatedAt = e.At
	case Publish:
		x.Published = e.Facts["published"] == "true"
	case workflow.Fire:
		for id := range strings.FieldsSeq(e.Name) {
			if strings.HasSuffix(id, "/"+workflow.Missed) {
				x.Missed++
			}
		}
	case workflow.Move:
		switch to {
		case stateAnswered, stateRefused, statePlanned:
			x.Answer, x.AnsweredAt = e.Text, e.At
		case stateReopened:
			x.Reopened++
			x.AnsweredAt, x.Rating, x.RatedAt = time.Time{}, 0, time.Time{}
		}
	}
}

// placeText writes a place as a fact, and placeOf reads it.
func placeText(lon, lat *float64) string {
	if lon == nil || lat == nil {
		return ""
	}
	return strconv.FormatFloat(*lon, 'f', -1, 64) + " " + strconv.FormatFloat(*lat, 'f', -1, 64)
}

func placeOf(text string) (lon, lat *float64) {
	x, y, ok := strings.Cut(text, " ")
	a, e1 := strconv.ParseFloat(x, 64)
	b, e2 := strconv.ParseFloat(y, 64)
	if !ok || e1 != nil || e2 != nil {
		return nil, nil
	}
	return &a, &b
}
