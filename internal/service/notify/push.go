package notify

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// recordSize of the one record of a push message (RFC 8188, 2.1).
const recordSize = 4096

// Encrypt seals a text for a browser (RFC 8291, aes128gcm of RFC 8188): to is the
// browser's public key, auth its secret; ours and salt are of this message alone.
func Encrypt(text, to, auth []byte, ours *ecdh.PrivateKey, salt []byte) ([]byte, error) {
	theirs, err := ecdh.P256().NewPublicKey(to)
	if err != nil {
		return nil, err
	}
	shared, err := ours.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	public := ours.PublicKey().Bytes()
	info := "WebPush: info\x00" + string(to) + string(public)
	ikm, err := hkdf.Key(sha256.New, shared, auth, info, 32)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	out := append([]byte(nil), salt...)
	out = binary.BigEndian.AppendUint32(out, recordSize)
	out = append(append(out, byte(len(public))), public...)
	return seal.Seal(out, nonce, append(append([]byte(nil), text...), 2), nil), nil // 2 ends the last record
}

const keyVAPID = "vapid"

// vapid is the key pair by which push services know the city (RFC 8292); it is
// made when it is first needed.
func (s *Service) vapid(ctx context.Context) (*ecdsa.PrivateKey, error) {
	b, err := s.kept.Get(ctx, keyVAPID)
	if err != nil {
		return nil, err
	}
	if b == nil {
		fresh, err := ecdsa.GenerateKey(elliptic.P256(), s.random)
		if err != nil {
			return nil, err
		}
		if b, err = x509.MarshalECPrivateKey(fresh); err != nil {
			return nil, err
		}
		err = s.kept.Swap(ctx, keyVAPID, nil, b)
		if errors.Is(err, store.ErrStateMoved) {
			return s.vapid(ctx) // another server was first
		}
		if err != nil {
			return nil, err
		}
	}
	return x509.ParseECPrivateKey(b)
}

// PushKey is the public key that a browser subscribes with, base64url.
func (s *Service) PushKey(ctx context.Context) (string, error) {
	k, err := s.vapid(ctx)
	if err != nil {
		return "", err
	}
	public, err := k.PublicKey.ECDH()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(public.Bytes()), nil
}

// authorization is the header by which a push service knows who sends: a signed
// token for its origin, good for half a day (RFC 8292, 2).
func (s *Service) authorization(ctx context.Context, endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	k, err := s.vapid(ctx)
	if err != nil {
		return "", err
	}
	contact := s.Contact
	if contact == "" {
		contact = s.Base
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`))
	claims, err := json.Marshal(map[string]any{"aud": u.Scheme + "://" + u.Host, "exp": s.Now().Add(12 * time.Hour).Unix(), "sub": contact})
	if err != nil {
		return "", err
	}
	signed := head + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(s.random, k, sum[:])
	if err != nil {
		return "", err
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	public, err := s.PushKey(ctx)
	if err != nil {
		return "", err
	}
	return "vapid t=" + signed + "." + base64.RawURLEncoding.EncodeToString(signature) + ", k=" + public, nil
}

func (s *Service) push(ctx context.Context, c *Channel, m *Message) error {
	wrong := &final{problem.New(problem.Invalid, "notify-push-key"), true}
	to, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(c.P256dh, "="))
	if err != nil {
		return wrong
	}
	auth, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(c.Auth, "="))
	if err != nil {
		return wrong
	}
	title, body := m.In(c.Lang)
	text, err := json.Marshal(map[string]string{"id": m.ID, "title": title, "body": short(body, 500), "severity": m.Severity, "link": m.Link, "tag": m.Dedupe, "lang": c.Lang})
	if err != nil {
		return err
	}
	salt := make([]byte, 16)
	s.mu.Lock()
	_, err = io.ReadFull(s.random, salt)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	ours, err := ecdh.P256().GenerateKey(s.random)
	if err != nil {
		return err
	}
	sealed, err := Encrypt(text, to, auth, ours, salt)
	if err != nil {
		return wrong
	}
	authorization, err := s.authorization(ctx, c.Address)
	if err != nil {
		return err
	}
	urgency := map[string]string{"high": "high", "medium": "normal", "low": "low"}[m.Severity]
	header := map[string]string{
		"Content-Type": "application/octet-stream", "Content-Encoding": "aes128gcm", "Authorization": authorization,
		"TTL": "86400", "Urgency": urgency,
	}
	if m.Dedupe != "" { // RFC 8030, 5.4: at most 32 characters of base64url
		sum := sha256.Sum256([]byte(m.Dedupe))
		header["Topic"] = base64.RawURLEncoding.EncodeToString(sum[:24])
	}
	return s.post(ctx, c.Address, sealed, header)
}

func short(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}
