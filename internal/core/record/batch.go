package record

import (
	"unsafe"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Batch holds rows of one schema: all values in one slice, all texts in shared
// buffers, so that a row costs no allocation of its own. Rows and their texts
// are valid until Reset. A Batch belongs to one goroutine.
type Batch struct {
	width     int
	values    []value.Value
	positions []place
	text      texts
}

type place struct {
	offset       int64
	line, column int
}

// NewBatch makes an empty batch.
func NewBatch(s *Schema) *Batch { return &Batch{width: len(s.columns)} }

// Len is the number of rows.
func (b *Batch) Len() int { return len(b.positions) }

// Row returns row i, indexed by column ordinal. It may be changed in place.
func (b *Batch) Row(i int) []value.Value {
	return b.values[i*b.width : (i+1)*b.width : (i+1)*b.width]
}

// Append adds a row of Nulls and returns it, to be filled in place before the
// next Append.
func (b *Batch) Append() []value.Value {
	n := len(b.values)
	if n+b.width <= cap(b.values) {
		b.values = b.values[:n+b.width]
		clear(b.values[n:])
	} else {
		grown := make([]value.Value, n+b.width, 2*n+16*b.width)
		copy(grown, b.values)
		b.values = grown
	}
	b.positions = append(b.positions, place{})
	return b.values[n : n+b.width : n+b.width]
}

// Position returns where row i was read: line, column and byte offset of its
// first character, for faults that only the store can find.
func (b *Batch) Position(i int) problem.Position {
	p := &b.positions[i]
	return problem.Position{Line: p.line, Column: p.column, Offset: p.offset}
}

// Hold copies bytes into the batch's buffers and returns them as a string that
// is valid until Reset.
func (b *Batch) Hold(p []byte) string { return b.text.hold(p) }

// Drop takes the last row away.
func (b *Batch) Drop() {
	b.values = b.values[:len(b.values)-b.width]
	b.positions = b.positions[:len(b.positions)-1]
}

// Reset empties the batch and keeps its memory: every row and text that it
// handed out is void.
func (b *Batch) Reset() {
	b.values = b.values[:0]
	b.positions = b.positions[:0]
	b.text.reset()
}

// texts is a growing store of strings. Chunks never move, so strings may point
// into them.
type texts struct {
	chunk []byte   // the one being filled
	full  [][]byte // filled ones
	spare []byte   // the largest one, kept over reset
	bytes int      // held in full
}

const firstChunk = 4 << 10

func (t *texts) hold(p []byte) string {
	if len(p) == 0 {
		return ""
	}
	n := len(t.chunk)
	if n+len(p) > cap(t.chunk) {
		t.grow(len(p))
		n = 0
	}
	t.chunk = append(t.chunk, p...)
	return unsafe.String(&t.chunk[n], len(p))
}

func (t *texts) grow(need int) {
	size := min(max(2*cap(t.chunk), firstChunk), 1<<20)
	if len(t.chunk) > 0 {
		t.full = append(t.full, t.chunk)
		t.bytes += len(t.chunk)
	}
	if cap(t.spare) >= need {
		t.chunk, t.spare = t.spare[:0], nil
		return
	}
	t.chunk = make([]byte, 0, max(size, need))
}

func (t *texts) size() int { return t.bytes + len(t.chunk) }

// mark and rollback give a refused row's texts back.
type textMark struct {
	full, length int
}

func (t *texts) mark() textMark { return textMark{len(t.full), len(t.chunk)} }

func (t *texts) rollback(m textMark) {
	if len(t.full) == m.full {
		t.chunk = t.chunk[:m.length]
		return
	}
	// The row opened new chunks: the newest, at most one larger row, is kept.
	for _, c := range t.full[m.full:] {
		t.bytes -= len(c)
	}
	old := t.full[m.full]
	if m.length > 0 {
		t.full[m.full] = old[:m.length]
		t.bytes += m.length
		t.full = t.full[:m.full+1]
	} else {
		t.full = t.full[:m.full]
	}
	t.chunk = t.chunk[:0]
}

func (t *texts) reset() {
	largest := t.chunk
	for _, c := range t.full {
		if cap(c) > cap(largest) {
			largest = c
		}
	}
	if cap(t.spare) > cap(largest) {
		largest = t.spare
	}
	// A single huge row must not keep its memory for ever.
	if cap(largest) > 4<<20 {
		largest = nil
	}
	clear(t.full)
	t.chunk, t.full, t.spare, t.bytes = largest[:0], t.full[:0], nil, 0
}
