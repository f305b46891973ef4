package request

import (
	"time"

	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// rules are the city's definitions of one moment, compiled.
type rules struct {
	workflow *workflow.Workflow
}

// rulesNow compiles the definitions again where they have changed. Unavailable
// while the city does not declare how requests are handled.
func (d *Desk) rulesNow() (*rules, error) {
	if err := d.fits(); err != nil {
		return nil, err
	}
	d.compiled.Lock()
	defer d.compiled.Unlock()
	if v := d.repo.DefinitionsVersion(); v != d.version || d.rules == nil {
		set := &rules{}
		for _, def := range d.repo.Definitions("workflow") {
			if def.Name != workflowName {
				continue
			}
			w, err := workflow.Parse(def.Name+".yaml", []byte(def.Text), grant.Roles())
			if err != nil {
				return nil, err
			}
			set.workflow = w
		}
		d.rules, d.version = set, v
	}
	if d.rules.workflow == nil {
		return nil, problem.New(problem.Unavailable, "request-no-rules")
	}
	return d.rules, nil
}

// Workflow is the workflow in force.
func (d *Desk) Workflow() (*workflow.Workflow, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	return r.workflow, nil
}

// lowest is the level at which a request begins.
func (d *Desk) lowest() string {
	if w, err := d.Workflow(); err == nil && len(w.Levels) > 0 {
		return w.Levels[0]
	}
	return ""
}

// deskAgency takes requests in and keeps who reported: the owner of the dataset.
func (d *Desk) deskAgency() string {
	if e, err := d.repo.Entry(repo.Internal(), Dataset); err == nil {
		return e.Dataset.Owner
	}
	return ""
}

// Category is what may be reported, as the city declares it.
type Category struct {
	Code, Group string
	Title       declare.Words
	Active      bool
	Physical    bool   // a photo taken after the work is needed
	Placeless   bool   // it has no place
	Publication string // before or after somebody has read it, or never
	Urgency     string
	Track       string
}

// atOnce tells that what is written is public before somebody has read it.
func (c *Category) atOnce() bool { return c.Publication == "after" }

// never tells that it is not public at all.
func (c *Category) never() bool { return c.Publication == "never" }

// faults tells what is wrong with the answers to the category's questions.
func (c *Category) faults(answers map[string]string, own bool) []problem.Violation {
	return nil
}

func (r *rules) category(code string) (*Category, bool) { return nil, false }

func (r *rules) tracks() []string { return []string{"on-site", "procedure", "complaint"} }

func (r *rules) titleOf(category string) string {
	if c, ok := r.category(category); ok {
		return c.Title.In("vi")
	}
	return category
}

// pause is the pause in which the reporter is asked.
func (r *rules) pause() string {
	for _, p := range r.workflow.Pauses {
		return p.Name
	}
	return ""
}

// Route is where the city's rules send a request, and why.
type Route struct {
	Agency string
	Rule   string
	Known  bool // a rule names the agency; the desk has it otherwise
	Why    declare.Words
}

func (r *rules) route(c *Category, area string, at time.Time, desk string) Route {
	return Route{Agency: desk}
}
