package account

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

const (
	passkeyKey = "passkey/" // + account + "/" + id of the credential
	handleKey  = "handle/"  // + user handle → account
)

// maxPasskeys bounds the passkeys of one account.
const maxPasskeys = 10

// Passkey is one as its owner sees it.
type Passkey struct {
	ID            string
	Name          string
	Created, Used time.Time // zero Used: never
}

// passkey is what is kept of one: its public key and counter.
type passkey struct {
	Name          string
	Created, Used int64
	Credential    webauthn.Credential
}

// relyingParty makes the rules of passkeys (WebAuthn Level 3): a key that the
// device finds by itself and that it lets its owner alone use.
func relyingParty(origin string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Hương", RPOrigins: []string{origin}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
	})
}

// PasskeyOrigin is the origin that passkeys are bound to; empty where there are
// none.
func (a *Accounts) PasskeyOrigin() string { return a.origin }

// holder is an account as the library wants it.
type holder struct {
	handle  []byte
	account Account
	keys    []webauthn.Credential
}

func (h *holder) WebAuthnID() []byte                         { return h.handle }
func (h *holder) WebAuthnName() string                       { return h.account.ID }
func (h *holder) WebAuthnDisplayName() string                { return h.account.Name }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

// handleOf is how an authenticator knows an account: it says nothing about it.
func (a *Accounts) handleOf(ctx context.Context, account string) ([]byte, error) {
	key, err := a.tryOf(ctx, "handle", account)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(key[strings.LastIndexByte(key, '/')+1:])
}

func (a *Accounts) holder(ctx context.Context, acc Account) (*holder, error) {
	handle, err := a.handleOf(ctx, acc.ID)
	if err != nil {
		return nil, err
	}
	h := &holder{handle: handle, account: acc}
	list, err := a.passkeysOf(ctx, acc.ID)
	for _, k := range list {
		h.keys = append(h.keys, k.Credential)
	}
	return h, err
}

func (a *Accounts) passkeysOf(ctx context.Context, account string) (list []passkey, err error) {
	err = a.private.Each(ctx, passkeyKey+account+"/", func(_ string, val []byte) error {
		var k passkey
		if err := json.Unmarshal(val, &k); err != nil {
			return err
		}
		list = append(list, k)
		return nil
	})
	slices.SortFunc(list, func(x, y passkey) int { return int(x.Created - y.Created) })
	return list, err
}

func passkeyID(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// Passkeys lists those of the account of a session.
func (a *Accounts) Passkeys(ctx context.Context, session string) ([]Passkey, error) {
	s, err := a.Session(ctx, session)
	if err != nil {
		return nil, err
	}
	kept, err := a.passkeysOf(ctx, s.Account.ID)
	var list []Passkey
	for _, k := range kept {
		p := Passkey{ID: passkeyID(k.Credential.ID), Name: k.Name, Created: time.UnixMicro(k.Created)}
		if k.Used > 0 {
			p.Used = time.UnixMicro(k.Used)
		}
		list = append(list, p)
	}
	return list, err
}

// RemovePasskey takes a passkey from the account of a session.
func (a *Accounts) RemovePasskey(ctx context.Context, session, id string) error {
	s, err := a.Session(ctx, session)
	if err != nil {
		return err
	}
	if len(id) > 1400 || strings.Contains(id, "/") {
		return nil
	}
	return a.private.Put(ctx, deletion(passkeyKey+s.Account.ID+"/"+id))
}

// Ceremony is a registration or a sign-in by passkey that has begun.
type Ceremony struct {
	State   string // comes back with the answer
	Browser string // what the browser keeps
	Options []byte // JSON for navigator.credentials
}

func (a *Accounts) ceremony(ctx context.Context, account string, options any, data *webauthn.SessionData) (c Ceremony, err error) {
	kept, err := json.Marshal(data)
	if err != nil {
		return c, err
	}
	if c.Options, err = json.Marshal(options); err != nil {
		return c, err
	}
	c.State, c.Browser, err = a.begun(ctx, flow{Passkey: kept, Account: account})
	return c, err
}

// resume takes a ceremony that was begun for an account, "" for a sign-in.
func (a *Accounts) resume(ctx context.Context, state, browser, account string) (data webauthn.SessionData, err error) {
	f, err := a.finished(ctx, state, browser)
	if err != nil {
		return data, err
	}
	if f.Passkey == nil || f.Account != account {
		return data, problem.New(problem.Gone, "flow-over")
	}
	return data, json.Unmarshal(f.Passkey, &data)
}

func (a *Accounts) noPasskeys() error {
	if a.relying == nil {
		return problem.New(problem.NotFound, "passkeys-none")
	}
	return nil
}

// BeginPasskey starts the registration of a passkey for the account of a session.
func (a *Accounts) BeginPasskey(ctx context.Context, session string) (c Ceremony, err error) {
	if err := a.noPasskeys(); err != nil {
		return c, err
	}
	s, err := a.Session(ctx, session)
	if err != nil {
		return c, err
	}
	h, err := a.holder(ctx, s.Account)
	if err != nil {
		return c, err
	}
	if len(h.keys) >= maxPasskeys {
		return c, problem.New(problem.Conflict, "passkeys-many", "most", maxPasskeys)
	}
	var exclude []protocol.CredentialDescriptor
	for _, k := range h.keys {
		exclude = append(exclude, k.Descriptor())
	}
	options, data, err := a.relying.BeginRegistration(h, webauthn.WithExclusions(exclude))
	if err != nil {
		return c, err
	}
	return a.ceremony(ctx, s.Account.ID, options.Response, data)
}

// FinishPasskey keeps a passkey that the browser made.
func (a *Accounts) FinishPasskey(ctx context.Context, session, state, browser, name string, response []byte) error {
	if err := a.noPasskeys(); err != nil {
		return err
	}
	s, err := a.Session(ctx, session)
	if err != nil {
		return err
	}
	data, err := a.resume(ctx, state, browser, s.Account.ID)
	if err != nil {
		return err
	}
	h, err := a.holder(ctx, s.Account)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return refusedPasskey(err)
	}
	made, err := a.relying.CreateCredential(h, data, parsed)
	if err != nil {
		return refusedPasskey(err)
	}
	if name = strings.TrimSpace(name); name == "" {
		name = s.Device
	}
	kept := passkey{Name: shortened(name), Created: a.now().UnixMicro(), Credential: *made}
	a.log.InfoContext(ctx, "passkey added", "account", s.Account.ID)
	return a.private.Put(ctx,
		store.StatePut{Key: passkeyKey + s.Account.ID + "/" + passkeyID(made.ID), Value: encoded(kept)},
		store.StatePut{Key: handleKey + hex.EncodeToString(h.handle), Value: []byte(s.Account.ID)})
}

// refusedPasskey hides why an answer was not accepted, which the log tells.
func refusedPasskey(err error) error {
	var p *protocol.Error
	if errors.As(err, &p) {
		err = errors.New(p.Type + ": " + p.Details)
	}
	return problem.Wrap(err, problem.Invalid, "passkey-refused")
}

// BeginPasskeySignIn starts a sign-in by a passkey that the device chooses.
func (a *Accounts) BeginPasskeySignIn(ctx context.Context) (c Ceremony, err error) {
	if err := a.noPasskeys(); err != nil {
		return c, err
	}
	options, data, err := a.relying.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return c, err
	}
	return a.ceremony(ctx, "", options.Response, data)
}

// FinishPasskeySignIn checks a passkey's signature and begins a session.
func (a *Accounts) FinishPasskeySignIn(ctx context.Context, device Device, state, browser string, response []byte) (Entered, error) {
	if err := a.noPasskeys(); err != nil {
		return Entered{}, err
	}
	byAddress, err := a.tryOf(ctx, "address", subscriber(device.Address))
	if err != nil {
		return Entered{}, err
	}
	if err := a.try(ctx, byAddress, triesOfAddress); err != nil {
		return Entered{}, err
	}
	data, err := a.resume(ctx, state, browser, "")
	if err != nil {
		return Entered{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Entered{}, refusedPasskey(err)
	}
	var before life
	var found *holder
	used, err := a.relying.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
		id, err := a.private.Get(ctx, handleKey+hex.EncodeToString(handle))
		if err != nil {
			return nil, err
		}
		if before, _, err = a.lifeOf(ctx, string(id)); err != nil {
			return nil, err
		}
		who, err := a.person(ctx, string(id))
		if err != nil || who == nil || who.Disabled {
			return nil, errors.Join(err, errors.New("no such account"))
		}
		found, err = a.holder(ctx, who.Account)
		return found, err
	}, data, parsed)
	if err != nil {
		return Entered{}, refusedPasskey(err)
	}
	if used.Authenticator.CloneWarning {
		a.log.WarnContext(ctx, "a passkey was used that seems to be a copy", "account", found.account.ID)
		return Entered{}, refusedPasskey(errors.New("the counter went back"))
	}
	key := passkeyKey + found.account.ID + "/" + passkeyID(used.ID)
	var kept passkey
	raw, err := a.load(ctx, key, &kept)
	if err != nil {
		return Entered{}, err
	}
	if raw == nil {
		return Entered{}, refusedPasskey(errors.New("removed"))
	}
	kept.Credential, kept.Used = *used, a.now().UnixMicro()
	if err := a.private.Swap(ctx, key, raw, encoded(kept)); moved(err) {
		return Entered{}, refusedPasskey(errors.New("used twice at once"))
	} else if err != nil {
		return Entered{}, err
	}
	if err := a.forgive(ctx, byAddress); err != nil {
		return Entered{}, err
	}
	return a.enter(ctx, before, session{Account: found.account.ID, How: "passkey", Assurance: found.account.Assurance}, device)
}
