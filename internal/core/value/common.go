package value

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// IsCommonText tells that s is valid UTF-8 of nothing but printable ASCII, tab,
// line feed, U+00A0–U+02FF, U+1E00–U+1EFF and U+2010–U+203F: all of Vietnamese,
// none of it a control character that a text may not hold and all of it NFC
// whatever stands beside it. It is the fast path of nearly every text in the city.
func IsCommonText(s string) bool {
	p := unsafe.Slice(unsafe.StringData(s), len(s))
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i := 0; i < len(p); {
		if i+8 <= len(p) {
			// Bytes that are no printable ASCII, eight at a time.
			w := binary.LittleEndian.Uint64(p[i:])
			del := w ^ ones*0x7F
			m := (w | ((w - ones*0x20) &^ w) | ((del - ones) &^ del)) & highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) / 8
		}
		b := p[i]
		if i++; b < 0x80 {
			if b < 0x20 && b != '\t' && b != '\n' || b == 0x7F {
				return false
			}
			continue
		}
		if i >= len(p) || p[i]&0xC0 != 0x80 {
			return false
		}
		second := p[i]
		i++
		switch {
		case b >= 0xC3 && b <= 0xCB, b == 0xC2 && second >= 0xA0:
			continue
		case b == 0xE1 && second >= 0xB8 && second <= 0xBB, b == 0xE2 && second == 0x80:
		default:
			return false
		}
		if i >= len(p) || p[i]&0xC0 != 0x80 || (b == 0xE2 && p[i] < 0x90) {
			return false
		}
		i++
	}
	return true
}
