// Package proof is the arithmetic of the public log: what a commit is bound to
// without being told, the hash tree over all commits, and the texts in which
// both are handed out. The tree is that of RFC 6962 section 2.1, the texts are
// those of C2SP (tlog-tiles, tlog-checkpoint, tlog-proof, signed-note).
//
// A commit is bound to in three steps. Every change gets a salted digest, which
// is the RFC 6962 leaf hash of salt and change. These leaves have a root of
// their own. An Entry holds that root and the salted digest of the header, and
// is the leaf of the public log. Whoever has an Entry learns when a commit came
// and nothing of what it holds; whoever has a change and its salt can show that
// it belongs to the Entry. A change whose salt is destroyed can no longer be
// guessed, and the Entry stays what it was.
package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256.
type Hash = tlog.Hash

// Seed is the random secret of a commit, from which its salts derive.
type Seed [32]byte

// Each use of a salt begins with a byte of its own, so that a digest of one
// kind is never one of another. changeLeaf is the leaf prefix of RFC 6962.
const (
	changeLeaf = 0
	headerMark = 2
	remainMark = 3
)

// ChangeSalt is the salt of the commit's i-th change: SHA-256 of the seed, 1 and
// i in eight bytes, big-endian. No salt tells the seed or another salt.
func (s *Seed) ChangeSalt(i int) Hash { return s.salt(1, uint64(i)) }

// HeaderSalt is the salt of the commit's header.
func (s *Seed) HeaderSalt() Hash { return s.salt(0, 0) }

func (s *Seed) salt(use byte, i uint64) Hash {
	var b [41]byte
	copy(b[:], s[:])
	b[32] = use
	binary.BigEndian.PutUint64(b[33:], i)
	return sha256.Sum256(b[:])
}

// Digester takes digests in memory of its own. It is not safe for concurrent use.
type Digester struct{ buf []byte }

// Change is the digest of a change: SHA-256 of 0, the salt, the dataset's name
// with its length, and the change's canonical bytes (store.Payload).
func (d *Digester) Change(salt Hash, dataset string, change ...[]byte) Hash {
	return d.of(changeLeaf, salt, dataset, change)
}

// Remains is the digest of what an erasure left of a change.
func (d *Digester) Remains(salt Hash, dataset string, change ...[]byte) Hash {
	return d.of(remainMark, salt, dataset, change)
}

func (d *Digester) of(mark byte, salt Hash, dataset string, change [][]byte) Hash {
	b := append(d.buf[:0], mark)
	b = append(b, salt[:]...)
	b = binary.AppendUvarint(b, uint64(len(dataset)))
	b = append(b, dataset...)
	for _, part := range change {
		b = append(b, part...)
	}
	if d.buf = b; cap(b) > 1<<20 {
		d.buf = nil
	}
	return sha256.Sum256(b)
}

// Header is the digest of a header's texts, in order: SHA-256 of 2, the salt and
// each text with its length.
func (d *Digester) Header(salt Hash, texts ...string) Hash {
	b := append(d.buf[:0], headerMark)
	b = append(b, salt[:]...)
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	d.buf = b
	return sha256.Sum256(b)
}

// Entry is what the public log holds of a commit.
type Entry struct {
	Seq     int64 // place in the sequence, from 1; the leaf's index is Seq-1
	At      int64 // commit time, µs since 1970 UTC
	Header  Hash  // salted digest of the header
	Changes Hash  // root over the salted digests of the changes
}

// entryLine is the first line of an entry's text; it names the form.
const entryLine = "huong.city/commit/v1\n"

// Append writes the entry's text, which is the leaf's data: the line
// "huong.city/commit/v1", then seq, time, header and changes, the digests in
// standard base64, each on a line of its own.
func (e *Entry) Append(b []byte) []byte {
	b = append(b, entryLine...)
	b = append(strconv.AppendInt(b, e.Seq, 10), '\n')
	b = append(strconv.AppendInt(b, e.At, 10), '\n')
	b = append(base64.StdEncoding.AppendEncode(b, e.Header[:]), '\n')
	return append(base64.StdEncoding.AppendEncode(b, e.Changes[:]), '\n')
}

// Leaf is the RFC 6962 leaf hash of the entry.
func (e *Entry) Leaf() Hash {
	var room [160]byte
	return sha256.Sum256(e.Append(append(room[:0], 0)))
}

// ErrText reports a text that is not of the form that it should have.
var ErrText = errors.New("proof: malformed text")

// ParseEntry reads what Append wrote, and nothing else.
func ParseEntry(text []byte) (e Entry, err error) {
	lines := bytes.Split(text, []byte("\n"))
	if len(lines) != 6 {
		return e, ErrText
	}
	if e.Seq, err = strconv.ParseInt(string(lines[1]), 10, 64); err != nil {
		return e, ErrText
	}
	if e.At, err = strconv.ParseInt(string(lines[2]), 10, 64); err != nil {
		return e, ErrText
	}
	if e.Header, err = tlog.ParseHash(string(lines[3])); err != nil {
		return e, ErrText
	}
	if e.Changes, err = tlog.ParseHash(string(lines[4])); err != nil {
		return e, ErrText
	}
	if !bytes.Equal(e.Append(nil), text) {
		return e, ErrText
	}
	return e, nil
}
