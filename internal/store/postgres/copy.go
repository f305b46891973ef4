package postgres

import (
	"encoding/binary"
	"io"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// copyRows is a batch in COPY's binary format, made while it is read: version,
// the end of the version where there is one, every column.
type copyRows struct {
	t     *dataset.Table
	batch batchOf
	next  int
	buf   []byte
	at    int // what of buf was read
	ended bool
}

// copySignature begins the format: a signature, flags, length of an extension.
const copySignature = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// copyBlock is about how many bytes are made at a time.
const copyBlock = 8 << 10

func newCopyRows(t *dataset.Table, b batchOf) *copyRows {
	return &copyRows{t: t, batch: b, buf: append(make([]byte, 0, copyBlock+copyBlock/2), copySignature...)}
}

// Read implements io.Reader.
func (c *copyRows) Read(p []byte) (int, error) {
	n := 0
	for {
		k := copy(p[n:], c.buf[c.at:])
		n, c.at = n+k, c.at+k
		switch {
		case n == len(p):
			return n, nil
		case c.ended:
			return n, io.EOF
		}
		c.fill()
	}
}

// fill makes the next block, when the one before was read.
func (c *copyRows) fill() {
	c.buf, c.at = c.buf[:0], 0
	for c.next < len(c.batch.rows) && len(c.buf) < copyBlock {
		c.row(c.next)
		c.next++
	}
	if c.next == len(c.batch.rows) {
		c.buf = append(c.buf, 0xff, 0xff)
		c.ended = true
	}
}

// row appends one row: how many fields, each with its length before it.
func (c *copyRows) row(i int) {
	width := c.t.Width()
	fields := width + 1
	if c.batch.untils != nil {
		fields++
	}
	b := binary.BigEndian.AppendUint16(c.buf, uint16(fields))
	b = binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(c.batch.versions[i]))
	if c.batch.untils != nil {
		b = binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(c.batch.untils[i]))
	}
	row := c.batch.rows[i]
	for col := range width {
		b = appendSized(b, cell(row, col))
	}
	c.buf = b
}

// appendSized appends a value in binary format after its length; null is a
// length of -1. A geometry travels as it is: its column adds its own SRID.
func appendSized(b []byte, v value.Value) []byte {
	if v.IsNull() {
		return append(b, 255, 255, 255, 255)
	}
	start := len(b)
	b = appendWire(append(b, 0, 0, 0, 0), v)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}
