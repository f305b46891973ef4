package open311

import (
	"math"
	"net/http"
	"strconv"

	"huong.city/huong/internal/core/problem"
)

// finer are the codes in the body of an error that say more than the status;
// all else has the status as its code.
var finer = map[string]int64{
	"georeport-format":       40001,
	"parameter-unknown":      40002,
	"parameter-required":     40003,
	"georeport-place":        40004,
	"georeport-coordinate":   40005,
	"georeport-pair":         40005,
	"georeport-address-id":   40006,
	"georeport-attribute":    40007,
	"georeport-needed":       40008,
	"georeport-choice":       40009,
	"georeport-number":       40009,
	"georeport-one":          40009,
	"georeport-datetime":     40010,
	"georeport-span":         40011,
	"georeport-order":        40011,
	"georeport-long":         40012,
	"georeport-link":         40013,
	"georeport-email":        40014,
	"georeport-phone":        40015,
	"georeport-content-type": 40016,
	"georeport-deep":         40017,
	"georeport-key-missing":  40301,
	"georeport-key-wrong":    40302,
	"georeport-denied":       40303,
	"georeport-jurisdiction": 40401,
	"georeport-service":      40402,
	"georeport-request":      40403,
	"georeport-token":        40404,
	"georeport-call":         40405,
}

// statusOf is the status of an error: 404 for what is not there, 403 for a key
// that is missing, wrong or too weak, 400 for all else that the sender can put
// right. A limit and a fault of ours keep the statuses of HTTP.
func statusOf(k problem.Kind) int {
	switch k {
	case problem.NotFound:
		return http.StatusNotFound
	case problem.Denied, problem.Unauthenticated:
		return http.StatusForbidden
	case problem.RateLimited:
		return http.StatusTooManyRequests
	case problem.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// faults is the error of all faults of parameters found so far.
func (c *call) faults() error {
	vs := c.vs
	c.vs = nil
	return problem.InvalidWith("georeport-refused", vs)
}

// fail answers with the errors of err. A fault of ours is left to the plumbing,
// which logs it and tells a reference only.
func (c *call) fail(err error) error {
	if err == nil {
		return nil
	}
	if c.r.Context().Err() != nil {
		return err
	}
	if tooLarge(err) {
		err = problem.Wrap(err, problem.TooLarge, "too-large", "limit", strconv.Itoa(bodyBytes>>20)+" MiB")
	}
	e := problem.As(err)
	if e.Kind == problem.Internal {
		return err
	}
	status := statusOf(e.Kind)
	h := c.w.Header()
	for _, name := range []string{"ETag", "Link", "Content-Disposition"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", c.lang)
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	}
	return c.answer(status, errorsOf(c.lang, status, e))
}

// mostFaults bounds the errors of one answer.
const mostFaults = 1000

func errorsOf(lang string, status int, e *problem.Error) node {
	one := func(code, description string) node {
		n := int64(status)
		if f, ok := finer[code]; ok && f/100 == n {
			n = f
		}
		return record("error", whole("code", n), some("description", description))
	}
	if len(e.Violations) == 0 {
		return array("errors", one(e.Code, e.In(lang)))
	}
	var items []node
	for _, v := range e.Violations[:min(len(e.Violations), mostFaults)] {
		items = append(items, one(v.Code, v.In(lang)))
	}
	return array("errors", items...)
}
