package grant

import (
	"slices"
	"strings"
	"sync"

	"huong.city/huong/internal/core/dataset"
)

// Policy holds the grants, found by dataset and grantee. It is immutable: a
// change makes another that shares nearly all of it. Safe for concurrent use.
type Policy struct {
	byID   *trie[*compiled]
	by     *trie[[]*compiled] // key: dataset and grantee; ordered by id
	frames *sync.Map          // of *frame by dataset name: what was computed of the declaration last met
}

// NewPolicy makes a policy of grants, which must not be changed afterwards. Of
// two with the same id the later holds.
func NewPolicy(grants []*Grant) *Policy {
	return (&Policy{frames: &sync.Map{}}).With(grants)
}

// With returns the policy after some grants were added or changed; one that is
// not in state in-force is taken out. It costs the change, not the whole.
func (p *Policy) With(changed []*Grant) *Policy {
	n := &Policy{byID: p.byID, by: p.by, frames: p.frames}
	for _, g := range changed {
		if old, ok := n.byID.get(g.ID); ok {
			n.take(old)
		}
		if g.State == InForceState && g.grantee() != "" {
			n.put(compile(g))
		}
	}
	return n
}

func (p *Policy) take(c *compiled) {
	p.byID = p.byID.without(c.ID)
	key := c.key()
	held, _ := p.by.get(key)
	rest := slices.DeleteFunc(slices.Clone(held), func(o *compiled) bool { return o.ID == c.ID })
	if len(rest) == 0 {
		p.by = p.by.without(key)
		return
	}
	p.by = p.by.with(key, rest)
}

func (p *Policy) put(c *compiled) {
	p.byID = p.byID.with(c.ID, c)
	key := c.key()
	held, _ := p.by.get(key)
	i, _ := slices.BinarySearchFunc(held, c.ID, func(o *compiled, id string) int { return strings.Compare(o.ID, id) })
	p.by = p.by.with(key, slices.Insert(slices.Clone(held), i, c))
}

// grantee is the narrowest part of the grantee, by which a grant is found: few
// hold one account, more one agency, most one role. "" = no grantee.
func (g *Grant) grantee() string {
	switch {
	case g.Account != "":
		return "a" + g.Account
	case g.Agency != "":
		return "g" + g.Agency
	case g.Role != "":
		return "r" + g.Role
	}
	return ""
}

func (g *Grant) key() string { return g.Dataset + "\x00" + g.grantee() }

// Grant returns the grant of an id that is in state in-force.
func (p *Policy) Grant(id string) (*Grant, bool) {
	c, ok := p.byID.get(id)
	if !ok {
		return nil, false
	}
	return c.Grant, true
}

// held lists the grants on a dataset that a subject is a grantee of, by id,
// whatever their action and time.
func (p *Policy) held(dataset string, s *Subject) []*compiled {
	var found []*compiled
	look := func(grantee string) {
		list, _ := p.by.get(dataset + "\x00" + grantee)
		found = slices.Grow(found, len(list))
		for _, c := range list {
			if s.is(c.Grant) {
				found = append(found, c)
			}
		}
	}
	if s.Account != "" {
		look("a" + s.Account)
	}
	if s.Agency != "" {
		look("g" + s.Agency)
	}
	for i, role := range s.Roles {
		if role != "" && !contains(s.Roles[:i], role) {
			look("r" + role)
		}
	}
	slices.SortFunc(found, func(a, b *compiled) int { return strings.Compare(a.ID, b.ID) })
	return found
}

func (p *Policy) frame(d *dataset.Dataset, t *dataset.Table) *frame {
	if v, ok := p.frames.Load(d.Name); ok {
		if f := v.(*frame); f.d == d && f.t == t {
			return f
		}
	}
	f := newFrame(d, t)
	p.frames.Store(d.Name, f)
	return f
}
