package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
)

// Seal is what a driver keeps beside each entry of its log: what the public log
// says of it, and the secret that its salts derive from.
type Seal struct {
	Header  proof.Hash
	Changes proof.Hash
	// Erased tells that the seed is destroyed: Secret is the header's salt alone
	// and each change of the payload has its own salt, or none.
	Erased bool
	Secret [32]byte
}

// SealSize is the length of a stored Seal.
const SealSize = 97

// Append writes the stored form.
func (s *Seal) Append(b []byte) []byte {
	b = append(append(b, s.Header[:]...), s.Changes[:]...)
	kind := byte(0)
	if s.Erased {
		kind = 1
	}
	return append(append(b, kind), s.Secret[:]...)
}

// ParseSeal reads the stored form.
func ParseSeal(b []byte) (s Seal, ok bool) {
	if len(b) != SealSize || b[64] > 1 {
		return s, false
	}
	copy(s.Header[:], b)
	copy(s.Changes[:], b[32:])
	s.Erased = b[64] == 1
	copy(s.Secret[:], b[65:])
	return s, true
}

// Entry is the public log's entry of a commit.
func (s *Seal) Entry(seq, at int64) proof.Entry {
	return proof.Entry{Seq: seq, At: at, Header: s.Header, Changes: s.Changes}
}

// Fill puts the hashes of the public log into an entry that is read.
func (s *Seal) Fill(e *commit.Entry) {
	p := s.Entry(e.Seq, e.At)
	e.Hash, e.HeaderDigest, e.ChangesDigest = p.Leaf(), s.Header, s.Changes
}

// Sealer makes and checks seals, in memory of its own; one goroutine at a time.
type Sealer struct {
	digest proof.Digester
	root   proof.Frontier
}

func (s *Sealer) header(h *commit.Header, salt proof.Hash) proof.Hash {
	return s.digest.Header(salt, h.Actor, h.Source, h.Reason, h.Key)
}

// Seal makes the seal of a new commit. The seed must be random and of this
// commit alone.
func (s *Sealer) Seal(h *commit.Header, payload []byte, seed proof.Seed) (Seal, error) {
	seal := Seal{Header: s.header(h, seed.HeaderSalt()), Secret: seed}
	err := s.changes(payload, &seal, nil, nil)
	return seal, err
}

// NewSeed draws the seed of a commit.
func NewSeed(random io.Reader) (seed proof.Seed, err error) {
	_, err = io.ReadFull(random, seed[:])
	return seed, err
}

// NewSeeds draws the seeds of n commits at once.
func NewSeeds(random io.Reader, n int) ([]proof.Seed, error) {
	b := make([]byte, n*len(proof.Seed{}))
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, err
	}
	seeds := make([]proof.Seed, n)
	for i := range seeds {
		b = b[copy(seeds[i][:], b):]
	}
	return seeds, nil
}

// Checked is what a check of an entry finds.
type Checked struct {
	Readable bool           // the payload is one
	Seal     Seal           // as header and payload give it
	Counts   map[string]int // changes per dataset
}

// Check works out the seal of a stored entry from its header, its payload and
// the secret of its stored seal. Traces of erasures are added to remains.
func (s *Sealer) Check(e *commit.Entry, payload []byte, stored Seal, remains Remains) Checked {
	c := Checked{Seal: stored, Counts: map[string]int{}}
	salt := proof.Hash(stored.Secret)
	if !stored.Erased {
		seed := proof.Seed(stored.Secret)
		salt = seed.HeaderSalt()
	}
	c.Seal.Header = s.header(&e.Header, salt)
	c.Readable = s.changes(payload, &c.Seal, c.Counts, func(m mark, index int) { remains.add(m.by, e.Seq, index, m.remains) }) == nil
	return c
}

var errRemains = errors.New("store: what an erasure left was altered")

// changes works out the root over the changes with the seal's secret.
func (s *Sealer) changes(payload []byte, seal *Seal, counts map[string]int, told func(mark, int)) error {
	s.root.Reset()
	seed := proof.Seed(seal.Secret)
	name := ""
	err := scan(payload, func(dataset []byte, n int) bool {
		name = string(dataset)
		if counts != nil {
			counts[name] += n
		}
		return true
	}, func(_ []byte, c *raw) error {
		switch {
		case c.has&isErased != 0 && seal.Erased:
			parts := c.left()
			if last := c.marks[len(c.marks)-1]; s.digest.Remains(c.salt, name, parts[:]...) != last.remains {
				return errRemains
			}
			for _, m := range c.marks {
				if told != nil {
					told(m, c.index)
				}
			}
			s.root.Add(c.was)
		case c.has&hasSalt != 0 && seal.Erased:
			parts := c.canonical()
			s.root.Add(s.digest.Change(c.salt, name, parts[:]...))
		case c.has&(hasSalt|isErased) == 0 && !seal.Erased:
			s.root.Add(s.digest.Change(seed.ChangeSalt(c.index), name, c.head, c.rows))
		default:
			return ErrPayload
		}
		return nil
	})
	seal.Changes = s.root.Root()
	return err
}

// Remains sums up, by the seq of each erasing commit, what erasures left: the
// hash of the sum before, the entry's seq, the change's index and the digest of
// what is left, in the order of the log. The erasing commit's header tells the
// sum, so that what is left is bound to the public log as what was there is.
type Remains map[int64]proof.Hash

func (r Remains) add(by, seq int64, index int, h proof.Hash) {
	sum := r[by]
	b := append(make([]byte, 0, 80), sum[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(seq))
	b = binary.BigEndian.AppendUint64(b, uint64(index))
	r[by] = sha256.Sum256(append(b, h[:]...))
}

// ErasureSource begins the source of a commit that records an erasure; the sum
// of what it left follows, in hex.
const ErasureSource = "erasure:"

// Source is the source of the erasing commit by.
func (r Remains) Source(by int64) string {
	sum := r[by]
	return ErasureSource + hex.EncodeToString(sum[:])
}

// Erasing says what to erase from an entry.
type Erasing struct {
	By      int64          // seq of the erasing commit
	Table   *dataset.Table // layout as now
	Key     []value.Value
	Columns []int // ordinals, none of the key; nil = the whole record
}

func (x *Erasing) is(row []value.Value) bool {
	for i, k := range x.Table.Key {
		if row[k] != x.Key[i] {
			return false
		}
	}
	return true
}

// Erase rewrites the payload of entry seq without what is to be erased, and the
// seal with it; the public log's entry stays what it is. The seed goes, for it
// would tell the salt of what was erased: every other change gets its own salt,
// an erased one keeps its digest, the mark of the erasing commit, and a new salt
// for what is left of it. n is how many changes were touched; with 0 nothing is
// rewritten.
func (s *Sealer) Erase(seq int64, payload []byte, seal Seal, x *Erasing, random io.Reader, remains Remains) (rewritten []byte, after Seal, n int, err error) {
	seed := proof.Seed(seal.Secret)
	name := ""
	var body []byte
	var out []byte
	count := 0
	flush := func() {
		if name != "" {
			out = binary.AppendUvarint(out, uint64(len(name)))
			out = append(out, name...)
			out = binary.AppendUvarint(out, uint64(count))
			out = binary.AppendUvarint(out, uint64(len(body)))
			out = append(out, body...)
		}
	}
	err = scan(payload, func(dataset []byte, c int) bool {
		flush()
		name, count, body = string(dataset), c, body[:0]
		return true
	}, func(_ []byte, c *raw) error {
		if c.has&(hasSalt|isErased) == 0 {
			if seal.Erased {
				return ErrPayload
			}
			c.has |= hasSalt
			c.salt = seed.ChangeSalt(c.index)
		}
		if name == x.Table.Name {
			rows, hit, err := x.redact(c)
			if err != nil {
				return err
			}
			if hit {
				if c.has&hasSalt != 0 {
					parts := c.canonical()
					c.was = s.digest.Change(c.salt, name, parts[:]...)
				}
				c.has = c.has&^hasSalt | isErased
				if c.rows = rows; x.Columns == nil {
					c.has &^= hasBefore | hasAfter
				}
				if _, err := io.ReadFull(random, c.salt[:]); err != nil {
					return err
				}
				c.marks = append(c.marks, mark{by: x.By})
				last := &c.marks[len(c.marks)-1]
				parts := c.left()
				last.remains = s.digest.Remains(c.salt, name, parts[:]...)
				remains.add(x.By, seq, c.index, last.remains)
				n++
			}
		}
		body = c.append(body)
		return nil
	})
	if err != nil || n == 0 {
		return nil, seal, 0, err
	}
	flush()
	after = seal
	if !seal.Erased {
		after.Erased, after.Secret = true, seed.HeaderSalt()
	}
	return out, after, n, nil
}

// redact gives the rows of a change without what is to be erased; hit tells
// whether the change is about the record and holds any of it.
func (x *Erasing) redact(c *raw) (rows []byte, hit bool, err error) {
	b := c.rows
	for _, bit := range [...]byte{hasBefore, hasAfter} {
		if c.has&bit == 0 {
			continue
		}
		var row []value.Value
		if row, b, err = value.ReadRow(make([]value.Value, 0, x.Table.Width()), b, x.Table.Width()); err != nil {
			return nil, false, ErrPayload
		}
		if x.is(row) {
			hit = hit || x.Columns == nil
			for _, col := range x.Columns {
				hit = hit || !row[col].IsNull()
				row[col] = value.Value{}
			}
		}
		rows = value.AppendRow(rows, row)
	}
	if x.Columns == nil {
		rows = nil
	}
	return rows, hit, nil
}

// SealHead writes what a driver keeps of the tree beside its head: the peaks
// and a checksum of the whole head row, so that a row altered by accident does
// not go on.
func SealHead(h Head, f *proof.Frontier) []byte {
	b := make([]byte, 0, 32*len(f.Peaks)+32)
	for i := range f.Peaks {
		b = append(b, f.Peaks[i][:]...)
	}
	sum := headSum(h, b)
	return append(b, sum[:]...)
}

// OpenHead reads what SealHead wrote; ok tells whether it belongs to the head.
// Root is filled in from it.
func OpenHead(h *Head, b []byte) (f proof.Frontier, ok bool) {
	if len(b) < 32 || len(b)%32 != 0 {
		return f, false
	}
	peaks, sum := b[:len(b)-32], headSum(*h, b[:len(b)-32])
	f.Size = h.Seq
	for ; len(peaks) > 0; peaks = peaks[32:] {
		f.Peaks = append(f.Peaks, proof.Hash(peaks[:32]))
	}
	h.Root = f.Root()
	return f, string(sum[:]) == string(b[len(b)-32:]) && f.Whole()
}

func headSum(h Head, peaks []byte) proof.Hash {
	b := binary.AppendUvarint(nil, uint64(len(h.Epoch)))
	b = append(b, h.Epoch...)
	for _, n := range [...]int64{h.Seq, h.At, h.Catalog} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return sha256.Sum256(append(b, peaks...))
}

// ErrHead tells that the head row was altered behind the driver's back: nothing
// may be appended to what it says.
var ErrHead = errors.New("store: the head of the log is damaged")
