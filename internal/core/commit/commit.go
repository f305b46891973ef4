// Package commit holds the nouns of change: the only way anything in Huong
// changes is a commit, an atomic set of changes by one actor, from one source,
// for a stated reason, at one place of a gapless sequence.
package commit

import "huong.city/huong/internal/core/value"

// Op is what a change does to one record.
type Op uint8

const (
	Put    Op = 1 // the record is exactly this row
	Patch  Op = 2 // the columns of the mask take the row's values
	Delete Op = 3 // the record is no more (its history stays)
)

func (o Op) String() string { return [...]string{"", "put", "patch", "delete"}[o] }

// Expectations of a change about the record's current version.
const (
	AnyVersion int64 = 0  // no expectation
	Absent     int64 = -1 // the record must not exist
	Present    int64 = -2 // the record must exist, at whatever version
)

// Change asks for one record to change. Row is indexed by the dataset table's
// column ordinals. Put fills all of it, Patch the columns set in Mask and the
// key, Delete the key only.
type Change struct {
	Dataset string
	Op      Op
	Row     []value.Value
	Mask    []bool // Patch only
	Expect  int64  // AnyVersion, Absent, Present, or the exact version
}

// Header says who, from where and why.
type Header struct {
	Actor  string // account, token or connector; never a person's name in clear
	Source string // file, API, feed …
	Reason string
	Key    string // idempotency key, unique per city; empty for none
}

// Request is a commit before it has a place in the sequence.
type Request struct {
	Header
	Changes []Change
}

// Result says what a change did.
type Result uint8

const (
	Unchanged Result = iota // the record already was exactly that
	Created
	Updated
	Deleted
)

func (r Result) String() string { return [...]string{"unchanged", "created", "updated", "deleted"}[r] }

// Receipt is the proof of a durable commit. A commit whose changes all are
// Unchanged takes no place: Seq is then the head it was compared with and
// Empty is true.
type Receipt struct {
	Seq     int64
	At      int64 // commit time, µs since 1970 UTC, never earlier than the commit before
	Empty   bool
	Repeat  bool     // an earlier commit with the same idempotency key; Results are not kept
	Results []Result // one per change, in order
	Counts  [4]int64 // by Result; kept for repeats too
}

// Applied is one change as the log keeps it. Before is nil for a record that
// did not exist, After nil for a deleted one.
type Applied struct {
	Dataset string
	Before  []value.Value
	After   []value.Value
	Prior   int64 // version of Before: seq of the commit that wrote it; 0 when there was none
	Erased  bool  // an erasure took something of it away; of what is gone entirely there is no Applied
}

// Op of an applied change in words of effect.
func (a *Applied) Result() Result {
	switch {
	case a.Before == nil:
		return Created
	case a.After == nil:
		return Deleted
	}
	return Updated
}

// Entry is one commit of the log.
type Entry struct {
	Seq int64
	At  int64
	Header
	Changes []Applied      // empty when only headers were asked for
	Count   int            // number of changes, those erased included
	Counts  map[string]int // changes per dataset
	// ErasedBy are the commits whose erasures took something of this one away, in
	// their order; told where its changes are.
	ErasedBy []int64
	// Hash is the entry's leaf in the tree over all commits, and what it is the
	// hash of beside Seq and At: the salted digests of header and changes
	// (core/proof).
	Hash          [32]byte
	HeaderDigest  [32]byte
	ChangesDigest [32]byte
}

// Position is where a reader stands in the log of one node.
type Position struct {
	Epoch string // changes when a backup is restored
	Seq   int64
}
