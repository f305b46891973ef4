// Package attachment keeps the files that belong to records: photos and PDF
// documents. A file is known by what is in it (a content is kept once), is of
// an allowed type by its own bytes rather than by its name, and is kept without
// what it tells beside the picture: where and when it was taken, by which
// device, of whom. Files lie in the private state of the database, in pieces, so
// that both stores and every backup have them. They arrive in parts that can be
// resumed where the line broke, and are read by those alone who see the record.
package attachment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Limits of a file.
const (
	MaxBytes  = 20 << 20   // of a file
	MaxPixels = 64_000_000 // of a picture: 8,000 by 8,000
	maxName   = 200        // characters
	piece     = 256 << 10  // bytes kept under one key
	// keepUnfinished is how long an upload may rest before it is deleted.
	keepUnfinished = 24 * time.Hour
)

// Config is what a Keeper needs.
type Config struct {
	Repo   *repo.Repository
	Random io.Reader
	// MayAttach tells, by dataset, who may put a file to a record that they see;
	// datasets that are not named take none.
	MayAttach map[string]func(p repo.Principal) bool
	// MayOpen decides, by dataset, who may open a file, where that is not everybody
	// who sees the record: an error, or nil.
	MayOpen map[string]func(ctx context.Context, p repo.Principal, f File) error
	// Ahead are datasets whose files may come before the record does (BeginAhead).
	Ahead []string
}

// Keeper keeps files. It is safe for concurrent use, by several processes too.
type Keeper struct {
	repo  *repo.Repository
	state repo.Private
	may   map[string]func(p repo.Principal) bool
	open  map[string]func(ctx context.Context, p repo.Principal, f File) error
	ahead []string

	turn   sync.Mutex // random need not be safe for concurrent use
	random io.Reader
}

// New makes a keeper.
func New(c Config) *Keeper {
	return &Keeper{repo: c.Repo, state: c.Repo.Private("attachment"), random: c.Random, may: c.MayAttach, open: c.MayOpen, ahead: c.Ahead}
}

// File is a file of a record.
type File struct {
	ID            string `json:"id"`
	Dataset       string `json:"dataset"`
	Key           string `json:"key"` // of the record
	Name          string `json:"name"`
	Media         string `json:"media,omitempty"`
	Size          int64  `json:"size"` // announced, then as it is kept
	Width, Height int    `json:",omitempty"`
	Digest        string `json:"digest,omitempty"` // SHA-256 of what is kept; "" while it arrives
	By            string `json:"by"`
	At            int64  `json:"at"` // µs
	Offset        int64  `json:"offset"`
}

// Done tells whether the file has arrived whole.
func (f *File) Done() bool { return f.Digest != "" }

func metaKey(id string) string           { return "file/" + id }
func partKey(id string, n int64) string  { return fmt.Sprintf("part/%s/%06d", id, n) }
func blobKey(sum string, n int64) string { return fmt.Sprintf("blob/%s/%06d", sum, n) }

// Begin announces a file of a record that p sees and may put files to. Its name
// is for people and says nothing of its type.
func (k *Keeper) Begin(ctx context.Context, p repo.Principal, dataset, key, name string, size int64) (File, error) {
	may := k.may[dataset]
	if may == nil {
		return File{}, problem.New(problem.NotFound, "file-record")
	}
	if err := k.sees(ctx, p, dataset, key); err != nil {
		return File{}, err
	}
	if p.Name == "" || !may(p) {
		return File{}, problem.New(problem.Denied, "file-denied")
	}
	return k.announce(ctx, p.Name, dataset, key, name, size)
}

// announce notes a file that is to come.
func (k *Keeper) announce(ctx context.Context, by, dataset, key, name string, size int64) (File, error) {
	switch {
	case size <= 0:
		return File{}, problem.InvalidWith("file-invalid", []problem.Violation{problem.Violate("file-empty", "size")})
	case size > MaxBytes:
		return File{}, problem.New(problem.TooLarge, "file-large", "limit", MaxBytes>>20)
	}
	b := make([]byte, 16)
	k.turn.Lock()
	_, err := io.ReadFull(k.random, b)
	k.turn.Unlock()
	if err != nil {
		return File{}, err
	}
	f := File{ID: "f" + hex.EncodeToString(b), Dataset: dataset, Key: key, Name: tidy(name), Size: size, By: by, At: k.repo.Now().UnixMicro()}
	return f, k.swap(ctx, nil, &f)
}

// tidy keeps a file's name short and free of paths and control characters.
func tidy(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, name)
	if r := []rune(strings.TrimSpace(name)); len(r) > maxName {
		name = string(r[:maxName])
	}
	return strings.TrimSpace(name)
}

// sees checks that p may read the record that a file belongs to.
func (k *Keeper) sees(ctx context.Context, p repo.Principal, dataset, key string) error {
	e, err := k.repo.Entry(p, dataset)
	if err != nil {
		return err
	}
	parts, err := record.ParseKey(e.Schema, key)
	if err != nil {
		return problem.New(problem.NotFound, "file-record")
	}
	_, err = k.repo.Get(ctx, p, dataset, parts, 0)
	return err
}

func (k *Keeper) read(ctx context.Context, id string) (File, []byte, error) {
	raw, err := k.state.Get(ctx, metaKey(id))
	if err != nil {
		return File{}, nil, err
	}
	var f File
	if raw == nil || json.Unmarshal(raw, &f) != nil {
		return File{}, nil, problem.New(problem.NotFound, "file-unknown")
	}
	return f, raw, nil
}

// swap writes what is known of a file where it still is as it was read, with puts.
func (k *Keeper) swap(ctx context.Context, old []byte, f *File, puts ...store.StatePut) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	err = k.state.Swap(ctx, metaKey(f.ID), old, b, puts...)
	if errors.Is(err, store.ErrStateMoved) {
		return problem.New(problem.Conflict, "file-moved")
	}
	return err
}

// mine reads an upload that p began and may go on with.
func (k *Keeper) mine(ctx context.Context, p repo.Principal, id string) (File, []byte, error) {
	f, raw, err := k.read(ctx, id)
	if err == nil && (p.Name == "" || f.By != p.Name) {
		return File{}, nil, problem.New(problem.NotFound, "file-unknown")
	}
	return f, raw, err
}

// Upload tells how far an upload of p's has come.
func (k *Keeper) Upload(ctx context.Context, p repo.Principal, id string) (File, error) {
	f, _, err := k.mine(ctx, p, id)
	return f, err
}

// Append takes the next part of an upload of p's, from where it stands: Conflict
// file-offset, with the right one, when offset is another. What has arrived is
// kept at every piece, so that a broken line loses less than one. With the last
// byte the file is looked at, cleaned and kept: Invalid when its type is not
// allowed or it cannot be read; it is gone then.
func (k *Keeper) Append(ctx context.Context, p repo.Principal, id string, offset int64, r io.Reader) (File, error) {
	f, raw, err := k.mine(ctx, p, id)
	switch {
	case err != nil:
		return f, err
	case f.Done() || f.Offset != offset:
		return f, problem.New(problem.Conflict, "file-offset", "offset", f.Offset)
	}
	// A piece that is not full yet is read again and written whole.
	var part []byte
	if f.Offset%piece != 0 {
		if part, err = k.state.Get(ctx, partKey(id, f.Offset/piece)); err != nil {
			return f, err
		}
	}
	for f.Offset < f.Size {
		buffer := make([]byte, min(piece-f.Offset%piece, f.Size-f.Offset))
		n, fault := io.ReadFull(r, buffer)
		if n > 0 {
			at := f.Offset / piece
			part = append(part, buffer[:n]...)
			next := f
			next.Offset += int64(n)
			if err := k.swap(ctx, raw, &next, store.StatePut{Key: partKey(id, at), Value: part}); err != nil {
				return f, err
			}
			f = next
			raw, _ = json.Marshal(&f)
			if f.Offset%piece == 0 {
				part = nil
			}
		}
		if fault != nil {
			if errors.Is(fault, io.EOF) || errors.Is(fault, io.ErrUnexpectedEOF) {
				break
			}
			return f, problem.Wrap(fault, problem.Invalid, "file-broken")
		}
	}
	if f.Offset < f.Size {
		return f, nil
	}
	if n, _ := r.Read(make([]byte, 1)); n > 0 {
		return f, problem.New(problem.TooLarge, "file-longer")
	}
	return k.finish(ctx, f, raw)
}

// finish looks at a file that has arrived, cleans it, and keeps it by its content.
func (k *Keeper) finish(ctx context.Context, f File, raw []byte) (File, error) {
	content := make([]byte, 0, f.Size)
	err := k.state.Each(ctx, "part/"+f.ID+"/", func(_ string, b []byte) error {
		content = append(content, b...)
		return nil
	})
	if err != nil {
		return f, err
	}
	var gone []store.StatePut
	for n := int64(0); n*piece < f.Size; n++ {
		gone = append(gone, store.StatePut{Key: partKey(f.ID, n)})
	}
	clean, err := Clean(content)
	if err != nil {
		return f, errors.Join(err, k.state.Put(ctx, append(gone, store.StatePut{Key: metaKey(f.ID)})...))
	}
	sum := sha256.Sum256(clean.Content)
	f.Digest, f.Media, f.Size, f.Width, f.Height, f.Offset = hex.EncodeToString(sum[:]), clean.Media, int64(len(clean.Content)), clean.Width, clean.Height, int64(len(clean.Content))
	if f.Name == "" {
		f.Name = "tep" + extension(f.Media)
	}
	puts := gone
	for n := int64(0); n*piece < f.Size; n++ {
		puts = append(puts, store.StatePut{Key: blobKey(f.Digest, n), Value: clean.Content[n*piece : min(f.Size, (n+1)*piece)]})
	}
	return f, k.swap(ctx, raw, &f, puts...)
}

// Keep takes a whole file at once.
func (k *Keeper) Keep(ctx context.Context, p repo.Principal, dataset, key, name string, content []byte) (File, error) {
	f, err := k.Begin(ctx, p, dataset, key, name, int64(len(content)))
	if err != nil {
		return f, err
	}
	return k.Append(ctx, p, f.ID, 0, strings.NewReader(string(content)))
}

// Describe tells about a file that has arrived, to other parts of Huong.
func (k *Keeper) Describe(ctx context.Context, id string) (File, error) {
	f, _, err := k.read(ctx, id)
	if err == nil && !f.Done() {
		err = problem.New(problem.NotFound, "file-unknown")
	}
	return f, err
}

// Open returns a file of a record that p sees, and its content. NotFound for
// whoever does not see the record.
func (k *Keeper) Open(ctx context.Context, p repo.Principal, id string) (File, []byte, error) {
	f, err := k.Describe(ctx, id)
	if err != nil {
		if p.Name == "" && problem.KindOf(err) == problem.NotFound {
			err = problem.New(problem.Unauthenticated, "unauthenticated")
		}
		return File{}, nil, err
	}
	may := func() error { return k.sees(ctx, p, f.Dataset, f.Key) }
	if own := k.open[f.Dataset]; own != nil {
		may = func() error { return own(ctx, p, f) }
	}
	if err := may(); err != nil {
		if problem.KindOf(err) == problem.NotFound {
			err = problem.New(problem.NotFound, "file-unknown")
		}
		return File{}, nil, err
	}
	content := make([]byte, 0, f.Size)
	err = k.state.Each(ctx, "blob/"+f.Digest+"/", func(_ string, b []byte) error {
		content = append(content, b...)
		return nil
	})
	if err != nil {
		return File{}, nil, err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != f.Digest {
		return File{}, nil, fmt.Errorf("attachment: the content of %s is not what was kept", f.ID)
	}
	return f, content, nil
}

// Sweep deletes uploads that nobody has gone on with, and files that came ahead of
// records which never came.
func (k *Keeper) Sweep(ctx context.Context) error {
	limit := k.repo.Now().Add(-keepUnfinished).UnixMicro()
	var old []File
	err := k.state.Each(ctx, "file/", func(_ string, b []byte) error {
		var f File
		if json.Unmarshal(b, &f) == nil && (!f.Done() || k.orphan(&f)) && f.At < limit {
			old = append(old, f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range old {
		gone := []store.StatePut{{Key: metaKey(f.ID)}}
		for n := int64(0); n*piece < f.Size; n++ {
			gone = append(gone, store.StatePut{Key: partKey(f.ID, n)})
		}
		if err := k.state.Put(ctx, gone...); err != nil {
			return err
		}
	}
	return nil
}
