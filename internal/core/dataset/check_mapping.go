package dataset

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/declare"
)

// ParseMappingFor is ParseMapping with the checks that need the dataset: fields
// and flags name what d has, and flag conditions bind to d's layout.
func ParseMappingFor(file string, b []byte, d *Dataset) (*Mapping, error) {
	return parseMapping(file, b, d)
}

var encodingName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}$`)

// checkMapping checks what a mapping says; d is nil when the dataset is
// unknown, layout when conditions are to be parsed only.
func (t *tree) checkMapping(m *Mapping, path []any, d *Dataset, layout cql2.Schema) {
	if m.Delimiter != "" && utf8.RuneCountInString(m.Delimiter) != 1 {
		t.faultAt(sub(path, "delimiter"), "declaration-one-character", "found", declare.Excerpt(m.Delimiter))
	}
	if m.Encoding != "" && !encodingName.MatchString(m.Encoding) {
		t.faultAt(sub(path, "encoding"), "mapping-encoding", "found", declare.Excerpt(m.Encoding))
	}
	if m.Records != "" && m.Records[0] != '/' {
		t.faultAt(sub(path, "records"), "mapping-pointer", "found", declare.Excerpt(m.Records))
	}
	t.checkRegexp(m.Footer, sub(path, "footer"))
	if u := m.Unpivot; u != nil {
		if re := t.checkRegexp(u.Columns, sub(path, "unpivot", "columns")); re != nil {
			if !slices.ContainsFunc(re.SubexpNames(), func(s string) bool { return s != "" }) {
				t.faultAt(sub(path, "unpivot", "columns"), "mapping-groups")
			}
		}
	}
	for field, fm := range m.Map {
		at := sub(path, "map", field)
		if d != nil {
			t.one(d, field, at)
		}
		t.checkFieldMap(&fm, at, m)
	}
	for i, s := range m.Skip {
		if s != "" {
			t.condition(s, sub(path, "skip", i), nil)
		}
	}
	for i := range m.Flags {
		t.checkFlag(m, i, sub(path, "flags", i), d, layout)
	}
}

func (t *tree) checkFlag(m *Mapping, i int, path []any, d *Dataset, layout cql2.Schema) {
	f := &m.Flags[i]
	if f.Name != "" && slices.ContainsFunc(m.Flags[:i], func(g Flag) bool { return g.Name == f.Name }) {
		t.faultAt(sub(path, "name"), "declaration-twice", "name", f.Name)
	}
	if f.Where != "" {
		t.condition(f.Where, sub(path, "where"), layout)
	}
	if d == nil {
		return
	}
	if f.Field != "" {
		t.one(d, f.Field, sub(path, "field"), String, List)
	}
	if len(f.Clear) > 0 {
		t.named(d, f.Clear, sub(path, "clear"), func(c *Field, at []any) {
			if c.Constraints.Required {
				t.faultAt(at, "mapping-clear-required", "name", c.Name)
			}
		})
	}
}

func (t *tree) checkRegexp(s string, path []any) *regexp.Regexp {
	if s == "" {
		return nil
	}
	re, err := regexp.Compile(s)
	if err != nil {
		t.faultAt(path, "declaration-pattern", "detail", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil
	}
	return re
}

var (
	templateHole = regexp.MustCompile(`\{([^{}:]+)(?::0?[1-9][0-9]?)?\}`)
	patternRuns  = regexp.MustCompile(`'[^']*'|[A-Za-z]+`)
	patternUnits = [...]string{"yyyy", "yy", "MMMM", "MMM", "MM", "M", "dd", "d", "HH", "H", "hh", "h", "mm", "m", "ss", "s", "S", "SSS", "SSSSSS", "a", "E", "EEEE", "X", "XXX"}
)

func (t *tree) checkFieldMap(f *FieldMap, path []any, m *Mapping) {
	ways := 0
	for _, set := range [...]bool{f.Column != "", len(f.Columns) > 0, f.Const != nil} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		t.faultAt(path, "mapping-ways")
	}
	if f.Join != "" && f.Template != "" {
		t.faultAt(sub(path, "join"), "mapping-ways")
	}
	if f.Template != "" {
		bare := strings.ReplaceAll(f.Template, "{{", "")
		holes := templateHole.FindAllStringSubmatch(bare, -1)
		if rest := templateHole.ReplaceAllString(bare, ""); len(holes) == 0 || strings.ContainsAny(rest, "{}") {
			t.faultAt(sub(path, "template"), "mapping-template", "found", declare.Excerpt(f.Template))
		}
		for _, h := range holes {
			if len(f.Columns) > 0 && !slices.Contains(f.Columns, h[1]) {
				n := t.at(sub(path, "template")...)
				t.Unknown("mapping-hole", pathText(sub(path, "template")), h[1], f.Columns, n.Line, n.Col)
			}
		}
	}
	if f.Codes != "" {
		if _, ok := m.Codes[f.Codes]; !ok {
			known := make([]string, 0, len(m.Codes))
			for k := range m.Codes {
				known = append(known, k)
			}
			slices.Sort(known)
			n := t.at(sub(path, "codes")...)
			t.Unknown("mapping-codes", pathText(sub(path, "codes")), f.Codes, known, n.Line, n.Col)
		}
	}
	if f.Zone != "" {
		if _, err := time.LoadLocation(f.Zone); err != nil || f.Zone == "Local" {
			t.faultAt(sub(path, "zone"), "mapping-zone", "found", declare.Excerpt(f.Zone))
		}
	}
	for _, run := range patternRuns.FindAllString(f.Pattern, -1) {
		if run[0] == '\'' {
			continue
		}
		for run != "" {
			n := 1
			for n < len(run) && run[n] == run[0] {
				n++
			}
			if !slices.Contains(patternUnits[:], run[:n]) {
				t.faultAt(sub(path, "pattern"), "mapping-date-pattern", "found", declare.Excerpt(run[:n]), "allowed", strings.Join(patternUnits[:], " "))
			}
			run = run[n:]
		}
	}
	if strings.Count(f.Pattern, "'")%2 == 1 {
		t.faultAt(sub(path, "pattern"), "mapping-date-pattern", "found", "'", "allowed", strings.Join(patternUnits[:], " "))
	}
	t.checkRegexp(f.Strip, sub(path, "strip"))
	for _, c := range [...]struct{ key, text string }{{"decimalChar", f.DecimalChar}, {"groupChar", f.GroupChar}} {
		if c.text != "" && utf8.RuneCountInString(c.text) != 1 {
			t.faultAt(sub(path, c.key), "declaration-one-character", "found", declare.Excerpt(c.text))
		}
	}
	if f.Of != "" && f.CRS == "" {
		t.faultAt(path, "declaration-missing", "key", "crs")
	}
}
