package alert

import (
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// People are told the words of a code and numbers as their language writes them.
func TestWhatCellsSay(t *testing.T) {
	d := &dataset.Dataset{}
	d.Schema.Fields = []dataset.Field{{Name: "kind", Categories: []dataset.Category{
		{Value: "drainage", Label: dataset.Words{"vi": "Ngập úng, thoát nước", "en": "Drainage"}}, {Value: "x"}}}, {Name: "level"}}
	for _, c := range []struct {
		field  string
		v      value.Value
		vi, en string
	}{
		{"kind", value.OfText("drainage"), "Ngập úng, thoát nước", "Drainage"},
		{"kind", value.OfText("x"), "x", "x"},
		{"kind", value.Value{}, "chưa rõ", "unknown"},
		{"level", value.OfFloat(3.61), "3,61", "3.61"},
		{"other", value.OfText("Kim Long"), "Kim Long", "Kim Long"},
	} {
		if got := said(d, c.field, c.v); got != [2]string{c.vi, c.en} {
			t.Errorf("%s %v: %q", c.field, c.v, got)
		}
	}
}
