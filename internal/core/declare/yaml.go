package declare

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"huong.city/huong/internal/core/problem"
)

// ReadYAML reads one YAML document into nodes. Anchors, aliases, merge keys
// and tags are refused: a declaration says everything where it stands, and a
// small file cannot unfold into a large one. Depth is checked on the tokens,
// before the recursive parser sees them.
func ReadYAML(file string, b []byte) *Document {
	t := &Document{File: file}
	switch {
	case len(b) > MaxBytes:
		t.Add(problem.Violate("declaration-too-large", "", "limit", "1 MiB"), 1, 1)
		return t
	case !utf8.Valid(b):
		line, col := firstInvalid(b)
		t.Add(problem.Violate("declaration-not-utf8", ""), line, col)
		return t
	}
	src := strings.TrimPrefix(string(b), "\ufeff")
	if i := strings.IndexByte(src, 0); i >= 0 {
		line, col := positionAt(src, i)
		t.Add(problem.Violate("declaration-not-utf8", ""), line, col)
		return t
	}
	if strings.TrimSpace(src) == "" {
		t.Add(problem.Violate("declaration-empty", ""), 1, 1)
		return t
	}
	doc := parseYAML(t, src)
	if doc == nil {
		if len(t.Faults) == 0 {
			t.Add(problem.Violate("declaration-empty", ""), 1, 1)
		}
		return t
	}
	t.Root = t.fromYAML(doc, 0)
	return t
}

// parseYAML returns the body of the only document, or nil after a fault. The
// parser is not ours: should it panic on some input, that input is a syntax
// fault and not the end of the process.
func parseYAML(t *Document, src string) (body ast.Node) {
	defer func() {
		if recover() != nil {
			body = nil
			t.Faults = nil
			t.Add(problem.Violate("declaration-syntax", "", "detail", "unreadable"), 1, 1)
		}
	}()
	tokens := lexer.Tokenize(src)
	if !t.safe(tokens) {
		return nil
	}
	if tk := tokens.InvalidToken(); tk != nil {
		t.Add(problem.Violate("declaration-syntax", "", "detail", tk.Error), tk.Position.Line, tk.Position.Column)
		return nil
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		// Error would print the whole source around the fault, in time that grows
		// with the square of it; of its own errors the parser tells the message alone.
		line, col, detail := 1, 1, ""
		if s, ok := err.(interface {
			GetMessage() string
			GetToken() *token.Token
		}); ok {
			detail = s.GetMessage()
			if tk := s.GetToken(); tk != nil && tk.Position != nil {
				line, col = tk.Position.Line, tk.Position.Column
			}
		} else {
			detail = err.Error()
		}
		detail, _, _ = strings.Cut(detail, "\n")
		t.Add(problem.Violate("declaration-syntax", "", "detail", Excerpt(detail)), line, col)
		return nil
	}
	for _, d := range f.Docs {
		if d == nil || d.Body == nil {
			continue
		}
		if body != nil {
			tk := d.Body.GetToken()
			t.Add(problem.Violate("declaration-documents", ""), tk.Position.Line, tk.Position.Column)
			return nil
		}
		body = d.Body
	}
	return body
}

// safe looks for what the parser must not be given: nesting beyond maxDepth and
// anything that refers elsewhere, and more keys than it reads in a short time
// (its work grows with the square of a map's keys). Block nesting by indentation needs a longer
// line per level, so only same-line nesting and flow brackets can grow cheaply.
func (t *Document) safe(tokens token.Tokens) bool {
	flow, line, onLine, keys := 0, 0, 0, 0
	for _, tk := range tokens {
		pos := tk.Position
		if pos == nil {
			continue
		}
		if pos.Line != line {
			line, onLine = pos.Line, 0
		}
		switch tk.Type {
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.DirectiveType:
			t.Add(problem.Violate("declaration-alias", "", "found", Excerpt(tk.Value)), pos.Line, pos.Column)
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			onLine++
		case token.MappingValueType:
			keys++
		}
		if keys > maxKeys {
			t.Add(problem.Violate("declaration-many-keys", "", "limit", maxKeys), pos.Line, pos.Column)
			return false
		}
		if flow > maxDepth || onLine > maxDepth || pos.IndentNum > 8*maxDepth {
			t.Add(problem.Violate("declaration-too-deep", "", "limit", maxDepth), pos.Line, pos.Column)
			return false
		}
	}
	return len(t.Faults) == 0
}

func (t *Document) fromYAML(y ast.Node, depth int) *Node {
	n := &Node{Line: 1, Col: 1}
	if tk := y.GetToken(); tk != nil && tk.Position != nil {
		n.Line, n.Col = tk.Position.Line, tk.Position.Column
	}
	if depth > maxDepth {
		t.Fault(n, "", "declaration-too-deep", "limit", maxDepth)
		return n
	}
	switch y := y.(type) {
	case *ast.MappingNode:
		n.Shape = MapNode
		t.addPairs(n, y.Values, depth)
	case *ast.MappingValueNode:
		n.Shape = MapNode
		t.addPairs(n, []*ast.MappingValueNode{y}, depth)
	case *ast.SequenceNode:
		n.Shape = ListNode
		for _, v := range y.Values {
			n.Items = append(n.Items, t.fromYAML(v, depth+1))
		}
	case *ast.NullNode:
		n.Text = y.Token.Value
	case *ast.BoolNode:
		n.Shape, n.b, n.Text = BoolNode, y.Value, y.Token.Value
	case *ast.LiteralNode:
		n.Shape, n.Text = TextNode, y.Value.Value
	case *ast.StringNode:
		n.Shape, n.Text = TextNode, y.Value
		if o := strings.TrimSpace(y.Token.Origin); !strings.ContainsAny(o, "\n\r") {
			switch y.Token.Type {
			case token.SingleQuoteType, token.DoubleQuoteType:
				n.Skip = 1
				n.Plain = !strings.ContainsAny(y.Value, `\'"`)
			default:
				n.Plain = true
			}
		}
	default:
		tk := y.GetToken()
		if tk == nil {
			t.Fault(n, "", "declaration-syntax", "detail", "unreadable")
			return n
		}
		n.Shape, n.Text = TextNode, strings.TrimSpace(tk.Value)
		n.number(n.Text)
	}
	return n
}

func (t *Document) addPairs(n *Node, values []*ast.MappingValueNode, depth int) {
	if len(values) > 0 {
		if tk := values[0].Key.GetToken(); tk != nil {
			n.Line, n.Col = tk.Position.Line, tk.Position.Column
		}
	}
	seen := make(map[string]bool, len(values))
	for _, v := range values {
		tk := v.Key.GetToken()
		p := Pair{Key: tk.Value, Line: tk.Position.Line, Col: tk.Position.Column}
		if k, ok := v.Key.(*ast.StringNode); ok {
			p.Key = k.Value
		} else if k, ok := v.Key.(*ast.MappingKeyNode); ok {
			if k.Value == nil || k.Value.GetToken() == nil {
				t.Add(problem.Violate("declaration-syntax", "", "detail", "?"), p.Line, p.Col)
				continue
			}
			p.Key = k.Value.GetToken().Value
		}
		if seen[p.Key] {
			t.Add(problem.Violate("declaration-duplicate-key", Excerpt(p.Key), "key", Excerpt(p.Key)), p.Line, p.Col)
			continue
		}
		seen[p.Key] = true
		if v.Value == nil {
			p.Val = &Node{Line: p.Line, Col: p.Col}
		} else {
			p.Val = t.fromYAML(v.Value, depth+1)
		}
		n.Pairs = append(n.Pairs, p)
	}
}

func firstInvalid(b []byte) (line, col int) {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return positionAt(string(b), i)
		}
		i += size
	}
	return 1, 1
}

// positionAt turns a byte offset into a 1-based line and character column.
func positionAt(s string, offset int) (line, col int) {
	if offset > len(s) {
		offset = len(s)
	}
	before := s[:offset]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}
