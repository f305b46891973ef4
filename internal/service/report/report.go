// Package report makes the city's periodic reports: computes them when they are
// due with the rights of the officer who answers for them, keeps what was
// computed as a record, leads it through comment, approval and issue by the
// workflow that the city declares, and writes it on paper in official form. A
// report is computed from what the city already has; the officer adds only what
// no dataset holds.
package report

import (
	"encoding/json"
	"time"

	"huong.city/huong/internal/core/commit"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Report is one report as its record stands.
type Report struct {
	ID, Name         string
	Title, TitleEn   string
	Period           string
	From, Until      time.Time
	Area, Agency     string
	State            string
	Over             bool
	ComputedAt       time.Time
	AsOf, Definition int64
	Officer          string // whose rights the figures were read by
	Content          *Content
	Comments         map[string]string
	History          []Step
	ApprovedBy       string
	ApprovedAt       time.Time
	Signer           string
	Number, Year     int64
	Symbol           string // number and symbol as issued
	IssuedAt         time.Time
	DigestVi         string // SHA-256 of the issued PDF
	DigestEn         string
	DueAt, NextAt    time.Time
	UpdatedAt        time.Time
	Version          int64 // of the record: what a step is decided upon
}

// Step is one event of a report's life.
type Step struct {
	Kind   string    `json:"kind"`
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"`
	Agency string    `json:"agency,omitempty"`
	Level  string    `json:"level,omitempty"`
	Note   string    `json:"note,omitempty"`
}

// TitleIn is the title for a language.
func (r *Report) TitleIn(lang string) string {
	if lang == "en" && r.TitleEn != "" {
		return r.TitleEn
	}
	return r.Title
}

// Issued tells whether the report was issued.
func (r *Report) Issued() bool { return !r.IssuedAt.IsZero() }

// Overdue tells whether the deadline that runs has passed.
func (r *Report) Overdue(now time.Time) bool { return !r.DueAt.IsZero() && !now.Before(r.DueAt) }

func (r *Report) texts() map[string]*string {
	return map[string]*string{"id": &r.ID, "name": &r.Name, "title": &r.Title, "titleEn": &r.TitleEn, "period": &r.Period, "area": &r.Area, "agency": &r.Agency,
		"state": &r.State, "officer": &r.Officer, "approvedBy": &r.ApprovedBy, "signer": &r.Signer, "symbol": &r.Symbol, "digestVi": &r.DigestVi, "digestEn": &r.DigestEn}
}

func (r *Report) times() map[string]*time.Time {
	return map[string]*time.Time{"from": &r.From, "until": &r.Until, "computedAt": &r.ComputedAt, "approvedAt": &r.ApprovedAt, "issuedAt": &r.IssuedAt,
		"dueAt": &r.DueAt, "nextAt": &r.NextAt, "updatedAt": &r.UpdatedAt}
}

func (r *Report) counts() map[string]*int64 {
	return map[string]*int64{"asOf": &r.AsOf, "definition": &r.Definition, "number": &r.Number, "year": &r.Year}
}

// of reads a record. Content is read where it was asked for.
func of(rec repo.Record, zone *time.Location) (Report, error) {
	l := look{rec.Entry, rec.Values, zone}
	r := Report{Version: rec.Version}
	for name, into := range r.texts() {
		*into = l.text(name)
	}
	for name, into := range r.times() {
		*into = l.at(name)
	}
	for name, into := range r.counts() {
		*into = l.count(name)
	}
	over := l.value("over")
	r.Over = over.Kind() == value.Bool && over.Bool()
	for name, into := range map[string]any{"content": &r.Content, "comments": &r.Comments, "history": &r.History} {
		if s := l.text(name); s != "" {
			if err := json.Unmarshal([]byte(s), into); err != nil {
				return r, err
			}
		}
	}
	if r.Content != nil {
		r.Content.From, r.Content.Until = r.Content.From.In(zone), r.Content.Until.In(zone)
	}
	return r, nil
}

// put is the change that writes the record as it shall stand.
func (d *Desk) put(r *Report) (commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemReport)
	if err != nil {
		return commit.Change{}, err
	}
	c := cellsOf(e)
	for name, from := range r.texts() {
		c.text(name, *from)
	}
	for name, from := range r.times() {
		if !from.IsZero() {
			c.set(name, value.OfTime(from.UnixMicro()))
		}
	}
	for name, from := range r.counts() {
		if *from != 0 || name == "asOf" || name == "definition" {
			c.set(name, value.OfInt(*from))
		}
	}
	c.set("over", value.OfBool(r.Over))
	for name, v := range map[string]any{"content": r.Content, "history": r.History, "comments": r.Comments} {
		if name == "comments" && len(r.Comments) == 0 {
			continue
		}
		b, err := json.Marshal(v)
		if err != nil {
			return commit.Change{}, err
		}
		c.text(name, string(b))
	}
	expect := r.Version
	if expect == 0 {
		expect = commit.Absent
	}
	return commit.Change{Dataset: repo.SystemReport, Op: commit.Put, Row: c.row, Expect: expect}, nil
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

// events are the history as the workflow reads it.
func (r *Report) events(zone *time.Location) (list []workflow.Event) {
	for _, s := range r.History {
		e := workflow.Event{Kind: s.Kind, Name: s.Name, At: s.At.In(zone), Actor: s.By, Level: s.Level}
		if s.Kind == workflow.Open {
			e.Facts = map[string]string{"period": r.Period}
		}
		list = append(list, e)
	}
	return list
}

// id names the report of a stretch of time: the same wherever it is made.
func id(name, area string, p core.Period, from, until time.Time) string {
	if p == core.OnCall {
		return name + "." + area + "." + until.Format("20060102-1504")
	}
	return name + "." + area + "." + from.Format("20060102")
}
