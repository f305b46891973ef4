package account

import (
	"context"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

const passwordKey = "password/" // + account

// password is what is kept of one.
type password struct {
	Hash   string // PHC string
	Change bool   // somebody else chose it: good for choosing another only
	At     int64  // when it was set, µs since 1970
}

// Entered is the result of a proof that was accepted.
type Entered struct {
	Session string // secret of the session; empty where a new password is needed first
	Change  string // then: secret of a link by which it is chosen
	Choose  bool   // the account has several capacities and acts in none yet
}

// SignIn checks a password. Whether there is such an account is not told, by the
// answer or by its time: an account and a name that is none have the same tries,
// the same wait and the same words.
//
// Errors: Unauthenticated; RateLimited with the time to wait; Unavailable.
func (a *Accounts) SignIn(ctx context.Context, device Device, name, secret string) (Entered, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	wrong := problem.New(problem.Unauthenticated, "sign-in-wrong")
	if len(name) > 100 || len(secret) > 4*longestPassword {
		return Entered{}, wrong
	}
	done, err := a.tryBoth(ctx, name, device.Address)
	if err != nil {
		return Entered{}, err
	}
	before, _, err := a.lifeOf(ctx, name)
	if err != nil {
		return Entered{}, err
	}
	var kept password
	raw, err := a.load(ctx, passwordKey+name, &kept)
	if err != nil {
		return Entered{}, err
	}
	who, err := a.person(ctx, name)
	if err != nil {
		return Entered{}, err
	}
	hash := kept.Hash
	if raw == nil {
		hash = a.hasher.nobody()
	}
	right, old, err := a.compare(ctx, hash, secret)
	if err != nil {
		return Entered{}, err
	}
	if !right || raw == nil || who == nil || who.Disabled || who.Kind == Machine {
		return Entered{}, wrong
	}
	if err := done(); err != nil {
		return Entered{}, err
	}
	if kept.Change {
		link, _, err := a.link(ctx, link{Kind: linkPassword, Account: name}, changeHolds)
		return Entered{Change: link}, err
	}
	if old {
		if kept.Hash, err = a.hash(ctx, secret); err != nil {
			return Entered{}, err
		}
		if err := a.private.Swap(ctx, passwordKey+name, raw, encoded(kept)); err != nil && !moved(err) {
			return Entered{}, err
		}
	}
	return a.enter(ctx, before, session{Account: name, How: "password", Assurance: who.Assurance}, device)
}

// enter begins a session and tells whether a capacity is to be chosen.
func (a *Accounts) enter(ctx context.Context, before life, s session, device Device) (Entered, error) {
	secret, err := a.begin(ctx, before, s, device)
	if err != nil {
		return Entered{}, err
	}
	who, err := a.person(ctx, s.Account)
	if err != nil || who == nil {
		return Entered{Session: secret}, err
	}
	return Entered{Session: secret, Choose: len(who.acting(a.repo.Now())) > 1}, nil
}

// SetPassword gives the account of a session another password, when the one
// before is known. All sessions end; the answer is a new one.
func (a *Accounts) SetPassword(ctx context.Context, session string, device Device, before, after string) (Entered, error) {
	s, err := a.Session(ctx, session)
	if err != nil {
		return Entered{}, err
	}
	id := s.Account.ID
	done, err := a.tryBoth(ctx, id, device.Address)
	if err != nil {
		return Entered{}, err
	}
	var kept password
	raw, err := a.load(ctx, passwordKey+id, &kept)
	if err != nil {
		return Entered{}, err
	}
	hash := kept.Hash
	if raw == nil {
		hash = a.hasher.nobody()
	}
	right, _, err := a.compare(ctx, hash, before)
	switch {
	case err != nil:
		return Entered{}, err
	case !right || raw == nil:
		return Entered{}, problem.InvalidWith("password-refused", []problem.Violation{problem.Violate("password-before-wrong", "before")})
	}
	if err := done(); err != nil {
		return Entered{}, err
	}
	if value.FoldCase(before) == value.FoldCase(after) {
		return Entered{}, problem.InvalidWith("password-refused", []problem.Violation{problem.Violate("password-same", "password")})
	}
	if err := a.keepPassword(ctx, &s.Account, after, false); err != nil {
		return Entered{}, err
	}
	l, _, err := a.lifeOf(ctx, id)
	if err != nil {
		return Entered{}, err
	}
	return a.enter(ctx, l, s.kept, device)
}

// keepPassword checks and keeps a password and ends all sessions and links.
func (a *Accounts) keepPassword(ctx context.Context, acc *Account, secret string, change bool, more ...store.StatePut) error {
	if err := problem.InvalidWith("password-refused", weak(secret, acc.ID, acc.Name, acc.Email)); err != nil {
		return err
	}
	hash, err := a.hash(ctx, secret)
	if err != nil {
		return err
	}
	put := store.StatePut{Key: passwordKey + acc.ID, Value: encoded(password{Hash: hash, Change: change, At: a.now().UnixMicro()})}
	return a.endAll(ctx, acc.ID, append(more, put)...)
}

// isInitial tells that a password is the one that somebody else chose for an account.
func (a *Accounts) isInitial(ctx context.Context, id, secret string) (bool, error) {
	var kept password
	if _, err := a.load(ctx, passwordKey+id, &kept); err != nil || !kept.Change {
		return false, err
	}
	same, _, err := a.compare(ctx, kept.Hash, secret)
	return same, err
}

// HasPassword tells whether an account can sign in by one.
func (a *Accounts) HasPassword(ctx context.Context, p repo.Principal, id string) (bool, error) {
	if p.Name != id {
		if err := mayAdminister(p); err != nil {
			return false, err
		}
	}
	raw, err := a.private.Get(ctx, passwordKey+id)
	return raw != nil, err
}
