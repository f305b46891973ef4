package indicator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Name is the follower's name, for huong rebuild.
const Name = "indicators"

// Kind is of which kind indicators' definitions are.
const Kind = "indicator"

// Sizes of the parts in which work is done between two saves.
const (
	commitPart = 8192 // changes of one commit
	scanPart   = 5000 // records of a table
	dropPart   = 5000 // cells to be deleted
)

// Service keeps the indicators and tells them. It is a follower of its
// repository, which must follow it; all else may be called concurrently.
type Service struct {
	repo *repo.Repository
	zone int64 // the city's clock, in seconds east of UTC

	// What follows is the follower's, of one goroutine.
	cells   cells
	rolls   map[string]*roll
	served  map[string]*served
	scans   map[string]*scan
	kept    map[string]bool // keys of the state that were saved
	changed bool            // the state differs from what was saved
	at      position
	next    int64 // number of the next rollup or scan
	defined int64 // version of the definitions that are followed
	failed  bool  // of them, some could not be; to be tried when datasets change

	// What readers see.
	mu     sync.RWMutex
	fresh  map[line]map[indicator.Bucket][]byte // groups that may not be saved yet; nil is deleted
	saving bool                                 // fresh was handed over to be saved
	view   atomic.Pointer[view]
	areas  areas
	moved  chan struct{} // closed when there is another view
	binds  sync.Map      // what readers bound, by rollup
}

// position is up to where the log is applied, within the commit that is being
// applied in parts.
type position struct {
	Seq  int64 // commits up to here are applied wholly
	Part int   // changes of the one after it that are
	Next int64 // number of the next rollup or scan
}

// view is what readers know of the definitions; it never changes.
type view struct {
	served map[string]served
	rolls  map[string]roll
	states map[string]State
	seq    int64 // commits up to here are in the figures
}

// New makes the indicators of a repository; it must follow them.
func New(r *repo.Repository) *Service {
	_, offset := r.Now().In(r.Zone()).Zone()
	s := &Service{repo: r, zone: int64(offset), moved: make(chan struct{})}
	s.cells.read = func(ctx context.Context, from, until string, limit int, fn func(string, []byte) error) error {
		return r.FollowerState(ctx, Name, from, until, limit, fn)
	}
	s.reset()
	return s
}

func (s *Service) reset() {
	s.cells.reset()
	s.rolls, s.served, s.scans, s.kept = map[string]*roll{}, map[string]*served{}, map[string]*scan{}, map[string]bool{}
	s.changed, s.at, s.next, s.defined, s.failed = false, position{}, 0, -1, false
	s.mu.Lock()
	s.fresh, s.saving = map[line]map[indicator.Bucket][]byte{}, false
	s.mu.Unlock()
	s.areas.forget()
}

// Name implements repo.Follower.
func (s *Service) Name() string { return Name }

const (
	positionKey = "at"
	rollKey     = "roll/"
	servedKey   = "name/"
	scanKey     = "scan/"
)

// Load implements repo.Follower.
func (s *Service) Load(state map[string][]byte) error {
	s.reset()
	for key, b := range state {
		var err error
		switch {
		case key == positionKey:
			err = json.Unmarshal(b, &s.at)
			s.next = s.at.Next
		case len(key) > len(rollKey) && key[:len(rollKey)] == rollKey:
			r := &roll{zone: s.zone}
			err = json.Unmarshal(b, r)
			s.rolls[r.ID] = r
		case len(key) > len(servedKey) && key[:len(servedKey)] == servedKey:
			v := &served{}
			err = json.Unmarshal(b, v)
			s.served[key[len(servedKey):]] = v
		case len(key) > len(scanKey) && key[:len(scanKey)] == scanKey:
			c := &scan{}
			err = json.Unmarshal(b, c)
			s.scans[c.ID] = c
		}
		if err != nil {
			return err
		}
		s.kept[key] = true
	}
	s.changed = true // so that readers are shown all of it
	s.publish(nil)
	s.changed = false
	return nil
}

// Save implements repo.Follower.
func (s *Service) Save() ([]store.StatePut, error) {
	puts := s.cells.puts()
	if s.changed || s.at.Seq > 0 {
		s.at.Next = s.next
		state := map[string]any{positionKey: s.at}
		if s.changed {
			for id, r := range s.rolls {
				state[rollKey+id] = r
			}
			for name, v := range s.served {
				state[servedKey+name] = v
			}
			for id, c := range s.scans {
				state[scanKey+id] = c
			}
			for key := range s.kept {
				if _, still := state[key]; !still {
					puts = append(puts, store.StatePut{Key: key})
					delete(s.kept, key)
				}
			}
		}
		for key, v := range state {
			b, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			puts = append(puts, store.StatePut{Key: key, Value: b})
			s.kept[key] = true
		}
		s.changed = false
	}
	s.mu.Lock()
	s.saving = true
	s.mu.Unlock()
	return puts, nil
}

// Apply implements repo.Follower: the commit first, then a part of what is to be
// computed from tables. While there is more of it and no further commit, the same
// one is asked for again.
func (s *Service) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	ctx := context.Background()
	s.saved()
	if s.cells.full() {
		return repo.ErrUnfinished // to be saved before it grows
	}
	if s.at.Part == 0 && (e.Seq > s.at.Seq || s.defined < 0) {
		if err := s.reconcile(ctx, e, catalog); err != nil {
			return err
		}
	}
	if e.Seq > s.at.Seq {
		if err := s.apply(ctx, e, catalog); err != nil {
			return err
		}
	}
	if !s.working() {
		return nil
	}
	if err := s.work(ctx, catalog); err != nil {
		return err
	}
	if s.working() || s.cells.full() {
		head, err := s.repo.Head(ctx)
		if err != nil {
			return err
		}
		if head.Seq <= e.Seq || s.cells.full() {
			return repo.ErrUnfinished
		}
	}
	return nil
}

// saved forgets, for readers, what was handed over to be saved and now is.
func (s *Service) saved() {
	s.cells.trim()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saving {
		clear(s.fresh)
		s.saving = false
	}
}

// publish shows readers the groups that changed, and the state. Groups of a rollup
// that was dropped since are left out: who still asks for it sees it as it was kept.
func (s *Service) publish(changed []place) {
	changed = slices.DeleteFunc(changed, func(p place) bool { return s.cells.dirty[p] == nil })
	groups := make([][]byte, len(changed))
	for i, p := range changed {
		groups[i] = s.cells.groups[p].encode(s.cells.dirty[p].Spec.Part.Measure)
	}
	v := &view{seq: s.at.Seq}
	if old := s.view.Load(); old != nil && !s.changed {
		v.served, v.rolls, v.states = old.served, old.rolls, old.states
	} else {
		v.served, v.rolls, v.states = map[string]served{}, map[string]roll{}, map[string]State{}
		for name, x := range s.served {
			v.served[name] = *x
			v.states[name] = s.state(name, x)
		}
		for id, r := range s.rolls {
			v.rolls[id] = *r
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.moved)
	s.moved = make(chan struct{})
	for i, p := range changed {
		buckets := s.fresh[p.line]
		if buckets == nil {
			buckets = map[indicator.Bucket][]byte{}
			s.fresh[p.line] = buckets
		}
		buckets[p.bucket] = groups[i]
	}
	s.view.Store(v)
}

// state tells how far the computing of an indicator is.
func (s *Service) state(name string, x *served) State {
	st := State{Name: name, Served: x.Now != nil, Fault: x.Fault, Progress: 1}
	if x.Next == nil {
		return st
	}
	st.Building = true
	for _, id := range x.NextRolls {
		r := s.rolls[id]
		if r == nil {
			continue
		}
		if c := s.scans[r.Scan]; c != nil {
			st.Done, st.Total = st.Done+c.Seen, st.Total+c.Total
		}
	}
	if st.Total > 0 {
		st.Progress = min(1, float64(st.Done)/float64(st.Total))
	} else {
		st.Progress = 0
	}
	return st
}

// apply brings the changes of a commit to the rollups that it is not already in.
func (s *Service) apply(ctx context.Context, e *commit.Entry, catalog func(string) *repo.Entry) error {
	if e.Counts[repo.SystemArea] > 0 {
		s.areas.forget()
	}
	if e.Counts[repo.SystemErasure] > 0 {
		s.erased(e.Seq)
	}
	by := map[string][]*roll{}
	for _, r := range s.rolls {
		if e.Counts[r.Spec.Part.Dataset] == 0 || r.Drop || r.Lost || e.Seq <= r.Base {
			continue
		}
		entry := catalog(r.Spec.Part.Dataset)
		if entry == nil || r.bind(entry) != nil {
			s.lose(r.Spec.Part.Dataset)
			continue
		}
		by[r.Spec.Part.Dataset] = append(by[r.Spec.Part.Dataset], r)
	}
	if len(by) > 0 {
		h, seen := newHeap(), map[string]int{}
		for i := range e.Changes {
			ch := &e.Changes[i]
			list := by[ch.Dataset]
			if len(list) == 0 {
				continue
			}
			seen[ch.Dataset]++
			if ch.Erased {
				s.lose(ch.Dataset)
			}
			if i < s.at.Part {
				continue
			}
			for _, r := range list {
				h.row(r, ch.Before, -1)
				h.row(r, ch.After, 1)
			}
			if len(h.spots) >= commitPart && i+1 < len(e.Changes) {
				return s.pause(ctx, h, i+1)
			}
		}
		for name, list := range by {
			if len(list) > 0 && seen[name] < e.Counts[name] {
				s.lose(name) // what was erased of the log is missing from the figures
			}
		}
		changed, err := s.cells.apply(ctx, h)
		if err != nil {
			return err
		}
		s.at.Seq, s.at.Part = e.Seq, 0
		s.promote()
		s.publish(changed)
		return nil
	}
	s.at.Seq, s.at.Part = e.Seq, 0
	s.promote()
	s.publish(nil)
	return nil
}

// pause ends a part of a commit.
func (s *Service) pause(ctx context.Context, h *heap, part int) error {
	if _, err := s.cells.apply(ctx, h); err != nil {
		return err
	}
	s.at.Part = part
	return repo.ErrUnfinished
}

// lose gives up the rollups of a dataset: they are computed anew.
func (s *Service) lose(name string) {
	for _, r := range s.rolls {
		if r.Spec.Part.Dataset == name && !r.Lost {
			r.Lost, s.changed, s.defined = true, true, -1
		}
	}
}

// erased gives up the rollups whose tables were being read, as of a commit
// before, when something of that state was erased.
func (s *Service) erased(seq int64) {
	for _, r := range s.rolls {
		if seq > r.Base && (!r.Done || seq <= r.Read) && !r.Lost {
			r.Lost, s.changed, s.defined = true, true, -1
		}
	}
}

// promote puts computed definitions in the place of those before them.
func (s *Service) promote() (any bool) {
	for _, x := range s.served {
		if x.Next == nil {
			continue
		}
		ready := true
		for _, id := range x.NextRolls {
			r := s.rolls[id]
			ready = ready && r != nil && r.Done && !r.Lost && s.at.Seq >= r.Base
		}
		if ready {
			x.Now, x.Rolls, x.Next, x.NextRolls = x.Next, x.NextRolls, nil, nil
			any = true
		}
	}
	if any {
		s.changed = true
		s.sweep()
	}
	return any
}

// sweep drops the rollups that no indicator asks for.
func (s *Service) sweep() {
	used := map[string]bool{}
	for _, x := range s.served {
		for _, id := range slices.Concat(x.Rolls, x.NextRolls) {
			used[id] = true
		}
	}
	for id, r := range s.rolls {
		if !used[id] && !r.Drop {
			r.Drop, r.Scan, s.changed = true, "", true
			s.cells.forget(id)
		}
	}
	reading := map[string]bool{}
	for _, r := range s.rolls {
		reading[r.Scan] = true
	}
	maps.DeleteFunc(s.scans, func(id string, _ *scan) bool { return !reading[id] })
}

// reconcile follows the definitions as they are now, where they or the datasets
// may have changed.
func (s *Service) reconcile(ctx context.Context, e *commit.Entry, catalog func(string) *repo.Entry) error {
	version := s.repo.DefinitionsVersion()
	if s.defined == version && !(s.failed && e.Counts[repo.SystemDataset] > 0) {
		return nil
	}
	head, err := s.repo.Head(ctx)
	if err != nil {
		return err
	}
	s.defined, s.failed = version, false
	find := func(name string) *dataset.Dataset {
		if entry := catalog(name); entry != nil {
			return entry.Dataset
		}
		return nil
	}
	wanted := map[string]*indicator.Definition{}
	for _, file := range s.repo.Definitions(Kind) {
		f, err := indicator.Parse(Kind+"/"+file.Name+".yaml", []byte(file.Text))
		if err != nil {
			s.failed = true
			continue // it was written before its kind was checked
		}
		for _, d := range f.Definitions {
			if wanted[d.Name] == nil {
				wanted[d.Name] = d
			}
		}
	}
	for name := range s.served {
		if wanted[name] == nil {
			delete(s.served, name)
			s.changed = true
		}
	}
	scans := map[string]*scan{} // begun now, by dataset
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		d := wanted[name]
		x := s.served[name]
		if x == nil {
			x = &served{}
			s.served[name] = x
		}
		s.changed = true
		if x.Fault = ""; d.Complete(find) != nil {
			x.Fault, s.failed = "indicator-field", true
			continue
		}
		ids := make([]string, 0, len(d.Parts))
		for _, sp := range specsOf(d) {
			r := s.rollOf(&sp)
			if r == nil {
				entry := catalog(sp.Part.Dataset)
				r = &roll{Spec: sp, zone: s.zone}
				if err := r.bind(entry); err != nil {
					x.Fault, s.failed = problem.As(err).Code, true
					break
				}
				s.begin(r, head.Seq, scans)
			}
			ids = append(ids, r.ID)
		}
		switch {
		case x.Fault != "":
		case slices.Equal(ids, x.Rolls):
			x.Now, x.Next, x.NextRolls = d, nil, nil // figures are the same
		default:
			x.Next, x.NextRolls = d, ids
		}
	}
	s.sweep()
	s.promote()
	s.publish(nil)
	return nil
}

// rollOf finds the rollup of a spec.
func (s *Service) rollOf(sp *spec) *roll {
	for _, r := range s.rolls {
		if !r.Drop && !r.Lost && r.Spec.same(sp) {
			return r
		}
	}
	return nil
}

// begin starts to compute a rollup from its table as of a commit.
func (s *Service) begin(r *roll, base int64, scans map[string]*scan) {
	r.ID, r.Base = s.number("r"), base
	c := scans[r.Spec.Part.Dataset]
	if c == nil {
		c = &scan{ID: s.number("t"), Dataset: r.Spec.Part.Dataset, Base: base, Total: -1}
		scans[r.Spec.Part.Dataset], s.scans[c.ID] = c, c
	}
	r.Scan, s.rolls[r.ID] = c.ID, r
}

func (s *Service) number(letter string) string {
	s.next++
	return fmt.Sprintf("%s%06x", letter, s.next)
}
