package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// A file may contradict itself: two rows of one key with different values, of
// which the later one stands in the end. Importing such a file again would go
// through the same back and forth. So a run remembers the digest of each file,
// and where a file was imported before and made corrections then, rows that say
// no more than what the same file said before are no news.

// digestOf is the SHA-256 of a file as stored.
func digestOf(ctx context.Context, f File) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &cancelReader{ctx, r}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// cancelReader ends with ctx.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// told is when a file was imported before: its commits lie in these spans.
type told struct {
	source string
	spans  [][2]int64 // commit times, µs, both ends included
}

// toldBefore looks for earlier imports of the same file into the dataset; nil
// when there is none that made corrections.
func toldBefore(ctx context.Context, l *loader, digest, source string) (*told, error) {
	name := func(n string) cql2.Expr { return &cql2.Prop{Name: n, Column: -1} }
	q := repo.Query{Dataset: repo.SystemImport, Filter: &cql2.Call{Op: "and", Args: []cql2.Expr{
		oneOf("dataset", []string{l.entry.Dataset.Name}),
		&cql2.Call{Op: ">", Args: []cql2.Expr{name("updated"), &cql2.Lit{Value: value.OfInt(0)}}},
	}}}
	var t *told
	_, err := l.repo.Read(ctx, l.principal, q, func(rec repo.Record) error {
		var digests map[string]string
		json.Unmarshal([]byte(textOf(rec, "digests")), &digests)
		for _, d := range digests {
			if d != digest {
				continue
			}
			if t == nil {
				t = &told{source: source}
			}
			t.spans = append(t.spans, [2]int64{microsOf(rec, "startedAt", 0), microsOf(rec, "finishedAt", 1<<62)})
		}
		return nil
	})
	return t, err
}

func microsOf(rec repo.Record, field string, none int64) int64 {
	if i, _, _, ok := rec.Entry.Table.Property(field); ok && !rec.Values[i].IsNull() {
		return rec.Values[i].Micros()
	}
	return none
}

// repeats tells whether a row only says again what this file said before and
// has itself corrected since. It compares whole records, whatever the importer
// may see of them, and tells no more than that nothing changes.
func (l *loader) repeats(ctx context.Context, row []value.Value) (bool, error) {
	key := l.entry.Table.KeyOf(nil, row)
	now, err := l.repo.Get(ctx, repo.Internal(), l.entry.Dataset.Name, key, 0)
	switch {
	case problem.KindOf(err) == problem.NotFound && err != nil:
		return false, nil
	case err != nil:
		return false, err
	case l.sameFields(now.Values, row):
		return false, nil // the repository finds it unchanged by itself
	}
	found := false
	_, err = l.repo.History(ctx, repo.Internal(), l.entry.Dataset.Name, key, func(v store.Version) error {
		if found || v.Values == nil || !l.sameFields(v.Values, row) {
			return nil
		}
		return l.repo.Log(ctx, repo.Internal(), repo.LogQuery{After: v.Seq - 1, Limit: 1}, func(e *commit.Entry) error {
			found = e.Seq == v.Seq && e.Source == l.told.source && slices.ContainsFunc(l.told.spans, func(s [2]int64) bool {
				return s[0] <= e.At && e.At <= s[1]
			})
			return nil
		})
	})
	return found, err
}

// sameFields compares what is declared; derived columns follow from it.
func (l *loader) sameFields(a, b []value.Value) bool {
	for i := range l.entry.Table.Columns {
		if !l.entry.Table.Columns[i].Derived && a[i] != b[i] {
			return false
		}
	}
	return true
}

// sift takes the rows out of a run that are no news and counts them.
func (l *loader) sift(ctx context.Context, b *batch, run []int) ([]int, error) {
	if l.told == nil {
		return run, nil
	}
	news := run[:0]
	for _, i := range run {
		old, err := l.repeats(ctx, b.rows[i])
		if err != nil {
			return nil, err
		}
		if !old {
			news = append(news, i)
			continue
		}
		l.sum.Read++
		l.sum.Unchanged++
	}
	return news, nil
}
