package repo

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Cursors are opaque to clients. A page cursor holds a fingerprint of its query
// and the position of the last record seen, with how many personal records were
// read on the way to it; a change cursor holds the epoch and
// the seq. A page cursor is sealed, for the position may hold what its reader may
// not see, and a reader could ask for any other. Both are checked, and what they
// carry is bound as values, never pasted.
const (
	changeCursor = 2
	pageCursor   = 3
	cursorLimit  = 8 << 10
)

func (r *Repository) encodeCursor(q Query, after []value.Value, so trail) string {
	b := []byte{pageCursor}
	b = binary.LittleEndian.AppendUint64(b, fingerprint(q))
	b = binary.LittleEndian.AppendUint64(b, uint64(so.rows))
	b = append(binary.AppendUvarint(b, uint64(len(so.release))), so.release...)
	b = value.AppendRow(b, after)
	return base64.RawURLEncoding.EncodeToString(r.keys.seal(b))
}

func (r *Repository) decodeCursor(q Query, width int) ([]value.Value, trail, error) {
	bad := problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("cursor-invalid", "cursor")})
	if len(q.Cursor) > cursorLimit {
		return nil, trail{}, bad
	}
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return nil, trail{}, bad
	}
	b, ok := r.keys.open(b)
	if !ok || len(b) < 18 || b[0] != pageCursor {
		return nil, trail{}, bad
	}
	if binary.LittleEndian.Uint64(b[1:]) != fingerprint(q) {
		return nil, trail{}, problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("cursor-other-query", "cursor")})
	}
	so := trail{rows: int64(binary.LittleEndian.Uint64(b[9:]))}
	n, size := binary.Uvarint(b[17:])
	if size <= 0 || n > uint64(len(b)-17-size) {
		return nil, trail{}, bad
	}
	b = b[17+size:]
	so.release = string(b[:n])
	row, rest, err := value.ReadRow(nil, b[n:], width)
	if err != nil || len(rest) > 0 {
		return nil, trail{}, bad
	}
	return row, so, nil
}

// fingerprint identifies what a page cursor belongs to: everything of the query
// but its limit, its fields and the cursor itself.
func fingerprint(q Query) uint64 {
	h := fnv.New64a()
	filter := ""
	if q.Filter != nil {
		filter = cql2.Text(q.Filter)
	}
	fmt.Fprintf(h, "%q %q %v %q %v %v %d %v", q.Dataset, filter, q.BBox == nil, q.Area, q.From, q.Until, q.AsOf, q.Sort)
	if q.BBox != nil {
		fmt.Fprint(h, *q.BBox)
	}
	return h.Sum64()
}

// position is the place of a row in a query's order.
func position(q store.Query, row []value.Value) []value.Value {
	var after []value.Value
	for _, s := range q.Sort {
		after = append(after, row[s.Column])
	}
	return cloneRow(q.Table.KeyOf(after, row))
}

// FormatCursor writes a change cursor.
func (*Repository) FormatCursor(p commit.Position) string {
	b := []byte{changeCursor}
	b = binary.AppendUvarint(b, uint64(p.Seq))
	b = append(b, p.Epoch...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads a change cursor and refuses one of another epoch with Gone:
// a backup was restored since, and the reader must start anew.
func (r *Repository) ParseCursor(s string) (commit.Position, error) {
	bad := problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("cursor-invalid", "cursor")})
	if len(s) > cursorLimit {
		return commit.Position{}, bad
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != changeCursor {
		return commit.Position{}, bad
	}
	seq, n := binary.Uvarint(b[1:])
	if n <= 0 || seq > 1<<62 {
		return commit.Position{}, bad
	}
	p := commit.Position{Epoch: string(b[1+n:]), Seq: int64(seq)}
	if head := r.head.current(); p.Epoch != head.Epoch {
		return p, problem.New(problem.Gone, "cursor-other-epoch")
	} else if p.Seq > head.Seq {
		return p, bad
	}
	return p, nil
}

// Position is where the log ends now, as a change cursor needs it.
func (r *Repository) Position() commit.Position { return r.head.current().Position }
