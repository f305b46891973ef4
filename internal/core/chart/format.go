package chart

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// marks of a language: thousands and decimals. Vietnamese writes 1.284 and
// 2,14, English 1,284 and 2.14.
func marks(lang string) (group, decimal string) {
	if lang == "vi" {
		return ".", ","
	}
	return ",", "."
}

// DecimalMark is what stands between whole and part in a language.
func DecimalMark(lang string) string {
	_, mark := marks(lang)
	return mark
}

// Integer writes n with groups of three.
func Integer(lang string, n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "−", s[1:]
	}
	group, _ := marks(lang)
	return sign + grouped(s, group)
}

func grouped(digits, group string) string {
	if len(digits) <= 3 {
		return digits
	}
	var b strings.Builder
	head := len(digits) % 3
	b.WriteString(digits[:head])
	for i := head; i < len(digits); i += 3 {
		if i > 0 {
			b.WriteString(group)
		}
		b.WriteString(digits[i : i+3])
	}
	return b.String()
}

// Decimal writes f with at most most decimals; most < 0 writes every digit that
// the number has. What is no number is a dash.
func Decimal(lang string, f float64, most int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	if a := math.Abs(f); a >= 1e15 || a > 0 && a < 1e-9 {
		return strings.Replace(strconv.FormatFloat(f, 'g', 6, 64), ".", DecimalMark(lang), 1)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if _, part, ok := strings.Cut(s, "."); ok && most >= 0 && len(part) > most {
		if s = strconv.FormatFloat(f, 'f', most, 64); most > 0 {
			s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
		}
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	group, mark := marks(lang)
	whole, part, ok := strings.Cut(s, ".")
	if strings.Trim(s, "0.") == "" {
		sign = ""
	}
	s = sign + grouped(whole, group)
	if ok {
		s += mark + part
	}
	return s
}

// Figure writes a measured number as precisely as a decision needs: three
// digits that say something, whole numbers whole.
func Figure(lang string, f float64) string {
	switch a := math.Abs(f); {
	case a >= 100 || f == math.Trunc(f):
		return Decimal(lang, f, 0)
	case a >= 10:
		return Decimal(lang, f, 1)
	}
	return Decimal(lang, f, 2)
}

// Change writes a difference with its sign.
func Change(lang string, f float64) string {
	s := Figure(lang, f)
	if f > 0 && s != "0" {
		return "+" + s
	}
	return s
}

// moment writes a time as short as the span of the drawing allows.
func (f Frame) moment(t time.Time, span time.Duration) string {
	t = f.in(t)
	switch {
	case span <= 36*time.Hour, span <= 10*24*time.Hour && (t.Hour() > 0 || t.Minute() > 0): // between two days, not the day again
		return t.Format("15:04")
	case span <= 400*24*time.Hour:
		return t.Format("02/01")
	}
	return t.Format("01/2006")
}

// stamp writes a time in full for a table, without the clock for whole days.
func (f Frame) stamp(t time.Time, grain time.Duration) string {
	t = f.in(t)
	if grain >= 24*time.Hour {
		return t.Format("02/01/2006")
	}
	return t.Format("02/01/2006 15:04")
}

// word is one of the few words that drawings write themselves.
func (f Frame) word(vi, en string) string {
	if f.Lang == "vi" {
		return vi
	}
	return en
}
