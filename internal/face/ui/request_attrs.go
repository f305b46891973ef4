package ui

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/value"
)

func tabAt(here bool) templ.Attributes {
	if here {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

// categoryWords are what a category is found by, in both languages and without marks.
func categoryWords(c *catalogue.Category) string {
	return value.Fold(strings.Join(append([]string{c.Title.In("vi"), c.Title.In("en"), c.Description.In("vi"), c.Description.In("en")}, c.Keywords...), " "))
}

func listInput(q *catalogue.Question) string {
	if q.Datatype == catalogue.MultiList {
		return "checkbox"
	}
	return "radio"
}

func answerInput(q *catalogue.Question) string {
	switch q.Datatype {
	case catalogue.Number:
		return "number"
	case catalogue.Datetime:
		return "datetime-local"
	}
	return "text"
}

// mayDo tells whether a reporter may do something now.
func (d *streetOne) mayDo(do string) bool {
	for _, m := range d.May {
		if m == do {
			return true
		}
	}
	return false
}

// noteName is the field in which the desk expects the words of a step.
func noteName(do string) string {
	if do == "comment" {
		return "text"
	}
	return "note"
}

// timeOr writes an instant; nothing where there is none.
func timeOr(v *view, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return v.Time(t)
}
