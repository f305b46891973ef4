package grant

import "slices"

// trie is a map of texts that is never changed: with and without return another
// that shares all but one path. nil is the empty map.
type trie[V any] struct {
	kids  *[16]*trie[V] // by four bits of the hash; nil in a leaf
	pairs []pair[V]
}

type pair[V any] struct {
	key   string
	value V
}

const (
	leafSize = 8
	hashBits = 64
)

// fnv is FNV-1a, 64 bits.
func fnv(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func (n *trie[V]) get(key string) (v V, ok bool) {
	h := fnv(key)
	for n != nil {
		if n.kids == nil {
			for i := range n.pairs {
				if n.pairs[i].key == key {
					return n.pairs[i].value, true
				}
			}
			return v, false
		}
		n, h = n.kids[h&15], h>>4
	}
	return v, false
}

func (n *trie[V]) with(key string, v V) *trie[V] { return n.put(key, fnv(key), 0, v) }

func (n *trie[V]) put(key string, h uint64, depth int, v V) *trie[V] {
	if n == nil {
		return &trie[V]{pairs: []pair[V]{{key, v}}}
	}
	if n.kids != nil {
		kids := *n.kids
		kids[h&15] = kids[h&15].put(key, h>>4, depth+4, v)
		return &trie[V]{kids: &kids}
	}
	for i := range n.pairs {
		if n.pairs[i].key == key {
			pairs := slices.Clone(n.pairs)
			pairs[i].value = v
			return &trie[V]{pairs: pairs}
		}
	}
	if len(n.pairs) < leafSize || depth >= hashBits {
		return &trie[V]{pairs: append(slices.Clone(n.pairs), pair[V]{key, v})}
	}
	inner := &trie[V]{kids: new([16]*trie[V])}
	for _, p := range n.pairs {
		inner.kids[fnv(p.key)>>depth&15] = inner.kids[fnv(p.key)>>depth&15].put(p.key, fnv(p.key)>>depth>>4, depth+4, p.value)
	}
	return inner.put(key, h, depth, v)
}

func (n *trie[V]) without(key string) *trie[V] { return n.drop(key, fnv(key)) }

func (n *trie[V]) drop(key string, h uint64) *trie[V] {
	switch {
	case n == nil:
		return nil
	case n.kids != nil:
		kid := n.kids[h&15]
		less := kid.drop(key, h>>4)
		if less == kid {
			return n
		}
		kids := *n.kids
		kids[h&15] = less
		if kids == [16]*trie[V]{} {
			return nil
		}
		return &trie[V]{kids: &kids}
	}
	i := slices.IndexFunc(n.pairs, func(p pair[V]) bool { return p.key == key })
	switch {
	case i < 0:
		return n
	case len(n.pairs) == 1:
		return nil
	}
	return &trie[V]{pairs: slices.Delete(slices.Clone(n.pairs), i, i+1)}
}
