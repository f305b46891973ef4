package ui

import (
	"net/http"
	"strconv"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/incident"
)

// stageData is the page of the city's stage.
type stageData struct {
	Now     incident.Stage
	History []incident.Stage
	Tasks   []workflow.Stage
	May     bool
	Fault   *web.Document
}

func (u *UI) stagePage(v *view) error { return v.showStage(http.StatusOK, nil) }

func (v *view) showStage(status int, fault *web.Document) error {
	v.nav, v.title = "stage", v.T("citystage.title")
	d := stageData{Now: incident.Stage{Number: 1}, Tasks: v.u.Incidents.StageTasks(), May: incident.MaySetStage(v.p), Fault: fault}
	var err error
	if d.History, err = v.u.Incidents.Stages(v.r.Context(), v.p, 100); err != nil {
		return err
	}
	if len(d.History) > 0 {
		d.Now = d.History[0]
	}
	if v.fragment("stage-now") {
		return v.part(stageNow(v, d))
	}
	return v.show(status, stagePageOf(v, d))
}

func (u *UI) setStage(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	number, _ := strconv.Atoi(v.field("stage"))
	_, err := u.Incidents.SetStage(v.r.Context(), v.p, v.field("upon"), number, v.field("reason"), v.field("reasonEn"))
	if err == nil {
		return v.seeOther("/stage")
	}
	if problem.KindOf(err) == problem.Stale {
		d := web.Describe(v.lang, v.r.Method, err)
		return v.showStage(d.Status, &d)
	}
	return v.again(err, v.showStage)
}

// tasksOf are the declared tasks of a stage, nil when the city declares none.
func (d *stageData) tasksOf(number int) *workflow.Stage {
	for i := range d.Tasks {
		if d.Tasks[i].Number == number {
			return &d.Tasks[i]
		}
	}
	return nil
}

// shiftData is the page of the shift.
type shiftData struct {
	incident.Shift
	Fault *web.Document
	Text  string
}

func (u *UI) shiftPage(v *view) error { return v.showShift(http.StatusOK, nil) }

func (v *view) showShift(status int, fault *web.Document) error {
	s, err := v.u.Incidents.Shift(v.r.Context(), v.p)
	if err != nil {
		return err
	}
	v.nav, v.title, v.private = "shift", v.T("shift.title"), true
	d := shiftData{Shift: s, Fault: fault}
	if v.r.PostForm != nil {
		d.Text = v.field("text")
	}
	return v.show(status, shiftPageOf(v, d))
}

func (u *UI) shiftStep(v *view) (err error) {
	if err := v.form(); err != nil {
		return err
	}
	ctx := v.r.Context()
	switch v.field("do") {
	case incident.HandOver:
		err = u.Incidents.HandOver(ctx, v.p, v.field("to"), v.field("text"))
	case incident.Accept:
		err = u.Incidents.TakeOver(ctx, v.p, v.field("of"), v.field("text"))
	default:
		err = u.Incidents.Log(ctx, v.p, v.field("text"))
	}
	if err == nil {
		return v.seeOther("/shift")
	}
	if problem.KindOf(err) == problem.Conflict {
		d := web.Describe(v.lang, v.r.Method, err)
		return v.showShift(d.Status, &d)
	}
	return v.again(err, v.showShift)
}

// shiftSince says since when the shift goes on.
func (v *view) shiftSince(t time.Time) string {
	if t.IsZero() {
		return v.T("shift.since.never")
	}
	return v.T("shift.since", "at", v.Time(t))
}
