// Package store is the seam between the repository and a database. Two drivers
// stand behind it, sqlite and postgres, and both pass storetest. A driver knows
// tables, rows, the log and expressions; it knows no principals, no grants and
// no HTTP.
package store

import (
	"context"
	"io"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
)

// Driver is one database. All methods may be called concurrently. Errors that
// a caller can act on are *problem.Error; everything else is Internal.
// A method that takes fn calls it in order on one goroutine, hands it slices
// that are valid only during the call, and stops at fn's first error, which it
// returns unchanged.
type Driver interface {
	// Head returns the log's end and the version of the catalog: the seq of the
	// last batch that carried Tables.
	Head(ctx context.Context) (Head, error)

	// Append makes the batch durable in one database transaction under the head
	// lock and returns one outcome per item, in order. Items get consecutive
	// sequence numbers in order; an item that fails, or that changes nothing,
	// takes none and leaves the others untouched. When catalog is not the
	// current catalog version nothing is written and ErrCatalogMoved returned.
	// On any other error nothing of the batch is stored. Acknowledged means
	// fsynced. ctx is honoured only until the transaction begins to commit.
	Append(ctx context.Context, catalog int64, batch []Item) ([]Outcome, error)

	// Read streams rows of one table. Without an order rows come by key.
	Read(ctx context.Context, q Query, fn func(Row) error) error

	// Count returns how many rows a query matches, ignoring limit and cursor.
	Count(ctx context.Context, q Query) (int64, error)

	// Aggregate groups rows and measures the groups. fn gets the group values
	// followed by the measures. Groups come in ascending order of their values,
	// nulls last, at most limit of them (0 = no limit).
	Aggregate(ctx context.Context, a Aggregate, fn func([]value.Value) error) error

	// History streams the versions of one record, newest first. A version that
	// is a deletion has Values nil.
	History(ctx context.Context, t *dataset.Table, key []value.Value, fn func(Version) error) error

	// Log streams entries with Seq > after in order, at most limit, those that
	// touch any of the named datasets only (none named: all). Tables resolves a
	// dataset's layout; headers alone are read when it is nil.
	Log(ctx context.Context, r LogRange, fn func(*commit.Entry) error) error

	// State and SaveState keep small private state outside the log: follower
	// cursors and what belongs to them, import positions, leases. SaveState
	// writes all puts in one transaction; a nil Value deletes.
	State(ctx context.Context, owner, prefix string, fn func(key string, val []byte) error) error
	SaveState(ctx context.Context, owner string, puts []StatePut) error

	// StateRange streams an owner's state with from <= key < until in order of
	// the bytes of the keys, at most limit (until "" = no bound, limit 0 = all).
	StateRange(ctx context.Context, owner, from, until string, limit int, fn func(key string, val []byte) error) error

	// SwapState replaces the value of key, when it still is old, by new and
	// writes puts, all in one transaction. When it is not, nothing is written
	// and ErrStateMoved returned: of several writers, in whatever processes, that
	// took the same old value, exactly one succeeds. nil means that there is no
	// value; key must not be among puts.
	SwapState(ctx context.Context, owner, key string, old, new []byte, puts []StatePut) error

	// Hashes reads stored hashes of the tree over all commits by their places in
	// the order of tlog.StoredHashes. They are written with the commit that
	// completes them. A place that the tree has not reached is NotFound.
	Hashes(ctx context.Context, places []int64) ([]proof.Hash, error)

	// Erase destroys what the log and the history hold of one record, with the
	// salts by which it could be guessed, and appends the commit that says so, in
	// one transaction. The present must be free of it already: the record deleted,
	// or the columns null; else Conflict "erase-present". The tree stays as it is.
	// When there is nothing to erase, the error is NotFound. What the database
	// keeps of deleted bytes in its files is in the documentation of each driver.
	Erase(ctx context.Context, catalog int64, e Erasure) (commit.Receipt, error)

	// Verify reads the log from its first entry, its tree, tables and history and
	// reports every disagreement it finds to fn, in bounded memory. tables lists
	// the current layouts.
	Verify(ctx context.Context, tables []*dataset.Table, progress func(done, total int64), fn func(Fault) error) (VerifyReport, error)

	// Backup writes a consistent copy of everything while writes go on. Restore
	// is a function of each driver's package, since it makes a new database.
	Backup(ctx context.Context, w io.Writer, progress func(done, total int64)) error

	// Explain returns the SQL that a query compiles to, for tests and operators.
	Explain(q Query) (sql string, args []any, err error)

	Close() error
}

// Head is the end of the log.
type Head struct {
	commit.Position
	At      int64 // commit time of Seq
	Catalog int64
	Root    [32]byte // RFC 6962 root of the tree over the commits up to Seq
}

// Item is one commit to append. Tables are created or altered to the given
// layout in the same transaction, before its changes are applied.
type Item struct {
	Request *commit.Request
	Tables  []*dataset.Table // new or changed layouts
	// Layouts holds the layout of every dataset that Request touches.
	Layouts map[string]*dataset.Table
	At      int64 // commit time proposed by the caller's clock
}

// Outcome of one item: a receipt, or an error of kind Invalid, Conflict (key,
// unique, reference; one Violation per offending change with Row its index),
// or Stale.
type Outcome struct {
	Receipt commit.Receipt
	Err     error
}

// Erasure says what to erase, and how it is recorded.
type Erasure struct {
	Table   *dataset.Table
	Key     []value.Value
	Columns []int // ordinals, none of the key; nil = the whole record
	// Item is the commit that records the erasure. Its Source is set by the
	// driver: ErasureSource with the sum of what was left.
	Item Item
}

// Query selects rows of one table.
type Query struct {
	Table   *dataset.Table
	Filter  cql2.Expr     // bound to Table; nil for all
	Key     []value.Value // when set: exactly this record
	AsOf    int64         // rows as they were after commit AsOf; 0 = now
	Columns []int         // which columns to fill; nil for all. Others are Null
	Sort    []Order       // the key is always appended as the last tie-break
	After   []value.Value // values of Sort columns then key of the last row seen; nil for the start
	Limit   int           // 0 = no limit
}

// Order is one sort column. Nulls sort last in both directions.
type Order struct {
	Column int
	Desc   bool
}

// Row of a read. Values is indexed by column ordinal.
type Row struct {
	Version int64 // seq of the commit that wrote it
	Values  []value.Value
}

// Version is one state in a record's life.
type Version struct {
	Seq    int64 // commit that brought it
	Until  int64 // commit that ended it; 0 = current
	Values []value.Value
}

// Aggregate groups by columns or time buckets.
type Aggregate struct {
	Table    *dataset.Table
	Filter   cql2.Expr
	AsOf     int64
	By       []Group
	Measures []Measure
	Limit    int
}

// Group is a column, or a time bucket of it: minute hour day week month year in
// a fixed offset from UTC (Vietnam has no daylight saving time), given as the
// Time of the bucket's start.
type Group struct {
	Column int
	Bucket string
	Offset int64 // seconds east of UTC
}

// Measure is count, sum, mean, min, max, or distinct of a column; count of rows
// has Column -1.
type Measure struct {
	Func   string
	Column int
}

// LogRange selects log entries.
type LogRange struct {
	After    int64
	Upto     int64 // 0 = head
	Datasets []string
	Limit    int
	Desc     bool // newest first, with Seq < After (After 0 = from the head)
	Tables   func(dataset string) *dataset.Table
}

// StatePut is one private value.
type StatePut struct {
	Key   string
	Value []byte
}

// Fault is one disagreement found by Verify.
type Fault struct {
	Where   string // log, tree, table, history, head; checkpoint of the repository's own check
	Dataset string
	Key     string // canonical key in hex, never its text
	Seq     int64  // entry; of a hash of the tree the last entry that it covers
	What    string
}

// VerifyReport sums a verification up.
type VerifyReport struct {
	Entries, Changes, Rows, Versions int64
	Faults                           int64
}
