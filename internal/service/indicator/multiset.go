package indicator

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"huong.city/huong/internal/core/indicator"
)

// blockSize is the most values of one block of a multiset.
const blockSize = 400

// multiset is the values of a cell with how often each comes, in order of their
// bytes. It is kept in blocks, so that a value of many is changed or found in a
// few of them. While a table is being read beside the log, what the log took away
// may come before what the table holds: counts may be negative until both are through.
type multiset struct {
	prefix string
	blocks []*block
	next   uint64
	dirty  bool // the directory
	gone   []uint64
	read   func(key string) ([]byte, error)
}

// block is the values from first up to the first of the next block.
type block struct {
	first    string
	id       uint64
	distinct int64 // values in it
	total    int64 // of all their counts
	entries  []counted
	loaded   bool
	dirty    bool
	stored   bool // under a key of its own
}

// inlined is the most values of a multiset that are kept with its directory.
const inlined = 32

type counted struct {
	value string
	n     int64
}

// openMultiset reads the directory below a prefix.
func openMultiset(prefix string, read func(key string) ([]byte, error)) (*multiset, error) {
	s := &multiset{prefix: prefix, read: read}
	b, err := read(prefix + "d")
	if err != nil || b == nil {
		return s, err
	}
	numbers := func(into ...*uint64) {
		for _, p := range into {
			v, k := binary.Uvarint(b)
			if k <= 0 {
				err = indicator.ErrEncoding
				return
			}
			*p, b = v, b[k:]
		}
	}
	var n uint64
	if len(b) > 0 && b[0] == 1 {
		k := &block{loaded: true}
		if err := k.decode(b[1:]); err != nil {
			return nil, err
		}
		s.blocks, s.next = []*block{k}, 1
		return s, nil
	}
	if len(b) > 0 {
		b = b[1:]
	}
	for numbers(&s.next, &n); n > 0 && err == nil; n-- {
		var l, id, distinct, total uint64
		if numbers(&l); err != nil || l > uint64(len(b)) {
			return nil, indicator.ErrEncoding
		}
		first := string(b[:l])
		b = b[l:]
		numbers(&id, &distinct, &total)
		s.blocks = append(s.blocks, &block{first: first, id: id, distinct: int64(distinct), total: int64(total), stored: true})
	}
	return s, err
}

func (s *multiset) blockKey(id uint64) string { return fmt.Sprintf("%sb/%x", s.prefix, id) }

func (s *multiset) load(k *block) error {
	if k.loaded {
		return nil
	}
	b, err := s.read(s.blockKey(k.id))
	if err != nil {
		return err
	}
	k.distinct, k.total = 0, 0
	if err := k.decode(b); err != nil {
		return err
	}
	k.loaded = true
	return nil
}

// decode reads the values of a block.
func (k *block) decode(b []byte) error {
	for len(b) > 0 {
		l, n := binary.Uvarint(b)
		if n <= 0 || l > uint64(len(b)-n) {
			return indicator.ErrEncoding
		}
		v := string(b[n : n+int(l)])
		b = b[n+int(l):]
		c, n := binary.Varint(b)
		if n <= 0 {
			return indicator.ErrEncoding
		}
		b = b[n:]
		k.entries = append(k.entries, counted{v, c})
		k.distinct++
		k.total += c
	}
	return nil
}

func (k *block) encode(b []byte) []byte {
	for _, c := range k.entries {
		b = binary.AppendUvarint(b, uint64(len(c.value)))
		b = append(b, c.value...)
		b = binary.AppendVarint(b, c.n)
	}
	return b
}

// add adds a value n times.
func (s *multiset) add(value string, n int64) error {
	if n == 0 {
		return nil
	}
	if len(s.blocks) == 0 {
		s.blocks = append(s.blocks, &block{id: s.next, loaded: true})
		s.next++
	}
	at, _ := slices.BinarySearchFunc(s.blocks[1:], value, func(k *block, v string) int {
		if k.first <= v {
			return -1
		}
		return 1
	})
	k := s.blocks[at]
	if err := s.load(k); err != nil {
		return err
	}
	i, found := slices.BinarySearchFunc(k.entries, value, func(c counted, v string) int { return strings.Compare(c.value, v) })
	switch {
	case !found:
		k.entries = slices.Insert(k.entries, i, counted{strings.Clone(value), n})
		k.distinct++
	case k.entries[i].n+n == 0:
		k.entries = slices.Delete(k.entries, i, i+1)
		k.distinct--
	default:
		k.entries[i].n += n
	}
	k.total += n
	k.dirty, s.dirty = true, true
	switch {
	case len(k.entries) == 0:
		if k.stored {
			s.gone = append(s.gone, k.id)
		}
		s.blocks = slices.Delete(s.blocks, at, at+1)
	case len(k.entries) > blockSize:
		half := len(k.entries) / 2
		other := &block{first: k.entries[half].value, id: s.next, entries: slices.Clone(k.entries[half:]), loaded: true, dirty: true}
		s.next++
		k.entries = slices.Clip(k.entries[:half])
		k.distinct, other.distinct = int64(half), int64(len(other.entries))
		for _, c := range other.entries {
			other.total += c.n
		}
		k.total -= other.total
		s.blocks = slices.Insert(s.blocks, at+1, other)
	}
	return nil
}

// size is how many values there are, each as often as it comes, and how many
// different ones.
func (s *multiset) size() (total, distinct int64) {
	for _, k := range s.blocks {
		total += k.total
		distinct += k.distinct
	}
	return total, distinct
}

// at is the value of a place in the order; NaN where counts are negative yet.
func (s *multiset) at(i int64) (float64, error) {
	for _, k := range s.blocks {
		if i >= k.total {
			i -= k.total
			continue
		}
		if err := s.load(k); err != nil {
			return 0, err
		}
		for _, c := range k.entries {
			if i < c.n {
				return fromSortable(c.value), nil
			}
			i -= c.n
		}
		break
	}
	return math.NaN(), nil
}

// figure works a measure out.
func (s *multiset) figure(m indicator.Measure) (v float64, err error) {
	n, distinct := s.size()
	if m == indicator.Distinct {
		return float64(distinct), nil
	}
	if n <= 0 {
		return 0, nil
	}
	at := func(i int64) float64 {
		x, e := s.at(i)
		if e != nil {
			err = e
		}
		return x
	}
	switch m {
	case indicator.Min:
		v = at(0)
	case indicator.Max:
		v = at(n - 1)
	case indicator.Median:
		v = indicator.Quantile(n, 1, 2, at)
	case indicator.P90:
		v = indicator.Quantile(n, 9, 10, at)
	}
	return v, err
}

// puts calls put with what changed since it was last asked; a nil value deletes.
func (s *multiset) puts(put func(key string, val []byte)) {
	if !s.dirty {
		return
	}
	for _, id := range s.gone {
		put(s.blockKey(id), nil)
	}
	s.gone, s.dirty = nil, false
	if len(s.blocks) == 0 {
		put(s.prefix+"d", nil)
		return
	}
	if k := s.blocks[0]; len(s.blocks) == 1 && !k.stored && len(k.entries) <= inlined {
		k.dirty = false
		put(s.prefix+"d", k.encode([]byte{1}))
		return
	}
	d := binary.AppendUvarint([]byte{0}, s.next)
	d = binary.AppendUvarint(d, uint64(len(s.blocks)))
	for _, k := range s.blocks {
		d = binary.AppendUvarint(d, uint64(len(k.first)))
		d = append(d, k.first...)
		d = binary.AppendUvarint(d, k.id)
		d = binary.AppendUvarint(d, uint64(k.distinct))
		d = binary.AppendUvarint(d, uint64(k.total)) // a negative one comes back as it was
		if !k.dirty && k.stored {
			continue
		}
		k.dirty, k.stored = false, true
		put(s.blockKey(k.id), k.encode(nil))
	}
	put(s.prefix+"d", d)
}

// sortable writes a number so that texts have the order of numbers.
func sortable(f float64) string {
	u := math.Float64bits(f)
	if u>>63 == 1 {
		u = ^u
	} else {
		u |= 1 << 63
	}
	return string(binary.BigEndian.AppendUint64(nil, u))
}

func fromSortable(s string) float64 {
	if len(s) != 8 {
		return math.NaN()
	}
	u := binary.BigEndian.Uint64([]byte(s))
	if u>>63 == 1 {
		u &^= 1 << 63
	} else {
		u = ^u
	}
	return math.Float64frombits(u)
}
