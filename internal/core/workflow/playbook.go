package workflow

import (
	"slices"
	"time"

	"huong.city/huong/internal/core/declare"
)

// Playbook is what is to be done in a kind of situation, as a checklist: who
// does what, within how long. Or it is the list of the city's stages with what
// everybody does at each.
type Playbook struct {
	Name   string
	Title  declare.Words
	Kinds  []string // of situations that it is for
	When   Condition
	Lead   string // code of the agency to which such a case climbs; "" = it stays where it is
	Steps  []PlaybookStep
	Stages []Stage
}

// PlaybookStep is one line of a checklist.
type PlaybookStep struct {
	Name   string
	Title  declare.Words
	Detail declare.Words
	Who    declare.Words // who does it, in words
	Roles  []string      // that may tick it off; none = everybody who handles the case
	Within time.Duration // since the case was opened; 0 = no time is set
	Phase  string
}

// Phases lists the parts of a checklist in their order.
func Phases() []string { return []string{"at-once", "during", "after"} }

// Stage is one of the city's stages.
type Stage struct {
	Number int
	Title  declare.Words
	Means  declare.Words
	Tasks  []Task
}

// Task is what somebody does at a stage.
type Task struct {
	Who  declare.Words
	Does []declare.Words
}

// LastStage is the highest stage of the city.
const LastStage = 5

// ParsePlaybook reads a checklist. roles are the words that a step may name,
// kinds those of situations. Every fault is told at its line and column, in one
// Invalid error playbook-invalid.
func ParsePlaybook(file string, text []byte, roles, kinds []string) (*Playbook, error) {
	doc := declare.ReadYAML(file, text)
	if doc.Root == nil {
		return nil, doc.Err("playbook-invalid")
	}
	r := &reader{doc: doc, roles: roles}
	m := doc.Map(doc.Root, "")
	m.Need("name", "title")
	p := &Playbook{Name: m.Matching("name", nameForm, "declaration-code-word"), Title: m.Titles("title"), Kinds: r.names(m, "kinds", kinds), When: r.condition(m),
		Lead: m.Matching("lead", nameForm, "declaration-code-word")}
	m.Text("owner")
	m.List("steps", func(n *declare.Node, path string) {
		x := doc.Map(n, path)
		x.Need("name", "title", "who", "phase")
		s := PlaybookStep{Name: x.Matching("name", nameForm, "declaration-code-word"), Title: x.Titles("title"), Detail: x.Titles("detail"), Who: x.Titles("who"),
			Roles: r.names(x, "roles", roles), Within: r.span(x, "within", false), Phase: x.Word("phase", Phases()...)}
		if slices.ContainsFunc(p.Steps, func(o PlaybookStep) bool { return o.Name == s.Name }) {
			doc.Fault(n, path, "workflow-twice", "name", s.Name)
		}
		p.Steps = append(p.Steps, s)
		x.Done()
	})
	m.List("stages", func(n *declare.Node, path string) {
		x := doc.Map(n, path)
		x.Need("stage", "title", "means", "tasks")
		s := Stage{Title: x.Titles("title"), Means: x.Titles("means")}
		if number := x.Count("stage", 1, LastStage); number != nil {
			s.Number = *number
			if *number != len(p.Stages)+1 {
				doc.Fault(n, path, "playbook-stage-order", "stage", *number)
			}
		}
		x.List("tasks", func(n *declare.Node, path string) {
			y := doc.Map(n, path)
			y.Need("who", "does")
			t := Task{Who: y.Titles("who")}
			y.List("does", func(n *declare.Node, path string) {
				w := doc.AsWords(n, path)
				if w != nil && (w["vi"] == "" || w["en"] == "") {
					doc.Fault(n, path, "declaration-missing", "key", "vi, en")
				}
				t.Does = append(t.Does, w)
			})
			s.Tasks = append(s.Tasks, t)
			y.Done()
		})
		p.Stages = append(p.Stages, s)
		x.Done()
	})
	m.Done()
	switch {
	case len(doc.Faults) > 0:
	case len(p.Steps) == 0 && len(p.Stages) == 0:
		doc.Fault(doc.Root, "", "playbook-empty")
	case len(p.Stages) > 0 && len(p.Stages) != LastStage:
		doc.Fault(doc.Root.Get("stages"), "stages", "playbook-stage-order", "stage", LastStage)
	}
	if err := doc.Err("playbook-invalid"); err != nil {
		return nil, err
	}
	return p, nil
}

// Step returns the step of a name.
func (p *Playbook) Step(name string) (*PlaybookStep, bool) {
	for i := range p.Steps {
		if p.Steps[i].Name == name {
			return &p.Steps[i], true
		}
	}
	return nil, false
}
