package request

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// clockActor is who takes the steps that time takes.
var clockActor = workflow.Actor{Name: "huong", System: true}

// tickPage is how many requests that are due are read at once, tickBatch how many
// one commit of the clock takes up, and tickAtOnce how many such commits are under
// way. Whoever sends a report meanwhile waits for those commits that came before:
// tickBatch and tickAtOnce bound for how long.
const (
	tickPage   = 4000
	tickBatch  = 500
	tickAtOnce = 3
)

// Run looks at the clocks at every tick until ctx ends.
func (d *Desk) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if err := d.Tick(ctx); err != nil && ctx.Err() == nil && problem.KindOf(err) != problem.Unavailable {
			d.log.WarnContext(ctx, "clocks of requests not looked at", "err", err)
		}
	}
}

// Tick carries out what time has brought: reminders, missed deadlines, climbing,
// questions that nobody answered, plans whose day has come. Each happens once,
// whoever ticks, how often, and whenever the process is killed: what a firing does
// and the note that it was done are one commit, upon the versions of the requests
// that it follows from. Only what is due is read, the longest due first.
func (d *Desk) Tick(ctx context.Context) error {
	r, err := d.rulesNow()
	if err != nil {
		return err
	}
	now := d.repo.Now()
	q := repo.Query{Dataset: Dataset, Filter: compare("<=", "nextAt", value.OfInstant(now)), Sort: []repo.Sort{{Field: "nextAt"}, {Field: "code"}}, Limit: tickPage}
	// One batch is worked out while another is written; no request is in two.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	batches := make(chan []repo.Record)
	var wait sync.WaitGroup
	for range tickAtOnce {
		wait.Go(func() {
			for due := range batches {
				if err := d.tickAll(ctx, r, due); err != nil {
					stop(err)
				}
			}
		})
	}
	for more := true; more && ctx.Err() == nil; {
		var due []repo.Record
		page, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			due = append(due, kept(rec))
			return nil
		})
		if err != nil {
			stop(err)
			break
		}
		for len(due) > 0 && ctx.Err() == nil {
			n := min(tickBatch, len(due))
			select {
			case batches <- due[:n]:
			case <-ctx.Done():
			}
			due = due[n:]
		}
		q.Cursor, more = page.Next, page.Next != ""
	}
	close(batches)
	wait.Wait()
	return context.Cause(ctx)
}

// tickAll takes up requests in one commit; where somebody else wrote one of them
// meanwhile, each for itself.
func (d *Desk) tickAll(ctx context.Context, r *rules, due []repo.Record) error {
	codes := make([]string, len(due))
	for i := range due {
		codes[i] = codeIn(due[i])
	}
	timelines, err := d.timelines(ctx, codes, clockFields())
	if err != nil {
		return err
	}
	b := d.newTicking(r)
	sum := sha256.New()
	try := func(i int, take func() error) {
		before := len(b.changes)
		if err := take(); err != nil {
			d.log.WarnContext(ctx, "the clock of a request stands", "request", codes[i], "err", err)
			b.changes = b.changes[:before]
		} else if n := len(b.changes) - before; n > 0 {
			fmt.Fprintf(sum, "%s\x00%d\x00%d\x00", codes[i], due[i].Version, n)
		}
	}
	var stepping []int // those that need the whole of their timeline
	for i := range due {
		try(i, func() error {
			noted, err := b.note(due[i], timelines[codes[i]])
			if !noted && err == nil {
				stepping = append(stepping, i)
			}
			return err
		})
	}
	if len(stepping) > 0 {
		some := make([]string, len(stepping))
		for n, i := range stepping {
			some[n] = codes[i]
		}
		if timelines, err = d.timelines(ctx, some, nil); err != nil {
			return err
		}
	}
	for _, i := range stepping {
		try(i, func() error { return b.step(ctx, due[i], timelines[codes[i]]) })
	}
	if len(b.changes) == 0 {
		return nil
	}
	key := hex.EncodeToString(sum.Sum(nil)[:16])
	told, err := b.told(key)
	if err != nil {
		return err
	}
	_, err = d.commitBy(ctx, clockActor.Name, "clock", "request-clock/"+key, append(b.changes, told...))
	if err == nil || !retry(err) {
		return err
	}
	if len(due) == 1 {
		return nil // whoever wrote it has settled it, or the next tick will
	}
	for _, code := range codes {
		rec, err := d.repo.Get(ctx, repo.Internal(), Dataset, []value.Value{value.OfText(code)}, 0)
		if problem.KindOf(err) == problem.NotFound && err != nil {
			continue
		}
		if err != nil {
			return err
		}
		next := look{rec.Entry, rec.Values, d.repo.Zone()}.at("nextAt")
		if next.IsZero() || next.After(d.now()) {
			continue
		}
		if err := d.tickAll(ctx, r, []repo.Record{rec}); err != nil {
			return err
		}
	}
	return nil
}

// clockFields are what the clocks of a case follow from.
func clockFields() []string {
	return []string{"request", "number", "at", "kind", "name", "level", "facts"}
}

// timelines reads the entries of many requests at once: what the clocks follow from,
// or all of it.
func (d *Desk) timelines(ctx context.Context, codes, fields []string) (map[string][]Entry, error) {
	all := make(map[string][]Entry, len(codes))
	q := repo.Query{Dataset: Entries, Filter: oneOf("request", codes), Fields: fields, Sort: []repo.Sort{{Field: "request"}, {Field: "number"}}}
	code, list := "", make([]Entry, 0, 8)
	_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		if v := l.value("request").Text(); v != code {
			all[code] = slices.Clone(list)
			code, list = strings.Clone(v), list[:0]
		}
		if fields == nil {
			list = append(list, entryOf(l))
			return nil
		}
		e := Entry{Number: l.count("number"), At: l.at("at"), Kind: l.text("kind"), Name: l.text("name"), Level: l.text("level")}
		if e.Kind == workflow.Open || e.Kind == workflow.Set {
			json.Unmarshal([]byte(l.value("facts").Text()), &e.Facts)
		}
		list = append(list, e)
		return nil
	})
	all[code] = list
	return all, err
}

// take takes a step in the name of the clock.
func (t *draft) take(ctx context.Context, step string) error {
	if err := t.refold(); err != nil {
		return err
	}
	if err := t.step(ctx, repo.Internal(), clockActor, Act{Do: step}); err != nil {
		return err
	}
	return t.refold()
}

// holds is who must act now: the desk while it has not sent the request on.
func (t *draft) holds() string {
	switch t.case_.State {
	case stateReceived, "verified", "disputed":
		return t.desk()
	}
	return t.handler()
}
