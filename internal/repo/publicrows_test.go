package repo_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

const complaints = `
name: complaint
title: {vi: Phản ánh, en: Complaint}
kind: register
owner: ioc
classification: open
publicRows: "published = true AND state <> 'hidden'"
schema:
  primaryKey: code
  fields:
    - {name: code, type: string}
    - {name: kind, type: string}
    - {name: state, type: string}
    - {name: published, type: boolean}
    - {name: note, type: string, classification: internal}
`

// complaint is one record as the plain model has it.
type complaint struct {
	kind, state string
	published   bool
}

func (c complaint) public() bool { return c.published && c.state != "hidden" && c.state != "" }

func (c complaint) json(code string) string {
	return fmt.Sprintf(`{"code":%q,"kind":%q,"state":%q,"published":%t,"note":"n"}`, code, c.kind, c.state, c.published)
}

// codesIn are the codes of rows, as far as they are shown.
func codesIn(e *repo.Entry, rows ...[]value.Value) (codes []string) {
	i, _, _, _ := e.Table.Property("code")
	for _, row := range rows {
		if row != nil && row[i].Kind() == value.Text {
			codes = append(codes, row[i].Text())
		}
	}
	return codes
}

// Whatever was written, the public and accounts without a duty read the records that
// the declaration makes public and learn nothing of others, by any way of reading,
// now and of the past; who keeps the dataset reads all of it.
func TestPublicRows(t *testing.T) {
	r := open(t)
	declare(t, r, complaints, stations)
	outsiders := []repo.Principal{repo.Public(), {Name: "dan.an", Roles: []string{grant.Citizen}, Assurance: 2, Person: "046099000001"},
		{Name: "can.bo", Agency: "other", Roles: []string{grant.Officer}, Areas: []string{"*"}}}
	keeper := repo.Principal{Name: "truc", Agency: "ioc", Roles: []string{grant.OperatorRole}, Areas: []string{"*"}}
	rapid.Check(t, func(rt *rapid.T) {
		run := rapid.StringMatching(`[a-z]{12}`).Draw(rt, "run")
		live := map[string]complaint{}
		states := map[int64]map[string]complaint{} // after each commit of this story
		first := r.Position().Seq
		var order []int64
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			code := run + rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "code")
			if _, ok := live[code]; ok && rapid.IntRange(0, 4).Draw(rt, "delete") == 0 {
				e, err := r.Entry(repo.Operator(), "complaint")
				if err != nil {
					rt.Fatal(err)
				}
				row := make([]value.Value, e.Table.Width())
				row[e.Table.Key[0]] = value.OfText(code)
				if _, err := r.Commit(t.Context(), repo.Operator(), &commit.Request{Changes: []commit.Change{{Dataset: "complaint", Op: commit.Delete, Row: row}}}); err != nil {
					rt.Fatal(err)
				}
				delete(live, code)
			} else {
				c := complaint{rapid.SampledFrom([]string{"road", "tree"}).Draw(rt, "kind"), rapid.SampledFrom([]string{"new", "done", "hidden"}).Draw(rt, "state"), rapid.Bool().Draw(rt, "published")}
				mustPut(t, r, "complaint", c.json(code))
				live[code] = c
			}
			seq := r.Position().Seq
			if len(order) > 0 && order[len(order)-1] == seq || seq == first {
				continue // nothing became different
			}
			states[seq] = maps.Clone(live)
			order = append(order, seq)
		}
		mine := cql2.Expr(&cql2.Call{Op: "like", Args: []cql2.Expr{&cql2.Prop{Name: "code", Column: -1}, &cql2.Lit{Value: value.OfText(run + "%")}}})
		want := func(of map[string]complaint, all bool) (codes []string) {
			for code, c := range of {
				if all || c.public() {
					codes = append(codes, code)
				}
			}
			slices.Sort(codes)
			return codes
		}
		check := func(p repo.Principal, all bool) {
			for seq, of := range states {
				var got []string
				page, err := r.Read(t.Context(), p, repo.Query{Dataset: "complaint", Filter: mine, AsOf: seq, Count: true, Sort: []repo.Sort{{Field: "code"}}}, func(rec repo.Record) error {
					got = append(got, codesIn(rec.Entry, rec.Values)...)
					return nil
				})
				if err != nil || !slices.Equal(got, want(of, all)) || page.Matched != int64(len(got)) {
					rt.Fatalf("%s as of %d reads %v of %d, want %v: %v", p.Name, seq, got, page.Matched, want(of, all), err)
				}
				counted := map[string]int64{}
				err = r.Aggregate(t.Context(), p, repo.Aggregation{Query: repo.Query{Dataset: "complaint", Filter: mine, AsOf: seq}, By: []repo.By{{Field: "kind"}}, Measures: []repo.Measure{{Func: "count"}}}, func(g []value.Value) error {
					counted[strings.Clone(g[0].Text())] = g[1].Int()
					return nil
				})
				sum := map[string]int64{}
				for _, code := range want(of, all) {
					sum[of[code].kind]++
				}
				if err != nil || !maps.Equal(counted, sum) {
					rt.Fatalf("%s as of %d counts %v, want %v: %v", p.Name, seq, counted, sum, err)
				}
				for _, n := range []string{"1", "2", "3"} {
					_, err := r.Get(t.Context(), p, "complaint", []value.Value{value.OfText(run + n)}, seq)
					if found := err == nil; found != slices.Contains(want(of, all), run+n) {
						rt.Fatalf("%s as of %d gets %s: %v", p.Name, seq, n, err)
					}
				}
			}
			for _, n := range []string{"1", "2", "3"} {
				ever, shown, told := false, 0, 0
				for _, seq := range order {
					if c, ok := states[seq][run+n]; ok && (all || c.public()) {
						ever = true
					}
				}
				e, err := r.History(t.Context(), p, "complaint", []value.Value{value.OfText(run + n)}, func(v store.Version) error {
					if v.Values != nil {
						shown++
					}
					told++
					return nil
				})
				if (err == nil) != ever && !all {
					rt.Fatalf("%s: history of %s tells %d states of %v: %v", p.Name, n, told, e, err)
				}
				if err == nil && !all {
					versions, before := 0, complaint{}
					for _, seq := range order {
						c, ok := states[seq][run+n]
						if ok && c.public() && c != before {
							versions++
						}
						before = c
					}
					if shown > versions {
						rt.Fatalf("%s: history of %s shows %d states, %d were public", p.Name, n, shown, versions)
					}
				}
			}
			for _, bare := range []bool{false, true} {
				for _, lively := range []bool{false, true} {
					got := map[int64]int{}
					err := r.Log(t.Context(), p, repo.LogQuery{After: first, Datasets: []string{"complaint"}, Changes: !bare, Live: lively}, func(e *commit.Entry) error {
						got[e.Seq] = e.Counts["complaint"]
						for _, ch := range e.Changes {
							entry, err := r.Entry(p, "complaint")
							if err != nil {
								rt.Fatal(err)
							}
							for _, row := range [][]value.Value{ch.Before, ch.After} {
								if row != nil && len(codesIn(entry, row)) == 0 {
									rt.Fatalf("%s: commit %d tells of a record without its key", p.Name, e.Seq)
								}
							}
						}
						if e.Count != e.Counts["complaint"] || bare && len(e.Changes) > 0 || !bare && len(e.Changes) != e.Count {
							rt.Fatalf("%s: commit %d counts %d of %v with %d changes", p.Name, e.Seq, e.Count, e.Counts, len(e.Changes))
						}
						return nil
					})
					if err != nil {
						rt.Fatal(err)
					}
					before := map[string]complaint{}
					for _, seq := range order {
						n := 0
						for _, code := range []string{run + "1", run + "2", run + "3"} {
							was, had := before[code]
							is, has := states[seq][code]
							if (had != has || was != is) && (all || had && was.public() || has && is.public()) {
								n++
							}
						}
						if got[seq] != n {
							rt.Fatalf("%s: the log (bare %t, live %t) tells %d of commit %d, want %d", p.Name, bare, lively, got[seq], seq, n)
						}
						before = states[seq]
					}
				}
			}
			if len(order) > 1 {
				from, to := order[0], order[len(order)-1]
				var got []string
				err := r.Difference(t.Context(), p, "complaint", from, to, func(d repo.Difference) error {
					e, _ := r.Entry(p, "complaint")
					for _, code := range codesIn(e, d.Before, d.After) {
						if strings.HasPrefix(code, run) && !slices.Contains(got, code) {
							got = append(got, code)
						}
					}
					return nil
				})
				var differ []string
				for _, n := range []string{"1", "2", "3"} {
					was, had := states[from][run+n]
					is, has := states[to][run+n]
					had, has = had && (all || was.public()), has && (all || is.public())
					if had != has || had && was != is {
						differ = append(differ, run+n)
					}
				}
				slices.Sort(got)
				if err != nil || !slices.Equal(got, differ) {
					rt.Fatalf("%s: %v differ, want %v: %v", p.Name, got, differ, err)
				}
			}
		}
		for _, p := range outsiders {
			check(p, false)
		}
		check(keeper, true)
	})
	e, err := r.Entry(repo.Public(), "complaint")
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int {
		i, _, _, _ := e.Table.Property(name)
		return i
	}
	if r.Plain(repo.Public(), e, []int{column("kind")}) || !r.Told(repo.Public(), e, []int{column("kind"), column("state")}) || r.Told(repo.Public(), e, []int{column("note")}) {
		t.Error("figures over open columns are for everybody, those over others and single records are not")
	}
}
