package sharing

import (
	"context"
	"errors"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Event is one commit in the life of a grant.
type Event struct {
	Seq    int64
	At     int64 // µs since 1970
	Actor  string
	Action Action // "" = a record that was written otherwise than by a step
	State  grant.State
	Text   string // the question, the answer or the reason
}

// Timeline lists what happened to a grant that p may see, oldest first. The
// actions are not kept anywhere: they follow from one state and the next.
func (d *Desk) Timeline(ctx context.Context, p repo.Principal, id string) ([]Event, error) {
	if _, err := d.Get(ctx, p, id, 0); err != nil {
		return nil, err
	}
	var list []Event
	e, err := d.repo.Entry(repo.Internal(), repo.SystemGrant)
	if err != nil {
		return nil, err
	}
	var states []*grant.Grant
	_, err = d.repo.History(ctx, repo.Internal(), repo.SystemGrant, []value.Value{value.OfText(id)}, func(v store.Version) error {
		var g *grant.Grant
		var question, answer string
		if v.Values != nil {
			x := d.of(repo.Record{Entry: e, Version: v.Seq, Values: v.Values})
			g, question, answer = &x.Grant, x.Question, x.Answer
		}
		states = append(states, g)
		ev := Event{Seq: v.Seq}
		if g != nil {
			ev.State, ev.Text = g.State, g.Reason
			switch {
			case g.State == grant.Question:
				ev.Text = question
			case g.State == grant.Requested && answer != "":
				ev.Text = answer
			}
		}
		list = append(list, ev)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	slices.Reverse(states)
	var before grant.State
	for i := range list {
		ev := &list[i]
		err := d.repo.Log(ctx, repo.Internal(), repo.LogQuery{After: ev.Seq - 1, Limit: 1}, func(c *commit.Entry) error {
			ev.At, ev.Actor = c.At, strings.Clone(c.Actor)
			return errFound
		})
		if err != nil && !errors.Is(err, errFound) {
			return nil, err
		}
		ev.Action = actionOf(before, ev.State, ev.Actor)
		before = ev.State
	}
	return list, nil
}

var errFound = errors.New("sharing: found")

// actionOf is the step that leads from one state to the next. Only Huong itself
// lets a grant expire; a person withdraws from it.
func actionOf(from, to grant.State, actor string) Action {
	for _, a := range []Action{Ask, Question, Answer, Approve, Refuse, Revoke, Expire, Withdraw} {
		if next, ok := follow[a][from]; ok && next == to && (a != Expire || actor == repo.Internal().Name) {
			return a
		}
	}
	return ""
}

// Fold is the state that a list of steps leads to from nothing. Conflict for a
// step that does not follow.
func Fold(steps []Action) (grant.State, error) {
	var s grant.State
	for _, a := range steps {
		next, ok := follow[a][s]
		if !ok {
			return s, problem.New(problem.Conflict, "share-step", "id", "", "step", a, "state", s)
		}
		s = next
	}
	return s, nil
}
