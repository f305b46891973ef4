package request

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// QueuesName is the follower's name, for huong rebuild.
const QueuesName = "request-queues"

// Queues counts what the numbers beside queues and lists tell: a follower of the
// log that adds what a record says now and takes away what it said before. It is in
// step with the log to within some hundredths of a second, and a request is overdue
// in it within a minute of its date.
type Queues struct {
	zone *time.Location

	mu    sync.RWMutex
	cells map[string]map[string]int64 // by sort
	dirty map[string]bool
	seq   int64         // applied
	moved chan struct{} // closed when it is
	first string        // earliest and latest day of which something was counted
	last  string
}

// NewQueues makes the follower; zone is that of the city's days.
func NewQueues(zone *time.Location) *Queues {
	q := &Queues{zone: zone}
	q.reset()
	return q
}

func (q *Queues) reset() {
	if q.moved != nil {
		close(q.moved)
	}
	q.cells, q.dirty, q.seq, q.moved, q.first, q.last = map[string]map[string]int64{}, map[string]bool{}, 0, make(chan struct{}), "", ""
}

// sorts of cells.
const (
	cellState    = "s" // agency, ward, state
	cellDue      = "d" // agency, the minute by which it is overdue: waiting
	cellAssigned = "a" // account: waiting
	cellUnplaced = "u" // waiting
	cellHidden   = "h" // waiting
	cellPublic   = "p" // day or month, category, ward, open or over: published
)

const cellMark = "\x1f"

func cellKey(parts ...string) string { return strings.Join(parts, cellMark) }

// Name implements repo.Follower.
func (q *Queues) Name() string { return QueuesName }

// Load implements repo.Follower.
func (q *Queues) Load(state map[string][]byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reset()
	for key, b := range state {
		n, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			return err
		}
		if key == keyAt {
			q.seq = n // nothing is applied until somebody writes
			continue
		}
		sort, rest, _ := strings.Cut(key, cellMark)
		q.of(sort)[rest] = n
		if day, _, _ := strings.Cut(rest, cellMark); sort == cellPublic && len(day) == len(time.DateOnly) {
			q.known(day)
		}
	}
	return nil
}

func (q *Queues) known(day string) {
	if q.first == "" || day < q.first {
		q.first = day
	}
	q.last = max(q.last, day)
}

// Apply implements repo.Follower.
func (q *Queues) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq = e.Seq
	close(q.moved)
	q.moved = make(chan struct{})
	entry := catalog(Dataset)
	if entry == nil || e.Counts[Dataset] == 0 {
		return nil
	}
	for i := range e.Changes {
		if ch := &e.Changes[i]; ch.Dataset == Dataset {
			q.count(entry, ch.Before, -1)
			q.count(entry, ch.After, +1)
		}
	}
	return nil
}

// of are the cells of a sort.
func (q *Queues) of(sort string) map[string]int64 {
	m := q.cells[sort]
	if m == nil {
		m = map[string]int64{}
		q.cells[sort] = m
	}
	return m
}

func (q *Queues) add(by int64, sort string, parts ...string) {
	key, cells := cellKey(parts...), q.of(sort)
	if cells[key] += by; cells[key] == 0 {
		delete(cells, key)
	}
	q.dirty[sort+cellMark+key] = true
}

func (q *Queues) count(e *repo.Entry, row []value.Value, by int64) {
	if row == nil {
		return
	}
	l := look{e, row, q.zone}
	opened, state, agency, area := l.at("openedAt"), l.text("status"), l.text("agency"), l.area()
	if opened.IsZero() {
		return // erased
	}
	q.add(by, cellState, agency, area, state)
	waits := slices.Contains(waiting(), state)
	if waits {
		if due := l.at("dueAt"); !due.IsZero() {
			q.add(by, cellDue, agency, strconv.FormatInt(due.Unix()/60+1, 10))
		}
		if who := l.text("assignee"); who != "" {
			q.add(by, cellAssigned, who)
		}
		if l.truth("needsPlace") {
			q.add(by, cellUnplaced)
		}
		if v := l.value("published"); v.Kind() == value.Bool && !v.Bool() {
			q.add(by, cellHidden)
		}
	}
	if !l.truth("published") {
		return
	}
	turn := ""
	switch {
	case waits:
		turn = "open"
	case slices.Contains(over(), state):
		turn = "over"
	}
	day, month, category := opened.Format(time.DateOnly), opened.Format("2006-01"), l.text("category")
	q.add(by, cellPublic, day, "", "", turn)
	q.add(by, cellPublic, day, category, "", turn)
	q.add(by, cellPublic, day, "", area, turn)
	q.add(by, cellPublic, month, category, area, turn)
	q.known(day)
}

// Save implements repo.Follower.
func (q *Queues) Save() ([]store.StatePut, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := []store.StatePut{{Key: keyAt, Value: strconv.AppendInt(nil, q.seq, 10)}}
	for key := range q.dirty {
		p := store.StatePut{Key: key}
		sort, rest, _ := strings.Cut(key, cellMark)
		if n := q.cells[sort][rest]; n != 0 {
			p.Value = strconv.AppendInt(nil, n, 10)
		}
		list = append(list, p)
	}
	clear(q.dirty)
	return list, nil
}
