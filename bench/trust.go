package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// aid is a dataset about persons, as a department of social affairs keeps it.
const aid = `name: bench-aid
title: {vi: Trợ giúp xã hội, en: Social aid}
kind: register
owner: bench-owner
classification: internal
schema:
  primaryKey: code
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}}
    - {name: state, type: string, title: {vi: Trạng thái, en: State}}
    - {name: amount, type: integer, title: {vi: Mức, en: Amount}, measure: gauge}
    - {name: person, type: string, title: {vi: Số định danh, en: Personal number}, classification: personal}
    - {name: name, type: string, title: {vi: Họ tên, en: Name}, classification: personal}
    - {name: phone, type: string, title: {vi: Điện thoại, en: Telephone}, classification: personal}
person: person
`

// trust is item 6 of trust: what a decision costs among many grants, what the
// log's tree costs an append, and how many persons' records can be read in a
// second with an access record before each.
func (b *bench) trust(ctx context.Context, st string) error {
	if err := b.decisions(); err != nil {
		return err
	}
	if err := b.tree(ctx, st); err != nil {
		return err
	}
	store, err := b.fresh(st)
	if err != nil {
		return err
	}
	defer b.drop(st, store)
	r, err := openCity(ctx, where(store))
	if err != nil {
		return err
	}
	defer r.Close(ctx)
	return b.personal(ctx, st, r)
}

func (b *bench) decisions() error {
	d, err := dataset.Parse("aid.yaml", []byte(aid))
	if err != nil {
		return err
	}
	layout, err := dataset.Layout(d, nil)
	if err != nil {
		return err
	}
	const n = 100_000
	var grants []*grant.Grant
	for i := range n {
		grants = append(grants, &grant.Grant{
			ID: fmt.Sprintf("g%06d", i), Dataset: d.Name, Agency: fmt.Sprintf("agency-%d", i/10), Action: grant.Read,
			Fields: []string{"code", "state", "name", "phone"}, Rows: fmt.Sprintf("state = 's%d' AND amount > %d", i%7, i%100),
			Purposes: []string{"care"}, Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}}, Basis: "law", State: grant.InForceState,
		})
	}
	policy := grant.NewPolicy(grants)
	random := rand.New(rand.NewPCG(1, 2))
	took := make([]time.Duration, b.count(50_000))
	for i := range took {
		q := grant.Request{
			Subject: grant.Subject{Agency: fmt.Sprintf("agency-%d", random.IntN(n/10)), Roles: []string{grant.Officer}},
			Action:  grant.Read, Purpose: "care", Dataset: d, Table: layout, At: 1,
		}
		began := time.Now()
		decision := policy.Decide(q)
		rows := decision.Rows([]int{1, 4})
		took[i] = time.Since(began)
		if rows == nil || !decision.Allowed {
			return fmt.Errorf("a decision that ten grants should limit: %v", decision.Allowed)
		}
	}
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))] }
	t := newTable("Decisions", "One request decided among 100,000 grants, ten of them the asker's, with the condition on rows for the store; by the clock, on a machine that does other things too.",
		"grants", "p50", "p99", "target of p99", "")
	p99 := at(0.99)
	us := func(d time.Duration) string { return figure(float64(d.Nanoseconds())/1000) + " µs" }
	t.add(count(n), us(at(0.5)), us(p99), "≤ 100 µs", verdict(p99 <= 100*time.Microsecond))
	b.tables = append(b.tables, t)
	return nil
}

// personal reads single records about persons under a grant, with many at once.
func (b *bench) personal(ctx context.Context, st string, r *repo.Repository) error {
	d, err := dataset.Parse("aid.yaml", []byte(aid))
	if err != nil {
		return err
	}
	plan, err := r.Plan(ctx, repo.Operator(), []*dataset.Dataset{d})
	if err == nil {
		_, err = r.Apply(ctx, repo.Operator(), plan)
	}
	if err != nil {
		return err
	}
	e, err := r.Entry(repo.Operator(), d.Name)
	if err != nil {
		return err
	}
	persons := b.count(100_000)
	for at := 0; at < persons; {
		req := &commit.Request{Header: commit.Header{Source: "bench"}}
		for ; at < persons && len(req.Changes) < 10_000; at++ {
			row := make([]value.Value, e.Table.Width())
			row[0], row[1], row[2] = value.OfText(fmt.Sprint("H", at)), value.OfText("open"), value.OfInt(int64(at%900))
			row[3], row[4], row[5] = value.OfText(fmt.Sprintf("046%09d", at)), value.OfText("Nguyễn Văn An"), value.OfText(fmt.Sprintf("0905%06d", at))
			req.Changes = append(req.Changes, commit.Change{Dataset: d.Name, Op: commit.Put, Row: row})
		}
		if _, err := r.Commit(ctx, repo.Operator(), req); err != nil {
			return err
		}
	}
	if err := b.allow(ctx, r, d.Name); err != nil {
		return err
	}
	reader := repo.Principal{Name: "reader", Agency: "bench-reader", Roles: []string{grant.Officer}, Capacity: "c1", Purpose: repo.DataExchange}
	t := newTable("Reading about persons", "One person's record read under a grant with a row condition and a mask, its access record durable before it is shown; 16 readers at once, persons at random, in the process.",
		"store", "reads/s", "target", "", "p50", "p99", "target of p99", "")
	const readers = 16
	n := b.count(20_000)
	took := make([]time.Duration, n)
	var next atomic.Int64
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	began := time.Now()
	for w := range readers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(w)))
			for {
				i := next.Add(1) - 1
				if i >= int64(n) || failed.Load() != nil {
					return
				}
				started := time.Now()
				rec, err := r.Get(ctx, reader, d.Name, []value.Value{value.OfText(fmt.Sprint("H", random.IntN(persons)))}, 0)
				took[i] = time.Since(started)
				if err == nil && rec.Values[4].IsNull() {
					err = fmt.Errorf("the grant does not show the name")
				}
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	rate := float64(n) / time.Since(began).Seconds()
	slices.Sort(took)
	p99 := took[n*99/100]
	t.add(st, figure(rate), "≥ 500", verdict(rate >= 500), ms(took[n/2]), ms(p99), "≤ 50 ms", verdict(p99 <= 50*time.Millisecond))
	b.tables = append(b.tables, t)
	return nil
}

// allow puts the grant in force that the readers have.
func (b *bench) allow(ctx context.Context, r *repo.Repository, name string) error {
	e, err := r.Entry(repo.Operator(), repo.SystemGrant)
	if err != nil {
		return err
	}
	row := make([]value.Value, e.Table.Width())
	set := func(field string, v value.Value) {
		if i, _, _, ok := e.Table.Property(field); ok {
			row[i] = v
		}
	}
	set("id", value.OfText("bench"))
	set("dataset", value.OfText(name))
	set("agency", value.OfText("bench-reader"))
	set("action", value.OfText("read"))
	set("fields", value.OfText(`["code","state","name","phone"]`))
	set("rows", value.OfText("amount >= 0 AND state = 'open'"))
	set("masks", value.OfText(`[{"field":"phone","how":"last-digits"}]`))
	set("basis", value.OfText("law"))
	set("from", value.OfTime(1))
	set("state", value.OfText("in-force"))
	_, err = r.Commit(ctx, repo.Operator(), &commit.Request{Header: commit.Header{Source: "bench"}, Changes: []commit.Change{{Dataset: repo.SystemGrant, Op: commit.Put, Row: row}}})
	return err
}
