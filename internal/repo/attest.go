package repo

import (
	"bytes"
	"context"
	"errors"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/store"
)

// attestEvery is how often the end of the log is signed while commits come. What
// is promised outside is 60 s; half a minute is left for a busy store.
const attestEvery = 15 * time.Second

// Where the newest checkpoint is kept: the public key, a line feed, the note.
const (
	attestOwner = "integrity"
	attestKey   = "checkpoint"
)

// The public log may be read by everybody: it tells how many commits there are,
// when they came, and salted digests that say nothing of what they hold.

// errForked tells that the log is not the one that was signed before.
var errForked = errors.New("repo: the log does not hold what its last checkpoint signed; it is not signed again")

// LogKey is the public key of the log, in the form of C2SP signed-note. Its name
// is the log's origin, which is another one after a restore.
func (r *Repository) LogKey() string { return r.signer.Verifier() }

// newSigner makes the key that signs the log of this epoch.
func newSigner(seed []byte, epoch string) (*proof.Key, error) {
	return proof.NewKey("huong.city/log/"+epoch, [32]byte(seed))
}

// attest signs the log's end from time to time.
func (r *Repository) attest(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := r.Attest(ctx); err != nil && problem.KindOf(err) != problem.NotFound && ctx.Err() == nil {
			r.log.Error("the log was not signed", "err", err)
		}
	}
}

// kept reads the newest checkpoint; raw is nil when there is none.
func (r *Repository) kept(ctx context.Context) (raw, signed []byte, key string, err error) {
	raw, err = r.Private(attestOwner).Get(ctx, attestKey)
	if err != nil || raw == nil {
		return nil, nil, "", err
	}
	line, note, _ := bytes.Cut(raw, []byte("\n"))
	return raw, note, string(line), nil
}

// Checkpoint returns the newest signed checkpoint; NotFound when there is none.
func (r *Repository) Checkpoint(ctx context.Context) ([]byte, error) {
	_, signed, key, err := r.kept(ctx)
	if err == nil && (signed == nil || key != r.LogKey()) {
		err = problem.New(problem.NotFound, "checkpoint-none")
	}
	return signed, err
}

// Attest signs the log as it is now and returns the checkpoint. It returns the
// newest one where nothing came since. A log that no longer holds what was
// signed before is not signed.
func (r *Repository) Attest(ctx context.Context) ([]byte, error) {
	for {
		raw, signed, key, err := r.kept(ctx)
		if err != nil {
			return nil, err
		}
		h, err := r.driver.Head(ctx)
		if err != nil {
			return nil, err
		}
		if h.Seq == 0 {
			return nil, problem.New(problem.NotFound, "checkpoint-none")
		}
		if raw != nil && key == r.LogKey() {
			before, err := proof.Open(signed, key)
			if err != nil {
				return nil, errors.Join(errForked, err)
			}
			if before.Size == h.Seq && before.Root == h.Root {
				return signed, nil
			}
			root, err := proof.RootAt(before.Size, r.hashes(ctx))
			if err != nil || before.Size > h.Seq || root != before.Root {
				return nil, errors.Join(errForked, err)
			}
		}
		note, err := r.signer.Sign(h.Seq, h.Root)
		if err != nil {
			return nil, err
		}
		err = r.Private(attestOwner).Swap(ctx, attestKey, raw, append([]byte(r.LogKey()+"\n"), note...))
		if !errors.Is(err, store.ErrStateMoved) {
			return note, err
		}
	}
}

func (r *Repository) hashes(ctx context.Context) proof.Hashes {
	return func(places []int64) ([]proof.Hash, error) { return r.driver.Hashes(ctx, places) }
}

// Tile returns a tile of the public log by what follows "tile/" in its path;
// whole tells that it will never have more. NotFound where the log has not got.
func (r *Repository) Tile(ctx context.Context, path string) (data []byte, whole bool, err error) {
	t, ok := proof.ParseTile(path)
	if !ok {
		return nil, false, problem.New(problem.NotFound, "log-not-there")
	}
	h, err := r.driver.Head(ctx)
	if err != nil {
		return nil, false, err
	}
	if !proof.TileHolds(t, h.Seq) {
		return nil, false, problem.New(problem.NotFound, "log-not-there")
	}
	whole = t.W == proof.TileWidth
	if t.L >= 0 {
		data, err = proof.TileData(t, r.hashes(ctx))
		return data, whole, err
	}
	first := t.N * proof.TileWidth
	err = r.driver.Log(ctx, store.LogRange{After: first, Upto: first + int64(t.W)}, func(e *commit.Entry) error {
		p := publicEntry(e)
		data = proof.AppendBundle(data, &p)
		return nil
	})
	return data, whole, err
}

func publicEntry(e *commit.Entry) proof.Entry {
	return proof.Entry{Seq: e.Seq, At: e.At, Header: e.HeaderDigest, Changes: e.ChangesDigest}
}

// Inclusion proves that a commit is in the log, by the newest checkpoint.
// NotFound when there is no such commit; Unavailable when no checkpoint covers
// it yet.
func (r *Repository) Inclusion(ctx context.Context, seq int64) (*proof.Inclusion, error) {
	h, err := r.driver.Head(ctx)
	if err != nil {
		return nil, err
	}
	if seq < 1 || seq > h.Seq {
		return nil, problem.New(problem.NotFound, "log-not-there")
	}
	_, signed, key, err := r.kept(ctx)
	if err != nil {
		return nil, err
	}
	var c proof.Checkpoint
	if key == r.LogKey() {
		if c, err = proof.Open(signed, key); err != nil {
			return nil, err
		}
	}
	if c.Size < seq {
		e := problem.New(problem.Unavailable, "checkpoint-none")
		e.RetryAfter = attestEvery
		return nil, e
	}
	var entry proof.Entry
	err = r.driver.Log(ctx, store.LogRange{After: seq - 1, Upto: seq}, func(e *commit.Entry) error {
		entry = publicEntry(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return proof.Prove(entry, c, signed, key, r.hashes(ctx))
}

// verifyAttested checks that the log holds what was signed.
func (r *Repository) verifyAttested(ctx context.Context, fn func(store.Fault) error) (faults int64, err error) {
	raw, signed, key, err := r.kept(ctx)
	if err != nil || raw == nil {
		return 0, err
	}
	c, err := proof.Open(signed, key)
	if err != nil {
		return 1, fn(store.Fault{Where: "checkpoint", What: "its signature does not hold"})
	}
	root, err := proof.RootAt(c.Size, r.hashes(ctx))
	if problem.KindOf(err) == problem.NotFound || err == nil && root != c.Root {
		return 1, fn(store.Fault{Where: "checkpoint", Seq: c.Size, What: "the log is not the one that was signed"})
	}
	return 0, err
}
