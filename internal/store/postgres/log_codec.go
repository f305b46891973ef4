package postgres

import (
	"errors"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

// A log entry keeps store.Payload's bytes; a leading byte tells whether they
// are compressed.
const (
	plain      = 0
	compressed = 1

	compressFrom = 1 << 10   // smaller payloads gain less than the frame costs
	maxPayload   = 512 << 20 // bytes of one commit's changes; PostgreSQL holds 1 GB in a cell
)

var errPayload = errors.New("postgres: malformed log payload")

type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxPayload))
	if err != nil {
		return nil, err
	}
	return &codec{enc, dec}, nil
}

// pack makes the stored form of a payload.
func (c *codec) pack(b []byte) []byte {
	if len(b) >= compressFrom {
		if z := c.enc.EncodeAll(b, append(make([]byte, 0, len(b)/2), compressed)); len(z) < len(b) {
			return z
		}
	}
	return append(append(make([]byte, 0, len(b)+1), plain), b...)
}

// unpack reverses pack. The result is memory of its own.
func (c *codec) unpack(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errPayload
	}
	switch b[0] {
	case plain:
		return append([]byte{}, b[1:]...), nil
	case compressed:
		return c.dec.DecodeAll(b[1:], nil)
	}
	return nil, errPayload
}

// touched counts the changes of an entry per dataset, in the order of their
// first change.
type touched struct {
	names  []string
	counts []int
}

func (t *touched) add(dataset string, n int) {
	t.names, t.counts = append(t.names, dataset), append(t.counts, n)
}

// String is the stored form, a JSON object; dataset names need no escapes.
func (t *touched) String() string {
	b := []byte{'{'}
	for i, n := range t.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, n)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(t.counts[i]), 10)
	}
	return string(append(b, '}'))
}

// parseTouched reads the form that String writes.
func parseTouched(s string) (t touched, err error) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return t, errPayload
	}
	for s = s[1:]; s != "}"; {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return t, errPayload
		}
		name, err := strconv.Unquote(quoted)
		s = s[len(quoted):]
		if err != nil || len(s) == 0 || s[0] != ':' {
			return t, errPayload
		}
		end := 1
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(s[1:end])
		if err != nil || end == len(s) {
			return t, errPayload
		}
		t.add(name, n)
		if s = s[end:]; s[0] == ',' {
			s = s[1:]
		} else if s != "}" {
			return t, errPayload
		}
	}
	return t, nil
}
