package grant_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// aid is a register of people who get help, kept by the social office.
const aid = `name: aid
title: {vi: Trợ giúp, en: Aid}
kind: register
owner: social
classification: internal
person: number
place: {field: home}
schema:
  primaryKey: id
  fields:
    - {name: id, type: string}
    - {name: ward, type: string}
    - {name: office, type: string}
    - {name: state, type: string}
    - {name: amount, type: integer}
    - {name: name, type: string, classification: personal, tags: [who]}
    - {name: phone, type: string, classification: personal, tags: [contact]}
    - {name: number, type: string, classification: personal, tags: [who]}
    - {name: born, type: date, classification: personal}
    - {name: seen, type: datetime, classification: personal}
    - {name: home, type: geopoint, classification: personal}
    - {name: illness, type: string, classification: restricted}
`

// parks is open to all but for who answers the telephone.
const parks = `name: park
title: {vi: Bãi xe, en: Car park}
kind: register
owner: traffic
classification: open
schema:
  primaryKey: id
  fields:
    - {name: id, type: string}
    - {name: free, type: integer}
    - {name: keeper, type: string, classification: personal}
`

type declared struct {
	*dataset.Dataset
	*dataset.Table
}

// parse declares a dataset, with one part of the text replaced.
func parse(tb testing.TB, is, was, text string) declared {
	tb.Helper()
	d, err := dataset.Parse("test.yaml", []byte(strings.Replace(text, was, is, 1)))
	if err != nil {
		tb.Fatal(err, problem.As(err).Violations)
	}
	table, err := dataset.Layout(d, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return declared{d, table}
}

func (d declared) column(name string) int {
	c, _, _, ok := d.Table.Property(name)
	if !ok {
		panic("no column " + name)
	}
	return c
}

// row reads "field=text …"; "_" in a text is a space.
func (d declared) row(text string) []value.Value {
	row := make([]value.Value, d.Width())
	for _, cell := range strings.Fields(text) {
		name, s, _ := strings.Cut(cell, "=")
		c := d.column(name)
		switch d.Columns[c].Kind {
		case value.Int:
			i, _ := strconv.ParseInt(s, 10, 64)
			row[c] = value.OfInt(i)
		case value.Float:
			f, _ := strconv.ParseFloat(s, 64)
			row[c] = value.OfFloat(f)
		case value.Date:
			day, _ := time.Parse(time.DateOnly, s)
			row[c] = value.OfDate(day.Unix() / 86400)
		case value.Time:
			at, _ := time.Parse(time.RFC3339, s)
			row[c] = value.OfInstant(at)
		case value.Geometry:
			row[c] = value.OfGeometry(s)
		default:
			row[c] = value.OfText(strings.ReplaceAll(s, "_", " "))
		}
	}
	return row
}

// text writes the cells that have a value, as row reads them.
func (d declared) text(row []value.Value) string {
	var cells []string
	for c, v := range row {
		s := ""
		switch v.Kind() {
		case value.Null:
			continue
		case value.Int:
			s = fmt.Sprint(v.Int())
		case value.Float:
			s = fmt.Sprint(v.Float())
		case value.Date:
			s = v.CalendarDay().Format(time.DateOnly)
		case value.Time:
			s = v.Instant().Format(time.RFC3339)
		default:
			s = strings.ReplaceAll(v.Text(), " ", "_")
		}
		cells = append(cells, d.Columns[c].Name+"="+s)
	}
	return strings.Join(cells, " ")
}
