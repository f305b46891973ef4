package store

import (
	"crypto/sha256"
	"encoding/binary"

	"huong.city/huong/internal/core/value"
)

// Digest is the fingerprint of a multiset of rows: SHA-256 of every row, added
// up lane by lane. Adding and taking away commute, so the state that the log
// leads to can be compared with the state that the tables hold without sorting
// either. It finds faults and carelessness; against forgery stands the chain.
type Digest struct {
	lanes [4]uint64
	Rows  int64
}

// RowHash is the fingerprint of one version of a row; until is 0 for a live row.
func RowHash(scratch []byte, row []value.Value, version, until int64) (h [32]byte, buf []byte) {
	scratch = binary.LittleEndian.AppendUint64(scratch[:0], uint64(version))
	scratch = binary.LittleEndian.AppendUint64(scratch, uint64(until))
	scratch = value.AppendRow(scratch, row)
	return sha256.Sum256(scratch), scratch
}

// Add puts a row in, n times; a negative n takes it away.
func (d *Digest) Add(h [32]byte, n int64) {
	for i := range d.lanes {
		d.lanes[i] += uint64(n) * binary.LittleEndian.Uint64(h[8*i:])
	}
	d.Rows += n
}

// Join adds another digest, n times.
func (d *Digest) Join(o Digest, n int64) {
	for i := range d.lanes {
		d.lanes[i] += uint64(n) * o.lanes[i]
	}
	d.Rows += n * o.Rows
}

// Empty tells whether everything put in was taken away.
func (d *Digest) Empty() bool { return *d == Digest{} }
