package grant

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
)

// The built-in rules, as decisions and access records name them. They need no
// grant; everything else does.
const (
	RuleOpen          = "rule:open"          // class open, by everybody: of the rows that the declaration makes public
	RuleSelf          = "rule:self"          // a citizen of assurance 2: the rows about themself, but restricted fields
	RuleOwner         = "rule:owner"         // staff of the owner, in their areas: all but restricted fields
	RuleAdministrator = "rule:administrator" // the datasets an installation is run with
	RuleAuditor       = "rule:auditor"       // the datasets that tell who may and who did
	RuleKeeper        = "rule:keeper"        // who writes a whole dataset: its quarantine and imports
	RuleToken         = "rule:token"         // the scopes of an access token
	RuleOperator      = "rule:operator"      // who works on the data itself
	RuleDefinition    = "rule:definition"    // staff read what is defined; stewards write what their agency defines
)

// selfAssurance is the level at which a citizen is known well enough to be shown
// what is held about them.
const selfAssurance = 2

// What the two roles of the installation read among the system datasets, and the
// columns of it that they do not: a quarantined row as it came is city data.
func administered(dataset string) bool {
	switch dataset {
	case "agency", "account", "capacity", "area", "sector", "purpose", "token", "dataset", "definition":
		return true
	}
	return false
}

func audited(dataset string) (but string, ok bool) {
	switch dataset {
	case "grant", "access", "account", "capacity", "agency", "dataset", "area", "import", "token", "erasure", "release":
		return "", true
	case "quarantine":
		return "raw", true
	}
	return "", false
}

// guarded tells that a dataset is what trust itself rests on: no scope of a
// token reaches it.
func guarded(dataset string) bool {
	switch dataset {
	case "grant", "access", "account", "capacity", "token", "rights-request", "erasure", "release":
		return true
	}
	return false
}

// kept tells that records of a dataset belong to the dataset which their field
// of that name names: whoever writes the whole of that one sees and writes them.
func kept(dataset string) bool { return dataset == "quarantine" || dataset == "import" }

// rules adds what the built-in rules give. Those that are given by office or by
// one's own person show personal cells without a purpose being named.
func (d *Decision) rules() {
	f, s, name := d.f, &d.req.Subject, d.req.Dataset.Name
	write := d.req.Action == Write
	if !write {
		d.give(branch{id: RuleOpen, clear: f.upTo[dataset.Open.Rank()], rows: f.public}, nil)
	}
	if !write && f.person >= 0 && s.Person != "" && s.Assurance >= selfAssurance && contains(s.Roles, Citizen) {
		d.give(branch{id: RuleSelf, clear: f.upTo[dataset.Personal.Rank()], rows: f.equal(f.person, s.Person), office: true}, nil)
	}
	if rows, ok := d.owned(); ok {
		d.give(branch{id: RuleOwner, clear: f.upTo[dataset.Personal.Rank()], rows: rows}, nil)
	}
	if contains(s.Roles, Administrator) && administered(name) && (!write || name != "dataset") {
		d.give(branch{id: RuleAdministrator, clear: d.withoutSecrets(""), office: true}, nil)
	}
	if owner, _, _, ok := f.t.Property("owner"); ok && name == "definition" && s.Agency != "" {
		b := branch{id: RuleDefinition, clear: f.all()}
		if write {
			b.rows = f.equal(owner, s.Agency)
		}
		if !write || contains(s.Roles, Steward) {
			d.give(b, nil)
		}
	}
	if but, ok := audited(name); ok && !write && contains(s.Roles, Auditor) {
		d.give(branch{id: RuleAuditor, clear: d.withoutSecrets(but), office: true}, nil)
	}
	scope := s.Read
	if write {
		scope = s.Write
	}
	if s.Token && !guarded(name) && (contains(scope, name) || contains(scope, "*")) && (!write || name != "dataset") {
		d.give(branch{id: RuleToken, clear: f.all()}, nil)
	}
	if c, _, _, ok := f.t.Property("dataset"); ok && kept(name) && len(d.req.Keeps) > 0 {
		b := branch{id: RuleKeeper, clear: f.all(), rows: f.equal(c, d.req.Keeps...)}
		if contains(d.req.Keeps, "*") {
			b.rows = nil
		}
		d.give(b, nil)
	}
	if s.Admin {
		d.give(branch{id: RuleOperator, clear: f.all(), office: true}, nil)
	}
}

// owned says which rows the subject has as staff of the owner. Stewards and
// engineers write everywhere, for they keep the whole dataset; a leader does not
// write.
func (d *Decision) owned() (rows cql2.Expr, ok bool) {
	s, owner := &d.req.Subject, d.req.Dataset.Owner
	if owner == "" || s.Agency != owner {
		return nil, false
	}
	keeper := contains(s.Roles, Steward) || contains(s.Roles, Engineer)
	field := contains(s.Roles, OperatorRole) || contains(s.Roles, Officer)
	switch {
	case d.req.Action == Write && keeper:
		return nil, true
	case d.req.Action == Write && !field, !keeper && !field && !contains(s.Roles, Leader):
		return nil, false
	case d.f.t.Area < 0:
		return nil, true
	}
	return d.inAreas()
}

func (d *Decision) withoutSecrets(but string) columns {
	c, _, _, ok := d.f.t.Property(but)
	if !ok && d.f.secret.empty() {
		return d.f.all()
	}
	s := d.f.all().clone()
	s.removeAll(d.f.secret)
	if ok {
		s.remove(c)
	}
	return s
}
