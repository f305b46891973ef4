package attachment

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/problem"
)

// colourful is a picture of random pixels: whatever shows through is seen.
func colourful(random *rand.Rand, w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := random.Uint32()
			m.SetNRGBA(x, y, color.NRGBA{byte(v) | 128, byte(v >> 8), byte(v >> 16), byte(v>>24) | 64})
		}
	}
	return m
}

func pngOf(t interface{ Fatal(...any) }, m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Two pictures that differ in what is under the boxes alone give the same bytes:
// nothing of it can be in them.
func TestNothingUnderABoxIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		w, h := rapid.IntRange(1, 40).Draw(t, "w"), rapid.IntRange(1, 40).Draw(t, "h")
		one := colourful(random, w, h)
		other := image.NewNRGBA(one.Rect)
		copy(other.Pix, one.Pix)
		covered := map[image.Point]bool{}
		var boxes []Box
		for range rapid.IntRange(1, 3).Draw(t, "boxes") {
			b := Box{X: rapid.IntRange(0, w-1).Draw(t, "x"), Y: rapid.IntRange(0, h-1).Draw(t, "y")}
			b.Width, b.Height = rapid.IntRange(1, w-b.X).Draw(t, "width"), rapid.IntRange(1, h-b.Y).Draw(t, "height")
			boxes = append(boxes, b)
			for y := b.Y; y < b.Y+b.Height; y++ {
				for x := b.X; x < b.X+b.Width; x++ {
					covered[image.Pt(x, y)] = true
					other.SetNRGBA(x, y, color.NRGBA{byte(random.Uint32()), 1, 2, byte(random.Uint32())})
				}
			}
		}
		black, media, err := Blacken(pngOf(t, one), "image/png", boxes)
		if err != nil || media != "image/png" {
			t.Fatal(media, err)
		}
		again, _, err := Blacken(pngOf(t, other), "image/png", boxes)
		if err != nil || !bytes.Equal(black, again) {
			t.Fatalf("what was under the boxes can be told apart: %v", err)
		}
		m, err := png.Decode(bytes.NewReader(black))
		if err != nil {
			t.Fatal(err)
		}
		for y := range h {
			for x := range w {
				want := color.NRGBAModel.Convert(one.At(x, y))
				if covered[image.Pt(x, y)] {
					want = color.NRGBA{0, 0, 0, 255}
				}
				if got := color.NRGBAModel.Convert(m.At(x, y)); got != want {
					t.Fatalf("at %d %d: %v, want %v", x, y, got, want)
				}
			}
		}
	})
}

func TestAPhotoIsBlackened(t *testing.T) {
	bright := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range bright.Pix {
		bright.Pix[i] = 255
	}
	for y := 10; y < 30; y++ {
		for x := 8; x < 40; x++ {
			bright.Set(x, y, color.RGBA{255, uint8(x * 6), uint8(y * 8), 255})
		}
	}
	palette := image.NewPaletted(bright.Rect, color.Palette{color.White, color.RGBA{255, 0, 0, 255}}) // it knows no black
	gray := image.NewGray(bright.Rect)
	deep := image.NewNRGBA64(bright.Rect)
	for y := range 48 {
		for x := range 64 {
			gray.Set(x, y, color.White)
			deep.Set(x, y, color.White)
		}
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, bright, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		media   string
	}{"jpeg": {photo.Bytes(), "image/jpeg"}, "palette": {pngOf(t, palette), "image/png"}, "gray": {pngOf(t, gray), "image/png"}, "deep": {pngOf(t, deep), "image/png"}} {
		out, media, err := Blacken(c.content, c.media, []Box{{8, 10, 32, 20}, {63, 47, 1, 1}})
		if err != nil || media != c.media {
			t.Errorf("%s: %s %v", name, media, err)
			continue
		}
		if clean, err := Clean(out); err != nil || clean.Width != 64 || clean.Height != 48 || !bytes.Equal(clean.Content, out) {
			t.Errorf("%s: what was written anew holds more than a picture: %v", name, err)
		}
		m, _, err := image.Decode(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []struct{ x, y, most, least int }{{9, 11, 60, 0}, {24, 20, 12, 0}, {38, 28, 60, 0}, {55, 5, 255, 200}, {4, 40, 255, 200}} {
			if got := int(color.GrayModel.Convert(m.At(p.x, p.y)).(color.Gray).Y); got > p.most || got < p.least {
				t.Errorf("%s: %d at %d %d, want %d to %d", name, got, p.x, p.y, p.least, p.most)
			}
		}
	}
	small, err := base64.StdEncoding.DecodeString("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=")
	if err != nil {
		t.Fatal(err)
	}
	if out, media, err := Blacken(small, "image/webp", []Box{{0, 0, 1, 1}}); err != nil || media != "image/jpeg" || len(out) == 0 {
		t.Errorf("WebP: %s %v", media, err)
	}
}

func TestBoxesThatCannotBe(t *testing.T) {
	content := pngOf(t, colourful(rand.New(rand.NewPCG(1, 1)), 10, 10))
	most := int(^uint(0) >> 1)
	for _, c := range []struct {
		media string
		boxes []Box
		code  string
	}{
		{"image/png", nil, "redaction-boxes"},
		{"image/png", make([]Box, maxBoxes+1), "redaction-boxes"},
		{"image/png", []Box{{0, 0, 10, 11}}, "redaction-box"},
		{"image/png", []Box{{-1, 0, 5, 5}}, "redaction-box"},
		{"image/png", []Box{{1, 1, most, most}}, "redaction-box"},
		{"image/png", []Box{{10, 0, 1, 1}, {0, 0, 0, 1}}, "redaction-box"},
		{"application/pdf", []Box{{0, 0, 1, 1}}, "redaction-picture"},
		{"image/webp", []Box{{0, 0, 1, 1}}, "redaction-picture"},
	} {
		_, _, err := Blacken(content, c.media, c.boxes)
		p := problem.As(err)
		if p == nil || p.Code != "redaction-invalid" || len(p.Violations) == 0 || p.Violations[0].Code != c.code {
			t.Errorf("%s %v: %v", c.media, c.boxes, err)
		}
	}
	if _, _, err := Blacken(content, "image/png", []Box{{10, 0, 1, 1}, {0, 0, 0, 1}}); len(problem.As(err).Violations) != 2 {
		t.Errorf("not all faults at once: %v", err)
	}
}
