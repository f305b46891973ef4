package ogc

import (
	"path/filepath"
	"testing"

	"huong.city/huong/internal/core/cql2"
)

// TestMemory holds the evaluator in memory to every published count, by the
// text, by its JSON form and by the text written again.
func TestMemory(t *testing.T) {
	for _, folder := range Folders(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			collections, cases := Load(t, folder)
			if len(cases) == 0 {
				t.Fatal("no cases")
			}
			for _, c := range cases {
				collection := collections[c.Collection]
				if collection == nil {
					t.Errorf("no collection %s", c.Collection)
					continue
				}
				parsed, err := cql2.ParseText(c.Predicate)
				if err != nil {
					t.Errorf("%s: %v", c.Predicate, err)
					continue
				}
				again, err := cql2.ParseJSON(cql2.JSON(parsed))
				if err != nil {
					t.Errorf("%s: %v", cql2.JSON(parsed), err)
					continue
				}
				for _, e := range []cql2.Expr{parsed, again} {
					bound, err := cql2.Bind(e, collection.Table)
					if err != nil {
						t.Errorf("%s: %v", c.Predicate, err)
						continue
					}
					n := 0
					for _, row := range collection.Rows {
						if cql2.Matches(bound, row) {
							n++
						}
					}
					if n != c.Expected {
						t.Errorf("%s: %s %s: %d, want %d", c.Class, c.Collection, c.Predicate, n, c.Expected)
					}
				}
			}
			t.Logf("%d cases", len(cases))
		})
	}
}
