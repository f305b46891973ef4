package incident

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Kinds of lines in a shift log.
const (
	ShiftNote = "note"
	HandOver  = "hand-over"
	Accept    = "accept"
)

// ShiftLine is one line of an agency's shift log.
type ShiftLine struct {
	ID, Kind      string
	At            time.Time
	Agency, By    string
	To            string // who is to take over
	Text          string
	Of            string   // Accept: the hand-over that is taken
	Open, Overdue []string // HandOver: the incidents that were open and overdue
	Since         time.Time
}

// Shift is what stands for the one who looks at the shift.
type Shift struct {
	Since   time.Time   // the last hand-over that was taken; zero = there was none
	Lines   []ShiftLine // since then, the newest first
	Waiting *ShiftLine  // the hand-over that waits to be taken; nil = none
	Open    []Incident
	Overdue []Incident
	Over    []Incident // ended since the shift began
	Stage   Stage
}

// onShift is who may use the shift log of their agency.
func onShift(p repo.Principal) error {
	switch {
	case p.Name == "":
		return problem.New(problem.Unauthenticated, "unauthenticated")
	case !duty(p):
		return problem.New(problem.Denied, "shift-denied")
	}
	return nil
}

// shiftBack is how far back a log is read where nobody ever handed over.
const shiftBack = 24 * time.Hour

// Shift tells what is open, what has happened since the last hand-over, and what
// is overdue, as p may see it.
func (d *Desk) Shift(ctx context.Context, p repo.Principal) (Shift, error) {
	if err := onShift(p); err != nil {
		return Shift{}, err
	}
	var s Shift
	lines, err := d.shiftLines(ctx, p, 500)
	if err != nil {
		return s, err
	}
	taken := map[string]bool{}
	for _, l := range lines {
		if l.Kind == Accept {
			if s.Since.IsZero() {
				s.Since = l.At
			}
			taken[l.Of] = true
		}
	}
	since := s.Since
	if since.IsZero() {
		since = d.now().Add(-shiftBack)
	}
	for i := range lines {
		l := &lines[i]
		if l.At.Before(since) {
			break
		}
		s.Lines = append(s.Lines, *l)
		if l.Kind == HandOver && !taken[l.ID] && s.Waiting == nil {
			s.Waiting = l
		}
	}
	no := false
	if s.Open, _, err = d.List(ctx, p, Query{Over: &no, Limit: 500}); err != nil {
		return s, err
	}
	now := d.now()
	for _, x := range s.Open {
		if x.Overdue(now) {
			s.Overdue = append(s.Overdue, x)
		}
	}
	yes := true
	over, _, err := d.List(ctx, p, Query{Over: &yes, Limit: 200})
	if err != nil {
		return s, err
	}
	for _, x := range over {
		if !x.ClosedAt.Before(since) {
			s.Over = append(s.Over, x)
		}
	}
	s.Stage, err = d.StageNow(ctx, p)
	return s, err
}

// shiftLines reads the log of p's agency, the newest first.
func (d *Desk) shiftLines(ctx context.Context, p repo.Principal, limit int) (list []ShiftLine, err error) {
	q := repo.Query{Dataset: repo.SystemShift, Filter: oneOf("agency", []string{p.Agency}), Limit: limit, Sort: []repo.Sort{{Field: "at", Desc: true}, {Field: "id", Desc: true}}}
	_, err = d.repo.Read(ctx, p, q, func(rec repo.Record) error {
		list = append(list, lineOf(look{rec.Entry, rec.Values, d.repo.Zone()}))
		return nil
	})
	return list, err
}

func lineOf(l look) ShiftLine {
	return ShiftLine{ID: l.text("id"), Kind: l.text("kind"), At: l.at("at"), Agency: l.text("agency"), By: l.text("by"), To: l.text("to"), Text: l.text("text"),
		Of: l.text("of"), Open: l.list("open"), Overdue: l.list("overdue"), Since: l.at("since")}
}

// Log writes a note into the shift log of p's agency.
func (d *Desk) Log(ctx context.Context, p repo.Principal, text string) error {
	if err := onShift(p); err != nil {
		return err
	}
	if err := problem.InvalidWith("incident-invalid", textFaults("text", text, 4000, true)); err != nil {
		return err
	}
	return d.writeLine(ctx, p, ShiftLine{Kind: ShiftNote, Text: strings.TrimSpace(text)}, "")
}

// HandOver hands the shift over to an account: it keeps what is open and overdue
// at this moment, and waits until that account takes it.
func (d *Desk) HandOver(ctx context.Context, p repo.Principal, to, text string) error {
	s, err := d.Shift(ctx, p)
	if err != nil {
		return err
	}
	vs := append(textFaults("text", text, 4000, false), textFaults("to", to, 60, true)...)
	if len(vs) == 0 {
		known, err := d.exists(ctx, repo.SystemAccount, to)
		if err != nil {
			return err
		}
		if !known || to == p.Name {
			vs = append(vs, problem.Violate("incident-code", "to"))
		}
	}
	if err := problem.InvalidWith("incident-invalid", vs); err != nil {
		return err
	}
	l := ShiftLine{Kind: HandOver, To: to, Text: strings.TrimSpace(text), Since: s.Since}
	for _, x := range s.Open {
		l.Open = append(l.Open, x.ID)
	}
	for _, x := range s.Overdue {
		l.Overdue = append(l.Overdue, x.ID)
	}
	return d.writeLine(ctx, p, l, "")
}

// TakeOver takes a hand-over that waits for p. Conflict when it is taken.
func (d *Desk) TakeOver(ctx context.Context, p repo.Principal, id, text string) error {
	if err := onShift(p); err != nil {
		return err
	}
	rec, err := d.repo.Get(ctx, p, repo.SystemShift, []value.Value{value.OfText(id)}, 0)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return problem.New(problem.NotFound, "shift-unknown")
	}
	if err != nil {
		return err
	}
	l := lineOf(look{rec.Entry, rec.Values, d.repo.Zone()})
	switch {
	case l.Kind != HandOver:
		return problem.New(problem.NotFound, "shift-unknown")
	case l.To != p.Name:
		return problem.New(problem.Denied, "shift-other")
	}
	if err := problem.InvalidWith("incident-invalid", textFaults("text", text, 4000, false)); err != nil {
		return err
	}
	return d.writeLine(ctx, p, ShiftLine{ID: "accept-" + id, Kind: Accept, Of: id, Text: strings.TrimSpace(text)}, id)
}

func (d *Desk) writeLine(ctx context.Context, p repo.Principal, l ShiftLine, of string) error {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemShift)
	if err != nil {
		return err
	}
	if l.ID == "" {
		b, err := d.draw()
		if err != nil {
			return err
		}
		l.ID = "shift-" + hex.EncodeToString(b[:8])
	}
	c := cellsOf(e)
	for name, s := range map[string]string{"id": l.ID, "kind": l.Kind, "agency": p.Agency, "by": p.Name, "to": l.To, "text": l.Text, "of": l.Of} {
		c.text(name, s)
	}
	c.at("at", d.now())
	c.at("since", l.Since)
	c.list("open", l.Open)
	c.list("overdue", l.Overdue)
	_, err = d.commitAs(ctx, p, "shift "+l.Kind, "", []commit.Change{{Dataset: repo.SystemShift, Op: commit.Put, Row: c.row, Expect: commit.Absent}})
	if of != "" && (problem.KindOf(err) == problem.Stale || problem.KindOf(err) == problem.Conflict) && err != nil {
		return problem.New(problem.Conflict, "shift-taken")
	}
	return err
}
