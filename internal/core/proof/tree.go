package proof

import (
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Frontier is the right edge of a growing tree: the roots of its complete
// subtrees, the largest first. With it a leaf is added, and the root known,
// without reading any stored hash. The zero Frontier is the empty tree.
type Frontier struct {
	Size  int64 // leaves
	Peaks []Hash
}

// Append adds a leaf and appends to out the hashes that it completes, in the
// order of tlog.StoredHashes: the leaf, then the subtrees that end with it.
func (f *Frontier) Append(leaf Hash, out []Hash) []Hash {
	f.add(leaf, func(h Hash) { out = append(out, h) })
	return out
}

func (f *Frontier) add(h Hash, done func(Hash)) {
	done(h)
	for n := f.Size; n&1 == 1; n >>= 1 {
		last := len(f.Peaks) - 1
		h = tlog.NodeHash(f.Peaks[last], h)
		f.Peaks = f.Peaks[:last]
		done(h)
	}
	f.Peaks = append(f.Peaks, h)
	f.Size++
}

// Add adds a leaf.
func (f *Frontier) Add(leaf Hash) { f.add(leaf, func(Hash) {}) }

// Root is the RFC 6962 tree hash.
func (f *Frontier) Root() Hash {
	if len(f.Peaks) == 0 {
		root, err := tlog.TreeHash(0, nil)
		if err != nil {
			panic(err) // the hash of nothing reads nothing
		}
		return root
	}
	h := f.Peaks[len(f.Peaks)-1]
	for i := len(f.Peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.Peaks[i], h)
	}
	return h
}

// Reset empties the tree and keeps the memory.
func (f *Frontier) Reset() { f.Size, f.Peaks = 0, f.Peaks[:0] }

// Whole tells whether there are as many peaks as a tree of this size has.
func (f *Frontier) Whole() bool {
	return f.Size >= 0 && len(f.Peaks) == bits.OnesCount64(uint64(f.Size))
}

// Stored is how many hashes a tree of n leaves keeps.
func Stored(n int64) int64 {
	if n <= 0 {
		return 0
	}
	return tlog.StoredHashCount(n)
}

// Suspect is a place where a stored tree and the entries disagree.
type Suspect struct {
	Seq   int64 // the entry, or the last that the subtree covers
	Level int   // of the stored hash that is wrong; -1: the entry itself is wrong
	Index int64 // of the stored hash within its level
}

// Auditor compares a stored tree with the entries, one leaf at a time from the
// first, in memory that grows with the tree's height. It tells an altered entry
// from an altered hash by which of them the hashes above bear out.
type Auditor struct {
	size  int64
	peaks []node
	tell  func(Suspect)
}

type node struct {
	told, stored Hash // as the entries say, as the tree says
	level        int
	index        int64
	suspect      bool // a leaf whose two hashes differ: entry or tree may be wrong
}

// NewAuditor makes an Auditor that calls tell for each fault.
func NewAuditor(tell func(Suspect)) *Auditor { return &Auditor{tell: tell} }

// Next takes the leaf that the next entry gives and the stored hashes that
// belong to it, as many as Frontier.Append makes; missing ones are faults of
// the tree. known is false when there is no entry to take a leaf of: then the
// stored one is believed.
func (a *Auditor) Next(leaf Hash, known bool, stored []Hash) {
	take := func(n *node) {
		if len(stored) == 0 {
			a.blame(n)
			n.stored = n.told
			return
		}
		n.stored, stored = stored[0], stored[1:]
	}
	n := node{told: leaf, index: a.size}
	take(&n)
	if !known {
		n.told = n.stored
	}
	n.suspect = n.told != n.stored
	for size := a.size; size&1 == 1; size >>= 1 {
		last := len(a.peaks) - 1
		left := a.peaks[last]
		a.peaks = a.peaks[:last]
		up := node{told: tlog.NodeHash(left.told, n.told), level: n.level + 1, index: n.index / 2}
		take(&up)
		switch {
		case up.stored == up.told: // what is above bears the entries out
			a.settle(&left, false)
			a.settle(&n, false)
		case up.stored == tlog.NodeHash(left.stored, n.stored): // and here the tree
			a.settle(&left, true)
			a.settle(&n, true)
			up.told = up.stored
		default:
			a.settle(&left, true)
			a.settle(&n, true)
			a.blame(&up)
			up.stored = up.told
		}
		n = up
	}
	a.peaks = append(a.peaks, n)
	a.size++
}

// settle tells who is to blame for a leaf about which there was doubt.
func (a *Auditor) settle(n *node, entry bool) {
	switch {
	case !n.suspect:
	case entry:
		a.tell(Suspect{Seq: n.index + 1, Level: -1})
	default:
		a.blame(n)
	}
	n.suspect = false
}

// blame tells that a stored hash is wrong.
func (a *Auditor) blame(n *node) {
	a.tell(Suspect{Seq: (n.index + 1) << n.level, Level: n.level, Index: n.index})
}

// End compares the tree's right edge with the one that the head keeps, and
// tells whether they agree.
func (a *Auditor) End(head Frontier) bool {
	same := head.Size == a.size && len(head.Peaks) == len(a.peaks)
	for i := range a.peaks {
		n := &a.peaks[i]
		tree := same && head.Peaks[i] == n.told && n.suspect
		same = same && (tree || head.Peaks[i] == n.stored)
		a.settle(n, !tree)
	}
	return same
}
