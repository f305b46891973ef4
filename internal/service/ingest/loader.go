package ingest

import (
	"context"
	"hash/maphash"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// batch is a run of rows in the order of the input, with the rows that were
// refused before the repository saw them.
type batch struct {
	rows    [][]value.Value
	rejects []rejected
	skipped map[string]int64 // rows that are no records, by reason, counted with this batch
	// describe tells how row i came, for a fault that only the store finds.
	describe func(i int) rejected
	// settled gets the fate of every row of rows: faults is nil unless it went
	// to quarantine. May be nil.
	settled func(i int, r commit.Result, version int64, faults []problem.Violation) error
}

// rejected is a row that goes to quarantine.
type rejected struct {
	at     problem.Position
	raw    string
	ref    string // its number at the source, where the reader knows one
	faults []problem.Violation
}

// loader commits batches in order and keeps exact accounts. Used by one
// goroutine.
type loader struct {
	repo       *repo.Repository
	principal  repo.Principal
	entry      *repo.Entry
	quarantine *repo.Entry
	header     commit.Header
	importID   string
	told       *told // the present file's earlier imports, where they matter
	sum        *Summary
	wrote      bool // sum.Seq is of a commit that changed something

	seed   maphash.Seed
	first  map[uint64]int32 // by the key's hash: a row, counted from 1
	next   []int32          // by row: another one whose key has the same hash, or 0
	buf    []byte
	bufKey []value.Value
	change []commit.Change
}

func newLoader(r *repo.Repository, p repo.Principal, name string, h commit.Header, sum *Summary) (*loader, error) {
	e, err := r.Entry(p, name)
	if err != nil {
		return nil, err
	}
	if !r.MayWrite(p, name) {
		if p.Name == "" {
			return nil, problem.New(problem.Unauthenticated, "unauthenticated")
		}
		return nil, problem.New(problem.Denied, "denied", "action", "write", "dataset", name)
	}
	q, err := r.Entry(p, repo.SystemQuarantine)
	if err != nil {
		return nil, err
	}
	h.Actor = p.Name
	return &loader{repo: r, principal: p, entry: e, quarantine: q, header: h, sum: sum, seed: maphash.MakeSeed(), first: map[uint64]int32{}}, nil
}

// load commits a batch. Rows with the key of an earlier row of the batch but
// other values begin a new commit, so that no correction in between is lost;
// rows equal to an earlier one change nothing and are counted so.
func (l *loader) load(ctx context.Context, b *batch) error {
	start := 0
	rejects := b.rejects
	l.sum.skip(b.skipped)
	for start < len(b.rows) || len(rejects) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		run, twins, end := l.take(b.rows, start)
		run, err := l.sift(ctx, b, run)
		if err != nil {
			return err
		}
		if err := l.commit(ctx, b, run, twins, rejects); err != nil {
			return err
		}
		start, rejects = end, nil
	}
	return nil
}

// take gathers rows from start up to the first that contradicts an earlier one.
// twins maps a row to the earlier row that it equals.
func (l *loader) take(rows [][]value.Value, start int) (run []int, twins map[int]int, end int) {
	clear(l.first)
	l.next = slices.Grow(l.next[:0], len(rows))[:len(rows)]
	run = make([]int, 0, len(rows)-start)
	t := l.entry.Table
	for i := start; i < len(rows); i++ {
		l.bufKey = t.KeyOf(l.bufKey[:0], rows[i])
		l.buf = l.buf[:0]
		for _, v := range l.bufKey {
			l.buf = value.Append(l.buf, v)
		}
		h := maphash.Bytes(l.seed, l.buf)
		twin := -1
		for j := l.first[h]; j != 0; j = l.next[j-1] {
			if sameKey(t, rows[i], rows[j-1]) {
				twin = int(j - 1)
				break
			}
		}
		switch {
		case twin < 0:
			l.next[i] = l.first[h]
			l.first[h] = int32(i + 1)
			run = append(run, i)
		case slices.Equal(rows[i], rows[twin]):
			if twins == nil {
				twins = map[int]int{}
			}
			twins[i] = twin
		default:
			return run, twins, i
		}
	}
	return run, twins, len(rows)
}

func sameKey(t *dataset.Table, a, b []value.Value) bool {
	for _, k := range t.Key {
		if a[k] != b[k] {
			return false
		}
	}
	return true
}

// commit makes one run durable together with the quarantine records of what was
// refused. Rows that the repository refuses go to quarantine as well and the
// rest is tried again; each round refuses at least one row, so it ends.
func (l *loader) commit(ctx context.Context, b *batch, run []int, twins map[int]int, rejects []rejected) error {
	refused := map[int][]problem.Violation{}
	for {
		l.change = l.change[:0]
		for _, i := range run {
			l.change = append(l.change, commit.Change{Dataset: l.entry.Dataset.Name, Op: commit.Put, Row: b.rows[i]})
		}
		kept, err := l.isolate(ctx, rejects)
		if err != nil {
			return err
		}
		l.change = append(l.change, kept...)
		var receipt commit.Receipt
		if len(l.change) > 0 {
			receipt, err = l.submit(ctx, &commit.Request{Header: l.header, Changes: l.change})
		}
		if err == nil {
			l.account(rejects)
			if len(l.change) > 0 && (!receipt.Empty || !l.wrote) {
				l.sum.Seq, l.wrote = receipt.Seq, !receipt.Empty
			}
			return l.settle(b, run, twins, refused, receipt)
		}
		bad := badRows(err, len(run))
		if len(bad) == 0 {
			return err
		}
		left := run[:0]
		for n, i := range run {
			vs, is := bad[n]
			if !is {
				left = append(left, i)
				continue
			}
			for j := range vs {
				vs[j].Row = 0
			}
			refused[i] = vs
			rejects = append(rejects, l.refuse(b, i, vs))
			for twin, of := range twins {
				if of == i {
					refused[twin] = vs
					rejects = append(rejects, l.refuse(b, twin, vs))
				}
			}
		}
		run = left
	}
}

func (l *loader) refuse(b *batch, i int, vs []problem.Violation) rejected {
	r := b.describe(i)
	r.faults = slices.Clone(vs)
	for j := range r.faults {
		r.faults[j].Position = r.at
	}
	return r
}

// badRows sorts the violations of a refused commit by change; nil when the
// refusal is not about single rows.
func badRows(err error, n int) map[int][]problem.Violation {
	e := problem.As(err)
	switch e.Kind {
	case problem.Invalid, problem.Conflict, problem.Stale:
	default:
		return nil
	}
	bad := map[int][]problem.Violation{}
	for _, v := range e.Violations {
		if v.Row >= 0 && v.Row < n {
			bad[v.Row] = append(bad[v.Row], v)
		}
	}
	return bad
}

// account counts refused rows once their commit is durable.
func (l *loader) account(rejects []rejected) {
	l.sum.Quarantined += int64(len(rejects))
	l.sum.Read += int64(len(rejects))
	for _, r := range rejects {
		l.sum.rule(r.faults)
	}
}

func (l *loader) settle(b *batch, run []int, twins map[int]int, refused map[int][]problem.Violation, receipt commit.Receipt) error {
	result := func(n int) commit.Result {
		if n < len(receipt.Results) {
			return receipt.Results[n]
		}
		return commit.Unchanged
	}
	l.sum.Read += int64(len(run))
	for n := range run {
		switch result(n) {
		case commit.Unchanged:
			l.sum.Unchanged++
		case commit.Updated:
			l.sum.Updated++
			fallthrough
		default:
			l.sum.Accepted++
		}
	}
	for twin := range twins {
		if _, is := refused[twin]; !is {
			l.sum.Read++
			l.sum.Unchanged++
		}
	}
	if b.settled == nil {
		return nil
	}
	for n, i := range run {
		var version int64
		if result(n) != commit.Unchanged {
			version = receipt.Seq
		}
		if err := b.settled(i, result(n), version, nil); err != nil {
			return err
		}
	}
	for twin := range twins {
		if _, is := refused[twin]; !is {
			if err := b.settled(twin, commit.Unchanged, 0, nil); err != nil {
				return err
			}
		}
	}
	for i, vs := range refused {
		if err := b.settled(i, commit.Unchanged, 0, vs); err != nil {
			return err
		}
	}
	return nil
}

// patience bounds how often a busy repository is asked again.
const patience = 300

// submit commits, and waits and asks again while the repository is busy. A
// commit that has been handed over is awaited even when ctx ends, so that the
// accounts stay exact.
func (l *loader) submit(ctx context.Context, req *commit.Request) (commit.Receipt, error) {
	for try := 0; ; try++ {
		receipt, err := l.repo.CommitChecked(context.WithoutCancel(ctx), l.principal, req, l.entry.Schema)
		if err == nil {
			return receipt, nil
		}
		e := problem.As(err)
		if e.Kind != problem.RateLimited && (e.Kind != problem.Unavailable || e.RetryAfter == 0) || try == patience {
			return receipt, err
		}
		wait := time.NewTimer(max(e.RetryAfter, 10*time.Millisecond))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return receipt, ctx.Err()
		}
	}
}
