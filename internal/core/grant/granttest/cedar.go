package granttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
)

// rules says the built-in rules in Cedar, one policy each. A cell knows its
// column, rank (0 open to 3 restricted), tags, dataset, owner, and its record;
// context.clear asks whether it may be seen as it is, not only masked.
const rules = `
@id("rule:open")
permit (principal, action in [Action::"read", Action::"aggregate"], resource)
when { resource.rank == 0 };

@id("rule:self")
permit (principal, action in [Action::"read", Action::"aggregate"], resource)
when {
  principal.roles.contains("citizen") && principal has person && principal.assurance >= 2 &&
  resource.record has person && resource.record.person == principal.person && resource.rank < 3
};

@id("rule:owner-reads")
permit (principal, action in [Action::"read", Action::"aggregate"], resource)
when {
  principal has agency && resource has owner && principal.agency == resource.owner &&
  principal.roles.containsAny(["steward", "engineer", "operator", "officer", "leader"]) &&
  (resource.rank < 2 || resource.rank == 2 && context has purpose) &&
  (!resource.placed || principal.areas.contains("*") ||
    resource.record has _area && principal.areas.contains(resource.record._area))
};

@id("rule:owner-keeps")
permit (principal, action == Action::"write", resource)
when {
  principal has agency && resource has owner && principal.agency == resource.owner && resource.rank < 3 &&
  principal.roles.containsAny(["steward", "engineer"])
};

@id("rule:owner-works")
permit (principal, action == Action::"write", resource)
when {
  principal has agency && resource has owner && principal.agency == resource.owner && resource.rank < 3 &&
  principal.roles.containsAny(["operator", "officer"]) &&
  (!resource.placed || principal.areas.contains("*") ||
    resource.record has _area && principal.areas.contains(resource.record._area))
};

@id("rule:administrator")
permit (principal, action, resource)
when {
  principal.roles.contains("administrator") && !resource.tags.contains("secret") &&
  ["agency", "account", "capacity", "area", "sector", "purpose", "token", "dataset"].contains(resource.dataset) &&
  !(action == Action::"write" && resource.dataset == "dataset")
};

@id("rule:auditor")
permit (principal, action in [Action::"read", Action::"aggregate"], resource)
when {
  principal.roles.contains("auditor") && !resource.tags.contains("secret") &&
  (["grant", "access", "account", "capacity", "agency", "dataset", "area", "import", "token"].contains(resource.dataset) ||
    resource.dataset == "quarantine" && resource.column != "raw")
};

@id("rule:token-reads")
permit (principal, action in [Action::"read", Action::"aggregate"], resource)
when {
  principal.token && principal.read.containsAny(["*", resource.dataset]) &&
  !["grant", "access", "account", "capacity", "token"].contains(resource.dataset) &&
  (resource.rank < 2 || context has purpose)
};

@id("rule:token-writes")
permit (principal, action == Action::"write", resource)
when {
  principal.token && principal.write.containsAny(["*", resource.dataset]) &&
  !["grant", "access", "account", "capacity", "token", "dataset"].contains(resource.dataset)
};

@id("rule:operator")
permit (principal, action, resource)
when { principal.admin };
`

// openRows begins rule:open of a dataset that makes some of its records public.
const openRows = `
@id("rule:open")
permit (principal, action in [Action::"read", Action::"aggregate"], resource)
when {
  resource.rank == 0 && `

// Policy says a grant in Cedar.
func (w *World) Policy(g *grant.Grant) string {
	var when []string
	must := func(form string, args ...any) { when = append(when, fmt.Sprintf(form, args...)) }
	if g.Agency != "" {
		must("principal has agency && principal.agency == %q", g.Agency)
	}
	if g.Role != "" {
		must("principal.roles.contains(%q)", g.Role)
	}
	if g.Account != "" {
		must("principal has account && principal.account == %q", g.Account)
	}
	must("%t", g.State == grant.InForceState)
	must("context.at >= %d", g.From)
	if g.Until != 0 {
		must("context.at < %d", g.Until)
	}
	if len(g.Purposes) > 0 {
		must("context has purpose && %s.contains(context.purpose)", list(g.Purposes))
	}
	if g.Action != grant.Write {
		must("(resource.rank < 2 || context has purpose)")
	}
	when = append(when, w.columns(g)...)
	if g.OwnAreas {
		must(`(principal.areas.contains("*") || resource.record has _area && principal.areas.contains(resource.record._area))`)
	}
	if g.OwnAgency != "" {
		must("principal has agency && resource.record has %s && resource.record.%[1]s == principal.agency", g.OwnAgency)
	}
	if c := w.Conds[g.ID]; c != nil {
		must("%s", c.cedar(true))
	}
	actions := `Action::"` + string(g.Action) + `"`
	if g.Action == grant.Read {
		actions += `, Action::"aggregate"`
	}
	return fmt.Sprintf("@id(%q)\npermit (principal, action in [%s], resource)\nwhen {\n  %s\n};\n", g.ID, actions, strings.Join(when, " &&\n  "))
}

// columns says which cells a grant covers, and which of them only masked.
func (w *World) columns(g *grant.Grant) []string {
	named := slices.Clone(g.Fields)
	covers := fmt.Sprintf("resource.tags.containsAny(%s)", list(g.Tags))
	all, place := true, w.place()
	for _, name := range place {
		f, _ := w.Dataset.Field(name)
		all = all && Names(g, f)
	}
	if all && len(place) > 0 {
		named = append(named, dataset.AreaColumn, dataset.XColumn, dataset.YColumn)
	}
	var masked, hidden []string
	for _, m := range g.Masks {
		if m.How != grant.AreaOnly {
			masked = append(masked, m.Field)
			continue
		}
		hidden = append(place, dataset.XColumn, dataset.YColumn)
		named = append(named, dataset.AreaColumn)
	}
	if len(g.Fields) == 0 && len(g.Tags) == 0 {
		return []string{"resource.rank <= 1"}
	}
	return []string{
		fmt.Sprintf("(%s.contains(resource.column) || %s)", list(named), covers),
		fmt.Sprintf("!%s.contains(resource.column)", list(hidden)),
		fmt.Sprintf("!(context.clear && %s.contains(resource.column))", list(masked)),
	}
}

func (w *World) place() []string {
	switch p := w.Dataset.Place; {
	case p == nil:
		return nil
	case p.Longitude != "":
		return []string{p.Longitude, p.Latitude}
	default:
		return []string{p.Field + p.AreaCode}
	}
}

func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// cedar says that the condition is true, or that it is false: neither holds
// where it is unknown.
func (c *Cond) cedar(yes bool) string {
	switch c.Op {
	case "not":
		return c.Args[0].cedar(!yes)
	case "and", "or":
		op := "||"
		if (c.Op == "and") == yes {
			op = "&&"
		}
		return "(" + c.Args[0].cedar(yes) + " " + op + " " + c.Args[1].cedar(yes) + ")"
	case "isnull":
		if yes {
			return "!(resource.record has " + c.Column + ")"
		}
		return "resource.record has " + c.Column
	}
	lits := make([]string, len(c.Values))
	for i, v := range c.Values {
		if v.Kind() == value.Int {
			lits[i] = fmt.Sprint(v.Int())
		} else {
			lits[i] = fmt.Sprintf("%q", v.Text())
		}
	}
	test := "[" + strings.Join(lits, ", ") + "].contains(resource.record." + c.Column + ")"
	if op, ok := map[string]string{"=": "==", "<>": "!=", "<": "<", ">": ">"}[c.Op]; ok {
		test = "resource.record." + c.Column + " " + op + " " + lits[0]
	}
	if !yes {
		test = "!(" + test + ")"
	}
	return "(resource.record has " + c.Column + " && " + test + ")"
}

// Oracle judges the cells of a world by cedar-go.
type Oracle struct {
	w        *World
	policies cedar.PolicyMap
	entities entities
	request  types.Request
	clear    [2]types.Record // context, by whether clear sight is asked for
}

// entities are a principal, a record and its cells.
type entities map[types.EntityUID]types.Entity

func (e entities) Get(uid types.EntityUID) (types.Entity, bool) { v, ok := e[uid]; return v, ok }

func uid(kind, id string) types.EntityUID {
	return types.NewEntityUID(types.EntityType(kind), types.String(id))
}

func set(texts []string) types.Set {
	values := make([]types.Value, len(texts))
	for i, s := range texts {
		values[i] = types.String(s)
	}
	return types.NewSet(values...)
}

// Rules parses the built-in rules, once for all worlds.
func Rules() (*cedar.PolicySet, error) {
	return cedar.NewPolicySetFromBytes("rules.cedar", []byte(rules))
}

// NewOracle translates the grants of a world.
func NewOracle(rules *cedar.PolicySet, w *World) (*Oracle, error) {
	o := &Oracle{w: w, policies: cedar.PolicyMap{}, entities: entities{}}
	for _, p := range rules.All() {
		o.policies[types.PolicyID(p.Annotations()["id"])] = p
	}
	if w.Public != nil {
		var p cedar.Policy
		text := openRows + w.Public.cedar(true) + "\n};\n"
		if err := p.UnmarshalCedar([]byte(text)); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, text)
		}
		o.policies["rule:open"] = &p
	}
	for _, g := range w.Grants {
		var p cedar.Policy
		if err := p.UnmarshalCedar([]byte(w.Policy(g))); err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, w.Policy(g))
		}
		o.policies[types.PolicyID(g.ID)] = &p
	}
	for i, c := range w.Table.Columns {
		o.put(uid("Cell", fmt.Sprint(i)), o.cell(c))
	}
	return o, nil
}

func (o *Oracle) put(id types.EntityUID, attributes types.RecordMap) {
	o.entities[id] = types.Entity{UID: id, Attributes: types.NewRecord(attributes)}
}

func (o *Oracle) cell(c dataset.Column) types.RecordMap {
	d := o.w.Dataset
	rank := d.Classification.Rank()
	raise := func(names ...string) {
		for _, name := range names {
			if f, ok := d.Field(name); ok && f.Classification != "" {
				rank = max(rank, f.Classification.Rank())
			}
		}
	}
	var tags []string
	switch c.Name {
	case dataset.XColumn, dataset.YColumn:
		raise(o.w.place()...)
	case dataset.AreaColumn:
		raise(d.Place.AreaCode)
	default:
		raise(c.Name)
		if f, ok := d.Field(c.Name); ok {
			tags = f.Tags
		}
	}
	m := types.RecordMap{
		"column": types.String(c.Name), "rank": types.Long(rank), "tags": set(tags), "dataset": types.String(d.Name),
		"placed": types.Boolean(d.Place != nil), "record": uid("Record", ""),
	}
	if d.Owner != "" {
		m["owner"] = types.String(d.Owner)
	}
	return m
}

// Ask sets the request that is judged.
func (o *Oracle) Ask(r grant.Request) {
	s := &r.Subject
	m := types.RecordMap{
		"roles": set(s.Roles), "areas": set(s.Areas), "read": set(s.Read), "write": set(s.Write),
		"assurance": types.Long(s.Assurance), "token": types.Boolean(s.Token), "admin": types.Boolean(s.Admin),
	}
	for name, text := range map[types.String]string{"account": s.Account, "agency": s.Agency, "person": s.Person} {
		if text != "" {
			m[name] = types.String(text)
		}
	}
	o.put(uid("Principal", ""), m)
	for i := range o.clear {
		m := types.RecordMap{"at": types.Long(r.At), "clear": types.Boolean(i == 1)}
		if r.Purpose != "" {
			m["purpose"] = types.String(r.Purpose)
		}
		o.clear[i] = types.NewRecord(m)
	}
	o.request.Principal, o.request.Action = uid("Principal", ""), uid("Action", string(r.Action))
}

// See sets the record whose cells are judged.
func (o *Oracle) See(row []value.Value) {
	m := types.RecordMap{}
	for c, v := range row {
		switch name := types.String(o.w.Table.Columns[c].Name); {
		case o.w.Table.Columns[c].Dropped:
		case v.Kind() == value.Text:
			m[name] = types.String(v.Text())
			if string(name) == o.w.Dataset.Person {
				m["person"] = m[name]
			}
		case v.Kind() == value.Int:
			m[name] = types.Long(v.Int())
		}
	}
	o.put(uid("Record", ""), m)
}

// Cell names the rules and grants that let the cell of a column be seen (clear:
// as it is) or changed; none means no. A dropped column has no cells.
func (o *Oracle) Cell(column int, clear bool) ([]string, error) {
	if o.w.Table.Columns[column].Dropped {
		return nil, nil
	}
	r := o.request
	r.Resource, r.Context = uid("Cell", fmt.Sprint(column)), o.clear[0]
	if clear {
		r.Context = o.clear[1]
	}
	_, diagnostic := cedar.Authorize(o.policies, o.entities, r)
	if len(diagnostic.Errors) > 0 {
		return nil, fmt.Errorf("policy %s: %s", diagnostic.Errors[0].PolicyID, diagnostic.Errors[0].Message)
	}
	var ids []string
	for _, reason := range diagnostic.Reasons {
		ids = append(ids, string(reason.PolicyID))
	}
	return ids, nil
}
