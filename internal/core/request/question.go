package request

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/problem"
)

// Datatypes of questions, by the words of Open311 GeoReport v2 (GET Service
// Definition, attribute datatype).
const (
	String     = "string" // one line
	Number     = "number"
	Datetime   = "datetime"
	Text       = "text"
	SingleList = "singlevaluelist"
	MultiList  = "multivaluelist" // codes with commas between
)

func datatypes() []string { return []string{String, Number, Datetime, Text, SingleList, MultiList} }

// Bounds of answers, in characters.
const (
	mostString = 200
	mostText   = 4000
)

// Question is something more that a category asks.
type Question struct {
	Code     string
	Datatype string
	Required bool
	Title    Words
	Hint     Words
	Values   []Choice // of the lists
	place    place
}

// Choice is a value of a list. One with a Stop ends the form: who chooses it is
// told what to do instead, and nothing is sent.
type Choice struct {
	Code  string
	Title Words
	Stop  Words
	place place
}

// Faults tells what is wrong with the answers to the category's questions, one
// violation each in the order of the questions, field answers.CODE: an answer
// that is missing, of no question, not of its type, not on the list, or one with
// which the form ends. Answers are not echoed.
func (c *Category) Faults(answers map[string]string) (list []problem.Violation) {
	known := map[string]bool{}
	for i := range c.Questions {
		q := &c.Questions[i]
		known[q.Code] = true
		answer := strings.TrimSpace(answers[q.Code])
		field := "answers." + q.Code
		switch {
		case answer == "" && q.Required:
			list = append(list, problem.Violate("request-answer-missing", field, "question", q.Title.In("vi"), "questionEn", q.Title.In("en")))
		case answer == "":
		case !q.fits(answer):
			list = append(list, problem.Violate("request-answer-form", field, "datatype", q.Datatype, "allowed", q.allowed()))
		default:
			if s, ok := q.stop(answer); ok {
				list = append(list, problem.Violate("request-answer-stop", field, "stop", s.In("vi"), "stopEn", s.In("en")))
			}
		}
	}
	more := 0
	for code := range answers {
		if !known[code] {
			more++
		}
	}
	if more > 0 {
		list = append(list, problem.Violate("request-answer-unknown", "answers", "count", more))
	}
	return list
}

// Stop is what somebody is told whose answer ends the form.
func (c *Category) Stop(answers map[string]string) (Words, bool) {
	for i := range c.Questions {
		if s, ok := c.Questions[i].stop(strings.TrimSpace(answers[c.Questions[i].Code])); ok {
			return s, true
		}
	}
	return nil, false
}

func (q *Question) stop(answer string) (Words, bool) {
	for _, code := range q.split(answer) {
		for _, v := range q.Values {
			if v.Code == code && v.Stop != nil {
				return v.Stop, true
			}
		}
	}
	return nil, false
}

func (q *Question) split(answer string) []string {
	if q.Datatype == MultiList {
		return strings.Split(answer, ",")
	}
	return []string{answer}
}

func (q *Question) fits(answer string) bool {
	switch q.Datatype {
	case Number:
		_, err := strconv.ParseFloat(answer, 64)
		return err == nil && len(answer) <= 40 && !strings.ContainsAny(answer, "xXpPiInN_")
	case Datetime:
		_, err := time.Parse(time.RFC3339, answer)
		return err == nil
	case SingleList, MultiList:
		codes := q.split(answer)
		return !slices.ContainsFunc(codes, func(code string) bool {
			return !slices.ContainsFunc(q.Values, func(v Choice) bool { return v.Code == code })
		})
	case String:
		return utf8.RuneCountInString(answer) <= mostString && !strings.ContainsAny(answer, "\n\r")
	}
	return utf8.RuneCountInString(answer) <= mostText
}

// allowed names the values of a list, for a message.
func (q *Question) allowed() string {
	codes := make([]string, len(q.Values))
	for i, v := range q.Values {
		codes[i] = v.Code
	}
	return strings.Join(codes, ", ")
}
