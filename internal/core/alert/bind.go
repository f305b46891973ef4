package alert

import (
	"regexp"
	"slices"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Reference is where a threshold or a word stands in a record that this one names.
type Reference struct {
	Via     int    // column of the foreign key
	Dataset string // referred to, by its whole primary key
	Field   string
}

// Bound is a rule on the table of its dataset.
type Bound struct {
	*Rule
	Table   *dataset.Table
	Subject []int // columns that name the subject
	Time    int   // column of the event's time, or -1
	Series  bool

	filter, value cql2.Expr
	when          [4]cql2.Expr
	At            [4]float64    // threshold of each level
	Refs          [4]*Reference // where it is looked up instead
	Words         map[string]*Reference
}

// Check reads a file and holds it against the declarations that it names. find
// returns nil for an unknown dataset. It is how a definition of this kind is
// refused: every fault at its line and column.
func Check(file string, text []byte, find func(string) *dataset.Dataset) error {
	f, t := parse(file, text)
	list := t.Root.Get("alerts")
	for i, r := range f.Rules {
		if r.Kind == "" || r.Kind == Indicator {
			continue
		}
		n := list.Items[i]
		d := find(r.Dataset)
		if d == nil {
			if at := n.Get("dataset"); at != nil {
				t.Fault(at, "alerts.dataset", "alert-dataset", "dataset", declare.Excerpt(r.Dataset))
			}
			continue
		}
		t.bind(r, d, n, find)
	}
	return t.Err("alert-invalid")
}

// bind reports what of a rule does not fit its dataset.
func (t *reader) bind(r *Rule, d *dataset.Dataset, n *declare.Node, find func(string) *dataset.Dataset) {
	table, err := dataset.Layout(d, nil)
	if err != nil {
		t.Fault(n, "alerts", "alert-dataset", "dataset", r.Dataset)
		return
	}
	b, faults := Bind(r, d, table)
	for _, f := range faults {
		at := n
		for _, key := range f.path {
			if next := at.Get(key); next != nil {
				at = next
			}
		}
		if f.err != nil {
			t.located(at, strings.Join(f.path, "."), f.err)
			continue
		}
		t.Add(f.what, at.Line, at.Col)
	}
	refs := map[string]*Reference{}
	for s, ref := range b.Refs {
		if ref != nil {
			refs["levels."+Severity(s).String()] = ref
		}
	}
	for word, ref := range b.Words {
		if ref.Dataset != "" {
			refs["title {"+word+"}"] = ref
		}
	}
	for where, ref := range refs {
		other := find(ref.Dataset)
		if other == nil {
			continue // the dataset's own check tells it
		}
		field, ok := other.Field(ref.Field)
		switch {
		case !ok:
			t.Fault(n, where, "alert-field", "field", ref.Field, "dataset", ref.Dataset)
		case secretive(other, field):
			t.Fault(n, where, "alert-personal", "field", ref.Field)
		case strings.HasPrefix(where, "levels.") && field.Type != dataset.Number && field.Type != dataset.Integer:
			t.Fault(n, where, "alert-field-number", "field", ref.Field, "dataset", ref.Dataset)
		}
	}
}

// secretive tells that a field must not be quoted in a message.
func secretive(d *dataset.Dataset, f *dataset.Field) bool {
	return max(d.Classification.Rank(), f.Classification.Rank()*btoi(f.Classification != "")) >= dataset.Personal.Rank()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

type misfit struct {
	path []string
	what problem.Violation
	err  error
}

var placeholder = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_.]*)\}`)

// said are the placeholders that every rule knows.
func said() []string {
	return []string{"subject", "value", "threshold", "unit", "severity", "area"}
}

// Bind fits a rule to a table. What does not fit is returned; a rule with faults
// is not to be used.
func Bind(r *Rule, d *dataset.Dataset, t *dataset.Table) (*Bound, []misfit) {
	b := &Bound{Rule: r, Table: t, Time: t.Time, Series: d.Kind == dataset.Series, Words: map[string]*Reference{}}
	var faults []misfit
	miss := func(path []string, code string, kv ...any) {
		faults = append(faults, misfit{path: path, what: problem.Violate(code, strings.Join(path, "."), kv...)})
	}
	if len(r.Subject) == 0 {
		for _, k := range t.Key {
			if k != t.Time || len(t.Key) == 1 {
				b.Subject = append(b.Subject, k)
			}
		}
	}
	for _, name := range r.Subject {
		c, _, _, ok := t.Property(name)
		if !ok {
			miss([]string{"subject"}, "alert-field", "field", declare.Excerpt(name), "dataset", d.Name)
			continue
		}
		if t.Columns[c].Personal {
			miss([]string{"subject"}, "alert-personal", "field", name)
		}
		b.Subject = append(b.Subject, c)
	}
	if r.Kind != OnRecord && t.Time < 0 {
		miss([]string{"dataset"}, "alert-no-time", "dataset", d.Name)
	}
	var err error
	if b.filter, err = cql2.Bind(r.filter, t); err != nil {
		faults = append(faults, misfit{path: []string{"filter"}, err: err})
	}
	if r.value != nil {
		e, err := cql2.Bind(r.value, t)
		if err != nil {
			faults = append(faults, misfit{path: []string{"value"}, err: err})
		} else if c, ok := e.(*cql2.Call); ok && len(c.Args) == 2 {
			b.value = c.Args[0]
		}
	}
	for i := range r.Levels {
		l := &r.Levels[i]
		path := []string{"levels", l.Severity.String(), "at"}
		if b.when[l.Severity], err = cql2.Bind(l.when, t); err != nil {
			faults = append(faults, misfit{path: path, err: err})
		}
		b.At[l.Severity] = l.At
		if l.Field != "" {
			ref := reference(d, t, l.Via, l.Field)
			if ref == nil {
				miss(path, "alert-reference", "field", l.Via)
			}
			b.Refs[l.Severity] = ref
		}
	}
	for key, words := range map[string]declare.Words{"title": r.Title, "advice": r.Advice} {
		for lang, text := range words {
			for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
				b.word(m[1], d, func(code string, kv ...any) { miss([]string{key, lang}, code, kv...) })
			}
		}
	}
	return b, faults
}

// word resolves a placeholder.
func (b *Bound) word(name string, d *dataset.Dataset, miss func(code string, kv ...any)) {
	if slices.Contains(said(), name) || b.Words[name] != nil {
		return
	}
	if via, field, dotted := strings.Cut(name, "."); dotted {
		if ref := reference(d, b.Table, via, field); ref != nil {
			b.Words[name] = ref
		} else {
			miss("alert-reference", "field", via)
		}
		return
	}
	f, ok := d.Field(name)
	c, _, _, _ := b.Table.Property(name)
	switch {
	case !ok:
		miss("alert-placeholder", "word", declare.Excerpt(name))
	case secretive(d, f):
		miss("alert-personal", "field", name)
	default:
		b.Words[name] = &Reference{Via: c}
	}
}

// reference finds the dataset that a foreign-key field of its own names.
func reference(d *dataset.Dataset, t *dataset.Table, via, field string) *Reference {
	for _, k := range d.Schema.ForeignKeys {
		if len(k.Fields) == 1 && k.Fields[0] == via {
			if c, _, _, ok := t.Property(via); ok && k.Reference.Resource != "" {
				return &Reference{Via: c, Dataset: k.Reference.Resource, Field: field}
			}
		}
	}
	return nil
}

// Sees tells whether the rule looks at a row.
func (b *Bound) Sees(row []value.Value) bool { return cql2.Matches(b.filter, row) }

// Number is the value that the rule watches; ok is false where there is none.
func (b *Bound) Number(row []value.Value) (float64, bool) {
	if b.value == nil {
		return 0, b.Measure == "count"
	}
	return cql2.Eval(b.value, row, nil).Number()
}

// Matched judges a row by the expressions of a rule on records.
func (b *Bound) Matched(row []value.Value) Judgement {
	var j Judgement
	for s := Low; s <= High; s++ {
		switch e := b.when[s]; {
		case e == nil:
		case row != nil && cql2.Matches(e, row):
			j[s] = 1
		default:
			j[s] = -1
		}
	}
	return j
}

// Fill puts words into the places of a text. A word that is not known stays out.
func Fill(text string, word func(name string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string { return word(m[1 : len(m)-1]) })
}
