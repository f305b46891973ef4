package record

import "huong.city/huong/internal/core/value"

// ReadObject decodes and checks the one JSON object that b holds, as JSONReader
// does, for a caller who has many small bodies rather than a large one. ok is
// false when anything is amiss: JSONReader tells what. The row keeps nothing of
// b. ReadObject is safe for concurrent use.
func (s *Schema) ReadObject(b []byte) (row []value.Value, ok bool) {
	at := space(b, 0)
	if len(b) > defaultMaxRow || at == len(b) || b[at] != '{' {
		return nil, false
	}
	d, _ := s.decoders.Get().(*decoder)
	if d == nil {
		d = newDecoder(s, nil)
	}
	// No text is longer than how it is written, so one chunk holds them all.
	d.text = &texts{chunk: make([]byte, 0, len(b))}
	row = make([]value.Value, len(s.columns))
	end, ok := d.object(b, at, row)
	ok = ok && space(b, end) == len(b) && len(d.vs) == 0 && len(s.Check(row, nil)) == 0
	d.text = nil
	s.decoders.Put(d)
	return row, ok
}
