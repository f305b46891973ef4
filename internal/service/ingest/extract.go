package ingest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
)

// extractor makes one field's value from the cells of a row.
type extractor struct {
	name     string
	column   int
	typ      dataset.Type
	kind     value.Kind
	discreet bool // no error text quotes a value
	required bool
	mapped   bool // named by the mapping, not only by its own name
	natural  bool // a JSON value means itself rather than its lexical form
	schema   *record.Schema

	sources  []string // columns it reads, in order
	template []templatePart
	join     string
	constant *value.Value
	trim     bool
	empty    map[string]bool
	strip    *regexp.Regexp
	pad      int
	lower    bool
	codes    *codeTable
	codeName string
	pattern  *datePattern
	zone     *time.Location
	number   bool // read as a number by the mapping's own marks
	scale    float64
	offset   float64
	decimal  string
	group    string
	vn2000   bool
	of       string // x or y of the place
}

type codeTable struct {
	values map[string]string
	fold   bool
	other  *string
}

func (c *codeTable) find(text string) (string, bool) {
	key := text
	if c.fold {
		key = value.Fold(text)
	}
	if v, ok := c.values[key]; ok {
		return v, true
	}
	if c.other != nil {
		return *c.other, true
	}
	return "", false
}

// newExtractor checks and prepares the mapping of one field.
func newExtractor(f *dataset.Field, column int, t *dataset.Table, fm dataset.FieldMap, isMapped bool, m *dataset.Mapping) (extractor, []problem.Violation) {
	tc := &t.Columns[column]
	x := extractor{name: f.Name, column: column, typ: f.Type, kind: tc.Kind, discreet: t.Discreet(), mapped: isMapped,
		join: fm.Join, trim: fm.Trim == nil || *fm.Trim, empty: textSet(fm.Empty), pad: fm.Pad, lower: fm.Lower,
		codeName: fm.Codes, scale: 1, decimal: ".", of: fm.Of, vn2000: fm.CRS == "EPSG:9214"}
	x.natural = f.Type.HoldsJSON() || f.Type == dataset.Boolean || f.DecimalChar != "" || f.GroupChar != ""
	var vs []problem.Violation
	fault := func(code string, kv ...any) { vs = append(vs, problem.Violate(code, f.Name, kv...)) }
	switch {
	case fm.Template != "":
		var ok bool
		if x.template, ok = parseTemplate(fm.Template); !ok {
			fault("intake-pattern", "what", "template", "pattern", fm.Template)
		}
		for _, p := range x.template {
			if p.column != "" && !slices.Contains(x.sources, p.column) {
				x.sources = append(x.sources, p.column)
			}
		}
	case len(fm.Columns) > 0:
		x.sources = fm.Columns
	case fm.Column != "":
		x.sources = []string{fm.Column}
	case fm.Const == nil:
		x.sources, x.mapped = []string{f.Name}, false
	}
	for i := range x.sources {
		x.sources[i] = strings.TrimSpace(nfc(x.sources[i]))
	}
	if fm.Strip != "" {
		re, err := regexp.Compile(fm.Strip)
		if err != nil {
			fault("intake-pattern", "what", "strip", "pattern", fm.Strip)
		}
		x.strip = re
	}
	if fm.Codes != "" {
		t, ok := m.Codes[fm.Codes]
		if !ok {
			fault("intake-codes", "name", fm.Codes)
		}
		x.codes = newCodes(t)
	}
	if fm.Zone != "" {
		zone, err := time.LoadLocation(fm.Zone)
		if err != nil || fm.Zone == "Local" {
			fault("intake-zone", "zone", fm.Zone)
		}
		x.zone = zone
	}
	x.compileMoment(fm, fault)
	if fm.Scale != nil || fm.Offset != nil || fm.DecimalChar != "" || fm.GroupChar != "" {
		x.number = true
		if fm.Scale != nil {
			x.scale = *fm.Scale
		}
		if fm.Offset != nil {
			x.offset = *fm.Offset
		}
		if fm.DecimalChar != "" {
			x.decimal = fm.DecimalChar
		}
		x.group = fm.GroupChar
		if x.kind != value.Float && x.kind != value.Int || x.decimal == x.group {
			fault("intake-number-field", "type", f.Type)
		}
	}
	if x.vn2000 || x.of != "" {
		switch {
		case f.Type == dataset.GeoPoint && x.of == "" && len(x.sources) <= 2,
			x.kind == value.Float && x.of != "" && len(x.sources) == 2:
		default:
			fault("intake-crs")
		}
	}
	return x, vs
}

func newCodes(t dataset.CodeTable) *codeTable {
	c := &codeTable{values: make(map[string]string, len(t.Values)), fold: t.Fold, other: t.Default}
	for k, v := range t.Values {
		if t.Fold {
			k = value.Fold(k)
		}
		c.values[nfc(k)] = v
	}
	return c
}

func (x *extractor) compileMoment(fm dataset.FieldMap, fault func(string, ...any)) {
	temporal := x.typ == dataset.DateTime || x.typ == dataset.DateType || x.typ == dataset.TimeOfDay || x.typ == dataset.Year || x.typ == dataset.YearMonth
	if (fm.Pattern != "" || fm.Zone != "") && !temporal {
		fault("intake-date-field", "type", x.typ)
		return
	}
	if fm.Pattern == "" {
		return
	}
	p, ok := compilePattern(fm.Pattern)
	if !ok {
		fault("intake-pattern", "what", "pattern", "pattern", fm.Pattern)
		return
	}
	x.pattern = p
	if x.typ == dataset.DateTime && x.zone == nil && fm.Zone == "" && !p.has("X") {
		fault("intake-zone-missing", "pattern", fm.Pattern)
	}
}

// setConstant parses the constant by the field's own type.
func (x *extractor) setConstant(s *record.Schema, c any) *problem.Violation {
	x.schema = s
	if c == nil {
		return nil
	}
	v, bad := s.ParseAny(x.column, c)
	if bad == nil {
		x.constant = &v
	}
	return bad
}

// extract returns the field's value. swapped tells that coordinates were
// exchanged to be right.
func (x *extractor) extract(mp *mapper, cells []Cell, at []int) (v value.Value, swapped bool, bad *problem.Violation) {
	if x.constant != nil {
		return *x.constant, false, nil
	}
	if len(at) == 2 && (x.typ == dataset.GeoPoint || x.of != "") {
		return x.place(mp, cells, at)
	}
	text, given, from := x.text(mp, cells, at)
	if !given {
		return value.Value{}, false, nil
	}
	if x.strip != nil {
		text = x.strip.ReplaceAllString(text, "")
	}
	if x.pad > 0 {
		text = padded(text, x.pad)
	}
	if x.lower {
		text = strings.ToLower(text)
	}
	if x.codes != nil {
		code, ok := x.codes.find(text)
		if !ok {
			if text == "" {
				return value.Value{}, false, nil
			}
			return v, false, x.fault("intake-code", text, "table", x.codeName)
		}
		text = code
	}
	switch {
	case x.pattern != nil || x.zone != nil || from.Date && x.kind != value.Text:
		v, bad = x.moment(text, from.Date)
	case x.number:
		v, bad = x.scaled(text)
	case x.kind == value.Geometry:
		return x.geometry(text)
	case from.JSON && x.natural && text == from.Text:
		v, bad = x.schema.ParseAny(x.column, json.RawMessage(text))
	default:
		v, bad = x.schema.ParseCell(x.column, text)
	}
	return v, false, bad
}

// given returns a cell's text, trimmed and NFC, and whether it holds a value.
func (mp *mapper) given(c Cell, trim bool, empty map[string]bool) (string, bool) {
	if c.Null {
		return "", false
	}
	text := nfc(c.Text)
	if trim {
		text = strings.TrimSpace(text)
	}
	if mp.missing[text] || empty[text] || text == "" && mp.missing == nil && trim {
		return text, false
	}
	return text, true
}

// text gathers the cells that the field reads. from is the cell when it is a
// single one.
func (x *extractor) text(mp *mapper, cells []Cell, at []int) (text string, given bool, from Cell) {
	cell := func(i int) Cell {
		if i < 0 || i >= len(cells) {
			return Cell{Null: true}
		}
		return cells[i]
	}
	switch {
	case x.template != nil:
		text, given = x.fillTemplate(mp, cell, at)
		return text, given, Cell{}
	case len(at) == 1:
		c := cell(at[0])
		text, given = mp.given(c, x.trim, x.empty)
		return text, given, c
	}
	var b strings.Builder
	for _, i := range at {
		part, ok := mp.given(cell(i), x.trim, x.empty)
		if !ok {
			continue
		}
		if given {
			b.WriteString(x.join)
		}
		given = true
		b.WriteString(part)
	}
	return b.String(), given, Cell{}
}

func (x *extractor) fillTemplate(mp *mapper, cell func(int) Cell, at []int) (string, bool) {
	var b strings.Builder
	for _, p := range x.template {
		if p.column == "" {
			b.WriteString(p.literal)
			continue
		}
		part, ok := mp.given(cell(at[slices.Index(x.sources, p.column)]), true, x.empty)
		if !ok {
			return "", false
		}
		if p.width > 0 {
			part = padded(part, p.width)
		}
		b.WriteString(part)
	}
	return b.String(), true
}

type templatePart struct {
	literal string
	column  string
	width   int // zeros to the left up to this width
}

// parseTemplate reads "{year}-{month:02}"; {{ is a brace.
func parseTemplate(t string) ([]templatePart, bool) {
	var parts []templatePart
	for t != "" {
		i := strings.IndexByte(t, '{')
		switch {
		case i < 0:
			return append(parts, templatePart{literal: t}), true
		case strings.HasPrefix(t[i:], "{{"):
			parts = append(parts, templatePart{literal: t[:i+1]})
			t = t[i+2:]
			continue
		case i > 0:
			parts = append(parts, templatePart{literal: t[:i]})
		}
		end := strings.IndexByte(t[i:], '}')
		if end < 2 {
			return nil, false
		}
		p := templatePart{column: t[i+1 : i+end]}
		if k := strings.LastIndexByte(p.column, ':'); k > 0 {
			if w, err := strconv.Atoi(p.column[k+1:]); err == nil && w > 0 && w <= 64 {
				p.column, p.width = p.column[:k], w
			}
		}
		p.column = strings.TrimSpace(nfc(p.column))
		parts = append(parts, p)
		t = t[i+end+1:]
	}
	return parts, true
}

func templateColumns(t string) []string {
	parts, _ := parseTemplate(t)
	var names []string
	for _, p := range parts {
		if p.column != "" {
			names = append(names, p.column)
		}
	}
	return names
}

// padded drops what a spreadsheet adds to a code (".0") and restores the
// zeros that it takes away.
func padded(text string, width int) string {
	text = strings.TrimSuffix(text, ".0")
	if n := utf8.RuneCountInString(text); n < width && n > 0 {
		return strings.Repeat("0", width-n) + text
	}
	return text
}

// fault names the text that does not fit, unless the dataset has personal fields.
func (x *extractor) fault(code, text string, kv ...any) *problem.Violation {
	if x.discreet {
		text = "…"
	} else if len(text) > 80 {
		text = strings.ToValidUTF8(text[:80], "") + "…"
	}
	v := problem.Violate(code, x.name, append([]any{"value", text}, kv...)...)
	return &v
}
