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
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// tokenPrefix makes a token recognisable where it was leaked.
const tokenPrefix = "huong_"

// CreateToken makes an access token for named datasets ("*" for all) and
// returns its secret, which is shown once: only its SHA-256 digest is kept.
// The zero until means no end. Datasets must exist.
func (r *Repository) CreateToken(ctx context.Context, p Principal, name string, read, write []string, until time.Time) (string, error) {
	if !p.Admin {
		return "", problem.New(problem.Denied, "denied", "action", "write", "dataset", SystemToken)
	}
	var violations []problem.Violation
	for _, d := range append(append([]string(nil), read...), write...) {
		if _, known := r.catalog.Load().entries[d]; !known && d != "*" {
			violations = append(violations, problem.Violate("dataset-unknown", "", "dataset", d))
		}
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
// unknown, revoked or ended. It reads the token's record each time, so that a
// revocation holds from the next request on.
func (r *Repository) Authenticate(ctx context.Context, secret string) (Principal, error) {
	refused := problem.New(problem.Unauthenticated, "unauthenticated")
	rest, ok := strings.CutPrefix(secret, tokenPrefix)
	id, _, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 || len(secret) > 200 {
		return Principal{}, refused
	}
	e := r.catalog.Load().entries[SystemToken]
	var p Principal
	err := r.driver.Read(ctx, store.Query{Table: e.Table, Key: []value.Value{value.OfText(id)}}, func(row store.Row) error {
		f := fieldsOf(e.Table, row.Values)
		digest := sha256.Sum256([]byte(secret))
		kept, _ := hex.DecodeString(f.text("digest"))
		until := f.value("until")
		switch {
		case subtle.ConstantTimeCompare(digest[:], kept) != 1, f.boolean("revoked"),
			!until.IsNull() && until.Micros() <= r.now().UnixMicro():
			return nil
		}
		p = Principal{Name: "token:" + id}
		json.Unmarshal([]byte(f.text("read")), &p.Read)
		json.Unmarshal([]byte(f.text("write")), &p.Write)
		return nil
	})
	if err != nil {
		return Principal{}, err
	}
	if p.Name == "" {
		return Principal{}, refused
	}
	return p, nil
}

func listOf(items []string) value.Value {
	if items == nil {
		items = []string{}
	}
	b, _ := json.Marshal(items)
	return value.OfText(string(b))
}
