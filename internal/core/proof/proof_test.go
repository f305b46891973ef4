package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// hashes is a stored tree in memory.
type hashes []Hash

func (s hashes) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, n := range indexes {
		if n >= int64(len(s)) {
			return nil, fmt.Errorf("hash %d of %d", n, len(s))
		}
		out[i] = s[n]
	}
	return out, nil
}

func entry(seq int64) Entry {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(seq))
	return Entry{Seq: seq, At: seq * 1000, Header: sha256.Sum256(b[:]), Changes: sha256.Sum256(append(b[:], 1))}
}

// tree stores n entries.
func tree(n int64) (f Frontier, stored hashes) {
	for seq := int64(1); seq <= n; seq++ {
		e := entry(seq)
		stored = f.Append(e.Leaf(), stored)
	}
	return f, stored
}

func TestFrontierIsTlog(t *testing.T) {
	var f Frontier
	var stored hashes
	for n := range int64(600) {
		e := entry(n + 1)
		want, err := tlog.StoredHashes(n, e.Append(nil), stored)
		if err != nil {
			t.Fatal(err)
		}
		got := f.Append(e.Leaf(), nil)
		if !slices.Equal(got, want) {
			t.Fatalf("leaf %d stores %d hashes, want %d", n, len(got), len(want))
		}
		stored = append(stored, got...)
		root, err := tlog.TreeHash(n+1, stored)
		if err != nil || f.Root() != root || !f.Whole() || int64(len(stored)) != Stored(n+1) {
			t.Fatalf("after %d leaves: %v", n+1, err)
		}
	}
	empty := Frontier{}
	if empty.Root() != Hash(sha256.Sum256(nil)) || Stored(0) != 0 {
		t.Error("the empty tree is not that of RFC 6962")
	}
}

func TestEntryText(t *testing.T) {
	e := entry(7)
	text := e.Append(nil)
	back, err := ParseEntry(text)
	if err != nil || back != e {
		t.Fatalf("%v %+v", err, back)
	}
	if e.Leaf() != tlog.RecordHash(text) {
		t.Error("the leaf is not the RFC 6962 hash of the text")
	}
	for _, bad := range []string{"", "x", string(text) + "\n", strings.Replace(string(text), "\n7\n", "\n07\n", 1), strings.Replace(string(text), "v1", "v2", 1)} {
		if _, err := ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%q is taken for an entry", bad)
		}
	}
}

func TestSaltsAreTheirOwn(t *testing.T) {
	seed := Seed{1}
	seen := map[Hash]bool{seed.HeaderSalt(): true}
	var d Digester
	for i := range 1000 {
		s := seed.ChangeSalt(i)
		if seen[s] {
			t.Fatal("a salt repeats")
		}
		seen[s] = true
	}
	s := seed.ChangeSalt(0)
	all := map[Hash]string{}
	for what, h := range map[string]Hash{
		"change": d.Change(s, "a", []byte("bc")), "other name": d.Change(s, "ab", []byte("c")), "other salt": d.Change(seed.ChangeSalt(1), "a", []byte("bc")),
		"remains": d.Remains(s, "a", []byte("bc")), "header": d.Header(s, "a", "bc"), "header cut otherwise": d.Header(s, "ab", "c"),
	} {
		if was, twice := all[h]; twice {
			t.Errorf("%s is %s", what, was)
		}
		all[h] = what
	}
	if d.Change(s, "a", []byte("b"), []byte("c")) != d.Change(s, "a", []byte("bc")) {
		t.Error("the parts of a change count")
	}
}

// TestAuditor alters each entry and each stored hash of trees of every size, one
// at a time, and wants exactly that one named.
func TestAuditor(t *testing.T) {
	audit := func(leaves []Hash, stored hashes, head Frontier) (found []Suspect, same bool) {
		a := NewAuditor(func(s Suspect) { found = append(found, s) })
		at := int64(0)
		for i, leaf := range leaves {
			end := Stored(int64(i) + 1)
			a.Next(leaf, true, stored[at:end])
			at = end
		}
		return found, a.End(head)
	}
	for size := int64(1); size <= 20; size++ {
		head, stored := tree(size)
		leaves := make([]Hash, size)
		for i := range leaves {
			e := entry(int64(i) + 1)
			leaves[i] = e.Leaf()
		}
		if found, same := audit(leaves, stored, head); len(found) > 0 || !same {
			t.Fatalf("a sound tree of %d: %v %v", size, found, same)
		}
		for i := range leaves {
			altered := slices.Clone(leaves)
			altered[i][3] ^= 1
			found, same := audit(altered, stored, head)
			if !same || len(found) != 1 || found[0] != (Suspect{Seq: int64(i) + 1, Level: -1}) {
				t.Fatalf("entry %d of %d: %v %v", i+1, size, found, same)
			}
		}
		for i := range stored {
			altered := slices.Clone(stored)
			altered[i][31] ^= 0x80
			level, n := tlog.SplitStoredHashIndex(int64(i))
			found, same := audit(leaves, altered, head)
			if want := (Suspect{Seq: (n + 1) << level, Level: level, Index: n}); !same || len(found) != 1 || found[0] != want {
				t.Fatalf("hash %d of %d: %v %v, want %v", i, size, found, same, want)
			}
		}
		for i := range head.Peaks {
			other := Frontier{size, slices.Clone(head.Peaks)}
			other.Peaks[i][0]++
			if found, same := audit(leaves, stored, other); same || len(found) > 0 {
				t.Fatalf("peak %d of %d: %v %v", i, size, found, same)
			}
		}
	}
	leaves, stored := []Hash{{1}}, hashes{{1}}
	a := NewAuditor(func(Suspect) { t.Error("a missing entry is told as altered") })
	a.Next(Hash{}, false, stored)
	if !a.End(Frontier{1, leaves}) {
		t.Error("a believed hash is not the head's")
	}
}

func TestTiles(t *testing.T) {
	for path, want := range map[string]tlog.Tile{
		"0/000":                {H: 8, L: 0, N: 0, W: 256},
		"1/x001/x234/067":      {H: 8, L: 1, N: 1234067, W: 256},
		"0/x001/067.p/17":      {H: 8, L: 0, N: 1067, W: 17},
		"entries/x001/067.p/1": {H: 8, L: -1, N: 1067, W: 1},
		"entries/000":          {H: 8, L: -1, N: 0, W: 256},
	} {
		got, ok := ParseTile(path)
		if !ok || got != want || TilePath(got) != path {
			t.Errorf("%s: %+v %v, back %s", path, got, ok, TilePath(got))
		}
	}
	for _, path := range []string{"", "0", "0/0", "0/00", "data/000", "0/000.p/0", "0/000.p/256", "-1/000", "9/000", "0/x000/001", "x/000", "0/000/", "entries/../000"} {
		if _, ok := ParseTile(path); ok {
			t.Errorf("%q is taken for a tile", path)
		}
	}
	for _, c := range []struct {
		tile tlog.Tile
		size int64
		want bool
	}{
		{tlog.Tile{L: 0, W: 256}, 256, true}, {tlog.Tile{L: 0, W: 256}, 255, false}, {tlog.Tile{L: 0, W: 17}, 17, true}, {tlog.Tile{L: 0, W: 17}, 300, true},
		{tlog.Tile{L: 1, W: 1}, 256, true}, {tlog.Tile{L: 1, W: 1}, 255, false}, {tlog.Tile{L: -1, N: 1, W: 4}, 260, true}, {tlog.Tile{L: -1, N: 1, W: 5}, 260, false},
	} {
		if got := TileHolds(c.tile, c.size); got != c.want {
			t.Errorf("%+v in a tree of %d: %v", c.tile, c.size, got)
		}
	}
	e := entry(3)
	b := AppendBundle([]byte("before"), &e)
	if n := int(binary.BigEndian.Uint16(b[6:])); n != len(e.Append(nil)) || !bytes.Equal(b[8:], e.Append(nil)) {
		t.Error("an entry in a bundle")
	}
}

func TestInclusion(t *testing.T) {
	key, err := NewKey("huong.example/log", [32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewKey("huong.example/log", [32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{1, 2, 3, 255, 256, 257} {
		f, stored := tree(size)
		signed, err := key.Sign(size, f.Root())
		if err != nil {
			t.Fatal(err)
		}
		c, err := Open(signed, key.Verifier())
		if err != nil || c != (Checkpoint{key.Origin(), size, f.Root()}) {
			t.Fatalf("%+v %v", c, err)
		}
		if _, err := Open(signed, other.Verifier()); err == nil {
			t.Fatal("another key opens it")
		}
		for _, seq := range []int64{1, (size + 1) / 2, size} {
			p, err := Prove(entry(seq), c, signed, key.Verifier(), stored)
			if err != nil {
				t.Fatal(err)
			}
			if e, err := p.Check(key.Verifier()); err != nil || e != entry(seq) {
				t.Fatalf("%d of %d: %v", seq, size, err)
			}
			if _, err := p.Check(other.Verifier()); err == nil {
				t.Fatal("it holds under another key")
			}
			if !strings.HasPrefix(string(p.Text()), "c2sp.org/tlog-proof@v1\nextra ") || !strings.HasSuffix(string(p.Text()), "\n\n"+string(signed)) {
				t.Errorf("text %s", p.Text())
			}
			for i := range p.Hashes {
				p.Hashes[i][5] ^= 4
				if _, err := p.Check(key.Verifier()); err == nil {
					t.Fatal("an altered path holds")
				}
				p.Hashes[i][5] ^= 4
			}
			p.Entry = strings.Replace(p.Entry, "\n", "\n1", 1)
			if _, err := p.Check(key.Verifier()); err == nil {
				t.Fatal("an altered entry holds")
			}
		}
		if _, err := Prove(entry(size+1), c, signed, key.Verifier(), stored); err == nil {
			t.Fatal("an entry beyond the tree is proven")
		}
	}
	for _, origin := range []string{"", "a b", "a+b"} {
		if _, err := NewKey(origin, [32]byte{}); err == nil {
			t.Errorf("%q signs", origin)
		}
	}
}
