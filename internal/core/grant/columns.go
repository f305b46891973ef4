package grant

import "math/bits"

// columns is a set of column ordinals. Operands may differ in length; what is
// beyond the end of one is not in it.
type columns []uint64

func newColumns(width int) columns { return make(columns, (width+63)/64) }

func (s columns) has(c int) bool { return c>>6 < len(s) && s[c>>6]&(1<<(c&63)) != 0 }
func (s columns) add(c int)      { s[c>>6] |= 1 << (c & 63) }
func (s columns) remove(c int)   { s[c>>6] &^= 1 << (c & 63) }

func (s columns) addAll(t columns) {
	for i, w := range t {
		s[i] |= w
	}
}

func (s columns) removeAll(t columns) {
	for i := range s {
		if i < len(t) {
			s[i] &^= t[i]
		}
	}
}

func (s columns) clone() columns { return append(columns(nil), s...) }

func (s columns) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

func (s columns) meets(t columns) bool {
	for i := range min(len(s), len(t)) {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

// holds tells whether all of t is in s.
func (s columns) holds(t columns) bool {
	for i, w := range t {
		if i >= len(s) && w != 0 || i < len(s) && w&^s[i] != 0 {
			return false
		}
	}
	return true
}

func (s columns) list() []int {
	var list []int
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			list = append(list, i*64+bits.TrailingZeros64(w))
		}
	}
	return list
}
