package attachment_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"image"
	"image/jpeg"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/store/sqlite"
)

// A file may come before its record, for who holds the key alone; it is the
// record's from then on, and nobody's when the record never comes.
func TestFilesThatComeAhead(t *testing.T) {
	now := time.Date(2025, 10, 27, 1, 0, 0, 0, time.UTC)
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	public := map[string]bool{}
	k := attachment.New(attachment.Config{Repo: r, Random: rand.Reader, Ahead: []string{"report"}, MayOpen: map[string]func(context.Context, repo.Principal, attachment.File) error{
		"report": func(_ context.Context, _ repo.Principal, f attachment.File) error {
			if f.Key == "r1" && public[f.ID] {
				return nil
			}
			return problem.New(problem.NotFound, "file-unknown")
		}}})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 300, 200)), nil); err != nil {
		t.Fatal(err)
	}
	const key = "upload-0123456789abcdef"
	send := func() attachment.File {
		f, err := k.BeginAhead(t.Context(), "report", key, "a.jpg", int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		half := int64(b.Len() / 2)
		if _, err = k.AppendAhead(t.Context(), key, f.ID, 0, bytes.NewReader(b.Bytes()[:half])); err != nil {
			t.Fatal(err)
		}
		if _, err := k.UploadAhead(t.Context(), "upload-of-somebody-else", f.ID); problem.KindOf(err) != problem.NotFound {
			t.Errorf("somebody else goes on with it: %v", err)
		}
		if f, err = k.UploadAhead(t.Context(), key, f.ID); err != nil || f.Offset != half {
			t.Errorf("%+v %v", f, err)
		}
		if f, err = k.AppendAhead(t.Context(), key, f.ID, half, bytes.NewReader(b.Bytes()[half:])); err != nil || !f.Done() {
			t.Fatalf("%+v %v", f, err)
		}
		return f
	}
	kept, lost := send(), send()
	for range 2 {
		if err := k.Adopt(t.Context(), kept.ID, key, "r1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Adopt(t.Context(), kept.ID, key, "r2"); problem.KindOf(err) != problem.NotFound {
		t.Errorf("taken from its record: %v", err)
	}
	_, _, err = k.Open(t.Context(), repo.Public(), kept.ID)
	if problem.KindOf(err) != problem.NotFound {
		t.Errorf("opened before it is public: %v", err)
	}
	public[kept.ID], public[lost.ID] = true, true
	now = now.Add(25 * time.Hour)
	if err := k.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f, content, err := k.Open(t.Context(), repo.Public(), kept.ID); err != nil || f.Key != "r1" || len(content) == 0 {
		t.Errorf("%+v %v", f, err)
	}
	if _, err := k.Describe(t.Context(), lost.ID); problem.KindOf(err) != problem.NotFound {
		t.Errorf("an orphan stays: %v", err)
	}
	if _, err := k.BeginAhead(t.Context(), "incident", key, "a.jpg", 10); problem.KindOf(err) != problem.NotFound {
		t.Errorf("ahead of a record that takes none: %v", err)
	}
}
