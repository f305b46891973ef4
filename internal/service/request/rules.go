package request

import (
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/workflow"
)

// rules are the city's definitions of one moment, compiled.
type rules struct {
	workflow  *workflow.Workflow
	catalogue *catalogue.Catalogue
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
		for _, def := range d.repo.Definitions("requests") {
			c, err := catalogue.Parse(def.Name+".yaml", []byte(def.Text))
			if err != nil {
				return nil, err
			}
			set.catalogue = c
			break
		}
		d.rules, d.version = set, v
	}
	if d.rules.workflow == nil || d.rules.catalogue == nil {
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

// deskAgency takes requests in and keeps who reported.
func (d *Desk) deskAgency() string {
	if r, err := d.rulesNow(); err == nil {
		return r.catalogue.Desk
	}
	return ""
}

// category finds what may be reported.
func (r *rules) category(code string) (*catalogue.Category, bool) { return r.catalogue.Category(code) }

// tracks are those by which reports are handled here.
func (r *rules) tracks() (codes []string) {
	for _, t := range r.catalogue.Tracks {
		codes = append(codes, t.Code)
	}
	return codes
}

// titleOf is what a request is called while nobody has read what was written.
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

// Catalogue is what may be reported, as the city declares it now.
func (d *Desk) Catalogue() (*catalogue.Catalogue, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	return r.catalogue, nil
}
