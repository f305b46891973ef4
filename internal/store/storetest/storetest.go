// Package storetest is the conformance suite that every driver passes. It knows
// the contract of store.Driver and the scars of others; it knows no SQL and no
// database. A driver's own test calls Run once.
package storetest

import (
	"io"
	"math/rand/v2"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Database is one database of a test, empty at first.
type Database interface {
	// Open opens the database; it is called again after Close, and then sees
	// what was there before. The suite closes what it opens.
	Open(t *testing.T) store.Driver
	// Restore makes another database from a backup.
	Restore(t *testing.T, backup io.Reader) Database
}

// Tamperer is a Database that can falsify what it holds, behind the driver's
// back, so that Verify has something to find.
type Tamperer interface {
	// TamperRow changes one column other than the key of the live row.
	TamperRow(t *testing.T, table *dataset.Table, key []value.Value)
	// TamperHistory changes one column of some old version of the record.
	TamperHistory(t *testing.T, table *dataset.Table, key []value.Value)
	// TamperLog changes the reason of an entry.
	TamperLog(t *testing.T, seq int64)
}

// Falsifier is a Database of which any stored byte can be altered.
type Falsifier interface {
	// Alter alters one byte of one stored value, drawn from r among those of the
	// log, its tree, the head, and the live rows and history of table. ok is false
	// when what was drawn cannot be altered so; then nothing was done.
	Alter(t *testing.T, table *dataset.Table, r *rand.Rand) (a Alteration, ok bool)
}

// Alteration is one altered byte.
type Alteration struct {
	Where string // as store.Fault has it
	Seq   int64  // of a log entry; 0 where a fault need not name this one
	What  string // for the test's message
	Undo  func()
}

// Run runs the suite. fresh makes an empty database that the test owns.
func Run(t *testing.T, fresh func(t *testing.T) Database) {
	groups := []struct {
		name  string
		cases []test
	}{
		{"append", appendTests},
		{"value", valueTests},
		{"read", readTests},
		{"asof", asOfTests},
		{"log", logTests},
		{"schema", schemaTests},
		{"aggregate", aggregateTests},
		{"keeping", keepingTests},
		{"tree", treeTests},
		{"erasing", erasingTests},
		{"expression", expressionTests},
		{"grant", grantTests},
		{"model", modelTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(t, fresh(t))
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(t *testing.T, db Database)
}
