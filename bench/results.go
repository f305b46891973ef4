package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

// results is everything measured so far, kept as JSON beside the report, so that
// one part can be measured anew without the others. The report is rendered from
// it alone.
type results struct {
	Parts []part `json:"parts"`
}

// part is what one run of one item measured on one store, and under what.
type part struct {
	Item     string    `json:"item"`
	Store    string    `json:"store,omitempty"` // empty for items that have none
	Measured time.Time `json:"measured"`        // when it began
	Seconds  float64   `json:"seconds"`         // how long it took
	Load     string    `json:"load"`            // load averages of 1, 5 and 15 minutes when it began
	Machine  string    `json:"machine"`
	Go       string    `json:"go"`
	Settings string    `json:"settings"`
	Tables   []*table  `json:"tables"`
}

// table is one table of the report.
type table struct {
	Title   string   `json:"title"`
	Note    string   `json:"note"`
	Columns []string `json:"columns"`
	Rows    []row    `json:"rows"`
}

// row is one row of a table: the cells as the report shows them and, where they
// are medians, what was measured turn by turn, by column.
type row struct {
	Cells []string             `json:"cells"`
	Turns map[string][]float64 `json:"turns,omitempty"`
}

// readResults reads what was measured before; nothing when there is no file.
func readResults(path string) (results, error) {
	var r results
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	return r, err
}

// put replaces what was measured before of the same item on the same store.
func (r *results) put(p part) {
	i := slices.IndexFunc(r.Parts, func(old part) bool { return old.Item == p.Item && old.Store == p.Store })
	if i < 0 {
		r.Parts = append(r.Parts, p)
		return
	}
	r.Parts[i] = p
}

func (r *results) write(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
