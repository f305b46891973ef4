// Package postgres is the driver for PostgreSQL 15 or later with PostGIS 3.
//
// One row, head, is the lock of the log: every Append takes it first, so commits
// have one order, which is the order in which they become visible; several
// server processes on one database are safe. Datasets are real typed tables in
// the schema city with their old versions in <name>__history; Huong's own
// tables and functions are in the schema huong.
//
// An Append is set-based: it fetches the facts that a whole batch needs (rows of
// the touched keys, how many rows hold a unique or referenced value), works out
// every item in memory in order, and writes the outcome with a few statements
// per table. It usually takes two round trips; many new rows take a COPY with a
// third, and in a bulk load they are not looked up before (hope.go).
//
// The package knows tables, rows, the log and expressions; it knows no
// principals, no grants and no HTTP, and it is the only one that imports pgx.
package postgres
