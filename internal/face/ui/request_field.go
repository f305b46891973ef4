package ui

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/request"
)

// mostTasks bounds the tasks of a crew on one page.
const mostTasks = 30

// fieldData is what a crew has to do.
type fieldData struct {
	Tasks []fieldTask
	Fault *web.Document
	Code  string // of the task that was refused
	Do    string
	Text  string
	Kept  []string // photos that were kept with it
}

// fieldTask is one report with what its handlers know of it.
type fieldTask struct {
	*request.Whole
	Category *catalogue.Category
}

func (u *UI) field(v *view) error { return v.showField(http.StatusOK, nil) }

func (v *view) showField(status int, fault *web.Document) error {
	if err := v.deskReader(); err != nil {
		return err
	}
	v.nav, v.title, v.private, v.class = "field", v.T("field.title"), true, "narrow field"
	c, err := v.u.Requests.Catalogue()
	if err != nil {
		return err
	}
	list, _, err := v.u.Requests.List(v.r.Context(), v.p, request.Query{Agency: v.p.Agency, Status: []string{"assigned", "in-progress", "reopened"}, ByDue: true, Limit: 300})
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(x request.Request) bool { return x.Assignee != "" && x.Assignee != v.p.Name })
	rank := func(x *request.Request) int {
		switch {
		case x.Overdue(v.now):
			return 0
		case x.Urgency == catalogue.Urgent:
			return 1
		case x.Assignee == v.p.Name:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(list, func(a, b request.Request) int { return rank(&a) - rank(&b) })
	d := fieldData{Fault: fault}
	for _, x := range list[:min(len(list), mostTasks)] {
		w, err := v.u.Requests.Read(v.r.Context(), v.p, x.Code)
		if err != nil {
			return err
		}
		w.Description = unheaded(w)
		t := fieldTask{Whole: w}
		t.Category, _ = c.Category(w.Request.Category)
		d.Tasks = append(d.Tasks, t)
	}
	if fault != nil {
		d.Code, d.Do, d.Text, d.Kept = request.Tidy(v.r.PathValue("code")), v.field("do"), v.field("answer"), v.r.PostForm["photos"]
	}
	return v.show(status, fieldPage(v, d))
}

// unheaded is what was written, without a title above it that the heading says.
func unheaded(w *request.Whole) string { return strings.TrimPrefix(w.Description, w.Title+"\n\n") }

// fieldAct begins a task, adds a photo to it, or tells that it is done.
func (u *UI) fieldAct(v *view) error {
	files, err := v.formWithFiles()
	if err != nil {
		return err
	}
	if err := v.deskReader(); err != nil {
		return err
	}
	if len(files) > 0 && u.Attachments == nil {
		return v.noPage()
	}
	code := request.Tidy(v.r.PathValue("code"))
	a, err := v.deskStep(code, files)
	if err == nil {
		if a.Do == "answer" {
			a.Outcome = "fixed"
		}
		_, err = u.Requests.Act(v.r.Context(), v.p, code, a)
	}
	if err == nil {
		return v.seeOther("/field#top")
	}
	return v.againOrStale(err, v.showField)
}

// allows tells whether a step may be taken now.
func (t *fieldTask) allows(do string) bool {
	for _, s := range t.Steps {
		if s.Name == do {
			return true
		}
	}
	return false
}

// degreeOf writes a degree for machines, empty for none.
func degreeOf(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'f', 6, 64)
}

func (t *fieldTask) versionText() string { return strconv.FormatInt(t.Version, 10) }

// fixedText is what a crew may begin its answer from.
func (t *fieldTask) fixedText(v *view) string {
	if c, err := v.u.Requests.Catalogue(); err == nil {
		for _, x := range c.TemplatesFor(t.Request.Category, "fixed") {
			return x.Fill("vi", v.holes(t.Whole, "vi"))
		}
	}
	return ""
}

// gone tells that the task of a form that was refused is on the list no more.
func (d *fieldData) gone() bool {
	return d.Fault != nil && !slices.ContainsFunc(d.Tasks, func(t fieldTask) bool { return t.Code == d.Code })
}
