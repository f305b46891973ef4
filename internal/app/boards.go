package app

import (
	"slices"

	"huong.city/huong/internal/core/dashboard"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/repo"
)

// checkBoard reads a board as the repository does: the datasets that it names
// must be declared. Its indicators and the boards that it leads to may come in
// the same commit, so they are checked by those who see all of them.
func checkBoard(file string, text []byte, find func(string) *dataset.Dataset) error {
	_, err := dashboard.Check(file, text, dashboard.Known{Dataset: find})
	return err
}

// checkBoard reads a board with all that this folder and the city define.
func (c *City) checkBoard(r *repo.Repository, f definitionFile, find func(string) *dataset.Dataset) error {
	indicators := map[string]*indicator.Definition{}
	var boards []string
	see := func(kind, name, text string) {
		switch kind {
		case "dashboard":
			boards = append(boards, name)
		case "indicator":
			file, err := indicator.Parse(name, []byte(text))
			if err != nil {
				return // told where it is read itself
			}
			for _, d := range file.Definitions {
				if indicators[d.Name] == nil { // the folder's before the city's
					indicators[d.Name] = d
				}
			}
		}
	}
	for _, d := range c.definitions {
		see(d.kind, d.name, d.text)
	}
	for _, kind := range []string{"dashboard", "indicator"} {
		for _, d := range r.Definitions(kind) {
			see(kind, d.Name, d.Text)
		}
	}
	_, err := dashboard.Check(f.path, []byte(f.text), dashboard.Known{
		Dataset:   find,
		Indicator: func(name string) bool { return indicators[name] != nil },
		Splits: func(name string) (by []string, adds, ok bool) {
			d := indicators[name]
			if d == nil {
				return nil, false, false
			}
			return d.By, d.Scales(), true
		},
		Board: func(name string) bool { return slices.Contains(boards, name) },
	})
	return err
}
