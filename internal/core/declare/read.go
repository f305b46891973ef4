package declare

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/problem"
)

// Map reads the keys of one map. Every key that is asked for is known; Done
// reports the others. An absent key reads as the zero value.
type Map struct {
	t     *Document
	N     *Node // nil when the place does not hold a map: everything reads as absent
	path  string
	asked []string
}

// Map reads a node that must hold a map; nil reads as an empty one.
func (t *Document) Map(n *Node, path string) *Map {
	if n != nil && n.Shape != MapNode {
		t.Fault(n, path, "declaration-want-map", "found", n.Found())
		n = nil
	}
	return &Map{t: t, N: n, path: path}
}

// Join is the path of a key, for a message.
func (o *Map) Join(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// Take returns the node of a key; an explicit null counts as absent.
func (o *Map) Take(key string) *Node {
	o.asked = append(o.asked, key)
	v := o.N.Get(key)
	if v == nil || v.Shape == NullNode {
		return nil
	}
	return v
}

// Need reports a required key that is absent.
func (o *Map) Need(keys ...string) {
	if o.N == nil {
		return
	}
	for _, k := range keys {
		if v := o.N.Get(k); v == nil || v.Shape == NullNode {
			o.t.Fault(o.N, o.Join(k), "declaration-missing", "key", k)
		}
	}
}

// Done reports keys that nobody asked for, each with the nearest known one.
func (o *Map) Done() {
	if o.N == nil {
		return
	}
	for _, p := range o.N.Pairs {
		if contains(o.asked, p.Key) {
			continue
		}
		o.t.Unknown("declaration-unknown-key", o.Join(Excerpt(p.Key)), p.Key, o.asked, p.Line, p.Col)
	}
}

// Unknown reports a word that is not among the known ones, by code, or by code
// + "-near" when one of them is likely meant.
func (t *Document) Unknown(code, path, word string, known []string, line, col int) {
	if len(t.Faults) >= MaxFaults {
		t.More++ // what was meant is looked for only where it will be told
		return
	}
	kv := []any{"word", Excerpt(word), "allowed", strings.Join(known, ", ")}
	if near := nearest(word, known); near != "" {
		code += "-near"
		kv = append(kv, "near", near)
	}
	t.Add(problem.Violate(code, path, kv...), line, col)
}

// Text takes a text, in NFC.
func (o *Map) Text(key string) string {
	v := o.Take(key)
	if v == nil {
		return ""
	}
	return o.t.AsText(v, o.Join(key))
}

// AsText reads a node as a text.
func (t *Document) AsText(v *Node, path string) string {
	if v.Shape != TextNode {
		t.Fault(v, path, "declaration-want-text", "found", v.Found())
		return ""
	}
	return norm.NFC.String(v.Text)
}

// Literal takes any scalar by its text as written: 1.0 stays "1.0".
func (o *Map) Literal(key string) string {
	v := o.Take(key)
	if v == nil {
		return ""
	}
	if !v.Scalar() {
		o.t.Fault(v, o.Join(key), "declaration-want-text", "found", v.Found())
		return ""
	}
	return norm.NFC.String(v.Text)
}

// Literals takes a list of scalars by their texts, or one scalar.
func (o *Map) Literals(key string) []string {
	v := o.Take(key)
	if v == nil {
		return nil
	}
	if v.Scalar() {
		return []string{norm.NFC.String(v.Text)}
	}
	if v.Shape != ListNode {
		o.t.Fault(v, o.Join(key), "declaration-want-list", "found", v.Found())
		return nil
	}
	out := make([]string, 0, len(v.Items))
	for i, it := range v.Items {
		if it.Shape >= ListNode {
			o.t.Fault(it, index(o.Join(key), i), "declaration-want-text", "found", it.Found())
			continue
		}
		out = append(out, norm.NFC.String(it.Text))
	}
	return out
}

// Texts takes a list of texts, or one text as a list of one.
func (o *Map) Texts(key string) []string {
	v := o.Take(key)
	if v == nil {
		return nil
	}
	return o.t.AsTexts(v, o.Join(key))
}

// AsTexts reads a node as a list of texts, or one text.
func (t *Document) AsTexts(v *Node, path string) []string {
	if v.Shape == TextNode {
		return []string{norm.NFC.String(v.Text)}
	}
	if v.Shape != ListNode {
		t.Fault(v, path, "declaration-want-list", "found", v.Found())
		return nil
	}
	out := make([]string, 0, len(v.Items))
	for i, it := range v.Items {
		out = append(out, t.AsText(it, index(path, i)))
	}
	return out
}

// TextLists takes a list of which each item is a list of texts or one text.
func (o *Map) TextLists(key string) [][]string {
	var out [][]string
	o.List(key, func(it *Node, path string) { out = append(out, o.t.AsTexts(it, path)) })
	return out
}

// List calls each with the items of a list and their paths.
func (o *Map) List(key string, each func(it *Node, path string)) {
	v := o.Take(key)
	if v == nil {
		return
	}
	if v.Shape != ListNode {
		o.t.Fault(v, o.Join(key), "declaration-want-list", "found", v.Found())
		return
	}
	for i, it := range v.Items {
		each(it, index(o.Join(key), i))
	}
}

// EachPair takes a map with free keys.
func (o *Map) EachPair(key string, each func(p Pair, path string)) {
	v := o.Take(key)
	if v == nil {
		return
	}
	if v.Shape != MapNode {
		o.t.Fault(v, o.Join(key), "declaration-want-map", "found", v.Found())
		return
	}
	for _, p := range v.Pairs {
		each(p, o.Join(key)+"."+Excerpt(p.Key))
	}
}

// Bool takes a truth value.
func (o *Map) Bool(key string) bool {
	p := o.OptionalBool(key)
	return p != nil && *p
}

// OptionalBool takes a truth value, nil when the key is absent.
func (o *Map) OptionalBool(key string) *bool {
	v := o.Take(key)
	if v == nil {
		return nil
	}
	if v.Shape != BoolNode {
		o.t.Fault(v, o.Join(key), "declaration-want-boolean", "found", v.Found())
		return nil
	}
	b := v.b
	return &b
}

// Count takes a whole number between low and high, nil when the key is absent.
func (o *Map) Count(key string, low, high int) *int {
	v := o.Take(key)
	if v == nil {
		return nil
	}
	whole, ok := v.Value().(int64)
	if !ok || whole < int64(low) || whole > int64(high) {
		o.t.Fault(v, o.Join(key), "declaration-want-integer", "low", low, "high", high, "found", v.Found())
		return nil
	}
	i := int(whole)
	return &i
}

// Float takes a number, nil when the key is absent.
func (o *Map) Float(key string) *float64 {
	v := o.Take(key)
	if v == nil {
		return nil
	}
	var f float64
	switch v.Shape {
	case IntNode:
		f = float64(v.i)
	case FloatNode:
		f = v.f
	default:
		o.t.Fault(v, o.Join(key), "declaration-want-number", "found", v.Found())
		return nil
	}
	return &f
}

// Any takes whatever stands there, by Node.Value.
func (o *Map) Any(key string) any {
	v := o.Take(key)
	if v == nil {
		return nil
	}
	return v.Value()
}

var languageCode = regexp.MustCompile(`^[a-z]{2,3}$`)

// Words takes text by language; a bare text is Vietnamese.
func (o *Map) Words(key string) Words {
	v := o.Take(key)
	if v == nil {
		return nil
	}
	return o.t.AsWords(v, o.Join(key))
}

// AsWords reads a node as text by language.
func (t *Document) AsWords(v *Node, path string) Words {
	switch v.Shape {
	case TextNode:
		if strings.TrimSpace(v.Text) == "" {
			t.Fault(v, path, "declaration-blank")
			return nil
		}
		return Words{"vi": norm.NFC.String(strings.TrimSpace(v.Text))}
	case MapNode:
		w := Words{}
		for _, p := range v.Pairs {
			if !languageCode.MatchString(p.Key) {
				t.Add(problem.Violate("declaration-language", path, "word", Excerpt(p.Key)), p.Line, p.Col)
				continue
			}
			s := strings.TrimSpace(t.AsText(p.Val, path+"."+p.Key))
			if s == "" && p.Val.Shape == TextNode {
				t.Fault(p.Val, path+"."+p.Key, "declaration-blank")
			}
			w[p.Key] = norm.NFC.String(s)
		}
		if len(w) == 0 {
			t.Fault(v, path, "declaration-blank")
			return nil
		}
		return w
	}
	t.Fault(v, path, "declaration-want-words", "found", v.Found())
	return nil
}

// Titles takes text that people of both languages read: Vietnamese and English
// must be there.
func (o *Map) Titles(key string) Words {
	w := o.Words(key)
	for _, lang := range [...]string{"vi", "en"} {
		if w != nil && w[lang] == "" {
			o.t.Fault(o.N.Get(key), o.Join(key)+"."+lang, "declaration-missing", "key", lang)
		}
	}
	return w
}

// Word takes one of a fixed list of words.
func (o *Map) Word(key string, allowed ...string) string {
	v := o.Take(key)
	if v == nil {
		return ""
	}
	return o.t.AsWord(v, o.Join(key), allowed...)
}

// AsWord reads a node as one of a fixed list of words.
func (t *Document) AsWord(v *Node, path string, allowed ...string) string {
	if !v.Scalar() {
		t.Fault(v, path, "declaration-want-text", "found", v.Found())
		return ""
	}
	if !contains(allowed, v.Text) {
		t.Unknown("declaration-word", path, v.Text, allowed, v.Line, v.Col)
		return ""
	}
	return v.Text
}

// Matching takes a text that must have a form; code is the fault if it has not.
func (o *Map) Matching(key string, form *regexp.Regexp, code string) string {
	s := o.Text(key)
	if s != "" && !form.MatchString(s) {
		o.t.Fault(o.N.Get(key), o.Join(key), code, "found", Excerpt(s))
	}
	return s
}

// Found describes what stands at a node, for the message.
func (n *Node) Found() string {
	switch n.Shape {
	case ListNode:
		return "[…]"
	case MapNode:
		return "{…}"
	case TextNode:
		return `"` + Excerpt(n.Text) + `"`
	case NullNode:
		return "null"
	}
	return Excerpt(n.Text)
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
