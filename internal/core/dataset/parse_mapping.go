package dataset

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/cql2"
)

// ParseMapping reads a mapping file in YAML by the limits of Parse. The error
// holds every fault of the file. What depends on the dataset that the mapping
// is for is checked by ParseMappingFor.
func ParseMapping(file string, b []byte) (*Mapping, error) {
	return parseMapping(file, b, nil)
}

func parseMapping(file string, b []byte, d *Dataset) (*Mapping, error) {
	t := readYAML(file, b)
	if t.root == nil {
		return nil, t.err()
	}
	o := t.object(t.root, "")
	m := t.mapping(o)
	o.done()
	var layout cql2.Schema
	if d != nil {
		l, err := Layout(d, nil)
		if err != nil {
			return nil, err
		}
		layout = l
	}
	t.checkMapping(&m, nil, d, layout)
	if err := t.err(); err != nil {
		return nil, err
	}
	return &m, nil
}

func (t *tree) source(n *node, path string) Source {
	o := t.object(n, path)
	o.need("name")
	s := Source{
		Name: o.matching("name", codeWord, "declaration-code-word"),
		Type: o.word("type", "file"),
	}
	s.Mapping = t.mapping(o)
	o.done()
	return s
}

// mapping reads the keys of a mapping from an object that may have others.
func (t *tree) mapping(o *object) Mapping {
	m := Mapping{
		Format:        o.word("format", "csv", "tsv", "xlsx", "json", "ndjson", "geojson"),
		Encoding:      o.text("encoding"),
		Delimiter:     o.text("delimiter"),
		Header:        o.count("header", 1, 1000),
		Sheet:         o.literal("sheet"),
		Records:       o.text("records"),
		Footer:        o.text("footer"),
		MissingValues: o.literals("missingValues"),
		Ignore:        o.literals("ignore"),
		Skip:          o.texts("skip"),
	}
	o.eachPair("map", func(p pair, path string) {
		if m.Map == nil {
			m.Map = map[string]FieldMap{}
		}
		m.Map[p.key] = t.fieldMap(p.val, path)
	})
	o.eachPair("codes", func(p pair, path string) {
		if m.Codes == nil {
			m.Codes = map[string]CodeTable{}
		}
		m.Codes[p.key] = t.codeTable(p.val, path)
	})
	if u := o.take("unpivot"); u != nil {
		path := o.join("unpivot")
		q := t.object(u, path)
		q.need("columns", "value")
		m.Unpivot = &Unpivot{Columns: q.text("columns"), Value: q.text("value")}
		q.done()
	}
	o.list("flags", func(it *node, path string) {
		f := t.object(it, path)
		f.need("name", "where")
		m.Flags = append(m.Flags, Flag{
			Name:  f.matching("name", codeWord, "declaration-code-word"),
			Where: f.text("where"),
			Field: f.text("field"),
			Clear: f.texts("clear"),
			Title: f.words("title"),
		})
		f.done()
	})
	return m
}

// fieldMap reads "Column", "Column|pattern", "Column|pattern|zone" or the map form.
func (t *tree) fieldMap(n *node, path string) FieldMap {
	if n.shape != mapNode && n.scalar() {
		parts := strings.Split(norm.NFC.String(n.text), "|")
		if len(parts) > 3 || parts[0] == "" {
			t.fault(n, path, "mapping-short-form", "found", n.found())
			return FieldMap{}
		}
		parts = append(parts, "", "")
		return FieldMap{Column: parts[0], Pattern: parts[1], Zone: parts[2]}
	}
	o := t.object(n, path)
	f := FieldMap{
		Column:      o.literal("column"),
		Columns:     o.literals("columns"),
		Join:        o.text("join"),
		Template:    o.text("template"),
		Pattern:     o.text("pattern"),
		Zone:        o.text("zone"),
		Codes:       o.text("codes"),
		Const:       o.any("const"),
		Trim:        o.optionalBool("trim"),
		Scale:       o.float("scale"),
		Offset:      o.float("offset"),
		DecimalChar: o.text("decimalChar"),
		GroupChar:   o.text("groupChar"),
		Strip:       o.text("strip"),
		CRS:         o.word("crs", "EPSG:4326", "EPSG:9214"),
		Of:          o.word("of", "x", "y"),
		Empty:       o.literals("empty"),
		Lower:       o.bool("lower"),
	}
	if p := o.count("pad", 1, 64); p != nil {
		f.Pad = *p
	}
	o.done()
	return f
}

func (t *tree) codeTable(n *node, path string) CodeTable {
	o := t.object(n, path)
	o.need("values")
	c := CodeTable{Fold: o.bool("fold")}
	o.eachPair("values", func(p pair, path string) {
		if c.Values == nil {
			c.Values = map[string]string{}
		}
		if !p.val.scalar() {
			t.fault(p.val, path, "declaration-want-text", "found", p.val.found())
			return
		}
		c.Values[norm.NFC.String(p.key)] = norm.NFC.String(p.val.text)
	})
	if s := o.literal("default"); o.n.get("default") != nil {
		c.Default = &s
	}
	o.done()
	return c
}
