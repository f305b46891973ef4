package incident

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Stage is one announcement of the city's stage, 1 (normal) to 5.
type Stage struct {
	ID               string // "" = never announced: stage 1 since always
	Number           int
	At               time.Time
	Reason, ReasonEn string
	Agency           string // that announced it
	By               string // who recorded it; shown to staff
}

// ReasonIn is the reason for a language.
func (s Stage) ReasonIn(lang string) string {
	if lang == "en" && s.ReasonEn != "" {
		return s.ReasonEn
	}
	return s.Reason
}

// Stages lists the announcements as p may see them, the one in force first.
func (d *Desk) Stages(ctx context.Context, p repo.Principal, limit int) (list []Stage, err error) {
	q := repo.Query{Dataset: repo.SystemStage, Sort: []repo.Sort{{Field: "at", Desc: true}, {Field: "id", Desc: true}}, Limit: limit}
	_, err = d.repo.Read(ctx, p, q, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		list = append(list, Stage{ID: l.text("id"), Number: int(l.count("stage")), At: l.at("at"), Reason: l.text("reason"), ReasonEn: l.text("reasonEn"),
			Agency: l.text("agency"), By: l.text("by")})
		return nil
	})
	return list, err
}

// StageNow is the stage in force.
func (d *Desk) StageNow(ctx context.Context, p repo.Principal) (Stage, error) {
	list, err := d.Stages(ctx, p, 1)
	if err != nil || len(list) == 0 {
		return Stage{Number: 1}, err
	}
	return list[0], nil
}

// StageTasks are what the city declares for each stage; none when it does not.
func (d *Desk) StageTasks() []workflow.Stage {
	r, err := d.rulesNow()
	if err != nil {
		return nil
	}
	return r.stages
}

// MaySetStage tells whether p announces the city's stage: a leader or an operator
// for the whole city.
func MaySetStage(p repo.Principal) bool {
	return p.Admin || p.Name != "" && p.Agency != "" && wholeCity(p) && (p.Is(grant.Leader) || p.Is(grant.OperatorRole))
}

// SetStage announces a stage. upon is the id of the announcement that was looked
// at: Stale when another is in force now. The leaders of every ward are told in
// the same commit.
func (d *Desk) SetStage(ctx context.Context, p repo.Principal, upon string, number int, reason, reasonEn string) (Stage, error) {
	switch {
	case p.Name == "":
		return Stage{}, problem.New(problem.Unauthenticated, "unauthenticated")
	case !MaySetStage(p):
		return Stage{}, problem.New(problem.Denied, "stage-denied")
	}
	now, err := d.StageNow(ctx, repo.Internal())
	if err != nil {
		return Stage{}, err
	}
	if upon != now.ID {
		return Stage{}, problem.New(problem.Stale, "incident-stale")
	}
	reason, reasonEn = strings.TrimSpace(reason), strings.TrimSpace(reasonEn)
	vs := append(textFaults("reason", reason, 1000, true), textFaults("reasonEn", reasonEn, 1000, false)...)
	switch {
	case number < 1 || number > workflow.LastStage:
		vs = append(vs, problem.Violate("incident-word", "stage", "allowed", "1, 2, 3, 4, 5"))
	case number == now.Number:
		vs = append(vs, problem.Violate("stage-same", "stage"))
	}
	if err := problem.InvalidWith("incident-invalid", vs); err != nil {
		return Stage{}, err
	}
	b, err := d.draw()
	if err != nil {
		return Stage{}, err
	}
	s := Stage{ID: "stage-" + hex.EncodeToString(b[:6]), Number: number, At: d.now(), Reason: reason, ReasonEn: reasonEn, Agency: p.Agency, By: p.Name}
	if !s.At.After(now.At) {
		s.At = now.At.Add(time.Microsecond)
	}
	e, err := d.repo.Entry(repo.Internal(), repo.SystemStage)
	if err != nil {
		return Stage{}, err
	}
	c := cellsOf(e)
	for name, text := range map[string]string{"id": s.ID, "reason": reason, "reasonEn": reasonEn, "agency": p.Agency, "by": p.Name} {
		c.text(name, text)
	}
	c.at("at", s.At)
	c.count("stage", int64(number))
	list := []commit.Change{{Dataset: repo.SystemStage, Op: commit.Put, Row: c.row, Expect: commit.Absent}}
	told, err := d.tellStage(ctx, s, now.Number)
	if err != nil {
		return Stage{}, err
	}
	// Of two who announce upon the same stage at once, the second repeats the key
	// of the first and is told so.
	receipt, err := d.commitAs(ctx, p, "stage", "stage-upon/"+upon, append(list, told...))
	if err == nil && receipt.Repeat {
		return Stage{}, problem.New(problem.Stale, "incident-stale")
	}
	return s, err
}

// stageNames are those of the dataset's categories.
var stageNames = [workflow.LastStage + 1][2]string{{}, {"Bình thường", "Normal"}, {"Nguy cơ", "At risk"}, {"Ảnh hưởng đang xảy ra", "Impacts happening"},
	{"Nghiêm trọng", "Severe"}, {"Vượt khả năng ứng phó", "Beyond response"}}

// StageName is the name of a stage.
func StageName(number int, lang string) string {
	if number < 1 || number > workflow.LastStage {
		return ""
	}
	if lang == "vi" {
		return stageNames[number][0]
	}
	return stageNames[number][1]
}

func (d *Desk) tellStage(ctx context.Context, s Stage, before int) ([]commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemNotification)
	if err != nil {
		return nil, err
	}
	areas := []string{wholeCode}
	q := repo.Query{Dataset: repo.SystemArea}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		if kind := l.text("kind"); kind == "phuong" || kind == "xa" {
			areas = append(areas, l.text("code"))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	severity := "low"
	switch {
	case s.Number >= 4:
		severity = "high"
	case s.Number >= 3 || s.Number > before:
		severity = "medium"
	}
	number := string(rune('0' + s.Number))
	var list []commit.Change
	for _, area := range areas {
		c := cellsOf(e)
		for name, text := range map[string]string{"id": s.ID + "-" + area, "to": to{role: grant.Leader, area: area}.address(), "severity": severity,
			"titleVi": "Cấp tình hình thành phố: " + number + " – " + StageName(s.Number, "vi"), "titleEn": "The city's stage: " + number + " – " + StageName(s.Number, "en"),
			"bodyVi": s.Reason, "bodyEn": s.ReasonIn("en"), "link": "/stage", "aboutDataset": repo.SystemStage, "aboutKey": s.ID, "dedupe": "stage"} {
			c.text(name, text)
		}
		c.at("createdAt", s.At)
		list = append(list, commit.Change{Dataset: repo.SystemNotification, Op: commit.Put, Row: c.row, Expect: commit.Absent})
	}
	return list, nil
}

// stageAt is the stage that was in force at a time.
func stageAt(list []Stage, at time.Time) int {
	i := slices.IndexFunc(list, func(s Stage) bool { return !s.At.After(at) })
	if i < 0 {
		return 1
	}
	return list[i].Number
}
