package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

const linkKey = "link/" // + digest of the secret

// Kinds of one-time links, and how long each holds.
const (
	linkPassword = "password" // its account chooses a password
	linkFirst    = "first"    // makes the first administrator

	recoveryHolds = 24 * time.Hour
	firstHolds    = time.Hour
	changeHolds   = 15 * time.Minute
)

// link is what is kept of one.
type link struct {
	Kind, Account string
	Ended         int64 // life.Ended of the account when it was made: what ends sessions ends it
	Ends          int64 // µs since 1970
	Taken         bool  // somebody is using it at this moment
}

// Link is what a one-time link is good for.
type Link struct {
	First   bool   // makes the first administrator; else a password for Account
	Account string // its id
	Name    string // and owner
	Ends    time.Time
	raw     []byte
	digest  string
}

// link makes a one-time link and returns its secret.
func (a *Accounts) link(ctx context.Context, l link, holds time.Duration) (secret string, ends time.Time, err error) {
	secret, digest, err := a.secret(linkPrefix)
	if err != nil {
		return "", ends, err
	}
	if l.Account != "" {
		before, _, err := a.lifeOf(ctx, l.Account)
		if err != nil {
			return "", ends, err
		}
		l.Ended = before.Ended
	}
	ends = a.now().Add(holds)
	l.Ends = ends.UnixMicro()
	return secret, ends, a.private.Put(ctx, store.StatePut{Key: linkKey + digest, Value: encoded(l)})
}

// Look tells what a link is good for, without using it; Gone when it was used,
// is over or never was.
func (a *Accounts) Look(ctx context.Context, secret string) (Link, error) {
	gone := problem.New(problem.Gone, "link-over")
	if !strings.HasPrefix(secret, linkPrefix) || len(secret) > 200 {
		return Link{}, gone
	}
	var l link
	digest := digestOf(secret)
	raw, err := a.load(ctx, linkKey+digest, &l)
	if err != nil {
		return Link{}, err
	}
	if raw == nil || l.Taken || a.now().UnixMicro() >= l.Ends {
		return Link{}, gone
	}
	found := Link{First: l.Kind == linkFirst, Account: l.Account, Ends: time.UnixMicro(l.Ends), raw: raw, digest: digest}
	if found.First {
		there, err := a.HasAdministrator(ctx)
		if there {
			return Link{}, gone
		}
		return found, err
	}
	before, _, err := a.lifeOf(ctx, l.Account)
	if err != nil {
		return Link{}, err
	}
	who, err := a.person(ctx, l.Account)
	if err != nil {
		return Link{}, err
	}
	if who == nil || who.Disabled || before.Ended != l.Ended {
		return Link{}, gone
	}
	found.Name = who.Name
	return found, nil
}

// Use chooses a password by a link and signs in. The first administrator names
// the account as well: id and name; they are ignored for other links. A fault in
// what was entered leaves the link as it was.
func (a *Accounts) Use(ctx context.Context, device Device, secret, password, id, name string) (Entered, error) {
	l, err := a.Look(ctx, secret)
	if err != nil {
		return Entered{}, err
	}
	acc := Account{ID: strings.TrimSpace(id), Name: strings.TrimSpace(name), Kind: Staff}
	var vs []problem.Violation
	if l.First {
		if vs, err = a.faults(&acc); err != nil {
			return Entered{}, err
		}
	} else {
		who, err := a.existing(ctx, l.Account)
		if err != nil {
			return Entered{}, err
		}
		acc = who.Account
		if same, err := a.isInitial(ctx, acc.ID, password); err != nil {
			return Entered{}, err
		} else if same {
			vs = append(vs, problem.Violate("password-same", "password"))
		}
	}
	vs = append(vs, weak(password, acc.ID, acc.Name, acc.Email)...)
	if err := problem.InvalidWith("password-refused", vs); err != nil {
		return Entered{}, err
	}
	// Taken first: of two who use it at once, one is refused.
	taken := encoded(link{Taken: true, Ends: l.Ends.UnixMicro()})
	if err := a.private.Swap(ctx, linkKey+l.digest, l.raw, taken); moved(err) {
		return Entered{}, problem.New(problem.Gone, "link-over")
	} else if err != nil {
		return Entered{}, err
	}
	if l.First {
		err = a.makeFirst(ctx, acc)
	}
	if err == nil {
		err = a.keepPassword(ctx, &acc, password, false, deletion(linkKey+l.digest))
	}
	if err != nil {
		undone := context.WithoutCancel(ctx)
		if e := a.private.Swap(undone, linkKey+l.digest, taken, l.raw); e != nil && !moved(e) {
			a.log.WarnContext(ctx, "one-time link not given back", "err", e)
		}
		return Entered{}, err
	}
	now, _, err := a.lifeOf(ctx, acc.ID)
	if err != nil {
		return Entered{}, err
	}
	return a.enter(ctx, now, session{Account: acc.ID, How: "password", Assurance: acc.Assurance}, device)
}

// FirstLink makes the link by which a city without an administrator gets one;
// empty where it has one. Links made before stay good until they end.
func (a *Accounts) FirstLink(ctx context.Context) (secret string, err error) {
	there, err := a.HasAdministrator(ctx)
	if there || err != nil {
		return "", err
	}
	secret, _, err = a.link(ctx, link{Kind: linkFirst}, firstHolds)
	return secret, err
}

// HasAdministrator tells whether anybody may act as administrator now or later.
func (a *Accounts) HasAdministrator(ctx context.Context) (bool, error) {
	list, err := a.administrators(ctx)
	return len(list) > 0, err
}

// administrators lists the accounts that may act as such now or later.
func (a *Accounts) administrators(ctx context.Context) (ids []string, err error) {
	list, err := a.capacities(ctx, nil)
	if err != nil {
		return nil, err
	}
	now := a.repo.Now()
	for _, c := range list {
		if c.Ended || c.Source != "" || !slices.Contains(c.Roles, grant.Administrator) || !c.Until.IsZero() && !now.Before(c.Until) || slices.Contains(ids, c.Account) {
			continue
		}
		who, err := a.person(ctx, c.Account)
		if err != nil {
			return nil, err
		}
		if who != nil && !who.Disabled {
			ids = append(ids, c.Account)
		}
	}
	return ids, nil
}

func (a *Accounts) makeFirst(ctx context.Context, acc Account) error {
	return a.create(ctx, repo.Principal{Name: acc.ID}, acc, []Capacity{{Roles: []string{grant.Administrator}, Areas: []string{WholeCity}}}, "first administrator")
}

// create commits a new account with its first capacities.
func (a *Accounts) create(ctx context.Context, p repo.Principal, acc Account, list []Capacity, reason string) error {
	accounts, err := a.entry(repo.SystemAccount)
	if err != nil {
		return err
	}
	capacities, err := a.entry(repo.SystemCapacity)
	if err != nil {
		return err
	}
	acc.Created = a.repo.Now()
	changes := []commit.Change{{Dataset: repo.SystemAccount, Op: commit.Put, Row: acc.row(accounts), Expect: commit.Absent}}
	for _, c := range list {
		if c.ID, err = a.id(); err != nil {
			return err
		}
		c.Account = acc.ID
		if c.From.IsZero() {
			c.From = acc.Created
		}
		changes = append(changes, commit.Change{Dataset: repo.SystemCapacity, Op: commit.Put, Row: c.row(capacities), Expect: commit.Absent})
	}
	return a.write(ctx, p, reason, changes...)
}

// faults checks an account against its declaration and what is stored.
func (a *Accounts) faults(acc *Account) ([]problem.Violation, error) {
	e, err := a.entry(repo.SystemAccount)
	if err != nil {
		return nil, err
	}
	filled := *acc
	if filled.Created.IsZero() {
		filled.Created = a.repo.Now()
	}
	return e.Schema.Check(filled.row(e), nil), nil
}
