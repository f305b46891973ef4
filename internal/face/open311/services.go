package open311

import (
	"context"
	"net/http"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// phrase is text in both languages.
type phrase struct{ vi, en string }

func (p phrase) in(lang string) string {
	if lang == "en" {
		return p.en
	}
	return p.vi
}

var (
	contactText = phrase{"Trung tâm điều hành đô thị thông minh của thành phố; hướng dẫn cho lập trình viên:", "The city's smart operations centre; guide for programmers:"}
	keyText     = phrase{"api_key là mã truy cập dành cho máy của nền tảng, do người quản trị cấp. Đề nghị cấp tại:", "An api_key is the platform's token for machines, issued by an administrator. Ask for one at:"}
)

// discovery answers the service discovery document (wiki.open311.org/Service_Discovery).
// Its changeset is when the city's definitions last changed.
func (f *Face) discovery(c *call) error {
	c.only()
	if err := c.faults(); err != nil {
		return err
	}
	if same, err := f.fresh(c); err != nil || same {
		return err
	}
	changed, err := f.changed(c.ctx())
	if err != nil {
		return err
	}
	at := moment("changeset", changed, f.Repo.Zone())
	docs := c.origin() + "/api/v1/docs"
	return c.answer(http.StatusOK, record("discovery",
		at, some("contact", contactText.in(c.lang)+" "+docs), some("key_service", keyText.in(c.lang)+" "+docs),
		array("endpoints", record("endpoint",
			some("specification", Specification), some("url", c.origin()+Root), at, some("type", "production"),
			array("formats", some("format", "text/xml"), some("format", "application/json"))))))
}

// changed is when a definition of the city last changed; of a city without any,
// the beginning of time.
func (f *Face) changed(ctx context.Context) (time.Time, error) {
	at := time.Unix(0, 0)
	seq := f.Repo.DefinitionsVersion()
	if seq <= 0 {
		return at, nil
	}
	err := f.Repo.Log(ctx, repo.Internal(), repo.LogQuery{After: seq - 1, Limit: 1}, func(e *commit.Entry) error {
		at = time.UnixMicro(e.At)
		return nil
	})
	return at, err
}

func (f *Face) services(c *call) error {
	c.only()
	if err := c.faults(); err != nil {
		return err
	}
	if same, err := f.fresh(c); err != nil || same {
		return err
	}
	all, err := f.Desk.Services(c.ctx(), c.lang)
	if err != nil {
		return err
	}
	var items []node
	for _, s := range all {
		if !s.Active {
			continue
		}
		items = append(items, record("service",
			some("service_code", s.Code), some("service_name", s.Name), some("description", s.Description),
			truth("metadata", len(s.Questions) > 0), some("type", "realtime"),
			some("keywords", strings.Join(s.Keywords, ", ")), some("group", s.Group)))
	}
	return c.answer(http.StatusOK, array("services", items...))
}

// service finds a service; one that is no longer offered is found where old
// reports are asked for.
func (f *Face) service(c *call, code string, active bool) (*Service, error) {
	all, err := f.Desk.Services(c.ctx(), c.lang)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Code == code && (all[i].Active || !active) {
			return &all[i], nil
		}
	}
	return nil, problem.New(problem.NotFound, "georeport-service")
}

func (f *Face) definition(c *call) error {
	c.only()
	if err := c.faults(); err != nil {
		return err
	}
	s, err := f.service(c, c.name, true)
	if err != nil {
		return err
	}
	if same, err := f.fresh(c); err != nil || same {
		return err
	}
	var items []node
	for i, q := range s.Questions {
		var values []node
		for _, v := range q.Values {
			values = append(values, record("value", some("key", v.Key), some("name", v.Name)))
		}
		a := record("attribute",
			truth("variable", q.Variable), some("code", q.Code), some("datatype", q.Datatype), truth("required", q.Required && q.Variable),
			some("datatype_description", q.Hint), whole("order", int64(i+1)), some("description", q.Description))
		if len(values) > 0 {
			a.parts = append(a.parts, array("values", values...))
		}
		items = append(items, a)
	}
	return c.answer(http.StatusOK, record("service_definition", some("service_code", s.Code), array("attributes", items...)))
}
