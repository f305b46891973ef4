package repo

import "slices"

// Principal is who acts. It is an explicit parameter of every call, because
// forgetting it must not compile. The zero Principal is the public: it reads
// what is classified open and nothing else.
type Principal struct {
	Name  string   // account or token id, as the log shows it; empty for the public
	Admin bool     // may do everything: the command line on the data directory itself
	Read  []string // datasets that may be read; "*" for all
	Write []string // datasets that may be written; "*" for all
}

// Public returns the principal of a request without credentials.
func Public() Principal { return Principal{} }

// Operator returns the principal of the command line, which holds the data itself.
func Operator() Principal { return Principal{Name: "operator", Admin: true} }

func (p Principal) reads(dataset string) bool {
	return p.Admin || slices.Contains(p.Read, dataset) || slices.Contains(p.Read, "*")
}

func (p Principal) writes(dataset string) bool {
	return p.Admin || slices.Contains(p.Write, dataset) || slices.Contains(p.Write, "*")
}
