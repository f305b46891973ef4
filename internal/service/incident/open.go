package incident

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"io"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Report is what somebody knows when they open an incident.
type Report struct {
	Title, TitleEn      string
	Kind, Severity      string
	Agency              string // that is to lead; the reporter's own when empty
	Area, Place         string
	Longitude, Latitude *float64
	Summary             string
	Caller, CallerPhone string
	Source              string // phone, citizen, camera, staff
}

// Sources are where the news of an incident comes from.
func Sources() []string { return []string{"phone", "citizen", "camera", "staff", "alert"} }

// letters of the last part of a number: none is mistaken for another when read
// out on the telephone.
var letters = base32.NewEncoding("23456789abcdefghjkmnpqrstuvwxyz0").WithPadding(base32.NoPadding)

// number makes an incident's number: its day and five letters.
func number(at time.Time, from []byte) string {
	return "sc-" + at.Format("060102") + "-" + letters.EncodeToString(from)[:5]
}

func (d *Desk) draw() ([]byte, error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	b := make([]byte, 10)
	_, err := io.ReadFull(d.random, b)
	return b, err
}

// Open opens an incident. All faults are told at once. Denied for who handles
// none; staff open incidents in their areas, or for their agency to handle.
func (d *Desk) Open(ctx context.Context, p repo.Principal, r Report) (Incident, error) {
	switch {
	case p.Name == "":
		return Incident{}, problem.New(problem.Unauthenticated, "unauthenticated")
	case !duty(p):
		return Incident{}, problem.New(problem.Denied, "incident-staff")
	}
	rules, err := d.rulesNow()
	if err != nil {
		return Incident{}, err
	}
	if r.Agency == "" {
		r.Agency = p.Agency
	}
	if r.Source == "" {
		r.Source = "staff"
	}
	var vs []problem.Violation
	for _, f := range []struct {
		field, text string
		most        int
		need        bool
	}{{"title", r.Title, 200, true}, {"titleEn", r.TitleEn, 200, false}, {"area", r.Area, 20, true}, {"place", r.Place, 300, false}, {"summary", r.Summary, 4000, false},
		{"caller", r.Caller, 120, false}, {"callerPhone", r.CallerPhone, 30, false}, {"agency", r.Agency, 60, true}} {
		vs = append(vs, textFaults(f.field, f.text, f.most, f.need)...)
	}
	for _, f := range []struct {
		field, text string
		allowed     []string
	}{{"kind", r.Kind, Kinds()}, {"severity", r.Severity, Severities()}, {"source", r.Source, Sources()}} {
		if !slices.Contains(f.allowed, f.text) {
			vs = append(vs, problem.Violate("incident-word", f.field, "allowed", strings.Join(f.allowed, ", ")))
		}
	}
	for _, f := range []struct{ field, dataset, code string }{{"area", repo.SystemArea, r.Area}, {"agency", repo.SystemAgency, r.Agency}} {
		known, err := d.exists(ctx, f.dataset, f.code)
		if err != nil {
			return Incident{}, err
		}
		if !known && f.code != "" {
			vs = append(vs, problem.Violate("incident-code", f.field))
		}
	}
	if r.Area != "" && !p.Admin && !wholeCity(p) && !slices.Contains(p.Areas, r.Area) && r.Agency != p.Agency {
		vs = append(vs, problem.Violate("incident-elsewhere", "area"))
	}
	if err := problem.InvalidWith("incident-invalid", vs); err != nil {
		return Incident{}, err
	}
	x := Incident{Title: strings.TrimSpace(r.Title), TitleEn: strings.TrimSpace(r.TitleEn), Kind: r.Kind, Severity: r.Severity, Agency: r.Agency, Area: r.Area,
		Place: r.Place, Location: point(r.Longitude, r.Latitude), Summary: r.Summary, Caller: r.Caller, CallerPhone: r.CallerPhone, Source: r.Source}
	if r.Agency != p.Agency && p.Agency != "" {
		x.Agencies = []string{p.Agency}
	}
	for range attempts {
		b, err := d.draw()
		if err != nil {
			return Incident{}, err
		}
		t := d.start(rules, p, x, number(d.now(), b))
		list, err := t.changes()
		if err != nil {
			return Incident{}, err
		}
		receipt, err := d.commitAs(ctx, p, "open", "", list)
		if err == nil {
			t.x.Version = receipt.Seq
			return t.x, nil
		}
		if problem.KindOf(err) != problem.Stale && problem.KindOf(err) != problem.Conflict {
			return Incident{}, err
		}
	}
	return Incident{}, problem.New(problem.Unavailable, "busy")
}

func textFaults(field, text string, most int, need bool) []problem.Violation {
	switch {
	case need && strings.TrimSpace(text) == "":
		return []problem.Violation{problem.Violate("incident-missing", field)}
	case len([]rune(text)) > most:
		return []problem.Violation{problem.Violate("incident-long", field, "limit", most)}
	}
	return nil
}

func (d *Desk) exists(ctx context.Context, dataset, code string) (bool, error) {
	_, err := d.repo.Get(ctx, repo.Internal(), dataset, []value.Value{value.OfText(code)}, 0)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return false, nil
	}
	return err == nil, err
}

// start drafts a new incident with its first entry and its playbook.
func (d *Desk) start(r *rules, p repo.Principal, x Incident, id string) *draft {
	t := &draft{d: d, rules: r, x: x, now: d.now()}
	t.x.ID, t.x.DetectedAt, t.x.OpenedBy = id, t.now, p.Name
	facts := map[string]string{"severity": x.Severity, "kind": x.Kind, "area": x.Area}
	if b := r.playbookFor(x.Kind, facts); b != nil {
		t.x.Playbook, t.book = b.Name, b
	}
	level := ""
	if x.Area == grant.WholeCity && len(r.workflow.Levels) > 1 {
		level = r.workflow.Levels[1] // no ward owns what is everywhere
	}
	t.add(p, Entry{Kind: workflow.Open, Name: r.workflow.Start[0], Level: level, Facts: facts, Text: x.Summary})
	t.tellOf("opened", "", to{agency: x.Agency}, to{role: grant.OperatorRole, area: grant.WholeCity})
	return t
}

// Alert is what an alert knows that opens an incident or joins one.
type Alert struct {
	ID                  string // of its record
	Cause               string // what its incident is grouped by: the cause and the place
	Kind, Severity      string
	TitleVi, TitleEn    string
	BodyVi, BodyEn      string
	Agency, Area        string
	Longitude, Latitude *float64
}

// OpenFor gives the number of the incident that an alert belongs to, and the
// changes that open it, or join the alert to the one that is open for the same
// cause, to be written in one commit with the alert. There are none when the
// alert belongs to it already. The commit may be Stale where others wrote
// first: OpenFor is then to be called again.
func (d *Desk) OpenFor(ctx context.Context, a Alert) (id string, changes []commit.Change, err error) {
	rules, err := d.rulesNow()
	if err != nil {
		return "", nil, err
	}
	open, err := d.openFor(ctx, a.Cause)
	if err != nil {
		return "", nil, err
	}
	var t *draft
	if open != "" {
		if t, err = d.begin(ctx, open); err != nil {
			return "", nil, err
		}
		if slices.ContainsFunc(t.entries, func(e Entry) bool { return e.Kind == AlertOf && e.Ref == a.ID }) {
			return open, nil, nil
		}
	} else {
		kind := a.Kind
		if !slices.Contains(Kinds(), kind) {
			kind = "other"
		}
		x := Incident{Title: clip(a.TitleVi, 200), TitleEn: clip(a.TitleEn, 200), Kind: kind, Severity: a.Severity, Agency: a.Agency, Area: a.Area, Cause: a.Cause,
			Location: point(a.Longitude, a.Latitude), Summary: a.BodyVi, Source: "alert"}
		sum := sha256.Sum256([]byte(a.Cause + "\x00" + a.ID)) // the same number however often it is asked for
		for i := range len(sum) - 4 {
			id = number(d.now(), sum[i:])
			taken, err := d.exists(ctx, repo.SystemIncident, id)
			if err != nil {
				return "", nil, err
			}
			if !taken {
				break
			}
		}
		t = d.start(rules, repo.Internal(), x, id)
	}
	t.join(repo.Internal(), a)
	changes, err = t.changes()
	return t.x.ID, changes, err
}

// join adds an alert; one that is worse makes the incident worse.
func (t *draft) join(p repo.Principal, a Alert) {
	t.add(p, Entry{Kind: AlertOf, Ref: a.ID, Name: a.Severity, Text: clip(a.TitleVi, 4000), TextEn: clip(a.TitleEn, 4000)})
	if slices.Index(Severities(), a.Severity) < slices.Index(Severities(), t.x.Severity) {
		t.worse(p, a.Severity)
	}
}

func (t *draft) worse(p repo.Principal, severity string) {
	t.event(p, workflow.Event{Kind: workflow.Set, Name: "severity"}, Entry{Facts: map[string]string{"severity": severity}})
	t.x.Severity = severity
}

// Join puts an alert to an incident by hand. Nothing happens when it is there.
func (d *Desk) Join(ctx context.Context, p repo.Principal, id string, a Alert) (Incident, error) {
	return d.change(ctx, p, id, 0, "join alert", func(t *draft) error {
		if !slices.ContainsFunc(t.entries, func(e Entry) bool { return e.Kind == AlertOf && e.Ref == a.ID }) {
			t.join(p, a)
		}
		return nil
	})
}

// openFor finds the open incident of a cause.
func (d *Desk) openFor(ctx context.Context, cause string) (id string, err error) {
	if cause == "" {
		return "", nil
	}
	q := repo.Query{Dataset: repo.SystemIncident, Limit: 1, Filter: cql2.And(oneOf("cause", []string{cause}), compare("=", "over", value.OfBool(false))),
		Sort: []repo.Sort{{Field: "detectedAt"}}}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		id = d.of(rec).ID
		return nil
	})
	return id, err
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
