package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Tries are counted before the password is looked at, so that many at once
// count as many. An account has few, an address many: a whole office may stand
// behind one. Who has used them up waits, each time twice as long; the wait is
// told alike for accounts that exist and for names that do not.
const (
	triesOfAccount = 5
	triesOfAddress = 30
	firstWait      = 15 * time.Second
	longestWait    = 15 * time.Minute
	triesForgotten = time.Hour // after the last one
)

const tryKey = "try/"

// tries counts failures since the last success.
type tries struct {
	N     int
	Until int64 // no further try before this, µs since 1970
	Ends  int64 // forgotten from then on
}

// tryOf is the key of a counter: names and addresses are not kept in clear.
func (a *Accounts) tryOf(ctx context.Context, kind, who string) (string, error) {
	const key = "counting"
	secret, err := a.private.Get(ctx, key)
	if err != nil {
		return "", err
	}
	if secret == nil {
		secret = make([]byte, 32)
		if _, err := io.ReadFull(a.random, secret); err != nil {
			return "", err
		}
		if err := a.private.Swap(ctx, key, nil, secret); moved(err) {
			return a.tryOf(ctx, kind, who)
		} else if err != nil {
			return "", err
		}
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(kind + "\x00" + who))
	return tryKey + kind + "/" + hex.EncodeToString(m.Sum(nil)), nil
}

// try takes one try, or refuses with RateLimited and the time to wait.
func (a *Accounts) try(ctx context.Context, key string, free int) error {
	for {
		var t tries
		raw, err := a.load(ctx, key, &t)
		if err != nil {
			return err
		}
		now := a.now()
		if t.Ends <= now.UnixMicro() {
			t = tries{}
		}
		if wait := time.UnixMicro(t.Until).Sub(now); t.Until > 0 && wait > 0 {
			e := problem.New(problem.RateLimited, "sign-in-wait", "minutes", int((wait+time.Minute-1)/time.Minute))
			e.RetryAfter = wait
			return e
		}
		t.N++
		t.Ends = now.Add(triesForgotten).UnixMicro()
		if over := t.N - free; over >= 0 {
			wait := longestWait
			if over < 6 {
				wait = min(longestWait, firstWait<<over)
			}
			t.Until = now.Add(wait).UnixMicro()
		}
		if err := a.private.Swap(ctx, key, raw, encoded(t)); !moved(err) {
			return err
		}
	}
}

// forgive gives the last try back: it was a success.
func (a *Accounts) forgive(ctx context.Context, key string) error {
	for {
		var t tries
		raw, err := a.load(ctx, key, &t)
		if raw == nil || err != nil {
			return err
		}
		t.N, t.Until = t.N-1, 0
		next := encoded(t)
		if t.N <= 0 {
			next = nil
		}
		if err := a.private.Swap(ctx, key, raw, next); !moved(err) {
			return err
		}
	}
}

// subscriber is what one subscriber holds of the network: an address of IPv4, 64
// bits of IPv6.
func subscriber(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// tryBoth takes a try of the account's and one of the address's. done is called
// when it succeeded: the account then has all its tries again.
func (a *Accounts) tryBoth(ctx context.Context, name, address string) (done func() error, err error) {
	byAddress, err := a.tryOf(ctx, "address", subscriber(address))
	if err != nil {
		return nil, err
	}
	byName, err := a.tryOf(ctx, "account", name)
	if err != nil {
		return nil, err
	}
	if err := a.try(ctx, byAddress, triesOfAddress); err != nil {
		return nil, err
	}
	if err := a.try(ctx, byName, triesOfAccount); err != nil {
		return nil, err
	}
	return func() error {
		if err := a.private.Put(ctx, deletion(byName)); err != nil {
			return err
		}
		return a.forgive(ctx, byAddress)
	}, nil
}
