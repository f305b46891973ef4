package declare

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/problem"
)

// ReadJSON reads one JSON value into nodes, by the limits of ReadYAML.
func ReadJSON(b []byte) *Document {
	t := &Document{}
	if len(b) > MaxBytes {
		t.Add(problem.Violate("declaration-too-large", "", "limit", "1 MiB"), 1, 1)
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
		t.Faults = append([]problem.Violation{}, t.Faults...)
		t.Add(problem.Violate("declaration-syntax", "", "detail", Excerpt(err.Error())), r.line, r.col)
		return t
	}
	t.Root = root
	return t
}

type jsonNodes struct {
	tree      *Document
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

func (r *jsonNodes) next(depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	start := int(r.dec.InputOffset())
	for start < len(r.src) && bytes.IndexByte([]byte(" \t\r\n,:"), r.src[start]) >= 0 {
		start++
	}
	r.here(start)
	n := &Node{Line: r.line, Col: r.col}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		n.Text = "null"
	case 't', 'f':
		n.Shape, n.b, n.Text = BoolNode, tok.Bool(), tok.String()
	case '"':
		n.Shape, n.Text, n.Skip = TextNode, tok.String(), 1
		n.Plain = int(r.dec.InputOffset())-start == len(n.Text)+2
	case '0':
		n.Shape, n.Text = TextNode, tok.String()
		n.number(n.Text)
	case '[':
		n.Shape = ListNode
		for r.dec.PeekKind() != ']' {
			it, err := r.next(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, it)
		}
		_, err = r.dec.ReadToken()
	case '{':
		n.Shape = MapNode
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
			if seen[k.Text] {
				r.tree.Fault(k, Excerpt(k.Text), "declaration-duplicate-key", "key", Excerpt(k.Text))
				continue
			}
			seen[k.Text] = true
			n.Pairs = append(n.Pairs, Pair{Key: k.Text, Line: k.Line, Col: k.Col, Val: v})
		}
		_, err = r.dec.ReadToken()
	}
	return n, err
}
