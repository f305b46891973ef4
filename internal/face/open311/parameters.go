package open311

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/problem"
)

// shared are the parameters that every call takes.
var shared = []string{"jurisdiction_id", "api_key", "locale", "lang"}

// only refuses parameters that the call does not know: one that is passed over
// would answer another question than the one that was asked.
func (c *call) only(names ...string) {
	var unknown []string
	for name := range c.q {
		if !slices.Contains(names, name) && !slices.Contains(shared, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		c.vs = append(c.vs, problem.Violate("parameter-unknown", "", "name", shown(name)))
	}
}

// shown is the name of a parameter as an error may repeat it.
func shown(name string) string {
	name = plain(name)
	if utf8.RuneCountInString(name) > 40 {
		return string([]rune(name)[:40]) + "…"
	}
	return name
}

// scalar is the value of a parameter that has one. An empty one is the same as
// none (GeoReport, "Optional Arguments").
func (c *call) scalar(name string) string {
	var found []string
	for _, v := range c.q[name] {
		if v = strings.TrimSpace(v); v != "" {
			found = append(found, v)
		}
	}
	switch {
	case len(found) == 0:
		return ""
	case len(found) > 1:
		c.vs = append(c.vs, problem.Violate("parameter-repeated", name))
		return ""
	case !utf8.ValidString(found[0]):
		c.vs = append(c.vs, problem.Violate("parameter-encoding", name))
		return ""
	case plain(found[0]) != found[0]:
		c.vs = append(c.vs, problem.Violate("georeport-text", name))
		return ""
	}
	return found[0]
}

// limited is scalar of at most so many characters.
func (c *call) limited(name string, most int) string {
	s := c.scalar(name)
	if utf8.RuneCountInString(s) > most {
		c.vs = append(c.vs, problem.Violate("georeport-long", name, "limit", most))
		return ""
	}
	return s
}

// mostItems bounds a list in a parameter.
const mostItems = 1000

// items is the value of a parameter that holds a list parted by commas; it may
// come more than once too.
func (c *call) items(name string) []string {
	var list []string
	for _, v := range c.q[name] {
		if !utf8.ValidString(v) {
			c.vs = append(c.vs, problem.Violate("parameter-encoding", name))
			return nil
		}
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(list, part) {
				list = append(list, part)
			}
			if len(list) > mostItems {
				c.vs = append(c.vs, problem.Violate("parameter-many", name, "limit", mostItems))
				return nil
			}
		}
	}
	return list
}

func (c *call) flag(name string) bool {
	switch c.scalar(name) {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	}
	c.vs = append(c.vs, problem.Violate("parameter-boolean", name))
	return false
}

func (c *call) count(name string, least, most, otherwise int) int {
	s := c.scalar(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		c.vs = append(c.vs, problem.Violate("parameter-integer", name, "min", least, "max", most))
		return otherwise
	}
	return n
}

// instant reads a W3C date-time (www.w3.org/TR/NOTE-datetime); its offset is
// required. The zero time stands for none.
func (c *call) instant(name string) time.Time {
	s := c.scalar(name)
	if s == "" {
		return time.Time{}
	}
	t, ok := parseInstant(s)
	if !ok {
		c.vs = append(c.vs, problem.Violate("georeport-datetime", name))
	}
	return t
}

func parseInstant(s string) (time.Time, bool) {
	// A plus sign that was not percent-encoded arrives as a space.
	s = strings.Replace(s, " ", "+", 1)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(form, s); err == nil && t.Year() >= 1 && t.Year() <= 9998 {
			return t, true
		}
	}
	return time.Time{}, false
}

// span is the longest time that one call covers, and what it covers when it
// names none (GeoReport, GET Service Requests).
const spanDays = 90

// window reads start_date and end_date; both ends count.
func (c *call) window(now time.Time) (from, until time.Time) {
	from, until = c.instant("start_date"), c.instant("end_date")
	const span = spanDays * 24 * time.Hour
	switch {
	case from.IsZero() && until.IsZero():
		until = now
		from = until.Add(-span)
	case from.IsZero():
		from = until.Add(-span)
	case until.IsZero():
		until = from.Add(span)
	case until.Before(from):
		c.vs = append(c.vs, problem.Violate("georeport-order", "end_date"))
	case until.Sub(from) > span:
		c.vs = append(c.vs, problem.Violate("georeport-span", "end_date", "limit", spanDays))
	}
	return from, until
}

// moment writes a time as W3C date-time in the city's zone.
func moment(name string, t time.Time, zone *time.Location) node {
	if t.IsZero() {
		return node{name: name}
	}
	return some(name, t.In(zone).Format("2006-01-02T15:04:05-07:00"))
}

func tooLarge(err error) bool {
	_, large := errors.AsType[*http.MaxBytesError](err)
	return large
}
