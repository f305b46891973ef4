package account

// HashCheaply makes new digests of passwords cost next to nothing, in tests of what
// is around them. Only a test can: the program has no such setting.
func (a *Accounts) HashCheaply() { a.hasher.memory, a.hasher.passes = 64, 1 }
