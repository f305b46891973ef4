package attachment_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	mrand "math/rand/v2"
	"os"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/postgres/pgtest"
	"huong.city/huong/internal/store/sqlite"
)

var cluster = pgtest.New(pgtest.Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

// noisy is a picture that does not compress: of many pieces.
func noisy(t testing.TB, w, h int) []byte {
	t.Helper()
	random := mrand.New(mrand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := random.Uint32()
			m.Set(x, y, color.RGBA{byte(v), byte(v >> 8), byte(v >> 16), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// breaking is a line that breaks after some bytes.
type breaking struct {
	r    io.Reader
	left int
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errors.New("the line broke")
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func TestAnUploadGoesOnWhereTheLineBroke(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (store.Driver, error){
		"sqlite": func(t *testing.T) (store.Driver, error) { return sqlite.Open(t.TempDir(), sqlite.Options{}) },
		"postgres": func(t *testing.T) (store.Driver, error) {
			return postgres.Open(t.Context(), cluster.Database(t), postgres.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
			r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: func() time.Time { return now }})
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
			keeper := func() *attachment.Keeper {
				return attachment.New(attachment.Config{Repo: r, Random: rand.Reader, MayAttach: map[string]func(repo.Principal) bool{
					repo.SystemAgency: func(p repo.Principal) bool { return p.Agency != "" }}})
			}
			an, binh := repo.Principal{Name: "an", Agency: "cath"}, repo.Principal{Name: "binh", Agency: "cath"}
			content := noisy(t, 700, 500)
			f, err := keeper().Begin(t.Context(), an, repo.SystemAgency, "cath", "a.png", int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			random := mrand.New(mrand.NewPCG(3, 4))
			parts := 0
			for !f.Done() {
				k := keeper() // nothing is remembered between parts
				if f, err = k.Upload(t.Context(), an, f.ID); err != nil {
					t.Fatal(err)
				}
				if _, err := k.Append(t.Context(), an, f.ID, f.Offset+1, bytes.NewReader(content)); problem.As(err).Code != "file-offset" {
					t.Fatalf("from elsewhere: %v", err)
				}
				if _, err := k.Append(t.Context(), binh, f.ID, f.Offset, bytes.NewReader(content)); problem.As(err).Code != "file-unknown" {
					t.Fatalf("by somebody else: %v", err)
				}
				line := &breaking{bytes.NewReader(content[f.Offset:]), 1 + random.IntN(200_000)}
				if f, err = k.Append(t.Context(), an, f.ID, f.Offset, line); err != nil && problem.As(err).Code != "file-broken" {
					t.Fatal(err)
				}
				if parts++; parts > 200 {
					t.Fatal("it never ends")
				}
			}
			if _, got, err := keeper().Open(t.Context(), binh, f.ID); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes of %d came, %v", len(got), len(content), err)
			}
			if parts < 5 {
				t.Errorf("only %d parts: the test says too little", parts)
			}
			var left int
			r.Private("attachment").Each(t.Context(), "part/", func(string, []byte) error { left++; return nil })
			if left > 0 {
				t.Errorf("%d pieces of the upload are left", left)
			}
			// What nobody goes on with goes.
			g, err := keeper().Begin(t.Context(), an, repo.SystemAgency, "cath", "b.png", 10)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(25 * time.Hour)
			if err := keeper().Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := keeper().Upload(t.Context(), an, g.ID); problem.As(err).Code != "file-unknown" {
				t.Errorf("it is still there: %v", err)
			}
			if _, _, err := keeper().Open(t.Context(), an, f.ID); err != nil {
				t.Errorf("the whole file went too: %v", err)
			}
			for _, c := range []struct {
				p       repo.Principal
				dataset string
				size    int64
				code    string
			}{{repo.Public(), repo.SystemAgency, 5, "file-denied"}, {an, repo.SystemArea, 5, "file-record"}, {an, repo.SystemAgency, attachment.MaxBytes + 1, "file-large"}, {an, repo.SystemAgency, 0, "file-invalid"}} {
				if _, err := keeper().Begin(t.Context(), c.p, c.dataset, "cath", "x", c.size); err == nil || problem.As(err).Code != c.code {
					t.Errorf("%s %s %d: %v", c.p.Name, c.dataset, c.size, err)
				}
			}
		})
	}
}
