package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Opening is an account to be made.
type Opening struct {
	Account
	Capacities []Capacity
	Password   string // to be changed at the first sign-in; none when empty
	Chosen     bool   // the password is its owner's: it stays
}

// Create makes an account. Its owner signs in by the given password and chooses
// another at once, or by a link (Recover).
//
// Errors: Denied; Invalid with every fault; Conflict when the id is taken.
func (a *Accounts) Create(ctx context.Context, p repo.Principal, n Opening) error {
	if err := mayAdminister(p); err != nil {
		return err
	}
	n.ID = strings.TrimSpace(n.ID)
	vs, err := a.faults(&n.Account)
	if err != nil {
		return err
	}
	for i := range n.Capacities {
		n.Capacities[i].Account = n.ID
		more, err := a.capacityFaults(ctx, &n.Capacities[i])
		if err != nil {
			return err
		}
		vs = append(vs, more...)
	}
	if n.Password != "" {
		vs = append(vs, weak(n.Password, n.ID, n.Name, n.Email)...)
	}
	if err := problem.InvalidWith("account-invalid", vs); err != nil {
		return err
	}
	if rec, err := a.record(ctx, repo.SystemAccount, n.ID); err != nil {
		return err
	} else if rec != nil {
		return problem.New(problem.Conflict, "account-taken", "account", n.ID)
	}
	if err := a.create(ctx, p, n.Account, n.Capacities, "account created"); err != nil {
		return err
	}
	if n.Password == "" {
		return nil
	}
	return a.keepPassword(ctx, &n.Account, n.Password, !n.Chosen)
}

// Ending says what of an account is to end at once, apart from its password.
type Ending struct {
	Sessions bool // sessions, and links and bearer tokens that were given
	Passkeys bool // all; sessions begun by them end as well
	Secrets  bool // a machine's client secret, its tokens and certificates
}

// Ways counts what lets an account in.
type Ways struct {
	Sessions, Passkeys, Certificates int
	Password, Secret                 bool
}

// Ways tells an administrator what lets an account in, none of it itself.
func (a *Accounts) Ways(ctx context.Context, p repo.Principal, id string) (w Ways, err error) {
	if err := mayAdminister(p); err != nil {
		return w, err
	}
	sessions, err := a.sessionsOf(ctx, id)
	if err != nil {
		return w, err
	}
	passkeys, err := a.passkeysOf(ctx, id)
	if err != nil {
		return w, err
	}
	certificates, err := a.certificatesOf(ctx, id)
	if err != nil {
		return w, err
	}
	word, err := a.private.Get(ctx, passwordKey+id)
	if err != nil {
		return w, err
	}
	secret, err := a.private.Get(ctx, clientKey+id)
	return Ways{len(sessions), len(passkeys), len(certificates), word != nil, secret != nil}, err
}

// Shut ends ways into an account: what a thief may have of it must not outlast
// its recovery. Denied to all but administrators; NotFound.
func (a *Accounts) Shut(ctx context.Context, p repo.Principal, id string, e Ending) error {
	if err := mayAdminister(p); err != nil {
		return err
	}
	who, err := a.existing(ctx, id)
	if err != nil || e == (Ending{}) {
		return err
	}
	var puts []store.StatePut
	if e.Passkeys {
		list, err := a.passkeysOf(ctx, who.ID)
		if err != nil {
			return err
		}
		for _, k := range list {
			puts = append(puts, deletion(passkeyKey+who.ID+"/"+passkeyID(k.Credential.ID)))
		}
	}
	if e.Secrets {
		list, err := a.certificatesOf(ctx, who.ID)
		if err != nil {
			return err
		}
		puts = append(puts, deletion(clientKey+who.ID))
		for _, key := range list {
			puts = append(puts, deletion(key))
		}
	}
	a.log.InfoContext(ctx, "ways into an account ended", "account", who.ID, "by", p.Name, "sessions", true, "passkeys", e.Passkeys, "secrets", e.Secrets)
	return a.endAll(ctx, who.ID, puts...)
}

// certificatesOf lists the keys of an account's certificates.
func (a *Accounts) certificatesOf(ctx context.Context, id string) (keys []string, err error) {
	err = a.private.Each(ctx, certificateKey, func(key string, val []byte) error {
		if string(val) == id {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// Recover makes a link, good once and for a day, by which the owner of an
// account chooses a password. Its secret is to be handed over in person. What
// also is to end ends before: whoever has the account now is out at once, not
// only when the link is used.
func (a *Accounts) Recover(ctx context.Context, p repo.Principal, id string, also Ending) (secret string, ends time.Time, err error) {
	if err := mayAdminister(p); err != nil {
		return "", ends, err
	}
	who, err := a.existing(ctx, id)
	if err != nil {
		return "", ends, err
	}
	if who.Disabled || who.Kind == Machine {
		return "", ends, problem.New(problem.Conflict, "account-no-password", "account", who.ID)
	}
	if err := a.Shut(ctx, p, id, also); err != nil {
		return "", ends, err
	}
	a.log.InfoContext(ctx, "one-time link made", "account", who.ID, "by", p.Name)
	return a.link(ctx, link{Kind: linkPassword, Account: who.ID}, recoveryHolds)
}

func (a *Accounts) existing(ctx context.Context, id string) (*person, error) {
	who, err := a.person(ctx, id)
	if err == nil && who == nil {
		err = problem.New(problem.NotFound, "account-unknown", "account", shortened(id))
	}
	return who, err
}

// Disable closes an account, with all its sessions and links, or opens it again.
func (a *Accounts) Disable(ctx context.Context, p repo.Principal, id string, disabled bool) error {
	if err := mayAdminister(p); err != nil {
		return err
	}
	who, err := a.existing(ctx, id)
	if err != nil {
		return err
	}
	if disabled {
		if err := a.notLast(ctx, p, id); err != nil {
			return err
		}
	}
	reason := "account opened"
	if disabled {
		reason = "account disabled"
	}
	if err := a.patch(ctx, p, repo.SystemAccount, id, "disabled", value.OfBool(disabled), reason); err != nil {
		return err
	}
	if !disabled {
		return nil
	}
	return a.endAll(ctx, who.ID)
}

// notLast refuses to take the last administrator away; who works on the data
// itself can make another.
func (a *Accounts) notLast(ctx context.Context, p repo.Principal, id string) error {
	list, err := a.administrators(ctx)
	if err == nil && !p.Admin && len(list) == 1 && list[0] == id {
		err = problem.New(problem.Conflict, "administrator-last")
	}
	return err
}

func (a *Accounts) patch(ctx context.Context, p repo.Principal, dataset, id, field string, v value.Value, reason string) error {
	e, err := a.entry(dataset)
	if err != nil {
		return err
	}
	f := fields{e, make([]value.Value, e.Table.Width())}
	f.set("id", id)
	f.put(field, v)
	mask := make([]bool, len(f.row))
	i, _, _, _ := e.Table.Property(field)
	mask[i] = true
	return a.write(ctx, p, reason, commit.Change{Dataset: dataset, Op: commit.Patch, Row: f.row, Mask: mask})
}

// Give gives an account a capacity and returns its id. Nobody gives one to
// themself: an administrator sees no data of the city by being one.
func (a *Accounts) Give(ctx context.Context, p repo.Principal, c Capacity) (id string, err error) {
	if err := mayAdminister(p); err != nil {
		return "", err
	}
	if !p.Admin && c.Account == p.Name {
		return "", problem.New(problem.Denied, "capacity-to-self")
	}
	if _, err := a.existing(ctx, c.Account); err != nil {
		return "", err
	}
	c.DelegatedBy, c.Source, c.Ended = "", "", false
	if c.From.IsZero() {
		c.From = a.repo.Now()
	}
	vs, err := a.capacityFaults(ctx, &c)
	if err != nil {
		return "", err
	}
	if err := problem.InvalidWith("capacity-invalid", vs); err != nil {
		return "", err
	}
	return a.give(ctx, p, c, "capacity given")
}

func (a *Accounts) give(ctx context.Context, p repo.Principal, c Capacity, reason string) (id string, err error) {
	if c.ID, err = a.id(); err != nil {
		return "", err
	}
	e, err := a.entry(repo.SystemCapacity)
	if err != nil {
		return "", err
	}
	return c.ID, a.write(ctx, p, reason, commit.Change{Dataset: repo.SystemCapacity, Op: commit.Put, Row: c.row(e), Expect: commit.Absent})
}

// capacityFaults finds what is wrong with a capacity: roles, agency and areas
// that do not exist, a term that ends before it begins.
func (a *Accounts) capacityFaults(ctx context.Context, c *Capacity) (vs []problem.Violation, err error) {
	if len(c.Roles) == 0 {
		vs = append(vs, problem.Violate("capacity-role-none", "roles"))
	}
	needsAgency := false
	for _, role := range c.Roles {
		switch role {
		case grant.Administrator, grant.Auditor, grant.Citizen, grant.Machine:
		default:
			needsAgency = true
		}
		if !slices.Contains(grant.Roles(), role) {
			vs = append(vs, problem.Violate("capacity-role-unknown", "roles", "role", shortened(role)))
		}
	}
	switch {
	case c.Agency == "" && needsAgency:
		vs = append(vs, problem.Violate("capacity-agency-none", "agency"))
	case c.Agency != "":
		if vs, err = a.named(ctx, vs, repo.SystemAgency, "agency", c.Agency); err != nil {
			return nil, err
		}
	}
	for _, area := range c.Areas {
		if area == WholeCity {
			continue
		}
		if vs, err = a.named(ctx, vs, repo.SystemArea, "areas", area); err != nil {
			return nil, err
		}
	}
	if !c.Until.IsZero() && !c.Until.After(c.From) {
		vs = append(vs, problem.Violate("capacity-term", "until"))
	}
	return vs, nil
}

// named adds a fault when a dataset has no record of a key.
func (a *Accounts) named(ctx context.Context, vs []problem.Violation, dataset, field, key string) ([]problem.Violation, error) {
	rec, err := a.record(ctx, dataset, key)
	if err == nil && rec == nil {
		vs = append(vs, problem.Violate("capacity-unknown-"+field, field, "code", shortened(key)))
	}
	return vs, err
}

// End ends a capacity: an administrator any, its delegator and its holder a
// delegated one.
func (a *Accounts) End(ctx context.Context, p repo.Principal, id string) error {
	rec, err := a.record(ctx, repo.SystemCapacity, id)
	if err != nil {
		return err
	}
	var c Capacity
	if rec != nil {
		c = capacityOf(*rec)
	}
	party := rec != nil && c.DelegatedBy != "" && p.Name != "" && (c.DelegatedBy == p.Name || c.Account == p.Name)
	if !party {
		if err := mayAdminister(p); err != nil {
			return err
		}
	}
	if rec == nil {
		return problem.New(problem.NotFound, "capacity-unknown")
	}
	if c.DelegatedBy == "" && slices.Contains(c.Roles, grant.Administrator) {
		if err := a.notLast(ctx, p, c.Account); err != nil {
			return err
		}
	}
	return a.patch(ctx, p, repo.SystemCapacity, id, "ended", value.OfBool(true), "capacity ended")
}

// Delegation is a capacity that its holder gives to somebody of the same agency
// for a time.
type Delegation struct {
	Capacity    string // that the holder has
	To          string // account
	Roles       []string
	Areas       []string
	From, Until time.Time
	Reason      string
}

// longestDelegation bounds a delegation: what lasts longer is an office of its own.
const longestDelegation = 366 * 24 * time.Hour

// Delegate gives a part of a capacity on. It is never wider than the capacity it
// derives from, ends with it, cannot be given on, and what its holder does stands
// in the log under their own name.
//
// Errors: Denied when p does not hold the capacity; Invalid with every fault.
func (a *Accounts) Delegate(ctx context.Context, p repo.Principal, d Delegation) (id string, err error) {
	who, err := a.person(ctx, p.Name)
	if err != nil {
		return "", err
	}
	now := a.repo.Now()
	var source Capacity
	if who != nil && !p.Admin {
		for _, c := range who.acting(now) {
			if c.ID == d.Capacity && c.Source == "" {
				source = c
			}
		}
	}
	if source.ID == "" {
		return "", problem.New(problem.Denied, "capacity-not-yours")
	}
	if d.From.IsZero() {
		d.From = now
	}
	c := Capacity{Account: strings.TrimSpace(d.To), Agency: source.Agency, Roles: d.Roles, Areas: d.Areas, From: d.From, Until: d.Until,
		DelegatedBy: p.Name, Source: source.ID, Reason: d.Reason}
	vs, err := a.delegationFaults(ctx, &c, source)
	if err != nil {
		return "", err
	}
	if err := problem.InvalidWith("delegation-invalid", vs); err != nil {
		return "", err
	}
	return a.give(ctx, p, c, "capacity delegated")
}

func (a *Accounts) delegationFaults(ctx context.Context, c *Capacity, source Capacity) ([]problem.Violation, error) {
	vs, err := a.capacityFaults(ctx, c)
	if err != nil {
		return nil, err
	}
	fail := func(code, field string, kv ...any) { vs = append(vs, problem.Violate(code, field, kv...)) }
	now := a.repo.Now()
	switch {
	case c.Until.IsZero() || c.Until.Sub(c.From) > longestDelegation:
		fail("delegation-term", "until")
	case !c.Until.After(now):
		fail("delegation-past", "until")
	case !source.Until.IsZero() && c.Until.After(source.Until):
		fail("delegation-longer", "until")
	}
	for _, role := range c.Roles {
		if !slices.Contains(source.Roles, role) {
			fail("delegation-wider", "roles", "what", shortened(role))
		}
	}
	for _, area := range c.Areas {
		if !slices.Contains(source.Areas, WholeCity) && !slices.Contains(source.Areas, area) {
			fail("delegation-wider", "areas", "what", shortened(area))
		}
	}
	// Whether there is an account of that id is told to those of the same agency
	// alone: a name that is none and one of elsewhere get the same answer.
	to, err := a.person(ctx, c.Account)
	if err != nil {
		return nil, err
	}
	colleague := to != nil && to.Kind == Staff && to.ID != c.DelegatedBy && slices.ContainsFunc(to.acting(now), func(own Capacity) bool {
		return own.Source == "" && own.Agency != "" && own.Agency == source.Agency
	})
	if !colleague {
		fail("delegation-not-colleague", "to")
	}
	return vs, nil
}

// Delegated lists what an account has given on and has not ended.
func (a *Accounts) Delegated(ctx context.Context, p repo.Principal) ([]Capacity, error) {
	if p.Name == "" || p.Admin {
		return nil, nil
	}
	list, err := a.capacities(ctx, is("delegatedBy", p.Name))
	now := a.repo.Now()
	return slices.DeleteFunc(list, func(c Capacity) bool { return c.Ended || !c.Until.IsZero() && !now.Before(c.Until) }), err
}

// Of returns an account and all its capacities, as far as p may read them. The
// personal number and the subject are left out: administering needs neither.
func (a *Accounts) Of(ctx context.Context, p repo.Principal, id string) (Account, []Capacity, error) {
	rec, err := a.repo.Get(ctx, p, repo.SystemAccount, []value.Value{value.OfText(id)}, 0)
	if problem.KindOf(err) == problem.NotFound {
		err = problem.New(problem.NotFound, "account-unknown", "account", shortened(id))
	}
	if err != nil {
		return Account{}, nil, err
	}
	acc := accountOf(rec)
	acc.Person, acc.Subject = "", ""
	var list []Capacity
	_, err = a.repo.Read(ctx, p, repo.Query{Dataset: repo.SystemCapacity, Filter: is("account", id)}, func(rec repo.Record) error {
		list = append(list, capacityOf(rec))
		return nil
	})
	return acc, list, err
}

// List reads accounts by id, as far as p may, at most limit from a cursor on;
// next is the cursor of those that follow.
func (a *Accounts) List(ctx context.Context, p repo.Principal, cursor string, limit int) (list []Account, next string, err error) {
	q := repo.Query{Dataset: repo.SystemAccount, Fields: []string{"id", "name", "kind", "createdAt", "disabled"}, Cursor: cursor, Limit: limit}
	page, err := a.repo.Read(ctx, p, q, func(rec repo.Record) error {
		list = append(list, accountOf(rec))
		return nil
	})
	return list, page.Next, err
}
