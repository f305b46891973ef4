package grant

import (
	"slices"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

// Check lists what is wrong with a grant for a dataset, all at once; Field of a
// violation names the grant's field as its record does. nil = it can be decided
// on. Whether the dataset, the agency, the account and the purposes exist is
// checked by references, not here.
func Check(g *Grant, d *dataset.Dataset, t *dataset.Table) []problem.Violation {
	c := &checking{g: g, f: newFrame(d, t)}
	c.who()
	c.columns()
	c.rows()
	c.masks()
	c.law()
	return c.faults
}

type checking struct {
	g      *Grant
	f      *frame
	faults []problem.Violation
}

func (c *checking) fail(code, field string, kv ...any) {
	c.faults = append(c.faults, problem.Violate(code, field, kv...))
}

func (c *checking) word(field, found string, allowed ...string) {
	if !slices.Contains(allowed, found) {
		c.fail("grant-word", field, "found", found, "allowed", strings.Join(allowed, ", "))
	}
}

func (c *checking) who() {
	g := c.g
	if g.ID == "" {
		c.fail("grant-missing", "id")
	}
	if g.Dataset != c.f.d.Name {
		c.fail("grant-other-dataset", "dataset", "found", g.Dataset, "dataset", c.f.d.Name)
	}
	if g.grantee() == "" {
		c.fail("grant-grantee", "agency")
	}
	if g.Role != "" {
		c.word("role", g.Role, Roles()...)
	}
	c.word("action", string(g.Action), string(Read), string(Aggregate), string(Write))
	c.word("state", string(g.State), string(Requested), string(Question), string(InForceState), string(Refused), string(Ended), string(Revoked))
	switch {
	case g.Action == Aggregate && g.MinimumCell < SmallestCell:
		c.fail("grant-minimum-cell", "minimumCell", "least", SmallestCell)
	case g.Action != Aggregate && g.MinimumCell != 0:
		c.fail("grant-minimum-cell-other", "minimumCell")
	}
}

func (c *checking) columns() {
	for _, name := range c.g.Fields {
		if _, _, _, ok := c.f.t.Property(name); !ok {
			c.fail("grant-field", "fields", "name", name, "dataset", c.f.d.Name)
		}
	}
	for _, tag := range c.g.Tags {
		if c.f.tags[tag] == nil {
			c.fail("grant-tag", "tags", "name", tag, "dataset", c.f.d.Name)
		}
	}
	if len(c.faults) == 0 && covered(c.g, c.f).empty() {
		c.fail("grant-nothing", "fields", "dataset", c.f.d.Name)
	}
}

// rows parses and binds the condition; faults keep their offset in the text.
func (c *checking) rows() {
	if c.g.Rows != "" {
		e, err := cql2.ParseText(c.g.Rows)
		if err == nil {
			if cql2.UsesPrevious(e) {
				c.fail("grant-rows-previous", "rows")
			}
			_, err = cql2.Bind(e, c.f.t)
		}
		if err != nil {
			for _, v := range problem.As(err).Violations {
				v.Field = "rows"
				c.faults = append(c.faults, v)
			}
		}
	}
	if c.g.OwnAreas && c.f.t.Area < 0 {
		c.fail("grant-own-areas", "ownAreas", "dataset", c.f.d.Name)
	}
	if name := c.g.OwnAgency; name != "" {
		column, _, _, ok := c.f.t.Property(name)
		if !ok {
			c.fail("grant-field", "ownAgency", "name", name, "dataset", c.f.d.Name)
		} else if c.f.t.Columns[column].Type != dataset.String {
			c.fail("grant-own-agency", "ownAgency", "name", name)
		}
	}
}

func (c *checking) masks() {
	if len(c.g.Masks) > 0 && c.g.Action != Read {
		c.fail("grant-mask-action", "masks")
	}
	about := covered(c.g, c.f)
	how := map[int]How{}
	for _, m := range c.g.Masks {
		if (m.Field == "") == (m.Tag == "") {
			c.fail("grant-mask-target", "masks")
			continue
		}
		switch m.How {
		case LastDigits, YearOnly, AreaOnly, Pseudonym:
		default:
			c.word("masks", string(m.How), string(LastDigits), string(YearOnly), string(AreaOnly), string(Pseudonym))
			continue
		}
		columns := masks(m, c.f)
		name := m.Field + m.Tag
		switch {
		case len(columns) == 0 && m.Field != "":
			c.fail("grant-field", "masks", "name", name, "dataset", c.f.d.Name)
		case len(columns) == 0:
			c.fail("grant-tag", "masks", "name", name, "dataset", c.f.d.Name)
		case !slices.ContainsFunc(columns, about.has):
			c.fail("grant-mask-unused", "masks", "name", name)
		}
		for _, column := range columns {
			c.mask(m.How, column, how)
		}
	}
}

func (c *checking) mask(how How, column int, before map[int]How) {
	name := c.f.t.Columns[column].Name
	if was, twice := before[column]; twice && was != how {
		c.fail("grant-mask-twice", "masks", "name", name)
	}
	before[column] = how
	if how == AreaOnly && !c.f.pointed(column) {
		c.fail("grant-mask-area", "masks", "name", name)
	} else if how != AreaOnly && !fits(how, &c.f.t.Columns[column]) {
		c.fail("grant-mask-fit", "masks", "name", name, "how", how, "type", c.f.t.Columns[column].Type)
	}
}

// law checks what a share must have to be lawful: a basis and a stretch of time,
// and for a refusal its reason and citation.
func (c *checking) law() {
	g := c.g
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	if blank(g.Basis) {
		c.fail("grant-missing", "basis")
	}
	if slices.ContainsFunc(g.Purposes, blank) {
		c.fail("grant-missing", "purposes")
	}
	if g.Until != 0 && g.From >= g.Until {
		c.fail("grant-until", "until")
	}
	if (g.State == Refused || g.State == Revoked) && blank(g.Reason) {
		c.fail("grant-missing", "reason")
	}
	if g.State == Refused && blank(g.Citation) {
		c.fail("grant-missing", "citation")
	}
}
