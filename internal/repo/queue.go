package repo

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Limits of one database transaction. They bound how long the head is held,
// not what may be asked.
const (
	groupItems = 1024
	groupRows  = 20_000
)

// pending is a commit that waits for its place in the sequence.
type pending struct {
	item    store.Item
	catalog int64 // version of the catalog that it was prepared with
	done    chan outcome
}

type outcome struct {
	receipt commit.Receipt
	err     error
}

// queue is natural group commit: one writer takes what waits, commits it in one
// transaction, answers all, and takes what has come in meanwhile. An idle
// system has no added latency, a busy one batches by itself. It is bounded:
// beyond its limits a commit is refused at once with a time to come back.
type queue struct {
	repo      *Repository
	in        chan *pending
	rows      atomic.Int64
	rowsLimit int64

	admission sync.RWMutex // closing and sending exclude each other
	closed    bool
	stopped   chan struct{}
}

func newQueue(r *Repository, limit int, rows int64) *queue {
	if limit == 0 {
		limit = 4096
	}
	if rows == 0 {
		rows = 200_000
	}
	return &queue{repo: r, in: make(chan *pending, limit), rowsLimit: rows, stopped: make(chan struct{})}
}

// submit waits until the item is durable. A cancelled ctx ends the waiting,
// never a write that has begun.
func (q *queue) submit(ctx context.Context, item store.Item, catalog int64) (commit.Receipt, error) {
	p := &pending{item: item, catalog: catalog, done: make(chan outcome, 1)}
	n := int64(len(item.Request.Changes))
	if err := q.admit(p, n); err != nil {
		return commit.Receipt{}, err
	}
	select {
	case o := <-p.done:
		return o.receipt, o.err
	case <-ctx.Done():
		return commit.Receipt{}, ctx.Err()
	}
}

func (q *queue) admit(p *pending, n int64) error {
	q.admission.RLock()
	defer q.admission.RUnlock()
	if q.closed {
		return problem.New(problem.Unavailable, "shutting-down")
	}
	// One oversized commit may pass an empty queue; otherwise the bound holds.
	if total := q.rows.Add(n); total > q.rowsLimit && total > n {
		q.rows.Add(-n)
		return busy()
	}
	select {
	case q.in <- p:
		return nil
	default:
		q.rows.Add(-n)
		return busy()
	}
}

func busy() error {
	e := problem.New(problem.RateLimited, "busy")
	e.RetryAfter = time.Second
	return e
}

func (q *queue) close(ctx context.Context) {
	q.admission.Lock()
	already := q.closed
	q.closed = true
	q.admission.Unlock()
	if !already {
		close(q.in)
	}
	select {
	case <-q.stopped:
	case <-ctx.Done():
	}
}

func (q *queue) run(ctx context.Context) {
	defer close(q.stopped)
	for first := range q.in {
		group := []*pending{first}
		rows := len(first.item.Request.Changes)
	fill:
		for len(group) < groupItems && rows < groupRows {
			select {
			case p, open := <-q.in:
				if !open {
					break fill
				}
				group = append(group, p)
				rows += len(p.item.Request.Changes)
			default:
				break fill
			}
		}
		q.commit(ctx, group)
		q.rows.Add(-int64(rows))
	}
}

// commit appends a group. Items prepared with another catalog than the group's
// newest go back to their callers, who prepare them again.
func (q *queue) commit(ctx context.Context, group []*pending) {
	catalog := group[0].catalog
	for _, p := range group {
		catalog = max(catalog, p.catalog)
	}
	items := make([]store.Item, 0, len(group))
	live := group[:0:len(group)]
	for _, p := range group {
		if p.catalog != catalog {
			p.done <- outcome{err: store.ErrCatalogMoved}
			continue
		}
		live = append(live, p)
		items = append(items, p.item)
	}
	outcomes, err := q.repo.driver.Append(context.WithoutCancel(ctx), catalog, items)
	if err != nil {
		if !errors.Is(err, store.ErrCatalogMoved) {
			q.repo.log.Error("append failed", "items", len(items), "err", err)
		}
		for _, p := range live {
			p.done <- outcome{err: err}
		}
		return
	}
	var first, last commit.Receipt
	for i, o := range outcomes {
		if o.Err == nil && !o.Receipt.Empty && !o.Receipt.Repeat {
			q.repo.committed(&items[i], o.Receipt)
			if first.Seq == 0 {
				first = o.Receipt
			}
			last = o.Receipt // the sequence rises with the items
		}
	}
	if last.Seq > 0 {
		if first.Seq != q.repo.head.current().Seq+1 {
			// Others have committed in between, and the head alone will not tell.
			q.repo.forgetAll()
		}
		q.repo.head.advance(last.Seq, last.At)
	}
	for i, p := range live {
		p.done <- outcome{outcomes[i].Receipt, outcomes[i].Err}
	}
}
