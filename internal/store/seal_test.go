package store

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
)

func words(s ...string) []value.Value {
	row := make([]value.Value, len(s))
	for i := range s {
		if s[i] != "" {
			row[i] = value.OfText(s[i])
		}
	}
	return row
}

// sealed makes an entry of several changes with its payload and seal.
func sealed(t *testing.T) (*Sealer, *commit.Entry, []byte, Seal) {
	t.Helper()
	var p Payload
	p.Add("a", 0, nil, words("k1", "canary-one", "x"))
	p.Add("b", 3, words("z"), nil)
	p.Add("a", 300, words("k2", "canary-two", "y"), words("k2", "canary-three", "y"))
	p.Add("a", 2, words("k3", "v", "w"), words("k3", "v", "u"))
	payload := p.Append(nil)
	e := &commit.Entry{Seq: 9, At: 77, Header: commit.Header{Actor: "actor", Source: "source", Reason: "reason", Key: "key"}, Count: 4, Counts: map[string]int{"a": 3, "b": 1}}
	s := new(Sealer)
	seal, err := s.Seal(&e.Header, payload, proof.Seed{5, 6, 7})
	if err != nil {
		t.Fatal(err)
	}
	return s, e, payload, seal
}

func TestSealHoldsOfItsEntryAlone(t *testing.T) {
	t.Parallel()
	s, e, payload, seal := sealed(t)
	stored, ok := ParseSeal(seal.Append(nil))
	if !ok || stored != seal {
		t.Fatal("a seal does not come back")
	}
	c := s.Check(e, payload, seal, Remains{})
	if !c.Readable || c.Seal != seal || !maps.Equal(c.Counts, e.Counts) {
		t.Fatalf("%+v", c)
	}
	for i, change := range []func(h *commit.Header){
		func(h *commit.Header) { h.Actor, h.Source = "", "actorsource" }, func(h *commit.Header) { h.Reason += "!" },
		func(h *commit.Header) { h.Key = "" }, func(h *commit.Header) { h.Reason, h.Key = h.Key, h.Reason },
	} {
		other := *e
		change(&other.Header)
		if c := s.Check(&other, payload, seal, Remains{}); c.Seal == seal {
			t.Errorf("header %d has the same seal", i)
		}
	}
	again, err := s.Seal(&e.Header, payload, proof.Seed{8})
	if err != nil || again.Header == seal.Header || again.Changes == seal.Changes {
		t.Error("another seed gives the same digests")
	}
}

// everyByte alters each byte of payload and seal in several ways: none may hold.
func everyByte(t *testing.T, s *Sealer, e *commit.Entry, payload []byte, seal Seal) {
	t.Helper()
	holds := func(payload, sealBytes []byte, want Remains) bool {
		stored, ok := ParseSeal(sealBytes)
		if !ok {
			return false
		}
		got := Remains{}
		c := s.Check(e, payload, stored, got)
		return c.Readable && c.Seal == stored && maps.Equal(c.Counts, e.Counts) && stored.Entry(e.Seq, e.At) == seal.Entry(e.Seq, e.At) && maps.Equal(got, want)
	}
	want := Remains{}
	s.Check(e, payload, seal, want)
	stored := seal.Append(nil)
	if !holds(payload, stored, want) {
		t.Fatal("it does not hold unaltered")
	}
	for _, flip := range []byte{1, 2, 4, 8, 0x10, 0x80, 0xFF} {
		for i := range payload {
			b := slices.Clone(payload)
			b[i] ^= flip
			if holds(b, stored, want) {
				t.Errorf("byte %d of the payload altered by %#x is not found", i, flip)
			}
		}
		for i := range stored {
			b := slices.Clone(stored)
			b[i] ^= flip
			if holds(payload, b, want) {
				t.Errorf("byte %d of the seal altered by %#x is not found", i, flip)
			}
		}
	}
}

func TestEveryByteOfAnEntryCounts(t *testing.T) {
	t.Parallel()
	s, e, payload, seal := sealed(t)
	everyByte(t, s, e, payload, seal)
}

func TestEraseKeepsTheEntry(t *testing.T) {
	t.Parallel()
	a, b := layout("a", 3), layout("b", 1)
	tables := func(name string) *dataset.Table { return map[string]*dataset.Table{"a": a, "b": b}[name] }
	random := rand.NewChaCha8([32]byte{1})
	s, e, payload, seal := sealed(t)
	seed := proof.Seed(seal.Secret)
	read := func(b []byte) string {
		var r PayloadReader
		changes, err := r.Read(b, tables)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range changes {
			out = append(out, fmt.Sprint(c.Dataset, c.Before, c.After, c.Prior, c.Erased))
		}
		return strings.Join(out, "\n")
	}
	before := read(payload)
	step := func(x Erasing, touched int) Remains {
		t.Helper()
		remains := Remains{}
		x.Table = a
		after, sealAfter, n, err := s.Erase(e.Seq, payload, seal, &x, random, remains)
		if err != nil || n != touched {
			t.Fatalf("%d touched: %v", n, err)
		}
		if sealAfter.Entry(e.Seq, e.At) != seal.Entry(e.Seq, e.At) {
			t.Fatal("the public entry changed")
		}
		payload, seal = after, sealAfter
		if !seal.Erased || bytes.Contains(payload, seed[:]) || seal.Secret == [32]byte(seed) {
			t.Fatal("the seed is still there")
		}
		got := Remains{}
		if c := s.Check(e, payload, seal, got); !c.Readable || c.Seal != seal || !maps.Equal(c.Counts, e.Counts) || got[x.By] != remains[x.By] || got[x.By] == (proof.Hash{}) {
			t.Fatalf("it does not hold: %+v", c)
		}
		return got
	}
	step(Erasing{By: 20, Key: words("k2"), Columns: []int{1}}, 1)
	if bytes.Contains(payload, []byte("canary-two")) || bytes.Contains(payload, []byte("canary-three")) || !bytes.Contains(payload, []byte("canary-one")) {
		t.Fatal("the wrong columns went")
	}
	salt := seed.ChangeSalt(1)
	if bytes.Contains(payload, salt[:]) {
		t.Fatal("the salt of what was erased is still there")
	}
	everyByte(t, s, e, payload, seal)
	step(Erasing{By: 21, Key: words("k1")}, 1)
	if bytes.Contains(payload, []byte("canary-one")) || bytes.Contains(payload, []byte("k1")) {
		t.Fatal("the record is still there")
	}
	marks := step(Erasing{By: 22, Key: words("k2"), Columns: []int{2}}, 1)
	if len(marks) != 3 {
		t.Fatalf("%d erasures are marked", len(marks))
	}
	everyByte(t, s, e, payload, seal)
	after := read(payload)
	if strings.Count(before, "\n")-strings.Count(after, "\n") != 1 || strings.Count(after, "true") != 1 {
		t.Fatalf("read\n%s\nwas\n%s", after, before)
	}
	if _, _, n, err := s.Erase(e.Seq, payload, seal, &Erasing{By: 23, Table: a, Key: words("k2"), Columns: []int{1}}, random, Remains{}); n != 0 || err != nil {
		t.Fatalf("erased twice: %d %v", n, err)
	}
}

func TestHeadSeal(t *testing.T) {
	t.Parallel()
	var f proof.Frontier
	for i := range byte(5) {
		f.Add(proof.Hash{i})
	}
	h := Head{At: 12, Catalog: 3}
	h.Epoch, h.Seq = "e", 5
	b := SealHead(h, &f)
	back := h
	if got, ok := OpenHead(&back, b); !ok || got.Root() != f.Root() || back.Root != f.Root() {
		t.Fatal("a head does not come back")
	}
	for i := range b {
		x := slices.Clone(b)
		x[i] ^= 0x20
		if _, ok := OpenHead(&back, x); ok {
			t.Errorf("byte %d is not found", i)
		}
	}
	for i, change := range []func(*Head){func(h *Head) { h.Epoch = "f" }, func(h *Head) { h.Seq-- }, func(h *Head) { h.At++ }, func(h *Head) { h.Catalog = 0 }} {
		other := h
		change(&other)
		if _, ok := OpenHead(&other, b); ok {
			t.Errorf("change %d is not found", i)
		}
	}
}
