package ingest

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

// jsonTable reads records from JSON: an array of objects anywhere in the
// document, an object of equally long arrays, one object, NDJSON, or the
// features of a GeoJSON FeatureCollection (RFC 7946), whose properties become
// columns beside "geometry" and "id".
type jsonTable struct {
	scan    jsonScanner
	mode    jsonMode
	geo     bool
	begun   bool // an element came already
	names   []string
	index   map[string]int
	quoted  map[string]string // names of members as they are written, to what they mean
	wanted  []pointer
	waiting []captured // records at hand, before the stream goes on
	arrays  [][]jsontext.Value
	row     int
	open    int // brackets to close after the array
	buf     []byte
	dec     *jsontext.Decoder
	src     bytes.Reader
}

type jsonMode uint8

const (
	modeArray   jsonMode = iota // inside an array of records
	modeLines                   // one record a line
	modeColumns                 // an object of arrays
	modeDone
)

// pointer is a JSON Pointer (RFC 6901) into a record that a mapping uses as a
// column name.
type pointer struct {
	name  string
	parts []string
}

// pointers lists the columns of a mapping that begin with "/".
func pointers(m *dataset.Mapping) []string {
	var all []string
	add := func(c string) {
		if strings.HasPrefix(c, "/") {
			all = append(all, c)
		}
	}
	for _, f := range m.Map {
		add(f.Column)
		for _, c := range f.Columns {
			add(c)
		}
		for _, c := range templateColumns(f.Template) {
			add(c)
		}
	}
	return all
}

func pointerParts(p string) []string {
	parts := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(parts[i], "~1", "/"), "~0", "~")
	}
	return parts
}

func newJSON(in *bufio.Reader, format, records string, wanted []string, l Limits) (*jsonTable, error) {
	t := &jsonTable{scan: jsonScanner{in: in, line: 1, limits: l}, index: map[string]int{}, geo: format == "geojson", dec: jsontext.NewDecoder(bytes.NewReader(nil))}
	for _, w := range wanted {
		t.wanted = append(t.wanted, pointer{w, pointerParts(w)})
	}
	if format == "ndjson" {
		t.mode = modeLines
		return t, nil
	}
	c, err := t.scan.space()
	if err != nil {
		return nil, t.scan.eof(err)
	}
	switch {
	case records != "" && records != "/":
		return t, t.navigate(pointerParts(records))
	case c == '[':
		_, err := in.ReadByte()
		return t, err
	case c == '{':
		return t, t.object()
	}
	return nil, t.scan.lost("\"[\" or \"{\"")
}

// navigate goes to the array that a JSON Pointer names.
func (t *jsonTable) navigate(parts []string) error {
	for _, part := range parts {
		c, err := t.scan.space()
		if err != nil {
			return t.scan.eof(err)
		}
		if _, err := t.scan.in.ReadByte(); err != nil {
			return err
		}
		found := false
		switch c {
		case '{':
			for {
				name, end, err := t.member()
				if err != nil {
					return err
				}
				if end {
					break
				}
				if found = name == part; found {
					break
				}
				if t.buf, err = t.skip(); err != nil {
					return err
				}
			}
		case '[':
			want, err := strconv.Atoi(part)
			for i := 0; err == nil && i <= want; i++ {
				if found = i == want; found {
					break
				}
				if t.buf, err = t.skip(); err != nil {
					return err
				}
				if err = t.scan.expect(','); err != nil {
					return err
				}
			}
		}
		if !found {
			return problem.New(problem.Invalid, "intake-records", "pointer", "/"+strings.Join(parts, "/"))
		}
		t.open++
	}
	return t.scan.expect('[')
}

func (t *jsonTable) skip() ([]byte, error) {
	v, err := t.scan.value(t.buf)
	return v.bytes, err
}

// member reads up to the value of an object's next member.
func (t *jsonTable) member() (name string, end bool, err error) {
	c, err := t.scan.space()
	if err != nil {
		return "", false, t.scan.eof(err)
	}
	if c == ',' {
		if _, err := t.scan.in.ReadByte(); err != nil {
			return "", false, err
		}
		if c, err = t.scan.space(); err != nil {
			return "", false, t.scan.eof(err)
		}
	}
	if c == '}' {
		_, err := t.scan.in.ReadByte()
		return "", true, err
	}
	if c != '"' {
		return "", false, t.scan.lost("a member's name")
	}
	v, err := t.scan.value(t.buf)
	if err != nil {
		return "", false, err
	}
	t.buf = v.bytes
	text, err := jsontext.AppendUnquote(nil, v.bytes)
	if err != nil || v.over {
		return "", false, t.scan.lost("a member's name")
	}
	return string(text), false, t.scan.expect(':')
}

// object looks for the records in an object: its first array of objects, else
// its equally long arrays, else the object itself.
func (t *jsonTable) object() error {
	line := t.scan.line
	if _, err := t.scan.in.ReadByte(); err != nil {
		return err
	}
	whole := []byte{'{'}
	var arrays [][]jsontext.Value
	var names []string
	collection := false
	for {
		name, end, err := t.member()
		if err != nil {
			return err
		}
		if end {
			break
		}
		c, err := t.scan.space()
		if err != nil {
			return t.scan.eof(err)
		}
		var v captured
		if c == '[' {
			if _, err := t.scan.in.ReadByte(); err != nil {
				return err
			}
			inner, err := t.scan.space()
			if err != nil {
				return t.scan.eof(err)
			}
			if inner == '{' || inner == ']' && (t.geo || collection) && name == "features" {
				t.open, t.geo = 1, t.geo || collection
				return nil
			}
			if v, err = t.scan.rest(nil, 1); err != nil {
				return err
			}
			v.bytes = append([]byte{'['}, v.bytes...)
			if items, ok := elements(v.bytes); ok {
				names, arrays = append(names, name), append(arrays, items)
			}
		} else if v, err = t.scan.value(nil); err != nil {
			return err
		}
		if v.over || len(whole)+len(v.bytes) > 8*t.scan.limits.Row {
			return problem.New(problem.TooLarge, "too-large", "limit", bytesText(int64(8*t.scan.limits.Row)))
		}
		collection = collection || name == "type" && string(v.bytes) == `"FeatureCollection"`
		if len(whole) > 1 {
			whole = append(whole, ',')
		}
		if whole, err = jsontext.AppendQuote(whole, name); err != nil {
			return t.scan.lost("a member's name")
		}
		whole = append(append(whole, ':'), v.bytes...)
	}
	if collection {
		t.mode = modeDone
		return nil
	}
	for i := range names {
		names[i] = nfc(names[i])
	}
	// Members of one name are not columns; the record's own parser refuses them.
	if len(arrays) > 0 && equalLengths(arrays) && len(slices.Compact(slices.Sorted(slices.Values(names)))) == len(names) {
		t.mode, t.arrays = modeColumns, arrays
		for _, n := range names {
			t.column(n)
		}
		return nil
	}
	t.mode = modeLines
	t.waiting = []captured{{bytes: append(whole, '}'), line: line}}
	return nil
}

// elements splits a JSON array.
func elements(b []byte) ([]jsontext.Value, bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(b))
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	var items []jsontext.Value
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		items = append(items, v.Clone())
	}
	return items, true
}

func (t *jsonTable) columns() []string { return t.names }

func (t *jsonTable) next(row *Row) error {
	if len(t.waiting) > 0 {
		v := t.waiting[0]
		t.waiting = t.waiting[1:]
		t.fill(row, v)
		return nil
	}
	switch t.mode {
	case modeArray:
		return t.nextElement(row)
	case modeLines:
		for {
			v, err := t.scan.textLine(t.buf)
			if err != nil {
				return err
			}
			t.buf = v.bytes
			if len(bytes.TrimSpace(v.bytes)) == 0 && !v.over {
				continue
			}
			v.bytes = bytes.TrimSpace(v.bytes)
			t.fill(row, v)
			return nil
		}
	case modeColumns:
		if t.row >= len(t.arrays[0]) {
			return io.EOF
		}
		*row = Row{Line: t.row + 1, Cells: make([]Cell, len(t.names))}
		for i := range t.arrays {
			c, err := jsonCell(t.arrays[i][t.row])
			if err != nil {
				row.Fault = violation("intake-json", i+1)
			}
			row.Cells[i] = c
		}
		t.row++
		return nil
	}
	return io.EOF
}

func (t *jsonTable) nextElement(row *Row) error {
	c, err := t.scan.space()
	if err != nil {
		return t.scan.eof(err)
	}
	if c == ',' && t.begun {
		if _, err := t.scan.in.ReadByte(); err != nil {
			return err
		}
		if c, err = t.scan.space(); err != nil {
			return t.scan.eof(err)
		}
	} else if c != ']' && t.begun {
		return t.scan.lost("\",\" or \"]\"")
	}
	if c == ']' {
		t.mode = modeDone
		if _, err := t.scan.in.ReadByte(); err != nil {
			return err
		}
		return t.closing()
	}
	v, err := t.scan.value(t.buf)
	if err != nil {
		return err
	}
	t.begun, t.buf = true, v.bytes
	t.fill(row, v)
	return nil
}

// closing reads what stands after the array, so that a document cut short is
// noticed.
func (t *jsonTable) closing() error {
	if t.open == 0 {
		if _, err := t.scan.space(); err != io.EOF {
			if err == nil {
				err = t.scan.lost("end of file")
			}
			return err
		}
		return io.EOF
	}
	if v, err := t.scan.rest(t.buf, t.open); err != nil {
		return err
	} else if t.buf = v.bytes; v.torn {
		return t.scan.lost("a string")
	}
	return io.EOF
}

// fill parses one record strictly.
func (t *jsonTable) fill(row *Row, v captured) {
	*row = Row{Line: v.line}
	switch {
	case v.over:
		row.Fault = violation("intake-row-size", 0, "limit", t.scan.limits.Row)
	case v.deep:
		row.Fault = violation("intake-json-depth", 0, "limit", t.scan.limits.Depth)
	case len(v.bytes) == 0 || v.bytes[0] != '{':
		row.Fault = violation("intake-json-object", 0)
	default:
		row.Fault = t.parse(row, v.bytes)
	}
	if row.Fault != nil {
		row.Cells, row.Raw = nil, cutRaw(v.bytes)
	}
}

func (t *jsonTable) parse(row *Row, b []byte) *problem.Violation {
	if d := depthOf(b); d > t.scan.limits.Depth {
		return violation("intake-json-depth", 0, "limit", t.scan.limits.Depth)
	}
	row.Cells = make([]Cell, len(t.names), len(t.names)+4)
	for i := range row.Cells {
		row.Cells[i].Null = true
	}
	t.src.Reset(b)
	t.dec.Reset(&t.src)
	var geometry, id, properties jsontext.Value
	bad := t.members(func(name string, val jsontext.Value) *problem.Violation {
		if t.geo {
			switch name {
			case "geometry":
				geometry = val.Clone()
			case "id":
				id = val.Clone()
			case "properties":
				properties = val.Clone()
			}
			return nil
		}
		return t.set(row, name, val)
	})
	if bad == nil {
		if _, err := t.dec.ReadToken(); err != io.EOF {
			bad = violation("intake-json", 0)
		}
	}
	if bad == nil && t.geo {
		bad = t.feature(row, geometry, id, properties)
	}
	if bad != nil {
		return bad
	}
	for _, w := range t.wanted {
		i, ok := t.index[w.parts[0]]
		if !ok || len(w.parts) < 2 || i >= len(row.Cells) || row.Cells[i].Null {
			continue
		}
		if val, ok := inside(jsontext.Value(row.Cells[i].Text), w.parts[1:]); ok {
			if bad := t.set(row, w.name, val); bad != nil {
				return bad
			}
		}
	}
	return nil
}

// feature sets the cells of a GeoJSON feature.
func (t *jsonTable) feature(row *Row, geometry, id, properties jsontext.Value) *problem.Violation {
	if len(properties) > 0 && properties.Kind() == '{' {
		t.src.Reset(properties)
		t.dec.Reset(&t.src)
		if bad := t.members(func(name string, val jsontext.Value) *problem.Violation { return t.set(row, name, val) }); bad != nil {
			return bad
		}
	}
	if i, ok := t.index["id"]; len(id) > 0 && (!ok || i >= len(row.Cells) || row.Cells[i].Null) {
		if bad := t.set(row, "id", id); bad != nil {
			return bad
		}
	}
	if len(geometry) > 0 {
		return t.set(row, "geometry", geometry)
	}
	return nil
}

func (t *jsonTable) members(fn func(name string, val jsontext.Value) *problem.Violation) *problem.Violation {
	if tok, err := t.dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return violation("intake-json", 0)
	}
	for t.dec.PeekKind() == '"' {
		quoted, err := t.dec.ReadValue()
		if err != nil {
			return violation("intake-json", 0)
		}
		name, known := t.quoted[string(quoted)]
		if !known {
			text, err := jsontext.AppendUnquote(nil, quoted)
			if err != nil {
				return violation("intake-json", 0)
			}
			if name = string(text); len(quoted) <= 256 && len(t.quoted) < t.scan.limits.Columns {
				if t.quoted == nil {
					t.quoted = map[string]string{}
				}
				t.quoted[string(quoted)] = name
			}
		}
		val, err := t.dec.ReadValue()
		if err != nil {
			return violation("intake-json", 0)
		}
		if bad := fn(name, val); bad != nil {
			return bad
		}
	}
	if _, err := t.dec.ReadToken(); err != nil {
		return violation("intake-json", 0)
	}
	return nil
}

func (t *jsonTable) set(row *Row, name string, val jsontext.Value) *problem.Violation {
	i := t.column(nfc(name))
	if i < 0 {
		return violation("intake-columns", 0, "count", len(t.names)+1, "limit", t.scan.limits.Columns)
	}
	for len(row.Cells) <= i {
		row.Cells = append(row.Cells, Cell{Null: true})
	}
	c, err := jsonCell(val)
	if err != nil {
		return violation("intake-json", i+1)
	}
	if len(c.Text) > t.scan.limits.Cell {
		return violation("intake-cell-size", i+1, "limit", t.scan.limits.Cell)
	}
	row.Cells[i] = c
	return nil
}

func (t *jsonTable) column(name string) int {
	if i, ok := t.index[name]; ok {
		return i
	}
	if len(t.names) >= t.scan.limits.Columns {
		return -1
	}
	t.index[name] = len(t.names)
	t.names = append(t.names, name)
	return len(t.names) - 1
}

// jsonCell is a JSON value as a cell: a string's text, else the value's own text.
func jsonCell(val jsontext.Value) (Cell, error) {
	switch val.Kind() {
	case 'n':
		return Cell{Null: true}, nil
	case '"':
		if bytes.IndexByte(val, '\\') < 0 {
			return Cell{Text: string(val[1 : len(val)-1])}, nil // ReadValue saw to it that it is UTF-8
		}
		text, err := jsontext.AppendUnquote(nil, val)
		return Cell{Text: string(text)}, err
	}
	return Cell{Text: string(val), JSON: true}, nil
}

// inside follows a pointer into a value.
func inside(val jsontext.Value, parts []string) (jsontext.Value, bool) {
	for _, part := range parts {
		dec := jsontext.NewDecoder(bytes.NewReader(val))
		tok, err := dec.ReadToken()
		if err != nil || tok.Kind() != '{' && tok.Kind() != '[' {
			return nil, false
		}
		object, found := tok.Kind() == '{', false
		for i := 0; dec.PeekKind() != '}' && dec.PeekKind() != ']'; i++ {
			name := strconv.Itoa(i)
			if object {
				tok, err := dec.ReadToken()
				if err != nil {
					return nil, false
				}
				name = tok.String()
			}
			v, err := dec.ReadValue()
			if err != nil {
				return nil, false
			}
			if name == part {
				val, found = v.Clone(), true
				break
			}
		}
		if !found {
			return nil, false
		}
	}
	return val, true
}
