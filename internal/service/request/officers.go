package request

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// mostCapacities bounds what is read of one agency.
const mostCapacities = 1000

// Officers lists the accounts of who may handle requests for an agency now, by
// name: what a person is appointed from. For staff; Denied request-staff otherwise.
func (d *Desk) Officers(ctx context.Context, p repo.Principal, agency string) (accounts []string, err error) {
	if !duty(p) {
		return nil, problem.New(problem.Denied, "request-staff")
	}
	if agency == "" {
		return nil, nil
	}
	now := d.now()
	q := repo.Query{Dataset: repo.SystemCapacity, Filter: oneOf("agency", []string{agency}), Limit: mostCapacities}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		from, until := l.at("from"), l.at("until")
		handles := slices.ContainsFunc(l.list("roles"), func(role string) bool {
			return role == grant.Officer || role == grant.OperatorRole || role == grant.Leader
		})
		if handles && !l.truth("ended") && !from.After(now) && (until.IsZero() || until.After(now)) {
			accounts = append(accounts, l.text("account"))
		}
		return nil
	})
	slices.Sort(accounts)
	return slices.Compact(accounts), err
}
