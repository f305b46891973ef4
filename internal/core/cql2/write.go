package cql2

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// Text writes a tree as CQL2 text that ParseText reads back to an equal tree
// (offsets aside). nil is TRUE.
func Text(e Expr) string {
	if e == nil {
		return "TRUE"
	}
	return string(appendText(nil, e, levelOr))
}

// Binding strengths of the text form, weakest first.
const (
	levelOr = iota
	levelAnd
	levelNot
	levelPredicate
	levelSum
	levelProduct
	levelPower
	levelOperand
)

func level(e Expr) int {
	c, ok := e.(*Call)
	if !ok {
		return levelOperand
	}
	switch c.Op {
	case "or":
		return levelOr
	case "and":
		return levelAnd
	case "not":
		return levelNot
	case "=", "<>", "<", ">", "<=", ">=", "like", "between", "in", "isNull":
		return levelPredicate
	case "+", "-":
		return levelSum
	case "*", "/", "%", "div":
		return levelProduct
	case "^":
		return levelPower
	}
	return levelOperand
}

// appendText writes e, in parentheses when it binds weaker than least.
func appendText(b []byte, e Expr, least int) []byte {
	if level(e) < least {
		return append(appendText(append(b, '('), e, levelOr), ')')
	}
	switch e := e.(type) {
	case *Lit:
		return appendLit(b, e)
	case *Prop:
		return appendName(b, e.Name)
	case *List: // in brackets: outside of IN and A_ functions (x) is x
		return append(appendItems(append(b, '['), e.Items), ']')
	case *Interval:
		b = appendBound(append(b, "INTERVAL("...), e.Start)
		return append(appendBound(append(b, ", "...), e.End), ')')
	case *Call:
		return appendCall(b, e)
	}
	return b
}

func appendCall(b []byte, c *Call) []byte {
	infix := func(op string, left, right int) []byte {
		for i, a := range c.Args {
			if i > 0 {
				b = append(append(append(b, ' '), op...), ' ')
				b = appendText(b, a, right)
			} else {
				b = appendText(b, a, left)
			}
		}
		return b
	}
	if level(c) < levelOperand && len(c.Args) > 0 {
		switch c.Op {
		case "or":
			return infix("OR", levelAnd, levelAnd)
		case "and":
			return infix("AND", levelNot, levelNot)
		case "not":
			return appendText(append(b, "NOT "...), c.Args[0], levelNot)
		case "+", "-":
			return infix(c.Op, levelSum, levelProduct)
		case "*", "/", "%", "div":
			return infix(c.Op, levelProduct, levelPower)
		case "^":
			return infix(c.Op, levelOperand, levelPower)
		case "isNull":
			return append(appendText(b, c.Args[0], levelSum), " IS NULL"...)
		case "like":
			return infix("LIKE", levelSum, levelSum)
		case "in":
			if l, ok := c.Args[len(c.Args)-1].(*List); ok && len(c.Args) == 2 {
				b = append(appendText(b, c.Args[0], levelSum), " IN ("...)
				return append(appendItems(b, l.Items), ')')
			}
			return infix("IN", levelSum, levelSum)
		case "between":
			if len(c.Args) == 3 {
				b = append(appendText(b, c.Args[0], levelSum), " BETWEEN "...)
				b = append(appendText(b, c.Args[1], levelSum), " AND "...)
				return appendText(b, c.Args[2], levelSum)
			}
		default:
			return infix(c.Op, levelSum, levelSum)
		}
	}
	name := c.Op
	if strings.IndexByte("sta", name[0]) >= 0 && len(name) > 1 && name[1] == '_' || name == "casei" || name == "accenti" {
		name = strings.ToUpper(name)
	}
	b = append(append(b, name...), '(')
	if !strings.HasPrefix(name, "A_") {
		return append(appendItems(b, c.Args), ')')
	}
	for i, a := range c.Args {
		if i > 0 {
			b = append(b, ", "...)
		}
		if l, ok := a.(*List); ok {
			b = append(appendItems(append(b, '('), l.Items), ')')
		} else {
			b = appendText(b, a, levelOr)
		}
	}
	return append(b, ')')
}

func appendItems(b []byte, items []Expr) []byte {
	for i, e := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendText(b, e, levelOr)
	}
	return b
}

func appendBound(b []byte, e Expr) []byte {
	switch e := e.(type) {
	case nil:
		return append(b, "'..'"...)
	case *Lit:
		if k := e.Value.Kind(); k == value.Date || k == value.Time {
			return append(append(append(b, '\''), instantText(e.Value)...), '\'')
		}
	}
	return appendText(b, e, levelOr)
}

func appendName(b []byte, name string) []byte {
	if plainName(name) {
		return append(b, name...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(name, `"`, `""`)...)
	return append(b, '"')
}

func appendLit(b []byte, l *Lit) []byte {
	v := l.Value
	switch v.Kind() {
	case value.Bool:
		if v.Bool() {
			return append(b, "TRUE"...)
		}
		return append(b, "FALSE"...)
	case value.Int:
		return strconv.AppendInt(b, v.Int(), 10)
	case value.Float:
		return appendFloat(b, v.Float())
	case value.Text:
		b = append(b, '\'')
		b = append(b, strings.ReplaceAll(v.Text(), "'", "''")...)
		return append(b, '\'')
	case value.Date:
		return append(append(append(b, "DATE('"...), instantText(v)...), "')"...)
	case value.Time:
		return append(append(append(b, "TIMESTAMP('"...), instantText(v)...), "')"...)
	case value.Geometry:
		if l.BBox == nil {
			return append(b, geom.ToWKT(v.WKB())...)
		}
		b = append(b, "BBOX("...)
		for i, f := range l.BBox {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = strconv.AppendFloat(b, f, 'f', -1, 64)
		}
		return append(b, ')')
	}
	return append(b, "NULL"...)
}

// appendFloat writes a number so that it reads back as a Float.
func appendFloat(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return append(strconv.AppendFloat(b, f, 'f', -1, 64), ".0"...)
	}
	n := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if strings.IndexByte(string(b[n:]), '.') < 0 && strings.IndexByte(string(b[n:]), 'e') < 0 {
		b = append(b, ".0"...)
	}
	return b
}

// JSON writes a tree as CQL2 JSON that ParseJSON reads back to an equal tree
// (offsets aside). nil is true.
func JSON(e Expr) []byte {
	if e == nil {
		return []byte("true")
	}
	return appendJSON(nil, e)
}

func appendJSON(b []byte, e Expr) []byte {
	switch e := e.(type) {
	case *Lit:
		return appendJSONLit(b, e)
	case *Prop:
		return append(appendString(append(b, `{"property":`...), e.Name), '}')
	case *List:
		return appendArray(b, e.Items)
	case *Interval:
		b = appendJSONBound(append(b, `{"interval":[`...), e.Start)
		return append(appendJSONBound(append(b, ','), e.End), "]}"...)
	case *Call:
		b = appendString(append(b, `{"op":`...), e.Op)
		return append(appendArray(append(b, `,"args":`...), e.Args), '}')
	}
	return append(b, "null"...)
}

func appendArray(b []byte, items []Expr) []byte {
	b = append(b, '[')
	for i, e := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, e)
	}
	return append(b, ']')
}

func appendJSONBound(b []byte, e Expr) []byte {
	switch e := e.(type) {
	case nil:
		return append(b, `".."`...)
	case *Lit:
		if k := e.Value.Kind(); k == value.Date || k == value.Time {
			return appendString(b, instantText(e.Value))
		}
	}
	return appendJSON(b, e)
}

func appendJSONLit(b []byte, l *Lit) []byte {
	v := l.Value
	switch v.Kind() {
	case value.Bool:
		return strconv.AppendBool(b, v.Bool())
	case value.Text:
		return appendString(b, v.Text())
	case value.Date:
		return append(appendString(append(b, `{"date":`...), instantText(v)), '}')
	case value.Time:
		return append(appendString(append(b, `{"timestamp":`...), instantText(v)), '}')
	case value.Geometry:
		if l.BBox == nil {
			return geom.AppendGeoJSON(b, v.WKB())
		}
		b = append(b, `{"bbox":[`...)
		for i, f := range l.BBox {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendFloat(b, f, 'f', -1, 64)
		}
		return append(b, "]}"...)
	case value.Int, value.Float:
		return appendLit(b, l)
	}
	return append(b, "null"...)
}

func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // its error tells of bad UTF-8, which it replaces
	return b
}
