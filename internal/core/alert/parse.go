package alert

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
)

// Limits of a file.
const (
	mostRules = 200
	mostSteps = 4
)

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	spanForm    = regexp.MustCompile(`^([0-9]{1,6}) ?(s|min|h|d|w)$`)
	addressForm = regexp.MustCompile(`^(account:[^\s{}]+|agency:([a-z0-9-]+|\{owner\})(/[a-z]+)?|role:[a-z]+@([A-Za-z0-9-]+|\{area\}))$`)
	levelField  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$`)
)

// reader is a file that is being read.
type reader struct {
	*declare.Document
	lines []string
}

// Parse reads a file of rules. The error is Invalid, code alert-invalid, with
// every fault at its line and column.
func Parse(file string, text []byte) (*File, error) {
	f, doc := parse(file, text)
	return f, doc.Err("alert-invalid")
}

func parse(file string, text []byte) (*File, *reader) {
	t := &reader{declare.ReadYAML(file, text), strings.Split(string(text), "\n")}
	f := &File{}
	if t.Root == nil {
		return f, t
	}
	m := t.Map(t.Root, "")
	m.Need("title", "alerts")
	f.Title, f.Owner = m.Titles("title"), m.Text("owner")
	routes := map[Severity][]Step{}
	m.EachPair("routes", func(p declare.Pair, path string) {
		s := SeverityOf(p.Key)
		if s == None {
			t.Unknown("declaration-word", path, p.Key, severities(), p.Line, p.Col)
			return
		}
		routes[s] = t.route(p.Val, path)
	})
	f.Causes = map[string]declare.Words{}
	m.EachPair("causes", func(p declare.Pair, path string) {
		o := t.Map(&declare.Node{Shape: declare.MapNode, Line: p.Line, Col: p.Col, Pairs: []declare.Pair{p}}, path)
		f.Causes[p.Key] = o.Titles(p.Key)
	})
	seen := map[string]bool{}
	m.List("alerts", func(n *declare.Node, path string) {
		r := t.rule(n, path, f.Owner, routes)
		switch {
		case len(f.Rules) == mostRules:
			t.Fault(n, path, "alert-too-many", "limit", mostRules)
			return
		case r.Name != "" && seen[r.Name]:
			t.Fault(n.Get("name"), path+".name", "alert-name-twice", "name", r.Name)
		}
		seen[r.Name] = true
		f.Rules = append(f.Rules, r)
	})
	m.Done()
	for i, r := range f.Rules {
		end := len(t.lines) + 1
		if i+1 < len(f.Rules) {
			end = f.Rules[i+1].Line
		}
		r.Text = t.excerpt(r.Line, end)
	}
	return f, t
}

func severities() []string { return []string{"high", "medium", "low"} }

// excerpt is the text of lines from up to, not with, until.
func (t *reader) excerpt(from, until int) string {
	if from < 1 || from > len(t.lines) || until <= from {
		return ""
	}
	return strings.TrimRight(strings.Join(t.lines[from-1:min(until-1, len(t.lines))], "\n"), " \n")
}

// forKind tells which keys a kind of rule has beside those that all have.
func forKind(k Kind) []string {
	switch k {
	case OnRecord:
		return []string{"dataset", "subject", "filter"}
	case Threshold:
		return []string{"dataset", "subject", "filter", "value", "direction", "window", "measure", "hysteresis", "unit"}
	case Rate:
		return []string{"dataset", "subject", "filter", "value", "direction", "over", "hysteresis", "unit"}
	case Absence:
		return []string{"dataset", "subject", "filter"}
	case Seasonal:
		return []string{"dataset", "subject", "filter", "value", "direction", "measure", "bucket", "weeks", "least", "floor", "hysteresis", "unit"}
	case Indicator:
		return []string{"indicator", "each", "every", "direction", "hysteresis", "unit"}
	}
	return nil
}

func (t *reader) rule(n *declare.Node, path, owner string, routes map[Severity][]Step) *Rule {
	m := t.Map(n, path)
	r := &Rule{Line: n.Line}
	m.Need("name", "kind", "title", "advice", "levels")
	r.Name = m.Matching("name", nameForm, "alert-name")
	r.Kind = Kind(m.Word("kind", "record", "threshold", "rate", "absence", "seasonal", "indicator"))
	r.Title, r.Advice = m.Titles("title"), m.Titles("advice")
	r.Cause = m.Matching("cause", nameForm, "alert-name")
	if r.Cause == "" {
		r.Cause = r.Name
	}
	if r.Place = Place(m.Word("place", "area", "city", "subject")); r.Place == "" {
		r.Place = ByArea
	}
	if r.Owner = m.Text("owner"); r.Owner == "" {
		r.Owner = owner
	}
	r.For, r.ClearFor = t.span(m, "for"), t.span(m, "clearFor")
	if c := m.Count("suppressFrom", 2, 5); c != nil {
		r.SuppressFrom = *c
	}
	r.Incident = m.Matching("incident", nameForm, "alert-name")

	r.Dataset, r.Subject, r.Filter = m.Text("dataset"), m.Texts("subject"), m.Text("filter")
	r.Value, r.Unit = m.Literal("value"), m.Text("unit")
	r.Below = m.Word("direction", "above", "below") == "below"
	r.Window, r.Over = t.span(m, "window"), t.span(m, "over")
	r.Measure = m.Word("measure", "sum", "mean", "max", "min", "count")
	r.Bucket = m.Word("bucket", "hour", "day", "week")
	r.Indicator = m.Text("indicator")
	r.ByWard = m.Word("each", "ward", "city") == "ward"
	r.Every = t.span(m, "every")
	number := func(key string, into *float64) {
		if f := m.Float(key); f != nil {
			*into = *f
			if *f < 0 {
				t.Fault(n.Get(key), path+"."+key, "alert-negative")
			}
		}
	}
	number("hysteresis", &r.Hysteresis)
	number("floor", &r.Floor)
	r.Weeks, r.Least = 8, 4
	if c := m.Count("weeks", 2, 26); c != nil {
		r.Weeks = *c
	}
	if c := m.Count("least", 2, 26); c != nil {
		r.Least = *c
	}
	allowed := forKind(r.Kind)
	if r.Kind != "" && n.Holds(declare.MapNode) {
		for _, p := range n.Pairs {
			if own(p.Key) && !slices.Contains(allowed, p.Key) {
				t.Add(problem.Violate("alert-key-of-kind", path+"."+p.Key, "key", p.Key, "kind", string(r.Kind)), p.Line, p.Col)
			}
		}
	}
	t.complete(m, n, path, r)
	t.levels(m, n, path, r, routes)
	r.filter = t.condition(n, path, "filter", r.Filter, false)
	r.value = t.condition(n, path, "value", r.Value, true)
	m.Done()
	return r
}

// own tells that a key is one that only some kinds have.
func own(key string) bool {
	for _, k := range [...]Kind{OnRecord, Threshold, Rate, Absence, Seasonal, Indicator} {
		if slices.Contains(forKind(k), key) {
			return true
		}
	}
	return false
}

// complete fills what a kind takes when nothing is said, and tells what it needs.
func (t *reader) complete(m *declare.Map, n *declare.Node, path string, r *Rule) {
	switch r.Kind {
	case OnRecord, Absence:
		m.Need("dataset")
	case Threshold:
		m.Need("dataset")
		if r.Measure != "count" {
			m.Need("value")
		}
		if (r.Window > 0) != (r.Measure != "") {
			t.Fault(n, path, "alert-window")
		}
		if r.Window > 31*24*time.Hour {
			t.Fault(n.Get("window"), path+".window", "alert-span", "found", n.Get("window").Found())
		}
	case Rate:
		m.Need("dataset", "value")
		if r.Over == 0 {
			r.Over = time.Hour
		}
	case Seasonal:
		m.Need("dataset", "bucket", "floor")
		if r.Measure == "" {
			r.Measure = "mean"
		}
		if r.Measure == "max" || r.Measure == "min" {
			t.Fault(n.Get("measure"), path+".measure", "declaration-word", "word", r.Measure, "allowed", "mean, sum, count")
		}
		if r.Measure != "count" {
			m.Need("value")
		}
		if r.Least > r.Weeks {
			t.Fault(n, path+".least", "alert-least")
		}
		if r.Floor == 0 && n.Get("floor") != nil {
			t.Fault(n.Get("floor"), path+".floor", "alert-floor")
		}
	case Indicator:
		m.Need("indicator")
		if r.Every == 0 {
			r.Every = 5 * time.Minute
		}
	}
}

// span reads a time: "10 min", "3 h".
func (t *reader) span(m *declare.Map, key string) time.Duration {
	text := m.Literal(key)
	if text == "" {
		return 0
	}
	d, ok := spanOf(text)
	if !ok {
		t.Fault(m.N.Get(key), m.Join(key), "alert-span", "found", declare.Excerpt(text))
	}
	return d
}

func spanOf(text string) (time.Duration, bool) {
	p := spanForm.FindStringSubmatch(text)
	if p == nil {
		return 0, text == "0"
	}
	n, _ := strconv.Atoi(p[1])
	unit := map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[p[2]]
	d := time.Duration(n) * unit
	return d, d <= 366*24*time.Hour
}

func (t *reader) levels(m *declare.Map, n *declare.Node, path string, r *Rule, routes map[Severity][]Step) {
	m.EachPair("levels", func(p declare.Pair, path string) {
		s := SeverityOf(p.Key)
		if s == None {
			t.Unknown("declaration-word", path, p.Key, severities(), p.Line, p.Col)
			return
		}
		l := Level{Severity: s}
		if p.Val.Shape != declare.MapNode { // the short form: the threshold alone
			t.threshold(p.Val, path, r.Kind, &l)
		} else {
			lm := t.Map(p.Val, path)
			switch at := lm.Take("at"); {
			case at != nil:
				t.threshold(at, path+".at", r.Kind, &l)
			default:
				lm.Need("at")
			}
			if v := lm.Take("route"); v != nil {
				l.Route = t.route(v, path+".route")
			}
			lm.Done()
		}
		if l.Route == nil {
			l.Route = routes[s]
		}
		if len(l.Route) == 0 {
			t.Add(problem.Violate("alert-route-missing", path, "severity", p.Key), p.Line, p.Col)
		}
		r.Levels = append(r.Levels, l)
	})
	slices.SortFunc(r.Levels, func(a, b Level) int { return int(a.Severity) - int(b.Severity) })
	v := n.Get("levels")
	if v.Holds(declare.MapNode) && len(r.Levels) == 0 && len(v.Pairs) == 0 {
		t.Fault(v, path+".levels", "alert-levels")
	}
	for i := 1; i < len(r.Levels); i++ {
		a, b := &r.Levels[i-1], &r.Levels[i]
		worse := true
		switch {
		case r.Kind == Absence:
			worse = b.Silence > a.Silence
		case r.Kind == OnRecord || a.Field != "" || b.Field != "":
		case r.Below:
			worse = b.At < a.At
		default:
			worse = b.At > a.At
		}
		if !worse {
			t.Fault(v, path+".levels."+b.Severity.String(), "alert-level-order", "severity", b.Severity.String(), "below", a.Severity.String())
		}
	}
}

// threshold reads where a severity begins, by the kind of the rule.
func (t *reader) threshold(n *declare.Node, path string, k Kind, l *Level) {
	switch {
	case k == OnRecord:
		l.When = t.AsText(n, path)
		l.when = t.expression(n, path, l.When, false)
	case k == Absence:
		d, ok := spanOf(n.Text)
		if !n.Scalar() || !ok || d == 0 {
			t.Fault(n, path, "alert-span", "found", n.Found())
		}
		l.Silence = d
	case n.Shape == declare.TextNode && levelField.MatchString(n.Text) && k != Indicator:
		l.Via, l.Field, _ = strings.Cut(n.Text, ".")
	default:
		switch v := n.Value().(type) {
		case int64:
			l.At = float64(v)
		case float64:
			l.At = v
		default:
			t.Fault(n, path, "alert-threshold", "found", n.Found())
		}
	}
}

func (t *reader) route(n *declare.Node, path string) []Step {
	steps := []Step{}
	if n.Shape != declare.ListNode {
		t.Fault(n, path, "declaration-want-list", "found", n.Found())
		return steps
	}
	order := []string{"ward", "department", "city"}
	last := -1
	for i, it := range n.Items {
		at := path + "[" + strconv.Itoa(i) + "]"
		m := t.Map(it, at)
		m.Need("level", "to", "within")
		s := Step{Level: m.Word("level", order...), To: m.Texts("to"), Within: t.span(m, "within")}
		if rung := slices.Index(order, s.Level); rung >= 0 {
			if rung < last {
				t.Fault(it, at+".level", "alert-route-order")
			}
			last = rung
		}
		if w := it.Get("within"); w != nil && s.Within < time.Minute {
			t.Fault(w, at+".within", "alert-span", "found", w.Found())
		}
		for _, to := range s.To {
			if !addressForm.MatchString(to) {
				t.Fault(it.Get("to"), at+".to", "alert-address", "found", declare.Excerpt(to))
			}
		}
		if v := it.Get("to"); v != nil && len(s.To) == 0 {
			t.Fault(v, at+".to", "alert-address", "found", v.Found())
		}
		m.Done()
		steps = append(steps, s)
	}
	if len(steps) == 0 || len(steps) > mostSteps {
		t.Fault(n, path, "alert-route-steps", "limit", mostSteps)
	}
	return steps
}

// condition reads the CQL2 of a key of a rule.
func (t *reader) condition(n *declare.Node, path, key, text string, number bool) cql2.Expr {
	if text == "" {
		return nil
	}
	return t.expression(n.Get(key), path+"."+key, text, number)
}

// expression parses CQL2; a number is read as what would be compared with 0.
func (t *reader) expression(n *declare.Node, path, text string, number bool) cql2.Expr {
	if text == "" {
		return nil
	}
	e, err := parseCQL2(text, number)
	if err == nil && cql2.UsesPrevious(e) {
		t.Fault(n, path, "alert-previous")
		return nil
	}
	if err != nil {
		t.located(n, path, err)
		return nil
	}
	return e
}

func parseCQL2(text string, number bool) (cql2.Expr, error) {
	if !number {
		return cql2.ParseText(text)
	}
	e, err := cql2.ParseText(text + " = 0")
	if err != nil {
		return nil, err
	}
	if c, ok := e.(*cql2.Call); !ok || c.Op != "=" || len(c.Args) != 2 {
		return nil, problem.New(problem.Invalid, "alert-value")
	}
	return e, nil
}

// located reports the faults of an expression where they stand in the file.
func (t *reader) located(n *declare.Node, path string, err error) {
	p := problem.As(err)
	vs := p.Violations
	if len(vs) == 0 {
		vs = []problem.Violation{{Code: p.Code, Args: p.Args}}
	}
	for _, v := range vs {
		line, col := n.Line, n.Col
		if o := min(int(v.Position.Offset), len(n.Text)); n.Plain {
			col += n.Skip + utf8.RuneCountInString(n.Text[:o])
		}
		t.Add(problem.Violation{Code: v.Code, Field: path, Args: v.Args}, line, col)
	}
}
