package request

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/nearby"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/textclass"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// LearnerName is the follower's name, for huong rebuild.
const LearnerName = "request-learner"

// Bounds of what is learned from, and when.
const (
	perCategory   = 600              // closed requests kept in mind of each category
	fewestTexts   = 60               // below which no model is trained
	fewestMerged  = 50               // below which no habits are told
	fewestHeld    = 20               // texts on which a model must have been measured before it suggests
	worstShare    = 0.5              // of them right, below which it suggests nothing
	sureShare     = 0.5              // chance below which a suggestion is not made
	lessonsApart  = 30 * time.Minute // between two trainings
	lessonsBehind = 2000             // commits that the learner may be behind when one begins
)

// Learner learns from the city's own requests: a category for what somebody writes,
// from requests that are closed under the category that people left them in; and how
// often requests of a category turn out to be of the same matter as another.
//
// It is a follower of the log that keeps in mind, of each category, the codes of so
// many closed requests, chosen by a hash of the code, so that they do not depend on
// the order in which requests were closed. It keeps no text: what was written is read
// when a model is trained, so that what was erased is not learned from again. The
// model is kept with the follower's state.
type Learner struct {
	repo *repo.Repository
	log  *slog.Logger

	training sync.Mutex

	mu      sync.RWMutex
	samples map[string][]sample // by category, by hash
	seen    map[string]nearby.Seen
	closed  int64
	taught  taught
	model   *textclass.Model
	habits  map[string]float64
	dirty   map[string]bool // keys of the state
}

type sample struct {
	hash uint64
	code string
}

// taught says of what a model was made.
type taught struct {
	At     time.Time `json:"at"`
	Closed int64     `json:"closed"` // requests closed in all by then
	Texts  int       `json:"texts"`
}

// NewLearner makes the follower. log may be nil.
func NewLearner(r *repo.Repository, log *slog.Logger) *Learner {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &Learner{repo: r, log: log}
	l.Load(nil)
	return l
}

// Keys of the state.
const (
	keySeen   = "seen"
	keyTaught = "taught"
	keyModel  = "model"
	keySample = "sample/"
)

// Name implements repo.Follower.
func (l *Learner) Name() string { return LearnerName }

// Load implements repo.Follower. A model that cannot be read is trained again.
func (l *Learner) Load(state map[string][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples, l.seen, l.dirty = map[string][]sample{}, map[string]nearby.Seen{}, map[string]bool{}
	l.closed, l.taught, l.model, l.habits = 0, taught{}, nil, nil
	for key, b := range state {
		category, isSample := strings.CutPrefix(key, keySample)
		switch {
		case isSample:
			for code := range strings.SplitSeq(string(b), "\n") {
				l.samples[category] = append(l.samples[category], sample{rankOf(code), code})
			}
		case key == keySeen:
			var s struct {
				Seen   map[string]nearby.Seen
				Closed int64
			}
			if err := json.Unmarshal(b, &s); err != nil {
				return err
			}
			if s.Seen != nil {
				l.seen, l.closed = s.Seen, s.Closed
			}
		}
	}
	if b := state[keyModel]; b != nil {
		m, err := textclass.Read(b)
		if err == nil && json.Unmarshal(state[keyTaught], &l.taught) == nil {
			l.model = m
		}
	}
	l.habits = habitsOf(l.seen)
	return nil
}

func rankOf(code string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(code))
	x := h.Sum64() // the finaliser of MurmurHash3: codes differ in few places
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// habitsOf are the habits of categories, nil while too few requests were merged to
// tell any.
func habitsOf(seen map[string]nearby.Seen) map[string]float64 {
	merged := 0
	for _, s := range seen {
		merged += s.Merged
	}
	if merged < fewestMerged {
		return nil
	}
	return nearby.Habits(seen)
}

// Apply implements repo.Follower.
func (l *Learner) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	entry := catalog(Dataset)
	if e.Counts[Dataset] == 0 || entry == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	merged := 0
	for i := range e.Changes {
		ch := &e.Changes[i]
		if ch.Dataset != Dataset {
			continue
		}
		before, after := lessonOf(look{entry, ch.Before, time.UTC}), lessonOf(look{entry, ch.After, time.UTC})
		if before == after {
			continue
		}
		merged += l.count(before, -1) + l.count(after, +1)
		if before.closed && (!after.closed || after.category != before.category || after.code != before.code) {
			l.closed--
			l.drop(before)
		}
		if after.closed && (!before.closed || after.category != before.category || after.code != before.code) {
			l.closed++
			l.keep(after)
		}
	}
	if merged != 0 {
		l.habits = habitsOf(l.seen)
	}
	return nil
}

// lesson is what is learned from a record.
type lesson struct {
	code, category string
	closed, merged bool
}

func lessonOf(l look) lesson {
	if l.row == nil {
		return lesson{}
	}
	status := l.text("status")
	x := lesson{code: l.text("code"), category: l.text("category"), closed: status == stateClosed, merged: status == stateMerged}
	if x.code == "" || x.category == "" { // erased
		return lesson{}
	}
	return x
}

// count notes a request of its category; it returns by how many more were merged.
func (l *Learner) count(x lesson, by int) int {
	if x.code == "" {
		return 0
	}
	s, merged := l.seen[x.category], 0
	s.Reports += by
	if x.merged {
		s.Merged += by
		merged = by
	}
	if l.seen[x.category] = s; s == (nearby.Seen{}) {
		delete(l.seen, x.category)
	}
	l.dirty[keySeen] = true
	return merged
}

func bySample(a, b sample) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.code, b.code))
}

// keep takes a closed request among the samples, where its hash is among the lowest.
func (l *Learner) keep(x lesson) {
	s := sample{rankOf(x.code), x.code}
	list := l.samples[x.category]
	at, known := slices.BinarySearchFunc(list, s, bySample)
	if known || at == perCategory {
		return
	}
	if len(list) == perCategory {
		list = list[:perCategory-1]
	}
	l.samples[x.category] = slices.Insert(list, at, s)
	l.dirty[keySample+x.category] = true
}

// drop takes one out; its place is taken by the next that is closed and would have
// been let in.
func (l *Learner) drop(x lesson) {
	list := l.samples[x.category]
	if at, known := slices.BinarySearchFunc(list, sample{rankOf(x.code), x.code}, bySample); known {
		l.samples[x.category] = slices.Delete(list, at, at+1)
		l.dirty[keySample+x.category] = true
	}
}

// Save implements repo.Follower.
func (l *Learner) Save() ([]store.StatePut, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []store.StatePut
	for key := range l.dirty {
		p := store.StatePut{Key: key}
		var err error
		category, isSample := strings.CutPrefix(key, keySample)
		switch {
		case isSample:
			var codes []string
			for _, s := range l.samples[category] {
				codes = append(codes, s.code)
			}
			if len(codes) > 0 {
				p.Value = []byte(strings.Join(codes, "\n"))
			}
		case key == keySeen:
			p.Value, err = json.Marshal(map[string]any{"Seen": l.seen, "Closed": l.closed})
		case key == keyTaught:
			p.Value, err = json.Marshal(l.taught)
		case key == keyModel && l.model != nil:
			p.Value, err = l.model.MarshalBinary()
		}
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	clear(l.dirty)
	return list, nil
}

// Run trains where enough requests were closed, at each tick, until ctx ends.
func (l *Learner) Run(ctx context.Context, ticks <-chan time.Time) {
	for {
		if err := l.Teach(ctx); err != nil && ctx.Err() == nil {
			l.log.Warn("no category model was trained", "err", err)
		}
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
	}
}

// due tells whether a training is worth while: the first with few texts, the next
// ones when there is a tenth more, but not for fewer than a hundred and not later
// than after two thousand; and when the follower knows nearly all.
func (l *Learner) due(ctx context.Context) bool {
	l.mu.RLock()
	closed, last, trained := l.closed, l.taught, l.model != nil
	l.mu.RUnlock()
	more := closed - last.Closed
	switch {
	case closed < fewestTexts, !last.At.IsZero() && l.repo.Now().Sub(last.At) < lessonsApart:
		return false
	case !trained && last.At.IsZero():
	case more < max(100, min(last.Closed/10, 2000)):
		return false
	}
	s, err := l.repo.Status(ctx)
	if err != nil {
		return false
	}
	i := slices.IndexFunc(s.Followers, func(f repo.FollowerStatus) bool { return f.Name == LearnerName })
	return i < 0 || s.Followers[i].Lag <= lessonsBehind
}

// Teach trains a model where it is due, from the texts as they are stored now. What
// was erased, reopened or moved to another category meanwhile is left out.
func (l *Learner) Teach(ctx context.Context) error {
	l.training.Lock()
	defer l.training.Unlock()
	if !l.due(ctx) {
		return nil
	}
	l.mu.RLock()
	samples, closed := maps.Clone(l.samples), l.closed
	for category, list := range samples {
		samples[category] = slices.Clone(list)
	}
	l.mu.RUnlock()
	var examples []textclass.Example
	for _, category := range slices.Sorted(maps.Keys(samples)) {
		for _, s := range samples[category] {
			rec, err := l.repo.Get(ctx, repo.Internal(), Dataset, key(s.code), 0)
			if kind := problem.KindOf(err); err != nil && (kind == problem.NotFound || kind == problem.Gone) {
				continue
			}
			if err != nil {
				return err
			}
			x := look{rec.Entry, rec.Values, l.repo.Zone()}
			if text := x.text("description"); text != "" && x.text("category") == category && x.text("status") == stateClosed {
				examples = append(examples, textclass.Example{Text: text, Label: category})
			}
		}
	}
	var m *textclass.Model
	if len(examples) >= fewestTexts {
		var err error
		if m, err = textclass.Train(examples, textclass.Defaults()); err != nil && problem.KindOf(err) != problem.Invalid {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.model, l.taught = m, taught{At: l.repo.Now(), Closed: closed, Texts: len(examples)}
	l.dirty[keyModel], l.dirty[keyTaught] = true, true
	return nil
}

// Learned is what the public is told of the model: how often it was right on texts
// that were kept back from it.
type Learned struct {
	At           time.Time // when it was trained
	Texts        int       // closed requests that it was trained from, with those kept back
	Held         int       // kept back
	First, Three float64   // shares of those: the right category came first, or among three
	Categories   int       // that it knows
	Suggests     bool      // it is good enough to suggest
}

// Learned tells of the model; false while there is none.
func (l *Learner) Learned() (Learned, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.model == nil {
		return Learned{}, false
	}
	q := l.model.Quality()
	return Learned{At: l.taught.At, Texts: l.taught.Texts, Held: q.Texts, First: q.First, Three: q.Three, Categories: len(l.model.Labels()), Suggests: good(q)}, true
}

func good(q textclass.Quality) bool { return q.Texts >= fewestHeld && q.First >= worstShare }

// Suggest names the likeliest category of a text, "" where it is unsure, or not good
// enough on the whole. It decides nothing.
func (l *Learner) Suggest(text string) string {
	l.mu.RLock()
	m := l.model
	l.mu.RUnlock()
	if m == nil || !good(m.Quality()) {
		return ""
	}
	if s := m.Predict(text); len(s) > 0 && s[0].Chance >= sureShare {
		return s[0].Label
	}
	return ""
}

// Habits tells how much more often than others (log-odds) requests of a category are
// of the same matter as another, by what the city merged; nil while that is little.
func (l *Learner) Habits() map[string]float64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.habits
}
