package dataset

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/declare"
)

// ParseMapping reads a mapping file in YAML by the limits of Parse. The error
// holds every fault of the file. What depends on the dataset that the mapping
// is for is checked by ParseMappingFor.
func ParseMapping(file string, b []byte) (*Mapping, error) {
	return parseMapping(file, b, nil)
}

func parseMapping(file string, b []byte, d *Dataset) (*Mapping, error) {
	t := &tree{declare.ReadYAML(file, b)}
	if t.Root == nil {
		return nil, t.err()
	}
	o := t.Map(t.Root, "")
	m := t.mapping(o)
	o.Done()
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

func (t *tree) source(n *declare.Node, path string) Source {
	o := t.Map(n, path)
	o.Need("name")
	s := Source{
		Name: o.Matching("name", codeWord, "declaration-code-word"),
		Type: o.Word("type", "file"),
	}
	s.Mapping = t.mapping(o)
	o.Done()
	return s
}

// mapping reads the keys of a mapping from an object that may have others.
func (t *tree) mapping(o *declare.Map) Mapping {
	m := Mapping{
		Format:        o.Word("format", "csv", "tsv", "xlsx", "json", "ndjson", "geojson"),
		Encoding:      o.Text("encoding"),
		Delimiter:     o.Text("delimiter"),
		Header:        o.Count("header", 1, 1000),
		Sheet:         o.Literal("sheet"),
		Records:       o.Text("records"),
		Footer:        o.Text("footer"),
		MissingValues: o.Literals("missingValues"),
		Ignore:        o.Literals("ignore"),
		Skip:          o.Texts("skip"),
	}
	o.EachPair("map", func(p declare.Pair, path string) {
		if m.Map == nil {
			m.Map = map[string]FieldMap{}
		}
		m.Map[p.Key] = t.fieldMap(p.Val, path)
	})
	o.EachPair("codes", func(p declare.Pair, path string) {
		if m.Codes == nil {
			m.Codes = map[string]CodeTable{}
		}
		m.Codes[p.Key] = t.codeTable(p.Val, path)
	})
	if u := o.Take("unpivot"); u != nil {
		path := o.Join("unpivot")
		q := t.Map(u, path)
		q.Need("columns", "value")
		m.Unpivot = &Unpivot{Columns: q.Text("columns"), Value: q.Text("value")}
		q.Done()
	}
	o.List("flags", func(it *declare.Node, path string) {
		f := t.Map(it, path)
		f.Need("name", "where")
		m.Flags = append(m.Flags, Flag{
			Name:  f.Matching("name", codeWord, "declaration-code-word"),
			Where: f.Text("where"),
			Field: f.Text("field"),
			Clear: f.Texts("clear"),
			Title: f.Words("title"),
		})
		f.Done()
	})
	return m
}

// fieldMap reads "Column", "Column|pattern", "Column|pattern|zone" or the map form.
func (t *tree) fieldMap(n *declare.Node, path string) FieldMap {
	if n.Shape != declare.MapNode && n.Scalar() {
		parts := strings.Split(norm.NFC.String(n.Text), "|")
		if len(parts) > 3 || parts[0] == "" {
			t.Fault(n, path, "mapping-short-form", "found", n.Found())
			return FieldMap{}
		}
		parts = append(parts, "", "")
		return FieldMap{Column: parts[0], Pattern: parts[1], Zone: parts[2]}
	}
	o := t.Map(n, path)
	f := FieldMap{
		Column:      o.Literal("column"),
		Columns:     o.Literals("columns"),
		Join:        o.Text("join"),
		Template:    o.Text("template"),
		Pattern:     o.Text("pattern"),
		Zone:        o.Text("zone"),
		Codes:       o.Text("codes"),
		Const:       o.Any("const"),
		Trim:        o.OptionalBool("trim"),
		Scale:       o.Float("scale"),
		Offset:      o.Float("offset"),
		DecimalChar: o.Text("decimalChar"),
		GroupChar:   o.Text("groupChar"),
		Strip:       o.Text("strip"),
		CRS:         o.Word("crs", "EPSG:4326", "EPSG:9214"),
		Of:          o.Word("of", "x", "y"),
		Empty:       o.Literals("empty"),
		Lower:       o.Bool("lower"),
	}
	if p := o.Count("pad", 1, 64); p != nil {
		f.Pad = *p
	}
	o.Done()
	return f
}

func (t *tree) codeTable(n *declare.Node, path string) CodeTable {
	o := t.Map(n, path)
	o.Need("values")
	c := CodeTable{Fold: o.Bool("fold")}
	o.EachPair("values", func(p declare.Pair, path string) {
		if c.Values == nil {
			c.Values = map[string]string{}
		}
		if !p.Val.Scalar() {
			t.Fault(p.Val, path, "declaration-want-text", "found", p.Val.Found())
			return
		}
		c.Values[norm.NFC.String(p.Key)] = norm.NFC.String(p.Val.Text)
	})
	if s := o.Literal("default"); o.N.Get("default") != nil {
		c.Default = &s
	}
	o.Done()
	return c
}
