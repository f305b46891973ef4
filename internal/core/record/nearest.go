package record

import "strings"

// nearest returns the name with the smallest edit distance to s, ignoring
// letter case, when that is at most a third of its length; else "".
func nearest(s string, names []string) string {
	if len(s) > 64 {
		return ""
	}
	best, least := "", 1<<30
	low := []rune(strings.ToLower(s))
	for _, name := range names {
		if d := editDistance(low, []rune(strings.ToLower(name))); d < least {
			best, least = name, d
		}
	}
	if best == "" || least > max(1, len(best)/3) {
		return ""
	}
	return best
}

func editDistance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
