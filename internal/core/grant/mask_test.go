package grant_test

import (
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
)

func TestLastDigits(t *testing.T) {
	d := parse(t, "", "", aid)
	decision := decide(d, given(grant.Grant{Fields: []string{"phone"}, Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}}}))
	for from, want := range map[string]string{
		"0905123456": "••••••3456", "12345678": "••••5678", "1234567": "••••567", "113": "••3", "12": "•2", "1": "•", "": "", "Đặng Văn Ổi": "•••••••n Ổi",
	} {
		row := make([]value.Value, d.Width())
		row[d.column("phone")] = value.OfText(from)
		decision.Revealer(nil, nil).Reveal(row)
		if got := row[d.column("phone")].Text(); got != want {
			t.Errorf("%q is shown as %q, want %q", from, got, want)
		}
	}
}

// A pseudonym is stable for a grantee, and tells another grantee, another field,
// and who has not the key, nothing.
func TestPseudonyms(t *testing.T) {
	d := parse(t, "", "", aid)
	of := func(key, field, v string, g grant.Grant) string {
		g.Fields, g.Masks = []string{"name", "phone"}, []grant.Mask{{Field: "name", How: grant.Pseudonym}, {Field: "phone", How: grant.Pseudonym}}
		row := make([]value.Value, d.Width())
		row[d.column(field)] = value.OfText(v)
		decision := decide(d, given(g))
		decision.Revealer([]byte(key), nil).Reveal(row)
		return row[d.column(field)].Text()
	}
	police := grant.Grant{Agency: "police"}
	first := of("k", "name", "An", police)
	if len(first) != 16 || strings.ToLower(first) != first || strings.Contains(first, "An") {
		t.Errorf("pseudonym %q", first)
	}
	if again := of("k", "name", "An", grant.Grant{ID: "g2", Agency: "police", Rows: "name IS NOT NULL"}); again != first {
		t.Error("a pseudonym differs between two grants to one grantee")
	}
	seen := map[string]string{first: "first"}
	for what, p := range map[string]string{
		"another value":   of("k", "name", "Binh", police),
		"another field":   of("k", "phone", "An", police),
		"another key":     of("l", "name", "An", police),
		"a role":          of("k", "name", "An", grant.Grant{Role: grant.Officer}),
		"role and agency": of("k", "name", "An", grant.Grant{Role: grant.Officer, Agency: "police"}),
		"an account":      of("k", "name", "An", grant.Grant{Account: "an"}),
	} {
		if other, twice := seen[p]; twice {
			t.Errorf("%s has the pseudonym of %s", what, other)
		}
		seen[p] = what
	}
}
