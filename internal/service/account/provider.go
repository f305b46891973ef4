package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Provider signs people in by OpenID Connect: the authorisation code flow with
// PKCE (RFC 7636), state and nonce. Any provider with discovery will do.
type Provider struct {
	Name         map[string]string // on the button, by language
	Issuer       string
	ClientID     string
	ClientSecret string   // empty for a public client
	Redirect     string   // address of /enter/callback here, as the provider knows it
	Scopes       []string // beside openid
	UserInfo     bool     // claims are also asked for at the provider's UserInfo endpoint
	Citizens     bool     // who has no account gets one as a citizen
	Claims       Claims
}

// Claims says which claims tell what; an empty name stands for none. What a
// claim holds counts only as far as it is mapped, except for codes of agencies
// and areas, which may be those of the city themselves.
type Claims struct {
	Name, Email, Person  string // "name" and "email" when empty
	Agency, Roles, Areas string
	Agencies             map[string]string // value of Agency → code of an agency
	RoleOf               map[string]string // value of Roles → role
	AreaOf               map[string]string // value of Areas → code of an area, or *
	Assurance            map[string]int    // value of acr → level 0 to 3; others are 0
}

// provider is a Provider with what its discovery told.
type provider struct {
	Provider
	client *http.Client
	mu     sync.Mutex
	found  *oidc.Provider
}

// discover asks the provider for its endpoints, once.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil {
		found, err := oidc.NewProvider(context.WithoutCancel(p.context(ctx)), p.Issuer)
		if err != nil {
			e := problem.Wrap(err, problem.Unavailable, "provider-unreachable")
			e.RetryAfter = 10 * time.Second
			return nil, nil, e
		}
		p.found = found
	}
	return p.found, &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: p.found.Endpoint(), RedirectURL: p.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...),
	}, nil
}

func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

const (
	flowKey    = "flow/" // + digest of the state
	flowPrefix = "huongf_"
	flowHolds  = 10 * time.Minute
)

// flow is a sign-in at the provider, or by passkey, that has begun.
type flow struct {
	Browser         string // digest of what the browser keeps: nobody ends what another began
	Nonce, Verifier string
	Back            string
	Passkey         []byte // of a passkey's ceremony
	Account         string
	Ends            int64
}

// begun keeps a flow and returns its state and what the browser is to keep.
func (a *Accounts) begun(ctx context.Context, f flow) (state, browser string, err error) {
	state, digest, err := a.secret(flowPrefix)
	if err != nil {
		return "", "", err
	}
	if browser, f.Browser, err = a.secret(flowPrefix); err != nil {
		return "", "", err
	}
	f.Ends = a.now().Add(flowHolds).UnixMicro()
	return state, browser, a.private.Put(ctx, store.StatePut{Key: flowKey + digest, Value: encoded(f)})
}

// finished takes a flow, once.
func (a *Accounts) finished(ctx context.Context, state, browser string) (f flow, err error) {
	over := problem.New(problem.Gone, "flow-over")
	if !strings.HasPrefix(state, flowPrefix) || len(state) > 200 || len(browser) > 200 {
		return f, over
	}
	key := flowKey + digestOf(state)
	raw, err := a.load(ctx, key, &f)
	if err != nil {
		return f, err
	}
	if raw == nil || a.now().UnixMicro() >= f.Ends || subtle.ConstantTimeCompare([]byte(digestOf(browser)), []byte(f.Browser)) != 1 {
		return f, over
	}
	if err := a.private.Swap(ctx, key, raw, nil); moved(err) {
		return f, over
	} else {
		return f, err
	}
}

// ProviderName is the word on the provider's button; empty where there is none.
func (a *Accounts) ProviderName(lang string) string {
	if a.provider == nil {
		return ""
	}
	for _, l := range []string{lang, "vi", "en"} {
		if name := a.provider.Name[l]; name != "" {
			return name
		}
	}
	return a.provider.Issuer
}

// BeginProvider starts a sign-in: the browser goes to address and keeps browser,
// a secret, until it comes back. back is where the reader then goes on.
func (a *Accounts) BeginProvider(ctx context.Context, back string) (address, browser string, err error) {
	if a.provider == nil {
		return "", "", problem.New(problem.NotFound, "provider-none")
	}
	_, config, err := a.provider.discover(ctx)
	if err != nil {
		return "", "", err
	}
	f := flow{Back: back}
	if f.Nonce, _, err = a.secret(""); err != nil {
		return "", "", err
	}
	if f.Verifier, _, err = a.secret(""); err != nil { // 43 characters, as RFC 7636 section 4.1 allows
		return "", "", err
	}
	state, browser, err := a.begun(ctx, f)
	if err != nil {
		return "", "", err
	}
	return config.AuthCodeURL(state, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), browser, nil
}

// FinishProvider takes what the provider sent the browser back with, and signs
// in. Staff need an account that names the provider's subject, or their verified
// e-mail; who has none becomes a citizen where the provider is one for citizens.
//
// Errors: Gone for a flow that is over or another browser's; Denied with the
// provider's refusal or where there is no account; Unavailable.
func (a *Accounts) FinishProvider(ctx context.Context, device Device, answer url.Values, browser string) (got Entered, back string, err error) {
	if a.provider == nil {
		return got, "", problem.New(problem.NotFound, "provider-none")
	}
	f, err := a.finished(ctx, answer.Get("state"), browser)
	if err != nil {
		return got, "", err
	}
	if f.Verifier == "" {
		return got, "", problem.New(problem.Gone, "flow-over")
	}
	if answer.Get("error") != "" || answer.Get("code") == "" {
		return got, f.Back, problem.Wrap(fmt.Errorf("the provider answered %q", shortened(answer.Get("error"))), problem.Denied, "provider-refused")
	}
	claims, err := a.exchange(ctx, f, answer.Get("code"))
	if err != nil {
		return got, f.Back, err
	}
	acc, before, err := a.accountOfClaims(ctx, claims)
	if err != nil {
		return got, f.Back, err
	}
	if err := a.capacityOfClaims(ctx, acc, claims); err != nil {
		return got, f.Back, err
	}
	got, err = a.enter(ctx, before, session{Account: acc.ID, How: "provider", Assurance: claims.assurance}, device)
	return got, f.Back, err
}

// told is what a provider tells of somebody.
type told struct {
	subject, name, email, person string
	verified                     bool
	assurance                    int
	agency                       string
	roles, areas                 []string
}

// exchange turns a code into claims whose signature, issuer, audience, term and
// nonce were checked.
func (a *Accounts) exchange(ctx context.Context, f flow, code string) (told, error) {
	p := a.provider
	found, config, err := p.discover(ctx)
	if err != nil {
		return told{}, err
	}
	refused := func(err error) error { return problem.Wrap(err, problem.Denied, "provider-refused") }
	ctx = p.context(ctx)
	tokens, err := config.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var answered *oauth2.RetrieveError
		if errors.As(err, &answered) {
			return told{}, refused(fmt.Errorf("the token endpoint answered %d %q", answered.Response.StatusCode, answered.ErrorCode))
		}
		e := problem.Wrap(errors.New("the token endpoint does not answer"), problem.Unavailable, "provider-unreachable")
		e.RetryAfter = 10 * time.Second
		return told{}, e
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, Now: a.now}).Verify(ctx, raw)
	if err != nil {
		return told{}, refused(err)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return told{}, refused(err)
	}
	switch azp, _ := claims["azp"].(string); {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1:
		return told{}, refused(errors.New("the nonce is another"))
	case azp != "" && azp != p.ClientID, azp == "" && len(id.Audience) > 1:
		return told{}, refused(errors.New("the token is for another party"))
	case id.Subject == "":
		return told{}, refused(errors.New("no subject"))
	}
	acr := claims["acr"]
	if p.UserInfo {
		more, err := found.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err != nil {
			return told{}, refused(err)
		}
		if more.Subject != id.Subject {
			return told{}, refused(errors.New("the user info is about somebody else"))
		}
		if err := more.Claims(&claims); err != nil {
			return told{}, refused(err)
		}
	}
	return p.Claims.read(id.Subject, acr, claims), nil
}

// read picks what counts from claims. The level of assurance is that of the
// signed token alone.
func (c *Claims) read(subject string, acr any, claims map[string]any) told {
	text := func(name, standard string) string {
		if name == "" {
			name = standard
		}
		s, _ := claims[name].(string)
		return strings.TrimSpace(s)
	}
	list := func(name string) (items []string) {
		switch v := claims[name].(type) {
		case string:
			items = strings.Fields(v)
		case []any:
			for _, x := range v {
				if s, ok := x.(string); ok {
					items = append(items, s)
				}
			}
		}
		return items
	}
	level, _ := acr.(string)
	t := told{subject: subject, name: text(c.Name, "name"), email: strings.ToLower(text(c.Email, "email")), person: text(c.Person, ""), assurance: c.Assurance[level]}
	t.verified, _ = claims["email_verified"].(bool)
	if t.agency = text(c.Agency, ""); c.Agencies[t.agency] != "" {
		t.agency = c.Agencies[t.agency]
	}
	for _, v := range list(c.Roles) {
		if role := c.RoleOf[v]; role != "" && !slices.Contains(t.roles, role) {
			t.roles = append(t.roles, role)
		}
	}
	for _, v := range list(c.Areas) {
		if area := c.AreaOf[v]; area != "" {
			v = area
		}
		t.areas = append(t.areas, v)
	}
	return t
}

// accountOfClaims finds the account of a subject, links one or makes one. before
// was read before the account was looked at.
func (a *Accounts) accountOfClaims(ctx context.Context, t told) (acc Account, before life, err error) {
	issuer := a.provider.Issuer
	found, err := a.accountWhere(ctx, is("issuer", issuer), is("subject", t.subject))
	if err == nil && found == nil && t.verified && t.email != "" {
		if found, err = a.accountWhere(ctx, is("kind", Staff), is("email", t.email)); err == nil && found != nil {
			if found.Subject != "" || found.Issuer != "" {
				return acc, before, problem.New(problem.Denied, "provider-no-account") // another person's already
			}
			found.Issuer, found.Subject = issuer, t.subject
			err = a.rewrite(ctx, *found, "linked to the identity provider")
		}
	}
	if err != nil {
		return acc, before, err
	}
	if found == nil {
		if found, err = a.newCitizen(ctx, t); err != nil {
			return acc, before, err
		}
	}
	if found.Kind == Citizen && t.person != found.Person {
		if found.Person != "" || t.person == "" {
			return acc, before, problem.New(problem.Denied, "provider-other-person")
		}
		found.Person = t.person
		if err := a.rewrite(ctx, *found, "personal number told by the identity provider"); err != nil {
			return acc, before, err
		}
	}
	before, _, err = a.lifeOf(ctx, found.ID)
	if err != nil {
		return acc, before, err
	}
	who, err := a.existing(ctx, found.ID)
	if err != nil {
		return acc, before, err
	}
	if who.Disabled || who.Kind == Machine {
		return acc, before, problem.New(problem.Denied, "provider-no-account")
	}
	return who.Account, before, nil
}

func (a *Accounts) accountWhere(ctx context.Context, conditions ...cql2.Expr) (found *Account, err error) {
	q := repo.Query{Dataset: repo.SystemAccount, Filter: &cql2.Call{Op: "and", Args: conditions}, Limit: 1}
	_, err = a.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		acc := accountOf(rec)
		found = &acc
		return nil
	})
	return found, err
}

func (a *Accounts) rewrite(ctx context.Context, acc Account, reason string) error {
	e, err := a.entry(repo.SystemAccount)
	if err != nil {
		return err
	}
	return a.write(ctx, repo.Principal{Name: acc.ID}, reason, commit.Change{Dataset: repo.SystemAccount, Op: commit.Put, Row: acc.row(e)})
}

// newCitizen makes an account for somebody who signs in for the first time. Its
// id says nothing about the person, and is the same for the same subject.
func (a *Accounts) newCitizen(ctx context.Context, t told) (*Account, error) {
	if !a.provider.Citizens {
		return nil, problem.New(problem.Denied, "provider-no-account")
	}
	id, err := a.tryOf(ctx, "citizen", a.provider.Issuer+"\x00"+t.subject)
	if err != nil {
		return nil, err
	}
	acc := Account{ID: "c-" + id[len(id)-16:], Name: t.name, Kind: Citizen, Person: t.person, Issuer: a.provider.Issuer, Subject: t.subject, Assurance: t.assurance}
	if acc.Name == "" {
		acc.Name = acc.ID
	}
	vs, err := a.faults(&acc)
	if err != nil {
		return nil, err
	}
	if err := problem.InvalidWith("account-invalid", vs); err != nil {
		return nil, problem.Wrap(err, problem.Denied, "provider-refused")
	}
	err = a.create(ctx, repo.Principal{Name: acc.ID}, acc, []Capacity{{Roles: []string{grant.Citizen}}}, "first sign-in of a citizen")
	if k := problem.KindOf(err); err != nil && k != problem.Conflict && k != problem.Stale {
		return nil, err
	}
	return &acc, nil // made, now or by another request of the same moment
}

// capacityOfClaims keeps the capacity that the provider's claims give a member of
// staff, in a record of its own, and ends it when they give none any more.
func (a *Accounts) capacityOfClaims(ctx context.Context, acc Account, t told) error {
	if acc.Kind != Staff || a.provider.Claims.Roles == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(a.provider.Issuer + "\x00" + acc.ID))
	id := "p" + hex.EncodeToString(sum[:8])
	rec, err := a.record(ctx, repo.SystemCapacity, id)
	if err != nil {
		return err
	}
	var kept Capacity
	if rec != nil {
		kept = capacityOf(*rec)
	}
	c := Capacity{ID: id, Account: acc.ID, Agency: t.agency, Roles: t.roles, Areas: t.areas, From: kept.From, Ended: len(t.roles) == 0, Reason: "identity provider"}
	if !c.Ended {
		vs, err := a.capacityFaults(ctx, &c)
		if err != nil {
			return err
		}
		if len(vs) > 0 {
			a.log.WarnContext(ctx, "the identity provider gives no valid capacity", "account", acc.ID, "fault", vs[0].Code)
			c.Ended = true
		}
	}
	if c.Ended {
		if rec == nil || kept.Ended {
			return nil
		}
		return a.patch(ctx, repo.Principal{Name: acc.ID}, repo.SystemCapacity, id, "ended", value.OfBool(true), "the identity provider gives it no more")
	}
	if c.From.IsZero() || kept.Ended {
		c.From = a.repo.Now()
	}
	if rec != nil && !kept.Ended && kept.Agency == c.Agency && slices.Equal(kept.Roles, c.Roles) && slices.Equal(kept.Areas, c.Areas) {
		return nil
	}
	e, err := a.entry(repo.SystemCapacity)
	if err != nil {
		return err
	}
	return a.write(ctx, repo.Principal{Name: acc.ID}, "capacity told by the identity provider", commit.Change{Dataset: repo.SystemCapacity, Op: commit.Put, Row: c.row(e)})
}
