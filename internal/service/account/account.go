// Package account knows who is at the door: accounts, what proves them, the
// sessions that follow, and the capacities in which a person acts.
//
// Accounts and capacities are records of the system datasets of those names, so
// that who was given what, by whom and when stands in the log. What proves an
// account (digests of passwords, passkeys, sessions, one-time links, counters of
// failed tries) is private state of the store and never gets there. Of every
// secret that Huong itself makes only the SHA-256 digest is kept: such secrets
// are 256 bits of randomness, which nobody can search.
//
// The package knows no HTTP. Lifetimes run by the wall clock (Config.Now), the
// terms of capacities by the city's (repo.Repository.Now).
package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Config is what Accounts need. Repo, Now and Random are required.
type Config struct {
	Repo   *repo.Repository
	Now    func() time.Time // the wall clock
	Random io.Reader        // safe for concurrent use, as crypto/rand.Reader is
	Log    *slog.Logger     // discards when nil

	Hashing int           // passwords that are hashed at once, each in 19 MiB; 2 when 0
	Idle    time.Duration // a session that is not used for so long is over; 1 h when 0
	Life    time.Duration // no session lasts longer; 12 h when 0

	Provider *Provider    // signs people in by OpenID Connect; none when nil
	Client   *http.Client // asks the provider; http.DefaultClient when nil

	Origin string // scheme://host of the pages, which passkeys are bound to; no passkeys when empty
}

// Accounts is safe for concurrent use, also by several processes on one store.
type Accounts struct {
	repo    *repo.Repository
	private repo.Private
	now     func() time.Time
	random  io.Reader
	log     *slog.Logger
	idle    time.Duration
	life    time.Duration
	known   cache
	hasher  hasher

	provider *provider
	origin   string
	relying  *webauthn.WebAuthn // nil: no passkeys
}

// New makes Accounts.
func New(c Config) (*Accounts, error) {
	a := &Accounts{
		repo: c.Repo, private: c.Repo.Private("account"), now: c.Now, random: c.Random, log: c.Log,
		idle: c.Idle, life: c.Life,
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.idle == 0 {
		a.idle = time.Hour
	}
	if a.life == 0 {
		a.life = 12 * time.Hour
	}
	a.hasher.init(c.Hashing)
	if a.origin = c.Origin; a.origin != "" {
		var err error
		if a.relying, err = relyingParty(a.origin); err != nil {
			return nil, err
		}
	}
	if c.Provider != nil {
		a.provider = &provider{Provider: *c.Provider, client: c.Client}
		if c.Client == nil {
			a.provider.client = http.DefaultClient
		}
	}
	return a, nil
}

// Prefixes make secrets recognisable where they were leaked.
const (
	sessionPrefix = "huongs_"
	linkPrefix    = "huongl_"
)

// Authenticate returns the principal of a session, of a machine's bearer token
// or of an access token; Unauthenticated where it is none or over. It reads the
// store each time, so that what was revoked by any process is refused at once.
func (a *Accounts) Authenticate(ctx context.Context, token string) (repo.Principal, error) {
	if strings.HasPrefix(token, sessionPrefix) {
		s, err := a.Session(ctx, token)
		if err != nil {
			return repo.Principal{}, err
		}
		return s.principal, nil
	}
	if strings.HasPrefix(token, bearerPrefix) {
		return a.byBearer(ctx, token)
	}
	return a.repo.Authenticate(ctx, token)
}

// secret draws a secret of 256 bits and returns the key of its digest.
func (a *Accounts) secret(prefix string) (secret, digest string, err error) {
	var b [32]byte
	if _, err := io.ReadFull(a.random, b[:]); err != nil {
		return "", "", err
	}
	secret = prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return secret, digestOf(secret), nil
}

func digestOf(secret string) string {
	d := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(d[:])
}

// id draws a short identifier that is no secret.
func (a *Accounts) id() (string, error) {
	var b [8]byte
	_, err := io.ReadFull(a.random, b[:])
	return hex.EncodeToString(b[:]), err
}

// load reads a private value into v; nil raw tells that there is none.
func (a *Accounts) load(ctx context.Context, key string, v any) (raw []byte, err error) {
	raw, err = a.private.Get(ctx, key)
	if err != nil || raw == nil {
		return nil, err
	}
	return raw, json.Unmarshal(raw, v)
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("account: " + err.Error()) // plain structs of this package always encode
	}
	return b
}

// moved tells that somebody else wrote first: read again and decide anew.
func moved(err error) bool { return errors.Is(err, store.ErrStateMoved) }

func unauthenticated() error { return problem.New(problem.Unauthenticated, "unauthenticated") }

// mayAdminister refuses whoever does not run the installation.
func mayAdminister(p repo.Principal) error {
	if p.Admin || p.Is(grant.Administrator) {
		return nil
	}
	return problem.New(problem.Denied, "denied", "action", "write", "dataset", repo.SystemAccount)
}

// Sweep deletes what is over: sessions, links, counters. It changes nothing that
// anybody could still use.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.now().UnixMicro()
	for _, kind := range []string{sessionKey, linkKey, tryKey, flowKey, bearerKey} {
		var gone []store.StatePut
		err := a.private.Each(ctx, kind, func(key string, val []byte) error {
			var v struct {
				Account string
				Ends    int64
			}
			if json.Unmarshal(val, &v) != nil || v.Ends > now {
				return nil
			}
			gone = append(gone, store.StatePut{Key: key})
			if kind == sessionKey {
				gone = append(gone, store.StatePut{Key: ownedKey(v.Account, key[len(sessionKey):])})
			}
			return nil
		})
		for part := range slices.Chunk(gone, 1000) {
			if err == nil {
				err = a.private.Put(ctx, part...)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
