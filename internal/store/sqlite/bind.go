package sqlite

import (
	"database/sql/driver"
	"unsafe"

	"huong.city/huong/internal/core/value"
)

// bind makes the argument that stores v.
func bind(v value.Value) driver.Value {
	switch v.Kind() {
	case value.Bool, value.Int, value.Time:
		return v.Int()
	case value.Float:
		return v.Float()
	case value.Text:
		return v.Text()
	case value.Date:
		return isoDate(v.Days())
	case value.Geometry:
		s := v.WKB()
		if s == "" {
			return []byte{}
		}
		return unsafe.Slice(unsafe.StringData(s), len(s)) // the binding copies it
	}
	return nil
}

// scan makes the value of a column of kind k from what the engine gave. What
// the driver did not write, such as text in a column of numbers, reads as Null.
func scan(k value.Kind, x driver.Value) value.Value {
	switch x := x.(type) {
	case int64:
		switch k {
		case value.Int:
			return value.OfInt(x)
		case value.Time:
			return value.OfTime(x)
		case value.Bool:
			if x>>1 == 0 {
				return value.OfBool(x != 0)
			}
		case value.Float:
			return value.OfFloat(float64(x))
		}
	case float64:
		if k == value.Float {
			return value.OfFloat(x)
		}
	case string:
		switch k {
		case value.Text:
			return value.OfText(x)
		case value.Date:
			if d, ok := parseISO(x); ok {
				return value.OfDate(d)
			}
		}
	case []byte:
		if k == value.Geometry && x != nil {
			return value.OfGeometry(unsafe.String(unsafe.SliceData(x), len(x)))
		}
	}
	return value.Value{}
}

// isoDate writes days since 1970 as YYYY-MM-DD; store.Check keeps the year
// within four digits. (Howard Hinnant, days_from_civil and its inverse.)
func isoDate(days int64) string {
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	y := yoe + era*400
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d := doy - (153*mp+2)/5 + 1
	m := mp + 3
	if m > 12 {
		m -= 12
		y++
	}
	b := [10]byte{byte('0' + y/1000%10), byte('0' + y/100%10), byte('0' + y/10%10), byte('0' + y%10), '-',
		byte('0' + m/10), byte('0' + m%10), '-', byte('0' + d/10), byte('0' + d%10)}
	return string(b[:])
}

// parseISO reads what isoDate wrote.
func parseISO(s string) (days int64, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	for i := range 10 {
		if i != 4 && i != 7 && (s[i] < '0' || s[i] > '9') {
			return 0, false
		}
	}
	n := func(i int) int64 { return int64(s[i] - '0') }
	y, m, d := n(0)*1000+n(1)*100+n(2)*10+n(3), n(5)*10+n(6), n(8)*10+n(9)
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468, true
}
