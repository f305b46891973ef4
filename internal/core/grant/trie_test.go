package grant

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The persistent map does what a map does, and its earlier states stay.
func TestTrie(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var now *trie[int]
	type state struct {
		trie *trie[int]
		want map[string]int
	}
	var states []state
	want := map[string]int{}
	for i := range 20_000 {
		key := fmt.Sprint("key", random.IntN(3000))
		if random.IntN(3) == 0 {
			now = now.without(key)
			delete(want, key)
		} else {
			now = now.with(key, i)
			want[key] = i
		}
		if i%2500 == 0 {
			kept := map[string]int{}
			for k, v := range want {
				kept[k] = v
			}
			states = append(states, state{now, kept})
		}
	}
	for _, s := range append(states, state{now, want}) {
		for i := range 3000 {
			key := fmt.Sprint("key", i)
			got, ok := s.trie.get(key)
			if v, there := s.want[key]; ok != there || got != v {
				t.Fatalf("%s: %d %t, want %d %t", key, got, ok, v, there)
			}
		}
	}
	for key := range want {
		now = now.without(key)
	}
	if now != nil {
		t.Error("an emptied map keeps something")
	}
}

// Texts of one hash are told apart: put and get look at the key.
func TestTrieCollisions(t *testing.T) {
	var n *trie[int]
	for i := range 40 {
		n = n.put(fmt.Sprint(i), 7, hashBits, i) // as after the last bit of equal hashes
	}
	if len(n.pairs) != 40 {
		t.Fatalf("%d of 40 kept", len(n.pairs))
	}
	if n = n.drop("11", 7); len(n.pairs) != 39 {
		t.Errorf("%d of 39 kept", len(n.pairs))
	}
}
