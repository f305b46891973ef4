package sharing

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

const day = 24 * 60 * 60 * 1_000_000 // µs

// remindDays are how long before its end a grant's people are reminded.
var remindDays = [...]int64{30, 7}

// Unused is after how many days without a reading a grant counts as unused.
const Unused = 90

// Watch follows the log: it notes when each grant in force was last used, as
// access records tell, and reminds of its end 30 and 7 days before. It takes the
// log's own time, so that whoever derives it anew gets the same reminders, each
// exactly once. A reminder shows with the first commit after its time has come.
//
// A grant that shows no personal data leaves no access record: of such a one no
// last use is known.
type Watch struct {
	mu    sync.Mutex
	known map[string]*watched
	dirty map[string]bool
	due   int64 // the next reminder of any grant; far when there is none
}

type watched struct {
	Until     int64      `json:"until,omitempty"`
	Since     int64      `json:"since"` // in force since
	Used      int64      `json:"used,omitempty"`
	Reminders []Reminder `json:"reminders,omitempty"`
}

// Reminder is one that was given.
type Reminder struct {
	Days int64 `json:"days"` // before the end
	At   int64 `json:"at"`   // µs since 1970
}

const far = 1 << 62

// NewWatch makes the follower.
func NewWatch() *Watch {
	w := &Watch{}
	w.reset()
	return w
}

func (w *Watch) reset() { w.known, w.dirty, w.due = map[string]*watched{}, map[string]bool{}, far }

// Name implements repo.Follower.
func (w *Watch) Name() string { return "sharing" }

// Load implements repo.Follower.
func (w *Watch) Load(state map[string][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reset()
	for id, b := range state {
		g := &watched{}
		if err := json.Unmarshal(b, g); err != nil {
			return err
		}
		w.known[id] = g
		w.due = min(w.due, g.next())
	}
	return nil
}

// Save implements repo.Follower.
func (w *Watch) Save() ([]store.StatePut, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var puts []store.StatePut
	for id := range w.dirty {
		var b []byte
		if g := w.known[id]; g != nil {
			var err error
			if b, err = json.Marshal(g); err != nil {
				return nil, err
			}
		}
		puts = append(puts, store.StatePut{Key: id, Value: b})
	}
	clear(w.dirty)
	return puts, nil
}

// next is when the next reminder is due, far when none is left.
func (g *watched) next() int64 {
	if g.Until == 0 {
		return far
	}
	for _, days := range remindDays {
		if !slices.ContainsFunc(g.Reminders, func(r Reminder) bool { return r.Days == days }) {
			return g.Until - days*day
		}
	}
	return far
}

// Apply implements repo.Follower.
func (w *Watch) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range e.Changes {
		ch := &e.Changes[i]
		entry := catalog(ch.Dataset)
		if entry == nil {
			continue
		}
		switch {
		case ch.Dataset == repo.SystemGrant:
			w.granted(entry, ch, e.At)
		case ch.Dataset == repo.SystemAccess && ch.After != nil:
			w.used(entry, ch.After, e.At)
		}
	}
	if e.At >= w.due {
		w.remind(e.At)
	}
	return nil
}

func (w *Watch) granted(entry *repo.Entry, ch *commit.Applied, at int64) {
	row := ch.After
	if row == nil {
		row = ch.Before
	}
	if row == nil {
		return
	}
	g := repo.GrantOf(entry, row)
	old := w.known[g.ID]
	if ch.After == nil || g.State != grant.InForceState {
		if old != nil {
			delete(w.known, g.ID)
			w.dirty[g.ID] = true
		}
		return
	}
	if old == nil {
		old = &watched{Since: max(at, g.From)}
		w.known[g.ID] = old
	}
	if old.Until != g.Until { // another end is reminded of anew
		old.Until, old.Reminders = g.Until, nil
	}
	w.dirty[g.ID] = true
	w.due = min(w.due, old.next())
}

// used notes the grants by which something was read.
func (w *Watch) used(entry *repo.Entry, row []value.Value, at int64) {
	i, _, _, ok := entry.Table.Property("by")
	if !ok || i >= len(row) || row[i].Kind() != value.Text || !strings.Contains(row[i].Text(), `"`) {
		return
	}
	var ids []string
	if json.Unmarshal([]byte(row[i].Text()), &ids) != nil {
		return
	}
	for _, id := range ids {
		if g := w.known[id]; g != nil && g.Used < at {
			g.Used = at
			w.dirty[id] = true
		}
	}
}

// remind gives the reminders that are due. Of two that are due at once only the
// later one is given: the other is no news.
func (w *Watch) remind(at int64) {
	w.due = far
	for id, g := range w.known {
		for g.next() <= at {
			for _, days := range remindDays {
				if !slices.ContainsFunc(g.Reminders, func(r Reminder) bool { return r.Days == days }) {
					g.Reminders = append(g.Reminders, Reminder{days, at})
					w.dirty[id] = true
					break
				}
			}
		}
		w.due = min(w.due, g.next())
	}
}

// Use tells what is known of a grant in force: since when it holds, when it was
// last used (0 = not yet), and the reminders given.
func (w *Watch) Use(id string) (since, used int64, reminders []Reminder, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.known[id]
	if g == nil {
		return 0, 0, nil, false
	}
	return g.Since, g.Used, slices.Clone(g.Reminders), true
}

// Use is when a grant was last used and what was reminded of.
type Use struct {
	Measured  bool // the grant shows personal data, so that its use leaves records
	Last      int64
	Unused    bool // measured, in force for 90 days and not used in the last 90
	Reminders []Reminder
}

// Use tells how a grant is used.
func (d *Desk) Use(g *Grant) (u Use) {
	e, err := d.repo.Entry(repo.Internal(), g.Dataset)
	if err != nil || d.watch == nil {
		return u
	}
	since, last, reminders, ok := d.watch.Use(g.ID)
	u.Reminders = reminders
	u.Measured = ok && g.Action == grant.Read && personal(&g.Grant, e)
	if u.Measured {
		u.Last = last
		u.Unused = d.repo.Now().UnixMicro()-max(since, last) >= Unused*day
	}
	return u
}

// Expire ends the grants whose term is over and tells how many. They give
// nothing since then; this only writes it down. Run by several processes at
// once, each grant is still ended by one commit.
func (d *Desk) Expire(ctx context.Context) (ended int, err error) {
	now := d.repo.Now()
	list, _, err := d.List(ctx, repo.Internal(), Query{States: []grant.State{grant.InForceState}, Until: now.Add(time.Microsecond)})
	if err != nil {
		return 0, err
	}
	for i := range list {
		g := &list[i]
		expect := g.Version
		g.State = follow[Expire][g.State]
		err := d.write(ctx, repo.Internal().Name, reasonOf(Expire, ""), g, expect)
		switch {
		case problem.KindOf(err) == problem.Stale: // somebody was first
		case err != nil:
			return ended, err
		default:
			ended++
		}
	}
	return ended, nil
}

// Run ends what has to end, at once and then at each tick, until ctx does.
func (d *Desk) Run(ctx context.Context, tick <-chan time.Time, log *slog.Logger) {
	for {
		if _, err := d.Expire(ctx); err != nil && ctx.Err() == nil {
			log.Warn("grants not ended", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}
