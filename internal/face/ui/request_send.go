package ui

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"rsc.io/qr"

	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/request"
)

// sendData is the form that sends a report.
type sendData struct {
	Key    string
	Filled url.Values
	Fault  *web.Document
	Groups []sendGroup
	Chosen *catalogue.Category
	Tracks map[string]string // of categories that the law sends elsewhere: where to
	Near   []request.Similar
	// Suggest is a category that fits what was written, where it was asked for and is
	// not the chosen one.
	Suggest *catalogue.Category
}

func (u *UI) reportForm(v *view) error { return v.showReportForm(http.StatusOK, nil) }

func (v *view) showReportForm(status int, fault *web.Document) error {
	groups, c, err := v.sendGroups()
	if err != nil {
		return err
	}
	v.onStreet(v.T("send.title"))
	v.streetScript()
	d := sendData{Filled: v.r.PostForm, Fault: fault, Groups: groups, Tracks: map[string]string{}}
	if d.Filled == nil {
		d.Filled = url.Values{"category": {v.r.URL.Query().Get("category")}}
	} else {
		v.private = true
	}
	if err := v.nameDevice(); err != nil {
		return err
	}
	if d.Filled.Get("ask") != "" {
		d.Suggest = v.suggested()
	}
	if d.Key = d.Filled.Get("key"); len(d.Key) < 16 {
		if d.Key, err = v.freshKey(); err != nil {
			return err
		}
	}
	for _, g := range groups {
		for _, x := range g.Categories {
			if t, ok := c.Track(x.Track); ok && !t.Accepts {
				d.Tracks[x.Code] = t.Pointer.In(v.lang)
			}
			if x.Code == d.Filled.Get("category") {
				d.Chosen = x
			}
		}
	}
	return v.show(status, sendPage(v, d))
}

// submission is what the posted form says.
func (v *view) submission() request.Submission {
	f := v.r.PostForm
	s := request.Submission{Key: v.field("key"), Category: v.field("category"), Text: f.Get("text"), Address: f.Get("address"), Area: v.field("area"), Channel: "web",
		Photos: slices.Compact(f["photo"]), Anonymous: f.Get("anonymous") != "", Device: v.sendingDevice(),
		Contact: request.Contact{Name: f.Get("contact.name"), Phone: f.Get("contact.phone"), Email: f.Get("contact.email"), Lang: v.lang}}
	lon, e1 := strconv.ParseFloat(v.field("longitude"), 64)
	lat, e2 := strconv.ParseFloat(v.field("latitude"), 64)
	if e1 == nil && e2 == nil {
		s.Longitude, s.Latitude = &lon, &lat
	}
	for name, values := range f {
		code, ok := strings.CutPrefix(name, "answers.")
		if !ok {
			continue
		}
		answer := strings.TrimSpace(strings.Join(values, ","))
		if at, err := time.ParseInLocation("2006-01-02T15:04", answer, v.zone); err == nil { // as browsers write it
			answer = at.Format(time.RFC3339)
		}
		if answer != "" {
			if s.Answers == nil {
				s.Answers = map[string]string{}
			}
			s.Answers[code] = answer
		}
	}
	return s
}

// sendReport takes a report from the form, or from the page's script.
func (u *UI) sendReport(v *view) error {
	if err := v.posted(); err != nil {
		if v.wantsJSON() {
			return v.toScript(nil, err)
		}
		return v.again(err, v.showReportForm)
	}
	s := v.submission()
	got, err := u.Requests.Submit(v.r.Context(), v.p, s)
	if err == nil {
		v.hold(got.Code, got.Secret)
	}
	if v.wantsJSON() {
		return v.toScript(map[string]string{"code": got.Code, "to": "/report/sent/" + got.Code}, err)
	}
	if err != nil {
		return v.again(err, v.showReportForm)
	}
	return v.seeOther("/report/sent/" + got.Code)
}

// beginPhoto announces a photo of the report whose key the form holds.
func (u *UI) beginPhoto(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	if u.Attachments == nil || len(v.field("key")) < 16 {
		return v.toScript(nil, problem.New(problem.NotFound, "file-record"))
	}
	size, _ := strconv.ParseInt(v.field("size"), 10, 64)
	f, err := u.Attachments.BeginAhead(v.r.Context(), request.Dataset, request.UploadKey(v.field("key")), v.field("name"), size)
	return v.toScript(uploadState{ID: f.ID}, err)
}

type uploadState struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"`
	Done   bool   `json:"done"`
}

// putPhoto takes the next part of a photo; without an offset it tells how much has
// arrived. The key comes in a header, since an address would be kept.
func (u *UI) putPhoto(v *view) error {
	if u.Attachments == nil {
		return v.toScript(nil, problem.New(problem.NotFound, "file-unknown"))
	}
	ahead, id := request.UploadKey(v.r.Header.Get("Huong-Report-Key")), v.r.PathValue("id")
	at := v.r.Header.Get("Huong-Upload-Offset")
	if at == "" {
		f, err := u.Attachments.UploadAhead(v.r.Context(), ahead, id)
		return v.toScript(uploadState{f.ID, f.Offset, f.Done()}, err)
	}
	offset, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return v.toScript(nil, problem.New(problem.Conflict, "file-offset", "offset", 0))
	}
	f, err := u.Attachments.AppendAhead(v.r.Context(), ahead, id, offset, v.r.Body)
	return v.toScript(uploadState{f.ID, f.Offset, f.Done()}, err)
}

// reportsNear offers published reports that the one being written may repeat, as a
// part of the form.
func (u *UI) reportsNear(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	var list []request.Similar
	lon, e1 := strconv.ParseFloat(v.field("longitude"), 64)
	lat, e2 := strconv.ParseFloat(v.field("latitude"), 64)
	if e1 == nil && e2 == nil {
		var err error
		if list, err = u.Requests.Similar(v.r.Context(), request.Matter{Category: v.field("category"), Longitude: lon, Latitude: lat, Text: v.field("text")}); err != nil {
			return err
		}
	}
	v.private = true
	return v.part(sendNear(v, list))
}

// suggested is the category that fits what the form says, where it is another than the
// chosen one.
func (v *view) suggested() *catalogue.Category {
	c, ok := v.u.Requests.Suggest(v.field("text"))
	if !ok || c.Code == v.field("category") {
		return nil
	}
	return c
}

// suggestCategory offers a category, as a part of the form for its script, else on the
// form as it stands; there the reader may take it.
func (u *UI) suggestCategory(v *view) error {
	err := v.posted()
	if v.r.Header.Get("Huong-Part") != "" {
		if err != nil {
			return err
		}
		v.private = true
		return v.part(sendSuggest(v, v.suggested(), false))
	}
	if err != nil {
		return v.again(err, v.showReportForm)
	}
	if take := v.field("take"); take != "" {
		v.r.PostForm.Set("category", take)
	}
	return v.showReportForm(http.StatusOK, nil)
}

// sentData is the receipt of a report.
type sentData struct {
	*request.Whole
	Secret, Link string
	QR           qrCode
}

// qrCode is a code to be scanned, as one path over square modules.
type qrCode struct {
	Size int
	Path string
}

func drawQR(text string) (qrCode, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, err
	}
	var b strings.Builder
	for y := range c.Size {
		for x := range c.Size {
			if c.Black(x, y) {
				b.WriteString("M" + strconv.Itoa(x+4) + " " + strconv.Itoa(y+4) + "h1v1h-1z")
			}
		}
	}
	return qrCode{c.Size + 8, b.String()}, nil // with the quiet zone of four modules
}

// reportSent shows the receipt, as long as this browser holds it.
func (u *UI) reportSent(v *view) error {
	code := request.Tidy(v.r.PathValue("code"))
	secret := v.secretFor(code)
	w, err := u.Requests.MineOne(v.r.Context(), v.p, code, secret)
	if err != nil {
		return err
	}
	v.onStreet(v.T("sent.title"))
	v.streetScript()
	v.private = true
	d := sentData{Whole: w, Secret: secret}
	if secret != "" {
		d.Link = v.origin() + "/me/reports#" + code + "." + secret // what stands behind # is not sent
		if d.QR, err = drawQR(d.Link); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, sentPage(v, d))
}

// sendWords are the words that the script of the form says.
func (v *view) sendWords() string {
	words := map[string]string{}
	for _, k := range []string{"locating", "no-place", "placed", "waiting", "sending", "sent", "refused", "edit", "drop", "remove", "none", "offline", "pick", "photo-large", "change", "queued"} {
		words[k] = v.T("send.js." + k)
	}
	b, _ := json.Marshal(words)
	return string(b)
}

// faultAt is what is wrong with a field; empty when nothing is.
func faultAt(d *web.Document, field string) string {
	if d == nil {
		return ""
	}
	for _, x := range d.Violations {
		if x.Field == field || strings.HasPrefix(x.Field, field+"/") {
			return x.Message
		}
	}
	return ""
}

func faultID(field string) string { return strings.ReplaceAll(field, ".", "-") + "-fault" }

// sendAttrs mark a control whose value is refused and lead to the reason.
func sendAttrs(d *web.Document, field string) templ.Attributes {
	if faultAt(d, field) == "" {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": faultID(field)}
}

func answered(f url.Values, code, value string) bool {
	return slices.Contains(f["answers."+code], value)
}

// pickAttrs carry to the script what the map needs.
func (v *view) pickAttrs() templ.Attributes {
	u := v.u
	if u.assets.url("map.js") == "" || u.assets.url("mapworker.js") == "" {
		return nil
	}
	s := u.shapesNow(v.r.Context())
	if s == nil {
		return nil
	}
	bounds, _ := json.Marshal(s.bounds)
	words, _ := json.Marshal(map[string]string{"zoomIn": v.T("map.zoom-in"), "zoomOut": v.T("map.zoom-out"), "title": v.T("send.pick")})
	a := templ.Attributes{"data-script": u.assets.url("map.js"), "data-style": u.assets.url("mapstyle.css"), "data-worker": u.assets.url("mapworker.js"), "data-areas": "/areas.json", "data-bounds": string(bounds), "data-words": string(words)}
	if u.Basemap != "" {
		a["data-basemap"] = "/basemap.pmtiles"
	}
	return a
}
