package demo

import (
	"context"
	"encoding/json"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// shared is what the agencies of the demo have granted before it begins.
type shared struct {
	id, dataset, agency, role string
	fields                    []string
	ownAreas                  bool
	decidedBy, need, reason   string
}

// wardOnly shows of a place the ward that it lies in.
const wardOnly = `[{"field":"location","how":"area"}]`

// grants let leaders and the operations centre see what is classified internal
// without seeing anybody in it: beds of hospitals, and what happened in a ward
// but not where exactly, to whom and how.
func grants() []shared {
	beds := []string{"hospital", "observedAt", "beds", "occupied", "icuBeds", "icuOccupied", "waiting"}
	cases := []string{"location", "code", "category", "severity", "occurredAt", "reportedAt", "status", "unit"}
	const lead, watch = "Chỉ đạo, điều hành chung của thành phố", "Trực điều hành, cảnh báo"
	return []shared{
		{"Q-2025-0001", "hospital-beds", "ubnd-tp", grant.Leader, beds, false, "syt", lead, "Đồng ý theo quy chế chia sẻ dữ liệu dùng chung"},
		{"Q-2025-0002", "hospital-beds", "hueioc", grant.OperatorRole, beds, false, "syt", watch, "Đồng ý theo quy chế chia sẻ dữ liệu dùng chung"},
		{"Q-2025-0003", "public-order-incident", "ubnd-tp", grant.Leader, cases, false, "cath", lead, "Đồng ý, không kèm nơi xảy ra và nhân thân"},
		{"Q-2025-0004", "public-order-incident", "hueioc", grant.OperatorRole, cases, false, "cath", watch, "Đồng ý, không kèm nơi xảy ra và nhân thân"},
		{"Q-2025-0005", "public-order-incident", "", grant.Officer, cases, true, "cath", "Nắm tình hình địa bàn", "Đồng ý trong phạm vi địa bàn"},
		{"Q-2025-0006", "public-order-incident", "", grant.Leader, cases, true, "cath", "Chỉ đạo, điều hành địa bàn", "Đồng ý trong phạm vi địa bàn"},
	}
}

// Grants makes the grants of the demo that are missing. One that was revoked
// since stays so.
func Grants(ctx context.Context, r *repo.Repository) error {
	e, err := r.Entry(repo.Internal(), repo.SystemGrant)
	if err != nil {
		return err
	}
	from := floodStart.AddDate(0, -3, 0)
	for _, g := range grants() {
		fields, err := json.Marshal(g.fields)
		if err != nil {
			return err
		}
		row := make([]value.Value, e.Table.Width())
		set := func(name string, v value.Value) {
			if i, _, _, ok := e.Table.Property(name); ok {
				row[i] = v
			}
		}
		for name, text := range map[string]string{
			"id": g.id, "dataset": g.dataset, "agency": g.agency, "role": g.role, "action": string(grant.Read), "fields": string(fields),
			"basis": "Nghị định 278/2025/NĐ-CP", "state": string(grant.InForceState), "need": g.need, "reason": g.reason,
			"askedBy": "hueioc", "decidedBy": g.decidedBy,
		} {
			if text != "" {
				set(name, value.OfText(text))
			}
		}
		if slices.Contains(g.fields, "location") {
			set("masks", value.OfText(wardOnly))
		}
		set("ownAreas", value.OfBool(g.ownAreas))
		for _, name := range []string{"from", "askedAt", "decidedAt"} {
			set(name, value.OfInstant(from))
		}
		_, err = r.Commit(ctx, repo.Internal(), &commit.Request{
			Header:  commit.Header{Actor: "demo", Source: "generator", Reason: g.reason},
			Changes: []commit.Change{{Dataset: repo.SystemGrant, Op: commit.Put, Row: row, Expect: commit.Absent}},
		})
		if k := problem.KindOf(err); err != nil && k != problem.Conflict && k != problem.Stale {
			return err
		}
	}
	return nil
}
