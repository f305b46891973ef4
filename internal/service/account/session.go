package account

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

const (
	sessionKey = "session/" // + digest of the secret
	ownKey     = "own/"     // + account + "/" + digest: the sessions of an account
	lifeKey    = "life/"    // + account
)

func ownedKey(account, digest string) string { return ownKey + account + "/" + digest }

func deletion(key string) store.StatePut { return store.StatePut{Key: key} }

// maxSessions bounds the sessions of one account; the oldest makes room.
const maxSessions = 20

// seenEvery is how exactly a session remembers its last use: a write for every
// request would be too many.
const seenEvery = time.Minute

// Device is what a request tells of where it comes from.
type Device struct {
	Agent   string // User-Agent
	Address string // network address
}

// Session is one sign-in that holds.
type Session struct {
	ID         string // to name it; no secret
	Account    Account
	Capacity   *Capacity  // as what it acts now; nil while none is chosen
	Capacities []Capacity // to choose from
	Purpose    repo.Purpose
	Case       string
	Hidden     time.Time // access records of the task are hidden from the persons until then; zero: they are not
	How        string    // password, passkey, provider
	Device     string
	Address    string // truncated
	Created    time.Time
	Seen       time.Time // within a minute
	Ends       time.Time
	principal  repo.Principal
	raw        []byte
	kept       session
}

// Principal is who acts by this session.
func (s *Session) Principal() repo.Principal { return s.principal }

// session is what is kept of one.
type session struct {
	Account, Capacity, Purpose, Case string
	Assurance                        int
	How, Device, Address             string
	Created, Seen, Ends, Hidden      int64 // µs since 1970
}

// life counts what ends sessions and links of an account, so that none begins
// by what was true before: Ended is how often all were ended, Begun how many began.
type life struct{ Ended, Begun int64 }

// lifeOf is read before an account's credential is checked and handed to begin.
func (a *Accounts) lifeOf(ctx context.Context, account string) (l life, raw []byte, err error) {
	raw, err = a.load(ctx, lifeKey+account, &l)
	return l, raw, err
}

// begin starts a session for an account whose credential was checked after the
// life before was read, and returns its secret. It is Unauthenticated when
// everything of the account was ended meanwhile.
func (a *Accounts) begin(ctx context.Context, before life, s session, device Device) (string, error) {
	secret, digest, err := a.secret(sessionPrefix)
	if err != nil {
		return "", err
	}
	now := a.now()
	s.Device, s.Address = deviceOf(device.Agent), truncated(device.Address)
	s.Created, s.Seen, s.Ends = now.UnixMicro(), now.UnixMicro(), now.Add(a.life).UnixMicro()
	who, err := a.person(ctx, s.Account)
	if err != nil {
		return "", err
	}
	if who == nil || who.Disabled {
		return "", unauthenticated()
	}
	if list := who.acting(a.repo.Now()); len(list) == 1 {
		s.Capacity = list[0].ID
	}
	if err := a.add(ctx, before, digest, s, true); err != nil {
		return "", err
	}
	a.log.InfoContext(ctx, "signed in", "account", s.Account, "how", s.How)
	return secret, nil
}

// add keeps a session unless everything of its account was ended since the life
// before; room tells that the oldest make room for it.
func (a *Accounts) add(ctx context.Context, before life, digest string, s session, room bool) error {
	for {
		l, raw, err := a.lifeOf(ctx, s.Account)
		if err != nil {
			return err
		}
		if l.Ended != before.Ended {
			return unauthenticated()
		}
		var puts []store.StatePut
		if room {
			if puts, err = a.makeRoom(ctx, s.Account); err != nil {
				return err
			}
		}
		puts = append(puts, store.StatePut{Key: sessionKey + digest, Value: encoded(s)}, store.StatePut{Key: ownedKey(s.Account, digest), Value: []byte{1}})
		l.Begun++
		if err := a.private.Swap(ctx, lifeKey+s.Account, raw, encoded(l), puts...); !moved(err) {
			return err
		}
	}
}

// makeRoom deletes the oldest sessions of an account that has too many.
func (a *Accounts) makeRoom(ctx context.Context, account string) (puts []store.StatePut, err error) {
	list, err := a.sessionsOf(ctx, account)
	for i := 0; err == nil && i <= len(list)-maxSessions; i++ {
		puts = append(puts, deletion(sessionKey+list[i].ID), deletion(ownedKey(account, list[i].ID)))
	}
	return puts, err
}

// Session returns a session by its secret; Unauthenticated where it is over.
func (a *Accounts) Session(ctx context.Context, secret string) (*Session, error) {
	if !strings.HasPrefix(secret, sessionPrefix) || len(secret) > 200 {
		return nil, unauthenticated()
	}
	digest := digestOf(secret)
	s := &Session{ID: digest}
	var err error
	if s.raw, err = a.load(ctx, sessionKey+digest, &s.kept); err != nil {
		return nil, err
	}
	now := a.now()
	if s.raw == nil || s.kept.over(now, a.idle) {
		return nil, unauthenticated()
	}
	who, err := a.person(ctx, s.kept.Account)
	if err != nil {
		return nil, err
	}
	if who == nil || who.Disabled {
		return nil, unauthenticated()
	}
	if now.Sub(time.UnixMicro(s.kept.Seen)) >= seenEvery {
		seen := s.kept
		seen.Seen = now.UnixMicro()
		switch err := a.private.Swap(ctx, sessionKey+digest, s.raw, encoded(seen)); {
		case err == nil:
			s.kept, s.raw = seen, encoded(seen)
		case !moved(err): // who moved it has seen it as well, or ended it
			return nil, err
		}
	}
	a.fill(s, who)
	return s, nil
}

func (s *session) over(now time.Time, idle time.Duration) bool {
	return now.UnixMicro() >= s.Ends || now.Sub(time.UnixMicro(s.Seen)) >= idle
}

// fill says what a session makes of its account at this moment.
func (a *Accounts) fill(s *Session, who *person) {
	k := &s.kept
	s.Account, s.How, s.Device, s.Address, s.Case = who.Account, k.How, k.Device, k.Address, k.Case
	s.Created, s.Seen, s.Ends = time.UnixMicro(k.Created), time.UnixMicro(k.Seen), time.UnixMicro(k.Ends)
	s.Capacities = who.acting(a.repo.Now())
	p := repo.Principal{Name: who.ID}
	// A purpose that is no longer on the list is none: the task has to be named anew.
	if u, known := a.repo.Purposes()[k.Purpose]; known && !u.Ended && (!u.NeedsCase || k.Case != "") {
		s.Purpose = u
		p.Purpose = u.Code
		if k.Hidden > a.repo.Now().UnixMicro() {
			p.HiddenUntil, s.Hidden = k.Hidden, time.UnixMicro(k.Hidden)
		}
	}
	p.Case = k.Case
	for i := range s.Capacities {
		if c := &s.Capacities[i]; c.ID == k.Capacity {
			s.Capacity = c
			who.as(&p, *c, k.Assurance)
		}
	}
	s.principal = p
}

// as lets p act in a capacity. The personal number counts in the capacity of a
// citizen alone: at work nobody reads their own file by being its subject.
func (who *person) as(p *repo.Principal, c Capacity, assurance int) {
	p.Capacity, p.Agency, p.Roles, p.Areas = c.ID, c.Agency, c.Roles, c.Areas
	if slices.Contains(c.Roles, grant.Citizen) {
		p.Person, p.Assurance = who.Person, assurance
	}
}

// change rewrites a session unless it was ended meanwhile.
func (a *Accounts) change(ctx context.Context, secret string, fn func(s *Session) error) error {
	for {
		s, err := a.Session(ctx, secret)
		if err != nil {
			return err
		}
		if err := fn(s); err != nil {
			return err
		}
		if err := a.private.Swap(ctx, sessionKey+s.ID, s.raw, encoded(s.kept)); !moved(err) {
			return err
		}
	}
}

// Choose lets a session act in another capacity of its account and returns the
// secret that it has from then on: with other rights comes another one, and the
// one before is over, so that whoever planted or saw it gains nothing. The task
// at hand ends with the capacity in which it was begun.
func (a *Accounts) Choose(ctx context.Context, secret, capacity string) (renewed string, err error) {
	s, err := a.Session(ctx, secret)
	if err != nil {
		return "", err
	}
	before, _, err := a.lifeOf(ctx, s.Account.ID)
	if err != nil {
		return "", err
	}
	if s, err = a.Session(ctx, secret); err != nil { // it held after the life was read
		return "", err
	}
	if !slices.ContainsFunc(s.Capacities, func(c Capacity) bool { return c.ID == capacity }) {
		return "", problem.New(problem.Denied, "capacity-not-yours")
	}
	if s.kept.Capacity == capacity {
		return secret, nil
	}
	next := s.kept
	next.Capacity, next.Purpose, next.Case, next.Hidden = capacity, "", "", 0
	renewed, digest, err := a.secret(sessionPrefix)
	if err != nil {
		return "", err
	}
	// The new one first, so that whatever ends all sessions meanwhile ends it too;
	// it is handed out only once the old one was there to be ended.
	if err := a.add(ctx, before, digest, next, false); err != nil {
		return "", err
	}
	for {
		err := a.private.Swap(ctx, sessionKey+s.ID, s.raw, nil, deletion(ownedKey(s.Account.ID, s.ID)))
		if err == nil {
			return renewed, nil
		}
		if moved(err) {
			if s, err = a.Session(ctx, secret); err == nil {
				continue
			}
		}
		undone := context.WithoutCancel(ctx)
		return "", errors.Join(err, a.private.Put(undone, deletion(sessionKey+digest), deletion(ownedKey(next.Account, digest))))
	}
}

// longestCase bounds the number of a dossier, in bytes.
const longestCase = 100

// Task says what personal data will be read for until it says otherwise: a
// purpose of the list and the case that it belongs to. Both empty end the task.
// Until hidden, where it is not zero, the persons are not shown that their data
// was read; the repository decides whether that may be (repo.MayHide), and says
// it in every access record of the task.
func (a *Accounts) Task(ctx context.Context, secret, purpose, number string, hidden time.Time) error {
	number = strings.TrimSpace(number)
	u, known := a.repo.Purposes()[purpose]
	switch {
	case purpose != "" && (!known || u.Ended):
		return problem.New(problem.Invalid, "purpose-unknown")
	case u.NeedsCase && number == "":
		return problem.New(problem.Invalid, "purpose-needs-case", "purpose", purpose)
	case len(number) > longestCase:
		return problem.New(problem.Invalid, "case-long", "most", longestCase)
	}
	return a.change(ctx, secret, func(s *Session) error {
		s.kept.Purpose, s.kept.Case, s.kept.Hidden = purpose, number, 0
		if hidden.IsZero() {
			return nil
		}
		p := s.principal
		p.Purpose, p.Case, p.HiddenUntil = purpose, number, hidden.UnixMicro()
		if err := a.repo.MayHide(p); err != nil {
			return err
		}
		s.kept.Hidden = p.HiddenUntil
		a.log.InfoContext(ctx, "readings hidden for a task", "account", p.Name, "capacity", p.Capacity, "purpose", purpose, "until", hidden)
		return nil
	})
}

// Sessions lists the sessions that hold of the account of a session, the newest
// first.
func (a *Accounts) Sessions(ctx context.Context, secret string) ([]Session, error) {
	s, err := a.Session(ctx, secret)
	if err != nil {
		return nil, err
	}
	list, err := a.sessionsOf(ctx, s.Account.ID)
	slices.Reverse(list)
	return list, err
}

// sessionsOf lists sessions with what is told of them, the oldest first.
func (a *Accounts) sessionsOf(ctx context.Context, account string) ([]Session, error) {
	var digests []string
	prefix := ownedKey(account, "")
	err := a.private.Each(ctx, prefix, func(key string, _ []byte) error {
		digests = append(digests, key[len(prefix):])
		return nil
	})
	var list []Session
	for _, digest := range digests {
		var k session
		raw, e := a.load(ctx, sessionKey+digest, &k)
		if e != nil {
			return nil, e
		}
		if raw == nil || k.over(a.now(), a.idle) {
			continue
		}
		list = append(list, Session{ID: digest, How: k.How, Device: k.Device, Address: k.Address,
			Created: time.UnixMicro(k.Created), Seen: time.UnixMicro(k.Seen), Ends: time.UnixMicro(k.Ends)})
	}
	slices.SortFunc(list, func(x, y Session) int { return x.Created.Compare(y.Created) })
	return list, err
}

// Leave ends a session; one that is over already is none.
func (a *Accounts) Leave(ctx context.Context, secret string) error {
	s, err := a.Session(ctx, secret)
	if problem.KindOf(err) == problem.Unauthenticated {
		return nil
	}
	if err != nil {
		return err
	}
	return a.private.Put(ctx, deletion(sessionKey+s.ID), deletion(ownedKey(s.Account.ID, s.ID)))
}

// Revoke ends another session of the same account by its ID, or all others when
// id is empty.
func (a *Accounts) Revoke(ctx context.Context, secret, id string) error {
	s, err := a.Session(ctx, secret)
	if err != nil {
		return err
	}
	list, err := a.sessionsOf(ctx, s.Account.ID)
	if err != nil {
		return err
	}
	var puts []store.StatePut
	for _, other := range list {
		if other.ID == id || id == "" && other.ID != s.ID {
			puts = append(puts, deletion(sessionKey+other.ID), deletion(ownedKey(s.Account.ID, other.ID)))
		}
	}
	if len(puts) == 0 {
		return nil
	}
	return a.private.Put(ctx, puts...)
}

// endAll ends every session and link of an account. What is being begun at this
// moment by what was true before does not begin.
func (a *Accounts) endAll(ctx context.Context, account string, more ...store.StatePut) error {
	for {
		l, raw, err := a.lifeOf(ctx, account)
		if err != nil {
			return err
		}
		puts := slices.Clone(more)
		prefix := ownedKey(account, "")
		err = a.private.Each(ctx, prefix, func(key string, _ []byte) error {
			puts = append(puts, deletion(key), deletion(sessionKey+key[len(prefix):]))
			return nil
		})
		if err != nil {
			return err
		}
		l.Ended++
		if err := a.private.Swap(ctx, lifeKey+account, raw, encoded(l), puts...); !moved(err) {
			return err
		}
	}
}

// truncated leaves of an address what tells a network: 24 bits of IPv4, 48 of IPv6.
func truncated(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	bits := 48
	if ip = ip.Unmap(); ip.Is4() {
		bits = 24
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// deviceOf names browser and system of a User-Agent, nothing finer.
func deviceOf(agent string) string {
	first := func(pairs ...string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	browser := first("Edg", "Edge", "coc_coc", "Cốc Cốc", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl", "Go-http-client", "Go")
	system := first("Android", "Android", "iPhone", "iOS", "iPad", "iOS", "Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	switch {
	case browser == "":
		return system
	case system == "":
		return browser
	}
	return browser + ", " + system
}

func shortened(s string) string {
	if len(s) > 60 {
		return s[:60]
	}
	return s
}
