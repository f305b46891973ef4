package record

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"testing"
)

// ReadObject takes exactly the bodies that JSONReader takes as one row without
// a fault, and reads the same from them.
func TestReadObject(t *testing.T) {
	s := everything(t)
	bodies := []string{
		`{"id":"a","c_number":1.5e3,"c_list":["x"]}`, " \n{\"id\":\"Hu\\u1EBF Hue\\u0302\\u0301\"}\r\n ", `{"c_geojson":{"type":"Point","coordinates":[1,2]},"id":"x"}`,
		`{"id":"Huế","moment":"2025-07-01T00:00:00.5+07:00","c_duration":"P1DT2H","c_year":-44}`, `{"id":"a","c_any":{"b":[1,{}]}}`,
		"", " ", "[]", `[{"id":"a"}]`, `{"id":"a"}{"id":"b"}`, `{"id":"a"} x`, `{"id":"a"`, `{"id":"a","id":"b"}`, `{"id":"a","nothing":1}`, `{"id":"a","_area":"x"}`,
		`{"id":null}`, `{}`, `{"id":"a","c_number":"x"}`, `{"id":"a\x"}`, "{\"id\":\"\xff\"}", `{"id":"a",}`, `null`, `{"id":"a","c_year":99999}`,
	}
	taken := 0
	var wait sync.WaitGroup
	for _, body := range bodies {
		batch := NewBatch(s)
		faults, err := NewJSONReader(bytes.NewReader([]byte(body)), s, Limits{}).Next(batch, 10)
		one := err == io.EOF && len(faults) == 0 && batch.Len() == 1 && body[0] != '['
		if one {
			taken++
		}
		for range 4 {
			wait.Go(func() {
				b := []byte(body)
				row, ok := s.ReadObject(b)
				clear(b)
				if ok != one {
					t.Errorf("%q is taken: %v, want %v", body, ok, one)
				} else if ok && !slices.Equal(row, batch.Row(0)) {
					t.Errorf("%q gives %v, want %v", body, row, batch.Row(0))
				}
			})
		}
	}
	wait.Wait()
	if taken != 5 {
		t.Errorf("%d bodies are taken, want 5", taken)
	}
}
