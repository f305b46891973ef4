package ingest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// moment reads a date or time by the mapping's pattern, else by ISO 8601, on
// the clocks of the mapping's zone.
func (x *extractor) moment(text string, iso bool) (value.Value, *problem.Violation) {
	if text == "" {
		return value.Value{}, nil
	}
	var m moment
	ok := false
	want := "ISO 8601"
	if x.pattern != nil {
		m, ok = x.pattern.parse(text)
		want = x.pattern.text
	}
	if !ok && (x.pattern == nil || iso) {
		m, ok = parseISO(text)
	}
	if !ok {
		return value.Value{}, x.fault("intake-date", text, "pattern", want)
	}
	switch x.typ {
	case dataset.DateTime:
		if x.zone == nil && !m.zoned {
			return value.Value{}, x.fault("intake-zone-missing", text, "pattern", want)
		}
		if !m.hasY {
			return value.Value{}, x.fault("intake-date", text, "pattern", want)
		}
		micros, fault := m.instant(x.zone)
		switch fault {
		case localGap:
			return value.Value{}, x.fault("intake-time-gap", text, "zone", x.zone)
		case localTwice:
			return value.Value{}, x.fault("intake-time-twice", text, "zone", x.zone)
		}
		return value.OfTime(micros), nil
	case dataset.DateType:
		if !m.hasY {
			return value.Value{}, x.fault("intake-date", text, "pattern", want)
		}
		day := time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC)
		return value.OfDate(day.Unix() / 86400), nil
	case dataset.TimeOfDay:
		s := fmt.Sprintf("%02d:%02d:%02d", m.hour, m.minute, m.second)
		if m.micros != 0 {
			s += "." + strings.TrimRight(fmt.Sprintf("%06d", m.micros), "0")
		}
		return value.OfText(s), nil
	case dataset.Year:
		return value.OfInt(int64(m.year)), nil
	case dataset.YearMonth:
		return value.OfText(fmt.Sprintf("%04d-%02d", m.year, m.month)), nil
	}
	return x.schema.ParseCell(x.column, text)
}

// scaled reads a number by the mapping's own marks, then value × scale + offset.
func (x *extractor) scaled(text string) (value.Value, *problem.Violation) {
	if text == "" {
		return value.Value{}, nil
	}
	f, ok := parseNumber(text, x.decimal, x.group)
	if !ok {
		return value.Value{}, x.fault("intake-number", text, "decimal", x.decimal, "group", x.group)
	}
	if x.scale != 1 || x.offset != 0 {
		f = settle(f*x.scale + x.offset)
	}
	if x.kind == value.Int {
		if f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return value.Value{}, x.fault("intake-number", text, "decimal", x.decimal, "group", x.group)
		}
		return value.OfInt(int64(f)), nil
	}
	return value.OfFloat(f), nil
}

// settle rounds to 15 significant digits, so that 17.1 × 0.1 is 1.71: what a
// person who does the sum by hand would write.
func settle(f float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 14, 64), 64)
	if err != nil {
		return f
	}
	return r
}

// parseNumber is strict about what it leaves out: group marks stand between
// groups of three digits only, blanks around the number only.
func parseNumber(text, decimal, group string) (float64, bool) {
	text = strings.TrimSpace(text)
	whole, fraction, parted := strings.Cut(text, decimal)
	if group != "" && strings.Contains(whole, group) {
		groups := strings.Split(strings.TrimLeft(whole, "+-"), group)
		for i, g := range groups {
			if len(g) != 3 && (i > 0 || len(g) == 0 || len(g) > 3) {
				return 0, false
			}
		}
		whole = strings.ReplaceAll(whole, group, "")
	}
	if parted {
		whole += "." + fraction
	}
	for i := 0; i < len(whole); i++ {
		if c := whole[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(whole, 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// place reads two columns, x (longitude, easting) before y (latitude, northing).
func (x *extractor) place(mp *mapper, cells []Cell, at []int) (v value.Value, swapped bool, bad *problem.Violation) {
	var xy [2]float64
	for i := range xy {
		var c Cell
		if c.Null = true; at[i] >= 0 && at[i] < len(cells) {
			c = cells[at[i]]
		}
		text, given := mp.given(c, true, x.empty)
		if !given || text == "" {
			return value.Value{}, false, nil
		}
		f, ok := parseNumber(text, x.decimal, x.group)
		if !ok {
			return value.Value{}, false, x.fault("intake-number", text, "decimal", x.decimal, "group", x.group)
		}
		xy[i] = f
	}
	lon, lat, swapped, ok := x.degrees(xy[0], xy[1])
	if !ok {
		return value.Value{}, false, x.fault("intake-place", strconv.FormatFloat(xy[0], 'f', -1, 64)+" "+strconv.FormatFloat(xy[1], 'f', -1, 64))
	}
	switch x.of {
	case "x":
		return value.OfFloat(lon), swapped, nil
	case "y":
		return value.OfFloat(lat), swapped, nil
	}
	return value.OfGeometry(geom.Point(lon, lat)), swapped, nil
}

// degrees turns source coordinates into longitude and latitude, exchanged where
// only the exchange makes sense. VN-2000 eastings of the zone lie between 200
// and 800 km, northings of Vietnam between 900 and 2,700 km: they cannot be
// taken for each other.
func (x *extractor) degrees(a, b float64) (lon, lat float64, swapped, ok bool) {
	if x.vn2000 {
		if a >= 900_000 && a <= 2_700_000 && b >= 200_000 && b <= 800_000 {
			a, b, swapped = b, a, true
		}
		if a < 100_000 || a > 900_000 || b < 0 || b > 10_000_000 {
			return 0, 0, false, false
		}
		lon, lat = geom.FromVN2000(a, b)
		// A tenth of a millimetre is finer than the transform; more digits
		// would differ between machines.
		return math.Round(lon*1e9) / 1e9, math.Round(lat*1e9) / 1e9, swapped, true
	}
	if math.Abs(b) > 90 && math.Abs(b) <= 180 && math.Abs(a) <= 90 {
		a, b, swapped = b, a, true
	}
	return a, b, swapped, math.Abs(a) <= 180 && math.Abs(b) <= 90
}

// geometry reads one text: hex (E)WKB, well-known text, two numbers, or the
// field's own lexical form.
func (x *extractor) geometry(text string) (value.Value, bool, *problem.Violation) {
	switch {
	case text == "":
		return value.Value{}, false, nil
	case len(text) >= 42 && len(text)%2 == 0 && (text[:2] == "01" || text[:2] == "00") && strings.Trim(text, "0123456789abcdefABCDEF") == "":
		wkb, err := geom.FromEWKBHex(text)
		return x.shape(wkb, text, err)
	case strings.HasSuffix(text, ")") && (text[0] == 'P' || text[0] == 'M' || text[0] == 'L' || text[0] == 'G' || text[0] == 'S'):
		wkb, err := geom.FromWKT(text)
		return x.shape(wkb, text, err)
	case x.typ == dataset.GeoPoint && text[0] == '{':
		wkb, err := geom.FromGeoJSON([]byte(text))
		return x.shape(wkb, text, err)
	case x.typ == dataset.GeoPoint && x.vn2000:
		if a, b, ok := twoNumbers(text, x.decimal); ok {
			if lon, lat, swapped, ok := x.degrees(a, b); ok {
				return value.OfGeometry(geom.Point(lon, lat)), swapped, nil
			}
		}
		return value.Value{}, false, x.fault("intake-place", text)
	}
	v, bad := x.schema.ParseCell(x.column, text)
	if bad != nil && x.typ == dataset.GeoPoint {
		if a, b, ok := twoNumbers(text, "."); ok {
			if lon, lat, swapped, ok := x.degrees(a, b); ok && swapped {
				return value.OfGeometry(geom.Point(lon, lat)), true, nil
			}
		}
	}
	return v, false, bad
}

func (x *extractor) shape(wkb, text string, err error) (value.Value, bool, *problem.Violation) {
	if err == nil && x.typ == dataset.GeoPoint {
		if _, _, ok := geom.PointOf(wkb); !ok {
			return value.Value{}, false, x.fault("intake-place", text)
		}
	}
	if err != nil {
		return value.Value{}, false, x.fault("intake-place", text)
	}
	return value.OfGeometry(wkb), false, nil
}

func twoNumbers(text, decimal string) (a, b float64, ok bool) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ',' && decimal != "," || r == ';' || r == ' ' })
	if len(parts) != 2 {
		return 0, 0, false
	}
	a, ok1 := parseNumber(parts[0], decimal, "")
	b, ok2 := parseNumber(parts[1], decimal, "")
	return a, b, ok1 && ok2
}

// swappedPoint exchanges the coordinates of a point that lies in no area when
// the exchanged one does.
func (mp *mapper) swappedPoint(v value.Value) (value.Value, bool) {
	lon, lat, ok := geom.PointOf(v.WKB())
	if !ok || !mp.swapped(lon, lat) {
		return v, false
	}
	return value.OfGeometry(geom.Point(lat, lon)), true
}
