package record

// Numbers as most of them are written are read by hand here; what does not fit
// is left to the full rules, so that both always agree.

// shortInteger reads -?d+ of at most 18 digits.
func shortInteger(s string) (i int64, ok bool) {
	digits := s
	if s != "" && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for k := 0; k < len(digits); k++ {
		if digits[k]-'0' > 9 {
			return 0, false
		}
		i = i*10 + int64(digits[k]-'0')
	}
	if len(digits) < len(s) {
		i = -i
	}
	return i, true
}

// shortNumber reads -?d+(.d+)? of at most 15 digits: they and the power of ten
// are exact as floats, so their quotient is the nearest float to the number.
func shortNumber(s string) (f float64, ok bool) {
	digits := s
	if s != "" && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 16 {
		return 0, false
	}
	n, fraction := uint64(0), -1
	for k := 0; k < len(digits); k++ {
		if d := digits[k] - '0'; d <= 9 {
			n = n*10 + uint64(d)
			continue
		}
		if digits[k] != '.' || fraction >= 0 || k == 0 {
			return 0, false
		}
		fraction = len(digits) - k - 1
	}
	switch {
	case fraction == 0, fraction < 0 && len(digits) > 15:
		return 0, false
	case fraction > 0:
		f = float64(n) / pow10[fraction]
	default:
		f = float64(n)
	}
	if len(digits) < len(s) {
		f = -f
	}
	return f, true
}
