package export

import (
	"bufio"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// Bounds of one row group: it is held in memory until it is written.
const (
	groupRows  = 100_000
	groupBytes = 32 << 20
	passRows   = 256
)

// columnar writes parquet with typed columns: timestamps in microseconds UTC,
// dates, doubles, 64-bit integers, booleans, texts, and geometries as WKB with
// GeoParquet 1.1 metadata.
type columnar struct {
	*shape
	w        *bufio.Writer
	out      *parquet.GenericWriter[any]
	geoName  string
	derived  bool // the geometry column is made from coordinates
	rows     []parquet.Row
	cells    []parquet.Value
	grouped  int
	size     int
	bounds   [4]float64
	anywhere bool
	kinds    map[string]bool
}

// ordered is a group whose fields keep the declared order.
type ordered struct {
	parquet.Group
	names []string
}

func (o ordered) Fields() []parquet.Field {
	fields := o.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(o.names, a.Name()) - slices.Index(o.names, b.Name())
	})
	return fields
}

func (c *columnar) begin() error {
	g := ordered{Group: parquet.Group{}}
	for _, i := range c.columns {
		col := c.column(i)
		g.names = append(g.names, col.Name)
		g.Group[col.Name] = parquet.Optional(nodeOf(col.Kind, col.Type.HoldsJSON()))
	}
	if c.geometry >= 0 && slices.Contains(c.columns, c.geometry) {
		c.geoName = c.column(c.geometry).Name
	} else if c.geometry < 0 && c.x >= 0 && c.y >= 0 && !slices.Contains(g.names, "geometry") {
		c.geoName, c.derived = "geometry", true
		g.names = append(g.names, "geometry")
		g.Group["geometry"] = parquet.Optional(nodeOf(value.Geometry, false))
	}
	c.bounds = [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	c.kinds = map[string]bool{}
	schema := parquet.NewSchema(strings.ReplaceAll(c.entry.Dataset.Name, "-", "_"), g)
	c.out = parquet.NewGenericWriter[any](c.w, schema, parquet.Compression(&zstd.Codec{}), parquet.CreatedBy("huong", "", ""))
	return nil
}

func nodeOf(k value.Kind, isJSON bool) parquet.Node {
	switch k {
	case value.Bool:
		return parquet.Leaf(parquet.BooleanType)
	case value.Int:
		return parquet.Int(64)
	case value.Float:
		return parquet.Leaf(parquet.DoubleType)
	case value.Date:
		return parquet.Date()
	case value.Time:
		return parquet.Timestamp(parquet.Microsecond)
	case value.Geometry:
		return parquet.Leaf(parquet.ByteArrayType)
	}
	if isJSON {
		return parquet.JSON()
	}
	return parquet.String()
}

func (c *columnar) record(row []value.Value) error {
	first := len(c.cells)
	for i, at := range c.columns {
		c.cells = append(c.cells, c.value(row[at]).Level(0, level(row[at]), i))
		if at == c.geometry {
			c.extend(row[at].WKB())
		}
	}
	if c.derived {
		v := value.Value{}
		if wkb := c.place(row); wkb != "" {
			v = value.OfGeometry(wkb)
			c.extend(wkb)
		}
		c.cells = append(c.cells, c.value(v).Level(0, level(v), len(c.columns)))
	}
	c.rows = append(c.rows, parquet.Row(c.cells[first:len(c.cells):len(c.cells)]))
	if len(c.rows) < passRows && c.size < groupBytes {
		return nil
	}
	return c.pass()
}

func level(v value.Value) int {
	if v.IsNull() {
		return 0
	}
	return 1
}

// value makes a parquet value; texts are copied, since the record's are valid
// only while it is read.
func (c *columnar) value(v value.Value) parquet.Value {
	c.size += 16
	switch v.Kind() {
	case value.Bool:
		return parquet.BooleanValue(v.Bool())
	case value.Int:
		return parquet.Int64Value(v.Int())
	case value.Float:
		return parquet.DoubleValue(v.Float())
	case value.Date:
		return parquet.Int32Value(int32(v.Days()))
	case value.Time:
		return parquet.Int64Value(v.Micros())
	case value.Text:
		c.size += len(v.Text())
		return parquet.ByteArrayValue([]byte(v.Text()))
	case value.Geometry:
		c.size += len(v.WKB())
		return parquet.ByteArrayValue([]byte(v.WKB()))
	}
	return parquet.NullValue()
}

// pass hands the gathered rows to the writer and closes the row group when it
// has grown enough.
func (c *columnar) pass() error {
	if _, err := c.out.WriteRows(c.rows); err != nil {
		return err
	}
	c.grouped += len(c.rows)
	c.rows, c.cells = c.rows[:0], c.cells[:0]
	if c.grouped < groupRows && c.size < groupBytes {
		return nil
	}
	c.grouped, c.size = 0, 0
	return c.out.Flush()
}

func (c *columnar) extend(wkb string) {
	box, ok := geom.Bounds(wkb)
	if !ok {
		return
	}
	c.anywhere = true
	c.bounds = [4]float64{min(c.bounds[0], box.West), min(c.bounds[1], box.South), max(c.bounds[2], box.East), max(c.bounds[3], box.North)}
	if len(wkb) > 4 && wkb[1] >= 1 && wkb[1] <= 7 {
		c.kinds[[...]string{"", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"}[wkb[1]]] = true
	}
}

func (c *columnar) end() error {
	if err := c.pass(); err != nil {
		return err
	}
	if c.geoName != "" {
		kinds := make([]string, 0, len(c.kinds))
		for k := range c.kinds {
			kinds = append(kinds, k)
		}
		slices.Sort(kinds)
		column := map[string]any{"encoding": "WKB", "geometry_types": kinds}
		if c.anywhere {
			column["bbox"] = c.bounds
		}
		b, err := json.Marshal(map[string]any{"version": "1.1.0", "primary_column": c.geoName, "columns": map[string]any{c.geoName: column}})
		if err != nil {
			return err
		}
		c.out.SetKeyValueMetadata("geo", string(b))
	}
	return c.out.Close()
}

func (c *columnar) abandon() {}
