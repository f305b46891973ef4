package grant_test

import (
	"fmt"
	"slices"
	"testing"

	"huong.city/huong/internal/core/grant"
)

// manyGrants spreads n grants over datasets and agencies; each has a row
// condition, a mask and a limit to areas.
func manyGrants(n, datasets, agencies int) []*grant.Grant {
	list := make([]*grant.Grant, n)
	for i := range list {
		g := &grant.Grant{
			ID: fmt.Sprintf("g%06d", i), Dataset: fmt.Sprintf("aid-%d", i%datasets), Agency: fmt.Sprintf("agency-%d", i/datasets%agencies),
			Role:   []string{"", grant.Officer, grant.Leader, grant.Steward}[i/datasets/agencies%4],
			Action: grant.Read, Fields: []string{"id", "ward", "state", "phone", "born"}, State: grant.InForceState, Basis: "Luật",
			Rows: fmt.Sprintf("state = 's%d' AND amount > %d", i%7, i%100), OwnAreas: i%2 == 0,
			Purposes: []string{"care", "plan"}, Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}},
		}
		list[i] = g
	}
	return list
}

func renamed(tb testing.TB, n int) []declared {
	list := make([]declared, n)
	for i := range list {
		list[i] = parse(tb, fmt.Sprintf("name: aid-%d\n", i), "name: aid\n", aid)
	}
	return list
}

// BenchmarkWith is one grant of 100,000 that changes.
func BenchmarkWith(b *testing.B) {
	for _, datasets := range []int{200, 1} {
		b.Run(fmt.Sprint(datasets, " datasets"), func(b *testing.B) {
			all := manyGrants(100_000, datasets, 100_000/datasets/5)
			policy := grant.NewPolicy(all)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				g := *all[i%len(all)]
				g.MinimumCell = i
				policy = policy.With([]*grant.Grant{&g})
				i += 7919
			}
		})
	}
}

func BenchmarkReveal(b *testing.B) {
	d := parse(b, "", "", aid)
	policy := grant.NewPolicy([]*grant.Grant{
		{ID: "g1", Dataset: "aid", Agency: "police", Action: grant.Read, Fields: []string{"id", "state", "phone", "name"}, State: grant.InForceState,
			Rows: "amount > 1", Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}, {Field: "name", How: grant.Pseudonym}}},
	})
	decision := policy.Decide(grant.Request{Subject: grant.Subject{Agency: "police"}, Action: grant.Read, Purpose: "care", Dataset: d.Dataset, Table: d.Table})
	revealer := decision.Revealer([]byte("key"), nil)
	from := d.row("id=1 ward=ward-1 state=open amount=3 name=An phone=0905123456")
	row := slices.Clone(from)
	b.ReportAllocs()
	for b.Loop() {
		copy(row, from)
		revealer.Reveal(row)
	}
}

// Ten times the grants must not make a decision markedly dearer, nor a change of
// one grant: measured by what is allocated, which machines do not sway.
func TestCostDoesNotGrowWithGrants(t *testing.T) {
	d := parse(t, "name: aid-0", "name: aid", aid)
	cost := func(n int) (decide, with float64) {
		all := manyGrants(n, 1, n/20)
		policy := grant.NewPolicy(all)
		r := grant.Request{Subject: grant.Subject{Agency: "agency-3", Roles: []string{grant.Officer}, Areas: []string{"ward-1"}},
			Action: grant.Read, Purpose: "care", Dataset: d.Dataset, Table: d.Table, At: 1}
		decide = testing.AllocsPerRun(20, func() {
			decision := policy.Decide(r)
			decision.Rows([]int{d.column("state")})
		})
		return decide, testing.AllocsPerRun(20, func() { policy.With(all[5:6]) })
	}
	fewDecide, fewWith := cost(2_000)
	manyDecide, manyWith := cost(20_000)
	if manyDecide > fewDecide*1.5 || manyWith > fewWith*2 {
		t.Errorf("allocations: decide %v then %v, change %v then %v", fewDecide, manyDecide, fewWith, manyWith)
	}
}
