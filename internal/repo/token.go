package repo

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// tokenPrefix makes a token recognisable where it was leaked.
const tokenPrefix = "huong_"

// DataExchange is the purpose of a token that names no other: what it was made
// for is that systems exchange data. It is always on the list.
const DataExchange = "data-exchange"

// CreateToken makes an access token for named datasets ("*" for all) and
// returns its secret, which is shown once: only its SHA-256 digest is kept.
// The zero until means no end. Personal data is read with it for a purpose of
// the list; "" stands for DataExchange. Datasets and the purpose must exist.
func (r *Repository) CreateToken(ctx context.Context, p Principal, name string, read, write []string, purpose string, until time.Time) (string, error) {
	if !p.Admin {
		return "", problem.New(problem.Denied, "denied", "action", "write", "dataset", SystemToken)
	}
	var violations []problem.Violation
	for _, d := range append(append([]string(nil), read...), write...) {
		if _, known := r.catalog.Load().entries[d]; !known && d != "*" {
			violations = append(violations, problem.Violate("dataset-unknown", "", "dataset", d))
		}
	}
	if purpose == "" {
		purpose = DataExchange
	}
	if u, known := r.catalog.Load().purposes[purpose]; !known || u.Ended {
		violations = append(violations, problem.Violate("purpose-unknown", "purpose"))
	}
	if len(violations) > 0 {
		return "", problem.InvalidWith("token-invalid", violations)
	}
	var random [4 + 24]byte
	if _, err := io.ReadFull(r.random, random[:]); err != nil {
		return "", err
	}
	id := hex.EncodeToString(random[:4])
	secret := tokenPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[4:])
	digest := sha256.Sum256([]byte(secret))

	e := r.catalog.Load().entries[SystemToken]
	row := make([]value.Value, e.Table.Width())
	f := fieldsOf(e.Table, row)
	f.set("id", value.OfText(id))
	f.set("name", value.OfText(name))
	f.set("digest", value.OfText(hex.EncodeToString(digest[:])))
	f.set("read", listOf(read))
	f.set("write", listOf(write))
	f.set("purpose", value.OfText(purpose))
	f.set("createdAt", value.OfInstant(r.now()))
	if !until.IsZero() {
		f.set("until", value.OfInstant(until))
	}
	f.set("revoked", value.OfBool(false))
	_, err := r.Commit(ctx, p, &commit.Request{
		Header:  commit.Header{Source: "token", Reason: "token created"},
		Changes: []commit.Change{{Dataset: SystemToken, Op: commit.Put, Row: row, Expect: commit.Absent}},
	})
	return secret, err
}

// RevokeToken ends a token at once.
func (r *Repository) RevokeToken(ctx context.Context, p Principal, id string) error {
	e := r.catalog.Load().entries[SystemToken]
	if !p.Admin {
		return problem.New(problem.Denied, "denied", "action", "write", "dataset", SystemToken)
	}
	row, mask := make([]value.Value, e.Table.Width()), make([]bool, e.Table.Width())
	f := fieldsOf(e.Table, row)
	f.set("id", value.OfText(id))
	f.set("revoked", value.OfBool(true))
	i, _, _, _ := e.Table.Property("revoked")
	mask[i] = true
	_, err := r.Commit(ctx, p, &commit.Request{
		Header:  commit.Header{Source: "token", Reason: "token revoked"},
		Changes: []commit.Change{{Dataset: SystemToken, Op: commit.Patch, Row: row, Mask: mask}},
	})
	return err
}

// Authenticate returns the principal of a token, or Unauthenticated when it is
// unknown, revoked or ended. A revocation through this repository holds from
// the next request on; one made by another process, within Config.Poll.
func (r *Repository) Authenticate(ctx context.Context, secret string) (Principal, error) {
	refused := problem.New(problem.Unauthenticated, "unauthenticated")
	rest, ok := strings.CutPrefix(secret, tokenPrefix)
	id, _, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 || len(secret) > 200 {
		return Principal{}, refused
	}
	digest := sha256.Sum256([]byte(secret))
	t, known, generation := r.tokens.find(digest)
	if !known {
		e := r.catalog.Load().entries[SystemToken]
		err := r.driver.Read(ctx, store.Query{Table: e.Table, Key: []value.Value{value.OfText(id)}}, func(row store.Row) error {
			f := fieldsOf(e.Table, row.Values)
			kept, _ := hex.DecodeString(f.text("digest"))
			if subtle.ConstantTimeCompare(digest[:], kept) != 1 || f.boolean("revoked") {
				return nil
			}
			t.principal = Principal{Name: "token:" + id, Purpose: f.text("purpose")}
			if t.principal.Purpose == "" {
				t.principal.Purpose = DataExchange
			}
			json.Unmarshal([]byte(f.text("read")), &t.principal.Read)
			json.Unmarshal([]byte(f.text("write")), &t.principal.Write)
			if until := f.value("until"); !until.IsNull() {
				t.ends, t.until = true, until.Micros()
			}
			return nil
		})
		if err != nil {
			return Principal{}, err
		}
		if t.principal.Name != "" {
			r.tokens.keep(digest, t, generation)
		}
	}
	if t.principal.Name == "" || t.ends && t.until <= r.now().UnixMicro() {
		return Principal{}, refused
	}
	return t.principal, nil
}

// maxTokens bounds how many tokens are remembered.
const maxTokens = 10_000

// tokenCache remembers tokens in force by the digest of their secret: most
// requests bring one that was seen before. It is emptied when tokens change.
type tokenCache struct {
	mu         sync.RWMutex
	generation int64 // of what is remembered: what was read before a change is not kept after it
	byDigest   map[[sha256.Size]byte]token
}

type token struct {
	principal Principal
	ends      bool
	until     int64 // µs since 1970, when it ends
}

func (c *tokenCache) find(digest [sha256.Size]byte) (t token, known bool, generation int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	t, known = c.byDigest[digest]
	return t, known, c.generation
}

func (c *tokenCache) keep(digest [sha256.Size]byte, t token, generation int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return
	}
	if c.byDigest == nil || len(c.byDigest) >= maxTokens {
		c.byDigest = map[[sha256.Size]byte]token{}
	}
	c.byDigest[digest] = t
}

func (c *tokenCache) drop() {
	c.mu.Lock()
	c.generation++
	c.byDigest = nil
	c.mu.Unlock()
}

func listOf(items []string) value.Value {
	if items == nil {
		items = []string{}
	}
	b, _ := json.Marshal(items)
	return value.OfText(string(b))
}
