package incident

import (
	"context"
	"time"

	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Review is the after-action report on an incident: what its timeline says, in
// figures. Nothing in it is written by hand.
type Review struct {
	*Whole
	At           time.Time // when it was made
	Took         time.Duration
	Phases       []Phase
	Acknowledged *Taken // nil = nobody has
	Deadlines    []workflow.Ended
	Met, Missed  int
	Escalations  []Entry
	Decisions    []Entry
	Alerts       []Entry
	Files        []Entry
	Peaks        []Peak
	Extremes     []Extreme // of what the alerts watch, while it lasted
	LinesDone    int
	LinesLate    int
	StageFrom    int // of the city when the incident began
	StageWorst   int // the highest while it lasted
}

// Phase is a time that the incident spent in one state.
type Phase struct {
	State       string
	From, Until time.Time // Until is zero while it lasts
	Took        time.Duration
	By          string // who brought it there
}

// Taken is who first took the incident up, and how long after its detection.
type Taken struct {
	By, ByAgency string
	At           time.Time
	After        time.Duration
}

// Peak is the course of a measure that was noted: its first, highest, lowest and
// last value.
type Peak struct {
	Name, Unit               string
	First, Highest, Lowest   float64
	Last                     float64
	HighestAt, LowestAt      time.Time
	Count                    int
	FirstNumber, HighestLine int64
}

// Extreme is the worst that was measured of one thing that the incident's alerts
// watch, read from the data.
type Extreme struct {
	Alert            string
	TitleVi, TitleEn string
	Value            float64
	Unit             string
	At               time.Time
}

// TitleIn is the title for a language.
func (x *Extreme) TitleIn(lang string) string {
	if lang == "en" && x.TitleEn != "" {
		return x.TitleEn
	}
	return x.TitleVi
}

// extremesBefore is how long before an incident was detected what was measured
// counts: the record that raised it is older than the alert.
const extremesBefore = time.Hour

// Review computes the after-action report of an incident that p may see, as the
// timeline stands.
func (d *Desk) Review(ctx context.Context, p repo.Principal, id string) (*Review, error) {
	w, err := d.Read(ctx, p, id)
	if err != nil {
		return nil, err
	}
	r := &Review{Whole: w, At: d.now()}
	peaks := map[[2]string]int{}
	for _, e := range w.Entries {
		switch e.Kind {
		case workflow.Open:
			r.Phases = append(r.Phases, Phase{State: e.Name, From: e.At, By: e.By})
		case workflow.Move:
			last := &r.Phases[len(r.Phases)-1]
			last.Until, last.Took = e.At, e.At.Sub(last.From)
			t, _ := w.Workflow.Transition(e.Name)
			r.Phases = append(r.Phases, Phase{State: t.To, From: e.At, By: e.By})
			if r.Acknowledged == nil {
				r.Acknowledged = &Taken{By: e.By, ByAgency: e.ByAgency, At: e.At, After: e.At.Sub(w.DetectedAt)}
			}
		case Decision:
			r.Decisions = append(r.Decisions, e)
		case AlertOf:
			r.Alerts = append(r.Alerts, e)
		case FileOf:
			r.Files = append(r.Files, e)
		case Measure:
			key := [2]string{e.Name, e.Unit}
			i, ok := peaks[key]
			if !ok {
				i = len(r.Peaks)
				peaks[key] = i
				r.Peaks = append(r.Peaks, Peak{Name: e.Name, Unit: e.Unit, First: *e.Amount, Highest: *e.Amount, Lowest: *e.Amount,
					HighestAt: e.At, LowestAt: e.At, FirstNumber: e.Number, HighestLine: e.Number})
			}
			k := &r.Peaks[i]
			k.Last, k.Count = *e.Amount, k.Count+1
			if *e.Amount > k.Highest {
				k.Highest, k.HighestAt, k.HighestLine = *e.Amount, e.At, e.Number
			}
			if *e.Amount < k.Lowest {
				k.Lowest, k.LowestAt = *e.Amount, e.At
			}
		}
		if e.Level != "" && e.Kind != workflow.Open {
			r.Escalations = append(r.Escalations, e)
		}
	}
	last := &r.Phases[len(r.Phases)-1]
	state, _ := w.Workflow.State(last.State)
	end := r.At
	if state.Final {
		end = last.From
	} else {
		last.Took = r.At.Sub(last.From)
	}
	r.Took = end.Sub(w.DetectedAt)
	if r.Deadlines, err = w.Workflow.Kept(w.case_, r.At, d.clock); err != nil {
		return nil, err
	}
	for _, k := range r.Deadlines {
		switch {
		case !k.Met:
			r.Missed++
		case !k.End.IsZero():
			r.Met++
		}
	}
	for _, l := range w.Checklist {
		if l.Done {
			r.LinesDone++
		}
		if l.Late(end) {
			r.LinesLate++
		}
	}
	if d.worst != nil && len(r.Alerts) > 0 {
		var ids []string
		for _, e := range r.Alerts {
			ids = append(ids, e.Ref)
		}
		if r.Extremes, err = d.worst(ctx, p, ids, w.DetectedAt.Add(-extremesBefore), end); err != nil {
			return nil, err
		}
	}
	stages, err := d.Stages(ctx, p, 0)
	if err != nil {
		return nil, err
	}
	r.StageFrom = stageAt(stages, w.DetectedAt)
	r.StageWorst = r.StageFrom
	for _, s := range stages {
		if s.At.After(w.DetectedAt) && !s.At.After(end) {
			r.StageWorst = max(r.StageWorst, s.Number)
		}
	}
	return r, nil
}
