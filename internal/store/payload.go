package store

import (
	"encoding/binary"
	"errors"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// ErrPayload reports bytes that Payload did not write.
var ErrPayload = errors.New("store: malformed log payload")

// Payload collects the changes of one commit into the canonical bytes that both
// drivers keep in their log: per dataset, in order of first appearance, its
// name, the number of changes and the changes; a change is the prior version,
// one byte (1 = there is a row before, 2 = there is one after) and the rows as
// value.AppendRow writes them. Of a payload from which something was erased see
// Sealer.Erase.
type Payload struct {
	groups []group
	used   int
}

type group struct {
	dataset string
	count   int
	bytes   []byte
}

// Reset forgets the changes and keeps the memory.
func (p *Payload) Reset() { p.used = 0 }

// Add appends a change; before or after is nil when there is no such row.
func (p *Payload) Add(dataset string, prior int64, before, after []value.Value) {
	g := p.group(dataset)
	g.count++
	g.bytes = binary.AppendUvarint(g.bytes, uint64(prior))
	has := byte(0)
	if before != nil {
		has |= 1
	}
	if after != nil {
		has |= 2
	}
	g.bytes = append(g.bytes, has)
	if before != nil {
		g.bytes = value.AppendRow(g.bytes, before)
	}
	if after != nil {
		g.bytes = value.AppendRow(g.bytes, after)
	}
}

func (p *Payload) group(dataset string) *group {
	for i := p.used - 1; i >= 0; i-- {
		if p.groups[i].dataset == dataset {
			return &p.groups[i]
		}
	}
	if p.used == len(p.groups) {
		p.groups = append(p.groups, group{})
	}
	g := &p.groups[p.used]
	p.used++
	*g = group{dataset: dataset, bytes: g.bytes[:0]}
	return g
}

// Size is how many bytes the changes take.
func (p *Payload) Size() int {
	n := 0
	for i := range p.groups[:p.used] {
		n += len(p.groups[i].bytes)
	}
	return n
}

// Count is the number of changes.
func (p *Payload) Count() int {
	n := 0
	for i := range p.groups[:p.used] {
		n += p.groups[i].count
	}
	return n
}

// Each calls fn with the changes per dataset, in order.
func (p *Payload) Each(fn func(dataset string, count int)) {
	for i := range p.groups[:p.used] {
		fn(p.groups[i].dataset, p.groups[i].count)
	}
}

// Append writes the payload's bytes.
func (p *Payload) Append(b []byte) []byte {
	for i := range p.groups[:p.used] {
		g := &p.groups[i]
		b = binary.AppendUvarint(b, uint64(len(g.dataset)))
		b = append(b, g.dataset...)
		b = binary.AppendUvarint(b, uint64(g.count))
		b = binary.AppendUvarint(b, uint64(len(g.bytes)))
		b = append(b, g.bytes...)
	}
	return b
}

// Changes reads the changes of a payload. Rows and texts share memory with b
// and with the reader's own, and are valid until the next call. Datasets for
// which tables gives nil are passed over.
type PayloadReader struct {
	changes []commit.Applied
	rows    []value.Value
	erased  []int64
}

// ErasedBy are the commits whose erasures took something from what was read
// last, in their order. The slice is the caller's.
func (r *PayloadReader) ErasedBy() []int64 { return r.erased }

// Read decodes b, every change as wide as its table.
func (r *PayloadReader) Read(b []byte, tables func(dataset string) *dataset.Table) ([]commit.Applied, error) {
	r.changes, r.rows, r.erased = r.changes[:0], r.rows[:0], nil
	var t *dataset.Table
	enter := func(name []byte, _ int) bool {
		t = tables(string(name))
		return t != nil
	}
	err := scan(b, enter, func(_ []byte, c *raw) error {
		if c.has&isErased != 0 {
			for _, m := range c.marks {
				if i, found := slices.BinarySearch(r.erased, m.by); !found {
					r.erased = slices.Insert(r.erased, i, m.by)
				}
			}
		}
		if c.has&(hasBefore|hasAfter) == 0 {
			return nil
		}
		a := commit.Applied{Dataset: t.Name, Prior: int64(c.prior), Erased: c.has&isErased != 0}
		rows, err := c.rows, error(nil)
		if c.has&hasBefore != 0 {
			if a.Before, rows, err = r.row(rows, t.Width()); err != nil {
				return err
			}
		}
		if c.has&hasAfter != 0 {
			if a.After, _, err = r.row(rows, t.Width()); err != nil {
				return err
			}
		}
		r.changes = append(r.changes, a)
		return nil
	})
	return r.changes, err
}

// row decodes one row into the reader's memory. Earlier rows keep the block
// they were cut from when a new one is begun.
func (r *PayloadReader) row(b []byte, width int) ([]value.Value, []byte, error) {
	if cap(r.rows)-len(r.rows) < width {
		r.rows = make([]value.Value, 0, max(width, min(2*cap(r.rows), 1<<16), 256))
	}
	at := len(r.rows)
	row, rest, err := value.ReadRow(r.rows[at:at:at+width], b, width)
	if err != nil {
		return nil, nil, ErrPayload
	}
	r.rows = r.rows[:at+width]
	return row, rest, nil
}

func bytesOf(b []byte) (s, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	return b[k : k+int(n)], b[k+int(n):], true
}
