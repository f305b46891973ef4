// Package alert raises alerts from the log. A follower steps the machines of the
// rules (core/alert) with every commit and with the clock, and writes what comes
// of it as records of the dataset alert: one line per cause and place, with the
// notifications that go with it in the same commit. Desk is what people do with
// alerts. The package sends nothing: service/notify delivers.
//
// Each commit has an idempotency key that follows from what it was derived from,
// a place in the log or a time that was due, so that a follower that begins again
// after a crash, or a second server, raises and notifies nothing twice.
package alert

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strings"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// States of a line, as its record holds them.
const (
	Raised       = "raised"
	Acknowledged = "acknowledged"
	Shelved      = "shelved"
	Suppressed   = "suppressed"
	Cleared      = "cleared"
)

// mostMembers are kept of a line; those that cleared first are dropped before
// others.
const mostMembers = 200

// Member is one rule and subject of a line.
type Member struct {
	Rule      string  `json:"rule"`
	Subject   string  `json:"subject"`
	Record    string  `json:"record,omitempty"` // key of the record that raised it
	Severity  string  `json:"severity"`         // now, or at last
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
	Unit      string  `json:"unit,omitempty"`
	Since     int64   `json:"since"`             // µs
	Cleared   int64   `json:"cleared,omitempty"` // µs; 0 while it is abnormal
	// Place orders what the engine does, the same each time that it follows the
	// log: twice the number of the commit that the member came of, one more for
	// what came of time after that commit.
	Place   int64  `json:"place,omitempty"`
	TitleVi string `json:"titleVi"`
	TitleEn string `json:"titleEn"`
}

// Line is one alert. Times are zero where there are none.
type Line struct {
	ID, Cause, Group, Rule   string
	Severity, Peak           core.Severity
	State                    string
	TitleVi, TitleEn         string
	BodyVi, BodyEn           string
	Members                  []Member
	Dataset, Subject         string
	Area, Agency, Level      string
	Longitude, Latitude      float64 // 0 where unknown
	RaisedAt, ChangedAt      time.Time
	AcknowledgeBy, RemindAt  time.Time // of the present step; zero when nobody is waited for
	DueFirst                 time.Time // the first deadline that was set
	AcknowledgedAt           time.Time // since it last grew worse
	AcknowledgedFirst        time.Time // at all
	AcknowledgedBy           string
	ShelvedUntil             time.Time
	ShelvedBy, ShelvedReason string
	Escalated, Reminded      int
	ClearedAt                time.Time
	Incident                 string
	Version                  int64
}

// Open tells that something is still abnormal.
func (l *Line) Open() bool { return l.State != Cleared }

// Active counts the members that are abnormal.
func (l *Line) Active() (n int) {
	for i := range l.Members {
		if l.Members[i].Cleared == 0 {
			n++
		}
	}
	return n
}

// member finds the abnormal member of a rule and subject.
func (l *Line) member(rule, subject string) *Member {
	for i := range l.Members {
		if m := &l.Members[i]; m.Cleared == 0 && m.Rule == rule && m.Subject == subject {
			return m
		}
	}
	return nil
}

// worst is the worst severity of the abnormal members, and the first of them
// that has it.
func (l *Line) worst() (core.Severity, *Member) {
	var lead *Member
	worst := core.None
	for i := range l.Members {
		m := &l.Members[i]
		if s := core.SeverityOf(m.Severity); m.Cleared == 0 && s > worst {
			worst, lead = s, m
		}
	}
	return worst, lead
}

// trim keeps the members within bounds.
func (l *Line) trim() {
	for len(l.Members) > mostMembers {
		i := slices.IndexFunc(l.Members, func(m Member) bool { return m.Cleared != 0 })
		l.Members = slices.Delete(l.Members, max(i, 0), max(i, 0)+1)
	}
}

// numberOf makes the number of a line from what it came of, short enough to be
// read out.
func numberOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "CB-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:10]
}

// cells write a row by names.
type cells struct {
	e   *repo.Entry
	row []value.Value
}

func newCells(e *repo.Entry) cells { return cells{e, make([]value.Value, e.Table.Width())} }

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

func (c cells) at(name string, t time.Time) {
	if !t.IsZero() {
		c.set(name, value.OfInstant(t))
	}
}

func (c cells) get(name string) value.Value {
	if i, _, _, ok := c.e.Table.Property(name); ok && i < len(c.row) {
		return c.row[i]
	}
	return value.Value{}
}

func (c cells) str(name string) string {
	if v := c.get(name); v.Kind() == value.Text {
		return strings.Clone(v.Text())
	}
	return ""
}

func (c cells) time(name string) time.Time {
	if v := c.get(name); v.Kind() == value.Time {
		return v.Instant()
	}
	return time.Time{}
}

func (c cells) int(name string) int {
	if v := c.get(name); v.Kind() == value.Int {
		return int(v.Int())
	}
	return 0
}

func (c cells) float(name string) float64 {
	f, _ := c.get(name).Number()
	return f
}

func (l *Line) row(e *repo.Entry) []value.Value {
	c := newCells(e)
	members, _ := json.Marshal(l.Members)
	for name, s := range map[string]string{
		"id": l.ID, "cause": l.Cause, "group": l.Group, "rule": l.Rule, "severity": l.Severity.String(), "peak": l.Peak.String(), "state": l.State,
		"titleVi": l.TitleVi, "titleEn": l.TitleEn, "bodyVi": l.BodyVi, "bodyEn": l.BodyEn, "members": string(members), "dataset": l.Dataset,
		"subject": l.Subject, "area": l.Area, "agency": l.Agency, "level": l.Level, "acknowledgedBy": l.AcknowledgedBy, "shelvedBy": l.ShelvedBy,
		"shelvedReason": l.ShelvedReason, "incident": l.Incident,
	} {
		c.text(name, s)
	}
	for name, t := range map[string]time.Time{
		"raisedAt": l.RaisedAt, "changedAt": l.ChangedAt, "acknowledgeBy": l.AcknowledgeBy, "remindAt": l.RemindAt, "dueFirst": l.DueFirst,
		"acknowledgedAt": l.AcknowledgedAt, "acknowledgedFirst": l.AcknowledgedFirst, "shelvedUntil": l.ShelvedUntil, "clearedAt": l.ClearedAt,
	} {
		c.at(name, t)
	}
	c.set("active", value.OfInt(int64(l.Active())))
	c.set("escalated", value.OfInt(int64(l.Escalated)))
	c.set("reminded", value.OfInt(int64(l.Reminded)))
	if l.Longitude != 0 || l.Latitude != 0 {
		c.set("longitude", value.OfFloat(l.Longitude))
		c.set("latitude", value.OfFloat(l.Latitude))
	}
	return c.row
}

// LineOf reads a record of the dataset alert. The result shares nothing with the
// row.
func LineOf(e *repo.Entry, row []value.Value, version int64) Line {
	c := cells{e, row}
	l := Line{
		ID: c.str("id"), Cause: c.str("cause"), Group: c.str("group"), Rule: c.str("rule"),
		Severity: core.SeverityOf(c.str("severity")), Peak: core.SeverityOf(c.str("peak")), State: c.str("state"),
		TitleVi: c.str("titleVi"), TitleEn: c.str("titleEn"), BodyVi: c.str("bodyVi"), BodyEn: c.str("bodyEn"),
		Dataset: c.str("dataset"), Subject: c.str("subject"), Area: c.str("area"), Agency: c.str("agency"), Level: c.str("level"),
		Longitude: c.float("longitude"), Latitude: c.float("latitude"),
		RaisedAt: c.time("raisedAt"), ChangedAt: c.time("changedAt"), AcknowledgeBy: c.time("acknowledgeBy"), RemindAt: c.time("remindAt"),
		DueFirst: c.time("dueFirst"), AcknowledgedAt: c.time("acknowledgedAt"), AcknowledgedFirst: c.time("acknowledgedFirst"), AcknowledgedBy: c.str("acknowledgedBy"),
		ShelvedUntil: c.time("shelvedUntil"), ShelvedBy: c.str("shelvedBy"), ShelvedReason: c.str("shelvedReason"),
		Escalated: c.int("escalated"), Reminded: c.int("reminded"), ClearedAt: c.time("clearedAt"), Incident: c.str("incident"), Version: version,
	}
	json.Unmarshal([]byte(c.str("members")), &l.Members)
	return l
}
