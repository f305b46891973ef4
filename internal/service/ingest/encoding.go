package ingest

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/problem"
)

// Encodings that a mapping may declare. UTF-8 and UTF-16 with a byte-order mark
// are always recognised; windows-1258 is recognised when its bytes make
// Vietnamese words; windows-1252 (and its ISO-8859-1 name) must be declared,
// since every text is valid in it and Vietnamese would arrive garbled.
var encodingNames = []string{"utf-8", "utf-16", "utf-16le", "utf-16be", "windows-1258", "windows-1252", "iso-8859-1"}

func decoderOf(name string) (encoding.Encoding, bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "utf-8", "utf8", "ascii", "us-ascii":
		return nil, true
	case "utf-16", "utf16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), true
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), true
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), true
	case "windows-1258", "cp1258":
		return charmap.Windows1258, true
	case "windows-1252", "cp1252", "iso-8859-1", "latin1":
		return charmap.Windows1252, true
	}
	return nil, false
}

// decode returns text as UTF-8 without a byte-order mark. sample is the
// beginning of src, which src still delivers. transcoded tells that the bytes
// were converted, so that what cannot be decoded shows as U+FFFD.
func decode(src io.Reader, sample []byte, declared string) (out io.Reader, name string, transcoded bool, err error) {
	switch {
	case bytes.HasPrefix(sample, []byte{0xEF, 0xBB, 0xBF}):
		if _, err := io.CopyN(io.Discard, src, 3); err != nil {
			return nil, "", false, err
		}
		return src, "utf-8", false, nil
	case bytes.HasPrefix(sample, []byte{0xFF, 0xFE}):
		return transform.NewReader(src, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()), "utf-16le", true, nil
	case bytes.HasPrefix(sample, []byte{0xFE, 0xFF}):
		return transform.NewReader(src, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()), "utf-16be", true, nil
	}
	if declared == "" {
		if declared = guess(sample); declared == "" {
			return nil, "", false, problem.New(problem.Invalid, "intake-encoding-unknown", "known", strings.Join(encodingNames, ", "))
		}
	}
	enc, ok := decoderOf(declared)
	if !ok {
		return nil, "", false, problem.New(problem.Invalid, "intake-encoding", "name", declared, "known", strings.Join(encodingNames, ", "))
	}
	if enc == nil {
		return src, "utf-8", false, nil
	}
	// windows-1258 writes most tones as marks of their own; NFC joins them.
	return transform.NewReader(src, transform.Chain(enc.NewDecoder(), norm.NFC)), strings.ToLower(declared), true, nil
}

// guess tells UTF-8 from windows-1258; empty when neither fits. A few broken
// bytes in a UTF-8 file do not make it another encoding: their rows are faulty.
func guess(sample []byte) string {
	multi, broken, high := 0, 0, 0
	for i := 0; i < len(sample); {
		if sample[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(sample[i:])
		if r == utf8.RuneError && n == 1 {
			if len(sample)-i < utf8.UTFMax && !utf8.FullRune(sample[i:]) {
				break // the sample cuts a character
			}
			broken++
		} else {
			multi++
		}
		high += n
		i += n
	}
	switch {
	case broken == 0, broken*20 <= multi:
		return "utf-8"
	case vietnamese1258(sample):
		return "windows-1258"
	case multi >= broken, broken <= 3 && len(sample) > 200*broken:
		return "utf-8"
	}
	return ""
}

// vietnamese1258 tells whether nearly all bytes above ASCII are what Vietnamese
// needs: a letter of its alphabet, or a tone mark right after a vowel.
func vietnamese1258(sample []byte) bool {
	const letters = "ăĂâÂđĐêÊôÔơƠưƯàÀáÁãÃèÈéÉìÌíÍòÒóÓõÕùÙúÚýÝ–—“”‘’…₫•"
	const vowels = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
	text, err := charmap.Windows1258.NewDecoder().Bytes(sample)
	if err != nil {
		return false
	}
	good, all := 0, 0
	last := ' '
	for _, r := range string(text) {
		if r >= utf8.RuneSelf {
			all++
			switch {
			case r >= 0x300 && r <= 0x36F:
				if strings.ContainsRune(vowels, last) {
					good++
				}
			case strings.ContainsRune(letters, r):
				good++
			}
		}
		last = r
	}
	return all > 0 && good*20 >= all*19
}
