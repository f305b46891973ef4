package notify

import (
	"context"
	"strconv"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// inboxSpan is how far back the page's inbox goes.
const inboxSpan = 30 * 24 * time.Hour

// Inbox lists what p was told, the latest first, of each matter the latest alone;
// seen is until when p has looked. unseen counts what came since, up to most.
func (s *Service) Inbox(ctx context.Context, p repo.Principal, most int) (list []Message, seen time.Time, unseen int, err error) {
	if p.Name == "" || len(p.Read)+len(p.Write) > 0 {
		return nil, seen, 0, nil
	}
	if seen, err = s.seen(ctx, p.Name); err != nil {
		return nil, seen, 0, err
	}
	matters := map[string]bool{}
	filter := &cql2.Call{Op: ">=", Args: []cql2.Expr{&cql2.Prop{Name: "createdAt"}, &cql2.Lit{Value: value.OfInstant(s.Now().Add(-inboxSpan))}}}
	q := repo.Query{Dataset: repo.SystemNotification, Filter: filter, Sort: []repo.Sort{{Field: "createdAt", Desc: true}, {Field: "id"}}, Limit: 4 * most}
	_, err = s.Repo.Read(ctx, p, q, func(r repo.Record) error {
		m := MessageOf(r.Entry, r.Values)
		if m.Dedupe != "" && matters[m.Dedupe] || len(list) == most {
			return nil
		}
		matters[m.Dedupe] = true
		if m.At.After(seen) {
			unseen++
		}
		list = append(list, m)
		return nil
	})
	return list, seen, unseen, err
}

func (s *Service) seen(ctx context.Context, account string) (time.Time, error) {
	b, err := s.kept.Get(ctx, keySeen+account)
	if err != nil || b == nil {
		return time.Time{}, err
	}
	us, err := strconv.ParseInt(string(b), 10, 64)
	return time.UnixMicro(us).UTC(), err
}

// Look notes that p has seen the inbox up to a time.
func (s *Service) Look(ctx context.Context, p repo.Principal, at time.Time) error {
	if p.Name == "" {
		return nil
	}
	return s.kept.Put(ctx, store.StatePut{Key: keySeen + p.Name, Value: strconv.AppendInt(nil, at.UnixMicro(), 10)})
}

// sent reads the notifications to some addressees within a span, oldest first.
func (s *Service) sent(ctx context.Context, to []string, from, until time.Time, fn func(Message)) error {
	if len(to) == 0 {
		return nil
	}
	at := &cql2.Prop{Name: "createdAt"}
	list := &cql2.List{}
	for _, t := range to {
		list.Items = append(list.Items, &cql2.Lit{Value: value.OfText(t)})
	}
	filter := cql2.And(&cql2.Call{Op: ">=", Args: []cql2.Expr{at, &cql2.Lit{Value: value.OfInstant(from)}}},
		&cql2.Call{Op: "<", Args: []cql2.Expr{at, &cql2.Lit{Value: value.OfInstant(until)}}},
		&cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: "to"}, list}})
	q := repo.Query{Dataset: repo.SystemNotification, Filter: filter, Sort: []repo.Sort{{Field: "createdAt"}, {Field: "id"}}, Limit: 10_000}
	_, err := s.Repo.Read(ctx, repo.Internal(), q, func(r repo.Record) error {
		fn(MessageOf(r.Entry, r.Values))
		return nil
	})
	return err
}
