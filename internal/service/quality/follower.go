package quality

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Name is the follower's name, for huong rebuild.
const Name = "quality"

// scanPage is how many records of a table, or findings to be dropped, are taken
// between two saves.
const scanPage = 5000

// Findings is the follower. It is used by one goroutine; what it has saved is
// read by Report and List.
type Findings struct {
	repo  *repo.Repository
	known map[string]*progress
	dirty map[string]bool
	// pending are findings that came (true) or went since the last save, by
	// subjectRange.
	pending map[string]map[int64]bool
	// ends are the newest records of subjects that new ones came to lately, so
	// that what is only appended, as most of a load is, needs no look at the
	// table. Whatever else happens to a subject takes its end away.
	ends map[string]end
}

// end is the newest record of a subject as of the last commit applied.
type end struct {
	time int64
	row  []value.Value // what the rules read
}

// mostEnds bounds the ends in memory; when there are more, all are forgotten.
const mostEnds = 20_000

// progress is what is kept of a dataset beside its findings.
type progress struct {
	Rules  string           `json:"rules"`          // what the findings were derived by
	Drop   bool             `json:"drop,omitempty"` // findings of other rules are being dropped
	Scan   bool             `json:"scan,omitempty"` // the table is being read whole
	Page   string           `json:"page,omitempty"` // where the scan stands
	Upto   int64            `json:"upto"`           // commits up to here are in the scan
	Counts map[string]int64 `json:"counts"`         // findings by rule
}

// NewFindings makes the follower of a repository.
func NewFindings(r *repo.Repository) *Findings {
	f := &Findings{repo: r}
	f.reset()
	return f
}

func (f *Findings) reset() {
	f.known, f.dirty, f.pending = map[string]*progress{}, map[string]bool{}, map[string]map[int64]bool{}
	f.ends = map[string]end{}
}

// Name implements repo.Follower.
func (f *Findings) Name() string { return Name }

// Load implements repo.Follower.
func (f *Findings) Load(state map[string][]byte) error {
	f.reset()
	for name, b := range state {
		p := &progress{}
		if err := json.Unmarshal(b, p); err != nil {
			return err
		}
		if p.Counts == nil {
			p.Counts = map[string]int64{}
		}
		f.known[name] = p
	}
	return nil
}

// Save implements repo.Follower.
func (f *Findings) Save() ([]store.StatePut, error) {
	var puts []store.StatePut
	for name := range f.dirty {
		p := f.known[name]
		var b []byte // nothing is kept of a dataset without such rules
		if p.Rules != "" || p.Drop {
			var err error
			if b, err = json.Marshal(p); err != nil {
				return nil, err
			}
		} else {
			delete(f.known, name)
		}
		puts = append(puts, store.StatePut{Key: name, Value: b})
	}
	for prefix, times := range f.pending {
		dataset, rule, subject := partsOf(prefix)
		for at, is := range times {
			var mark []byte
			if is {
				mark = []byte{'1'}
			}
			puts = append(puts,
				store.StatePut{Key: prefix + ascending(at), Value: mark},
				store.StatePut{Key: timeRange(dataset, rule) + descending(at) + "/" + subject, Value: mark})
		}
	}
	clear(f.dirty)
	clear(f.pending)
	return puts, nil
}

func partsOf(prefix string) (dataset, rule, subject string) {
	parts := strings.Split(prefix[len(bySubject):], "/")
	return parts[0], parts[1], parts[2]
}

// Apply implements repo.Follower. Records are looked up as they are now, which
// may be later than the commit: what changed meanwhile is looked at again when
// its own commit comes.
func (f *Findings) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	ctx := context.Background()
	names := slices.Sorted(maps.Keys(e.Counts))
	if e.Counts[repo.SystemDataset] > 0 {
		names = append(names, declaredIn(e, catalog)...)
	}
	for _, name := range names {
		entry := catalog(name)
		if entry == nil && f.known[name] == nil {
			continue
		}
		p, err := f.prepare(ctx, name, entry)
		if err != nil {
			return err
		}
		if p == nil || e.Seq <= p.Upto {
			continue
		}
		if err := f.examine(ctx, entry, changed(e, entry), e.Seq); err != nil {
			return err
		}
	}
	return nil
}

// declaredIn names the datasets that a commit declares.
func declaredIn(e *commit.Entry, catalog func(string) *repo.Entry) []string {
	var names []string
	meta := catalog(repo.SystemDataset)
	if meta == nil {
		return nil
	}
	column, _, _, ok := meta.Table.Property("name")
	for i := range e.Changes {
		ch := &e.Changes[i]
		if !ok || ch.Dataset != repo.SystemDataset {
			continue
		}
		row := ch.After
		if row == nil {
			row = ch.Before
		}
		names = append(names, strings.Clone(row[column].Text()))
	}
	return names
}

// rulesOf is what findings depend on besides records, and empty where there is
// nothing to find.
func rulesOf(e *repo.Entry) string {
	if e == nil {
		return ""
	}
	names := e.Schema.SequenceRules()
	if len(names) == 0 {
		return ""
	}
	var b strings.Builder
	for _, q := range e.Dataset.Quality {
		if slices.Contains(names, q.Name) {
			b.WriteString(q.Name + ": " + q.Rule + "\n")
		}
	}
	return b.String()
}

// prepare brings a dataset to the rules in force: findings of other rules are
// dropped and the table is read whole, in parts. It returns nil where there are
// no rules, and repo.ErrUnfinished while parts are left.
func (f *Findings) prepare(ctx context.Context, name string, e *repo.Entry) (*progress, error) {
	p, rules := f.known[name], rulesOf(e)
	if p == nil {
		if rules == "" {
			return nil, nil
		}
		p = &progress{Counts: map[string]int64{}}
		f.known[name] = p
	}
	if p.Rules != rules {
		h, err := f.repo.Head(ctx)
		if err != nil {
			return nil, err
		}
		f.dirty[name] = true
		clear(f.ends)
		p.Drop, p.Scan, p.Page = p.Drop || p.Rules != "", rules != "", ""
		p.Rules, p.Upto = rules, h.Seq
	}
	if p.Drop {
		return nil, f.drop(ctx, name, p)
	}
	if p.Scan {
		return nil, f.scan(ctx, e, p)
	}
	if rules == "" {
		return nil, nil
	}
	return p, nil
}

// drop forgets some findings of a dataset.
func (f *Findings) drop(ctx context.Context, name string, p *progress) error {
	f.dirty[name] = true
	prefix, n := bySubject+name+"/", 0
	for part := range f.pending {
		if strings.HasPrefix(part, prefix) {
			delete(f.pending, part)
		}
	}
	err := f.repo.FollowerState(ctx, Name, prefix, after(prefix), scanPage, func(key string, _ []byte) error {
		n++
		at, err := ticksOf(key[strings.LastIndexByte(key, '/')+1:])
		f.mark(key[:strings.LastIndexByte(key, '/')+1], at, false)
		return err
	})
	if err != nil {
		return err
	}
	if n < scanPage {
		p.Drop = false
		clear(p.Counts)
	}
	return repo.ErrUnfinished
}

// scan looks at one page of a table.
func (f *Findings) scan(ctx context.Context, e *repo.Entry, p *progress) error {
	f.dirty[e.Dataset.Name] = true
	q := repo.Query{Dataset: e.Dataset.Name, Fields: []string{e.Table.Columns[e.Table.Time].Name}, Limit: scanPage, Cursor: p.Page}
	var list []touched
	page, err := f.repo.Read(ctx, repo.Internal(), q, func(r repo.Record) error {
		list = append(list, touched{moment: momentOf(e.Table, r.Values)})
		return nil
	})
	if err != nil {
		return err
	}
	if err := f.examine(ctx, e, list, 0); err != nil {
		return err
	}
	p.Page, p.Scan = page.Next, page.Next != ""
	return repo.ErrUnfinished
}

// changed lists the records that a commit concerns.
func changed(e *commit.Entry, entry *repo.Entry) []touched {
	t := entry.Table
	list := make([]touched, 0, e.Counts[t.Name])
	for i := range e.Changes {
		ch := &e.Changes[i]
		row := ch.After
		if row == nil {
			row = ch.Before
		}
		if ch.Dataset == t.Name && row != nil {
			m := touched{moment: momentOf(t, row)}
			if ch.Before == nil && len(row) == t.Width() {
				m.created = row
			}
			list = append(list, m)
		}
	}
	return list
}

// mark notes that a record breaks a rule now, or no longer does.
func (f *Findings) mark(prefix string, at int64, is bool) {
	times := f.pending[prefix]
	if times == nil {
		times = map[int64]bool{}
		f.pending[prefix] = times
	}
	times[at] = is
}
