// Package grant decides who may see and change what. A grant is data: who,
// which dataset, which fields, which rows, for what, on which legal basis, from
// when until when. Grants and a few built-in rules are compiled, for one request,
// to a Decision: a condition on rows for the store and what to hide and mask in
// each cell. Everything is denied that nothing allows.
//
// The package does no I/O and knows no clock: times are given, microseconds
// since 1970 UTC.
package grant

// Action is what a grant allows.
type Action string

const (
	Read      Action = "read"
	Aggregate Action = "aggregate" // counts and sums of groups that are large enough, never a record
	Write     Action = "write"     // create, change and delete; it does not include reading
)

// State is where a grant stands in its life; only InForceState gives anything.
type State string

const (
	Requested    State = "requested"
	Question     State = "question" // the owner asked something back
	InForceState State = "in-force"
	Refused      State = "refused"
	Ended        State = "ended"
	Revoked      State = "revoked"
)

// How a cell is masked. A masked cell is shown but never filtered, sorted,
// grouped or measured by, and a masked personal cell is still personal.
type How string

const (
	LastDigits How = "last-digits" // the last four characters, at most half of them; • for each other
	YearOnly   How = "year"        // 1 January of the year (UTC)
	AreaOnly   How = "area"        // the place itself, _x and _y are hidden, _area is shown
	Pseudonym  How = "pseudonym"   // the same for the same value and grantee, meaningless to any other grantee
)

// Mask says how a field, or every field of a tag, is shown.
type Mask struct {
	Field string
	Tag   string
	How   How
}

// SmallestCell is the fewest records a group may have under an aggregate grant:
// in a group of two each knows the other.
const SmallestCell = 3

// The roles that principals act in and grants may name.
const (
	Steward       = "steward"
	Engineer      = "engineer"
	OperatorRole  = "operator"
	Officer       = "officer"
	Leader        = "leader"
	Auditor       = "auditor"
	Administrator = "administrator"
	Citizen       = "citizen"
	Machine       = "machine"
)

// Roles lists the roles there are.
func Roles() []string {
	return []string{Steward, Engineer, OperatorRole, Officer, Leader, Auditor, Administrator, Citizen, Machine}
}

// Grant is one decision of an owner about a dataset. The fields of a declaration
// that it names are looked up when it is used, so a tag grant covers a field that
// got the tag later, and a field without tag stays invisible to it.
type Grant struct {
	ID      string
	Dataset string

	// The grantee: all that are given must match; at least one is.
	Agency, Role, Account string

	Action Action
	Fields []string // fields, or derived columns by their name (_area)
	Tags   []string // fields that have one of the tags; both lists empty = every field up to class internal

	Rows      string // CQL2 text over the dataset's columns; empty = all rows
	OwnAreas  bool   // and only rows in the areas in which the principal acts
	OwnAgency string // and only rows whose field of this name holds the principal's agency

	Purposes    []string // codes; empty = any purpose
	Basis       string   // legal citation
	Masks       []Mask
	MinimumCell int // Aggregate: fewest records of a group that is told

	From, Until int64 // in force at From <= t < Until; Until 0 = no end
	State       State

	AskedBy   string
	AskedAt   int64
	DecidedBy string
	DecidedAt int64
	Reason    string // of a refusal or a revocation
	Citation  string // the law that a refusal rests on
}

// InForce tells whether the grant gives anything at a time.
func (g *Grant) InForce(at int64) bool {
	return g.State == InForceState && g.From <= at && (g.Until == 0 || at < g.Until)
}

// Subject is who acts, in the capacity they chose.
type Subject struct {
	Account   string
	Agency    string
	Roles     []string
	Areas     []string // codes of areas, former ones and parts already added by the caller; "*" = the whole city
	Person    string   // personal number of a signed-in citizen
	Assurance int      // 0 to 3; VNeID level 2 is 2
	Token     bool     // Read and Write are the scopes of an access token
	Read      []string // dataset names; "*" = all
	Write     []string
	Admin     bool // the command line on the data itself
}

func (s *Subject) is(g *Grant) bool {
	return (g.Agency != "" || g.Role != "" || g.Account != "") &&
		(g.Agency == "" || g.Agency == s.Agency) &&
		(g.Account == "" || g.Account == s.Account) &&
		(g.Role == "" || contains(s.Roles, g.Role))
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
