package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

const (
	clientKey      = "client/"      // + account: digest of its secret
	bearerKey      = "bearer/"      // + digest of a token
	certificateKey = "certificate/" // + SHA-256 of a certificate, or of a subject → account

	clientPrefix = "huongc_"
	bearerPrefix = "huongb_"
)

// BearerHolds is how long a bearer token of a machine holds.
const BearerHolds = 15 * time.Minute

// client is the secret of a machine's account.
type client struct{ Digest string }

// bearer is a token that was given for such a secret.
type bearer struct {
	Account, Capacity string
	Ended             int64 // life.Ended of the account when it was given
	Ends              int64
}

func (a *Accounts) machine(ctx context.Context, p repo.Principal, id string) (*person, error) {
	if err := mayAdminister(p); err != nil {
		return nil, err
	}
	who, err := a.existing(ctx, id)
	if err == nil && who.Kind != Machine {
		err = problem.New(problem.Conflict, "account-no-machine", "account", who.ID)
	}
	return who, err
}

// ClientSecret makes the secret by which a machine asks for bearer tokens. One
// made before, and the tokens that were given for it, end at once.
func (a *Accounts) ClientSecret(ctx context.Context, p repo.Principal, id string) (string, error) {
	who, err := a.machine(ctx, p, id)
	if err != nil {
		return "", err
	}
	secret, digest, err := a.secret(clientPrefix)
	if err != nil {
		return "", err
	}
	a.log.InfoContext(ctx, "client secret made", "account", who.ID, "by", p.Name)
	return secret, a.endAll(ctx, who.ID, store.StatePut{Key: clientKey + who.ID, Value: encoded(client{digest})})
}

// ClientToken gives a bearer token for a machine's secret (RFC 6749 section
// 4.4). scope is the number of a capacity; it may be empty where there is one.
//
// Errors: Unauthenticated; Invalid for a scope that is none; RateLimited.
func (a *Accounts) ClientToken(ctx context.Context, address, id, secret, scope string) (token string, err error) {
	byAddress, err := a.tryOf(ctx, "address", subscriber(address))
	if err != nil {
		return "", err
	}
	if err := a.try(ctx, byAddress, triesOfAddress); err != nil {
		return "", err
	}
	before, _, err := a.lifeOf(ctx, id)
	if err != nil {
		return "", err
	}
	var kept client
	if _, err := a.load(ctx, clientKey+id, &kept); err != nil {
		return "", err
	}
	who, err := a.person(ctx, id)
	if err != nil {
		return "", err
	}
	right := len(secret) <= 200 && subtle.ConstantTimeCompare([]byte(digestOf(secret)), []byte(kept.Digest)) == 1
	if !right || who == nil || who.Disabled || who.Kind != Machine {
		return "", problem.New(problem.Unauthenticated, "client-wrong")
	}
	if err := a.forgive(ctx, byAddress); err != nil {
		return "", err
	}
	c, ok := a.machineActs(who, scope)
	if !ok {
		return "", problem.New(problem.Invalid, "client-scope")
	}
	token, digest, err := a.secret(bearerPrefix)
	if err != nil {
		return "", err
	}
	b := bearer{Account: id, Capacity: c.ID, Ended: before.Ended, Ends: a.now().Add(BearerHolds).UnixMicro()}
	return token, a.private.Put(ctx, store.StatePut{Key: bearerKey + digest, Value: encoded(b)})
}

// machineActs finds the capacity that a machine acts in: the one of that id, or
// the only one.
func (a *Accounts) machineActs(who *person, id string) (Capacity, bool) {
	list := who.acting(a.repo.Now())
	if id == "" && len(list) == 1 {
		return list[0], true
	}
	for _, c := range list {
		if c.ID == id {
			return c, true
		}
	}
	return Capacity{}, false
}

// byBearer returns the principal of a bearer token.
func (a *Accounts) byBearer(ctx context.Context, token string) (repo.Principal, error) {
	var b bearer
	if len(token) > 200 {
		return repo.Principal{}, unauthenticated()
	}
	raw, err := a.load(ctx, bearerKey+digestOf(token), &b)
	if err != nil {
		return repo.Principal{}, err
	}
	if raw == nil || a.now().UnixMicro() >= b.Ends {
		return repo.Principal{}, unauthenticated()
	}
	now, _, err := a.lifeOf(ctx, b.Account)
	if err != nil {
		return repo.Principal{}, err
	}
	if now.Ended != b.Ended {
		return repo.Principal{}, unauthenticated()
	}
	return a.asMachine(ctx, b.Account, b.Capacity)
}

// asMachine lets a machine act in a capacity that still holds.
func (a *Accounts) asMachine(ctx context.Context, id, capacity string) (repo.Principal, error) {
	who, err := a.person(ctx, id)
	if err != nil {
		return repo.Principal{}, err
	}
	if who == nil || who.Disabled || who.Kind != Machine {
		return repo.Principal{}, unauthenticated()
	}
	c, ok := a.machineActs(who, capacity)
	if !ok {
		return repo.Principal{}, unauthenticated()
	}
	p := repo.Principal{Name: id}
	who.as(&p, c, 0)
	return p, nil
}

// fingerprintKey is the key of a certificate by the SHA-256 of its DER form, in
// hex with or without colons, or by its subject as RFC 2253 writes it.
func fingerprintKey(certificate string) string {
	plain := strings.ToLower(strings.ReplaceAll(certificate, ":", ""))
	if b, err := hex.DecodeString(plain); err == nil && len(b) == sha256.Size {
		return certificateKey + plain
	}
	return certificateKey + "subject/" + digestOf(certificate)
}

// Certificate lets a machine sign in by a client certificate: one by its SHA-256,
// or all of a subject that the server's certificate authorities confirm. The
// certificate must be nobody else's.
func (a *Accounts) Certificate(ctx context.Context, p repo.Principal, id, certificate string) error {
	who, err := a.machine(ctx, p, id)
	if err != nil {
		return err
	}
	certificate = strings.TrimSpace(certificate)
	if certificate == "" || len(certificate) > 1000 {
		return problem.New(problem.Invalid, "certificate-none")
	}
	key := fingerprintKey(certificate)
	for {
		raw, err := a.private.Get(ctx, key)
		switch {
		case err != nil:
			return err
		case raw != nil && string(raw) != who.ID:
			return problem.New(problem.Conflict, "certificate-taken")
		case raw != nil:
			return nil
		}
		if err := a.private.Swap(ctx, key, nil, []byte(who.ID)); !moved(err) {
			return err
		}
	}
}

// ForgetCertificate ends what Certificate began.
func (a *Accounts) ForgetCertificate(ctx context.Context, p repo.Principal, certificate string) error {
	if err := mayAdminister(p); err != nil {
		return err
	}
	return a.private.Put(ctx, deletion(fingerprintKey(strings.TrimSpace(certificate))))
}

// ByCertificate returns the principal of a client certificate that the server has
// verified: raw is its DER form, subject its name as RFC 2253 writes it. It is
// Unauthenticated where neither belongs to a machine.
func (a *Accounts) ByCertificate(ctx context.Context, raw []byte, subject string) (repo.Principal, error) {
	sum := sha256.Sum256(raw)
	for _, name := range []string{hex.EncodeToString(sum[:]), subject} {
		id, err := a.private.Get(ctx, fingerprintKey(name))
		if err != nil {
			return repo.Principal{}, err
		}
		if id != nil {
			return a.asMachine(ctx, string(id), "")
		}
	}
	return repo.Principal{}, unauthenticated()
}
