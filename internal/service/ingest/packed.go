package ingest

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"io"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"huong.city/huong/internal/core/problem"
)

// counter counts the bytes read through it; other goroutines may look.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// countedAt counts random reads of a file.
type countedAt struct {
	f *os.File
	c *counter
}

func (c *countedAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.f.ReadAt(p, off)
	c.c.n.Add(int64(n))
	return n, err
}

// guard stops unpacking when far more comes out than went in: a packed bomb.
// Size alone is no sign, so only the ratio counts, once Floor bytes came out.
type guard struct {
	r      io.Reader
	packed *counter // bytes that went in, when they can be counted
	size   int64    // else: the packed size that the archive states
	total  int64    // most bytes that may come out; 0 for no limit
	out    int64
	limits Limits
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.out += int64(n)
	in := g.size
	if g.packed != nil {
		in = g.packed.n.Load()
	}
	if g.out > g.limits.Floor && g.out/max(in, 1) > g.limits.Ratio {
		return n, problem.New(problem.TooLarge, "intake-bomb", "ratio", g.limits.Ratio)
	}
	if g.total > 0 && g.out > g.total {
		return n, problem.New(problem.TooLarge, "too-large", "limit", bytesText(g.total))
	}
	return n, err
}

// unpackError gives the faults of packed data their own words.
func unpackError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, zip.ErrChecksum),
		errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrAlgorithm), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &corrupt):
		if _, ok := errors.AsType[*problem.Error](err); !ok {
			return problem.Wrap(err, problem.Invalid, "intake-packed")
		}
	}
	return err
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return strconv.FormatInt(n>>30, 10) + " GiB"
	case n >= 1<<20:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n, 10) + " B"
}
