package ui

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/request"
)

// streetRoutes are the citizens' pages of reports: sending one, what became of
// one's own, and what the public sees of all.
func (u *UI) streetRoutes() []web.Route {
	if u.Requests == nil {
		return nil
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error, most int64) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: most}
	}
	mine := post("/me/reports", u.holdReport, 1<<16)
	mine.SignIn = true
	return []web.Route{
		get("/report", u.reportForm), post("/report", u.sendReport, mostPosted), get("/report/sent/{code}", u.reportSent),
		post("/report/near", u.reportsNear, 1<<16), post("/report/suggest", u.suggestCategory, mostPosted), post("/report/files", u.beginPhoto, 1<<16), post("/report/files/{id}", u.putPhoto, attachment.MaxBytes+1<<16),
		get("/street", u.street), get("/street/stats", u.streetFigures), get("/street/patterns", u.streetPatterns), get("/street/patterns/points.json", u.patternPoints), get("/street/{code}", u.streetReport), post("/street/{code}", u.actOnStreet, mostPosted),
		get("/street/{code}/files/{file}", u.streetPhoto),
		get("/me/reports", u.myReports), mine,
		get("/manifest.webmanifest", u.webManifest),
	}
}

// mostPosted bounds a form with its photos: one of the largest, or eight of the
// usual size. The script sends each photo by itself.
const mostPosted = 32 << 20

func (v *view) onStreet(title string) {
	v.nav, v.title = "street", title
	if v.u.assets.url("requeststyle.css") != "" {
		v.styles = append(v.styles, "requeststyle.css")
	}
}

// streetScript adds the script of these pages.
func (v *view) streetScript() {
	if v.u.assets.url("request.js") != "" {
		v.script = append(v.script, "request.js")
	}
}

// webManifest lets a phone keep the page that sends reports among its programs.
func (u *UI) webManifest(v *view) error {
	v.w.Header().Set("Content-Type", "application/manifest+json")
	v.w.Header().Set("Cache-Control", "no-cache")
	icons := []map[string]string{}
	if s := u.assets.url("icon.svg"); s != "" {
		icons = append(icons, map[string]string{"src": s, "sizes": "any", "type": "image/svg+xml", "purpose": "any"})
	}
	if s := u.assets.url("touchicon.png"); s != "" { // for phones that draw no SVG
		icons = append(icons, map[string]string{"src": s, "sizes": "180x180", "type": "image/png", "purpose": "any maskable"})
	}
	if s := u.assets.url("touchicon.png"); s != "" { // for phones that draw no SVG
		icons = append(icons, map[string]string{"src": s, "sizes": "180x180", "type": "image/png", "purpose": "any maskable"})
	}
	return json.NewEncoder(v.w).Encode(map[string]any{"id": "/report", "name": v.T("street.app"), "short_name": v.T("street.app.short"), "lang": v.lang, "start_url": "/report", "scope": "/",
		"display": "standalone", "background_color": "#f6f5f2", "theme_color": "#0f5c6e", "icons": icons})
}

// wantsJSON tells that the page's own script asks.
func (v *view) wantsJSON() bool {
	return strings.Contains(v.r.Header.Get("Accept"), "application/json")
}

func (v *view) writeJSON(status int, x any) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(status)
	_, err = v.w.Write(b)
	return err
}

// toScript answers the page's script: with x, or with what is wrong.
func (v *view) toScript(x any, err error) error {
	if err == nil {
		return v.writeJSON(http.StatusOK, x)
	}
	if problem.KindOf(err) == problem.Internal {
		return err
	}
	d := web.Describe(v.lang, v.r.Method, err)
	return v.writeJSON(d.Status, d)
}

// freshKey is a key that a form carries where no script draws one.
func (v *view) freshKey() (string, error) {
	b := make([]byte, 16)
	_, err := io.ReadFull(v.u.Random, b)
	return hex.EncodeToString(b), err
}

const (
	mostFields = 200
	mostField  = 64 << 10
	mostShots  = 10
)

// posted reads a form with photos. The photos go where the desk looks for those of
// the form's key, which must come before them; their ids are the values of photo.
// What is wrong with a photo comes back as an error beside a form that is read.
func (v *view) posted() error {
	media, _, _ := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if media != "multipart/form-data" {
		return v.form()
	}
	parts, err := v.r.MultipartReader()
	if err != nil {
		return web400(err)
	}
	form := url.Values{}
	v.r.PostForm = form
	var refused error
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == io.EOF {
			return refused
		}
		if err != nil || n > mostFields {
			return web400(problem.New(problem.Invalid, "file-broken"))
		}
		if part.FileName() == "" {
			b, err := io.ReadAll(io.LimitReader(part, mostField))
			if err != nil {
				return web400(err)
			}
			if part.FormName() != "photos" {
				form.Add(part.FormName(), string(b))
			}
			continue
		}
		if refused != nil || part.FormName() != "photos" || len(form["photo"]) >= mostShots {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, attachment.MaxBytes+1))
		if err != nil {
			return web400(err)
		}
		id, err := v.keepPhoto(form.Get("key"), part.FileName(), b)
		if err != nil {
			if problem.KindOf(err) == problem.Internal {
				return err
			}
			refused = photoRefused(err)
			continue
		}
		form.Add("photo", id)
	}
}

// photoRefused tells the fault of a photo at the field of the photos.
func photoRefused(err error) error {
	e := problem.As(err)
	fault := problem.Violation{Code: e.Code, Args: e.Args}
	if len(e.Violations) > 0 {
		fault = e.Violations[0]
	}
	fault.Field = "photos"
	return problem.InvalidWith("request-invalid", []problem.Violation{fault})
}

func (v *view) keepPhoto(key, name string, content []byte) (string, error) {
	if v.u.Attachments == nil || len(key) < 16 {
		return "", problem.New(problem.NotFound, "file-record")
	}
	ahead := request.UploadKey(key)
	f, err := v.u.Attachments.BeginAhead(v.r.Context(), request.Dataset, ahead, name, int64(len(content)))
	if err != nil {
		return "", err
	}
	_, err = v.u.Attachments.AppendAhead(v.r.Context(), ahead, f.ID, 0, strings.NewReader(string(content)))
	return f.ID, err
}

// The receipts that this browser holds: code and secret of each, the latest first.
const (
	receiptCookie = "receipts"
	deviceCookie  = "device"
	mostReceipts  = 30
	receiptsLive  = 400 * 24 * time.Hour
)

type heldReceipt struct{ Code, Secret string }

func (v *view) heldReceipts() (list []heldReceipt) {
	c, err := v.r.Cookie(receiptCookie)
	if err != nil {
		return nil
	}
	for one := range strings.SplitSeq(c.Value, ".") {
		if code, secret, ok := strings.Cut(one, ":"); ok && len(list) < mostReceipts {
			list = append(list, heldReceipt{code, secret})
		}
	}
	return list
}

// secretFor is the secret of a report that this browser holds; empty for none.
func (v *view) secretFor(code string) string {
	for _, h := range v.heldReceipts() {
		if h.Code == request.Tidy(code) {
			return h.Secret
		}
	}
	return ""
}

// hold keeps a receipt in the browser; an empty secret forgets it.
func (v *view) hold(code, secret string) {
	list := slices.DeleteFunc(v.heldReceipts(), func(h heldReceipt) bool { return h.Code == code })
	if secret != "" {
		list = append([]heldReceipt{{code, secret}}, list...)
	}
	var all []string
	for _, h := range list[:min(len(list), mostReceipts)] {
		all = append(all, h.Code+":"+h.Secret)
	}
	v.keepCookie(receiptCookie, strings.Join(all, "."))
}

func (v *view) keepCookie(name, text string) {
	c := &http.Cookie{Name: name, Value: text, Path: "/", MaxAge: int(receiptsLive / time.Second), Secure: strings.HasPrefix(v.origin(), "https:"), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if text == "" {
		c.MaxAge = -1
	}
	http.SetCookie(v.w, c)
}

// sendingDevice is how the desk tells devices apart: by a name that this server gave
// the browser, or by where a request comes from where it keeps none.
func (v *view) sendingDevice() string {
	if c, err := v.r.Cookie(deviceCookie); err == nil && len(c.Value) == 32 {
		return c.Value
	}
	return v.r.Address()
}

func (v *view) nameDevice() error {
	if _, err := v.r.Cookie(deviceCookie); err == nil {
		return nil
	}
	name, err := v.freshKey()
	if err == nil {
		v.keepCookie(deviceCookie, name)
	}
	return err
}

// streetCategory is the title of a category, else its code.
func (v *view) streetCategory(code string) string {
	c, err := v.u.Requests.Catalogue()
	if err != nil {
		return code
	}
	if x, ok := c.Category(code); ok {
		return or(x.Title.In(v.lang), code)
	}
	return code
}

// streetState is what a state of the city's workflow is called.
func (v *view) streetState(name string) string {
	w, err := v.u.Requests.Workflow()
	if err != nil {
		return name
	}
	if s, ok := w.State(name); ok {
		return or(s.Title.In(v.lang), name)
	}
	return name
}

// streetTitle is what a report is called: its public title, else its category.
func (v *view) streetTitle(x *request.Request) string {
	if c, err := v.u.Requests.Catalogue(); err == nil {
		if k, ok := c.Category(x.Category); ok && (x.Title == "" || x.Title == k.Title.In("vi")) {
			return k.Title.In(v.lang)
		}
	}
	return or(x.Title, x.Code)
}

func streetPath(code string) string { return "/street/" + url.PathEscape(code) }

// sendGroup are the active categories of a group.
type sendGroup struct {
	Code, Title string
	Categories  []*catalogue.Category
}

func (v *view) sendGroups() ([]sendGroup, *catalogue.Catalogue, error) {
	c, err := v.u.Requests.Catalogue()
	if err != nil {
		return nil, nil, err
	}
	var groups []sendGroup
	for _, g := range c.Groups {
		group := sendGroup{Code: g.Code, Title: g.Title.In(v.lang)}
		for i := range c.Categories {
			if x := &c.Categories[i]; x.Group == g.Code && x.Active {
				group.Categories = append(group.Categories, x)
			}
		}
		if len(group.Categories) > 0 {
			groups = append(groups, group)
		}
	}
	return groups, c, nil
}

// streetPhoto shows a photo of a report to those who may see it.
func (u *UI) streetPhoto(v *view) error {
	code, file := request.Tidy(v.r.PathValue("code")), v.r.PathValue("file")
	if u.Attachments == nil {
		return problem.New(problem.NotFound, "file-unknown")
	}
	if err := u.Requests.MayOpen(v.r.Context(), v.p, code, v.secretFor(code), file); err != nil {
		return err
	}
	f, content, err := u.Attachments.Open(v.r.Context(), repo.Internal(), file)
	if err != nil {
		return err
	}
	if f.Dataset != request.Dataset || f.Key != code {
		return problem.New(problem.NotFound, "file-unknown")
	}
	h := v.w.Header()
	h.Set("Content-Type", f.Media)
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, err = v.w.Write(content)
	return err
}
