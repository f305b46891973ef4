package store

import (
	"encoding/binary"

	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
)

// What the byte of a change tells. hasSalt and isErased stand only in payloads
// from which something was erased.
const (
	hasBefore = 1
	hasAfter  = 2
	hasSalt   = 4 // the change's salt follows: the seed is gone
	isErased  = 8 // digest, marks and a salt for what is left follow
)

// mark is one erasure's trace in a change.
type mark struct {
	by      int64      // seq of the erasing commit
	remains proof.Hash // digest of what it left of the change
}

// raw is one change of a payload, undecoded. Slices share the payload's memory.
type raw struct {
	index int // among all changes of the commit
	prior uint64
	head  []byte // prior and the byte, as stored
	has   byte
	salt  proof.Hash // with hasSalt: of the change; with isErased: of what is left
	was   proof.Hash // with isErased: the digest of the change as it was
	marks []mark
	rows  []byte
}

// canonical gives the bytes that the change's digest is of.
func (c *raw) canonical() [2][]byte {
	if c.has&(hasSalt|isErased) == 0 {
		return [2][]byte{c.head, c.rows}
	}
	head := binary.AppendUvarint(make([]byte, 0, 12), c.prior)
	return [2][]byte{append(head, c.has&(hasBefore|hasAfter)), c.rows}
}

// scan goes through a payload. enter gets each dataset with the number of its
// changes and tells whether to go into it.
func scan(b []byte, enter func(dataset []byte, count int) bool, fn func(dataset []byte, c *raw) error) error {
	var c raw
	first := 0
	for len(b) > 0 {
		name, rest, ok := bytesOf(b)
		if !ok {
			return ErrPayload
		}
		n, k := binary.Uvarint(rest)
		if k <= 0 || n > uint64(len(rest)) {
			return ErrPayload
		}
		body, rest, ok := bytesOf(rest[k:])
		if !ok {
			return ErrPayload
		}
		b = rest
		inside := enter(name, int(n))
		for i := range int(n) {
			if !inside {
				body = nil
				break
			}
			c.index = first + i
			if body, ok = c.read(body); !ok {
				return ErrPayload
			}
			if err := fn(name, &c); err != nil {
				return err
			}
		}
		first += int(n)
		if len(body) != 0 {
			return ErrPayload
		}
	}
	return nil
}

// left gives the bytes that the last mark's digest is of: all marks but that
// digest itself, and what is left of the change.
func (c *raw) left() [3][]byte {
	var marks []byte
	for i, m := range c.marks {
		marks = binary.AppendUvarint(marks, uint64(m.by))
		if i < len(c.marks)-1 {
			marks = append(marks, m.remains[:]...)
		}
	}
	rest := c.canonical()
	return [3][]byte{marks, rest[0], rest[1]}
}

// read takes one change from the front of b.
func (c *raw) read(b []byte) (rest []byte, ok bool) {
	prior, k := binary.Uvarint(b)
	if k <= 0 || len(b) == k {
		return nil, false
	}
	c.prior, c.head, c.has, c.marks = prior, b[:k+1], b[k], c.marks[:0]
	b = b[k+1:]
	hash := func(h *proof.Hash) bool {
		if len(b) < len(h) {
			return false
		}
		b = b[copy(h[:], b):]
		return true
	}
	switch c.has &^ (hasBefore | hasAfter) {
	case 0:
	case hasSalt:
		if !hash(&c.salt) {
			return nil, false
		}
	case isErased:
		if !hash(&c.was) {
			return nil, false
		}
		n, k := binary.Uvarint(b)
		if k <= 0 || n == 0 || n > uint64(len(b)) {
			return nil, false
		}
		b = b[k:]
		for range n {
			by, k := binary.Uvarint(b)
			if k <= 0 {
				return nil, false
			}
			m := mark{by: int64(by)}
			if b = b[k:]; !hash(&m.remains) {
				return nil, false
			}
			c.marks = append(c.marks, m)
		}
		if !hash(&c.salt) {
			return nil, false
		}
	default:
		return nil, false
	}
	rest = b
	for _, bit := range [...]byte{hasBefore, hasAfter} {
		if c.has&bit != 0 {
			var err error
			if rest, err = value.SkipRow(rest); err != nil {
				return nil, false
			}
		}
	}
	c.rows = b[:len(b)-len(rest)]
	return rest, true
}

// append writes the change as read took it, in the form of its bits.
func (c *raw) append(b []byte) []byte {
	b = append(binary.AppendUvarint(b, c.prior), c.has)
	switch {
	case c.has&hasSalt != 0:
		b = append(b, c.salt[:]...)
	case c.has&isErased != 0:
		b = append(b, c.was[:]...)
		b = binary.AppendUvarint(b, uint64(len(c.marks)))
		for _, m := range c.marks {
			b = append(binary.AppendUvarint(b, uint64(m.by)), m.remains[:]...)
		}
		b = append(b, c.salt[:]...)
	}
	return append(b, c.rows...)
}
