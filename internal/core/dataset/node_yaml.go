package dataset

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"huong.city/huong/internal/core/problem"
)

// readYAML reads one YAML document into nodes. Anchors, aliases, merge keys
// and tags are refused: a declaration says everything where it stands, and a
// small file cannot unfold into a large one. Depth is checked on the tokens,
// before the recursive parser sees them.
func readYAML(file string, b []byte) *tree {
	t := &tree{file: file}
	switch {
	case len(b) > maxBytes:
		t.add(problem.Violate("declaration-too-large", "", "limit", "1 MiB"), 1, 1)
		return t
	case !utf8.Valid(b):
		line, col := firstInvalid(b)
		t.add(problem.Violate("declaration-not-utf8", ""), line, col)
		return t
	}
	src := strings.TrimPrefix(string(b), "\ufeff")
	if i := strings.IndexByte(src, 0); i >= 0 {
		line, col := positionAt(src, i)
		t.add(problem.Violate("declaration-not-utf8", ""), line, col)
		return t
	}
	if strings.TrimSpace(src) == "" {
		t.add(problem.Violate("declaration-empty", ""), 1, 1)
		return t
	}
	doc := parseYAML(t, src)
	if doc == nil {
		if len(t.vs) == 0 {
			t.add(problem.Violate("declaration-empty", ""), 1, 1)
		}
		return t
	}
	t.root = t.fromYAML(doc, 0)
	return t
}

// parseYAML returns the body of the only document, or nil after a fault. The
// parser is not ours: should it panic on some input, that input is a syntax
// fault and not the end of the process.
func parseYAML(t *tree, src string) (body ast.Node) {
	defer func() {
		if recover() != nil {
			body = nil
			t.vs = nil
			t.add(problem.Violate("declaration-syntax", "", "detail", "unreadable"), 1, 1)
		}
	}()
	tokens := lexer.Tokenize(src)
	if !t.safe(tokens) {
		return nil
	}
	if tk := tokens.InvalidToken(); tk != nil {
		t.add(problem.Violate("declaration-syntax", "", "detail", tk.Error), tk.Position.Line, tk.Position.Column)
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
		t.add(problem.Violate("declaration-syntax", "", "detail", excerpt(detail)), line, col)
		return nil
	}
	for _, d := range f.Docs {
		if d == nil || d.Body == nil {
			continue
		}
		if body != nil {
			tk := d.Body.GetToken()
			t.add(problem.Violate("declaration-documents", ""), tk.Position.Line, tk.Position.Column)
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
func (t *tree) safe(tokens token.Tokens) bool {
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
			t.add(problem.Violate("declaration-alias", "", "found", excerpt(tk.Value)), pos.Line, pos.Column)
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
			t.add(problem.Violate("declaration-many-keys", "", "limit", maxKeys), pos.Line, pos.Column)
			return false
		}
		if flow > maxDepth || onLine > maxDepth || pos.IndentNum > 8*maxDepth {
			t.add(problem.Violate("declaration-too-deep", "", "limit", maxDepth), pos.Line, pos.Column)
			return false
		}
	}
	return len(t.vs) == 0
}

func (t *tree) fromYAML(y ast.Node, depth int) *node {
	n := &node{line: 1, col: 1}
	if tk := y.GetToken(); tk != nil && tk.Position != nil {
		n.line, n.col = tk.Position.Line, tk.Position.Column
	}
	if depth > maxDepth {
		t.fault(n, "", "declaration-too-deep", "limit", maxDepth)
		return n
	}
	switch y := y.(type) {
	case *ast.MappingNode:
		n.shape = mapNode
		t.addPairs(n, y.Values, depth)
	case *ast.MappingValueNode:
		n.shape = mapNode
		t.addPairs(n, []*ast.MappingValueNode{y}, depth)
	case *ast.SequenceNode:
		n.shape = listNode
		for _, v := range y.Values {
			n.items = append(n.items, t.fromYAML(v, depth+1))
		}
	case *ast.NullNode:
		n.text = y.Token.Value
	case *ast.BoolNode:
		n.shape, n.b, n.text = boolNode, y.Value, y.Token.Value
	case *ast.LiteralNode:
		n.shape, n.text = textNode, y.Value.Value
	case *ast.StringNode:
		n.shape, n.text = textNode, y.Value
		if o := strings.TrimSpace(y.Token.Origin); !strings.ContainsAny(o, "\n\r") {
			switch y.Token.Type {
			case token.SingleQuoteType, token.DoubleQuoteType:
				n.skip = 1
				n.plain = !strings.ContainsAny(y.Value, `\'"`)
			default:
				n.plain = true
			}
		}
	default:
		tk := y.GetToken()
		if tk == nil {
			t.fault(n, "", "declaration-syntax", "detail", "unreadable")
			return n
		}
		n.shape, n.text = textNode, strings.TrimSpace(tk.Value)
		n.number(n.text)
	}
	return n
}

func (t *tree) addPairs(n *node, values []*ast.MappingValueNode, depth int) {
	if len(values) > 0 {
		if tk := values[0].Key.GetToken(); tk != nil {
			n.line, n.col = tk.Position.Line, tk.Position.Column
		}
	}
	seen := make(map[string]bool, len(values))
	for _, v := range values {
		tk := v.Key.GetToken()
		p := pair{key: tk.Value, line: tk.Position.Line, col: tk.Position.Column}
		if k, ok := v.Key.(*ast.StringNode); ok {
			p.key = k.Value
		} else if k, ok := v.Key.(*ast.MappingKeyNode); ok {
			if k.Value == nil || k.Value.GetToken() == nil {
				t.add(problem.Violate("declaration-syntax", "", "detail", "?"), p.line, p.col)
				continue
			}
			p.key = k.Value.GetToken().Value
		}
		if seen[p.key] {
			t.add(problem.Violate("declaration-duplicate-key", excerpt(p.key), "key", excerpt(p.key)), p.line, p.col)
			continue
		}
		seen[p.key] = true
		if v.Value == nil {
			p.val = &node{line: p.line, col: p.col}
		} else {
			p.val = t.fromYAML(v.Value, depth+1)
		}
		n.pairs = append(n.pairs, p)
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
