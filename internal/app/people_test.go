package app

import (
	"context"
	"slices"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/demo"
	"huong.city/huong/internal/service/account"
)

// Everybody of the demo signs in, every role is there, and a second start finds
// them as they are. Agencies and areas are those of the city's own lists.
func TestPeople(t *testing.T) {
	r, err := Where{Data: t.TempDir(), Zone: zone}.Open(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	apply(t, r, "../../city/hue")
	a, err := Accounts(r, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var roles []string
	for range 2 {
		people, err := demo.People(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			got, err := a.SignIn(t.Context(), account.Device{Address: p.Account}, p.Account, demo.Password)
			if err != nil || got.Session == "" {
				t.Fatalf("%s: %+v %v", p.Account, got, err)
			}
			s, err := a.Session(t.Context(), got.Session)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range s.Capacities {
				roles = append(roles, c.Roles...)
			}
		}
	}
	for _, role := range grant.Roles() {
		if role != grant.Machine && !slices.Contains(roles, role) {
			t.Errorf("nobody is %s", role)
		}
	}
}
