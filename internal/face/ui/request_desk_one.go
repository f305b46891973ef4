package ui

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/nearby"
	"huong.city/huong/internal/core/privacy"
	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/request"
)

// deskOneData is the page of one report.
type deskOneData struct {
	*request.Whole
	Catalogue *catalogue.Catalogue
	Category  *catalogue.Category // nil when it is declared no more
	AtDesk    bool
	Fault     *web.Document
	Do        string           // what was refused
	Filled    url.Values       // what was sent with it
	Since     []request.Entry  // what others did meanwhile
	Spans     []deskSpan       // of what was written, when it can be published
	Draft     string           // what would be published
	Unsure    bool             // something personal was left in it
	Photos    []deskPhoto      // of the timeline
	Alike     []deskAlike      // what may be the same
	Contact   *request.Contact // opened for this once
	Template  *catalogue.Template
	Officers  []string // accounts of the agency's officers, where a step names one
}

// deskSpan is a stretch of what was written; one with a kind tells of a person.
type deskSpan struct {
	Text, Kind string
	Number     int // among those with a kind
	Masked     bool
}

// deskPhoto is a photo of a report.
type deskPhoto struct {
	ID, Name string
	At       time.Time
	After    bool
	Black    bool // a copy with black boxes
	Covered  bool // there is such a copy of it, which is published instead
}

// deskAlike is an earlier report that may be the same.
type deskAlike struct {
	request.Request
	nearby.Offer
}

func (u *UI) deskOne(v *view) error { return v.showDeskOne(http.StatusOK, nil, deskOneData{}) }

func (v *view) showDeskOne(status int, fault *web.Document, d deskOneData) error {
	var err error
	if d.Whole, err = v.u.Requests.Read(v.r.Context(), v.p, v.r.PathValue("code")); err != nil {
		return err
	}
	if d.Catalogue, err = v.u.Requests.Catalogue(); err != nil {
		return err
	}
	d.Category, _ = d.Catalogue.Category(d.Request.Category)
	d.AtDesk, d.Fault = v.u.Requests.AtDesk(v.p), fault
	v.nav, v.title, v.private = "desk", d.Code+" · "+d.Title, true
	if v.r.PostForm != nil {
		d.Do, d.Filled = v.field("do"), v.r.PostForm
		if status == http.StatusPreconditionFailed || status == http.StatusConflict {
			seen, _ := strconv.ParseInt(v.field("seen"), 10, 64)
			for _, e := range d.Timeline {
				if e.Number > seen && seen > 0 && shownEntry(e) {
					d.Since = append(d.Since, e)
				}
			}
		}
	}
	d.Photos = v.deskPhotos(d.Whole)
	if slices.Contains(d.May, request.DoPublish) && (d.Category == nil || !d.Category.Never()) {
		v.draftPublic(&d)
	}
	if slices.ContainsFunc(d.Steps, func(t *workflow.Transition) bool { return t.Name == "merge" }) {
		if d.Alike, err = v.alikeTo(d.Whole, d.Catalogue); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(d.Steps, func(t *workflow.Transition) bool { return t.Name == "appoint" || t.Name == "assign" }) {
		if d.Officers, err = v.u.Requests.Officers(v.r.Context(), v.p, d.Agency); err != nil {
			return err
		}
	}
	for i := range d.Catalogue.Templates {
		if t := &d.Catalogue.Templates[i]; t.Code == v.r.URL.Query().Get("template") {
			d.Template = t
		}
	}
	return v.show(status, deskOnePage(v, d))
}

// draftPublic splits what was written at what tells of persons, and writes what
// would be published: with all of it masked, but for what the reader chose to keep.
func (v *view) draftPublic(d *deskOneData) {
	text := or(d.Description, d.PublicText)
	q := v.r.URL.Query()
	at, kept := 0, []privacy.Span{}
	for i, s := range privacy.Find(text) {
		masked := q.Get("chosen") == "" || slices.Contains(q["mask"], strconv.Itoa(i))
		if s.From > at {
			d.Spans = append(d.Spans, deskSpan{Text: text[at:s.From]})
		}
		d.Spans = append(d.Spans, deskSpan{text[s.From:s.To], string(s.Kind), i, masked})
		if masked {
			kept = append(kept, s)
		}
		at = s.To
	}
	if at < len(text) {
		d.Spans = append(d.Spans, deskSpan{Text: text[at:]})
	}
	d.Draft = privacy.Mask(text, kept)
	if d.Published && q.Get("chosen") == "" {
		d.Draft = d.PublicText
	}
	if d.Do == request.DoPublish {
		d.Draft = d.Filled.Get("text")
	}
}

// personal counts what tells of persons.
func (d *deskOneData) personal() (n int64) {
	for _, s := range d.Spans {
		if s.Kind != "" {
			n++
		}
	}
	return n
}

// deskPhotos lists the photos of a report. A copy with black boxes bears the name
// of its original with the ending that the keeper gives it.
func (v *view) deskPhotos(w *request.Whole) (list []deskPhoto) {
	if v.u.Attachments == nil {
		return nil
	}
	stem := func(name string) string { return name[:len(name)-len(ending(name))] }
	black := map[string]bool{}
	add := func(id string, at time.Time, after bool) {
		if slices.ContainsFunc(list, func(p deskPhoto) bool { return p.ID == id }) {
			return
		}
		f, err := v.u.Attachments.Describe(v.r.Context(), id)
		if err != nil {
			return
		}
		p := deskPhoto{ID: id, Name: f.Name, At: at, After: after, Black: strings.HasSuffix(stem(f.Name), "-che")}
		if p.Black {
			black[strings.TrimSuffix(stem(f.Name), "-che")] = true
		}
		list = append(list, p)
	}
	for _, e := range w.Timeline {
		if e.Kind == request.Photo {
			add(e.Ref, e.At, e.Name == "after")
		}
		for _, id := range strings.Fields(e.Facts["afterPhotos"]) {
			add(id, e.At, true)
		}
	}
	for i := range list {
		list[i].Covered = !list[i].Black && (black[stem(list[i].Name)] || black[list[i].Name])
	}
	return list
}

func ending(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[i:]
	}
	return ""
}

// nearDegrees is somewhat more than how far away duplicates are looked for.
const nearDegrees = 0.004

// alikeTo weighs the earlier reports nearby.
func (v *view) alikeTo(w *request.Whole, c *catalogue.Catalogue) ([]deskAlike, error) {
	if w.Longitude == nil {
		return nil, nil
	}
	options := nearby.Defaults()
	lon, lat := *w.Longitude, *w.Latitude
	list, _, err := v.u.Requests.List(v.r.Context(), v.p, request.Query{Limit: 200, BBox: &[4]float64{lon - nearDegrees, lat - nearDegrees, lon + nearDegrees, lat + nearDegrees},
		From: w.OpenedAt.AddDate(0, 0, -int(options.Days)), Until: w.OpenedAt.Add(time.Nanosecond)})
	if err != nil {
		return nil, err
	}
	report := func(id int, x *request.Request) nearby.Report {
		r := nearby.Report{ID: uint32(id), Longitude: *x.Longitude, Latitude: *x.Latitude, Type: x.Category, Opened: x.OpenedAt, Closed: x.ClosedAt, Text: x.Description}
		if k, ok := c.Category(x.Category); ok {
			r.Group = k.Group
		}
		return r
	}
	index := nearby.New(options)
	for i := range list {
		if x := &list[i]; x.Code != w.Code && x.Longitude != nil && x.Status != "merged" && x.Status != "withdrawn" {
			index.Put(report(i+1, x))
		}
	}
	var alike []deskAlike
	for _, o := range index.Near(report(len(list)+1, &w.Request)) {
		alike = append(alike, deskAlike{list[o.ID-1], o})
	}
	return alike, nil
}

// sent is a file of a form.
type sent struct {
	name    string
	content []byte
}

// formWithFiles reads a form that may bring photos.
func (v *view) formWithFiles() (files []sent, err error) {
	if !strings.HasPrefix(v.r.Header.Get("Content-Type"), "multipart/") {
		return nil, v.form()
	}
	parts, err := v.r.MultipartReader()
	if err != nil {
		return nil, web400(err)
	}
	v.r.PostForm = url.Values{}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, web400(err)
		}
		most := int64(1 << 18)
		if part.FileName() != "" {
			most = attachment.MaxBytes + 1
		}
		b, err := io.ReadAll(io.LimitReader(part, most))
		switch {
		case err != nil:
			return nil, web400(err)
		case part.FormName() == "photo":
			if len(b) > 0 && len(files) < mostDeskPhotos {
				files = append(files, sent{part.FileName(), b})
			}
		default:
			v.r.PostForm.Add(part.FormName(), string(b))
		}
	}
}

// deskStep makes the act of a form: photos are kept first, and stay with the form
// when the act is refused.
func (v *view) deskStep(code string, files []sent) (request.Act, error) {
	a := request.Act{Do: v.field("do"), Outcome: v.field("outcome"), Fields: map[string]string{}}
	a.Version, _ = strconv.ParseInt(v.field("version"), 10, 64)
	for name := range v.r.PostForm {
		if !slices.Contains([]string{"do", "version", "outcome", "seen", "photos", "sure"}, name) {
			a.Fields[name] = v.field(name)
		}
	}
	for _, f := range files {
		kept, err := v.u.Attachments.Keep(v.r.Context(), v.p, request.Dataset, code, f.name, f.content)
		if err != nil {
			return a, err
		}
		v.r.PostForm.Add("photos", kept.ID)
	}
	a.Photos = v.r.PostForm["photos"]
	return a, nil
}

func (u *UI) deskAct(v *view) error {
	files, err := v.formWithFiles()
	if err != nil {
		return err
	}
	if err := v.deskReader(); err != nil {
		return err
	}
	code := request.Tidy(v.r.PathValue("code"))
	show := func(status int, fault *web.Document) error { return v.showDeskOne(status, fault, deskOneData{}) }
	if len(files) > 0 && u.Attachments == nil {
		return v.noPage()
	}
	a, err := v.deskStep(code, files)
	if err != nil {
		return v.again(err, show)
	}
	if a.Do == "split" {
		return v.deskSplit(code, a, show)
	}
	if a.Do == request.DoPublish {
		w, err := u.Requests.Read(v.r.Context(), v.p, code)
		if err != nil {
			return err
		}
		covered := v.deskPhotos(w)
		a.Photos = slices.DeleteFunc(a.Photos, func(id string) bool {
			return slices.ContainsFunc(covered, func(p deskPhoto) bool { return p.ID == id && p.Covered })
		})
		if v.field("sure") == "" && len(privacy.Find(a.Fields["title"]))+len(privacy.Find(a.Fields["text"])) > 0 {
			return v.showDeskOne(http.StatusUnprocessableEntity, nil, deskOneData{Unsure: true})
		}
	}
	_, err = u.Requests.Act(v.r.Context(), v.p, code, a)
	if err == nil {
		return v.seeOther(deskPath(code))
	}
	return v.againOrStale(err, show)
}

// againOrStale shows a form again, also where somebody else was faster.
func (v *view) againOrStale(err error, show func(int, *web.Document) error) error {
	if problem.KindOf(err) == problem.Stale {
		d := web.Describe(v.lang, v.r.Method, err)
		return show(d.Status, &d)
	}
	return v.again(err, show)
}

func (v *view) deskSplit(code string, a request.Act, show func(int, *web.Document) error) error {
	x, err := v.u.Requests.Split(v.r.Context(), v.p, code, a.Version, request.Submission{Category: a.Fields["category"], Text: a.Fields["text"], Answers: answersOf(v.r.PostForm)})
	if err == nil {
		return v.seeOther(deskPath(x.Code))
	}
	return v.againOrStale(err, show)
}

// answersOf are the answers to the questions of a category.
func answersOf(form url.Values) map[string]string {
	answers := map[string]string{}
	for name, values := range form {
		if code, ok := strings.CutPrefix(name, "answers."); ok {
			if s := strings.Trim(strings.Join(values, ","), ", "); s != "" {
				answers[code] = s
			}
		}
	}
	return answers
}

// deskContact opens who reported, as the reader's purpose allows; the repository
// keeps the record of it.
func (u *UI) deskContact(v *view) error {
	c, err := u.Requests.Contact(v.r.Context(), v.p, v.r.PathValue("code"))
	if err != nil {
		return v.again(err, func(status int, fault *web.Document) error { return v.showDeskOne(status, fault, deskOneData{}) })
	}
	return v.showDeskOne(http.StatusOK, nil, deskOneData{Contact: &c})
}

// photoOf opens a file of the report in the address.
func (v *view) photoOf() (attachment.File, []byte, error) {
	if v.u.Attachments == nil {
		return attachment.File{}, nil, v.noPage()
	}
	f, content, err := v.u.Attachments.Open(v.r.Context(), v.p, v.r.PathValue("file"))
	if err == nil && (f.Dataset != request.Dataset || f.Key != request.Tidy(v.r.PathValue("code"))) {
		err = problem.New(problem.NotFound, "file-unknown")
	}
	return f, content, err
}

// deskFile shows a file of a report to those who may open it.
func (u *UI) deskFile(v *view) error {
	f, content, err := v.photoOf()
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", f.Media)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	how := "inline"
	if f.Media == "application/pdf" {
		how = "attachment"
	}
	h.Set("Content-Disposition", how+"; filename*=UTF-8''"+url.PathEscape(f.Name))
	_, err = v.w.Write(content)
	return err
}

// redactData is the page on which boxes are drawn over a photo.
type redactData struct {
	Code  string
	File  attachment.File
	Fault *web.Document
	Boxes [][4]string // x, y, width, height as typed
}

// blankBoxes is how many boxes the form has without script.
const blankBoxes = 4

func (u *UI) deskRedact(v *view) error { return v.showRedact(http.StatusOK, nil) }

func (v *view) showRedact(status int, fault *web.Document) error {
	w, err := v.u.Requests.Read(v.r.Context(), v.p, v.r.PathValue("code"))
	if err != nil {
		return err
	}
	if !slices.Contains(w.May, request.DoPublish) {
		return problem.New(problem.Denied, "request-desk")
	}
	f, _, err := v.photoOf()
	if err != nil {
		return err
	}
	v.nav, v.title, v.private = "desk", v.T("desk.redact"), true
	d := redactData{Code: w.Code, File: f, Fault: fault}
	if form := v.r.PostForm; form != nil {
		for i := range form["x"] {
			d.Boxes = append(d.Boxes, [4]string{form["x"][i], nth(form["y"], i), nth(form["w"], i), nth(form["h"], i)})
		}
	}
	for len(d.Boxes) < blankBoxes {
		d.Boxes = append(d.Boxes, [4]string{})
	}
	return v.show(status, redactPage(v, d))
}

func nth(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// deskBlacken burns the boxes into a copy and puts that to the report.
func (u *UI) deskBlacken(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	w, err := u.Requests.Read(v.r.Context(), v.p, v.r.PathValue("code"))
	if err != nil {
		return err
	}
	if !slices.Contains(w.May, request.DoPublish) {
		return problem.New(problem.Denied, "request-desk")
	}
	f, _, err := v.photoOf()
	if err != nil {
		return err
	}
	form := v.r.PostForm
	var boxes []attachment.Box
	for i, x := range form["x"] {
		var n [4]int
		typed := [4]string{x, nth(form["y"], i), nth(form["w"], i), nth(form["h"], i)}
		if strings.TrimSpace(strings.Join(typed[:], "")) == "" {
			continue
		}
		for k, s := range typed {
			if n[k], err = strconv.Atoi(strings.TrimSpace(s)); err != nil {
				n[2] = 0 // no box: refused with its place
				break
			}
		}
		boxes = append(boxes, attachment.Box{X: n[0], Y: n[1], Width: n[2], Height: n[3]})
	}
	black, err := u.Attachments.Redact(v.r.Context(), v.p, f.ID, boxes)
	if err == nil {
		name := "before"
		if slices.Contains(w.AfterPhotos, f.ID) {
			name = "after"
		}
		_, err = u.Requests.Act(v.r.Context(), v.p, w.Code, request.Act{Do: request.DoPhoto, Fields: map[string]string{"name": name, "instead": f.ID}, Photos: []string{black.ID}})
	}
	if err == nil {
		return v.seeOther(deskPath(w.Code) + "#publish")
	}
	return v.again(err, v.showRedact)
}
