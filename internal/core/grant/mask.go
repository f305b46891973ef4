package grant

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash"
	"strings"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/value"
)

// mask returns how a branch shows a value of a column; Null what cannot be masked.
func (r *Revealer) mask(b *branch, c int, v value.Value) value.Value {
	switch b.how[c] {
	case LastDigits:
		if v.Kind() == value.Text {
			return value.OfText(lastDigits(v.Text()))
		}
	case YearOnly:
		return yearOf(v)
	case Pseudonym:
		if v.Kind() == value.Text {
			return value.OfText(r.pseudo.of(b.grant, r.d.f.t.Columns[c].Name, v))
		}
	}
	return value.Value{}
}

// lastDigits keeps the last four characters, at most half of them.
func lastDigits(s string) string {
	n := utf8.RuneCountInString(s)
	hide := n - min(4, n/2)
	at := 0
	for range hide {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return strings.Repeat("•", hide) + s[at:]
}

// yearOf is 1 January of the value's year in UTC, as Date or Time.
func yearOf(v value.Value) value.Value {
	switch v.Kind() {
	case value.Date:
		return value.OfDate(newYear(v.CalendarDay()).Unix() / 86400)
	case value.Time:
		return value.OfInstant(newYear(v.Instant()))
	}
	return value.Value{}
}

func newYear(t time.Time) time.Time { return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC) }

// pseudonyms makes names that stand for values: HMAC-SHA-256 over the grantee,
// the dataset, the field and the value's canonical bytes, cut to 80 bits and
// written in base32. One grantee sees one name for one value; two grantees
// cannot join what they see, nor one grantee two fields.
type pseudonyms struct {
	mac   hash.Hash
	input []byte
}

const pseudonymBytes = 10 // 2^40 values before two are likely to share a name

func newPseudonyms(key []byte) *pseudonyms { return &pseudonyms{mac: hmac.New(sha256.New, key)} }

func (p *pseudonyms) of(g *Grant, field string, v value.Value) string {
	p.input = p.input[:0]
	for _, s := range [...]string{g.Agency, g.Role, g.Account, g.Dataset, field} {
		p.input = append(binary.AppendUvarint(p.input, uint64(len(s))), s...)
	}
	p.input = value.Append(p.input, v)
	p.mac.Reset()
	p.mac.Write(p.input)
	sum := p.mac.Sum(nil)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:pseudonymBytes]))
}
