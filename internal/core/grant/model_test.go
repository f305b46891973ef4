package grant_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/grant/granttest"
	"huong.city/huong/internal/core/value"
)

// model is a plain evaluation of what a grant gives of one cell: no index, no
// compilation, its own reading of conditions.
type model struct{ *granttest.World }

func (m model) holds(g *grant.Grant, r grant.Request) bool {
	s := r.Subject
	action := g.Action == r.Action || g.Action == grant.Read && r.Action == grant.Aggregate
	grantee := (g.Agency == "" || g.Agency == s.Agency) && (g.Account == "" || g.Account == s.Account) &&
		(g.Role == "" || slices.Contains(s.Roles, g.Role))
	return action && grantee && g.State == grant.InForceState && r.At >= g.From && (g.Until == 0 || r.At < g.Until) &&
		(len(g.Purposes) == 0 || slices.Contains(g.Purposes, r.Purpose))
}

func (m model) matches(g *grant.Grant, r grant.Request, row []value.Value) bool {
	if c := m.Conds[g.ID]; c != nil {
		if yes, _ := c.Holds(m.Table, row); !yes {
			return false
		}
	}
	if g.OwnAreas && !slices.Contains(r.Subject.Areas, "*") && !slices.Contains(r.Subject.Areas, row[m.Table.Area].Text()) {
		return false
	}
	if g.OwnAgency != "" {
		c, _, _, _ := m.Table.Property(g.OwnAgency)
		return r.Subject.Agency != "" && row[c] == value.OfText(r.Subject.Agency)
	}
	return true
}

// covers says how a grant covers a field: 0 not, 1 masked, 2 clear.
func (m model) covers(g *grant.Grant, f *dataset.Field) int {
	rank := max(f.Classification.Rank(), m.Dataset.Classification.Rank())
	covers := granttest.Names(g, f)
	if len(g.Fields)+len(g.Tags) == 0 {
		covers = rank < dataset.Personal.Rank()
	}
	if !covers {
		return 0
	}
	p := m.Dataset.Place
	for _, mask := range g.Masks {
		if mask.How == grant.AreaOnly && (f.Name == p.Field || f.Name == p.Longitude || f.Name == p.Latitude) {
			return 0
		}
		if mask.How != grant.AreaOnly && mask.Field == f.Name {
			return 1
		}
	}
	return 2
}

// sight is the model's judgement of a field of a row by grants alone.
func (m model) sight(f *dataset.Field, r grant.Request, row []value.Value) int {
	personal := max(f.Classification.Rank(), m.Dataset.Classification.Rank()) >= dataset.Personal.Rank()
	best := 0
	for _, g := range m.Grants {
		if m.holds(g, r) && m.matches(g, r, row) && (!personal || r.Purpose != "" || r.Action == grant.Write) {
			best = max(best, m.covers(g, f))
		}
	}
	if best == 1 && r.Action != grant.Read {
		return 0
	}
	return best
}

func picker(t *rapid.T) granttest.Pick {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
}

// worlds are drawn small, so that what fails can be read. Principals are without
// rules, which the oracle and the tables are for.
func drawWorld(t *rapid.T, of []granttest.Declared) (model, grant.Request) {
	w := granttest.NewWorld(picker(t), of)
	r := w.Request(picker(t))
	r.Subject.Token, r.Subject.Admin, r.Subject.Person = false, false, ""
	return model{w}, r
}

func cityData(t *testing.T) []granttest.Declared {
	all, err := granttest.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(d granttest.Declared) bool {
		d.Dataset.Owner = "nobody"
		return d.Dataset.Name != "dossier" || d.Dataset.Classification == dataset.Open
	})
}

func TestModelAgrees(t *testing.T) {
	all := cityData(t)
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawWorld(t, all)
		decision := grant.NewPolicy(m.Grants).Decide(r)
		row := m.Row(picker(t))
		sight := map[string]int{}
		got := slices.Clone(row)
		shown := decision.Revealer([]byte("k"), nil).Reveal(got)
		for i := range m.Dataset.Schema.Fields {
			f := &m.Dataset.Schema.Fields[i]
			sight[f.Name] = m.sight(f, r, row)
			c, _, _, _ := m.Table.Property(f.Name)
			is := 0
			if slices.Contains(shown.Cells(), c) {
				is = 1
				if cql2.Matches(decision.Rows([]int{c}), row) {
					is = 2
				}
			}
			if is != sight[f.Name] {
				t.Fatalf("%s: seen %d, want %d", f.Name, is, sight[f.Name])
			}
			if is == 2 && got[c] != row[c] || is == 0 && !got[c].IsNull() {
				t.Fatalf("%s: %v is shown as %v", f.Name, row[c], got[c])
			}
			if is > 0 && !slices.Contains(decision.Visible(), c) || is == 2 && !decision.MayUse(c) {
				t.Fatalf("%s is shown and not said to be", f.Name)
			}
		}
	})
}

// What Columns names is enough to reveal by: the other cells need not be read.
func TestColumnsAreEnough(t *testing.T) {
	all := cityData(t)
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawWorld(t, all)
		decision := grant.NewPolicy(m.Grants).Decide(r)
		want := rapid.SliceOfN(rapid.IntRange(0, m.Table.Width()-1), 1, 5).Draw(t, "want")
		row := m.Row(picker(t))
		read := make([]value.Value, len(row))
		for _, c := range decision.Columns(want) {
			read[c] = row[c]
		}
		decision.Revealer([]byte("k"), want).Reveal(row)
		decision.Revealer([]byte("k"), want).Reveal(read)
		if !slices.Equal(row, read) {
			t.Fatalf("read in part %v, read whole %v", read, row)
		}
	})
}

// One grant more never hides anything, and a purpose never either.
func TestMoreShowsMore(t *testing.T) {
	all := cityData(t)
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawWorld(t, all)
		row := m.Row(picker(t))
		cells := func(grants []*grant.Grant, r grant.Request) (seen, clear []int) {
			decision := grant.NewPolicy(grants).Decide(r)
			for c := range row {
				if cql2.Matches(decision.Rows([]int{c}), row) {
					clear = append(clear, c)
				}
			}
			return slices.Clone(decision.Revealer(nil, nil).Reveal(slices.Clone(row)).Cells()), clear
		}
		seen, clear := cells(m.Grants[1:], r)
		seenMore, clearMore := cells(m.Grants, r)
		bare := r
		bare.Purpose = ""
		seenBare, clearBare := cells(m.Grants, bare)
		for _, within := range [][2][]int{{seen, seenMore}, {clear, clearMore}, {seenBare, seenMore}, {clearBare, clearMore}} {
			for _, c := range within[0] {
				if !slices.Contains(within[1], c) {
					t.Fatalf("%s is hidden by more", m.Table.Columns[c].Name)
				}
			}
		}
	})
}

// NeedsPurpose names exactly what some other purpose would add.
func TestNeedsPurposeIsExact(t *testing.T) {
	all := cityData(t)
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawWorld(t, all)
		policy := grant.NewPolicy(m.Grants)
		now := policy.Decide(r)
		var want []int
		for _, p := range []string{"care", "audit", "plan"} {
			r.Purpose = p
			then := policy.Decide(r)
			want = append(want, then.Visible()...)
		}
		slices.Sort(want)
		want = slices.DeleteFunc(slices.Compact(want), func(c int) bool { return slices.Contains(now.Visible(), c) })
		if !slices.Equal(now.NeedsPurpose(), want) {
			t.Fatalf("needs a purpose for %v, want %v", now.NeedsPurpose(), want)
		}
	})
}

// A policy that was changed step by step decides as one that was made of what
// the steps left.
func TestWithIsNew(t *testing.T) {
	all := cityData(t)
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawWorld(t, all)
		policy, left := grant.NewPolicy(nil), map[string]*grant.Grant{}
		before := policy
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			var changed []*grant.Grant
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				g := m.Grant(picker(t), fmt.Sprint("g", rapid.IntRange(0, 4).Draw(t, "id")))
				changed = append(changed, g)
				left[g.ID] = g
			}
			policy = policy.With(changed)
		}
		var grants []*grant.Grant
		for _, g := range left {
			grants = append(grants, g)
		}
		fresh := grant.NewPolicy(grants)
		got, want := policy.Decide(r), fresh.Decide(r)
		if !reflect.DeepEqual(got.Explain(), want.Explain()) {
			t.Fatalf("%+v, want %+v", got.Explain(), want.Explain())
		}
		for id, g := range left {
			kept, ok := policy.Grant(id)
			if ok != (g.State == grant.InForceState) || ok && kept != g {
				t.Fatalf("grant %s is %v", id, kept)
			}
		}
		if empty := before.Decide(r); empty.Allowed {
			t.Fatal("a policy changed after it was made")
		}
	})
}

// Of grants that cannot be right, what is decided is still no more than they say:
// a mask or condition that does not fit hides.
func TestUnfitGrantsGiveNothing(t *testing.T) {
	all := cityData(t)
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawWorld(t, all)
		r.Purpose = "care"
		row := m.Row(picker(t))
		for _, g := range m.Grants {
			switch rapid.IntRange(0, 2).Draw(t, "fault") {
			case 0:
				g.Rows = rapid.SampledFrom([]string{"state", "state = 1", "nothing = 1", "(", "previous(state) = 'x'", "gone IS NULL"}).Draw(t, "rows")
			case 1:
				g.OwnAgency = rapid.SampledFrom([]string{"nothing", "amount", "gone"}).Draw(t, "own agency")
			case 2:
				g.Masks = nil
				for _, f := range m.Dataset.Schema.Fields {
					how := rapid.SampledFrom([]grant.How{"blur", ""}).Draw(t, "how")
					g.Masks = append(g.Masks, grant.Mask{Field: f.Name, How: how})
				}
				g.Fields, g.Tags = []string{"name", "phone", "state"}, nil
			}
		}
		decision := grant.NewPolicy(m.Grants).Decide(r)
		if shown := decision.Revealer(nil, nil).Reveal(row); shown.Visible || len(decision.Visible()) > 0 {
			t.Fatalf("cells %v are shown", shown.Cells())
		}
	})
}
