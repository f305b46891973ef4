package workflow

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"huong.city/huong/internal/core/declare"
)

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	dayForm  = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`)
	spanForm = regexp.MustCompile(`^(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?$`)
)

// workingDay is what a day of a deadline in working time stands for (Labour Code
// 45/2019/QH14, Article 105: eight hours).
const workingDay = 8 * time.Hour

// Parse reads a declaration. roles are the words that a transition may name.
// Everything that is wrong is told at its line and column, in one Invalid error
// workflow-invalid; states that cannot be reached or left, and deadlines that
// overlap, are wrong too.
func Parse(file string, text []byte, roles []string) (*Workflow, error) {
	doc := declare.ReadYAML(file, text)
	if doc.Root == nil {
		return nil, doc.Err("workflow-invalid")
	}
	r := &reader{doc: doc, roles: roles, w: &Workflow{LevelTitles: map[string]declare.Words{}}}
	r.read(doc.Map(doc.Root, ""))
	if len(doc.Faults) == 0 {
		r.check()
	}
	if err := doc.Err("workflow-invalid"); err != nil {
		return nil, err
	}
	return r.w, nil
}

// reader keeps where things stand in the file, for the checks that look at all
// of it.
type reader struct {
	doc   *declare.Document
	roles []string
	w     *Workflow

	states, transitions, deadlines []*declare.Node
	rules                          [][]*declare.Node
}

func (r *reader) read(m *declare.Map) {
	w := r.w
	m.Need("name", "title", "start", "states", "transitions")
	w.Name = m.Matching("name", nameForm, "declaration-code-word")
	w.Title = m.Titles("title")
	m.Text("owner")
	m.List("levels", func(n *declare.Node, path string) {
		l := r.doc.Map(n, path)
		l.Need("name", "title")
		name := l.Matching("name", nameForm, "declaration-code-word")
		r.once(n, path, name, w.Levels)
		w.Levels = append(w.Levels, name)
		w.LevelTitles[name] = l.Titles("title")
		l.Done()
	})
	m.List("states", func(n *declare.Node, path string) {
		s := r.doc.Map(n, path)
		s.Need("name", "title")
		state := State{Name: s.Matching("name", nameForm, "declaration-code-word"), Title: s.Titles("title"), Final: s.Bool("final")}
		r.once(n, path, state.Name, r.stateNames())
		w.States, r.states = append(w.States, state), append(r.states, n)
		s.Done()
	})
	names := r.stateNames()
	w.Start = r.names(m, "start", names)
	m.List("outcomes", func(n *declare.Node, path string) {
		o := r.doc.Map(n, path)
		o.Need("name", "title")
		out := Outcome{Name: o.Matching("name", nameForm, "declaration-code-word"), Title: o.Titles("title"), Require: o.Texts("require")}
		r.once(n, path, out.Name, r.outcomeNames())
		w.Outcomes = append(w.Outcomes, out)
		o.Done()
	})
	m.List("transitions", func(n *declare.Node, path string) { r.transition(n, path, names) })
	m.List("pauses", func(n *declare.Node, path string) {
		p := r.doc.Map(n, path)
		p.Need("name", "title", "states")
		pause := Pause{Name: p.Matching("name", nameForm, "declaration-code-word"), Title: p.Titles("title"), States: r.names(p, "states", names),
			By: r.who(p), Working: r.working(p), Require: p.Texts("require")}
		pause.Cap = r.span(p, "cap", pause.Working)
		if _, twice := w.Pause(pause.Name); twice {
			r.doc.Fault(n, path, "workflow-twice", "name", pause.Name)
		}
		w.Pauses = append(w.Pauses, pause)
		p.Done()
	})
	m.List("deadlines", func(n *declare.Node, path string) { r.deadline(n, path, names) })
	m.Done()
}

func (r *reader) transition(n *declare.Node, path string, names []string) {
	m := r.doc.Map(n, path)
	m.Need("name", "title", "from", "to", "by")
	t := Transition{Name: m.Matching("name", nameForm, "declaration-code-word"), Title: m.Titles("title"), From: r.names(m, "from", names),
		Require: m.Texts("require"), Optional: m.Texts("optional"), When: r.condition(m), By: r.who(m), Within: r.span(m, "within", false),
		Outcomes: r.names(m, "outcomes", r.outcomeNames())}
	if to := r.names(m, "to", names); len(to) == 1 {
		t.To = to[0]
	} else if len(to) > 1 {
		r.doc.Fault(m.N.Get("to"), m.Join("to"), "workflow-one-state")
	}
	if _, twice := r.w.Transition(t.Name); twice {
		r.doc.Fault(n, path, "workflow-twice", "name", t.Name)
	}
	r.w.Transitions, r.transitions = append(r.w.Transitions, t), append(r.transitions, n)
	m.Done()
}

func (r *reader) deadline(n *declare.Node, path string, names []string) {
	m := r.doc.Map(n, path)
	m.Need("name", "title", "states", "rules")
	d := Deadline{Name: m.Matching("name", nameForm, "declaration-code-word"), Title: m.Titles("title"), States: r.names(m, "states", names), Since: Entered}
	moves := []string{Entered, Opened}
	for _, t := range r.w.Transitions {
		moves = append(moves, t.Name)
	}
	if s := m.Word("since", moves...); s != "" {
		d.Since = s
	}
	var nodes []*declare.Node
	m.List("rules", func(n *declare.Node, path string) {
		x := r.doc.Map(n, path)
		x.Need("for")
		kind := x.Word("time", "calendar", "working", "days")
		rule := Rule{When: r.condition(x), Working: kind == "working" || kind == "days", Days: kind == "days",
			From: x.Matching("from", dayForm, "workflow-day"), Until: x.Matching("until", dayForm, "workflow-day"), Move: x.Word("move", moves[2:]...)}
		rule.For = r.span(x, "for", rule.Working)
		if rule.Days && rule.For%workingDay != 0 {
			r.doc.Fault(x.N.Get("for"), x.Join("for"), "workflow-whole-days", "found", declare.Excerpt(x.Literal("for")))
		}
		x.List("remind", func(n *declare.Node, path string) {
			p, ok := n.Value().(int64)
			if !ok || p < 1 || p > 100 {
				r.doc.Fault(n, path, "declaration-want-integer", "low", 1, "high", 100, "found", n.Found())
				return
			}
			rule.Remind = append(rule.Remind, int(p))
		})
		x.List("escalate", func(n *declare.Node, path string) {
			e := r.doc.Map(n, path)
			e.Need("to")
			rule.Escalate = append(rule.Escalate, Escalation{To: e.Word("to", r.w.Levels...), After: r.span(e, "after", rule.Working)})
			e.Done()
		})
		d.Rules, nodes = append(d.Rules, rule), append(nodes, n)
		x.Done()
	})
	if _, twice := r.w.Deadline(d.Name); twice {
		r.doc.Fault(n, path, "workflow-twice", "name", d.Name)
	}
	r.w.Deadlines, r.deadlines, r.rules = append(r.w.Deadlines, d), append(r.deadlines, n), append(r.rules, nodes)
	m.Done()
}

// names takes a list of declared names, or one.
func (r *reader) names(m *declare.Map, key string, known []string) []string {
	v := m.Take(key)
	if v == nil {
		return nil
	}
	items := []*declare.Node{v}
	if v.Shape == declare.ListNode {
		items = v.Items
	}
	var list []string
	for _, it := range items {
		if s := r.doc.AsWord(it, m.Join(key), known...); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// who takes who may do something: {relation: owner, roles: [officer]}.
func (r *reader) who(m *declare.Map) (list []Who) {
	m.List("by", func(n *declare.Node, path string) {
		x := r.doc.Map(n, path)
		x.Need("relation")
		list = append(list, Who{Relation: x.Word("relation", Relations()...), Roles: r.names(x, "roles", r.roles)})
		x.Done()
	})
	return list
}

func (r *reader) condition(m *declare.Map) Condition {
	var c Condition
	m.EachPair("when", func(p declare.Pair, path string) {
		if c == nil {
			c = Condition{}
		}
		c[p.Key] = r.doc.AsTexts(p.Val, path)
	})
	return c
}

func (r *reader) working(m *declare.Map) bool {
	return m.Word("time", "calendar", "working") == "working"
}

// span takes a duration: 15m, 4h, 1h30m, 2d. In working time a day is eight
// hours.
func (r *reader) span(m *declare.Map, key string, working bool) time.Duration {
	text := m.Literal(key)
	if text == "" {
		return 0
	}
	parts := spanForm.FindStringSubmatch(text)
	var d time.Duration
	if parts != nil {
		day := 24 * time.Hour
		if working {
			day = workingDay
		}
		for i, unit := range []time.Duration{day, time.Hour, time.Minute} {
			n, _ := strconv.Atoi(parts[i+1])
			d += time.Duration(n) * unit
		}
	}
	if d <= 0 {
		r.doc.Fault(m.N.Get(key), m.Join(key), "workflow-span", "found", declare.Excerpt(text))
	}
	return d
}

func (r *reader) once(n *declare.Node, path, name string, before []string) {
	if name != "" && slices.Contains(before, name) {
		r.doc.Fault(n, path, "workflow-twice", "name", name)
	}
}

func (r *reader) stateNames() (list []string) {
	for _, s := range r.w.States {
		list = append(list, s.Name)
	}
	return list
}

func (r *reader) outcomeNames() (list []string) {
	for _, o := range r.w.Outcomes {
		list = append(list, o.Name)
	}
	return list
}

// check looks at the table as a whole.
func (r *reader) check() {
	w := r.w
	reached := map[string]bool{}
	queue := slices.Clone(w.Start)
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if reached[s] {
			continue
		}
		reached[s] = true
		for _, t := range w.Transitions {
			if slices.Contains(t.From, s) {
				queue = append(queue, t.To)
			}
		}
	}
	ends := map[string]bool{}
	for changed := true; changed; {
		changed = false
		for _, s := range w.States {
			if ends[s.Name] {
				continue
			}
			leads := s.Final
			for _, t := range w.Transitions {
				leads = leads || slices.Contains(t.From, s.Name) && ends[t.To]
			}
			if leads {
				ends[s.Name], changed = true, true
			}
		}
	}
	for i, s := range w.States {
		switch {
		case !reached[s.Name]:
			r.doc.Fault(r.states[i], "states", "workflow-unreachable", "state", s.Name)
		case !ends[s.Name]:
			r.doc.Fault(r.states[i], "states", "workflow-no-exit", "state", s.Name)
		}
	}
	for i, d := range w.Deadlines {
		for j, rule := range d.Rules {
			for k := range j {
				if before := d.Rules[k]; before.When.covers(rule.When) && spans(before, rule) {
					r.doc.Fault(r.rules[i][j], "deadlines."+d.Name, "workflow-rule-shadowed", "deadline", d.Name, "line", r.rules[i][k].Line)
					break
				}
			}
			if m, ok := w.Transition(rule.Move); ok {
				for _, s := range d.States {
					if !slices.Contains(m.From, s) {
						r.doc.Fault(r.rules[i][j], "deadlines."+d.Name, "workflow-move-from", "move", m.Name, "state", s)
					}
				}
				if len(m.Require) > 0 || len(m.Outcomes) > 1 {
					r.doc.Fault(r.rules[i][j], "deadlines."+d.Name, "workflow-move-needs", "move", m.Name)
				}
			}
		}
		for j, other := range w.Deadlines[:i] {
			if d.Since == other.Since && meet(d.States, other.States) && d.Since == Entered {
				r.doc.Fault(r.deadlines[i], "deadlines."+d.Name, "workflow-deadlines-overlap", "deadline", d.Name, "other", other.Name, "line", r.deadlines[j].Line)
			}
		}
	}
}

// spans tells whether rule a is in force on every day that b is.
func spans(a, b Rule) bool {
	return (a.From == "" || b.From != "" && a.From <= b.From) && (a.Until == "" || b.Until != "" && b.Until <= a.Until)
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
