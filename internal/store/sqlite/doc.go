// Package sqlite is the store driver for one machine: one file, one writer,
// any number of readers, through mattn/go-sqlite3 without database/sql. It
// knows SQL and the physical layout; it knows no principals, no validation
// rules and no HTTP.
//
// # Layout
//
// A dataset is a table of its own name ('-' written '_') with typed columns,
// so that other programs can read it: REAL, INTEGER, TEXT, BLOB (WKB), datetime
// as INTEGER microseconds UTC, date as TEXT YYYY-MM-DD, boolean as 0 or 1.
// _id is a private row number, _version the seq of the commit that wrote the row.
// Old versions stand in <table>__history with [_version, _until): a record that
// was never changed costs no history row, and a read of the present touches no
// history. A read as of S is the rows of either that held at S.
//
// Secondary indexes carry the key behind their own columns, so that a sorted
// page with its tie-break is one walk of an index whatever the number of
// equal values. A located dataset has an R*Tree <table>__box. Its cost at
// insert is the largest of all (storage-bench: 0.4 of the rate), therefore new
// rows enter it once per batch in the order of a space-filling curve.
//
// System tables begin with an underscore, which no dataset name can.
//
// # Log
//
// One row of _log per commit: headers, counts and the payload, the canonical
// bytes of every row before and after, grouped by dataset, compressed when that
// pays. proof is the entry's store.Seal; _tree holds the hashes of the tree over
// all commits and _head.peaks its right edge, all written in the commit's own
// transaction.
// _touched finds the entries of one dataset, _once the commit of an
// idempotency key.
//
// # Transactions
//
// Writers take BEGIN IMMEDIATE and read the head inside it, so that several
// processes may share a directory. Readers hold a snapshot only as long as a
// scan needs; a scan that outlives its allowance takes a new snapshot and goes
// on behind the last row seen, as of the head that it began with, because an
// old snapshot keeps the write-ahead log from being reused.
//
// # Erasing
//
// Deleted bytes are overwritten (secure_delete), and after an erasure the
// write-ahead log is emptied into the file and cut to nothing. What a file
// system or a disk keeps of blocks that a file gave up, and what backups hold,
// is beyond the database.
//
// # Expressions
//
// Comparisons that an index can serve become SQL. Everything else is evaluated
// by cql2.Eval itself, called back from SQLite with the columns that it needs:
// there is one meaning of every operator, not two.
package sqlite
