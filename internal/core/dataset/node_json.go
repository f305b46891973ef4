package dataset

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/problem"
)

// readJSON reads one JSON value into nodes, by the limits of readYAML.
func readJSON(b []byte) *tree {
	t := &tree{}
	if len(b) > maxBytes {
		t.add(problem.Violate("declaration-too-large", "", "limit", "1 MiB"), 1, 1)
		return t
	}
	d := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowDuplicateNames(true))
	r := &jsonNodes{tree: t, src: string(b), dec: d, line: 1, col: 1}
	root, err := r.next(0)
	if err == nil {
		if _, end := d.ReadToken(); !errors.Is(end, io.EOF) {
			err = errors.New("text after the value")
		}
	}
	if err != nil {
		r.here(int(d.InputOffset()))
		t.vs = append([]problem.Violation{}, t.vs...)
		t.add(problem.Violate("declaration-syntax", "", "detail", excerpt(err.Error())), r.line, r.col)
		return t
	}
	t.root = root
	return t
}

type jsonNodes struct {
	tree      *tree
	src       string
	dec       *jsontext.Decoder
	at        int // byte offset that line and col belong to
	line, col int
}

var errDeep = errors.New("nested too deep")

// here moves the position forward to a byte offset, past white space and the
// punctuation between values.
func (r *jsonNodes) here(offset int) {
	for r.at < offset && r.at < len(r.src) {
		if c := r.src[r.at]; c == '\n' {
			r.line++
			r.col = 1
		} else if c < 0x80 || c >= 0xC0 {
			r.col++
		}
		r.at++
	}
}

func (r *jsonNodes) next(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	start := int(r.dec.InputOffset())
	for start < len(r.src) && bytes.IndexByte([]byte(" \t\r\n,:"), r.src[start]) >= 0 {
		start++
	}
	r.here(start)
	n := &node{line: r.line, col: r.col}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		n.text = "null"
	case 't', 'f':
		n.shape, n.b, n.text = boolNode, tok.Bool(), tok.String()
	case '"':
		n.shape, n.text, n.skip = textNode, tok.String(), 1
		n.plain = int(r.dec.InputOffset())-start == len(n.text)+2
	case '0':
		n.shape, n.text = textNode, tok.String()
		n.number(n.text)
	case '[':
		n.shape = listNode
		for r.dec.PeekKind() != ']' {
			it, err := r.next(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, it)
		}
		_, err = r.dec.ReadToken()
	case '{':
		n.shape = mapNode
		seen := map[string]bool{}
		for r.dec.PeekKind() != '}' {
			k, err := r.next(depth + 1)
			if err != nil {
				return nil, err
			}
			v, err := r.next(depth + 1)
			if err != nil {
				return nil, err
			}
			if seen[k.text] {
				r.tree.fault(k, excerpt(k.text), "declaration-duplicate-key", "key", excerpt(k.text))
				continue
			}
			seen[k.text] = true
			n.pairs = append(n.pairs, pair{key: k.text, line: k.line, col: k.col, val: v})
		}
		_, err = r.dec.ReadToken()
	}
	return n, err
}
