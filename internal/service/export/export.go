// Package export streams the records of a query in the formats that people and
// programs ask for: csv, tsv, json, ndjson, geojson, xlsx, parquet. It knows
// formats; what may be read is the repository's to say. Memory is bounded for
// any number of records.
//
// CSV is a machine format here: a cell that begins with =, +, - or @ is written
// as it is, since a changed value would be another value. Where people open a
// file in a spreadsheet, xlsx is the format: its texts are text cells, which no
// program takes for a formula.
package export

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Options of one export beyond the query.
type Options struct {
	BOM bool // csv and tsv begin with a byte-order mark, which Excel asks for
}

var contentTypes = map[string]string{
	"csv":     "text/csv; charset=utf-8; header=present",
	"tsv":     "text/tab-separated-values; charset=utf-8",
	"json":    "application/json",
	"ndjson":  "application/x-ndjson",
	"geojson": "application/geo+json",
	"xlsx":    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"parquet": "application/vnd.apache.parquet",
}

// Formats lists the formats that Write knows.
func Formats() []string {
	return []string{"csv", "tsv", "json", "ndjson", "geojson", "xlsx", "parquet"}
}

// ContentType is the media type of a format; empty for an unknown one.
func ContentType(format string) string { return contentTypes[format] }

// FileName is what a download of a dataset is called.
func FileName(name, format string) string { return name + "." + format }

// Write streams the records that q selects and p may see to w. Without q.Fields
// the declared fields come in the order of the declaration, without the derived
// columns. An error before the first record leaves w untouched.
//
// csv and tsv follow RFC 4180 with the field names as header and the lexical
// forms of Table Schema; json is one array; geojson is a FeatureCollection whose
// ids are the records' keys; xlsx shows moments on the city's clocks; parquet
// has typed columns and, where records have a place, GeoParquet 1.1 metadata.
func Write(ctx context.Context, r *repo.Repository, p repo.Principal, q repo.Query, format string, w io.Writer) error {
	return WriteWith(ctx, r, p, q, format, Options{}, w)
}

// WriteWith is Write with options.
func WriteWith(ctx context.Context, r *repo.Repository, p repo.Principal, q repo.Query, format string, o Options, w io.Writer) error {
	if contentTypes[format] == "" {
		return problem.New(problem.Invalid, "export-format", "format", format, "known", strings.Join(Formats(), ", "))
	}
	e, err := r.Entry(p, q.Dataset)
	if err != nil {
		return err
	}
	s, err := shapeOf(e, &q, format)
	if err != nil {
		return err
	}
	s.zone = r.Zone()
	buf := bufio.NewWriterSize(w, 64<<10)
	out := s.writer(format, o, buf)
	begun := false
	_, err = r.Read(ctx, p, q, func(rec repo.Record) error {
		if !begun {
			begun = true
			if err := out.begin(); err != nil {
				return err
			}
		}
		return out.record(rec.Values)
	})
	if err == nil && !begun {
		err = out.begin()
	}
	if err != nil {
		out.abandon()
		return err
	}
	if err := out.end(); err != nil {
		return err
	}
	return buf.Flush()
}

// writer writes one format.
type writer interface {
	begin() error
	record(row []value.Value) error
	end() error
	abandon() // frees what is held when the export fails
}

// shapeOf decides which columns are written, and extends the query by those
// that a format needs besides: the key and the place.
func shapeOf(e *repo.Entry, q *repo.Query, format string) (*shape, error) {
	t := e.Table
	s := &shape{entry: e, geometry: t.Geometry, x: t.X, y: t.Y}
	var vs []problem.Violation
	if q.Fields == nil {
		for _, f := range e.Dataset.Schema.Fields {
			if c, _, _, ok := t.Property(f.Name); ok {
				s.columns = append(s.columns, c)
			}
		}
	}
	for _, name := range q.Fields {
		c, _, _, ok := t.Property(name)
		if !ok {
			vs = append(vs, problem.Violate("export-field", name, "nearest", e.Schema.Nearest(name)))
			continue
		}
		s.columns = append(s.columns, c)
	}
	if err := problem.InvalidWith("export-fields", vs, "dataset", q.Dataset); err != nil {
		return nil, err
	}
	if format == "geojson" || format == "parquet" {
		if s.geometry < 0 && len(s.columns) > 0 {
			for _, c := range s.columns {
				if t.Columns[c].Kind == value.Geometry {
					s.geometry = c
					break
				}
			}
		}
		if q.Fields != nil {
			fields := slices.Clone(q.Fields)
			need := slices.Clone(t.Key)
			for _, c := range []int{s.geometry, s.x, s.y} {
				if c >= 0 {
					need = append(need, c)
				}
			}
			for _, c := range need {
				if name := t.Columns[c].Name; !slices.Contains(fields, name) {
					fields = append(fields, name)
				}
			}
			q.Fields = fields
		}
	}
	return s, nil
}

func (s *shape) writer(format string, o Options, w *bufio.Writer) writer {
	switch format {
	case "csv":
		return &delimited{shape: s, w: w, delimiter: ',', bom: o.BOM}
	case "tsv":
		return &delimited{shape: s, w: w, delimiter: '\t', bom: o.BOM}
	case "geojson":
		return &features{shape: s, w: w}
	case "xlsx":
		return &workbook{shape: s, w: w}
	case "parquet":
		return &columnar{shape: s, w: w}
	}
	return &objects{shape: s, w: w, lines: format == "ndjson"}
}

func (s *shape) column(i int) *dataset.Column { return &s.entry.Table.Columns[i] }
