package request

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Receipt is what who sent a request is given. With the code anybody can ask for
// what is public of it; with the secret, which is kept nowhere but there, its
// sender acts on it. A submission that comes again brings the same receipt.
type Receipt struct {
	Code, Secret string
	DueAt        time.Time
	Area, Agency string
	Repeated     bool
}

// letters of codes and secrets: none is mistaken for another when read out on the
// telephone (no I, L, O, 1). What is heard as one of those is taken for the letter
// that there is.
const alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ0"

func letters(b []byte, n int) string {
	return base32.NewEncoding(alphabet).WithPadding(base32.NoPadding).EncodeToString(b)[:n]
}

// codePrefix of the requests of a day.
func codePrefix(at time.Time) string { return "PA-" + at.Format("060102") + "-" }

// codeOf makes the code of a request: its day and five letters.
func codeOf(at time.Time, from []byte) string { return codePrefix(at) + letters(from, 5) }

// isCode tells whether a text has the form of a code.
func isCode(s string) bool {
	day, tail, ok := strings.Cut(strings.TrimPrefix(s, "PA-"), "-")
	return ok && len(s) == len("PA-060102-")+5 && strings.HasPrefix(s, "PA-") && strings.Trim(day, "0123456789") == "" && len(day) == 6 && strings.Trim(tail, alphabet) == ""
}

// Tidy brings a code as people write it to its form.
func Tidy(code string) string {
	code = strings.ToUpper(strings.Join(strings.Fields(code), ""))
	if len(code) == 13 && !strings.Contains(code, "-") && strings.HasPrefix(code, "PA") {
		code = code[:2] + "-" + code[2:8] + "-" + code[8:]
	}
	if head, tail := code[:min(10, len(code))], code[min(10, len(code)):]; strings.HasPrefix(head, "PA-") {
		code = head + strings.ReplaceAll(tail, "O", "0")
	}
	return code
}

// The secret follows from the key that the device drew, so that a repeat has the
// same; the other digests are of other domains, and give neither away.
func digest(domain, text string) [32]byte {
	return sha256.Sum256([]byte("huong request " + domain + "\x00" + text))
}

func secretOf(key string) string {
	sum := digest("secret", key)
	s := letters(sum[:], 16)
	return s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
}

// commitKey is the idempotency key of the commit.
func commitKey(key string) string {
	sum := digest("commit", key)
	return "request/" + hex.EncodeToString(sum[:16])
}

// hashOf is what is kept of a secret.
func hashOf(secret string) string {
	secret = strings.ReplaceAll(strings.ToUpper(strings.Join(strings.Fields(secret), "")), "-", "")
	sum := digest("receipt", strings.ReplaceAll(secret, "O", "0"))
	return hex.EncodeToString(sum[:])
}

// splitHash is what is kept of it for a request that was split off: the same
// secret opens it, and a repeated submission does not find it.
func splitHash(code, hash string) string {
	sum := digest("split", code+"\x00"+hash)
	return hex.EncodeToString(sum[:])
}

// deviceOf is what is kept of a device's name.
func deviceOf(device string) string {
	if device == "" {
		return ""
	}
	sum := digest("device", device)
	return hex.EncodeToString(sum[:12])
}

// UploadKey is the record to which a device puts its photos before the request is
// sent: it follows from the key of the submission, which nobody else knows.
func UploadKey(key string) string {
	sum := digest("upload", key)
	return "upload-" + hex.EncodeToString(sum[:16])
}

// sender is what is kept of who reported.
type sender struct {
	Contact
	Code, Account, Device, Hash string
	found                       bool
}

func (d *Desk) senderOf(l look) sender {
	return sender{Contact: Contact{Name: l.text("name"), Phone: l.text("phone"), Email: l.text("email"), Lang: l.text("lang"), Notify: l.list("notify")},
		Code: l.text("code"), Account: l.text("account"), Device: l.text("device"), Hash: l.text("secret"), found: true}
}

// sender reads who reported, for the desk's own work.
func (d *Desk) sender(ctx context.Context, code string) (s sender, err error) {
	rec, err := d.repo.Get(ctx, repo.Internal(), Reporters, []value.Value{value.OfText(code)}, 0)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return sender{}, nil // erased, or an import
	}
	if err != nil {
		return sender{}, err
	}
	return d.senderOf(look{rec.Entry, rec.Values, d.repo.Zone()}), nil
}

// repeated finds what a submission of the same key made before.
func (d *Desk) repeated(ctx context.Context, secret string) (code string, err error) {
	q := repo.Query{Dataset: Reporters, Filter: oneOf("secret", []string{hashOf(secret)}), Fields: []string{"code"}, Limit: 1}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		code = look{rec.Entry, rec.Values, d.repo.Zone()}.text("code")
		return nil
	})
	return code, err
}

// theirs checks that a request was reported by p, or by who holds its secret:
// NotFound otherwise, as for a request that does not exist.
func (d *Desk) theirs(ctx context.Context, p repo.Principal, code, secret string) (sender, error) {
	s, err := d.sender(ctx, Tidy(code))
	if err != nil {
		return sender{}, err
	}
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	hash := hashOf(secret)
	byAccount := p.Name != "" && len(p.Read)+len(p.Write) == 0 && s.Account == p.Name
	bySecret := secret != "" && (same(s.Hash, hash) || same(s.Hash, splitHash(s.Code, hash)))
	if !s.found || !byAccount && !bySecret {
		return sender{}, unknown()
	}
	return s, nil
}

// sentToday counts what a sender, known by one field, has sent on a day.
func (d *Desk) sentToday(ctx context.Context, field, who string, day time.Time) (int64, error) {
	from := codePrefix(day)
	q := repo.Query{Dataset: Reporters, Limit: 1, Count: true, Fields: []string{"code"}, Filter: cql2.And(oneOf(field, []string{who}),
		compare(">=", "code", value.OfText(from)), compare("<", "code", value.OfText(from[:len(from)-1]+".")))}
	page, err := d.repo.Read(ctx, repo.Internal(), q, func(repo.Record) error { return nil })
	return page.Matched, err
}
