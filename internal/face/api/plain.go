package api

import (
	"context"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
)

const mediaHTML = "text/html"

func (a *API) plainOperations() []operation {
	text := func(t words) []answer { return []answer{{200, []string{"text/plain"}, "", t}} }
	return []operation{
		{
			method: "GET", path: "/api/v1/status", id: "getStatus", tag: "system",
			summary: words{"Đầu nhật ký và các bộ theo dõi", "Head of the log and followers"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "Status", words{"Trạng thái; độ trễ chỉ hiện với người đã đăng nhập", "Status; lags are shown to those signed in"}}},
			handle:  a.status,
		},
		{
			method: "GET", path: "/api/v1/openapi.json", id: "getOpenAPI", tag: "system",
			summary: words{"Tài liệu OpenAPI 3.1 này", "This OpenAPI 3.1 document"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "", words{"OpenAPI 3.1", "OpenAPI 3.1"}}},
			handle:  a.openapi,
		},
		{
			method: "GET", path: "/api/v1/docs", id: "getDocs", tag: "system",
			summary: words{"Trang hướng dẫn", "Readable documentation"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{mediaHTML}, "", words{"Trang HTML", "An HTML page"}}},
			handle:  a.docs,
		},
		{
			method: "GET", path: "/api/v1/docs.css", id: "getDocsStyle", tag: "system",
			summary: words{"Kiểu chữ của trang hướng dẫn", "Style of the documentation"},
			answers: []answer{{200, []string{"text/css"}, "", words{"CSS", "CSS"}}},
			handle: func(c *call) error {
				c.set("Content-Type", "text/css; charset=utf-8")
				c.set("Cache-Control", "public, max-age=3600")
				_, err := c.w.Write([]byte(docsStyle))
				return err
			},
		},
		{
			method: "GET", path: "/problems/{code}", id: "getProblem", tag: "system",
			summary: words{"Giải thích một mã lỗi", "What a problem code means"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{mediaHTML, mediaJSON}, "", words{"Giải thích", "The explanation"}}},
			handle:  a.problem,
		},
		{
			method: "GET", path: "/healthz", id: "health", tag: "system", summary: words{"Tiến trình còn sống", "The process lives"},
			answers: text(words{"ok", "ok"}),
			handle: func(c *call) error {
				c.set("Cache-Control", "no-store")
				c.set("Content-Type", "text/plain; charset=utf-8")
				_, err := c.w.Write([]byte("ok\n"))
				return err
			},
		},
		{
			method: "GET", path: "/readyz", id: "ready", tag: "system", summary: words{"Sẵn sàng phục vụ", "Ready to serve"},
			answers: text(words{"ok", "ok"}), problems: []int{503}, handle: a.ready,
		},
		{
			method: "GET", path: "/metrics", id: "metrics", tag: "system", summary: words{"Số đo Prometheus", "Prometheus metrics"},
			detail:  words{"Chỉ từ chính máy chủ hoặc với mã quản trị.", "From the machine itself or with an administrator's token only."},
			answers: text(words{"Định dạng Prometheus", "Prometheus exposition format"}), problems: []int{403}, handle: a.metrics,
		},
	}
}

func (a *API) status(c *call) error {
	h, err := a.repo.Head(c.ctx())
	if err != nil {
		return err
	}
	type follower struct {
		Name    string `json:"name"`
		Cursor  int64  `json:"cursor"`
		Lag     int64  `json:"lag"`
		Failing bool   `json:"failing"`
		Updated string `json:"updated,omitempty"`
	}
	out := struct {
		Head      int64      `json:"head"`
		At        string     `json:"at,omitempty"`
		Cursor    string     `json:"cursor"`
		Version   string     `json:"version,omitempty"`
		Queue     *int       `json:"queue,omitempty"`
		Followers []follower `json:"followers,omitempty"`
	}{Head: h.Seq, Cursor: a.repo.FormatCursor(h.Position), Version: a.config.Version}
	if h.At != 0 {
		out.At = instant(h.At)
	}
	if c.who().Name != "" {
		s, err := a.repo.Status(c.ctx())
		if err != nil {
			return err
		}
		out.Queue = &s.Queue
		for _, f := range s.Followers {
			g := follower{f.Name, f.Cursor, f.Lag, f.Error != "", ""}
			if !f.Updated.IsZero() {
				g.Updated = f.Updated.UTC().Format(time.RFC3339)
			}
			out.Followers = append(out.Followers, g)
		}
	}
	c.set("Cache-Control", "no-store")
	return writeJSON(c, http.StatusOK, out)
}

func (a *API) ready(c *call) error {
	if a.config.Mux.IsStopping() {
		return problem.New(problem.Unavailable, "shutting-down")
	}
	ctx, cancel := context.WithTimeout(c.ctx(), 5*time.Second)
	defer cancel()
	if a.config.Ready != nil {
		if err := a.config.Ready(ctx); err != nil {
			return problem.Wrap(err, problem.Unavailable, "busy")
		}
	}
	if _, err := a.repo.Head(ctx); err != nil {
		return problem.Wrap(err, problem.Unavailable, "busy")
	}
	c.set("Cache-Control", "no-store")
	c.set("Content-Type", "text/plain; charset=utf-8")
	_, err := c.w.Write([]byte("ok\n"))
	return err
}

func (a *API) metrics(c *call) error {
	if !c.who().Admin && !(c.r.Credential == web.NoCredential && a.config.Mux.Loopback(c.r.Request)) {
		return problem.New(problem.Denied, "denied", "action", "read", "dataset", "metrics")
	}
	if a.config.Metrics == nil {
		return problem.New(problem.NotFound, "route-unknown")
	}
	c.set("Cache-Control", "no-store")
	promhttp.HandlerFor(a.config.Metrics, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(c.w, c.r.Request)
	return nil
}

// problem explains a code: the address in a problem document's type.
func (a *API) problem(c *call) error {
	code := c.path("code")
	if !slices.Contains(problem.Codes(), code) {
		return problem.New(problem.NotFound, "not-found", "what", clip(code))
	}
	texts := map[string]string{"vi": problem.Text("vi", code, nil), "en": problem.Text("en", code, nil)}
	media, ok := web.Prefer(strings.Join(c.r.Header.Values("Accept"), ","), mediaJSON, mediaHTML)
	if !ok {
		return notAcceptable(mediaJSON, mediaHTML)
	}
	if media == mediaJSON {
		return writeJSON(c, http.StatusOK, map[string]any{"code": code, "text": texts})
	}
	return a.page(c, problemPage, map[string]any{"Code": code, "Texts": texts})
}

// page renders one of the pages below.
func (a *API) page(c *call, t *template.Template, data map[string]any) error {
	data["Lang"], data["Stylesheet"] = c.r.Lang, a.config.Stylesheet
	other := words{"en", "vi"}.in(c.r.Lang)
	data["Other"] = other
	data["OtherName"] = words{"English", "Tiếng Việt"}.in(c.r.Lang)
	c.set("Content-Type", "text/html; charset=utf-8")
	return t.Execute(c.w, data)
}
