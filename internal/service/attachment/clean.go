package attachment

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"slices"

	"huong.city/huong/internal/core/problem"
)

// Cleaned is a file as it is kept.
type Cleaned struct {
	Content       []byte
	Media         string
	Width, Height int // of a picture
}

// extension is what ends the name of a file of a type.
func extension(media string) string {
	return map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "application/pdf": ".pdf"}[media]
}

// Clean tells the type of a file by its first bytes and takes out of a picture
// whatever is not the picture: Exif, XMP, comments, thumbnails, times, what
// follows its end. A JPEG that says by Exif how it is to be turned is turned.
// Invalid for other types, for what cannot be read, and for pictures of more
// than MaxPixels. A PDF is kept as it is.
func Clean(b []byte) (Cleaned, error) {
	bad := func(code string) (Cleaned, error) {
		return Cleaned{}, problem.InvalidWith("file-invalid", []problem.Violation{problem.Violate(code, "file")})
	}
	var c Cleaned
	ok := false
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		c.Media = "image/jpeg"
		c, ok = cleanJPEG(b)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		c.Media = "image/png"
		c, ok = cleanPNG(b)
	case len(b) > 16 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		c.Media = "image/webp"
		c, ok = cleanWebP(b)
	case bytes.HasPrefix(b, []byte("%PDF-")) && bytes.Contains(b[max(0, len(b)-2048):], []byte("%%EOF")):
		return Cleaned{Content: b, Media: "application/pdf"}, nil
	default:
		return bad("file-type")
	}
	switch {
	case !ok || c.Width <= 0 || c.Height <= 0:
		return bad("file-unreadable-picture")
	case c.Width > MaxPixels/c.Height:
		return bad("file-pixels")
	}
	return c, nil
}

// cleanJPEG keeps the segments that a decoder needs: of the application segments
// JFIF and Adobe's colour transform alone.
func cleanJPEG(b []byte) (c Cleaned, ok bool) {
	c.Media = "image/jpeg"
	config, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return c, false
	}
	c.Width, c.Height = config.Width, config.Height
	if c.Width <= 0 || c.Height <= 0 || c.Width > MaxPixels/c.Height {
		return c, true // the caller refuses it
	}
	out := append([]byte{}, b[:2]...)
	orientation := 1
	for i := 2; ; {
		if i+4 > len(b) || b[i] != 0xff {
			return c, false
		}
		marker := b[i+1]
		if marker == 0xff { // a fill byte
			i++
			continue
		}
		n := int(binary.BigEndian.Uint16(b[i+2:])) + 2
		if n < 4 || i+n > len(b) {
			return c, false
		}
		segment := b[i : i+n]
		switch {
		case marker == 0xda: // the picture itself, to its end
			end := endOfScan(b, i+n)
			if end < 0 {
				return c, false
			}
			out = append(append(out, b[i:end]...), 0xff, 0xd9)
			c.Content = out
			if orientation > 1 {
				return turned(c, orientation)
			}
			return c, true
		case marker == 0xe1:
			if o := orientationOf(segment[4:]); o > 0 {
				orientation = o
			}
		case marker == 0xe0 && bytes.HasPrefix(segment[4:], []byte("JFIF\x00")) && n >= 18:
			out = append(out, 0xff, 0xe0, 0, 16)
			out = append(append(out, segment[4:16]...), 0, 0) // without its thumbnail
		case marker == 0xee && bytes.HasPrefix(segment[4:], []byte("Adobe")):
			out = append(out, segment...)
		case marker >= 0xe0 && marker <= 0xef, marker == 0xfe: // other applications' data, comments
		default:
			out = append(out, segment...)
		}
		i += n
	}
}

// endOfScan finds where the entropy-coded data of all scans ends: the place of
// the end marker.
func endOfScan(b []byte, i int) int {
	for i+1 < len(b) {
		if b[i] != 0xff {
			i++
			continue
		}
		switch m := b[i+1]; {
		case m == 0xd9:
			return i
		case m == 0x00 || m == 0xff || m >= 0xd0 && m <= 0xd7:
			i++
		case m >= 0xe0 && m <= 0xef || m == 0xfe:
			return -1 // data of applications between scans: no camera writes it
		default: // tables and the next scan of a progressive picture
			if i+4 > len(b) {
				return -1
			}
			i += 1 + int(binary.BigEndian.Uint16(b[i+2:]))
		}
		i++
	}
	return -1
}

// orientationOf reads the Exif tag 0x0112; 0 when there is none.
func orientationOf(b []byte) int {
	if !bytes.HasPrefix(b, []byte("Exif\x00\x00")) || len(b) < 14 {
		return 0
	}
	b = b[6:]
	var order binary.ByteOrder = binary.LittleEndian
	if string(b[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := int(order.Uint32(b[4:]))
	if at < 8 || at+2 > len(b) {
		return 0
	}
	count := int(order.Uint16(b[at:]))
	for i := range count {
		e := at + 2 + i*12
		if e+12 > len(b) {
			return 0
		}
		if order.Uint16(b[e:]) == 0x0112 {
			if o := int(order.Uint16(b[e+8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
	}
	return 0
}

// quality of a JPEG that had to be written anew.
const quality = 90

// turned draws a picture as its orientation says and writes it anew.
func turned(c Cleaned, orientation int) (Cleaned, bool) {
	src, err := jpeg.Decode(bytes.NewReader(c.Content))
	if err != nil {
		return c, false
	}
	w, h := c.Width, c.Height
	if orientation >= 5 {
		c.Width, c.Height = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, c.Width, c.Height))
	origin := src.Bounds().Min
	for y := range h {
		for x := range w {
			var tx, ty int
			switch orientation {
			case 2:
				tx, ty = w-1-x, y
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				tx, ty = x, h-1-y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			dst.Set(tx, ty, src.At(origin.X+x, origin.Y+y))
		}
	}
	var out bytes.Buffer
	if jpeg.Encode(&out, dst, &jpeg.Options{Quality: quality}) != nil {
		return c, false
	}
	c.Content = out.Bytes()
	return c, true
}

// keptChunks are the chunks of a PNG that say how it looks.
var keptChunks = []string{"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "sBIT", "bKGD", "pHYs", "acTL", "fcTL", "fdAT"}

func cleanPNG(b []byte) (c Cleaned, ok bool) {
	c.Media = "image/png"
	config, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return c, false
	}
	c.Width, c.Height = config.Width, config.Height
	out := append([]byte{}, b[:8]...)
	for i := 8; i+12 <= len(b); {
		n := int64(binary.BigEndian.Uint32(b[i:])) + 12
		if int64(i)+n > int64(len(b)) {
			return c, false
		}
		chunk := b[i : i+int(n)]
		if crc32.ChecksumIEEE(chunk[4:n-4]) != binary.BigEndian.Uint32(chunk[n-4:]) {
			return c, false
		}
		name := string(chunk[4:8])
		if slices.Contains(keptChunks, name) {
			out = append(out, chunk...)
		}
		if name == "IEND" {
			c.Content = out
			return c, true
		}
		i += int(n)
	}
	return c, false
}

// keptWebP are the chunks of a WebP file that hold the picture.
var keptWebP = []string{"VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF"}

func cleanWebP(b []byte) (c Cleaned, ok bool) {
	c.Media = "image/webp"
	size := int64(binary.LittleEndian.Uint32(b[4:])) + 8
	if size > int64(len(b)) {
		return c, false
	}
	out := append([]byte{}, b[:12]...)
	picture := false
	for i := 12; i+8 <= int(size); {
		n := int64(binary.LittleEndian.Uint32(b[i+4:]))
		end := int64(i) + 8 + n + n%2
		if end > size {
			return c, false
		}
		name, data := string(b[i:i+4]), b[i+8:i+8+int(n)]
		if slices.Contains(keptWebP, name) {
			at := len(out)
			out = append(out, b[i:end]...)
			w, h, fits := sizeOfWebP(name, data)
			if !fits {
				return c, false
			}
			if name == "VP8X" {
				out[at+8] &^= 0x2c // there is no profile, Exif and XMP any more
			}
			if w > 0 && c.Width == 0 {
				c.Width, c.Height = w, h
			}
			picture = picture || name == "VP8 " || name == "VP8L" || name == "ANMF"
		}
		i = int(end)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	c.Content = out
	return c, picture
}

// sizeOfWebP reads the size of a picture from a chunk that tells it.
func sizeOfWebP(name string, d []byte) (w, h int, fits bool) {
	switch name {
	case "VP8X":
		if len(d) < 10 {
			return 0, 0, false
		}
		return 1 + int(uint32(d[4])|uint32(d[5])<<8|uint32(d[6])<<16), 1 + int(uint32(d[7])|uint32(d[8])<<8|uint32(d[9])<<16), true
	case "VP8 ":
		if len(d) < 10 || d[3] != 0x9d || d[4] != 0x01 || d[5] != 0x2a {
			return 0, 0, false
		}
		return int(binary.LittleEndian.Uint16(d[6:])) & 0x3fff, int(binary.LittleEndian.Uint16(d[8:])) & 0x3fff, true
	case "VP8L":
		if len(d) < 5 || d[0] != 0x2f {
			return 0, 0, false
		}
		bits := binary.LittleEndian.Uint32(d[1:])
		return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff), true
	}
	return 0, 0, true
}
