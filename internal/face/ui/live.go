package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

const (
	beatEvery   = 2 * time.Second        // a reader notices a lost connection within 5 s
	settleAfter = 250 * time.Millisecond // what followers of the log make of a commit is looked at once more
	headEvery   = 500 * time.Millisecond // the least time between two messages to one reader
)

// moved is what a message says about a dataset; names are short because a
// busy city sends many.
type moved struct {
	Name      string  `json:"n"`
	Total     int64   `json:"t"`
	Last      int64   `json:"l"`
	PerMinute float64 `json:"m"`
	PerHour   float64 `json:"h"`
}

type message struct {
	Seq        int64   `json:"seq"`
	At         int64   `json:"at"`
	Quarantine *int64  `json:"quarantine,omitempty"`
	Alerts     *int64  `json:"alerts,omitempty"`
	Notices    *int64  `json:"notices,omitempty"`
	Datasets   []moved `json:"datasets,omitempty"`
}

// live is the one stream of a browser: "head" when the log or a rate has
// moved, with the datasets concerned, and "beat" otherwise. It holds figures
// only, so that tabs in both languages can share it.
func (u *UI) live(w http.ResponseWriter, r *web.Request) error {
	s, err := r.Events(w)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx := s.Context()
	// Who comes again has missed what moved meanwhile, and is told everything.
	again := r.Header.Get("Last-Event-ID") != "" || r.URL.Query().Has("again")
	sent := map[string]moved{}
	var seq int64
	defined, beat := u.Repo.DefinitionsVersion(), beatEvery
	if again {
		defined = -1 // what was declared meanwhile was missed too
	}
	for {
		wait, cancel := context.WithTimeout(ctx, beat)
		head, err := u.Repo.Wait(wait, seq)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil // the server stops; the reader comes back to another or later
		}
		m := message{Seq: max(head, seq), At: u.Now().UnixMilli()}
		first := seq == 0 && !again
		beat = beatEvery
		if v := u.Repo.DefinitionsVersion(); v != defined { // boards are everybody's, whoever may read their text
			defined = v
			m.Datasets = append(m.Datasets, moved{Name: repo.SystemDefinition})
		}
		for _, a := range u.pulses() {
			e, err := u.Repo.Entry(r.Principal, a.Dataset)
			if err != nil {
				continue
			}
			f := freshnessOf(e.Dataset, a, u.Now())
			d := moved{a.Dataset, a.Total, 0, a.PerMinute, a.PerHour}
			if !f.Last.IsZero() {
				d.Last = f.Last.UnixMilli()
			}
			if sent[a.Dataset] != d {
				sent[a.Dataset] = d
				if !first { // the page itself came with the figures of this moment
					m.Datasets = append(m.Datasets, d)
				}
			}
		}
		if m.Seq == seq && len(m.Datasets) == 0 {
			if s.Send("", "beat", fmt.Appendf(nil, `{"at":%d}`, m.At)) != nil {
				return nil
			}
			continue
		}
		if m.Seq != seq {
			beat = settleAfter
		}
		seq = m.Seq
		if n := u.heldOpen(ctx, r.Principal, u.Now()); n >= 0 {
			m.Quarantine = &n
		}
		if alerts, notices := u.waitingFor(ctx, r.Principal, u.Now()); notices >= 0 {
			m.Notices = &notices
			if alerts >= 0 {
				m.Alerts = &alerts
			}
		}
		b, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if s.Send(strconv.FormatInt(seq, 10), "head", b) != nil {
			return nil
		}
		pause := time.NewTimer(headEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
	}
}
