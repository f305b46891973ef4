package storetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/grant/granttest"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// grantTests hold a store's rows under random grants equal to what evaluation in
// memory and an engine written by others allow.
var grantTests = []test{{"select what is allowed", testGrants}}

// grantCases is how many cases are compared: one is a principal with grants, a
// query and a record.
func grantCases() int {
	if n, err := strconv.Atoi(os.Getenv("HUONG_GRANT_CASES")); err == nil {
		return n
	}
	return 20_000
}

// rowsOfWorld is how many records each dataset has.
const rowsOfWorld = 80

func testGrants(t *testing.T, db Database) {
	all, err := granttest.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := granttest.Rules()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(11, 0))
	r := with(t, db)
	rows := map[string][][]value.Value{}
	names := make([]string, len(all))
	for i, d := range all {
		tab := *d.Table
		tab.Name = fmt.Sprint("world-", i)
		names[i] = tab.Name
		r.declare(&tab)
		w := granttest.NewWorld(random.IntN, all[i:i+1])
		var cs []commit.Change
		for n := range rowsOfWorld {
			row := w.Row(random.IntN)
			row[tab.Key[0]] = text(fmt.Sprintf("r%02d", n))
			for c := range row {
				if tab.Columns[c].Dropped {
					row[c] = value.Value{}
				}
			}
			rows[tab.Name] = append(rows[tab.Name], row)
			cs = append(cs, put(tab.Name, row))
		}
		r.ok(r.item(cs...))
	}
	n, selected, judged := 0, 0, 0
	for want := grantCases(); n < want && !t.Failed(); {
		i := random.IntN(len(all))
		w := granttest.NewWorld(random.IntN, all[i:i+1])
		oracle, err := granttest.NewOracle(rules, w)
		if err != nil {
			t.Fatal(err)
		}
		policy := grant.NewPolicy(w.Grants)
		for range 6 {
			request := w.Request(random.IntN)
			oracle.Ask(request)
			decision := policy.Decide(request)
			var used []int
			for range random.IntN(4) {
				if c := random.IntN(w.Table.Width()); !w.Table.Columns[c].Dropped {
					used = append(used, c)
				}
			}
			condition := decision.Rows(used)
			got := r.keys(store.Query{Table: r.tables[names[i]], Filter: condition})
			var inMemory, byOracle []string
			for _, row := range rows[names[i]] {
				n++
				key := row[w.Table.Key[0]].Text()
				if cql2.Matches(condition, row) {
					inMemory = append(inMemory, key)
				}
				if len(used) == 0 { // any visible cell would do: core/grant compares that
					continue
				}
				judged++
				oracle.See(row)
				allowed := true
				for _, c := range used {
					ids, err := oracle.Cell(c, true)
					if err != nil {
						t.Fatal(err)
					}
					allowed = allowed && len(ids) > 0
				}
				if allowed {
					byOracle = append(byOracle, key)
				}
			}
			selected += len(got)
			if !slices.Equal(got, inMemory) || len(used) > 0 && !slices.Equal(got, byOracle) {
				t.Fatalf("%+v uses %v of %s: the store selects %q, memory %q, the oracle %q", request.Subject, used, w.Dataset.Name, got, inMemory, byOracle)
			}
		}
	}
	t.Logf("%d cases, %d judged by the oracle, %d selected", n, judged, selected)
	if selected < n/50 {
		t.Errorf("only %d of %d records were selected: the worlds say too little", selected, n)
	}
}
