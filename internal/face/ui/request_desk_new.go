package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/request"
)

// deskChannels are the ways in which the desk takes a report in for somebody.
var deskChannels = [...]string{"phone", "counter", "zalo", "facebook", "email", "press"}

// deskNewData is the form by which the desk takes a report in.
type deskNewData struct {
	Catalogue *catalogue.Catalogue
	Category  *catalogue.Category // nil until it is chosen
	Filled    url.Values
	Fault     *web.Document
	Receipt   *request.Receipt
}

func (u *UI) deskNew(v *view) error { return v.showDeskNew(http.StatusOK, nil, nil) }

func (v *view) showDeskNew(status int, fault *web.Document, receipt *request.Receipt) error {
	switch {
	case v.p.Name == "":
		return problem.New(problem.Unauthenticated, "unauthenticated")
	case !v.u.Requests.AtDesk(v.p):
		return problem.New(problem.Denied, "request-desk")
	}
	v.nav, v.title, v.private = "desk", v.T("desk.new"), true
	c, err := v.u.Requests.Catalogue()
	if err != nil {
		return err
	}
	d := deskNewData{Catalogue: c, Filled: v.r.PostForm, Fault: fault, Receipt: receipt}
	if d.Filled == nil {
		d.Filled = url.Values{"channel": {"phone"}, "category": {v.r.URL.Query().Get("category")}}
	}
	if x, ok := c.Category(d.Filled.Get("category")); ok && x.Active {
		d.Category = x
	}
	return v.show(status, deskNewPage(v, d))
}

// deskTake takes a report in on behalf of who called. The receipt is shown in the
// answer itself: its secret stands in no address.
func (u *UI) deskTake(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	s := request.Submission{Key: v.field("key"), Category: v.field("category"), Text: v.field("text"), Address: v.field("address"), Area: v.field("area"),
		Channel: v.field("channel"), Anonymous: v.field("anonymous") != "", OnBehalfOf: true, Answers: answersOf(v.r.PostForm)}
	if !slices.Contains(deskChannels[:], s.Channel) {
		s.Channel = "phone"
	}
	if !s.Anonymous {
		s.Contact = request.Contact{Name: v.field("contact.name"), Phone: v.field("contact.phone"), Email: v.field("contact.email"), Lang: v.field("contact.lang")}
	}
	if x, y := v.field("longitude"), v.field("latitude"); x != "" || y != "" {
		lon, e1 := strconv.ParseFloat(x, 64)
		lat, e2 := strconv.ParseFloat(y, 64)
		if e1 != nil || e2 != nil {
			lon = 1000 // no place: refused with its field
		}
		s.Longitude, s.Latitude = &lon, &lat
	}
	r, err := u.Requests.Submit(v.r.Context(), v.p, s)
	if err == nil {
		return v.showDeskNew(http.StatusOK, nil, &r)
	}
	return v.again(err, func(status int, fault *web.Document) error { return v.showDeskNew(status, fault, nil) })
}
