package repo_test

import (
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// What the owner is shown before approving is, cell by cell, what the grantee
// then reads.
func TestAPreviewIsWhatTheGranteeThenSees(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	owner := clerk
	owner.Purpose = "case-work"
	g := &grant.Grant{ID: "g-1", Dataset: "dossier", Agency: "syt", Action: grant.Read, Fields: []string{"code", "person", "name", "income"},
		Rows: "code <= 'H3'", Purposes: []string{"case-work"}, State: grant.Requested,
		Masks: []grant.Mask{{Field: "person", How: grant.LastDigits}, {Field: "name", How: grant.Pseudonym}}}
	pv, err := r.Preview(t.Context(), owner, g)
	if err != nil {
		t.Fatal(err)
	}
	if pv.Matched != 4 || len(pv.Rows) != 4 {
		t.Fatalf("%d records, %d shown", pv.Matched, len(pv.Rows))
	}
	said := map[string]repo.PreviewColumn{}
	for _, c := range pv.Columns {
		said[pv.Entry.Table.Columns[c.Column].Name] = c
	}
	if said["state"].Shown || said["person"].Masked != grant.LastDigits || said["name"].Masked != grant.Pseudonym || !said["income"].Unknown || said["code"].Unknown {
		t.Errorf("columns: %+v", said)
	}
	list := accesses(t, r)
	if len(list) != 3 || list[0]["reader"].Text() != "an" || list[0]["fields"].Text() != `["person","name"]` {
		t.Errorf("the look at three persons left %d records: %v", len(list), list)
	}
	mustPut(t, r, "grant", `{"id":"g-1","dataset":"dossier","agency":"syt","action":"read","fields":["code","person","name","income"],"rows":"code <= 'H3'","purposes":["case-work"],"basis":"Luật","from":"2020-01-01T00:00:00Z","state":"in-force","masks":[{"field":"person","how":"last-digits"},{"field":"name","how":"pseudonym"}]}`)
	income, _, _, _ := pv.Entry.Table.Property("income")
	i := 0
	_, err = r.Read(t.Context(), repo.Principal{Name: "chi", Agency: "syt", Roles: []string{"officer"}, Purpose: "case-work"}, repo.Query{Dataset: "dossier"}, func(rec repo.Record) error {
		for c, v := range rec.Values {
			want := v
			if c == income {
				want = value.Value{} // the owner's steward does not see it either
				if v.IsNull() {
					t.Error("the grantee does not see the income")
				}
			}
			if pv.Rows[i][c] != want {
				t.Errorf("record %d, column %d: %v in the preview, then %v", i, c, pv.Rows[i][c], v)
			}
		}
		i++
		return nil
	})
	if err != nil || i != 4 {
		t.Errorf("%d records read: %v", i, err)
	}
}

// A preview never shows what its reader may not see: nor by a condition.
func TestAPreviewGivesNoMoreThanItsReaderHas(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	g := &grant.Grant{ID: "g-1", Dataset: "dossier", Agency: "syt", Action: grant.Read, Fields: []string{"name"}, State: grant.Requested}
	pv, err := r.Preview(t.Context(), clerk, g) // without a purpose
	if err != nil || pv.Matched != 9 {
		t.Fatal(pv.Matched, err)
	}
	for _, row := range pv.Rows {
		for _, v := range row {
			if v.Kind() == value.Text && strings.Contains(v.Text(), "Người") {
				t.Error("a name is shown without a purpose")
			}
		}
	}
	if n := len(accesses(t, r)); n != 0 {
		t.Errorf("%d records of a look at nothing personal", n)
	}
	owner := clerk
	owner.Purpose = "case-work"
	g.Rows = "income > 4"
	if pv, err = r.Preview(t.Context(), owner, g); err != nil || pv.Matched != 0 || len(pv.Rows) != 0 {
		t.Errorf("by a restricted column: %d records, %v", pv.Matched, err)
	}
	g.Rows, g.Fields = "name = 'Người 1'", []string{"code"}
	if pv, err = r.Preview(t.Context(), owner, g); err != nil || pv.Matched != 3 {
		t.Errorf("by a personal column: %d records, %v", pv.Matched, err)
	}
	if len(accesses(t, r)) == 0 {
		t.Error("a condition on a personal column left no record")
	}
	g.Rows, g.Action, g.MinimumCell = "", grant.Aggregate, 5
	if pv, err = r.Preview(t.Context(), owner, g); err != nil || pv.Matched != 9 || pv.Rows != nil {
		t.Errorf("of aggregates: %d, %d rows, %v", pv.Matched, len(pv.Rows), err)
	}
	_, err = r.Preview(t.Context(), repo.Principal{Name: "x", Agency: "syt", Roles: []string{"officer"}}, g)
	wantKind(t, err, problem.NotFound)
}
