package postgres

import (
	"strings"

	"huong.city/huong/internal/core/cql2"
)

func (c *compiler) temporal(e *cql2.Call) string {
	a, ok1 := c.span(e.Args[0])
	b, ok2 := c.span(e.Args[1])
	if !ok1 || !ok2 {
		return nothing
	}
	var sql string
	const tick = "-interval '1 microsecond'"
	switch e.Op {
	case "t_after":
		sql = a.start() + ">" + b.end()
	case "t_before":
		sql = a.end() + "<" + b.start()
	case "t_disjoint":
		sql = a.start() + ">" + b.end() + " OR " + a.end() + "<" + b.start()
	case "t_intersects":
		sql = a.start() + "<=" + b.end() + " AND " + a.end() + ">=" + b.start()
	case "t_equals":
		sql = a.start() + "=" + b.start() + " AND " + a.end() + "=" + b.end()
	case "t_contains":
		sql = a.start() + "<" + b.start() + " AND " + a.end() + ">" + b.end()
	case "t_during":
		sql = a.start() + ">" + b.start() + " AND " + a.end() + "<" + b.end()
	case "t_starts":
		sql = a.start() + "=" + b.start() + " AND " + a.end() + "<" + b.end()
	case "t_startedBy":
		sql = a.start() + "=" + b.start() + " AND " + a.end() + ">" + b.end()
	case "t_finishes":
		sql = a.end() + "=" + b.end() + " AND " + a.start() + ">" + b.start()
	case "t_finishedBy":
		sql = a.end() + "=" + b.end() + " AND " + a.start() + "<" + b.start()
	case "t_meets":
		sql = a.end() + "=" + b.start() + " OR " + a.end() + "=" + b.start() + tick
	case "t_metBy":
		sql = a.start() + "=" + b.end() + " OR " + a.start() + tick + "=" + b.end()
	case "t_overlaps":
		sql = a.start() + "<" + b.start() + " AND " + a.end() + ">" + b.start() + " AND " + a.end() + "<" + b.end()
	case "t_overlappedBy":
		sql = a.start() + ">" + b.start() + " AND " + a.start() + "<" + b.end() + " AND " + a.end() + ">" + b.end()
	default:
		return nothing
	}
	if a.loose || b.loose {
		// With one bound unknown the whole is, whatever the other says.
		return "(CASE WHEN num_nulls(" + strings.Join([]string{a.start(), a.end(), b.start(), b.end()}, ",") + ")>0 THEN NULL ELSE " + sql + " END)"
	}
	return "(" + sql + ")"
}
