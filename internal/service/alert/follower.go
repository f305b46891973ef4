package alert

import (
	"container/heap"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Name is the follower's name, for huong rebuild.
const Name = "alerts"

// mostSubjects bounds how many subjects of one rule are watched; of more, those
// that came first are.
const mostSubjects = 50_000

// Config is what the engine needs. Repo, Now and News are required.
type Config struct {
	Repo *repo.Repository
	Now  func() time.Time // the city's clock
	Log  *slog.Logger
	// News tells when what a change tells of was so, and whether that is news.
	News func(e *commit.Entry, ch *commit.Applied, entry *repo.Entry) (event int64, news bool)
	// Indicator returns the value of an indicator in an area at a time; ok is false
	// where it has none. Rules on indicators are silent when nil.
	Indicator func(ctx context.Context, name, area string, at time.Time) (v float64, ok bool)
	// Stage returns the city's stage in an area, 1 to 5. 1 when nil.
	Stage func(area string) int
	// Incident opens or joins the incident of a high alert: its number, and the
	// changes that make it so, to be part of the alert's commit.
	Incident func(ctx context.Context, l *Line, kind string) (number string, changes []commit.Change, err error)
}

// Engine is the follower. Its methods are safe for concurrent use.
type Engine struct {
	Config

	mu       sync.Mutex
	rules    *ruleSet
	machines map[string]map[string]*machine // by rule, then subject
	prints   map[string]string              // by rule: what its memories were made by
	lines    map[string]*Line               // open ones
	due      dueHeap
	dirty    map[string]bool // keys of state to be saved
	slots    map[*machine]bool
	seq      int64 // last commit applied
	began    beginning
	saves    int  // since Load
	silent   bool // what was told before is lived through again, and not told
	refs     map[string]map[string][]value.Value
	names    map[string][2]string // areas
	unseen   int64                // subjects beyond mostSubjects
	orphans  bool                 // members may be open that no machine stands behind
}

// machine is one subject of a rule.
type machine struct {
	core.State
	rule    *core.Rule
	subject string
	limits  [4]float64
	due     int64
}

// New makes the engine; Follow starts it.
func New(c Config) *Engine {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Engine{Config: c}
	g.reset()
	return g
}

func (g *Engine) reset() {
	g.rules, g.machines, g.prints, g.lines = nil, map[string]map[string]*machine{}, map[string]string{}, map[string]*Line{}
	g.due, g.dirty, g.slots, g.seq, g.saves = nil, map[string]bool{}, map[*machine]bool{}, 0, 0
	g.refs, g.names, g.unseen, g.orphans = map[string]map[string][]value.Value{}, map[string][2]string{}, 0, true
}

// Name implements repo.Follower.
func (g *Engine) Name() string { return Name }

// Keys of saved state.
const (
	keyQuiet = "quiet"
	keySeq   = "seq"
	keyPrint = "print/"
	keyState = "state/"
	keySlots = "slots/"
	keyLine  = "line/"
)

// Load implements repo.Follower.
func (g *Engine) Load(state map[string][]byte) error {
	h, err := g.Repo.Head(context.Background())
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	began, err := g.begin(context.Background(), h.Seq, state[keyQuiet])
	if err != nil {
		return err
	}
	g.reset()
	g.rules = readRules(g.Repo, g.Log)
	g.began = began
	g.dirty[keyQuiet] = state[keyQuiet] == nil
	if b := state[keySeq]; b != nil {
		if g.seq, err = strconv.ParseInt(string(b), 10, 64); err != nil {
			return err
		}
	}
	for key, b := range state {
		switch {
		case strings.HasPrefix(key, keyPrint):
			g.prints[key[len(keyPrint):]] = string(b)
		case strings.HasPrefix(key, keyLine):
			l := &Line{}
			if err := json.Unmarshal(b, l); err != nil {
				return err
			}
			g.lines[l.ID] = l
		case strings.HasPrefix(key, keyState):
			name, subject, _ := strings.Cut(key[len(keyState):], "/")
			rule := g.rules.byName[name]
			if rule == nil {
				continue
			}
			m := &machine{rule: rule, subject: subject}
			var saved struct {
				core.State
				Limits [4]*float64 `json:"limits"`
			}
			if err := json.Unmarshal(b, &saved); err != nil {
				return err
			}
			m.State, m.limits = saved.State, unpack(saved.Limits)
			if b := state[keySlots+key[len(keyState):]]; m.Past != nil && b != nil {
				m.Past.DecodeSlots(b)
			}
			g.keep(m)
		}
	}
	g.silent = g.seq < g.began.Quiet
	g.settle()
	return nil
}

// settle drops what rules no longer there, or different ones, remembered.
func (g *Engine) settle() {
	for name, rule := range g.rules.byName {
		if print := fingerprint(rule); g.prints[name] != print {
			for _, m := range g.machines[name] {
				g.drop(m)
			}
			g.prints[name] = print
			g.dirty[keyPrint+name] = true
		}
	}
	for name, all := range g.machines {
		rule := g.rules.byName[name]
		for _, m := range all {
			if rule == nil {
				g.drop(m)
				continue
			}
			m.rule = rule
			g.schedule(m)
		}
	}
}

func (g *Engine) keep(m *machine) {
	all := g.machines[m.rule.Name]
	if all == nil {
		all = map[string]*machine{}
		g.machines[m.rule.Name] = all
	}
	all[m.subject] = m
	g.schedule(m)
}

// drop forgets a machine; m.due keeps what is in the heap from counting.
func (g *Engine) drop(m *machine) {
	at := m.rule.Name + "/" + m.subject
	delete(g.machines[m.rule.Name], m.subject)
	delete(g.slots, m)
	g.dirty[keyState+at] = true
	if m.Past != nil && m.Past.Slots != nil {
		g.dirty[keySlots+at] = true
	}
	if m.Severity() != core.None {
		g.orphans = true
	}
	m.due = 0
}

// schedule puts the machine where its next time is. Those of indicators are moved
// when they are asked for.
func (g *Engine) schedule(m *machine) {
	if m.rule.Kind == core.Indicator {
		return
	}
	due := m.rule.Due(&m.State)
	if due == m.due {
		return
	}
	if m.due = due; due != 0 {
		heap.Push(&g.due, dueAt{due, m})
	}
}

// current reads the rules again when they have changed.
func (g *Engine) current() {
	if g.rules == nil || g.rules.version != g.Repo.DefinitionsVersion() {
		g.rules = readRules(g.Repo, g.Log)
		g.settle()
	}
}

// Apply implements repo.Follower.
func (g *Engine) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.current()
	ctx := context.Background()
	if err := g.pass(ctx, e.At); err != nil {
		return err
	}
	var out []transition
	var entry *repo.Entry
	var watchers []*watcher
	last := ""
	for i := range e.Changes {
		ch := &e.Changes[i]
		if entry == nil || ch.Dataset != last {
			last = ch.Dataset
			if entry = catalog(last); entry == nil {
				watchers = nil
				continue
			}
			watchers = g.rules.of(entry, g.Log)
			delete(g.refs, last)
			if last == repo.SystemArea {
				clear(g.names)
			}
		}
		if last == repo.SystemAlert {
			g.follow(e, ch, entry)
			continue
		}
		if len(watchers) == 0 {
			continue
		}
		event, news := g.News(e, ch, entry)
		for _, w := range watchers {
			if err := g.observe(ctx, w, e, ch, event, news && e.Seq > g.began.Born, &out); err != nil {
				return err
			}
		}
	}
	g.seq = e.Seq
	if g.silent && g.seq >= g.began.Quiet {
		g.reconcile()
	}
	if len(out) == 0 {
		return nil
	}
	return g.tell(ctx, out, "alerts/seq/"+strconv.FormatInt(e.Seq, 10), e.At)
}

// observe steps one rule with one change.
func (g *Engine) observe(ctx context.Context, w *watcher, e *commit.Entry, ch *commit.Applied, event int64, news bool, out *[]transition) error {
	row := ch.After
	if row == nil {
		if w.Kind != core.OnRecord {
			return nil // a measurement that is taken back tells nothing of now
		}
		row = ch.Before
	}
	if !w.Sees(row) && w.Kind != core.OnRecord {
		return nil
	}
	subject := subjectOf(w, row)
	m := g.machines[w.Name][subject]
	o := core.Observation{Event: event, Arrived: e.At, Value: math.NaN(), Before: math.NaN()}
	switch w.Kind {
	case core.OnRecord:
		if ch.After == nil || !w.Sees(row) {
			o.Judged = core.Judgement{0, -1, -1, -1}
		} else {
			o.Judged = w.Matched(ch.After)
		}
		if m == nil && o.Judged[1] <= 0 && o.Judged[2] <= 0 && o.Judged[3] <= 0 {
			return nil
		}
	case core.Absence:
	default:
		v, ok := w.Number(row)
		if !ok {
			return nil
		}
		o.Value = v
		if ch.Before != nil && w.Series && w.Sees(ch.Before) {
			if b, ok := w.Number(ch.Before); ok {
				o.Before = b
			}
		}
	}
	if m == nil {
		if len(g.machines[w.Name]) >= mostSubjects {
			g.unseen++
			return nil
		}
		if !news && w.Kind != core.Seasonal && w.Kind != core.Rate && w.Window == 0 {
			return nil
		}
		m = &machine{rule: w.Rule, subject: subject}
		g.keep(m)
	}
	g.dirty[keyState+w.Name+"/"+subject] = true
	if !news {
		w.Learn(&m.State, o)
		if m.Past != nil && m.Past.Rolled {
			g.slots[m] = true
		}
		return nil
	}
	var err error
	if m.limits, err = g.limitsOf(ctx, w, row); err != nil {
		return err
	}
	o.Limits = m.limits
	c, changed := w.Step(&m.State, o)
	if m.Past != nil && m.Past.Rolled {
		g.slots[m] = true
	}
	if changed && !g.silent {
		t := transition{rule: w.Rule, subject: subject, Change: c, value: m.Value, limit: m.Limit, episode: e.Seq, place: 2 * e.Seq}
		if err := g.describe(ctx, &t, w, row); err != nil {
			return err
		}
		*out = append(*out, t)
	}
	if m.Resting() && w.Kind == core.OnRecord {
		g.drop(m)
		return nil
	}
	g.schedule(m)
	return nil
}

func subjectOf(w *watcher, row []value.Value) string {
	if len(w.Subject) == 1 {
		if v := row[w.Subject[0]]; v.Kind() == value.Text && !strings.ContainsAny(v.Text(), "~,") {
			return v.Text() // as FormatKey writes it
		}
	}
	key := make([]value.Value, len(w.Subject))
	for i, c := range w.Subject {
		key[i] = row[c]
	}
	return record.FormatKey(w.Table, key)
}

// Save implements repo.Follower.
func (g *Engine) Save() ([]store.StatePut, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.saves++; g.saves > 1 && !g.began.Saved { // the one before was kept
		if err := g.mark(context.Background()); err != nil {
			return nil, err
		}
	}
	puts := append(make([]store.StatePut, 0, len(g.dirty)+1), store.StatePut{Key: keySeq, Value: strconv.AppendInt(nil, g.seq, 10)})
	for key, is := range g.dirty {
		if !is {
			continue
		}
		var b []byte
		var err error
		switch {
		case key == keyQuiet:
			b = strconv.AppendInt(nil, g.began.Quiet, 10)
		case strings.HasPrefix(key, keyPrint):
			b = []byte(g.prints[key[len(keyPrint):]])
		case strings.HasPrefix(key, keySlots): // the machine is gone
		case strings.HasPrefix(key, keyLine):
			if l := g.lines[key[len(keyLine):]]; l != nil {
				b, err = json.Marshal(l)
			}
		default:
			name, subject, _ := strings.Cut(key[len(keyState):], "/")
			if m := g.machines[name][subject]; m != nil {
				b, err = json.Marshal(struct {
					core.State
					Limits [4]*float64 `json:"limits"`
				}{m.State, pack(m.limits)})
			}
		}
		if err != nil {
			return nil, err
		}
		puts = append(puts, store.StatePut{Key: key, Value: b})
	}
	for m := range g.slots {
		if m.Past != nil && m.rule != nil {
			puts = append(puts, store.StatePut{Key: keySlots + m.rule.Name + "/" + m.subject, Value: m.Past.EncodeSlots()})
			m.Past.Rolled = false
		}
	}
	clear(g.dirty)
	clear(g.slots)
	return puts, nil
}

// pack and unpack write thresholds as JSON, which knows no NaN.
func pack(l [4]float64) (p [4]*float64) {
	for i, f := range l {
		if !math.IsNaN(f) {
			p[i] = &f
		}
	}
	return p
}

func unpack(p [4]*float64) (l [4]float64) {
	for i, f := range p {
		if l[i] = math.NaN(); f != nil {
			l[i] = *f
		}
	}
	return l
}

// dueAt is a machine at a time; it counts while it is still the machine's.
type dueAt struct {
	at int64
	m  *machine
}

type dueHeap []dueAt

func (h dueHeap) Len() int      { return len(h) }
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Less orders what is due at one time too: the same each time it is told.
func (h dueHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.m.rule.Name != b.m.rule.Name {
		return a.m.rule.Name < b.m.rule.Name
	}
	return a.m.subject < b.m.subject
}

func (h *dueHeap) Push(x any) { *h = append(*h, x.(dueAt)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// pass fires what is due up to now, in order. What a machine does is kept only
// when the commit that tells it is durable.
func (g *Engine) pass(ctx context.Context, now int64) error {
	if len(g.due) > 1024 && len(g.due) > 4*g.count() {
		g.due = g.due[:0]
		for _, all := range g.machines {
			for _, m := range all {
				m.due = 0
				g.schedule(m)
			}
		}
	}
	for len(g.due) > 0 && g.due[0].at <= now {
		d := g.due[0]
		if d.m.due != d.at {
			heap.Pop(&g.due)
			continue
		}
		if err := g.fire(ctx, d.m, d.at); err != nil {
			return err
		}
	}
	return nil
}

func (g *Engine) count() (n int) {
	for _, all := range g.machines {
		n += len(all)
	}
	return n
}

func (g *Engine) fire(ctx context.Context, m *machine, due int64) error {
	next := *m
	if m.Past != nil {
		next.Past = m.Past.Clone()
	}
	c, changed := m.rule.Fire(&next.State, due, m.limits)
	if changed && !g.silent {
		t := transition{rule: m.rule, subject: m.subject, Change: c, value: next.Value, limit: next.Limit, episode: due, place: 2*g.seq + 1}
		if err := g.lookUp(ctx, &t); err != nil {
			return err
		}
		key := strings.Join([]string{"alerts/due", m.rule.Name, m.subject, strconv.FormatInt(due, 10)}, "/")
		if err := g.tell(ctx, []transition{t}, shortKey(key), due); err != nil {
			return err
		}
	}
	m.State = next.State
	if m.Past != nil && m.Past.Rolled {
		g.slots[m] = true
	}
	g.dirty[keyState+m.rule.Name+"/"+m.subject] = true
	m.due = 0
	if m.Resting() && m.rule.Kind == core.OnRecord {
		g.drop(m)
		return nil
	}
	g.schedule(m)
	return nil
}
