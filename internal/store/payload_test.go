package store

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

func layout(name string, width int) *dataset.Table {
	t := &dataset.Table{Name: name, Key: []int{0}}
	for range width {
		t.Columns = append(t.Columns, dataset.Column{Name: "c", Kind: value.Text})
	}
	return t
}

func TestPayloadRoundTrip(t *testing.T) {
	t.Parallel()
	tables := map[string]*dataset.Table{"a": layout("a", 3), "b": layout("b", 1), "c": layout("c", 5)}
	cell := rapid.Custom(func(t *rapid.T) value.Value {
		if rapid.Bool().Draw(t, "null") {
			return value.Value{}
		}
		return value.OfText(rapid.String().Draw(t, "text"))
	})
	rapid.Check(t, func(t *rapid.T) {
		var p Payload
		var reader PayloadReader
		for range 2 { // the second time in used memory
			p.Reset()
			want := map[string][]commit.Applied{}
			for range rapid.IntRange(0, 20).Draw(t, "changes") {
				ds := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "dataset")
				row := func() []value.Value {
					w := tables[ds].Width()
					return rapid.SliceOfN(cell, w, w).Draw(t, "row")
				}
				c := commit.Applied{Dataset: ds, Prior: int64(rapid.IntRange(0, 1<<40).Draw(t, "prior"))}
				if has := rapid.IntRange(1, 3).Draw(t, "has"); has&1 != 0 {
					c.Before = row()
				} else {
					c.After = row()
				}
				p.Add(ds, c.Prior, c.Before, c.After)
				want[ds] = append(want[ds], c)
			}
			b := p.Append(nil)
			got, err := reader.Read(b, func(ds string) *dataset.Table {
				if ds == "c" {
					return nil // passed over
				}
				return tables[ds]
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want["a"])+len(want["b"]) || p.Count() != len(got)+len(want["c"]) {
				t.Fatalf("%d changes, want %d", len(got), p.Count())
			}
			for _, c := range got {
				w := want[c.Dataset][0]
				want[c.Dataset] = want[c.Dataset][1:]
				if c.Prior != w.Prior || !equal(c.Before, w.Before) || !equal(c.After, w.After) {
					t.Fatalf("%+v, want %+v", c, w)
				}
			}
		}
	})
}

func equal(a, b []value.Value) bool {
	return (a == nil) == (b == nil) && bytes.Equal(value.AppendRow(nil, a), value.AppendRow(nil, b))
}

func FuzzPayload(f *testing.F) {
	var p Payload
	p.Add("a", 7, []value.Value{value.OfText("x"), value.OfText("y"), {}}, nil)
	p.Add("b", 0, nil, []value.Value{value.OfText("z")})
	f.Add(p.Append(nil))
	f.Add([]byte{1, 'a', 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 2, 0, 0})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1})
	a := layout("a", 3)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r PayloadReader
		changes, err := r.Read(b, func(string) *dataset.Table { return a })
		if err == nil && len(changes) > len(b) {
			t.Fatalf("%d changes from %d bytes", len(changes), len(b))
		}
	})
}

func TestDigestCancels(t *testing.T) {
	t.Parallel()
	var d Digest
	a, buf := RowHash(nil, []value.Value{value.OfText("a")}, 1, 0)
	b, _ := RowHash(buf, []value.Value{value.OfText("a")}, 2, 0)
	d.Add(a, 1)
	d.Add(b, 2)
	d.Add(a, -1)
	if d.Empty() {
		t.Fatal("empty too soon")
	}
	var o Digest
	o.Add(b, 1)
	d.Join(o, -2)
	if !d.Empty() {
		t.Fatal("not empty")
	}
}

func TestRefuseRanks(t *testing.T) {
	t.Parallel()
	if Refuse(nil) != nil {
		t.Fatal("an error of nothing")
	}
	for _, x := range []struct {
		codes []string
		kind  problem.Kind
	}{
		{[]string{UniqueTaken}, problem.Conflict},
		{[]string{UniqueTaken, VersionStale}, problem.Stale},
		{[]string{KeyTwice, VersionStale}, problem.Invalid},
		{[]string{VersionAbsent, ValueKind, KeyExists}, problem.Invalid},
	} {
		var vs []problem.Violation
		for _, c := range x.codes {
			v := problem.Violate(c, "")
			if v.In("vi") == c || v.In("en") == c {
				t.Errorf("%s has no words", c)
			}
			vs = append(vs, v)
		}
		if k := problem.KindOf(Refuse(vs)); k != x.kind {
			t.Errorf("%v: %v, want %v", x.codes, k, x.kind)
		}
	}
}
