package attachment

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/problem"
)

const canary = "GPS-CANARY-16.463N-107.585E"

// picture is wider than high, red in its top left corner.
func picture(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.White)
			if x < w/2 && y < h/2 {
				m.Set(x, y, color.RGBA{255, 0, 0, 255})
			}
		}
	}
	return m
}

func segment(marker byte, data []byte) []byte {
	b := []byte{0xff, marker, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(len(data)+2))
	return append(b, data...)
}

// photo is a JPEG with everything in it that a telephone writes.
func photo(t testing.TB, orientation uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(32, 16), nil); err != nil {
		t.Fatal(err)
	}
	plain := b.Bytes()
	exif := append([]byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"), byte(orientation>>8), byte(orientation), 0, 0, 0, 0, 0, 0)
	exif = append(exif, canary...)
	out := append([]byte{}, plain[:2]...)
	out = append(out, segment(0xe0, append([]byte("JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"), nil...))...)
	out = append(out, segment(0xe1, exif)...)
	out = append(out, segment(0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00"+canary))...)
	out = append(out, segment(0xed, []byte("Photoshop 3.0\x00"+canary))...)
	out = append(out, segment(0xfe, []byte(canary))...)
	out = append(out, plain[2:]...)
	return append(out, canary...) // a film behind the picture
}

func chunk(name string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func drawing(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture(32, 16)); err != nil {
		t.Fatal(err)
	}
	plain := b.Bytes()
	out := append([]byte{}, plain[:33]...) // signature and IHDR
	out = append(out, chunk("eXIf", []byte(canary))...)
	out = append(out, chunk("tEXt", []byte("Author\x00"+canary))...)
	out = append(out, chunk("tIME", []byte{7, 234, 1, 1, 1, 1, 1})...)
	out = append(out, plain[33:]...)
	return append(out, canary...)
}

func webp() []byte {
	part := func(name string, data []byte) []byte {
		b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data)))
		b = append(b, data...)
		if len(data)%2 == 1 {
			b = append(b, 0)
		}
		return b
	}
	body := []byte("WEBP")
	body = append(body, part("VP8X", []byte{0x2c, 0, 0, 0, 31, 0, 0, 15, 0, 0})...)
	body = append(body, part("VP8L", []byte{0x2f, 31, 0xc0, 3, 0, 1, 2})...)
	body = append(body, part("EXIF", []byte(canary))...)
	body = append(body, part("XMP ", []byte(canary))...)
	return append(append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body)))...), body...)
}

func TestNothingButThePictureIsKept(t *testing.T) {
	for name, b := range map[string][]byte{"image/jpeg": photo(t, 1), "image/png": drawing(t), "image/webp": webp()} {
		c, err := Clean(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Media != name || c.Width != 32 || c.Height != 16 {
			t.Errorf("%s: %s of %d×%d", name, c.Media, c.Width, c.Height)
		}
		if bytes.Contains(c.Content, []byte(canary)) || bytes.Contains(c.Content, []byte("Exif")) {
			t.Errorf("%s still tells what it was taken with", name)
		}
		if name != "image/webp" {
			if _, _, err := image.Decode(bytes.NewReader(c.Content)); err != nil {
				t.Errorf("%s cannot be drawn any more: %v", name, err)
			}
		}
		again, err := Clean(c.Content)
		if err != nil || !bytes.Equal(again.Content, c.Content) {
			t.Errorf("%s cleaned twice is another file (%v)", name, err)
		}
	}
}

// A photo that says how it is to be turned is turned, for what said so is gone.
func TestPhotosStandUpright(t *testing.T) {
	corner := map[uint16][2]bool{1: {false, false}, 2: {true, false}, 3: {true, true}, 4: {false, true}, 5: {false, false}, 6: {true, false}, 7: {true, true}, 8: {false, true}}
	for orientation, at := range corner {
		c, err := Clean(photo(t, orientation))
		if err != nil {
			t.Fatal(err)
		}
		m, err := jpeg.Decode(bytes.NewReader(c.Content))
		if err != nil {
			t.Fatal(err)
		}
		w, h := m.Bounds().Dx(), m.Bounds().Dy()
		if turned := orientation >= 5; turned != (h > w) || w != c.Width || h != c.Height {
			t.Errorf("orientation %d: %d×%d", orientation, w, h)
		}
		x, y := w/4, h/4
		if at[0] {
			x = w - 1 - w/4
		}
		if at[1] {
			y = h - 1 - h/4
		}
		if r, g, _, _ := m.At(x, y).RGBA(); r < 0xc000 || g > 0x4000 {
			t.Errorf("orientation %d: the red corner is not at %d,%d", orientation, x, y)
		}
	}
}

func TestWhatIsNotAllowedIsRefused(t *testing.T) {
	bomb := drawing(t)
	binary.BigEndian.PutUint32(bomb[16:], 100_000)
	binary.BigEndian.PutUint32(bomb[20:], 100_000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	pdf := []byte("%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n")
	for name, c := range map[string]struct {
		b    []byte
		code string
	}{
		"a page":                     {[]byte("<html><script>alert(1)</script>"), "file-type"},
		"a drawing with script":      {[]byte("<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"), "file-type"},
		"a program":                  {[]byte("MZ\x90\x00"), "file-type"},
		"an animation":               {[]byte("GIF89a"), "file-type"},
		"a picture of 10,000 MP":     {bomb, "file-pixels"},
		"half a photo":               {photo(t, 1)[:300], "file-unreadable-picture"},
		"a photo without its end":    {photo(t, 1)[:len(photo(t, 1))-len(canary)-2], "file-unreadable-picture"},
		"a PDF":                      {pdf, ""},
		"a PDF that is cut":          {pdf[:len(pdf)-8], "file-type"},
		"nothing but a beginning":    {[]byte("\xff\xd8\xff"), "file-unreadable-picture"},
		"a WebP without any picture": {append([]byte("RIFF"), "\x0c\x00\x00\x00WEBPXMP \x00\x00\x00\x00"...), "file-unreadable-picture"},
	} {
		_, err := Clean(c.b)
		got := ""
		if err != nil {
			got = problem.As(err).Violations[0].Code
		}
		if got != c.code {
			t.Errorf("%s: %q, want %q", name, got, c.code)
		}
	}
}

// Whatever is done to a file, cleaning it neither panics nor lets the canary
// through.
func TestDamagedFiles(t *testing.T) {
	files := [][]byte{photo(t, 6), drawing(t), webp()}
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(rapid.SampledFrom(files).Draw(t, "file"))
		for range rapid.IntRange(1, 6).Draw(t, "damages") {
			i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			if bytes.Contains(b[max(0, i-len(canary)):min(len(b), i+len(canary))], []byte(canary)) {
				continue // what is damaged is not found again
			}
			b[i] = rapid.Byte().Draw(t, "byte")
		}
		b = b[:rapid.IntRange(len(b)/2, len(b)).Draw(t, "length")]
		Clean(b)
	})
}
