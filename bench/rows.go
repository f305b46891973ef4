package main

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
)

// report is one measured record: twelve typed fields, about 343 bytes as JSON.
// Keys are unique and come in no order.
type report struct {
	key                         string
	lat, lon                    float64
	area, category, status      string
	observed, created, modified int64
	val                         int64
	descr                       string
	version                     int64
	areaCode                    string // what a bare program writes as the ward
}

const (
	areas, categories = 48, 12
	firstMoment       = 1_750_000_000_000 // ms since 1970
)

var statuses = [...]string{"open", "assigned", "working", "closed", "rejected"}

// descriptions are of 120 bytes each, half of them Vietnamese.
func descriptions() []string {
	all := []string{
		"Street light out near the corner of Le Loi and Hung Vuong, reported by phone, the pole number is 1172, wires hang low",
		"Rubbish has not been collected for three days behind the market; the smell reaches the school, two bins are broken",
		"Đèn đường trước số 12 Lê Lợi không sáng từ tối qua; cột số 1172, dây điện võng thấp",
		"Ngập nước trước cổng trường, nước lên nhanh, xe máy không qua được từ sáng sớm",
	}
	for i := range all {
		all[i] += strings.Repeat(".", max(0, 120-len(all[i])))
	}
	return all
}

// generator makes reports by their number: the same number, the same report.
type generator struct{ texts []string }

func newGenerator() generator { return generator{descriptions()} }

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

func two(prefix string, n uint64) string {
	return prefix + string([]byte{'0' + byte(n/10), '0' + byte(n%10)})
}

// keyOf scatters the numbers below 1e9 over all keys of nine digits.
func keyOf(i int) string {
	n := strconv.FormatInt(int64(i)*387_420_489%1_000_000_000, 10)
	return "HUE-" + "000000000"[len(n):] + n
}

func (g generator) report(i int) report {
	a, b := mix(uint64(i)), mix(uint64(i)+1<<40)
	observed := int64(firstMoment + a%1_000_000_000)
	r := report{
		key:      keyOf(i),
		lat:      16.2 + float64(a>>8%500_000)/1e6,
		lon:      107.3 + float64(b>>8%600_000)/1e6,
		area:     two("ward-", a>>30%areas),
		category: two("cat-", b>>30%categories),
		status:   statuses[b>>40%5],
		observed: observed, created: observed + 1000, modified: observed + int64(b%1_000_000_000),
		val:      int64(a >> 40 % 100_000),
		descr:    g.texts[b>>50%uint64(len(g.texts))],
		version:  1 + int64(a>>50%9),
		areaCode: strconv.Itoa(19700 + int(a>>30%40)),
	}
	return r
}

func (r *report) appendJSON(b []byte) []byte {
	b = append(append(b, `{"key":"`...), r.key...)
	b = strconv.AppendFloat(append(b, `","lat":`...), r.lat, 'f', 6, 64)
	b = strconv.AppendFloat(append(b, `,"lon":`...), r.lon, 'f', 6, 64)
	b = append(append(b, `,"area":"`...), r.area...)
	b = append(append(b, `","category":"`...), r.category...)
	b = append(append(b, `","status":"`...), r.status...)
	b = strconv.AppendInt(append(b, `","observed":`...), r.observed, 10)
	b = strconv.AppendInt(append(b, `,"created":`...), r.created, 10)
	b = strconv.AppendInt(append(b, `,"modified":`...), r.modified, 10)
	b = strconv.AppendInt(append(b, `,"val":`...), r.val, 10)
	b = append(append(b, `,"descr":"`...), r.descr...)
	b = strconv.AppendInt(append(b, `","version":`...), r.version, 10)
	return append(b, '}')
}

const csvHeader = "key,lat,lon,area,category,status,observed,created,modified,val,descr,version\n"

func (r *report) appendCSV(b []byte) []byte {
	b = append(append(b, r.key...), ',')
	b = append(strconv.AppendFloat(b, r.lat, 'f', 6, 64), ',')
	b = append(strconv.AppendFloat(b, r.lon, 'f', 6, 64), ',')
	for _, s := range [...]string{r.area, r.category, r.status} {
		b = append(append(b, s...), ',')
	}
	for _, n := range [...]int64{r.observed, r.created, r.modified, r.val} {
		b = append(strconv.AppendInt(b, n, 10), ',')
	}
	b = append(append(append(b, '"'), r.descr...), `",`...)
	return append(strconv.AppendInt(b, r.version, 10), '\n')
}

// values is the report as a row of a table.
func (r *report) values(t *dataset.Table) []value.Value {
	row := make([]value.Value, t.Width())
	copy(row, []value.Value{
		value.OfText(r.key), value.OfFloat(r.lat), value.OfFloat(r.lon), value.OfText(r.area), value.OfText(r.category), value.OfText(r.status),
		value.OfInt(r.observed), value.OfInt(r.created), value.OfInt(r.modified), value.OfInt(r.val), value.OfText(r.descr), value.OfInt(r.version),
	})
	return row
}

// bare gives the cell that a hand-written program puts into a column.
func (r *report) bare(column string) any {
	switch column {
	case "_version":
		return int64(1)
	case "_x":
		return r.lon
	case "_y":
		return r.lat
	case "_area":
		return r.areaCode
	case "key":
		return r.key
	case "lat":
		return r.lat
	case "lon":
		return r.lon
	case "area":
		return r.area
	case "category":
		return r.category
	case "status":
		return r.status
	case "observed":
		return r.observed
	case "created":
		return r.created
	case "modified":
		return r.modified
	case "val":
		return r.val
	case "descr":
		return r.descr
	case "version":
		return r.version
	}
	return nil
}

// narrowLines are n narrow records from number from on as NDJSON.
func narrowLines(from, n int) []byte {
	b := make([]byte, 0, n*32)
	for i := from; i < from+n; i++ {
		b = appendNarrow(b, i, true)
	}
	return b
}

// lines are n reports from number from on as NDJSON.
func (g generator) lines(from, n int) []byte {
	b := make([]byte, 0, n*360)
	for i := from; i < from+n; i++ {
		r := g.report(i)
		b = append(r.appendJSON(b), '\n')
	}
	return b
}

// Names of the measured datasets: the same fields and checks, without and with
// a place; and one of two numbers in the order of its key, so that ten million
// rows of it take minutes.
const (
	plain  = "bench-report"
	placed = "bench-placed"
	narrow = "bench-narrow"
)

// declaration of one of the measured datasets.
func declaration(name string) (*dataset.Dataset, error) {
	if name == narrow {
		return dataset.Parse(name+".yaml", []byte(`name: bench-narrow
title: {vi: Đo bộ nhớ, en: Memory}
description: {vi: Bản ghi hẹp để nhập thật nhiều., en: Narrow records to import very many of.}
kind: register
classification: open
schema:
  primaryKey: key
  fields:
    - {name: key, type: integer, title: {vi: khóa, en: key}, description: {vi: khóa, en: key}}
    - {name: val, type: integer, title: {vi: số, en: number}, description: {vi: số, en: number}, constraints: {required: true, minimum: 0}}
`))
	}
	var b bytes.Buffer
	b.WriteString("name: " + name + `
title: {vi: Đo tốc độ, en: Measurements}
description: {vi: Bản ghi để đo tốc độ., en: Records to measure with.}
kind: register
classification: open
schema:
  primaryKey: key
  fields:
`)
	field := func(name, typ, more string) {
		b.WriteString("    - {name: " + name + ", type: " + typ + ", title: {vi: " + name + ", en: " + name + "}, description: {vi: " + name + ", en: " + name + "}" + more + "}\n")
	}
	var wards, kinds []string
	for i := range uint64(areas) {
		wards = append(wards, two("ward-", i))
	}
	for i := range uint64(categories) {
		kinds = append(kinds, "{value: "+two("cat-", i)+", label: {vi: loại, en: kind}}")
	}
	field("key", "string", ", constraints: {maxLength: 500}")
	field("lat", "number", ", constraints: {required: true, minimum: -90, maximum: 90}")
	field("lon", "number", ", constraints: {required: true, minimum: -180, maximum: 180}")
	field("area", "string", ", constraints: {enum: ["+strings.Join(wards, ", ")+"]}")
	field("category", "string", ", categories: ["+strings.Join(kinds, ", ")+"]")
	field("status", "string", ", constraints: {enum: ["+strings.Join(statuses[:], ", ")+"]}")
	field("observed", "integer", ", constraints: {required: true, minimum: 0}")
	field("created", "integer", ", constraints: {minimum: 0}")
	field("modified", "integer", ", constraints: {minimum: 0}")
	field("val", "integer", ", constraints: {minimum: -1000000, maximum: 1000000}")
	field("descr", "string", ", constraints: {maxLength: 500}")
	field("version", "integer", ", constraints: {minimum: 1}")
	b.WriteString("indexes: [[area, observed], [category, status]]\n")
	if name == placed {
		b.WriteString("place: {longitude: lon, latitude: lat}\n")
	}
	return dataset.Parse(name+".yaml", b.Bytes())
}

// compiled is a measured dataset without a repository.
func compiled(name string) (*dataset.Table, *record.Schema, error) {
	d, err := declaration(name)
	if err != nil {
		return nil, nil, err
	}
	t, err := dataset.Layout(d, nil)
	if err != nil {
		return nil, nil, err
	}
	s, err := record.Compile(d, t)
	return t, s, err
}

// appendNarrow appends record i of the narrow dataset, as CSV or NDJSON.
func appendNarrow(b []byte, i int, json bool) []byte {
	val := int64(mix(uint64(i)) % 1_000_000)
	if !json {
		b = append(strconv.AppendInt(b, int64(i), 10), ',')
		return append(strconv.AppendInt(b, val, 10), '\n')
	}
	b = strconv.AppendInt(append(b, `{"key":`...), int64(i), 10)
	b = strconv.AppendInt(append(b, `,"val":`...), val, 10)
	return append(b, "}\n"...)
}

// csvStream is n records of a dataset as a CSV file that is made while it is read.
type csvStream struct {
	name    string
	g       generator
	next, n int
	buf     []byte
	at      int
}

func newCSVStream(name string, n int) *csvStream {
	header := csvHeader
	if name == narrow {
		header = "key,val\n"
	}
	return &csvStream{name: name, g: newGenerator(), n: n, buf: []byte(header)}
}

func (s *csvStream) Read(p []byte) (int, error) {
	if s.at == len(s.buf) {
		if s.next == s.n {
			return 0, io.EOF
		}
		s.buf, s.at = s.buf[:0], 0
		for ; s.next < s.n && len(s.buf) < 64<<10; s.next++ {
			if s.name == narrow {
				s.buf = appendNarrow(s.buf, s.next, false)
				continue
			}
			r := s.g.report(s.next)
			s.buf = r.appendCSV(s.buf)
		}
	}
	k := copy(p, s.buf[s.at:])
	s.at += k
	return k, nil
}

func (s *csvStream) Close() error { return nil }
