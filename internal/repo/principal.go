package repo

import (
	"slices"

	"huong.city/huong/internal/core/grant"
)

// Principal is who acts, in one capacity. It is an explicit parameter of every
// call, because forgetting it must not compile. The zero Principal is the
// public: it reads what is classified open and nothing else.
type Principal struct {
	Name  string // account or token id, as the log shows it; empty for the public
	Admin bool   // may do everything: the command line on the data directory itself

	// What an account is in the capacity that was chosen.
	Agency    string
	Roles     []string // of grant.Roles
	Areas     []string // area codes; "*" or the city's own code = the whole city
	Capacity  string   // id of the capacity, for the access record
	Person    string   // personal number of a signed-in citizen; never logged
	Assurance int      // level of identification, 0 to 3

	// What the task is, chosen once per task.
	Purpose string // code of the dataset purpose; personal data is read for one only
	Case    string // number of the dossier or case that the task belongs to
	// HiddenUntil keeps the access record from the person until then (µs since
	// 1970; 0 = not at all): an investigation. Where the purpose does not permit
	// it to the agency, or not for so long, every reading is refused.
	HiddenUntil int64

	Read  []string // a token's datasets that may be read; "*" for all
	Write []string // a token's datasets that may be written; "*" for all

	internal bool // Huong itself at work, on data that leaves to nobody
}

// Public returns the principal of a request without credentials.
func Public() Principal { return Principal{} }

// Operator returns the principal of the command line, which holds the data itself.
// What personal data it reads is recorded like anybody's.
func Operator() Principal { return Principal{Name: "operator", Admin: true} }

// Internal returns the principal of Huong's own work: deriving, checking,
// moving. It may do everything and its reading is not recorded, so what it
// reads must not be handed to anybody.
func Internal() Principal { return Principal{Name: "huong", Admin: true, internal: true} }

// Is tells whether p acts in a role.
func (p Principal) Is(role string) bool { return slices.Contains(p.Roles, role) }

// token tells that p is known by an access token with scopes.
func (p Principal) token() bool { return len(p.Read)+len(p.Write) > 0 }

// keeps lists the datasets that p writes the whole of, so far as a token says so.
func (p Principal) keeps() []string {
	if !p.token() {
		return nil
	}
	return p.Write
}

func (p Principal) subject(areas []string) grant.Subject {
	s := grant.Subject{
		Agency: p.Agency, Roles: p.Roles, Areas: areas, Person: p.Person, Assurance: p.Assurance,
		Token: p.token(), Read: p.Read, Write: p.Write, Admin: p.Admin,
	}
	if !p.Admin && !p.token() {
		s.Account = p.Name
	}
	return s
}
