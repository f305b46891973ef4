package attachment_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"image/png"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/store/sqlite"
)

func TestTheOriginalStaysAndTheCopyIsAnother(t *testing.T) {
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: func() time.Time { return time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	e, err := r.Entry(repo.Internal(), repo.SystemAgency)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]value.Value, e.Table.Width())
	for field, s := range map[string]string{"code": "cath", "name": "Công an"} {
		i, _, _, _ := e.Table.Property(field)
		row[i] = value.OfText(s)
	}
	if _, err := r.Commit(t.Context(), repo.Internal(), &commit.Request{Changes: []commit.Change{{Dataset: repo.SystemAgency, Op: commit.Put, Row: row}}}); err != nil {
		t.Fatal(err)
	}
	k := attachment.New(attachment.Config{Repo: r, Random: rand.Reader,
		MayAttach: map[string]func(repo.Principal) bool{repo.SystemAgency: func(p repo.Principal) bool { return p.Agency != "" }}})
	an := repo.Principal{Name: "an", Agency: "cath"}
	original, err := k.Keep(t.Context(), an, repo.SystemAgency, "cath", "hien truong.png", noisy(t, 60, 40))
	if err != nil {
		t.Fatal(err)
	}
	_, before, err := k.Open(t.Context(), an, original.ID)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := k.Redact(t.Context(), an, original.ID, []attachment.Box{{X: 5, Y: 5, Width: 20, Height: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if copied.ID == original.ID || copied.Digest == original.Digest || copied.Key != "cath" || copied.Name != "hien truong-che.png" || copied.Width != 60 {
		t.Errorf("the copy: %+v", copied)
	}
	_, after, err := k.Open(t.Context(), an, original.ID)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the original changed: %v", err)
	}
	_, content, err := k.Open(t.Context(), an, copied.ID)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, _ := m.At(10, 10).RGBA(); r+g+b != 0 {
		t.Errorf("under the box: %d %d %d", r, g, b)
	}
	// Nobody blackens what they may not see or add to.
	if _, err := k.Redact(t.Context(), repo.Public(), original.ID, []attachment.Box{{Width: 1, Height: 1}}); problem.KindOf(err) != problem.Denied && problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("by the public: %v", err)
	}
	if _, err := k.Redact(t.Context(), an, "f00", []attachment.Box{{Width: 1, Height: 1}}); problem.As(err).Code != "file-unknown" {
		t.Errorf("of nothing: %v", err)
	}
}
