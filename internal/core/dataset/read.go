package dataset

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/problem"
)

// object reads the keys of one map. Every key that is asked for is known; done
// reports the others.
type object struct {
	t     *tree
	n     *node // nil when the place does not hold a map: everything reads as absent
	path  string
	asked []string
}

func (t *tree) object(n *node, path string) *object {
	if n != nil && n.shape != mapNode {
		t.fault(n, path, "declaration-want-map", "found", n.found())
		n = nil
	}
	return &object{t: t, n: n, path: path}
}

func (o *object) join(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// take returns the node of a key; an explicit null counts as absent.
func (o *object) take(key string) *node {
	o.asked = append(o.asked, key)
	v := o.n.get(key)
	if v == nil || v.shape == nullNode {
		return nil
	}
	return v
}

// need reports a required key that is absent.
func (o *object) need(keys ...string) {
	if o.n == nil {
		return
	}
	for _, k := range keys {
		if v := o.n.get(k); v == nil || v.shape == nullNode {
			o.t.fault(o.n, o.join(k), "declaration-missing", "key", k)
		}
	}
}

// done reports keys that nobody asked for, each with the nearest known one.
func (o *object) done() {
	if o.n == nil {
		return
	}
	for _, p := range o.n.pairs {
		if contains(o.asked, p.key) {
			continue
		}
		o.t.unknown("declaration-unknown-key", o.join(excerpt(p.key)), p.key, o.asked, p.line, p.col)
	}
}

// unknown reports a word that is not among the known ones, by code, or by code
// + "-near" when one of them is likely meant.
func (t *tree) unknown(code, path, word string, known []string, line, col int) {
	if len(t.vs) >= maxViolations {
		t.more++ // what was meant is looked for only where it will be told
		return
	}
	kv := []any{"word", excerpt(word), "allowed", strings.Join(known, ", ")}
	if near := nearest(word, known); near != "" {
		code += "-near"
		kv = append(kv, "near", near)
	}
	t.add(problem.Violate(code, path, kv...), line, col)
}

func (o *object) text(key string) string {
	v := o.take(key)
	if v == nil {
		return ""
	}
	return o.t.asText(v, o.join(key))
}

func (t *tree) asText(v *node, path string) string {
	if v.shape != textNode {
		t.fault(v, path, "declaration-want-text", "found", v.found())
		return ""
	}
	return norm.NFC.String(v.text)
}

// literal takes any scalar by its text as written: 1.0 stays "1.0".
func (o *object) literal(key string) string {
	v := o.take(key)
	if v == nil {
		return ""
	}
	if !v.scalar() {
		o.t.fault(v, o.join(key), "declaration-want-text", "found", v.found())
		return ""
	}
	return norm.NFC.String(v.text)
}

// literals takes a list of scalars by their texts, or one scalar.
func (o *object) literals(key string) []string {
	v := o.take(key)
	if v == nil {
		return nil
	}
	if v.scalar() {
		return []string{norm.NFC.String(v.text)}
	}
	if v.shape != listNode {
		o.t.fault(v, o.join(key), "declaration-want-list", "found", v.found())
		return nil
	}
	out := make([]string, 0, len(v.items))
	for i, it := range v.items {
		if it.shape >= listNode {
			o.t.fault(it, index(o.join(key), i), "declaration-want-text", "found", it.found())
			continue
		}
		out = append(out, norm.NFC.String(it.text))
	}
	return out
}

// texts takes a list of texts, or one text as a list of one.
func (o *object) texts(key string) []string {
	v := o.take(key)
	if v == nil {
		return nil
	}
	return o.t.asTexts(v, o.join(key))
}

func (t *tree) asTexts(v *node, path string) []string {
	if v.shape == textNode {
		return []string{norm.NFC.String(v.text)}
	}
	if v.shape != listNode {
		t.fault(v, path, "declaration-want-list", "found", v.found())
		return nil
	}
	out := make([]string, 0, len(v.items))
	for i, it := range v.items {
		out = append(out, t.asText(it, index(path, i)))
	}
	return out
}

// textLists takes a list of which each item is a list of texts or one text.
func (o *object) textLists(key string) [][]string {
	var out [][]string
	o.list(key, func(it *node, path string) { out = append(out, o.t.asTexts(it, path)) })
	return out
}

func (o *object) list(key string, each func(it *node, path string)) {
	v := o.take(key)
	if v == nil {
		return
	}
	if v.shape != listNode {
		o.t.fault(v, o.join(key), "declaration-want-list", "found", v.found())
		return
	}
	for i, it := range v.items {
		each(it, index(o.join(key), i))
	}
}

// eachPair takes a map with free keys.
func (o *object) eachPair(key string, each func(p pair, path string)) {
	v := o.take(key)
	if v == nil {
		return
	}
	if v.shape != mapNode {
		o.t.fault(v, o.join(key), "declaration-want-map", "found", v.found())
		return
	}
	for _, p := range v.pairs {
		each(p, o.join(key)+"."+excerpt(p.key))
	}
}

func (o *object) bool(key string) bool {
	p := o.optionalBool(key)
	return p != nil && *p
}

func (o *object) optionalBool(key string) *bool {
	v := o.take(key)
	if v == nil {
		return nil
	}
	if v.shape != boolNode {
		o.t.fault(v, o.join(key), "declaration-want-boolean", "found", v.found())
		return nil
	}
	b := v.b
	return &b
}

// count takes a whole number between low and high.
func (o *object) count(key string, low, high int) *int {
	v := o.take(key)
	if v == nil {
		return nil
	}
	whole, ok := v.value().(int64)
	if !ok || whole < int64(low) || whole > int64(high) {
		o.t.fault(v, o.join(key), "declaration-want-integer", "low", low, "high", high, "found", v.found())
		return nil
	}
	i := int(whole)
	return &i
}

func (o *object) float(key string) *float64 {
	v := o.take(key)
	if v == nil {
		return nil
	}
	var f float64
	switch v.shape {
	case intNode:
		f = float64(v.i)
	case floatNode:
		f = v.f
	default:
		o.t.fault(v, o.join(key), "declaration-want-number", "found", v.found())
		return nil
	}
	return &f
}

func (o *object) any(key string) any {
	v := o.take(key)
	if v == nil {
		return nil
	}
	return v.value()
}

var languageCode = regexp.MustCompile(`^[a-z]{2,3}$`)

// words takes text by language; a bare text is Vietnamese.
func (o *object) words(key string) Words {
	v := o.take(key)
	if v == nil {
		return nil
	}
	return o.t.asWords(v, o.join(key))
}

func (t *tree) asWords(v *node, path string) Words {
	switch v.shape {
	case textNode:
		if strings.TrimSpace(v.text) == "" {
			t.fault(v, path, "declaration-blank")
			return nil
		}
		return Words{"vi": norm.NFC.String(strings.TrimSpace(v.text))}
	case mapNode:
		w := Words{}
		for _, p := range v.pairs {
			if !languageCode.MatchString(p.key) {
				t.add(problem.Violate("declaration-language", path, "word", excerpt(p.key)), p.line, p.col)
				continue
			}
			s := strings.TrimSpace(t.asText(p.val, path+"."+p.key))
			if s == "" && p.val.shape == textNode {
				t.fault(p.val, path+"."+p.key, "declaration-blank")
			}
			w[p.key] = norm.NFC.String(s)
		}
		if len(w) == 0 {
			t.fault(v, path, "declaration-blank")
			return nil
		}
		return w
	}
	t.fault(v, path, "declaration-want-words", "found", v.found())
	return nil
}

// word takes one of a fixed list of words.
func (o *object) word(key string, allowed ...string) string {
	v := o.take(key)
	if v == nil {
		return ""
	}
	return o.t.asWord(v, o.join(key), allowed...)
}

func (t *tree) asWord(v *node, path string, allowed ...string) string {
	if !v.scalar() {
		t.fault(v, path, "declaration-want-text", "found", v.found())
		return ""
	}
	if !contains(allowed, v.text) {
		t.unknown("declaration-word", path, v.text, allowed, v.line, v.col)
		return ""
	}
	return v.text
}

// matching takes a text that must have a form; code is the fault if it has not.
func (o *object) matching(key string, form *regexp.Regexp, code string) string {
	s := o.text(key)
	if s != "" && !form.MatchString(s) {
		o.t.fault(o.n.get(key), o.join(key), code, "found", excerpt(s))
	}
	return s
}

// found describes what stands at a node, for the message.
func (n *node) found() string {
	switch n.shape {
	case listNode:
		return "[…]"
	case mapNode:
		return "{…}"
	case textNode:
		return `"` + excerpt(n.text) + `"`
	case nullNode:
		return "null"
	}
	return excerpt(n.text)
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// nearest returns the known word that was likely meant: at most two edits away,
// one for short words, or alike but for case and punctuation.
func nearest(word string, known []string) string {
	best, bestAt := "", 3
	if len(word) <= 4 {
		bestAt = 2
	}
	if len(word) > 80 {
		return ""
	}
	bare := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
	}
	for _, k := range known {
		if bare(k) == bare(word) {
			return k
		}
		if d := edits(word, k); d < bestAt {
			best, bestAt = k, d
		}
	}
	return best
}

// edits is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > 3 || len(y)-len(x) > 3 {
		return 9
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}
