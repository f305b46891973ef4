package attachment

import (
	"context"
	"io"
	"slices"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// uploader is the principal of who sends files before there is a record: nobody
// but the holder of the key knows its name.
func uploader(key string) repo.Principal { return repo.Principal{Name: key} }

// BeginAhead announces a file of a record that is yet to come. key is a secret of
// who will make the record; it stands for the record until Adopt.
func (k *Keeper) BeginAhead(ctx context.Context, dataset, key, name string, size int64) (File, error) {
	if !slices.Contains(k.ahead, dataset) || len(key) < 16 {
		return File{}, problem.New(problem.NotFound, "file-record")
	}
	return k.announce(ctx, key, dataset, key, name, size)
}

// UploadAhead and AppendAhead are Upload and Append for such a file.
func (k *Keeper) UploadAhead(ctx context.Context, key, id string) (File, error) {
	return k.Upload(ctx, uploader(key), id)
}

// AppendAhead takes the next part; see Append.
func (k *Keeper) AppendAhead(ctx context.Context, key, id string, offset int64, part io.Reader) (File, error) {
	return k.Append(ctx, uploader(key), id, offset, part)
}

// Adopt gives a file that came ahead to its record. Nothing happens when it has it
// already; NotFound for a file of anything else.
func (k *Keeper) Adopt(ctx context.Context, id, ahead, key string) error {
	f, raw, err := k.read(ctx, id)
	switch {
	case err != nil:
		return err
	case f.Done() && f.Key == key:
		return nil
	case !f.Done() || f.Key != ahead || !slices.Contains(k.ahead, f.Dataset):
		return problem.New(problem.NotFound, "file-unknown")
	}
	f.Key = key
	return k.swap(ctx, raw, &f)
}

// orphan tells of a file that came ahead and was not adopted.
func (k *Keeper) orphan(f *File) bool { return f.By == f.Key && slices.Contains(k.ahead, f.Dataset) }
