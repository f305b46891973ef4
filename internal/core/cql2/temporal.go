package cql2

import (
	"huong.city/huong/internal/core/value"
)

// forever stands for an open bound, in microseconds; no instant reaches it.
const forever = 1 << 62

// span is a closed stretch of microseconds.
type span struct{ start, end int64 }

// spanOf gives what a T_ operand covers; ok is false when it is unknown.
func spanOf(e Expr, row, previous []value.Value) (s span, ok bool) {
	iv, isInterval := e.(*Interval)
	if !isInterval {
		return spanOfValue(Eval(e, row, previous))
	}
	s = span{-forever, forever}
	if iv.Start != nil {
		b, ok := spanOfValue(Eval(iv.Start, row, previous))
		if !ok {
			return s, false
		}
		s.start = b.start
	}
	if iv.End != nil {
		b, ok := spanOfValue(Eval(iv.End, row, previous))
		if !ok {
			return s, false
		}
		s.end = b.end
	}
	return s, true
}

func spanOfValue(v value.Value) (span, bool) {
	switch v.Kind() {
	case value.Date:
		m := midnight(v.Days())
		return span{m, m + dayMicros - 1}, true
	case value.Time:
		return span{v.Micros(), v.Micros()}, true
	}
	return span{}, false
}

func temporal(c *Call, row, previous []value.Value) value.Value {
	a, ok1 := spanOf(c.Args[0], row, previous)
	b, ok2 := spanOf(c.Args[1], row, previous)
	if !ok1 || !ok2 {
		return value.Value{}
	}
	answer := false
	switch c.Op {
	case "t_after":
		answer = a.start > b.end
	case "t_before":
		answer = a.end < b.start
	case "t_disjoint":
		answer = a.start > b.end || a.end < b.start
	case "t_intersects":
		answer = !(a.start > b.end || a.end < b.start)
	case "t_equals":
		answer = a == b
	case "t_contains":
		answer = a.start < b.start && a.end > b.end
	case "t_during":
		answer = a.start > b.start && a.end < b.end
	case "t_starts":
		answer = a.start == b.start && a.end < b.end
	case "t_startedBy":
		answer = a.start == b.start && a.end > b.end
	case "t_finishes":
		answer = a.end == b.end && a.start > b.start
	case "t_finishedBy":
		answer = a.end == b.end && a.start < b.start
	case "t_meets":
		answer = a.end == b.start || a.end == b.start-1
	case "t_metBy":
		answer = a.start == b.end || a.start-1 == b.end
	case "t_overlaps":
		answer = a.start < b.start && a.end > b.start && a.end < b.end
	case "t_overlappedBy":
		answer = a.start > b.start && a.start < b.end && a.end > b.end
	default:
		return value.Value{}
	}
	return value.OfBool(answer)
}
