// # Semantics
//
// What expressions mean. There are three evaluators: Eval here, and the two
// drivers, which compile to SQL. They must agree on every bound tree and every
// row, so what follows is exact; where a database differs by itself the driver
// bends it to this.
//
// # Unknown
//
// Null is unknown. Logic is SQL's: not unknown is unknown; and is false when any
// operand is false, else unknown when any is unknown, else true; or likewise
// with true. Every other operator and function gives unknown when an operand is
// unknown, save isNull, coalesce and what follows from "and" and "or" (between,
// in). A filter selects the rows for which it is true; not unknown rows are
// neither selected by a filter nor by its negation. A Bool column or literal
// is a predicate by itself.
//
// # Comparison: = <> < > <= >= between in
//
// Int and Float compare by exact value, without rounding the Int to a float
// (value.Compare): 9007199254740993 > 9007199254740992.0. Text compares by
// bytes of UTF-8, which is code-point order (collation "C"). false < true. Date
// with Date by day, Time with Time by microsecond; a Date with a Time as the
// instant 00:00:00Z of the day. Bind refuses every other pair.
//
//	a between b and c  is  a >= b and a <= c
//	a in (x, y, …)     is  a = x or a = y or …
//
// # Arithmetic: + - * / % div ^
//
// Both operands are converted to IEEE 754 binary64 first (Int rounds to nearest
// even) and the result is a Float, also for two Ints. No operation raises an
// error: division, % and div by zero are unknown, and so is every result that is
// infinite or NaN. A result that underflows is what binary64 gives. Negative
// zero is zero.
//
//	x / y    the binary64 quotient
//	x div y  trunc(x / y), trunc towards zero
//	x % y    x - y * trunc(x / y), each step rounded by itself (no fused multiply-add)
//	x ^ y    pow of IEEE 754-2019 9.2: a negative base with a fractional exponent
//	         is unknown, 0^0 is 1, 0 to a negative power is unknown. Evaluators may
//	         differ in the last binary digit unless base and result are integers
//	         below 2^53.
//
// In text, a sign before a number belongs to it (-2^2 is 4); before anything
// else minus is -1 * operand. ^ binds to the right, everything else to the left.
//
// # Text
//
// s like p matches all of s. In p, % is any text, also none, _ is one code point,
// \ takes the following character as itself. Matching is by code point and
// case-sensitive. p is a literal of at most MaxPattern bytes that does not end
// in a lone backslash.
//
//	casei(s)     value.FoldCase          accenti(s)  value.FoldAccents
//	lower(s)     value.FoldCase          upper(s)    value.UpperCase
//	length(s)    number of code points (Int)
//	concat(s…)   the texts joined; unknown when any is
//
// A text literal has no escape but the doubled quote.
//
// # Other functions
//
//	abs, floor, ceil (x)  of x as binary64, Float
//	round(x)              to the nearest integer, halves away from zero, Float:
//	                      t = trunc(x); |x - t| < 0.5 ? t : t + sign(x)
//	year, month, day (d)  of a Date, or of a Time in UTC (Int)
//	hour(t)               of a Time in UTC (Int)
//	coalesce(a, b, …)     the first that is known; where Int and Float are mixed
//	                      the result is a Float
//	previous(column)      the column of the preceding record of the subject;
//	                      unknown when there is none. Only in memory: see UsesPrevious.
//
// # Time relations: t_*
//
// Each operand is a closed stretch [start, end] of whole microseconds UTC:
//
//	a Time t                      [t, t]
//	a Date d                      [d 00:00:00.000000Z, d 23:59:59.999999Z]
//	INTERVAL(a, b)                [start of a, end of b]; an open bound ('..') is
//	                              -2^62 or 2^62, beyond every instant
//
// An operand is unknown when it, or a bound that is not open, is unknown. With
// the stretches [s1, e1] and [s2, e2], both taken as they are even if a column
// makes an interval run backwards:
//
//	t_after         s1 > e2
//	t_before        e1 < s2
//	t_disjoint      s1 > e2 or e1 < s2
//	t_intersects    not t_disjoint
//	t_equals        s1 = s2 and e1 = e2
//	t_contains      s1 < s2 and e1 > e2
//	t_during        s1 > s2 and e1 < e2
//	t_starts        s1 = s2 and e1 < e2
//	t_startedBy     s1 = s2 and e1 > e2
//	t_finishes      e1 = e2 and s1 > s2
//	t_finishedBy    e1 = e2 and s1 < s2
//	t_meets         e1 = s2 or e1 = s2 - 1
//	t_metBy         s1 = e2 or s1 - 1 = e2
//	t_overlaps      s1 < s2 and e1 > s2 and e1 < e2
//	t_overlappedBy  s1 > s2 and s1 < e2 and e1 > e2
//
// These are the relations of OWL-Time that table 8 and 9 of the standard name.
// The one microsecond of t_meets makes a month that ends on a day meet the month
// that begins on the next. The standard leaves relations of intervals undefined
// for instants; here an instant is a stretch like any other.
//
// # Place relations: s_*
//
// Package geom's functions of the same names, in WGS 84 degrees as in a plane. A
// malformed or invalid geometry gives false, not unknown. A BBOX is its polygon
// (Lit.Value); Lit.BBox holds its edges for a first selection by index.
//
// # Arrays: a_*
//
// An operand is an array literal or a column that holds a JSON array. Either is
// the set of its items that are texts, numbers or booleans; other items do not
// count. Two items are equal when both are texts of equal bytes, numbers equal
// as binary64, or equal booleans. Text that is no JSON array is unknown.
//
//	a_equals       the sets are equal
//	a_contains     every item of the second is in the first
//	a_containedBy  every item of the first is in the second
//	a_overlaps     they share an item
//
// # Size
//
// "and" and "or" may have thousands of operands on one level, and IN up to
// MaxItems: a driver whose database bounds the depth of an expression nests them
// as a balanced tree.
package cql2
