package repo

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"huong.city/huong/internal/core/value"
)

// keys are what an installation's secret is used for, each by a key of its own
// (HKDF-SHA-256, RFC 5869).
type keys struct {
	person    []byte // digests of personal numbers in access records
	pseudonym []byte // names that stand for values
	cursor    cipher.AEAD
	attest    []byte // seed of the Ed25519 key that signs the log
	mark      []byte // tells the secret from another one and says nothing else of it
}

func newKeys(secret []byte) (k keys, err error) {
	derive := func(use string) []byte {
		b, e := hkdf.Key(sha256.New, secret, nil, "huong "+use, 32)
		if e != nil {
			err = e
		}
		return b
	}
	k.person, k.pseudonym, k.mark, k.attest = derive("person"), derive("pseudonym"), derive("mark"), derive("checkpoint")
	block, e := aes.NewCipher(derive("cursor"))
	if e != nil {
		return k, e
	}
	k.cursor, e = cipher.NewGCMWithRandomNonce(block)
	if e != nil {
		return k, e
	}
	return k, err
}

func (k *keys) seal(b []byte) []byte { return k.cursor.Seal(nil, nil, b, nil) }

func (k *keys) open(b []byte) ([]byte, bool) {
	plain, err := k.cursor.Open(nil, nil, b, nil)
	return plain, err == nil
}

// subjectOf is how access records name a person: HMAC-SHA-256 of the personal
// number. A plain digest could be searched, for half of the number is not secret.
func (k *keys) subjectOf(number string) string {
	m := hmac.New(sha256.New, k.person)
	m.Write([]byte(number))
	return hex.EncodeToString(m.Sum(nil))
}

// recordOf is how access records name a record: HMAC-SHA-256 of its key, which
// may itself be a personal number.
func (k *keys) recordOf(key []value.Value) string {
	m := hmac.New(sha256.New, k.person)
	m.Write([]byte("record"))
	m.Write(value.AppendRow(nil, key))
	return hex.EncodeToString(m.Sum(nil))
}
