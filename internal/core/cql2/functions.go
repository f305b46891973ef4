package cql2

import (
	"strings"

	"huong.city/huong/internal/core/value"
)

// Function describes one function that expressions may call beside the
// standard's own operators. Args holds the kinds allowed for each argument; the
// last one may repeat when Variadic. Result Null means the kind of the
// arguments. Without an argument of Float or Int every Null argument gives
// Null; coalesce alone differs.
type Function struct {
	Name     string
	Args     [][]value.Kind
	Variadic bool
	Result   value.Kind
}

// Functions lists them by name. Their exact meaning stands in semantics.go.
func Functions() []Function {
	number := []value.Kind{value.Int, value.Float}
	text := []value.Kind{value.Text}
	day := []value.Kind{value.Date, value.Time}
	any := []value.Kind{value.Bool, value.Int, value.Float, value.Text, value.Date, value.Time}
	every := append(append([]value.Kind(nil), any...), value.Geometry)
	return []Function{
		{Name: "abs", Args: [][]value.Kind{number}, Result: value.Float},
		{Name: "ceil", Args: [][]value.Kind{number}, Result: value.Float},
		{Name: "coalesce", Args: [][]value.Kind{any, any}, Variadic: true},
		{Name: "concat", Args: [][]value.Kind{text}, Variadic: true, Result: value.Text},
		{Name: "day", Args: [][]value.Kind{day}, Result: value.Int},
		{Name: "floor", Args: [][]value.Kind{number}, Result: value.Float},
		{Name: "hour", Args: [][]value.Kind{{value.Time}}, Result: value.Int},
		{Name: "length", Args: [][]value.Kind{text}, Result: value.Int},
		{Name: "lower", Args: [][]value.Kind{text}, Result: value.Text},
		{Name: "month", Args: [][]value.Kind{day}, Result: value.Int},
		{Name: "previous", Args: [][]value.Kind{every}},
		{Name: "round", Args: [][]value.Kind{number}, Result: value.Float},
		{Name: "upper", Args: [][]value.Kind{text}, Result: value.Text},
		{Name: "year", Args: [][]value.Kind{day}, Result: value.Int},
	}
}

// lookup finds a function by its lower-case name.
func lookup(name string) (Function, bool) {
	for _, f := range Functions() {
		if f.Name == name {
			return f, true
		}
	}
	return Function{}, false
}

// operators lists the standard's own names that are written like functions.
func operators() []string {
	return []string{
		"casei", "accenti",
		"s_intersects", "s_equals", "s_disjoint", "s_touches", "s_within", "s_overlaps", "s_crosses", "s_contains",
		"t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedBy", "t_finishes",
		"t_intersects", "t_meets", "t_metBy", "t_overlappedBy", "t_overlaps", "t_startedBy", "t_starts",
		"a_equals", "a_contains", "a_containedBy", "a_overlaps",
	}
}

// canonical gives a name the spelling that trees use: the standard's camel case
// for its operators, lower case for everything else.
func canonical(name string) string {
	switch l := strings.ToLower(name); l {
	case "isnull":
		return "isNull"
	case "t_finishedby":
		return "t_finishedBy"
	case "t_metby":
		return "t_metBy"
	case "t_overlappedby":
		return "t_overlappedBy"
	case "t_startedby":
		return "t_startedBy"
	case "a_containedby":
		return "a_containedBy"
	default:
		return l
	}
}
