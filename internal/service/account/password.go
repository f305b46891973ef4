package account

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Argon2id as the OWASP Password Storage Cheat Sheet asks at least: 19 MiB, two
// passes, one lane. Salt and length after RFC 9106 section 4.
const (
	hashMemory = 19 * 1024 // KiB
	hashPasses = 2
	hashLanes  = 1
	hashBytes  = 32
	saltBytes  = 16
)

// Lengths in characters. NIST SP 800-63B-4 section 3.1.1.2: length matters and
// composition rules do not; long ones must be allowed.
const (
	ShortestPassword = 12
	longestPassword  = 256
)

// hasher bounds how much memory hashing takes: what finds no place waits, and
// what finds no place to wait is sent away.
type hasher struct {
	places, waiting chan struct{}
	memory, passes  uint32 // of new digests; hashMemory and hashPasses but in tests
}

// maxWaiting bounds how many sign-ins wait for a place: at some 30 ms each the
// last of them waits a second.
const maxWaiting = 64

func (h *hasher) init(places int) {
	if places <= 0 {
		places = 2
	}
	h.memory, h.passes = hashMemory, hashPasses
	h.places, h.waiting = make(chan struct{}, places), make(chan struct{}, places+maxWaiting)
}

func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.waiting <- struct{}{}:
	default:
		e := problem.New(problem.Unavailable, "busy")
		e.RetryAfter = 2 * time.Second
		return nil, e
	}
	select {
	case h.places <- struct{}{}:
		return func() { <-h.places; <-h.waiting }, nil
	case <-ctx.Done():
		<-h.waiting
		return nil, ctx.Err()
	}
}

// normal makes a password the same whatever keyboard typed it: Vietnamese input
// methods differ in how they compose letters and tones (NFKC, as 800-63B asks).
func normal(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }

// hash returns a password's encoded form (PHC string format).
func (a *Accounts) hash(ctx context.Context, password string) (string, error) {
	leave, err := a.hasher.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	var salt [saltBytes]byte
	if _, err := io.ReadFull(a.random, salt[:]); err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	sum := argon2.IDKey(normal(password), salt[:], a.hasher.passes, a.hasher.memory, hashLanes, hashBytes)
	return a.hasher.encoded(b64.EncodeToString(salt[:]), b64.EncodeToString(sum)), nil
}

// nobody is the hash that a password is compared with where there is no account,
// so that an answer takes as long as for one that there is. No password has it:
// its digest is not one that was computed.
func (h *hasher) nobody() string { return h.encoded(strings.Repeat("A", 22), strings.Repeat("A", 43)) }

func (h *hasher) encoded(salt, sum string) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, hashLanes, salt, sum)
}

// compare tells whether a password has an encoded form, and whether that form is
// one of earlier settings. It takes the same time for a right and a wrong one.
func (a *Accounts) compare(ctx context.Context, phc, password string) (right, old bool, err error) {
	var version int
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, false, fmt.Errorf("account: an unknown form of password digest")
	}
	_, e1 := fmt.Sscanf(parts[2], "v=%d", &version)
	_, e2 := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes)
	salt, e3 := base64.RawStdEncoding.DecodeString(parts[4])
	want, e4 := base64.RawStdEncoding.DecodeString(parts[5])
	for _, e := range []error{e1, e2, e3, e4} {
		if e != nil || version != argon2.Version || lanes == 0 || passes == 0 || len(want) == 0 {
			return false, false, fmt.Errorf("account: a broken password digest")
		}
	}
	leave, err := a.hasher.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	got := argon2.IDKey(normal(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, memory != a.hasher.memory || passes != a.hasher.passes || lanes != hashLanes, nil
}

// weak says what is wrong with a new password, in codes for its holder. names
// are words that it must not be made of: the account's id and its owner's name.
func weak(password string, names ...string) []problem.Violation {
	const field = "password"
	n := utf8.RuneCount(normal(password))
	switch {
	case n < ShortestPassword:
		return []problem.Violation{problem.Violate("password-short", field, "least", ShortestPassword)}
	case n > longestPassword || len(password) > 4*longestPassword:
		return []problem.Violation{problem.Violate("password-long", field, "most", longestPassword)}
	}
	plain := squeezed(password)
	if repeated(plain) || sequence(plain) {
		return []problem.Violation{problem.Violate("password-common", field)}
	}
	// Digits and signs around common words or the own name are what guessing
	// begins with; so are digits alone: a telephone, a date, a personal number.
	for _, name := range append(names, commonWords...) {
		for _, s := range append(strings.Fields(value.Fold(name)), squeezed(name)) {
			if len(s) >= 3 {
				plain = strings.ReplaceAll(plain, s, "")
			}
		}
	}
	if strings.IndexFunc(plain, unicode.IsLetter) < 0 {
		return []problem.Violation{problem.Violate("password-common", field)}
	}
	return nil
}

// commonWords are what the passwords most often seen in leaks are made of, in
// Vietnam and elsewhere, without marks and spaces.
var commonWords = []string{
	"password", "passw0rd", "p@ssword", "p@ssw0rd", "matkhau", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwerty", "1q2w3e4r5t6y", "1q2w3e4r", "abcd", "abc",
	"iloveyou", "anhyeuem", "emyeuanh", "khongbiet", "vietnam", "administrator", "admin", "quantri", "welcome", "letmein", "huong", "hue", "thanhpho",
	"princess", "sunshine", "football", "monkey", "dragon", "secret", "changeme", "default", "login", "dangnhap", "nguyen", "hanoi", "saigon",
}

// squeezed is a text without marks, case and spaces.
func squeezed(s string) string {
	return strings.Join(strings.Fields(value.Fold(s)), "")
}

// repeated tells that s is a short piece over and over.
func repeated(s string) bool {
	for n := 1; n <= 4 && n < len(s); n++ {
		if strings.HasPrefix(strings.Repeat(s[:n], len(s)/n+1), s) {
			return true
		}
	}
	return false
}

// sequence tells that s counts up or down.
func sequence(s string) bool {
	for _, step := range []int{1, -1} {
		ok := true
		for i := 1; i < len(s); i++ {
			d := int(s[i]) - int(s[i-1])
			wrapped := s[i-1] == '9' && s[i] == '0' || s[i-1] == '0' && s[i] == '9'
			ok = ok && (d == step || wrapped)
		}
		if ok {
			return true
		}
	}
	return false
}
