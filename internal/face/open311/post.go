package open311

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"huong.city/huong/internal/core/problem"
)

// Bounds of what is sent. That of the description is the standard's.
const (
	mostDescription = 4000
	mostAddress     = 300
	mostName        = 59 // of a first or last name
	mostLink        = 2000
	formMemory      = 4 << 20 // of a form with files; the rest waits on disk
	formBytes       = 1 << 20 // of a form without
)

// post takes a request (GeoReport, POST Service Request). The same key, in the
// header Idempotency-Key or the parameter key, gives the same answer again.
func (f *Face) post(c *call) error {
	files, err := c.form()
	if c.r.MultipartForm != nil {
		defer c.r.MultipartForm.RemoveAll()
	}
	if err != nil {
		return err
	}
	if err := f.common(c); err != nil {
		return err
	}
	switch {
	case !c.keyed:
		return problem.New(problem.Denied, "georeport-key-missing")
	case !f.Repo.MayWrite(c.who, Dataset):
		return problem.New(problem.Denied, "georeport-denied")
	}
	s, err := f.submission(c)
	if err != nil {
		return err
	}
	s.Media = files
	got, err := f.Desk.Submit(c.ctx(), c.who, s)
	if err != nil {
		return err
	}
	if got.Notice == "" {
		service, err := f.service(c, s.Service, false)
		if err != nil {
			return err
		}
		got.Notice = service.Notice
	}
	answer := record("request", some("service_request_id", got.ID), some("service_notice", got.Notice), node{name: "account_id"})
	if c.flag("extensions") {
		answer.parts = append(answer.parts, some("token", f.tokenOf(got.ID)))
	}
	status := http.StatusCreated
	if got.Repeated {
		status = http.StatusOK
	}
	return c.answer(status, array("service_requests", answer))
}

// form reads the body into the parameters, and the files of a form with media.
func (c *call) form() ([]File, error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || charset != "" && charset != "utf-8" {
		return nil, problem.New(problem.Invalid, "georeport-content-type")
	}
	var sent url.Values
	var files []File
	switch kind {
	case "application/x-www-form-urlencoded":
		body, err := io.ReadAll(io.LimitReader(c.r.Body, formBytes+1))
		if err != nil {
			return nil, err
		}
		if len(body) > formBytes {
			return nil, problem.New(problem.TooLarge, "too-large", "limit", "1 MiB")
		}
		if sent, err = url.ParseQuery(string(body)); err != nil {
			return nil, problem.Wrap(err, problem.Invalid, "parameter-encoding")
		}
	case "multipart/form-data":
		if err := c.r.ParseMultipartForm(formMemory); err != nil {
			if tooLarge(err) {
				return nil, err
			}
			return nil, problem.Wrap(err, problem.Invalid, "body-invalid")
		}
		sent = c.r.MultipartForm.Value
		if files, err = c.attached(); err != nil {
			return nil, err
		}
	default:
		return nil, problem.New(problem.Invalid, "georeport-content-type")
	}
	for name, values := range sent {
		c.q[name] = append(slices.Clone(values), c.q[name]...)
	}
	return files, nil
}

// attached lists the files of a form, by the names that clients use for them.
func (c *call) attached() (files []File, err error) {
	for name, headers := range c.r.MultipartForm.File {
		if name != "media" && name != "media[]" {
			c.vs = append(c.vs, problem.Violate("parameter-unknown", "", "name", shown(name)))
			continue
		}
		for _, h := range headers {
			if h.Size > mediaBytes {
				c.vs = append(c.vs, problem.Violate("georeport-media-large", "media", "limit", mediaBytes>>20))
			}
			files = append(files, File{Name: cut(plain(h.Filename), 200), Size: h.Size, Open: func() (io.ReadCloser, error) { return opened(h) }})
		}
	}
	if len(files) > mostMedia {
		c.vs = append(c.vs, problem.Violate("georeport-media-count", "media", "limit", mostMedia))
	}
	return files, c.faults()
}

func opened(h *multipart.FileHeader) (io.ReadCloser, error) { return h.Open() }

// submission reads the parameters of a request, all faults at once.
func (f *Face) submission(c *call) (Submission, error) {
	c.onlySent()
	s := Submission{
		Service: c.scalar("service_code"), Title: c.limited("title", 200), Description: c.limited("description", mostDescription),
		Address: c.limited("address_string", mostAddress), Email: c.limited("email", 200), Phone: c.limited("phone", 30),
		Device: c.limited("device_id", 200), Account: c.limited("account_id", 200), MediaURL: c.limited("media_url", mostLink), Lang: c.lang,
	}
	s.Name = strings.TrimSpace(c.limited("last_name", mostName) + " " + c.limited("first_name", mostName)) // as Vietnamese names are written
	c.flag("extensions")
	var err error
	if s.Key, err = f.key(c); err != nil {
		return s, err
	}
	c.place(&s)
	c.contact(&s)
	if s.Service == "" {
		c.vs = append(c.vs, problem.Violate("parameter-required", "service_code"))
		return s, c.faults()
	}
	service, err := f.service(c, s.Service, true)
	if err != nil {
		return s, err
	}
	s.Answers = c.answers(service)
	return s, c.faults()
}

var sent = []string{"service_code", "lat", "long", "address_string", "address_id", "email", "device_id", "account_id", "first_name", "last_name",
	"phone", "description", "media_url", "title", "key", "extensions"}

// onlySent is only, for a form, whose attributes are named by the service.
func (c *call) onlySent() {
	names := slices.Clone(sent)
	for name := range c.q {
		if _, ok := attributeOf(name); ok {
			names = append(names, name)
		}
	}
	c.only(names...)
}

// attributeOf reads attribute[code] or attribute[code][].
func attributeOf(name string) (code string, ok bool) {
	code, ok = strings.CutPrefix(name, "attribute[")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(strings.TrimSuffix(code, "[]"), "]")
}

// key is what makes a repeat safe, sealed with the sender's name: one sender's
// keys are not another's, and what was made up by hand becomes hard to guess. One
// is made up for a sender who has none.
func (f *Face) key(c *call) (string, error) {
	key := c.scalar("key")
	if h := c.r.Header.Get("Idempotency-Key"); h != "" {
		if key != "" && key != h {
			c.vs = append(c.vs, problem.Violate("parameter-repeated", "key"))
		}
		key = h
	}
	if len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		c.vs = append(c.vs, problem.Violate("idempotency-key", "key"))
	}
	mac := hmac.New(sha256.New, f.Secret)
	mac.Write([]byte("georeport-key\x00" + c.who.Name + "\x00" + key))
	if key == "" {
		if _, err := io.CopyN(mac, f.Random, 32); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(mac.Sum(nil)), nil
}

func (c *call) place(s *Submission) {
	degrees := func(name string, most float64) *float64 {
		text := c.scalar(name)
		if text == "" {
			return nil
		}
		d, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(d) || math.Abs(d) > most || strings.ContainsAny(text, "xXpP_") {
			c.vs = append(c.vs, problem.Violate("georeport-coordinate", name, "min", -most, "max", most))
		}
		return &d
	}
	s.Latitude, s.Longitude = degrees("lat", 90), degrees("long", 180)
	id := c.scalar("address_id")
	switch {
	case (s.Latitude == nil) != (s.Longitude == nil):
		c.vs = append(c.vs, problem.Violate("georeport-pair", ""))
	case s.Latitude != nil || s.Address != "":
	case id != "":
		c.vs = append(c.vs, problem.Violate("georeport-address-id", "address_id"))
	default:
		c.vs = append(c.vs, problem.Violate("georeport-place", ""))
	}
}

func (c *call) contact(s *Submission) {
	if s.Email != "" {
		if a, err := mail.ParseAddress(s.Email); err != nil || a.Address != s.Email {
			c.vs = append(c.vs, problem.Violate("georeport-email", "email"))
		}
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s.Phone)
	if s.Phone != "" && (len(digits) < 6 || len(digits) > 15 || strings.Trim(s.Phone, "0123456789+-.() ") != "") {
		c.vs = append(c.vs, problem.Violate("georeport-phone", "phone"))
	}
	if s.MediaURL != "" {
		u, err := url.Parse(s.MediaURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			c.vs = append(c.vs, problem.Violate("georeport-link", "media_url", "limit", mostLink))
		}
	}
}

// answers reads attribute[code] and checks it by the service's questions.
func (c *call) answers(s *Service) map[string][]string {
	given := map[string][]string{}
	for name, values := range c.q {
		code, ok := attributeOf(name)
		if !ok {
			continue
		}
		for _, v := range values {
			if v = strings.TrimSpace(v); v != "" && !slices.Contains(given[code], v) {
				given[code] = append(given[code], v)
			}
		}
	}
	answers := map[string][]string{}
	for _, q := range s.Questions {
		values := given[q.Code]
		delete(given, q.Code)
		field := "attribute[" + q.Code + "]"
		switch {
		case !q.Variable && len(values) > 0:
			c.vs = append(c.vs, problem.Violate("georeport-attribute", field))
		case q.Variable && q.Required && len(values) == 0:
			c.vs = append(c.vs, problem.Violate("georeport-needed", field))
		case len(values) > 1 && q.Datatype != "multivaluelist":
			c.vs = append(c.vs, problem.Violate("georeport-one", field))
		case len(values) > 0:
			if v := q.fault(values); v != nil {
				v.Field = field
				c.vs = append(c.vs, *v)
			}
			answers[q.Code] = values
		}
	}
	var unknown []string
	for code, values := range given {
		if len(values) > 0 {
			unknown = append(unknown, code)
		}
	}
	slices.Sort(unknown)
	for _, code := range unknown {
		c.vs = append(c.vs, problem.Violate("georeport-attribute", shown("attribute["+code+"]")))
	}
	return answers
}

// fault is what is wrong with the answers to a question; nil when nothing is.
func (q *Question) fault(values []string) *problem.Violation {
	wrong := func(code string, kv ...any) *problem.Violation {
		v := problem.Violate(code, "", kv...)
		return &v
	}
	for _, v := range values {
		switch {
		case !utf8.ValidString(v):
			return wrong("parameter-encoding")
		case plain(v) != v || q.Datatype != "text" && strings.ContainsAny(v, "\r\n"):
			return wrong("georeport-text")
		case utf8.RuneCountInString(v) > mostDescription:
			return wrong("georeport-long", "limit", mostDescription)
		}
		switch q.Datatype {
		case "number":
			if n, err := strconv.ParseFloat(v, 64); errors.Is(err, strconv.ErrSyntax) || math.IsNaN(n) || math.IsInf(n, 0) {
				return wrong("georeport-number")
			}
		case "datetime":
			if _, ok := parseInstant(v); !ok {
				return wrong("georeport-datetime")
			}
		case "singlevaluelist", "multivaluelist":
			var keys []string
			for _, o := range q.Values {
				keys = append(keys, o.Key)
			}
			if !slices.Contains(keys, v) {
				return wrong("georeport-choice", "allowed", strings.Join(keys, ", "))
			}
		}
	}
	return nil
}
