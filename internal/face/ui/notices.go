package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/notify"
)

// noticesData is what one was told, and how.
type noticesData struct {
	List     []notify.Message
	Seen     time.Time
	Unseen   int
	Channels []channelData
	PushKey  string
	Done     string
	Secret   string // of a webhook just made
	Fault    *web.Document
}

type channelData struct {
	notify.Channel
	Deliveries []notify.Delivery
	Dead       int
}

func (u *UI) notices(v *view) error { return u.showNotices(v, "", "", nil) }

func (u *UI) showNotices(v *view, done, secret string, fault *web.Document) error {
	v.nav, v.title, v.private = "notices", v.T("notices.title"), true
	if v.p.Name == "" || v.me == nil {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	ctx := v.r.Context()
	d := noticesData{Done: done, Secret: secret, Fault: fault}
	var err error
	if d.List, d.Seen, d.Unseen, err = u.Notices.Inbox(ctx, v.p, 100); err != nil {
		return err
	}
	if v.fragment("inbox") {
		return v.part(inbox(v, d))
	}
	channels, err := u.Notices.Channels(ctx, v.p.Name)
	if err != nil {
		return err
	}
	for _, c := range channels {
		x := channelData{Channel: c}
		if x.Deliveries, err = u.Notices.Deliveries(ctx, v.p.Name, c.ID, 1000); err != nil {
			return err
		}
		for _, y := range x.Deliveries {
			if y.State == "dead" {
				x.Dead++
			}
		}
		x.Deliveries = x.Deliveries[:min(len(x.Deliveries), 5)]
		d.Channels = append(d.Channels, x)
	}
	if d.PushKey, err = u.Notices.PushKey(ctx); err != nil {
		return err
	}
	status := http.StatusOK
	if fault != nil {
		status = http.StatusUnprocessableEntity
	}
	return v.show(status, noticesBody(v, d))
}

func (v *view) messageTitle(m *notify.Message) string {
	title, _ := m.In(v.lang)
	return title
}

func (u *UI) noticesSeen(v *view) error {
	if v.p.Name == "" || v.me == nil {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if err := u.Notices.Look(v.r.Context(), v.p, v.now); err != nil {
		return err
	}
	u.waiting.drop(v.p.Name + "\x00" + v.p.Capacity)
	return v.seeOther("/notices")
}

// channelForm reads what a channel's form says.
func channelForm(form url.Values) (c notify.Channel, err error) {
	c.Least, c.Lang, c.Paused = form.Get("least"), form.Get("lang"), form.Get("paused") != ""
	for name, into := range map[string]*int{"from": &c.QuietFrom, "until": &c.QuietUntil} {
		if text := form.Get(name); text != "" {
			minute, ok := notify.MinuteOf(text)
			if !ok {
				return c, problem.New(problem.Invalid, "notify-quiet")
			}
			*into = minute
		}
	}
	return c, nil
}

func (u *UI) addChannel(v *view) error {
	if v.p.Name == "" || v.me == nil {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	form := v.r.PostForm
	c, err := channelForm(form)
	c.Kind, c.Address, c.P256dh, c.Auth = form.Get("kind"), strings.TrimSpace(form.Get("address")), form.Get("p256dh"), form.Get("auth")
	if c.Lang == "" {
		c.Lang = v.lang
	}
	if err == nil {
		c, err = u.Notices.SetChannel(v.r.Context(), v.p.Name, c)
	}
	if err != nil {
		return u.formOr(v, err)
	}
	if c.Kind == notify.ByWebhook {
		return u.showNotices(v, v.T("channel.saved"), c.Secret, nil)
	}
	return v.seeOther("/notices")
}

// formOr shows the page again with what is wrong with a form.
func (u *UI) formOr(v *view, err error) error {
	if k := problem.KindOf(err); k == problem.Invalid || k == problem.Conflict {
		d := web.Describe(v.lang, v.r.Method, err)
		return u.showNotices(v, "", "", &d)
	}
	return err
}

func (u *UI) changeChannel(v *view) error {
	if v.p.Name == "" || v.me == nil {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	ctx, id, done := v.r.Context(), v.r.PathValue("id"), v.T("channel.saved")
	var err error
	switch v.r.PostForm.Get("act") {
	case "remove":
		err, done = u.Notices.RemoveChannel(ctx, v.p.Name, id), v.T("channel.removed")
	case "replay":
		var n int
		n, err = u.Notices.Replay(ctx, v.p.Name, id, v.now.Add(-7*24*time.Hour), v.now.Add(time.Minute), false)
		done = v.T("channel.replayed", "n", strconv.Itoa(n))
	default:
		var c notify.Channel
		if c, err = channelForm(v.r.PostForm); err == nil {
			c.ID = id
			_, err = u.Notices.SetChannel(ctx, v.p.Name, c)
		}
	}
	if err != nil {
		return u.formOr(v, err)
	}
	return u.showNotices(v, done, "", nil)
}

// minuteText writes a minute of the day, "22:00".
func minuteText(m int) string {
	return time.Date(2000, 1, 1, m/60, m%60, 0, 0, time.UTC).Format("15:04")
}

// withDone adds to an address what was done there.
func withDone(back, step string) string {
	u, err := url.Parse(back)
	if err != nil {
		return "/"
	}
	q := u.Query()
	q.Set("done", step)
	u.RawQuery = q.Encode()
	return u.String()
}

// serviceWorker gives the script that shows push messages; it stands at the root,
// for its place is its scope.
func (u *UI) serviceWorker(w http.ResponseWriter, r *web.Request) error {
	name := strings.TrimPrefix(u.assets.url("sw.js"), "/assets/")
	if name == "" {
		return problem.New(problem.NotFound, "not-found", "what", "sw.js")
	}
	b := u.assets.files[name]
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	_, err := w.Write(b)
	return err
}
