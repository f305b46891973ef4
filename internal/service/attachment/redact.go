package attachment

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"strings"

	webpicture "golang.org/x/image/webp"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Box is a rectangle of a picture as it is kept, in pixels from its upper left corner.
type Box struct{ X, Y, Width, Height int }

// maxBoxes of one picture.
const maxBoxes = 200

// Redact makes a copy of a picture that p sees in which the boxes are black, and
// puts it to the same record under an ID of its own. The copy holds no trace of
// what was under them: they are black before it is written. The original stays as
// it was, for those who may open it; what is published is the copy. Invalid for
// what is no still picture, without a box, and for a box outside the picture.
func (k *Keeper) Redact(ctx context.Context, p repo.Principal, id string, boxes []Box) (File, error) {
	f, content, err := k.Open(ctx, p, id)
	if err != nil {
		return File{}, err
	}
	black, media, err := Blacken(content, f.Media, boxes)
	if err != nil {
		return File{}, err
	}
	name := strings.TrimSuffix(f.Name, extension(f.Media))
	return k.Keep(ctx, p, f.Dataset, f.Key, name+"-che"+extension(media), black)
}

// Blacken burns boxes into a picture of a type that Clean lets through, and
// returns it written anew: JPEG as JPEG, PNG as PNG unless that is too large,
// WebP as JPEG.
func Blacken(content []byte, media string, boxes []Box) ([]byte, string, error) {
	var vs []problem.Violation
	if len(boxes) == 0 || len(boxes) > maxBoxes {
		vs = append(vs, problem.Violate("redaction-boxes", "boxes", "limit", maxBoxes))
		return nil, "", problem.InvalidWith("redaction-invalid", vs)
	}
	src, ok := decode(content, media)
	if !ok {
		vs = append(vs, problem.Violate("redaction-picture", "file"))
		return nil, "", problem.InvalidWith("redaction-invalid", vs)
	}
	frame := src.Bounds()
	areas := make([]image.Rectangle, len(boxes))
	for i, b := range boxes {
		// Compared, not added: sums of what a caller gives may overflow.
		if b.X < 0 || b.Y < 0 || b.Width <= 0 || b.Height <= 0 || b.X >= frame.Dx() || b.Y >= frame.Dy() || b.Width > frame.Dx()-b.X || b.Height > frame.Dy()-b.Y {
			vs = append(vs, problem.Violate("redaction-box", fmt.Sprintf("boxes/%d", i), "width", frame.Dx(), "height", frame.Dy()))
			continue
		}
		areas[i] = image.Rect(b.X, b.Y, b.X+b.Width, b.Y+b.Height).Add(frame.Min)
	}
	if len(vs) > 0 {
		return nil, "", problem.InvalidWith("redaction-invalid", vs)
	}
	dst := burn(src, areas)
	var out bytes.Buffer
	if media == "image/png" {
		if err := png.Encode(&out, dst); err != nil {
			return nil, "", err
		}
		if out.Len() <= MaxBytes {
			return out.Bytes(), media, nil
		}
		out.Reset()
	}
	if err := jpeg.Encode(&out, dst, &jpeg.Options{Quality: quality}); err != nil {
		return nil, "", err
	}
	return out.Bytes(), "image/jpeg", nil
}

// decode reads a picture that is no larger than what is kept.
func decode(content []byte, media string) (image.Image, bool) {
	reader := map[string]struct {
		config func(b []byte) (image.Config, error)
		whole  func(b []byte) (image.Image, error)
	}{
		"image/jpeg": {func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) }, func(b []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) }},
		"image/png":  {func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) }, func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) }},
		"image/webp": {func(b []byte) (image.Config, error) { return webpicture.DecodeConfig(bytes.NewReader(b)) }, func(b []byte) (image.Image, error) { return webpicture.Decode(bytes.NewReader(b)) }},
	}[media]
	if reader.config == nil {
		return nil, false
	}
	c, err := reader.config(content)
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width > MaxPixels/c.Height {
		return nil, false
	}
	m, err := reader.whole(content)
	return m, err == nil
}

// burn makes areas black: in place for what cameras write, which spares a copy of
// four bytes a pixel, else in a copy with colours of its own.
func burn(src image.Image, areas []image.Rectangle) image.Image {
	switch m := src.(type) {
	case *image.YCbCr:
		for _, a := range areas {
			for y := a.Min.Y; y < a.Max.Y; y++ {
				for x := a.Min.X; x < a.Max.X; x++ {
					m.Y[m.YOffset(x, y)] = 0
					c := m.COffset(x, y) // shared with neighbours: nothing of its colour is left
					m.Cb[c], m.Cr[c] = 128, 128
				}
			}
		}
		return m
	case *image.Gray, *image.NRGBA, *image.RGBA:
		blacken(m.(draw.Image), areas)
		return m
	}
	copied := image.NewNRGBA(src.Bounds())
	draw.Draw(copied, copied.Bounds(), src, src.Bounds().Min, draw.Src)
	blacken(copied, areas)
	return copied
}

func blacken(m draw.Image, areas []image.Rectangle) {
	for _, a := range areas {
		draw.Draw(m, a, image.NewUniform(color.Black), image.Point{}, draw.Src)
	}
}
