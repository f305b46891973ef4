package cql2

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Like matches a whole text against a pattern: % stands for any text, also none,
// _ for one code point, \ before a character for that character itself.
func Like(s, pattern string) bool {
	i, j := 0, 0        // in s and pattern
	star, mark := -1, 0 // pattern after the last %, and where in s it was tried
	for i < len(s) || j < len(pattern) {
		if j < len(pattern) {
			c := pattern[j]
			if c == '%' {
				j++
				star, mark = j, i
				continue
			}
			if i < len(s) {
				if c == '_' {
					_, n := utf8.DecodeRuneInString(s[i:])
					i, j = i+n, j+1
					continue
				}
				k := j
				if c == '\\' && j+1 < len(pattern) {
					k++
				}
				if s[i] == pattern[k] {
					i, j = i+1, k+1
					continue
				}
			}
		}
		if star < 0 || mark >= len(s) {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		mark += n
		i, j = mark, star
	}
	return true
}

// soundPattern refuses a pattern that ends in a lone backslash.
func soundPattern(p string) bool {
	n := len(p) - len(strings.TrimRight(p, `\`))
	return n%2 == 0
}

func sortedKeys(m map[int]bool) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
